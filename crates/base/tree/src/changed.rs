//! Which paths differ between two trees, and whether a read set notices.

use crate::{Entry, Mode, Oid, Probe, ReadSet, RelPath, Tree, TreeError};
use argosy_object::Str;
use std::collections::{BTreeMap, BTreeSet};

/// The paths in which two trees differ.
///
/// Costs one listing a differing folder; equal folders are skipped by identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// Paths of files, links and folders that came, went or changed content.
    paths: BTreeSet<RelPath>,
    /// Folders whose list of names or modes changed.
    names: BTreeSet<RelPath>,
}

/// Compares two trees.
///
/// # Errors
/// Where a tree cannot be read.
pub fn touched(old: &dyn Tree, new: &dyn Tree) -> Result<Changed, TreeError> {
    let mut changed = Changed::default();
    compare(
        old,
        new,
        &RelPath::root(),
        Some(old.root()),
        Some(new.root()),
        &mut changed,
    )?;
    Ok(changed)
}

fn compare(
    old: &dyn Tree,
    new: &dyn Tree,
    at: &RelPath,
    old_dir: Option<Oid>,
    new_dir: Option<Oid>,
    changed: &mut Changed,
) -> Result<(), TreeError> {
    if old_dir == new_dir {
        return Ok(());
    }
    let before = entries(old, old_dir)?;
    let after = entries(new, new_dir)?;
    let names: BTreeSet<&Str> = before.keys().chain(after.keys()).collect();
    for name in names {
        let (was, is) = (before.get(name), after.get(name));
        if was.map(|e| (e.mode, e.oid)) == is.map(|e| (e.mode, e.oid)) {
            continue;
        }
        let path = at.child(name);
        if was.map(|e| e.mode) != is.map(|e| e.mode) {
            changed.names.insert(at.clone());
            changed.paths.insert(path.clone());
        }
        let dir = |entry: Option<&Entry>| entry.filter(|e| e.mode == Mode::Dir).map(|e| e.oid);
        if dir(was).is_some() || dir(is).is_some() {
            compare(old, new, &path, dir(was), dir(is), changed)?;
        }
        if dir(was).is_none() || dir(is).is_none() {
            changed.paths.insert(path);
        }
    }
    Ok(())
}

fn entries(tree: &dyn Tree, dir: Option<Oid>) -> Result<BTreeMap<Str, Entry>, TreeError> {
    Ok(match dir {
        Some(dir) => tree.list(&dir)?.into_iter().collect(),
        None => BTreeMap::new(),
    })
}

impl Changed {
    /// Whether the trees are equal.
    pub fn is_empty(&self) -> bool {
        self.paths.is_empty()
    }

    /// The changed paths.
    pub fn paths(&self) -> impl Iterator<Item = &RelPath> {
        self.paths.iter()
    }

    /// Whether an answer in `reads` may have changed. Never misses one; where a folder became a
    /// file or the reverse it may say yes too often.
    pub fn hits(&self, reads: &ReadSet) -> bool {
        reads.iter().any(|(path, probe)| match probe {
            Probe::Subtree(_) => self.any_within(path) || self.any_above(path),
            Probe::Names(_) => self.names.contains(path) || self.any_above(path),
            Probe::Dir | Probe::Submodule | Probe::Absent | Probe::File(_) | Probe::Link(_) => {
                self.paths.contains(path) || self.any_above(path)
            }
        })
    }

    fn any_within(&self, dir: &RelPath) -> bool {
        if dir.is_root() {
            return !self.paths.is_empty();
        }
        // Between `dir` and `dir/…` only names that extend the last part can stand.
        self.paths
            .range(dir.clone()..)
            .take_while(|p| p.as_str().starts_with(dir.as_str()))
            .any(|p| p.is_within(dir))
    }

    fn any_above(&self, path: &RelPath) -> bool {
        let mut at = path.clone();
        while !at.is_root() {
            if self.paths.contains(&at) {
                return true;
            }
            at = at.parent();
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Limits, MemoryTree, Rooted};
    use proptest::prelude::*;

    fn tree(files: &[(String, String)]) -> MemoryTree {
        MemoryTree::new(files.iter().map(|(p, c)| (p.clone(), c.clone())))
    }

    #[test]
    fn a_new_file_changes_names_and_nothing_else() {
        let old = MemoryTree::new([("a/x", "1"), ("b/y", "1")]);
        let new = MemoryTree::new([("a/x", "1"), ("a/z", "1"), ("b/y", "1")]);
        let changed = touched(&old, &new).unwrap();
        let rooted = Rooted::new(&old, Limits::default());
        rooted.names(&RelPath::new("b").unwrap()).unwrap();
        rooted.read(&RelPath::new("a/x").unwrap()).unwrap();
        assert!(!changed.hits(&rooted.reads()));
        rooted.names(&RelPath::new("a").unwrap()).unwrap();
        assert!(changed.hits(&rooted.reads()));
    }

    fn files() -> impl Strategy<Value = Vec<(String, String)>> {
        proptest::collection::vec(
            ("[ab](/[abc](/[ab])?)?", "[01]").prop_map(|(p, c)| (format!("{p}.f"), c)),
            0..8,
        )
    }

    proptest! {
        #[test]
        fn a_change_is_never_missed(old in files(), new in files(), look in "[ab](/[abc](/[ab])?)?") {
            let (old, new) = (tree(&old), tree(&new));
            let rooted = Rooted::new(&old, Limits::default());
            let _ = rooted.try_read(&RelPath::new(&format!("{look}.f")).unwrap());
            let _ = rooted.names(&RelPath::new(&look).unwrap());
            let reads = rooted.reads();
            prop_assert!(reads.holds(&old).unwrap());
            if !reads.holds(&new).unwrap() {
                prop_assert!(touched(&old, &new).unwrap().hits(&reads));
            }
        }
    }
}
