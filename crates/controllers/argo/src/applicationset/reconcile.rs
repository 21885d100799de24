//! One reconcile of one ApplicationSet: generate, compare with the children, write, report.

use super::ApplicationSetController;
use super::inputs::InputError;
use super::owner;
use crate::resources::{application_sets, applications};
use argosy_crds::names;
use argosy_frame::{EventKind, Reconciler, Verdict};
use argosy_generate::{Settings, plan_children};
use argosy_object::{Class, Classified as _, Key, Object, json};
use argosy_ports::{ApiErrorKind, PatchBody, WriteOptions};
use async_trait::async_trait;

#[async_trait]
impl Reconciler for ApplicationSetController {
    async fn reconcile(&self, key: &Key) -> Verdict {
        let Some(set) = self.hub.store.get(key) else {
            self.follows.forget(key);
            return Verdict::done();
        };
        if set.is_deleting() {
            return self.delete(&set).await;
        }
        let outcome = match self.generate(key, &set).await {
            Ok(outcome) => outcome,
            Err(error) => return self.failed(&set, &error).await,
        };
        let existing: Vec<Object> = self
            .hub
            .store
            .list(names::ARGO_GROUP, "Application")
            .into_iter()
            .filter(|application| application.namespace() == set.namespace())
            .collect();
        let plan = plan_children(&set, &outcome, &existing, &Settings::default());
        let mut errors = outcome.errors.clone();
        errors.extend(plan.refused.iter().cloned());
        self.announce(&set, &plan, &existing);
        errors.extend(self.write_children(&set, plan).await);
        self.end_refresh(&set).await;
        let written = self.report(&set, &errors, outcome.applications.len()).await;
        match (written, outcome.requeue_after) {
            (Err(class), _) => Verdict::failed(class),
            (Ok(()), Some(after)) => Verdict::again(after),
            (Ok(()), None) => Verdict::done(),
        }
    }
}

impl ApplicationSetController {
    /// Nothing is made, changed or deleted: what could not be generated is not known.
    async fn failed(&self, set: &Object, error: &InputError) -> Verdict {
        let sentence = match error.hint() {
            Some(hint) => format!("{error} ({hint})"),
            None => error.to_string(),
        };
        self.end_refresh(set).await;
        match self.report_failure(set, &sentence).await {
            Ok(()) => Verdict::failed(error.class()),
            Err(class) => Verdict::failed(class),
        }
    }

    /// Tells before anything happens: what is taken over, and how many are deleted.
    fn announce(&self, set: &Object, plan: &argosy_generate::ChildPlan, existing: &[Object]) {
        for name in &plan.adopted {
            let message = format!("Application {name} had no owner and is taken over");
            self.hub.events.record(set, EventKind::Normal, "Adopted", &message);
        }
        for sentence in &plan.refused {
            self.hub.events.record(set, EventKind::Warning, "NotOwned", sentence);
        }
        if !plan.delete.is_empty() {
            let own = existing.iter().filter(|one| owner(one) == Some(set.name())).count();
            let names: Vec<&str> = plan.delete.iter().map(Object::name).take(10).collect();
            let more = if plan.delete.len() > names.len() { ", …" } else { "" };
            let message = format!(
                "will delete {} of {own} Applications: {}{more}",
                plan.delete.len(),
                names.join(", ")
            );
            self.hub.events.record(set, EventKind::Normal, "Deleting", &message);
        }
    }

    /// The refresh annotation is taken off once it has been followed.
    async fn end_refresh(&self, set: &Object) {
        if set.annotation(names::SET_REFRESH).is_none() {
            return;
        }
        let patch =
            PatchBody::Merge(json!({"metadata": {"annotations": {names::SET_REFRESH: null}}}));
        let api = &self.hub.ports.api;
        let written = api
            .patch(&application_sets(), set.namespace(), set.name(), &patch, &options())
            .await;
        if let Err(error) = written {
            tracing::debug!(set = set.name(), %error, "refresh annotation stays");
        }
    }

    /// With a policy that does not delete, children lose their owner first, so that garbage
    /// collection leaves them; then the set's finalizer goes.
    async fn delete(&self, set: &Object) -> Verdict {
        if !set.finalizers().any(|f| f == names::RESOURCES_FINALIZER) {
            return Verdict::done();
        }
        let policy = set
            .pointer("/spec/syncPolicy/applicationsSync")
            .and_then(argosy_object::Value::as_str)
            .unwrap_or("sync");
        if matches!(policy, "create-only" | "create-update") {
            for child in self.hub.store.list(names::ARGO_GROUP, "Application") {
                if owner(&child) == Some(set.name())
                    && child.namespace() == set.namespace()
                    && let Err(error) = self.disown(&child).await
                {
                    return Verdict::failed(error.class());
                }
            }
        }
        let rest: Vec<&str> =
            set.finalizers().filter(|f| *f != names::RESOURCES_FINALIZER).collect();
        let patch = PatchBody::Merge(json!({"metadata": {"finalizers": rest}}));
        let api = &self.hub.ports.api;
        match api.patch(&application_sets(), set.namespace(), set.name(), &patch, &options()).await {
            Ok(_) => Verdict::done(),
            Err(error) if error.kind == ApiErrorKind::NotFound => Verdict::done(),
            Err(_) => Verdict::failed(Class::Transient),
        }
    }

    async fn disown(&self, child: &Object) -> Result<(), argosy_ports::ApiError> {
        let patch = PatchBody::Merge(json!({"metadata": {"ownerReferences": null}}));
        let api = &self.hub.ports.api;
        api.patch(&applications(), child.namespace(), child.name(), &patch, &options())
            .await
            .map(|_| ())
    }
}

pub(crate) fn options() -> WriteOptions {
    WriteOptions { manager: Some("argocd-applicationset-controller".into()), ..WriteOptions::default() }
}
