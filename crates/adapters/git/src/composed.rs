//! A commit's files with its submodules' files in their places.
//!
//! Folders are named by their content alone, so a folder above a submodule gets a name of its
//! own, drawn from its name in Git and from what is mounted below it; everything else keeps its
//! name. So two trees are equal where their content is, and a look at a folder notices a
//! submodule that came, went or moved on.

use crate::objects::{Listing, ObjectFault, Objects};
use argosy_object::{Digest, Str};
use argosy_tree::{Entry, Mode, Oid, Tree, TreeError};
use bytes::Bytes;
use gix::ObjectId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Where a name of Git's ends within an [`Oid`]; a mark of the database follows.
const SHA1: usize = 20;
const MARK: usize = 12;

/// The files of one commit of one repository.
#[derive(Clone)]
pub(crate) struct Part {
    pub objects: Arc<Objects>,
    pub root: ObjectId,
    /// Tells databases apart: empty for the outermost repository, else where a module is from.
    pub place: String,
}

impl Part {
    fn mark(&self) -> [u8; MARK] {
        let mut mark = [0; MARK];
        if !self.place.is_empty() {
            mark.copy_from_slice(&Digest::of(self.place.as_bytes()).0[..MARK]);
        }
        mark
    }
}

/// A module and where it belongs, its own modules within.
pub(crate) struct Mount {
    /// The parts of its path in the repository that names it.
    pub path: Vec<String>,
    pub part: Part,
    pub mounts: Vec<Mount>,
}

/// A tree of many repositories.
pub(crate) struct ComposedTree {
    root: Oid,
    largest: u64,
    databases: HashMap<[u8; MARK], Arc<Objects>>,
    /// Folders with something mounted in or below them.
    overlays: HashMap<Oid, Overlay>,
}

struct Overlay {
    folder: Oid,
    instead: BTreeMap<String, Entry>,
}

impl ComposedTree {
    /// Puts modules into their places. Files over `largest` bytes are refused when read.
    ///
    /// # Errors
    /// Where a folder on the way cannot be read.
    pub(crate) fn new(part: Part, mounts: &[Mount], largest: u64) -> Result<Self, ObjectFault> {
        let mut tree = Self {
            root: Oid::default(),
            largest,
            databases: HashMap::new(),
            overlays: HashMap::new(),
        };
        tree.root = tree.mount(&part, mounts)?;
        Ok(tree)
    }

    /// Takes a part in, and gives the name of its root.
    fn mount(&mut self, part: &Part, mounts: &[Mount]) -> Result<Oid, ObjectFault> {
        self.databases.insert(part.mark(), part.objects.clone());
        let mut within: Vec<(&[String], Oid)> = Vec::new();
        for mount in mounts {
            let root = self.mount(&mount.part, &mount.mounts)?;
            within.push((&mount.path, root));
        }
        self.overlay(part, &part.root, &within)
    }

    /// The name of a folder, once `mounts` are in it or below it.
    fn overlay(
        &mut self,
        part: &Part,
        folder: &ObjectId,
        mounts: &[(&[String], Oid)],
    ) -> Result<Oid, ObjectFault> {
        let plain = marked(folder, part.mark());
        if mounts.is_empty() {
            return Ok(plain);
        }
        let listing = part.objects.list(folder)?;
        let mut below: BTreeMap<&str, Vec<(&[String], Oid)>> = BTreeMap::new();
        let mut instead = BTreeMap::new();
        for (path, root) in mounts {
            match path {
                [name] => {
                    instead.insert(name.clone(), dir(*root));
                }
                [name, rest @ ..] => below.entry(name).or_default().push((rest, *root)),
                [] => {}
            }
        }
        for (name, mounts) in below {
            if let Some(entry) = find(&listing, name).filter(|entry| entry.mode == Mode::Dir) {
                let oid = self.overlay(part, &object_id(&entry.oid), &mounts)?;
                instead.insert(name.to_owned(), dir(oid));
            }
        }
        let mut parts: Vec<&[u8]> = vec![b"overlay", &plain.0];
        for (name, entry) in &instead {
            parts.extend([name.as_bytes(), &entry.oid.0]);
        }
        let oid = Oid(Digest::of_parts(parts).0);
        self.overlays.insert(
            oid,
            Overlay {
                folder: plain,
                instead,
            },
        );
        Ok(oid)
    }

    /// The database of a name, and the name in it.
    fn place(&self, oid: &Oid) -> Result<(&Arc<Objects>, ObjectId, [u8; MARK]), TreeError> {
        let mut mark = [0; MARK];
        mark.copy_from_slice(&oid.0[SHA1..]);
        match self.databases.get(&mark) {
            Some(objects) => Ok((objects, object_id(oid), mark)),
            None => Err(TreeError::Store(format!("no content for {oid:?}"))),
        }
    }

    fn listing(&self, dir: &Oid) -> Result<(Listing, [u8; MARK]), TreeError> {
        let (objects, id, mark) = self.place(dir)?;
        let listing = objects.list(&id).map_err(store)?;
        Ok((listing, mark))
    }
}

impl Tree for ComposedTree {
    fn root(&self) -> Oid {
        self.root
    }

    fn entry(&self, dir: &Oid, name: &str) -> Result<Option<Entry>, TreeError> {
        let overlay = self.overlays.get(dir);
        if let Some(entry) = overlay.and_then(|overlay| overlay.instead.get(name)) {
            return Ok(Some(*entry));
        }
        let folder = overlay.map_or(dir, |overlay| &overlay.folder);
        let (listing, mark) = self.listing(folder)?;
        Ok(find(&listing, name).map(|entry| with_mark(entry, mark)))
    }

    fn list(&self, dir: &Oid) -> Result<Vec<(Str, Entry)>, TreeError> {
        let overlay = self.overlays.get(dir);
        let folder = overlay.map_or(dir, |overlay| &overlay.folder);
        let (listing, mark) = self.listing(folder)?;
        let entries = listing.iter().map(|(name, entry)| {
            let instead = overlay.and_then(|overlay| overlay.instead.get(&**name));
            let entry = instead.map_or_else(|| with_mark(*entry, mark), |entry| *entry);
            (name.clone(), entry)
        });
        Ok(entries.collect())
    }

    fn blob(&self, oid: &Oid, max: u64) -> Result<Bytes, TreeError> {
        let (objects, id, _) = self.place(oid)?;
        crate::tree::blob(objects, &id, max.min(self.largest))
    }
}

fn find(listing: &Listing, name: &str) -> Option<Entry> {
    let index = listing.binary_search_by(|(at, _)| (**at).cmp(name)).ok()?;
    Some(listing[index].1)
}

fn dir(oid: Oid) -> Entry {
    Entry {
        mode: Mode::Dir,
        oid,
        size: None,
    }
}

fn marked(id: &ObjectId, mark: [u8; MARK]) -> Oid {
    let mut oid = Oid::from_bytes(id.as_bytes());
    oid.0[SHA1..].copy_from_slice(&mark);
    oid
}

fn with_mark(mut entry: Entry, mark: [u8; MARK]) -> Entry {
    entry.oid.0[SHA1..].copy_from_slice(&mark);
    entry
}

fn object_id(oid: &Oid) -> ObjectId {
    ObjectId::from_bytes_or_panic(&oid.0[..SHA1])
}

fn store(fault: ObjectFault) -> TreeError {
    TreeError::Store(fault.to_string())
}
