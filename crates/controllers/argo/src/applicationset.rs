//! The ApplicationSet controller.

mod children;
mod inputs;
mod reconcile;
mod status;

use crate::context::Hub;
use crate::follow::Follows;
use argosy_crds::names;
use argosy_frame::{HubChange, Queue, Stop, run};
use argosy_object::{Key, Object, Value};
use argosy_tree::{Changed, ReadSet};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

/// Makes Applications of ApplicationSets.
pub struct ApplicationSetController {
    hub: Arc<Hub>,
    queue: Arc<Queue>,
    follows: Follows,
    reads: Reads,
    /// `spec` of each Application when it was last seen, so that a change of status alone does
    /// not generate anew.
    specs: Mutex<HashMap<Key, argosy_object::Digest>>,
}

/// What each set looked at in its repositories.
type Reads = Arc<Mutex<HashMap<Key, Vec<ReadSet>>>>;

/// The controller's name, in logs and as the author of what it writes.
pub(crate) const NAME: &str = "applicationset";
/// How many sets are reconciled at a time.
const WORKERS: usize = 10;
/// How long the status of a set may lag behind that of its Applications.
const STATUS_LAG: Duration = Duration::from_secs(1);

impl ApplicationSetController {
    /// Starts the controller in tasks of `tasks`, until `stop`.
    pub fn start(hub: Arc<Hub>, tasks: &mut JoinSet<()>, stop: &Stop) -> Arc<Self> {
        let queue = Arc::new(Queue::new());
        let reads = Reads::default();
        let known = reads.clone();
        let concerns = Arc::new(move |key: &Key, changed: &Changed| {
            let reads = known.lock().unwrap_or_else(PoisonError::into_inner);
            reads
                .get(key)
                .is_none_or(|reads| reads.iter().any(|reads| changed.hits(reads)))
        });
        let controller = Arc::new(Self {
            follows: Follows::new(hub.ports.sources.clone(), queue.clone(), concerns),
            queue: queue.clone(),
            reads,
            specs: Mutex::default(),
            hub,
        });
        tasks.spawn(run(NAME, queue, controller.clone(), WORKERS, stop.clone()));
        tasks.spawn(controller.clone().watch_hub(stop.clone()));
        controller
    }

    /// The queue, for metrics.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    async fn watch_hub(self: Arc<Self>, mut stop: Stop) {
        let mut changes = self.hub.store.changes();
        self.hub
            .store
            .wait_synced(&crate::resources::hub_resources())
            .await;
        // The Application controller hands the Secrets on; sets need the clusters at once.
        self.hub.configure();
        self.touch_all();
        loop {
            tokio::select! {
                biased;
                () = stop.stopped() => return,
                change = changes.recv() => match change {
                    Ok(change) => self.changed(&change),
                    Err(RecvError::Lagged(_)) => self.touch_all(),
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    fn changed(&self, change: &HubChange) {
        match &*change.key.kind {
            // Its own writes tell the controller nothing new.
            "ApplicationSet" if change.noted_by == Some(NAME) => {}
            "ApplicationSet" => self.queue.add(change.key.clone()),
            "Secret" => {
                self.hub.configure();
                self.touch_all();
            }
            "Application" => self.application_changed(change),
            _ => {}
        }
    }

    /// A change of an Application's spec, or its end, generates anew; a change of its status
    /// only shows in the set's, a moment later.
    fn application_changed(&self, change: &HubChange) {
        let mut specs = self.specs.lock().unwrap_or_else(PoisonError::into_inner);
        if change.is_deleted {
            specs.remove(&change.key);
            drop(specs);
            return self.touch_all();
        }
        let Some(application) = self.hub.store.get(&change.key) else {
            return;
        };
        let owner = owner(&application).map(|name| {
            Key::new(
                names::ARGO_GROUP,
                "ApplicationSet",
                application.namespace(),
                name,
            )
        });
        let digest = spec_digest(&application);
        let is_new = specs.insert(change.key.clone(), digest) != Some(digest);
        drop(specs);
        match owner {
            Some(_) if change.noted_by == Some(NAME) => {}
            Some(owner) if is_new => self.queue.add(owner),
            Some(owner) => self.queue.add_after(owner, STATUS_LAG),
            None => {}
        }
    }

    fn touch_all(&self) {
        for key in self.hub.store.keys(names::ARGO_GROUP, "ApplicationSet") {
            self.queue.add(key);
        }
    }
}

/// The ApplicationSet that controls an Application.
pub(crate) fn owner(application: &Object) -> Option<&str> {
    let owners = application.metadata()?.get("ownerReferences")?.as_array()?;
    let own = owners.iter().find(|owner| {
        owner.get("kind").and_then(Value::as_str) == Some("ApplicationSet")
            && owner.get("controller") == Some(&Value::Bool(true))
    })?;
    own.get("name")?.as_str()
}

/// A digest of what a set controls: spec, labels, annotations, owners.
fn spec_digest(application: &Object) -> argosy_object::Digest {
    let metadata = |field: &str| {
        application
            .metadata()
            .and_then(|m| m.get(field))
            .map(ToString::to_string)
            .unwrap_or_default()
    };
    let parts = [
        application
            .pointer("/spec")
            .map(ToString::to_string)
            .unwrap_or_default(),
        metadata("labels"),
        metadata("annotations"),
        metadata("finalizers"),
        metadata("ownerReferences"),
        metadata("deletionTimestamp"),
    ];
    argosy_object::Digest::of_parts(parts.iter().map(String::as_bytes))
}
