//! Deleting an Application, with or without what it manages.

use super::ApplicationController;
use super::instance_name;
use super::reconcile::is_ours;
use argosy_crds::{ApplicationSpec, ApplicationStatus, condition, names};
use argosy_frame::{EventKind, Verdict};
use argosy_object::{Class, Classified as _, Key, Object, json};
use argosy_pipeline::{DeleteOutcome, Report, delete_all, live, live_want};
use argosy_ports::{ApiError, ApiErrorKind, PatchBody, Propagation, WriteOptions};
use argosy_sync::TrackingId;
use std::time::Duration;

impl ApplicationController {
    /// Cascades, one reverse wave at a time, and takes the finalizer off when nothing is left.
    ///
    /// Nothing is taken for gone because it could not be read: where the cluster does not
    /// answer, the Application waits with a `DeletionError`. Where the cluster's Secret itself
    /// is gone, there is nothing to reach, and the Application goes alone.
    pub(crate) async fn delete(&self, key: &Key, application: &Object) -> Verdict {
        let record = self.records.of(key);
        record.terminate();
        if record.is_running() {
            return Verdict::again(Duration::from_millis(200));
        }
        let Ok(spec) = ApplicationSpec::of(application) else {
            return self.release(application).await;
        };
        let Ok(destination) = self.hub.destinations.resolve(&spec.destination) else {
            self.hub.events.record(
                application,
                EventKind::Warning,
                "DeletionSkipped",
                "the destination cluster is not configured any more; its objects are left alone",
            );
            return self.release(application).await;
        };
        let Some(_inside) = self.gate.enter(&destination.server, key) else {
            return Verdict::done();
        };
        match self.cascade(key, application, &destination.server).await {
            Ok(DeleteOutcome::Done) => self.release(application).await,
            Ok(DeleteOutcome::Waiting(_)) => Verdict::again(Duration::from_millis(500)),
            Err(error) => self.report_failure(application, &error).await,
        }
    }

    async fn cascade(
        &self,
        key: &Key,
        application: &Object,
        server: &str,
    ) -> Result<DeleteOutcome, ApiError> {
        let instance = instance_name(key, &self.hub.ports.namespace);
        let cluster = self.hub.ports.clusters.by_server(server).await?;
        self.listen(&cluster);
        let status = ApplicationStatus::of(application).unwrap_or_default();
        let want = live_want(&instance, &[], &status.resources);
        let found = live(&*cluster, &want).await;
        let mut all = found
            .map_err(|error| ApiError::new(ApiErrorKind::Unreachable, error.to_string()))?
            .objects;
        all.retain(|_, object| TrackingId::of(object).is_some_and(|id| id.instance == instance));
        delete_all(&*cluster, &all, propagation(application)).await
    }

    async fn report_failure(&self, application: &Object, error: &ApiError) -> Verdict {
        let status = ApplicationStatus::of(application).unwrap_or_default();
        let mut report = Report::new(status, self.hub.ports.clock.now());
        report.condition(condition::DELETION_ERROR, error.to_string());
        if let Err(error) = self.store(&application.key(), application, report).await {
            tracing::debug!(%error, "deletion error is not written");
        }
        let class = match error.class() {
            // A credential may be given back, and a refusal lifted, without any change here.
            Class::Denied | Class::Stalled => Class::Waiting,
            other => other,
        };
        Verdict::failed(class)
    }

    /// Takes our finalizers off.
    async fn release(&self, application: &Object) -> Verdict {
        let rest: Vec<&str> = application.finalizers().filter(|f| !is_ours(f)).collect();
        let patch = PatchBody::Merge(json!({"metadata": {
            "finalizers": rest,
            "resourceVersion": application.resource_version(),
        }}));
        let options = WriteOptions {
            manager: Some(names::FIELD_MANAGER.into()),
            ..WriteOptions::default()
        };
        let resource = crate::resources::applications();
        let written = self
            .hub
            .ports
            .api
            .patch(
                &resource,
                application.namespace(),
                application.name(),
                &patch,
                &options,
            )
            .await;
        match written {
            Ok(_) => Verdict::done(),
            Err(error) if error.kind == ApiErrorKind::NotFound => Verdict::done(),
            Err(_) => Verdict::failed(Class::Transient),
        }
    }
}

fn propagation(application: &Object) -> Propagation {
    let is_background = application
        .finalizers()
        .any(|f| f == format!("{}/background", names::RESOURCES_FINALIZER));
    if is_background {
        Propagation::Background
    } else {
        Propagation::Foreground
    }
}
