//! Which Applications are where they should be, kept up to date by the hub's changes.

use anyhow::bail;
use argosy_frame::{HubChange, HubStore};
use argosy_object::{Key, Object, Value};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Applications and whether each is as a phase wants it.
pub(super) struct Board {
    store: Arc<HubStore>,
    changes: Receiver<HubChange>,
    wanted: usize,
}

impl Board {
    pub(super) fn new(store: Arc<HubStore>, wanted: usize) -> Self {
        Self {
            changes: store.changes(),
            store,
            wanted,
        }
    }

    /// Waits until all Applications are Synced and Healthy with nothing running, at `revision`
    /// where one is given. `tell` hears how many are, ten times a second at most.
    pub(super) async fn until_well(
        &mut self,
        revision: Option<&str>,
        limit: Duration,
        tell: &dyn Fn(usize),
    ) -> anyhow::Result<()> {
        let started = Instant::now();
        let mut well: BTreeMap<Key, bool> = BTreeMap::new();
        for object in self.store.list("argoproj.io", "Application") {
            well.insert(object.key(), is_well(&object, revision));
        }
        let mut told = Instant::now();
        loop {
            let count = well.values().filter(|is_well| **is_well).count();
            if count >= self.wanted {
                return Ok(());
            }
            if told.elapsed() > Duration::from_millis(100) {
                told = Instant::now();
                tell(count);
            }
            let Some(left) = limit.checked_sub(started.elapsed()) else {
                bail!(
                    "after {} s {count} of {} are well{}",
                    limit.as_secs(),
                    self.wanted,
                    { self.reason(&well, revision) }
                );
            };
            match tokio::time::timeout(left, self.changes.recv()).await {
                Ok(Ok(change)) if &*change.key.kind == "Application" => {
                    let is_well = self
                        .store
                        .get(&change.key)
                        .is_some_and(|o| is_well(&o, revision));
                    well.insert(change.key, is_well);
                }
                Ok(Err(RecvError::Lagged(_))) => {
                    for object in self.store.list("argoproj.io", "Application") {
                        well.insert(object.key(), is_well(&object, revision));
                    }
                }
                Ok(Err(RecvError::Closed)) => bail!("the hub is gone"),
                _ => {}
            }
        }
    }

    fn reason(&self, well: &BTreeMap<Key, bool>, revision: Option<&str>) -> String {
        let first = well.iter().find(|(_, is_well)| !**is_well);
        let object = first.and_then(|(key, _)| self.store.get(key));
        object.map_or_else(String::new, |object| {
            let status = object
                .pointer("/status")
                .map(Value::to_string)
                .unwrap_or_default();
            let wanted = revision.unwrap_or("any revision");
            format!("; `{}` is not at {wanted}: {status}", object.name())
        })
    }
}

fn is_well(application: &Object, revision: Option<&str>) -> bool {
    let is = |pointer: &str, wanted: &str| {
        application.pointer(pointer).and_then(Value::as_str) == Some(wanted)
    };
    is("/status/sync/status", "Synced")
        && is("/status/health/status", "Healthy")
        && is("/status/operationState/phase", "Succeeded")
        && revision.is_none_or(|revision| is("/status/sync/revision", revision))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn only_a_finished_operation_at_the_revision_is_well() {
        let status = |phase: &str| {
            Object::from_trusted(json!({"status": {
                "sync": {"status": "Synced", "revision": "r2"},
                "health": {"status": "Healthy"},
                "operationState": {"phase": phase},
            }}))
        };
        assert!(is_well(&status("Succeeded"), Some("r2")));
        assert!(!is_well(&status("Running"), Some("r2")));
        assert!(!is_well(&status("Succeeded"), Some("r3")));
    }
}
