//! Storing an operation's state in its Application.

use crate::context::Hub;
use argosy_crds::{ApplicationStatus, OperationState};
use argosy_frame::merge_diff;
use argosy_object::{Key, Object, json};
use argosy_pipeline::{OperationStore, Recorded};
use argosy_ports::{ApiError, ApiErrorKind, PatchBody, WriteOptions};
use async_trait::async_trait;
use std::sync::Arc;

/// How often the state is stored anew where somebody else writes the Application meanwhile.
const TRIES: usize = 5;

/// Stores an operation's state in the Application's status.
pub(super) struct HubOperations {
    pub(super) hub: Arc<Hub>,
    pub(super) key: Key,
    /// Of the Application that the operation is for: another one of its name is not.
    pub(super) uid: String,
}

#[async_trait]
impl OperationStore for HubOperations {
    /// The state takes the place of the last operation's, of which nothing stays: it is worked
    /// out against the stored one, and written only where that is still the same.
    async fn record(&self, state: &OperationState) -> Recorded {
        let mut seen = self.hub.store.get(&self.key);
        for _ in 0..TRIES {
            let application = seen
                .filter(|found| found.uid() == self.uid)
                .ok_or("the Application is gone")?;
            let stored = ApplicationStatus::of(&application).ok();
            match stored.and_then(|status| status.operation_state) {
                // The report that began it said so.
                Some(stored) if stored == *state => return Ok(()),
                Some(stored) if is_over(&stored, state) => {
                    return Err("the operation is over already".into());
                }
                _ => {}
            }
            let writing = self.hub.store.writing(&self.key);
            match self.write(&application, state).await {
                Ok(written) => {
                    writing.done(&written, crate::application::NAME);
                    return Ok(());
                }
                Err(error) if error.kind == ApiErrorKind::Conflict => {}
                Err(error) => return Err(error.to_string()),
            }
            seen = self.fetch().await.map_err(|error| error.to_string())?;
        }
        Err("others keep writing the Application".into())
    }
}

impl HubOperations {
    async fn write(&self, seen: &Object, state: &OperationState) -> Result<Object, ApiError> {
        let mut wanted = seen.value().clone();
        wanted["status"]["operationState"] =
            serde_json::to_value(state).expect("a state is plain data");
        let mut patch = merge_diff(seen.value(), &wanted);
        patch["metadata"] = json!({"resourceVersion": seen.resource_version()});
        let options = WriteOptions {
            manager: Some(argosy_crds::names::FIELD_MANAGER.into()),
            ..WriteOptions::default()
        };
        let resource = crate::resources::applications();
        let (namespace, name) = (self.key.namespace.as_deref(), &*self.key.name);
        let patch = PatchBody::Merge(patch);
        let api = &self.hub.ports.api;
        api.patch(&resource, namespace, name, &patch, &options)
            .await
    }

    async fn fetch(&self) -> Result<Option<Object>, ApiError> {
        let resource = crate::resources::applications();
        let (namespace, name) = (self.key.namespace.as_deref(), &*self.key.name);
        self.hub.ports.api.get(&resource, namespace, name).await
    }
}

/// Whether the stored state says that this very operation has ended.
fn is_over(stored: &OperationState, state: &OperationState) -> bool {
    stored.phase.is_completed()
        && stored.started_at == state.started_at
        && stored.operation == state.operation
}
