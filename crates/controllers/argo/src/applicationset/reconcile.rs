//! One reconcile of one ApplicationSet: generate, compare with the children, write, report.

use super::ApplicationSetController;
use super::inputs::InputError;
use super::owner;
use crate::resources::{application_sets, applications};
use argosy_crds::names;
use argosy_frame::{EventKind, Reconciler, Verdict};
use argosy_generate::{
    Decision, Facts, IgnoreRules, Policy, Preserved, decide, deletions, release,
    requeue_after_seconds, validate,
};
use argosy_object::{Class, Classified as _, Key, Object, Value, json};
use argosy_ports::{ApiError, ApiErrorKind, PatchBody, WriteOptions};
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::time::Duration;

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
        let plan = match self.plan(key, &set).await {
            Ok(plan) => plan,
            Err(error) => return self.failed(&set, &error).await,
        };
        let mut errors = plan.errors.clone();
        self.announce(&set, &plan);
        errors.extend(self.write_children(&set, &plan).await);
        self.end_refresh(&set).await;
        let written = self.report(&set, &errors).await;
        match (written, requeue_after_seconds(&set)) {
            (Err(class), _) => Verdict::failed(class),
            (Ok(()), Some(seconds)) => Verdict::again(Duration::from_secs(seconds)),
            (Ok(()), None) => Verdict::done(),
        }
    }
}

/// What becomes of a set's Applications.
#[derive(Default)]
pub(crate) struct Plan {
    pub(crate) create: Vec<Object>,
    /// Live Application and merge patch.
    pub(crate) update: Vec<(Object, Value)>,
    pub(crate) delete: Vec<Object>,
    /// How many Applications the set owns now.
    owned: usize,
    adopted: Vec<String>,
    /// Applications that are left out, and why.
    errors: Vec<String>,
}

impl ApplicationSetController {
    /// generate, validate, decide: what is created, changed and deleted.
    async fn plan(&self, key: &Key, set: &Object) -> Result<Plan, InputError> {
        let generation = self.generate(key, set).await?;
        let ignore = IgnoreRules::of(set)?;
        let policy = Policy::of(set, Policy::Sync, true);
        let projects: BTreeSet<String> = self
            .hub
            .store
            .keys(names::ARGO_GROUP, "AppProject")
            .iter()
            .map(|project| project.name.to_string())
            .collect();
        let clusters = self.clusters();
        let facts = Facts {
            projects: &projects,
            clusters: &clusters,
        };
        let invalid = validate(set.name(), &generation.apps, facts);
        let live: Vec<Object> = self
            .hub
            .store
            .list(names::ARGO_GROUP, "Application")
            .into_iter()
            .filter(|application| application.namespace() == set.namespace())
            .collect();
        let mut plan = Plan {
            owned: live
                .iter()
                .filter(|one| owner(one) == Some(set.name()))
                .count(),
            errors: invalid.message().into_iter().collect(),
            ..Plan::default()
        };
        let mut generated_names = BTreeSet::new();
        for generated in &generation.apps {
            let mut application = generated.app.clone();
            application.set_namespace(set.namespace());
            let name = application.name().to_owned();
            generated_names.insert(name.clone());
            if invalid.contains(&name) {
                continue;
            }
            let there = live.iter().find(|one| one.name() == name);
            let preserved = Preserved::default();
            match decide(set, &application, there, policy, &ignore, &preserved) {
                Decision::Create(application) => plan.create.push(application),
                Decision::Update { patch, adopts } => {
                    if adopts {
                        plan.adopted.push(name);
                    }
                    plan.update.extend(there.map(|live| (live.clone(), patch)));
                }
                Decision::Unchanged | Decision::Kept => {}
                Decision::Foreign { message } => plan.errors.push(message),
            }
        }
        plan.delete = deletions(set, &generated_names, &live, policy)
            .into_iter()
            .cloned()
            .collect();
        Ok(plan)
    }

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
    fn announce(&self, set: &Object, plan: &Plan) {
        for name in &plan.adopted {
            let message = format!("Application {name} had no owner and is taken over");
            self.hub
                .events
                .record(set, EventKind::Normal, "Adopted", &message);
        }
        if !plan.delete.is_empty() {
            let names: Vec<&str> = plan.delete.iter().map(Object::name).take(10).collect();
            let more = if plan.delete.len() > names.len() {
                ", …"
            } else {
                ""
            };
            let message = format!(
                "will delete {} of {} Applications: {}{more}",
                plan.delete.len(),
                plan.owned,
                names.join(", ")
            );
            self.hub
                .events
                .record(set, EventKind::Normal, "Deleting", &message);
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
            .patch(
                &application_sets(),
                set.namespace(),
                set.name(),
                &patch,
                &options(),
            )
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
        if !Policy::of(set, Policy::Sync, true).allows_delete() {
            for child in self.hub.store.list(names::ARGO_GROUP, "Application") {
                if child.namespace() == set.namespace()
                    && let Some(patch) = release(set, &child)
                    && let Err(error) = self.patch_child(&child, patch).await
                {
                    return Verdict::failed(error.class());
                }
            }
        }
        let rest: Vec<&str> = set
            .finalizers()
            .filter(|f| *f != names::RESOURCES_FINALIZER)
            .collect();
        let patch = PatchBody::Merge(json!({"metadata": {"finalizers": rest}}));
        let api = &self.hub.ports.api;
        match api
            .patch(
                &application_sets(),
                set.namespace(),
                set.name(),
                &patch,
                &options(),
            )
            .await
        {
            Ok(_) => Verdict::done(),
            Err(error) if error.kind == ApiErrorKind::NotFound => Verdict::done(),
            Err(_) => Verdict::failed(Class::Transient),
        }
    }

    pub(crate) async fn patch_child(&self, child: &Object, patch: Value) -> Result<(), ApiError> {
        let body = PatchBody::Merge(patch);
        let api = &self.hub.ports.api;
        let now = api
            .patch(
                &applications(),
                child.namespace(),
                child.name(),
                &body,
                &options(),
            )
            .await?;
        self.hub.store.note(&now, super::NAME);
        Ok(())
    }
}

pub(crate) fn options() -> WriteOptions {
    WriteOptions {
        manager: Some("argocd-applicationset-controller".into()),
        ..WriteOptions::default()
    }
}
