//! Writing a set's Applications.

use super::ApplicationSetController;
use super::reconcile::options;
use crate::resources::applications;
use argosy_frame::merge_diff;
use argosy_generate::ChildPlan;
use argosy_object::{Map, Object};
use argosy_ports::{ApiError, ApiErrorKind, DeleteOptions, PatchBody, Propagation};
use futures_util::stream::{self, StreamExt as _};

/// How many Applications are written at a time.
const PARALLEL: usize = 16;

impl ApplicationSetController {
    /// Carries out a plan. One Application that is refused does not stop the others; the
    /// sentences of those that failed come back.
    pub(crate) async fn write_children(&self, set: &Object, plan: ChildPlan) -> Vec<String> {
        let creates = plan.create.iter().map(|wanted| Write::Create(wanted));
        let updates = plan.update.iter().map(|(live, wanted)| Write::Update(live, wanted));
        let deletes = plan.delete.iter().map(Write::Delete);
        let writes: Vec<Write<'_>> = creates.chain(updates).chain(deletes).collect();
        let outcomes = stream::iter(writes.into_iter().map(|write| async move {
            let outcome = self.write(&write).await;
            outcome.err().map(|error| write.sentence(&error))
        }))
        .buffer_unordered(PARALLEL)
        .collect::<Vec<_>>()
        .await;
        let failures: Vec<String> = outcomes.into_iter().flatten().collect();
        for failure in &failures {
            tracing::debug!(set = set.name(), failure, "application is not written");
        }
        failures
    }

    async fn write(&self, write: &Write<'_>) -> Result<(), ApiError> {
        let api = &self.hub.ports.api;
        let resource = applications();
        match write {
            Write::Create(wanted) => {
                let made = api.create(&resource, wanted, &options()).await?;
                self.hub.store.note(&made);
            }
            Write::Update(live, wanted) => {
                let patch = merge_diff(live.value(), wanted.value());
                if patch.as_object().is_none_or(Map::is_empty) {
                    return Ok(());
                }
                let body = PatchBody::Merge(patch);
                let now = api
                    .patch(&resource, live.namespace(), live.name(), &body, &options())
                    .await?;
                self.hub.store.note(&now);
            }
            Write::Delete(live) => {
                let delete = DeleteOptions {
                    propagation: Propagation::Background,
                    uid: Some(live.uid().into()),
                    resource_version: None,
                };
                match api.delete(&resource, live.namespace(), live.name(), &delete).await {
                    Err(error) if error.kind == ApiErrorKind::NotFound => {}
                    other => {
                        other?;
                    }
                }
            }
        }
        Ok(())
    }
}

enum Write<'a> {
    Create(&'a Object),
    Update(&'a Object, &'a Object),
    Delete(&'a Object),
}

impl Write<'_> {
    fn sentence(&self, error: &ApiError) -> String {
        let (verb, name) = match self {
            Self::Create(wanted) => ("created", wanted.name()),
            Self::Update(_, wanted) => ("updated", wanted.name()),
            Self::Delete(live) => ("deleted", live.name()),
        };
        format!("Application {name} is not {verb}: {error}")
    }
}
