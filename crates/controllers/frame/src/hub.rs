//! The hub's objects, as bytes, kept up to date by watches.

use crate::stop::Stop;
use argosy_object::{Blob, Key, Object};
use argosy_ports::{Api, ApiErrorKind, ListOptions, Resource, WatchEvent, WatchOptions};
use futures_util::StreamExt as _;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// An object of the hub came, changed or went.
#[derive(Clone, Debug)]
pub struct HubChange {
    /// Its identity.
    pub key: Key,
    /// Whether it is gone.
    pub is_deleted: bool,
}

/// All objects of some kinds of the hub, in some namespace.
///
/// Holds JSON bytes, not trees: 50,000 Applications of 3 KB are 150 MB so, and ten times that
/// as values.
#[derive(Debug)]
pub struct HubStore {
    objects: RwLock<BTreeMap<Key, Blob>>,
    changes: broadcast::Sender<HubChange>,
    synced: watch::Sender<HashSet<Resource>>,
}

impl Default for HubStore {
    fn default() -> Self {
        Self {
            objects: RwLock::default(),
            changes: broadcast::channel(65_536).0,
            synced: watch::channel(HashSet::new()).0,
        }
    }
}

impl HubStore {
    /// One object.
    pub fn get(&self, key: &Key) -> Option<Object> {
        let blob = self.read().get(key).cloned()?;
        blob.object().ok()
    }

    /// All objects of a group and kind.
    pub fn list(&self, group: &str, kind: &str) -> Vec<Object> {
        let blobs: Vec<Blob> = self.blobs(group, kind);
        blobs.iter().filter_map(|blob| blob.object().ok()).collect()
    }

    /// The keys of a group and kind.
    pub fn keys(&self, group: &str, kind: &str) -> Vec<Key> {
        self.blobs(group, kind)
            .into_iter()
            .map(|blob| blob.key)
            .collect()
    }

    /// Changes from now on. A receiver that lags must look at everything again.
    pub fn changes(&self) -> broadcast::Receiver<HubChange> {
        self.changes.subscribe()
    }

    /// Notes an object that was just written, so that the next reconcile sees it even where the
    /// watch has not told yet. An older state than the one held is left out.
    pub fn note(&self, object: &Object) {
        let blob = Blob::new(object);
        let version = |blob: &Blob| {
            blob.object()
                .ok()
                .and_then(|o| o.resource_version().parse::<u64>().ok())
        };
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = objects.get(&blob.key)
            && version(held) > version(&blob)
        {
            return;
        }
        objects.insert(blob.key.clone(), blob);
    }

    /// Waits until the first list of these resources is in.
    pub async fn wait_synced(&self, resources: &[Resource]) {
        let mut synced = self.synced.subscribe();
        let _ = synced
            .wait_for(|done| resources.iter().all(|r| done.contains(r)))
            .await;
    }

    /// Keeps the objects of `resource` up to date until `stop`.
    pub async fn follow(
        self: Arc<Self>,
        api: Arc<dyn Api>,
        resource: Resource,
        list: ListOptions,
        mut stop: Stop,
    ) {
        tokio::select! {
            () = stop.stopped() => {}
            () = self.follow_forever(api, resource, list) => {}
        }
    }

    async fn follow_forever(&self, api: Arc<dyn Api>, resource: Resource, list: ListOptions) {
        let mut from: Option<String> = None;
        let mut pause = Duration::from_millis(100);
        loop {
            let options = WatchOptions {
                list: list.clone(),
                from: from.clone(),
            };
            match api.watch(&resource, &options).await {
                Ok(stream) => {
                    pause = Duration::from_millis(100);
                    from = self.consume(stream, &resource, from).await;
                }
                Err(error) => {
                    if error.kind == ApiErrorKind::Expired {
                        from = None;
                    } else {
                        tracing::warn!(kind = %resource.gvk, %error, "hub watch failed");
                        pause = (pause * 2).min(Duration::from_secs(15));
                    }
                    tokio::time::sleep(pause).await;
                }
            }
        }
    }

    /// Takes events until the stream ends; returns where to go on, `None` to start anew.
    async fn consume(
        &self,
        mut stream: argosy_ports::WatchStream,
        resource: &Resource,
        mut from: Option<String>,
    ) -> Option<String> {
        // What the initial events of a watch from the start do not name has gone meanwhile.
        let mut initial: Option<HashSet<Key>> = from.is_none().then(HashSet::new);
        while let Some(event) = stream.next().await {
            match event {
                Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) => {
                    if let Some(seen) = &mut initial {
                        seen.insert(object.key());
                    } else {
                        from = Some(object.resource_version().to_owned());
                    }
                    self.set(&object);
                }
                Ok(WatchEvent::Deleted(object)) => {
                    from = Some(object.resource_version().to_owned());
                    self.remove(&object.key());
                }
                Ok(WatchEvent::Bookmark(version)) => {
                    from = Some(version);
                    if let Some(seen) = initial.take() {
                        self.retain(resource, &seen);
                        self.synced.send_modify(|done| {
                            done.insert(resource.clone());
                        });
                    }
                }
                Err(error) => {
                    let is_expired = error.kind == ApiErrorKind::Expired;
                    tracing::debug!(kind = %resource.gvk, %error, "hub watch ended");
                    return if is_expired || initial.is_some() {
                        None
                    } else {
                        from
                    };
                }
            }
        }
        if initial.is_some() { None } else { from }
    }

    fn set(&self, object: &Object) {
        let blob = Blob::new(object);
        let key = blob.key.clone();
        let previous = {
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            objects.insert(key.clone(), blob.clone())
        };
        if previous.is_none_or(|previous| previous.digest != blob.digest) {
            let _ = self.changes.send(HubChange {
                key,
                is_deleted: false,
            });
        }
    }

    fn remove(&self, key: &Key) {
        let was_there = self
            .objects
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key)
            .is_some();
        if was_there {
            let _ = self.changes.send(HubChange {
                key: key.clone(),
                is_deleted: true,
            });
        }
    }

    fn retain(&self, resource: &Resource, seen: &HashSet<Key>) {
        let gone: Vec<Key> = self
            .keys(&resource.gvk.group, &resource.gvk.kind)
            .into_iter()
            .filter(|key| !seen.contains(key))
            .collect();
        for key in gone {
            self.remove(&key);
        }
    }

    fn blobs(&self, group: &str, kind: &str) -> Vec<Blob> {
        let first = Key::new(group, kind, None, "");
        self.read()
            .range(first..)
            .take_while(|(key, _)| *key.group == *group && *key.kind == *kind)
            .map(|(_, blob)| blob.clone())
            .collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Key, Blob>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }
}
