//! What a rendering looked at, and what it saw.

use crate::{Mode, Node, Oid, RelPath, Rooted, Tree, TreeError};
use argosy_object::Digest;
use bytes::Bytes;
use std::collections::BTreeMap;

/// The answer to one look at a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Probe {
    /// Nothing was there.
    Absent,
    /// A file of this content.
    File(Oid),
    /// A folder; its content was not looked at.
    Dir,
    /// A folder whose entries have these names and modes.
    Names(Digest),
    /// A folder all of whose content was used.
    Subtree(Oid),
    /// A symbolic link to this target.
    Link(Bytes),
    /// A submodule.
    Submodule,
}

/// All looks of one rendering: path to answer.
///
/// A path may carry a second answer (`Link` and what it leads to stand under their own paths, so
/// only `Dir` and a stronger answer can meet); the stronger one is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadSet(BTreeMap<RelPath, Probe>);

impl ReadSet {
    /// Records one look.
    pub fn record(&mut self, path: RelPath, probe: Probe) {
        let slot = self.0.entry(path).or_insert_with(|| probe.clone());
        if strength(&probe) > strength(slot) {
            *slot = probe;
        }
    }

    /// The looks, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&RelPath, &Probe)> {
        self.0.iter()
    }

    /// How many paths were looked at.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether nothing was looked at.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes over the looks of another rendering of the same tree.
    pub fn merge(&mut self, other: &Self) {
        for (path, probe) in &other.0 {
            self.record(path.clone(), probe.clone());
        }
    }

    /// Whether `tree` gives every recorded answer. Costs one look a path.
    ///
    /// # Errors
    /// Where the tree cannot be read.
    pub fn holds(&self, tree: &dyn Tree) -> Result<bool, TreeError> {
        for (path, probe) in &self.0 {
            if !probe_holds(tree, path, probe)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// A digest of all looks and answers.
    pub fn digest(&self) -> Digest {
        let lines: Vec<String> = self.0.iter().map(|(p, a)| format!("{p}\0{a:?}")).collect();
        Digest::of_parts(lines.iter().map(String::as_bytes))
    }
}

/// A subtree says more than names, names more than that there is a folder.
fn strength(probe: &Probe) -> u8 {
    match probe {
        Probe::Dir => 0,
        Probe::Names(_) => 1,
        Probe::Subtree(_) => 2,
        _ => 3,
    }
}

fn probe_holds(tree: &dyn Tree, path: &RelPath, probe: &Probe) -> Result<bool, TreeError> {
    let node = Rooted::plain(tree, path)?;
    Ok(match (probe, node) {
        (Probe::Absent, None) => true,
        (
            Probe::File(oid),
            Some(Node {
                mode: Mode::File | Mode::Executable,
                oid: now,
                ..
            }),
        ) => *oid == now,
        (Probe::Dir, Some(node)) => node.mode == Mode::Dir,
        (Probe::Names(digest), Some(node)) if node.mode == Mode::Dir => {
            names_digest(&tree.list(&node.oid)?) == *digest
        }
        (Probe::Subtree(oid), Some(node)) if node.mode == Mode::Dir => *oid == node.oid,
        (Probe::Link(target), Some(node)) if node.mode == Mode::Link => {
            tree.blob(&node.oid, 4096)? == *target
        }
        (Probe::Submodule, Some(node)) => node.mode == Mode::Submodule,
        _ => false,
    })
}

/// Digest of a folder's names and modes.
pub(crate) fn names_digest(entries: &[(argosy_object::Str, crate::Entry)]) -> Digest {
    let lines: Vec<String> = entries
        .iter()
        .map(|(name, entry)| format!("{:?} {name}", entry.mode))
        .collect();
    Digest::of_parts(lines.iter().map(String::as_bytes))
}
