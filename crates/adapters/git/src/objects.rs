//! One repository's object database, shared by all the trees that are read from it.

use argosy_object::Str;
use argosy_tree::{Entry, Mode, Oid};
use gix::ObjectId;
use gix::objs::{Exists, Find, FindHeader, Kind, TreeRefIter};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Largest folder listing, commit or tag that is decoded, in bytes.
const MAX_STRUCTURE: u64 = 64 << 20;
/// Largest single allocation that a pack may ask for.
const MAX_ALLOCATION: usize = 1 << 30;
/// Entries of decoded folders that one half of the cache holds.
const CACHED_ENTRIES: usize = 100_000;
/// Longest chain of annotated tags.
const MAX_TAGS: usize = 16;
/// Packs that one database can hold open.
const PACK_SLOTS: u16 = 1024;

/// A decoded folder, sorted by name.
pub(crate) type Listing = Arc<[(Str, Entry)]>;

/// Why an object was not given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ObjectFault {
    #[error("object {0} is not there")]
    Missing(ObjectId),
    #[error("object {0} has {1} bytes, over the limit of {2}")]
    TooLarge(ObjectId, u64, u64),
    #[error("object {0} is a {1}, not a {2}")]
    Kind(ObjectId, Kind, Kind),
    #[error("object {0} cannot be read: {1}")]
    Corrupt(ObjectId, String),
    #[error("folder {0} holds an entry named {1:?}, which is no file name")]
    BadName(ObjectId, String),
}

/// An object database with a pool of handles and a cache of decoded folders.
pub(crate) struct Objects {
    store: Arc<gix::odb::Store>,
    pool: Mutex<Vec<gix::odb::Handle>>,
    listings: Mutex<Listings>,
    broken: AtomicBool,
}

/// Two generations: a full young one replaces the old one.
#[derive(Default)]
struct Listings {
    young: HashMap<ObjectId, Listing>,
    old: HashMap<ObjectId, Listing>,
    entries: usize,
}

impl Objects {
    /// Opens the database in an `objects` folder.
    pub(crate) fn open(dir: &Path) -> Result<Self, String> {
        let options = gix::odb::store::init::Options {
            slots: gix::odb::store::init::Slots::Given(PACK_SLOTS),
            alloc_limit_bytes: Some(MAX_ALLOCATION),
            ..Default::default()
        };
        let store = gix::odb::Store::at_opts(
            dir.to_owned(),
            gix::hash::Kind::Sha1,
            &mut std::iter::empty(),
            options,
        )
        .map_err(|error| error.to_string())?;
        Ok(Self {
            store: Arc::new(store),
            pool: Mutex::default(),
            listings: Mutex::default(),
            broken: AtomicBool::new(false),
        })
    }

    /// Whether an object that must be there was missing or damaged.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }

    /// Lends a handle; handles are not shared between threads, so they are pooled.
    pub(crate) fn with<T>(&self, work: impl FnOnce(&gix::odb::Handle) -> T) -> T {
        let pooled = self
            .pool
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let handle = pooled.unwrap_or_else(|| self.new_handle());
        let result = work(&handle);
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        if pool.len() < 16 {
            pool.push(handle);
        }
        result
    }

    /// A handle of one's own, for work that must own it.
    pub(crate) fn new_handle(&self) -> gix::odb::Handle {
        self.store.to_cache().with_pack_cache(|| {
            Box::new(gix::odb::pack::cache::lru::StaticLinkedList::<64>::new(
                4 << 20,
            ))
        })
    }

    /// Whether an object is there.
    pub(crate) fn exists(&self, id: &ObjectId) -> bool {
        self.with(|handle| handle.exists(id))
    }

    /// Kind and size of an object, without decoding it where the format allows.
    pub(crate) fn header(&self, id: &ObjectId) -> Result<(Kind, u64), ObjectFault> {
        let header = self.with(|handle| FindHeader::try_header(handle, id));
        match header {
            Ok(Some(header)) => Ok((header.kind, header.size)),
            Ok(None) => Err(self.broke(ObjectFault::Missing(*id))),
            Err(error) => Err(self.broke(ObjectFault::Corrupt(*id, error.to_string()))),
        }
    }

    /// The bytes of an object of one kind, refused by its header where it is over `max`.
    pub(crate) fn read(&self, id: &ObjectId, kind: Kind, max: u64) -> Result<Vec<u8>, ObjectFault> {
        let (found, size) = self.header(id)?;
        if found != kind {
            return Err(ObjectFault::Kind(*id, found, kind));
        }
        if size > max {
            return Err(ObjectFault::TooLarge(*id, size, max));
        }
        let mut buffer = Vec::new();
        let result = self.with(|handle| {
            Find::try_find(handle, id, &mut buffer).map(|data| data.map(|data| data.data.len()))
        });
        match result {
            Ok(Some(len)) if len as u64 == size => {
                buffer.truncate(len);
                Ok(buffer)
            }
            Ok(Some(_)) => Err(self.broke(ObjectFault::Corrupt(*id, "its size is wrong".into()))),
            Ok(None) => Err(self.broke(ObjectFault::Missing(*id))),
            Err(error) => Err(self.broke(ObjectFault::Corrupt(*id, error.to_string()))),
        }
    }

    /// Follows annotated tags to the commit.
    pub(crate) fn peel(&self, id: &ObjectId) -> Result<ObjectId, ObjectFault> {
        let mut id = *id;
        for _ in 0..MAX_TAGS {
            match self.header(&id)?.0 {
                Kind::Commit => return Ok(id),
                Kind::Tag => {
                    let bytes = self.read(&id, Kind::Tag, MAX_STRUCTURE)?;
                    id = gix::objs::TagRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1)
                        .target_id()
                        .map_err(|error| ObjectFault::Corrupt(id, error.to_string()))?;
                }
                other => return Err(ObjectFault::Kind(id, other, Kind::Commit)),
            }
        }
        Err(ObjectFault::Corrupt(
            id,
            "the chain of tags is too long".into(),
        ))
    }

    /// The root folder of a commit.
    pub(crate) fn root_of(&self, commit: &ObjectId) -> Result<ObjectId, ObjectFault> {
        let bytes = self.read(commit, Kind::Commit, MAX_STRUCTURE)?;
        gix::objs::CommitRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1)
            .tree_id()
            .map_err(|error| ObjectFault::Corrupt(*commit, error.to_string()))
    }

    /// The parents of a commit; none where it cannot be read.
    pub(crate) fn parents(&self, commit: &ObjectId) -> Vec<ObjectId> {
        self.read(commit, Kind::Commit, MAX_STRUCTURE)
            .map(|bytes| {
                gix::objs::CommitRefIter::from_bytes(&bytes, gix::hash::Kind::Sha1)
                    .parent_ids()
                    .collect()
            })
            .unwrap_or_default()
    }

    /// The commits whose names begin with hexadecimal digits.
    pub(crate) fn commits_with_prefix(&self, digits: &str) -> Vec<ObjectId> {
        let Ok(prefix) = gix::hash::Prefix::from_hex(digits) else {
            return Vec::new();
        };
        let mut candidates = HashSet::new();
        let _ = self.with(|handle| handle.lookup_prefix(prefix, Some(&mut candidates)));
        candidates
            .into_iter()
            .filter(|id| matches!(self.header(id), Ok((Kind::Commit, _))))
            .collect()
    }

    /// The entries of a folder, sorted by name.
    pub(crate) fn list(&self, dir: &ObjectId) -> Result<Listing, ObjectFault> {
        if let Some(found) = self.cached(dir) {
            return Ok(found);
        }
        let bytes = self.read(dir, Kind::Tree, MAX_STRUCTURE)?;
        let listing = decode(dir, &bytes)?;
        let mut cache = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        cache.entries += listing.len() + 1;
        cache.young.insert(*dir, listing.clone());
        if cache.entries > CACHED_ENTRIES {
            cache.old = std::mem::take(&mut cache.young);
            cache.entries = 0;
        }
        Ok(listing)
    }

    fn cached(&self, dir: &ObjectId) -> Option<Listing> {
        let mut cache = self.listings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = cache.young.get(dir) {
            return Some(found.clone());
        }
        let found = cache.old.remove(dir)?;
        cache.entries += found.len() + 1;
        cache.young.insert(*dir, found.clone());
        Some(found)
    }

    fn broke(&self, fault: ObjectFault) -> ObjectFault {
        self.broken.store(true, Ordering::Relaxed);
        fault
    }
}

fn decode(dir: &ObjectId, bytes: &[u8]) -> Result<Listing, ObjectFault> {
    let mut entries: Vec<(Str, Entry)> = Vec::new();
    for entry in TreeRefIter::from_bytes(bytes, gix::hash::Kind::Sha1) {
        let entry = entry.map_err(|error| ObjectFault::Corrupt(*dir, error.to_string()))?;
        let name = String::from_utf8_lossy(entry.filename).into_owned();
        if matches!(&*name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(ObjectFault::BadName(*dir, name));
        }
        entries.push((
            name.into(),
            Entry {
                mode: mode(entry.mode),
                oid: Oid::from_bytes(entry.oid.as_bytes()),
                size: None,
            },
        ));
    }
    // Git sorts folders as if their names ended in a slash.
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.dedup_by(|b, a| a.0 == b.0);
    Ok(entries.into())
}

fn mode(mode: gix::objs::tree::EntryMode) -> Mode {
    use gix::objs::tree::EntryKind;
    match mode.kind() {
        EntryKind::Tree => Mode::Dir,
        EntryKind::Blob => Mode::File,
        EntryKind::BlobExecutable => Mode::Executable,
        EntryKind::Link => Mode::Link,
        EntryKind::Commit => Mode::Submodule,
    }
}
