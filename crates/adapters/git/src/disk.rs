//! A folder of the local disk as a tree: for `kustomize build DIR` and `app diff --local DIR`.

use argosy_object::{Digest, Str};
use argosy_tree::{Entry, Mode, Oid, Tree, TreeError};
use bytes::Bytes;
use rustix::fs::{AtFlags, CWD, Dir, FileType, OFlags, Stat};
use std::collections::HashMap;
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Most entries of one folder.
const MAX_ENTRIES: usize = 200_000;

/// Most folders that are kept open: far fewer than a process may have files open.
const MAX_OPEN: usize = 64;

/// A folder read when it is asked for. Every part of a path is opened beneath the one above it
/// without following links, so nothing outside the folder can be reached, even where somebody
/// exchanges folders for links meanwhile. A folder once opened is the one that is read.
///
/// An identity is drawn from a file's place, size and time of change, as Git's own index has it.
/// A file that changes between the look and the read is an error, not a mixture.
pub struct DiskTree {
    root_dir: PathBuf,
    root: Oid,
    seen: Mutex<HashMap<Oid, Parts>>,
    /// Folders that were opened, so that none is walked down to twice.
    open: Mutex<HashMap<Parts, Arc<OwnedFd>>>,
}

/// A path from the root, name by name.
type Parts = Arc<[Box<str>]>;

impl DiskTree {
    /// Opens a folder.
    ///
    /// # Errors
    /// The system's error where it is not there or no folder.
    pub fn open(dir: &Path) -> std::io::Result<Self> {
        let root_dir = dir.canonicalize()?;
        let fd = open_root(&root_dir)?;
        let stat = rustix::fs::fstat(&fd)?;
        let root = identity(&[], &stat, Mode::Dir);
        Ok(Self {
            root_dir,
            root,
            seen: Mutex::new(HashMap::from([(root, Parts::default())])),
            open: Mutex::new(HashMap::from([(Parts::default(), Arc::new(fd))])),
        })
    }

    fn place(&self, oid: &Oid) -> Result<Parts, TreeError> {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(oid)
            .cloned()
            .ok_or_else(|| TreeError::Store(format!("no content for {oid:?}")))
    }

    fn remember(&self, oid: Oid, parts: Parts) {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(oid, parts);
    }

    /// Opens a folder beneath the one above it, or gives it as it was opened before.
    fn dir(&self, parts: &[Box<str>]) -> Result<Arc<OwnedFd>, TreeError> {
        if let Some(fd) = self.opened(parts) {
            return Ok(fd);
        }
        let fd = match parts.split_last() {
            None => open_root(&self.root_dir).map_err(|e| fault(&[], &e))?,
            Some((name, above)) => rustix::fs::openat(
                &self.dir(above)?,
                &**name,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
                rustix::fs::Mode::empty(),
            )
            .map_err(|e| fault(parts, &e.into()))?,
        };
        let fd = Arc::new(fd);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MAX_OPEN {
            open.clear();
        }
        open.insert(parts.into(), fd.clone());
        Ok(fd)
    }

    fn opened(&self, parts: &[Box<str>]) -> Option<Arc<OwnedFd>> {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(parts)
            .cloned()
    }

    fn look(&self, fd: &OwnedFd, dir: &[Box<str>], name: &str) -> Result<Option<Entry>, TreeError> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Ok(None);
        }
        let parts: Parts = dir.iter().cloned().chain([name.into()]).collect();
        let stat = match rustix::fs::statat(fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(error) => return Err(fault(&parts, &error.into())),
        };
        // Sockets, devices and pipes are no content.
        let Some(mode) = mode(&stat) else {
            return Ok(None);
        };
        let oid = identity(&parts, &stat, mode);
        self.remember(oid, parts);
        let size = u64::try_from(stat.st_size).ok();
        Ok(Some(Entry {
            mode,
            oid,
            size: size.filter(|_| mode != Mode::Dir),
        }))
    }
}

impl Tree for DiskTree {
    fn root(&self) -> Oid {
        self.root
    }

    fn entry(&self, dir: &Oid, name: &str) -> Result<Option<Entry>, TreeError> {
        let parts = self.place(dir)?;
        let fd = self.dir(&parts)?;
        self.look(&fd, &parts, name)
    }

    fn list(&self, dir: &Oid) -> Result<Vec<(Str, Entry)>, TreeError> {
        let parts = self.place(dir)?;
        let fd = self.dir(&parts)?;
        let mut entries = Vec::new();
        for found in Dir::read_from(&*fd).map_err(|e| fault(&parts, &e.into()))? {
            let found = found.map_err(|e| fault(&parts, &e.into()))?;
            // A name that is no UTF-8 cannot be asked for.
            let Ok(name) = found.file_name().to_str() else {
                continue;
            };
            if let Some(entry) = self.look(&fd, &parts, name)? {
                entries.push((Str::from(name), entry));
            }
            if entries.len() > MAX_ENTRIES {
                return Err(TreeError::Limit {
                    path: parts.join("/"),
                    what: "the number of entries",
                    limit: MAX_ENTRIES as u64,
                });
            }
        }
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(entries)
    }

    fn blob(&self, oid: &Oid, max: u64) -> Result<Bytes, TreeError> {
        let parts = self.place(oid)?;
        let Some((name, above)) = parts.split_last() else {
            return Err(TreeError::Store("the root is not a file".into()));
        };
        let dir = self.dir(above)?;
        let stat = rustix::fs::statat(&dir, &**name, AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|e| fault(&parts, &e.into()))?;
        let same = |stat: &Stat| {
            mode(stat).is_some_and(|mode| mode != Mode::Dir && identity(&parts, stat, mode) == *oid)
        };
        if !same(&stat) {
            return Err(changed(&parts));
        }
        if mode(&stat) == Some(Mode::Link) {
            let target = rustix::fs::readlinkat(&dir, &**name, Vec::new())
                .map_err(|e| fault(&parts, &e.into()))?;
            return Ok(Bytes::from(target.into_bytes()));
        }
        let limit = || TreeError::Limit {
            path: parts.join("/"),
            what: "the file's size",
            limit: max,
        };
        if u64::try_from(stat.st_size).is_ok_and(|size| size > max) {
            return Err(limit());
        }
        let fd = rustix::fs::openat(
            &dir,
            &**name,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC,
            rustix::fs::Mode::empty(),
        )
        .map_err(|e| fault(&parts, &e.into()))?;
        let mut file = File::from(fd);
        let size = usize::try_from(stat.st_size).unwrap_or_default();
        let mut bytes = Vec::with_capacity(size.saturating_add(1));
        let read = (&mut file)
            .take(max.saturating_add(1))
            .read_to_end(&mut bytes)
            .map_err(|e| fault(&parts, &e))?;
        if read as u64 > max {
            return Err(limit());
        }
        let after = rustix::fs::fstat(&file).map_err(|e| fault(&parts, &e.into()))?;
        if same(&after) {
            Ok(bytes.into())
        } else {
            Err(changed(&parts))
        }
    }
}

fn open_root(path: &Path) -> std::io::Result<OwnedFd> {
    Ok(rustix::fs::openat(
        CWD,
        path,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )?)
}

fn mode(stat: &Stat) -> Option<Mode> {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile if stat.st_mode & 0o111 != 0 => Some(Mode::Executable),
        FileType::RegularFile => Some(Mode::File),
        FileType::Directory => Some(Mode::Dir),
        FileType::Symlink => Some(Mode::Link),
        _ => None,
    }
}

#[allow(clippy::useless_conversion, clippy::unnecessary_cast)] // widths differ by system
fn identity(parts: &[Box<str>], stat: &Stat, mode: Mode) -> Oid {
    let facts = [
        stat.st_dev as u64,
        stat.st_ino as u64,
        stat.st_size as u64,
        stat.st_mtime as u64,
        stat.st_mtime_nsec as u64,
        mode as u64,
    ];
    let facts: Vec<u8> = facts.iter().flat_map(|n| n.to_le_bytes()).collect();
    let path = parts.join("/");
    Oid(Digest::of_parts([path.as_bytes(), &facts]).0)
}

fn changed(parts: &[Box<str>]) -> TreeError {
    TreeError::Store(format!("`{}` changed while it was read", parts.join("/")))
}

fn fault(parts: &[Box<str>], error: &std::io::Error) -> TreeError {
    TreeError::Store(format!("`{}`: {error}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_tree::{Limits, RelPath, Rooted};
    use std::fs;

    fn folder() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("in/sub")).unwrap();
        fs::write(dir.path().join("in/a.yaml"), "a: 1\n").unwrap();
        fs::write(dir.path().join("in/sub/b.yaml"), "b: 2\n").unwrap();
        fs::write(dir.path().join("secret"), "no").unwrap();
        std::os::unix::fs::symlink("sub/b.yaml", dir.path().join("in/link")).unwrap();
        std::os::unix::fs::symlink("../secret", dir.path().join("in/out")).unwrap();
        std::os::unix::fs::symlink(dir.path(), dir.path().join("in/abs")).unwrap();
        dir
    }

    fn rel(path: &str) -> RelPath {
        RelPath::new(path).unwrap()
    }

    #[test]
    fn files_are_read_and_links_stay_inside() {
        let dir = folder();
        let tree = DiskTree::open(&dir.path().join("in")).unwrap();
        let rooted = Rooted::new(&tree, Limits::default());
        assert_eq!(&*rooted.read(&rel("a.yaml")).unwrap(), b"a: 1\n");
        assert_eq!(&*rooted.read(&rel("link")).unwrap(), b"b: 2\n");
        assert!(rooted.read(&rel("out")).is_err());
        assert!(rooted.read(&rel("abs/secret")).is_err());
        assert!(rooted.read(&rel("nothing")).is_err());
        let names: Vec<String> = tree
            .list(&tree.root())
            .unwrap()
            .into_iter()
            .map(|(name, entry)| format!("{name} {:?}", entry.mode))
            .collect();
        assert_eq!(
            names,
            [
                "a.yaml File",
                "abs Link",
                "link Link",
                "out Link",
                "sub Dir"
            ]
        );
    }

    #[test]
    fn a_folder_exchanged_for_a_link_is_not_followed() {
        let dir = folder();
        let inside = dir.path().join("in");
        let tree = DiskTree::open(&inside).unwrap();
        let sub = tree.entry(&tree.root(), "sub").unwrap().unwrap();
        fs::rename(inside.join("sub"), inside.join("moved")).unwrap();
        std::os::unix::fs::symlink(dir.path(), inside.join("sub")).unwrap();
        assert!(tree.entry(&sub.oid, "secret").is_err());
        assert!(tree.list(&sub.oid).is_err());
    }

    #[test]
    fn a_file_that_changes_or_is_too_large_is_an_error() {
        let dir = folder();
        let tree = DiskTree::open(&dir.path().join("in")).unwrap();
        let entry = tree.entry(&tree.root(), "a.yaml").unwrap().unwrap();
        assert_eq!(entry.size, Some(5));
        assert!(matches!(
            tree.blob(&entry.oid, 4),
            Err(TreeError::Limit { limit: 4, .. })
        ));
        fs::write(dir.path().join("in/a.yaml"), "a: 1, longer\n").unwrap();
        let error = tree.blob(&entry.oid, 100).unwrap_err();
        assert!(error.to_string().contains("changed while"), "{error}");
    }
}
