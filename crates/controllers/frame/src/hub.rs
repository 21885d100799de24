//! The hub's objects, as bytes, kept up to date by watches.

use crate::stop::Stop;
use argosy_object::{Blob, Key, Object};
use argosy_ports::{Api, ApiErrorKind, ListOptions, Resource, WatchEvent, WatchOptions};
use futures_util::StreamExt as _;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{broadcast, watch};

/// An object of the hub came, changed or went.
#[derive(Clone, Debug)]
pub struct HubChange {
    /// Its identity.
    pub key: Key,
    /// Whether it is gone.
    pub is_deleted: bool,
    /// The controller that wrote it and noted it here; `None`: a watch told.
    pub noted_by: Option<&'static str>,
}

/// All objects of some kinds of the hub, in some namespace.
///
/// Holds JSON bytes, not trees: 50,000 Applications of 3 KB are 150 MB so, and ten times that
/// as values.
#[derive(Debug)]
pub struct HubStore {
    objects: RwLock<BTreeMap<Key, Held>>,
    /// What a watch told of objects that are being written just now.
    withheld: Mutex<HashMap<Key, Withheld>>,
    changes: broadcast::Sender<HubChange>,
    synced: watch::Sender<HashSet<Resource>>,
}

#[derive(Debug)]
struct Held {
    blob: Blob,
    version: u64,
    /// Noted states that the watch has not told of yet, the newest last.
    noted: Vec<u64>,
}

#[derive(Debug, Default)]
struct Withheld {
    writers: usize,
    versions: Vec<u64>,
}

/// A write under way: what a watch tells of the object waits until its answer is there, which may
/// be of that very state.
#[derive(Debug)]
pub struct Writing<'a> {
    store: &'a HubStore,
    key: &'a Key,
}

impl Writing<'_> {
    /// Notes what the object has become, written by controller `by`.
    pub fn done(self, object: &Object, by: &'static str) {
        self.store.note(object, by);
        self.store.release(self.key, Some((version(object), by)));
        std::mem::forget(self);
    }
}

impl Drop for Writing<'_> {
    fn drop(&mut self) {
        self.store.release(self.key, None);
    }
}

/// How many noted states of one object are remembered: what is forgotten counts as news when the
/// watch tells of it.
const NOTED: usize = 8;

impl Held {
    /// Takes another state; whether it is news.
    fn take(&mut self, blob: Blob, version: u64, is_noted: bool) -> bool {
        if is_noted {
            if self.noted.len() == NOTED {
                self.noted.remove(0);
            }
            self.noted.push(version);
        } else if let Some(at) = self.noted.iter().position(|noted| *noted == version) {
            // The watch tells states in their order: those before this one have been told, too.
            self.noted.drain(..=at);
            if self.version >= version {
                return false;
            }
        }
        if self.blob.digest == blob.digest {
            return false;
        }
        // The watch is behind what was noted: what it tells may still be news, since somebody
        // else may have written it, but the newer state stays.
        if self.version > version {
            return !is_noted;
        }
        self.blob = blob;
        self.version = version;
        true
    }
}

/// The resourceVersion as a number, by which two states of one object can be told apart.
/// Compat: Kubernetes 1.35 declares resourceVersions comparable as integers (KEP-5504).
fn version(object: &Object) -> u64 {
    object.resource_version().parse().unwrap_or(0)
}

impl Default for HubStore {
    fn default() -> Self {
        Self {
            objects: RwLock::default(),
            withheld: Mutex::default(),
            changes: broadcast::channel(65_536).0,
            synced: watch::channel(HashSet::new()).0,
        }
    }
}

impl HubStore {
    /// One object.
    pub fn get(&self, key: &Key) -> Option<Object> {
        let blob = self.read().get(key)?.blob.clone();
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

    /// Notes an object that controller `by` has just written, so that the next reconcile sees it
    /// even where the watch has not told yet. Everybody is told of the change, with its author.
    pub fn note(&self, object: &Object, by: &'static str) {
        self.put(Blob::new(object), version(object), Some(by));
    }

    /// Takes a state that was read beside the watch, as if the watch had told of it.
    pub fn note_read(&self, object: &Object) {
        self.put(Blob::new(object), version(object), None);
    }

    /// Keeps the newer state; a state that differs from the one held is told of.
    fn put(&self, blob: Blob, version: u64, noted_by: Option<&'static str>) {
        let key = blob.key.clone();
        let is_change = {
            let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
            match objects.get_mut(&key) {
                Some(held) => held.take(blob, version, noted_by.is_some()),
                None => {
                    let noted = noted_by.map(|_| version).into_iter().collect();
                    let held = Held {
                        blob,
                        version,
                        noted,
                    };
                    objects.insert(key.clone(), held);
                    true
                }
            }
        };
        if is_change && (noted_by.is_some() || !self.withholds(&key, version)) {
            self.tell(key, noted_by);
        }
    }

    /// Says that an object is about to be written here.
    pub fn writing<'a>(&'a self, key: &'a Key) -> Writing<'a> {
        self.withheld().entry(key.clone()).or_default().writers += 1;
        Writing { store: self, key }
    }

    fn withholds(&self, key: &Key, version: u64) -> bool {
        let mut withheld = self.withheld();
        let Some(found) = withheld.get_mut(key) else {
            return false;
        };
        found.versions.push(version);
        true
    }

    /// A write is over: what was withheld is told of, with the author where it is what he wrote.
    fn release(&self, key: &Key, written: Option<(u64, &'static str)>) {
        let versions = {
            let mut withheld = self.withheld();
            let Some(found) = withheld.get_mut(key) else {
                return;
            };
            found.writers -= 1;
            let versions = std::mem::take(&mut found.versions);
            if found.writers == 0 {
                withheld.remove(key);
            }
            versions
        };
        let own = |version: &u64| written.is_some_and(|(own, _)| own == *version);
        if versions.iter().any(|version| !own(version)) {
            self.tell(key.clone(), None);
        } else if !versions.is_empty() {
            self.tell(key.clone(), written.map(|(_, by)| by));
        }
    }

    fn tell(&self, key: Key, noted_by: Option<&'static str>) {
        let _ = self.changes.send(HubChange {
            key,
            is_deleted: false,
            noted_by,
        });
    }

    fn withheld(&self) -> MutexGuard<'_, HashMap<Key, Withheld>> {
        self.withheld.lock().unwrap_or_else(PoisonError::into_inner)
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
            biased;
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
                    self.put(Blob::new(&object), version(&object), None);
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
                noted_by: None,
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
            .map(|(_, held)| held.blob.clone())
            .collect()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, BTreeMap<Key, Held>> {
        self.objects.read().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn state(version: u64, word: &str) -> Object {
        Object::new(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "a", "namespace": "argocd", "resourceVersion": version.to_string()},
            "word": word,
        }))
        .unwrap()
    }

    /// What is news, by who noted it.
    fn news(changes: &mut broadcast::Receiver<HubChange>) -> Vec<Option<&'static str>> {
        std::iter::from_fn(|| changes.try_recv().ok())
            .map(|change| change.noted_by)
            .collect()
    }

    #[test]
    fn watch_that_is_behind_tells_no_news_of_what_was_noted() {
        let store = HubStore::default();
        let mut changes = store.changes();
        for (version, word) in [(1, "one"), (2, "two"), (4, "four")] {
            store.note(&state(version, word), "me");
        }
        assert_eq!(news(&mut changes), [Some("me"); 3]);
        for (version, word) in [(1, "one"), (2, "two")] {
            store.note_read(&state(version, word));
        }
        assert_eq!(news(&mut changes), []);
        store.note_read(&state(3, "somebody's"));
        assert_eq!(news(&mut changes), [None], "somebody else wrote between");
        store.note_read(&state(4, "four"));
        assert_eq!(news(&mut changes), []);
        store.note_read(&state(5, "five"));
        assert_eq!(news(&mut changes), [None]);
        let held = store.get(&state(5, "").key()).unwrap();
        assert_eq!(held.resource_version(), "5");
    }

    #[test]
    fn watch_that_is_quicker_than_the_answer_tells_no_news() {
        let store = HubStore::default();
        let mut changes = store.changes();
        let key = state(1, "").key();
        let writing = store.writing(&key);
        store.note_read(&state(1, "mine"));
        assert_eq!(news(&mut changes), [], "it may be one's own");
        writing.done(&state(1, "mine"), "me");
        assert_eq!(news(&mut changes), [Some("me")]);
        let writing = store.writing(&key);
        store.note_read(&state(2, "somebody's"));
        store.note_read(&state(3, "mine"));
        writing.done(&state(3, "mine"), "me");
        assert_eq!(news(&mut changes), [None]);
        let writing = store.writing(&key);
        store.note_read(&state(4, "somebody's"));
        drop(writing);
        assert_eq!(news(&mut changes), [None], "a write that failed");
        store.note_read(&state(5, "somebody's"));
        assert_eq!(news(&mut changes), [None]);
    }

    #[test]
    fn forgotten_notes_count_as_news_and_never_set_back() {
        let store = HubStore::default();
        let mut changes = store.changes();
        for version in 1..=20 {
            store.note(&state(version, &version.to_string()), "me");
        }
        news(&mut changes);
        store.note_read(&state(3, "3"));
        store.note_read(&state(19, "19"));
        assert_eq!(news(&mut changes), [None]);
        let held = store.get(&state(20, "").key()).unwrap();
        assert_eq!(held.resource_version(), "20");
    }
}
