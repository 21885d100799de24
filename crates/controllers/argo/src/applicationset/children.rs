//! Writing a set's Applications.

use super::ApplicationSetController;
use super::reconcile::{Plan, options};
use crate::resources::applications;
use argosy_object::{Object, Value};
use argosy_ports::{ApiError, ApiErrorKind, DeleteOptions, Propagation};
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::{self, StreamExt as _};

/// How many Applications are written at a time.
const PARALLEL: usize = 16;

impl ApplicationSetController {
    /// Carries out a plan. One Application that is refused does not stop the others; the
    /// sentences of those that failed come back.
    pub(crate) async fn write_children(&self, set: &Object, plan: &Plan) -> Vec<String> {
        let creates = plan.create.iter().map(Write::Create);
        let updates = plan
            .update
            .iter()
            .map(|(live, patch)| Write::Update(live, patch));
        let deletes = plan.delete.iter().map(Write::Delete);
        let writes: Vec<Write<'_>> = creates.chain(updates).chain(deletes).collect();
        let writes: Vec<BoxFuture<'_, Option<String>>> = writes
            .into_iter()
            .map(|write| {
                async move {
                    self.write(&write)
                        .await
                        .err()
                        .map(|error| write.sentence(&error))
                }
                .boxed()
            })
            .collect();
        let outcomes: Vec<_> = stream::iter(writes)
            .buffer_unordered(PARALLEL)
            .collect()
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
                self.hub.store.note(&made, super::NAME);
            }
            Write::Update(live, patch) => self.patch_child(live, (*patch).clone()).await?,
            Write::Delete(live) => {
                let delete = DeleteOptions {
                    propagation: Propagation::Background,
                    uid: Some(live.uid().into()),
                    resource_version: None,
                };
                match api
                    .delete(&resource, live.namespace(), live.name(), &delete)
                    .await
                {
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
    Update(&'a Object, &'a Value),
    Delete(&'a Object),
}

impl Write<'_> {
    fn sentence(&self, error: &ApiError) -> String {
        let (verb, name) = match self {
            Self::Create(wanted) => ("created", wanted.name()),
            Self::Update(live, _) => ("updated", live.name()),
            Self::Delete(live) => ("deleted", live.name()),
        };
        format!("Application {name} is not {verb}: {error}")
    }
}
