//! Operations, counted as they end.

use argosy_crds::{ApplicationSpec, ApplicationStatus};
use argosy_frame::HubStore;
use argosy_object::{Key, Object};
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::broadcast::error::RecvError;

/// What an operation is counted under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Sync {
    pub(super) namespace: String,
    pub(super) name: String,
    pub(super) project: String,
    pub(super) dest_server: String,
    pub(super) phase: String,
    pub(super) dry_run: bool,
}

/// Counts of operations that have ended since the start.
#[derive(Clone, Debug, Default)]
pub(super) struct Syncs {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    counts: BTreeMap<Sync, u64>,
    /// When the last operation of each Application that was counted, or was there before, began.
    seen: HashMap<Key, String>,
}

impl Syncs {
    /// What was counted so far.
    pub(super) fn all(&self) -> BTreeMap<Sync, u64> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .counts
            .clone()
    }

    /// Counts, as the hub's Applications change. What had ended before is not counted.
    pub(super) async fn follow(self, store: Arc<HubStore>) {
        let mut changes = store.changes();
        for application in store.list(argosy_crds::names::ARGO_GROUP, "Application") {
            self.look(&application, false);
        }
        loop {
            match changes.recv().await {
                Ok(change) if &*change.key.kind != "Application" => {}
                Ok(change) if change.is_deleted => self.forget(&change.key),
                Ok(change) => {
                    if let Some(application) = store.get(&change.key) {
                        self.look(&application, true);
                    }
                }
                Err(RecvError::Lagged(_)) => {
                    for application in store.list(argosy_crds::names::ARGO_GROUP, "Application") {
                        self.look(&application, true);
                    }
                }
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn look(&self, application: &Object, counts: bool) {
        let Ok(status) = ApplicationStatus::of(application) else {
            return;
        };
        let Some(operation) = status.operation_state.filter(|o| o.phase.is_completed()) else {
            return;
        };
        let key = application.key();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.seen.get(&key) == Some(&operation.started_at) {
            return;
        }
        state.seen.insert(key, operation.started_at.clone());
        if !counts {
            return;
        }
        let spec = ApplicationSpec::of(application).unwrap_or_default();
        let sync = operation.operation.sync.unwrap_or_default();
        let counted = Sync {
            namespace: application.namespace().unwrap_or_default().to_owned(),
            name: application.name().to_owned(),
            project: spec.project_name().to_owned(),
            dest_server: spec.destination.server,
            phase: format!("{:?}", operation.phase),
            dry_run: sync.dry_run,
        };
        *state.counts.entry(counted).or_default() += 1;
    }

    /// An Application that is gone is not told of any more.
    fn forget(&self, key: &Key) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.seen.remove(key);
        let namespace = key.namespace.as_deref().unwrap_or_default();
        state
            .counts
            .retain(|sync, _| sync.namespace != namespace || sync.name != *key.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn application(phase: &str, started: &str) -> Object {
        Object::new(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a", "namespace": "argocd"},
            "spec": {"project": "shop", "destination": {"server": "https://a"}},
            "status": {"operationState": {"phase": phase, "startedAt": started,
                "operation": {"sync": {}}}},
        }))
        .unwrap()
    }

    #[test]
    fn operation_counts_once_and_only_when_it_ended() {
        let syncs = Syncs::default();
        syncs.look(&application("Succeeded", "2026-01-01T00:00:00Z"), false);
        syncs.look(&application("Running", "2026-01-02T00:00:00Z"), true);
        assert!(
            syncs.all().is_empty(),
            "the first ended before, the second has not"
        );
        for _ in 0..2 {
            syncs.look(&application("Failed", "2026-01-02T00:00:00Z"), true);
        }
        syncs.look(&application("Failed", "2026-01-03T00:00:00Z"), true);
        let all = syncs.all();
        assert_eq!(all.len(), 1);
        let (sync, count) = all.first_key_value().unwrap();
        assert_eq!(
            (sync.phase.as_str(), sync.project.as_str(), *count),
            ("Failed", "shop", 2)
        );
        syncs.forget(&application("Failed", "").key());
        assert!(syncs.all().is_empty());
    }
}
