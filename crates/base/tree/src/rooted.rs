//! The only reader that renderers get.

use crate::reads::names_digest;
use crate::{Mode, Oid, Probe, ReadSet, RelPath, Tree, TreeError};
use argosy_object::Str;
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard};

/// How many links one look may pass.
pub(crate) const MAX_LINKS: u32 = 40;

/// Bounds on what one rendering may read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest file, in bytes.
    pub file_bytes: u64,
    /// All files together, in bytes, each read counted.
    pub total_bytes: u64,
    /// Number of looks.
    pub looks: u64,
}

impl Default for Limits {
    /// 32 MiB a file, 256 MiB in all, 200,000 looks.
    fn default() -> Self {
        Self {
            file_bytes: 32 << 20,
            total_bytes: 256 << 20,
            looks: 200_000,
        }
    }
}

/// What a path leads to, links followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// The path after all links.
    pub path: RelPath,
    /// What is there.
    pub mode: Mode,
    /// Its identity.
    pub oid: Oid,
}

/// Reads a tree within its root and within limits, and records every look.
pub struct Rooted<'t> {
    tree: &'t dyn Tree,
    limits: Limits,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    reads: ReadSet,
    bytes: u64,
    looks: u64,
    /// Folders that looks came through, by their plain paths: no more than the tree has.
    dirs: HashMap<RelPath, Oid>,
}

impl<'t> Rooted<'t> {
    /// A reader of `tree`.
    pub fn new(tree: &'t dyn Tree, limits: Limits) -> Self {
        Self {
            tree,
            limits,
            state: Mutex::default(),
        }
    }

    /// The looks so far.
    pub fn reads(&self) -> ReadSet {
        self.state().reads.clone()
    }

    /// The content of a file, links followed.
    ///
    /// # Errors
    /// [`TreeError::NotFound`] or [`TreeError::NotAFile`] with the path that was asked for;
    /// limits; links that leave the tree.
    pub fn read(&self, path: &RelPath) -> Result<Bytes, TreeError> {
        self.try_read(path)?
            .ok_or_else(|| TreeError::NotFound(path.clone()))
    }

    /// The content of a file, `None` where nothing is there.
    pub fn try_read(&self, path: &RelPath) -> Result<Option<Bytes>, TreeError> {
        let Some(node) = self.look(path)? else {
            return Ok(None);
        };
        if !matches!(node.mode, Mode::File | Mode::Executable) {
            return Err(TreeError::NotAFile(path.clone()));
        }
        let bytes =
            self.tree
                .blob(&node.oid, self.limits.file_bytes)
                .map_err(|error| match error {
                    TreeError::Limit { what, limit, .. } => TreeError::Limit {
                        path: path.to_string(),
                        what,
                        limit,
                    },
                    other => other,
                })?;
        let mut state = self.state();
        state.bytes += bytes.len() as u64;
        if state.bytes > self.limits.total_bytes {
            return Err(TreeError::Limit {
                path: path.to_string(),
                what: "the size of all files read",
                limit: self.limits.total_bytes,
            });
        }
        Ok(Some(bytes))
    }

    /// What a path leads to, links followed; `None` where nothing is there.
    pub fn look(&self, path: &RelPath) -> Result<Option<Node>, TreeError> {
        let node = self.resolve(path)?;
        let (at, probe) = match &node {
            None => (path.clone(), Probe::Absent),
            Some(node) => (
                node.path.clone(),
                match node.mode {
                    Mode::File | Mode::Executable => Probe::File(node.oid),
                    Mode::Dir => Probe::Dir,
                    Mode::Submodule => Probe::Submodule,
                    Mode::Link => unreachable!("links are followed"),
                },
            ),
        };
        self.state().reads.record(at, probe);
        Ok(node)
    }

    /// Whether a file is there, links followed.
    pub fn is_file(&self, path: &RelPath) -> Result<bool, TreeError> {
        Ok(self
            .look(path)?
            .is_some_and(|n| matches!(n.mode, Mode::File | Mode::Executable)))
    }

    /// Whether a folder is there, links followed.
    pub fn is_dir(&self, path: &RelPath) -> Result<bool, TreeError> {
        Ok(self.look(path)?.is_some_and(|n| n.mode == Mode::Dir))
    }

    /// Names and modes of a folder's entries, sorted; links are not followed here.
    pub fn names(&self, path: &RelPath) -> Result<Vec<(Str, Mode)>, TreeError> {
        let node = self.dir(path)?;
        let entries = self.tree.list(&node.oid)?;
        self.count(entries.len() as u64)?;
        self.state()
            .reads
            .record(node.path, Probe::Names(names_digest(&entries)));
        Ok(entries
            .into_iter()
            .map(|(name, entry)| (name, entry.mode))
            .collect())
    }

    /// The identity of a folder with all its content.
    pub fn subtree(&self, path: &RelPath) -> Result<Oid, TreeError> {
        let node = self.dir(path)?;
        self.state()
            .reads
            .record(node.path, Probe::Subtree(node.oid));
        Ok(node.oid)
    }

    /// All files below a folder, by path from the root, sorted; folder links are not entered,
    /// file links are listed under their own names.
    pub fn walk(&self, path: &RelPath) -> Result<Vec<RelPath>, TreeError> {
        let mut files = Vec::new();
        let mut open = vec![path.clone()];
        while let Some(dir) = open.pop() {
            for (name, mode) in self.names(&dir)? {
                let child = dir.child(&name);
                match mode {
                    Mode::Dir => open.push(child),
                    Mode::File | Mode::Executable => files.push(child),
                    Mode::Link => {
                        if self.is_file(&child)? {
                            files.push(child);
                        }
                    }
                    Mode::Submodule => {}
                }
            }
        }
        files.sort();
        Ok(files)
    }

    /// One entry by its plain path, no link followed and nothing recorded.
    pub(crate) fn plain(tree: &dyn Tree, path: &RelPath) -> Result<Option<Node>, TreeError> {
        let mut node = Node {
            path: path.clone(),
            mode: Mode::Dir,
            oid: tree.root(),
        };
        for part in path.parts() {
            if node.mode != Mode::Dir {
                return Ok(None);
            }
            let Some(entry) = tree.entry(&node.oid, part)? else {
                return Ok(None);
            };
            (node.mode, node.oid) = (entry.mode, entry.oid);
        }
        Ok(Some(node))
    }

    fn dir(&self, path: &RelPath) -> Result<Node, TreeError> {
        let node = self
            .look(path)?
            .ok_or_else(|| TreeError::NotFound(path.clone()))?;
        if node.mode == Mode::Dir {
            Ok(node)
        } else {
            Err(TreeError::NotADir(path.clone()))
        }
    }

    fn resolve(&self, path: &RelPath) -> Result<Option<Node>, TreeError> {
        self.count(1)?;
        let mut links = 0;
        let mut node = self.nearest(path);
        let below = path.strip(&node.path).unwrap_or_default();
        let mut rest: Vec<String> = below
            .rsplit('/')
            .filter(|part| !part.is_empty())
            .map(Into::into)
            .collect();
        while let Some(part) = rest.pop() {
            if node.mode != Mode::Dir {
                self.state()
                    .reads
                    .record(node.path.clone(), self.probe(&node));
                return Ok(None);
            }
            let at = node.path.child(&part);
            let Some(entry) = self.tree.entry(&node.oid, &part)? else {
                self.state().reads.record(at, Probe::Absent);
                return Ok(None);
            };
            if entry.mode == Mode::Link {
                links += 1;
                if links > MAX_LINKS {
                    return Err(TreeError::TooManyLinks(path.clone()));
                }
                let target = self.follow(path, &at, &entry.oid)?;
                rest.extend(target.parts().rev().map(String::from));
                node = Node {
                    path: RelPath::root(),
                    mode: Mode::Dir,
                    oid: self.tree.root(),
                };
            } else {
                if entry.mode == Mode::Dir {
                    self.state().dirs.insert(at.clone(), entry.oid);
                }
                node = Node {
                    path: at,
                    mode: entry.mode,
                    oid: entry.oid,
                };
            }
        }
        Ok(Some(node))
    }

    /// The folder next above `path` that an earlier look came through.
    fn nearest(&self, path: &RelPath) -> Node {
        let state = self.state();
        let mut dir = path.parent();
        let known = loop {
            if dir.is_root() {
                break self.tree.root();
            }
            if let Some(oid) = state.dirs.get(&dir) {
                break *oid;
            }
            dir = dir.parent();
        };
        Node {
            path: dir,
            mode: Mode::Dir,
            oid: known,
        }
    }

    /// Where a link leads, as a path from the root.
    fn follow(&self, asked: &RelPath, at: &RelPath, oid: &Oid) -> Result<RelPath, TreeError> {
        let target = self.tree.blob(oid, 4096)?;
        self.state()
            .reads
            .record(at.clone(), Probe::Link(target.clone()));
        let outside = |reason: String| TreeError::Outside {
            path: asked.to_string(),
            reason,
        };
        let text = std::str::from_utf8(&target)
            .map_err(|_| outside(format!("the link `{at}` is not UTF-8")))?;
        if text.starts_with('/') {
            return Err(outside(format!("the link `{at}` is absolute (`{text}`)")));
        }
        at.parent()
            .join(text)
            .map_err(|_| outside(format!("the link `{at}` points to `{text}`")))
    }

    fn probe(&self, node: &Node) -> Probe {
        match node.mode {
            Mode::Dir => Probe::Dir,
            Mode::Submodule => Probe::Submodule,
            _ => Probe::File(node.oid),
        }
    }

    fn count(&self, looks: u64) -> Result<(), TreeError> {
        let mut state = self.state();
        state.looks += looks;
        if state.looks > self.limits.looks {
            return Err(TreeError::Limit {
                path: String::new(),
                what: "the number of files looked at",
                limit: self.limits.looks,
            });
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryTree;

    fn path(text: &str) -> RelPath {
        RelPath::new(text).unwrap()
    }

    #[test]
    fn links_inside_are_followed_and_recorded() {
        let tree = MemoryTree::new([("a/f.yaml", "x")]).with_link("b/l", "../a");
        let rooted = Rooted::new(&tree, Limits::default());
        assert_eq!(rooted.read(&path("b/l/f.yaml")).unwrap(), "x");
        let reads = rooted.reads();
        let paths: Vec<_> = reads.iter().map(|(p, _)| p.as_str().to_owned()).collect();
        assert_eq!(paths, ["a/f.yaml", "b/l"]);
        assert!(reads.holds(&tree).unwrap());
    }

    #[test]
    fn links_outside_are_refused() {
        let tree = MemoryTree::new([("a", "x")])
            .with_link("up", "../etc")
            .with_link("abs", "/etc");
        let rooted = Rooted::new(&tree, Limits::default());
        for name in ["up", "abs"] {
            assert!(matches!(
                rooted.read(&path(name)),
                Err(TreeError::Outside { .. })
            ));
        }
    }

    #[test]
    fn link_loop_ends() {
        let tree = MemoryTree::new([("a", "x")])
            .with_link("l", "m")
            .with_link("m", "l");
        let rooted = Rooted::new(&tree, Limits::default());
        assert!(matches!(
            rooted.read(&path("l")),
            Err(TreeError::TooManyLinks(_))
        ));
    }

    #[test]
    fn absence_is_part_of_the_read_set() {
        let tree = MemoryTree::new([("a", "x")]);
        let rooted = Rooted::new(&tree, Limits::default());
        assert_eq!(rooted.try_read(&path("b/c")).unwrap(), None);
        let reads = rooted.reads();
        assert!(reads.holds(&tree).unwrap());
        assert!(
            !reads
                .holds(&MemoryTree::new([("a", "x"), ("b/c", "y")]))
                .unwrap()
        );
    }

    #[test]
    fn file_over_the_limit_is_named() {
        let tree = MemoryTree::new([("big", "0123456789")]);
        let rooted = Rooted::new(
            &tree,
            Limits {
                file_bytes: 5,
                ..Limits::default()
            },
        );
        let error = rooted.read(&path("big")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`big`: the file's size is over the limit of 5"
        );
    }
}
