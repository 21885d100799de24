//! What makes the controller look at an Application again.

use super::{ApplicationController, instance_key};
use crate::context::Hub;
use argosy_crds::names;
use argosy_diff::Row;
use argosy_frame::{HubChange, Queue, Stop};
use argosy_object::Key;
use argosy_ports::Cluster;
use argosy_sync::TrackingId;
use std::collections::HashSet;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;
use tokio::task::JoinSet;

/// How long the hub's settings are waited for.
const SETTINGS: Duration = Duration::from_secs(10);
/// How often an Application is looked at for what changes on its cluster while its operation
/// runs: most of it is the operation's own doing, whose end wakes it anyway.
const OPERATION_REST: Duration = Duration::from_secs(5);

/// Clusters whose changes are listened to, and the tasks of running operations.
#[derive(Default)]
pub(crate) struct Tasks {
    listened: Mutex<HashSet<String>>,
    tasks: Mutex<JoinSet<()>>,
}

impl ApplicationController {
    /// Takes changes of the hub's objects until `stop`.
    pub(crate) async fn watch_hub(self: Arc<Self>, mut stop: Stop) {
        let mut changes = self.hub.store.changes();
        let mut settings = self.hub.settings.store().changes();
        self.hub
            .store
            .wait_synced(&crate::resources::hub_resources())
            .await;
        // A hub that shows no ConfigMaps is one without settings.
        let _ = tokio::time::timeout(SETTINGS, self.hub.settings.wait_synced()).await;
        self.hub.configure();
        let mut tools = self.hub.settings.tools();
        self.touch_all(|_| true);
        loop {
            tokio::select! {
                biased;
                () = stop.stopped() => return,
                change = changes.recv() => match change {
                    Ok(change) => self.hub_changed(&change),
                    Err(RecvError::Lagged(_)) => {
                        self.hub.configure();
                        self.touch_all(|_| true);
                    }
                    Err(RecvError::Closed) => return,
                },
                // A host that was not trusted may be now: sources look again by themselves.
                change = settings.recv() => match change {
                    Ok(_) | Err(RecvError::Lagged(_)) => {
                        self.hub.configure();
                        let now = self.hub.settings.tools();
                        if now != tools {
                            tools = now;
                            self.touch_all(|_| true);
                        }
                    }
                    Err(RecvError::Closed) => return,
                }
            }
        }
    }

    fn hub_changed(&self, change: &HubChange) {
        match &*change.key.kind {
            // Its own writes tell the controller nothing new.
            "Application" if change.noted_by == Some(super::NAME) => {}
            "Application" => self.queue.add(change.key.clone()),
            "AppProject" => {
                let project = change.key.name.clone();
                self.touch_all(|spec_project| spec_project == &*project);
            }
            "Secret" => {
                self.hub.configure();
                self.touch_all(|_| true);
            }
            _ => {}
        }
    }

    /// Looks again at all Applications whose project fits.
    fn touch_all(&self, fits: impl Fn(&str) -> bool) {
        for application in self.hub.store.list(names::ARGO_GROUP, "Application") {
            let project = application
                .pointer("/spec/project")
                .and_then(|p| p.as_str())
                .unwrap_or("");
            if fits(if project.is_empty() {
                "default"
            } else {
                project
            }) {
                self.queue.add(application.key());
            }
        }
    }

    /// Listens to a cluster's changes, from the first time on that an Application goes there.
    pub(crate) fn listen(&self, cluster: &Arc<dyn Cluster>) {
        let mut listened = self
            .tasks
            .listened
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if !listened.insert(cluster.server().to_owned()) {
            return;
        }
        let mut changes = cluster.changes();
        let (queue, namespace) = (self.queue.clone(), self.hub.ports.namespace.clone());
        let (hub, tasks) = (self.hub.clone(), self.tasks.clone());
        let records = self.records.clone();
        let server = cluster.server().to_owned();
        drop(listened);
        self.spawn(async move {
            loop {
                match changes.recv().await {
                    Ok(change) => {
                        let Some(instance) = change.instance.filter(|_| !change.is_detail) else {
                            continue;
                        };
                        let key = instance_key(&instance, &namespace);
                        if records.get(&key).is_some_and(|record| record.is_running()) {
                            queue.add_after(key, OPERATION_REST);
                        } else {
                            queue.add_rested(key);
                        }
                    }
                    Err(RecvError::Lagged(_)) => wake_all(&hub, &queue),
                    Err(RecvError::Closed) => break,
                }
            }
            tasks
                .listened
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&server);
            // The cluster's connection was replaced: a reconcile listens to the new one, which
            // nobody has heard so far.
            wake_all(&hub, &queue);
        });
    }

    /// Runs a task that ends with the controller.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self
            .tasks
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        let mut stop = self.stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                biased;
                () = stop.stopped() => {}
                () = task => {}
            }
        });
    }

    /// The sentence for an object that another application tracks.
    pub(crate) fn shared_with(&self, row: &Row) -> Option<String> {
        let live = TrackingId::of(row.live.as_ref()?)?;
        let desired = TrackingId::of(&row.desired.as_ref()?.object)?;
        (live.instance != desired.instance).then(|| {
            let Key { kind, name, .. } = &row.key;
            format!(
                "{kind}/{name} is part of applications {} and {}",
                desired.instance, live.instance
            )
        })
    }
}

fn wake_all(hub: &Hub, queue: &Queue) {
    for key in hub.store.keys(names::ARGO_GROUP, "Application") {
        queue.add(key);
    }
}
