//! A tree in memory: for tests, archives and generated files.

use crate::{Entry, Mode, Oid, RelPath, Tree, TreeError};
use argosy_object::{Digest, Str};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};

/// A tree held in memory, built from paths and contents.
#[derive(Clone, Debug, Default)]
pub struct MemoryTree {
    files: BTreeMap<RelPath, (Mode, Bytes)>,
    dirs: HashMap<Oid, Vec<(Str, Entry)>>,
    blobs: HashMap<Oid, Bytes>,
    root: Oid,
}

impl MemoryTree {
    /// Builds a tree from paths and contents; a later path replaces an equal earlier one.
    ///
    /// # Panics
    /// Where a path climbs out of the root: callers check their paths first.
    pub fn new<P: AsRef<str>, B: Into<Bytes>>(files: impl IntoIterator<Item = (P, B)>) -> Self {
        let files = files.into_iter().map(|(path, bytes)| {
            (
                RelPath::new(path.as_ref()).expect("path stays inside"),
                (Mode::File, bytes.into()),
            )
        });
        Self::from_entries(files)
    }

    /// Builds a tree from paths, modes and contents; `Dir` and `Submodule` modes are ignored.
    pub fn from_entries(files: impl IntoIterator<Item = (RelPath, (Mode, Bytes))>) -> Self {
        let mut tree = Self {
            files: files.into_iter().collect(),
            ..Self::default()
        };
        tree.index();
        tree
    }

    /// Adds a symbolic link.
    #[must_use]
    pub fn with_link(self, path: &str, target: &str) -> Self {
        self.with(path, Mode::Link, target.to_owned())
    }

    /// Adds or replaces one entry.
    #[must_use]
    pub fn with(mut self, path: &str, mode: Mode, bytes: impl Into<Bytes>) -> Self {
        let path = RelPath::new(path).expect("path stays inside");
        self.files.insert(path, (mode, bytes.into()));
        self.index();
        self
    }

    fn index(&mut self) {
        self.dirs.clear();
        self.blobs.clear();
        let mut root = Folder::default();
        for (path, (mode, bytes)) in &self.files {
            let oid = Oid(Digest::of(bytes).0);
            self.blobs.insert(oid, bytes.clone());
            let entry = Entry {
                mode: *mode,
                oid,
                size: Some(bytes.len() as u64),
            };
            root.insert(&path.parts().collect::<Vec<_>>(), entry);
        }
        self.root = self.store(root);
    }

    fn store(&mut self, folder: Folder) -> Oid {
        let entries: Vec<(Str, Entry)> = folder
            .children
            .into_iter()
            .map(|(name, child)| match child {
                Child::Leaf(entry) => (name.as_str().into(), entry),
                Child::Folder(folder) => {
                    let oid = self.store(folder);
                    (
                        name.as_str().into(),
                        Entry {
                            mode: Mode::Dir,
                            oid,
                            size: None,
                        },
                    )
                }
            })
            .collect();
        let lines: Vec<String> = entries
            .iter()
            .map(|(name, e)| format!("{:?} {:?} {name}", e.mode, e.oid.0))
            .collect();
        let oid = Oid(Digest::of_parts(lines.iter().map(String::as_bytes)).0);
        self.dirs.insert(oid, entries);
        oid
    }
}

#[derive(Default)]
struct Folder {
    children: BTreeMap<String, Child>,
}

enum Child {
    Leaf(Entry),
    Folder(Folder),
}

impl Folder {
    fn insert(&mut self, parts: &[&str], leaf: Entry) {
        match parts {
            [] => {}
            [name] => {
                self.children.insert((*name).into(), Child::Leaf(leaf));
            }
            [dir, rest @ ..] => {
                let child = self
                    .children
                    .entry((*dir).into())
                    .or_insert_with(|| Child::Folder(Self::default()));
                if let Child::Folder(folder) = child {
                    folder.insert(rest, leaf);
                }
            }
        }
    }
}

impl Tree for MemoryTree {
    fn root(&self) -> Oid {
        self.root
    }

    fn entry(&self, dir: &Oid, name: &str) -> Result<Option<Entry>, TreeError> {
        let entries = self.dirs.get(dir).ok_or_else(|| missing(dir))?;
        Ok(entries
            .binary_search_by(|(at, _)| (**at).cmp(name))
            .ok()
            .map(|index| entries[index].1))
    }

    fn list(&self, dir: &Oid) -> Result<Vec<(Str, Entry)>, TreeError> {
        self.dirs.get(dir).cloned().ok_or_else(|| missing(dir))
    }

    fn blob(&self, oid: &Oid, max: u64) -> Result<Bytes, TreeError> {
        let bytes = self.blobs.get(oid).ok_or_else(|| missing(oid))?;
        if bytes.len() as u64 > max {
            return Err(TreeError::Limit {
                path: String::new(),
                what: "the file's size",
                limit: max,
            });
        }
        Ok(bytes.clone())
    }
}

fn missing(oid: &Oid) -> TreeError {
    TreeError::Store(format!("no content for {oid:?}"))
}
