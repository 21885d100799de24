//! A commit's files, straight from the object database: no work tree, no checkout.

use crate::objects::{ObjectFault, Objects};
use argosy_object::Str;
use argosy_tree::{Entry, Oid, Tree, TreeError};
use bytes::Bytes;
use gix::ObjectId;
use gix::objs::Kind;
use std::fmt;
use std::sync::Arc;

/// The files of one commit. Cheap to clone; all trees of a repository share one object cache.
#[derive(Clone)]
pub struct GitTree {
    objects: Arc<Objects>,
    root: ObjectId,
    largest: u64,
}

impl GitTree {
    /// The files of a root folder; those over `largest` bytes are refused when read.
    pub(crate) fn new(objects: Arc<Objects>, root: ObjectId, largest: u64) -> Self {
        Self {
            objects,
            root,
            largest,
        }
    }
}

impl fmt::Debug for GitTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GitTree").field(&self.root).finish()
    }
}

impl Tree for GitTree {
    fn root(&self) -> Oid {
        Oid::from_bytes(self.root.as_bytes())
    }

    fn entry(&self, dir: &Oid, name: &str) -> Result<Option<Entry>, TreeError> {
        let listing = self.objects.list(&object_id(dir)).map_err(store)?;
        Ok(listing
            .binary_search_by(|(at, _)| (**at).cmp(name))
            .ok()
            .map(|index| listing[index].1))
    }

    fn list(&self, dir: &Oid) -> Result<Vec<(Str, Entry)>, TreeError> {
        let listing = self.objects.list(&object_id(dir)).map_err(store)?;
        Ok(listing.to_vec())
    }

    fn blob(&self, oid: &Oid, max: u64) -> Result<Bytes, TreeError> {
        blob(&self.objects, &object_id(oid), max.min(self.largest))
    }
}

/// The content of a file of at most `max` bytes.
pub(crate) fn blob(objects: &Objects, id: &ObjectId, max: u64) -> Result<Bytes, TreeError> {
    match objects.read(id, Kind::Blob, max) {
        Ok(bytes) => Ok(bytes.into()),
        Err(ObjectFault::TooLarge(_, _, limit)) => Err(TreeError::Limit {
            path: String::new(),
            what: "the file's size",
            limit,
        }),
        Err(fault) => Err(store(fault)),
    }
}

fn store(fault: ObjectFault) -> TreeError {
    TreeError::Store(fault.to_string())
}

fn object_id(oid: &Oid) -> ObjectId {
    ObjectId::from_bytes_or_panic(&oid.0[..20])
}
