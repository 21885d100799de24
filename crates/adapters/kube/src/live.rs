//! The live cache: what a cluster holds, as headers and compressed bodies, never as trees.
//!
//! An index: `apply`, `delete` and resets behind a lock, changes on a channel, no IO and no task.
//! The watchers of `cluster.rs` feed it. Bodies are kept of tracked objects and of kinds that the
//! rules name; `managedFields` never are. A 4 KB pod costs about 1.5 KB so, and 49 KB as a tree.

mod entry;
mod extract;
mod table;
mod uid;

pub(crate) use extract::instance_of;
pub use extract::{BadObject, LiveRules, Tracking};
pub use uid::Uid;

use argosy_object::{GroupKind, Gvk, Key, Object, Str};
use argosy_ports::{LiveChange, LiveNode};
use entry::Packer;
use extract::Extracted;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use table::Tables;
use tokio::sync::broadcast;

const CHANGES_KEPT: usize = 4096;
const OWNERS_DEEP: usize = 16;

/// What is known of one live object.
#[derive(Clone, Debug)]
pub struct Header {
    /// Identity.
    pub key: Key,
    /// Version (`v1`) that it was seen at.
    pub version: Str,
    /// uid.
    pub uid: Uid,
    /// `metadata.resourceVersion`.
    pub resource_version: Str,
    /// uids of its owners.
    pub owners: Arc<[Uid]>,
    /// The application that its own tracking id names.
    pub instance: Option<Str>,
    /// Images of a pod or pod template.
    pub images: Arc<[Str]>,
    /// Whether it is being deleted.
    pub deleting: bool,
}

impl Header {
    /// Whether an object that no application declares is to its owners what `other` was.
    fn is_same_to_owners(&self, other: &Self) -> bool {
        self.instance.is_none()
            && other.instance.is_none()
            && self.uid == other.uid
            && self.owners == other.owners
            && self.images == other.images
            && self.deleting == other.deleting
    }
}

/// One live object: its header, and its body where that is kept.
#[derive(Clone, Debug)]
pub struct Live {
    /// The header.
    pub header: Header,
    body: Option<entry::Packed>,
}

impl Live {
    /// Whether the body is kept.
    pub fn has_body(&self) -> bool {
        self.body.is_some()
    }

    /// Decodes the body; `None` where it is not kept.
    pub fn object(&self) -> Option<Object> {
        let json = self.body.as_ref()?.unpack()?;
        serde_json::from_slice(&json).ok().map(Object::from_trusted)
    }
}

/// Where news of an object came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NewsFrom {
    /// A watch: complete and in order.
    Watch,
    /// The list that a reset began with, whose word counts even where it is older: a cluster may
    /// have been put back from a backup.
    Reset(u32),
    /// The answer to a write of ours, which the watch will tell again.
    Write,
}

/// A kind, and the namespace where only that is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope {
    /// Group and kind.
    pub kind: GroupKind,
    /// Namespace; `None` is everywhere.
    pub namespace: Option<Str>,
}

/// The index of one cluster's live objects. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct LiveIndex {
    shared: Arc<Shared>,
}

struct Shared {
    rules: LiveRules,
    tables: Mutex<Tables>,
    packer: Packer,
    changes: broadcast::Sender<LiveChange>,
}

/// A reset under way: what it does not see is gone when it is finished.
#[must_use]
pub struct Reset {
    scope: Scope,
    epoch: u32,
}

impl Reset {
    /// What to call the news that the reset brings.
    pub fn news(&self) -> NewsFrom {
        NewsFrom::Reset(self.epoch)
    }
}

impl LiveIndex {
    /// An empty index.
    pub fn new(rules: LiveRules) -> Self {
        let (changes, _) = broadcast::channel(CHANGES_KEPT);
        let shared = Shared {
            rules,
            tables: Mutex::default(),
            packer: Packer::default(),
            changes,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The rules that it was made with.
    pub fn rules(&self) -> &LiveRules {
        &self.shared.rules
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.shared
            .tables
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the JSON of an object as a server sent it. `gvk` fills in what list items leave out.
    /// News that is older than what is known is ignored. Returns the object's resourceVersion.
    ///
    /// # Errors
    /// [`BadObject`] where the bytes are no object with a name.
    pub fn apply(&self, gvk: &Gvk, json: &[u8], from: NewsFrom) -> Result<String, BadObject> {
        let extracted = Extracted::read(gvk, json, &self.shared.rules)?;
        let version = extracted.resource_version.clone();
        let packed = extracted
            .body
            .as_deref()
            .map(|body| self.shared.packer.pack(body));
        let mut tables = self.tables();
        if let Some(change) = tables.apply(extracted, packed, from) {
            self.publish(&tables, change);
        }
        Ok(version)
    }

    /// Forgets an object of which a watch says that it is gone. Returns its last resourceVersion.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn delete(&self, gvk: &Gvk, json: &[u8]) -> Result<String, BadObject> {
        let extracted = Extracted::read(gvk, json, &self.shared.rules)?;
        let mut tables = self.tables();
        if let Some(change) = tables.delete(&extracted) {
            self.publish(&tables, change);
        }
        Ok(extracted.resource_version)
    }

    /// Begins to replace all that is known of a scope by what [`Self::apply`] tells from now on.
    pub fn begin_reset(&self, scope: Scope) -> Reset {
        let epoch = self.tables().begin(&scope);
        Reset { scope, epoch }
    }

    /// Ends a reset: objects of its scope that were not applied since are gone.
    pub fn finish_reset(&self, reset: &Reset) {
        let mut tables = self.tables();
        for change in tables.sweep(&reset.scope, reset.epoch) {
            self.publish(&tables, change);
        }
    }

    /// A watch has told everything of `scope` up to this resourceVersion.
    pub fn seen(&self, scope: &Scope, resource_version: &str) {
        self.tables().seen(scope, resource_version);
    }

    /// Forgets a scope, as after the kind's CRD is gone.
    pub fn forget_scope(&self, scope: &Scope) {
        let reset = self.begin_reset(scope.clone());
        self.finish_reset(&reset);
    }

    /// The keys of the objects that track `instance`.
    pub fn tracked(&self, instance: &str) -> Vec<Key> {
        self.tables().tracked(instance)
    }

    /// One object.
    pub fn get(&self, key: &Key) -> Option<Live> {
        self.tables().get(key)
    }

    /// The headers of the objects that the object of this uid owns.
    pub fn children(&self, uid: &str) -> Vec<Header> {
        self.tables().children(&Uid::of(uid))
    }

    /// What the object of this uid owns, directly or not.
    pub fn descendants(&self, uid: &str) -> Vec<LiveNode> {
        self.tables().descendants(&Uid::of(uid))
    }

    /// How many objects there are, and how many bytes their bodies take.
    pub fn size(&self) -> (usize, usize) {
        self.tables().size()
    }

    /// Changes from now on, of tracked objects and of what they own. A receiver that lags by
    /// more than 4096 changes is told so and must look at everything.
    pub fn changes(&self) -> broadcast::Receiver<LiveChange> {
        self.shared.changes.subscribe()
    }

    fn publish(&self, tables: &Tables, change: table::Change) {
        let mut instances: Vec<Str> = change.instances;
        if instances.is_empty() {
            instances.extend(tables.instance_above(&change.owners, OWNERS_DEEP));
        }
        for instance in instances {
            // An error means that nobody listens.
            let _ = self.shared.changes.send(LiveChange {
                key: change.key.clone(),
                instance: Some(instance),
                is_detail: change.is_detail,
            });
        }
    }
}

#[cfg(test)]
mod tests;
