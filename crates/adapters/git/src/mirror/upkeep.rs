//! What keeps a mirror small: leftovers of killed fetches, packs that pile up, commits that
//! nothing leads to any more, and mirrors that nobody looks at.
//!
//! Nothing is repacked. A mirror that has become too large for what is in it is cloned anew, which
//! costs what the first clone did and leaves one pack of what the server still has.

use crate::objects::Objects;
use crate::refs::{Refs, Target};
use gix::ObjectId;
use std::collections::{HashSet, VecDeque};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Packs after which a mirror is cloned anew instead of fetched into.
const MAX_PACKS: usize = 400;
/// How much a mirror may grow beyond twice its largest pack, in bytes.
const SLACK: u64 = 64 << 20;
/// How many commits are walked to learn whether a branch was rewritten.
const MAX_WALK: usize = 2000;
/// The file whose age says since when there may be commits that nothing leads to.
const GARBAGE: &str = "garbage";

/// Removes what a killed fetch left behind: everything but packs with their indices.
pub(super) fn clean(packs: &Path) {
    let files: Vec<PathBuf> = fs::read_dir(packs)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    let has = |path: &Path, ext: &str| files.contains(&path.with_extension(ext));
    for path in &files {
        let is_whole = match path.extension().and_then(OsStr::to_str) {
            Some("pack") => has(path, "idx"),
            Some("idx" | "rev") => has(path, "pack"),
            _ => false,
        };
        if !is_whole {
            // What cannot be removed now is tried again at the next look.
            let _ = fs::remove_file(path);
        }
    }
}

/// Whether a mirror is better cloned anew: too many packs, too much beside the largest of them,
/// or commits that nothing leads to for longer than `patience`.
pub(super) fn is_worn(dir: &Path, patience: Duration) -> bool {
    let sizes: Vec<u64> = fs::read_dir(dir.join("objects/pack"))
        .into_iter()
        .flatten()
        .flatten()
        .filter(|entry| entry.path().extension() == Some(OsStr::new("pack")))
        .filter_map(|entry| Some(entry.metadata().ok()?.len()))
        .collect();
    let largest = sizes.iter().max().copied().unwrap_or(0);
    let whole: u64 = sizes.iter().sum();
    sizes.len() >= MAX_PACKS
        || whole > 2 * largest + SLACK
        || age(&dir.join(GARBAGE)).is_some_and(|age| age >= patience)
}

/// Notes where the references' change leaves commits behind. The first note counts.
pub(super) fn note_garbage(dir: &Path, before: &Refs, after: &Refs, objects: &Objects) {
    let file = dir.join(GARBAGE);
    if !file.exists() && leaves_some(before, after, objects) {
        // Without the note they stay a little longer, until the mirror grows.
        let _ = File::create(file);
    }
}

/// Whether a reference went, or moved to where its old commit is not in the history.
fn leaves_some(before: &Refs, after: &Refs, objects: &Objects) -> bool {
    before
        .0
        .iter()
        .any(|(name, target)| match (target, after.0.get(name)) {
            (Target::Object(_), None) => true,
            (Target::Object(old), Some(Target::Object(new))) => {
                old != new && !is_ancestor(objects, old, new)
            }
            _ => false,
        })
}

fn is_ancestor(objects: &Objects, old: &ObjectId, new: &ObjectId) -> bool {
    let (Ok(old), Ok(new)) = (objects.peel(old), objects.peel(new)) else {
        return false;
    };
    let mut seen = HashSet::from([new]);
    let mut queue = VecDeque::from([new]);
    while let Some(id) = queue.pop_front() {
        if id == old {
            return true;
        }
        if seen.len() > MAX_WALK {
            return false;
        }
        for parent in objects.parents(&id) {
            if objects.exists(&parent) && seen.insert(parent) {
                queue.push_back(parent);
            }
        }
    }
    false
}

/// Removes mirrors that nobody has looked at for longer than `patience`. One that is in use, here
/// or in another process, is locked and stays.
pub(crate) fn sweep(mirrors: &Path, patience: Duration) {
    for entry in fs::read_dir(mirrors).into_iter().flatten().flatten() {
        let lock = entry.path();
        let is_old = lock.extension() == Some(OsStr::new("lock"))
            && age(&lock).is_some_and(|age| age > patience);
        if !is_old {
            continue;
        }
        let Ok(file) = File::options().write(true).open(&lock) else {
            continue;
        };
        if file.try_lock().is_ok() {
            for ext in ["", "new", "old"] {
                // What cannot be removed now is tried at the next start.
                let _ = fs::remove_dir_all(lock.with_extension(ext));
            }
            let _ = fs::remove_file(&lock);
        }
    }
}

fn age(file: &Path) -> Option<Duration> {
    let modified = fs::metadata(file).ok()?.modified().ok()?;
    // A clock that was set back makes nothing old.
    Some(modified.elapsed().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_whole_packs_survive_a_killed_fetch() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            "a.pack", "a.idx", "a.rev", "b.pack", "c.idx", "tmp_1", "a.keep",
        ] {
            fs::write(dir.path().join(name), "").unwrap();
        }
        clean(dir.path());
        assert_eq!(names(dir.path()), ["a.idx", "a.pack", "a.rev"]);
    }

    #[test]
    fn a_mirror_is_worn_by_packs_by_size_and_by_garbage_that_is_old() {
        let dir = tempfile::tempdir().unwrap();
        let packs = dir.path().join("objects/pack");
        fs::create_dir_all(&packs).unwrap();
        let pack = |name: &str, size: u64| {
            let file = File::create(packs.join(name)).unwrap();
            file.set_len(size).unwrap();
        };
        let hour = Duration::from_hours(1);
        pack("a.pack", 1000);
        pack("b.pack", SLACK);
        assert!(!is_worn(dir.path(), hour));
        for n in 0..4 {
            pack(&format!("c{n}.pack"), SLACK);
        }
        assert!(is_worn(dir.path(), hour));
        for n in 0..4 {
            fs::remove_file(packs.join(format!("c{n}.pack"))).unwrap();
        }
        File::create(dir.path().join(GARBAGE)).unwrap();
        assert!(!is_worn(dir.path(), hour));
        assert!(is_worn(dir.path(), Duration::ZERO));
        for n in 0..MAX_PACKS {
            pack(&format!("d{n}.pack"), 0);
        }
        fs::remove_file(dir.path().join(GARBAGE)).unwrap();
        assert!(is_worn(dir.path(), hour));
    }

    #[test]
    fn mirrors_that_nobody_looks_at_are_removed_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        let long_ago = SystemTime::now() - Duration::from_hours(1000);
        for (name, is_old) in [("old", true), ("held", true), ("young", false)] {
            fs::create_dir(dir.path().join(name)).unwrap();
            let lock = File::create(dir.path().join(format!("{name}.lock"))).unwrap();
            if is_old {
                lock.set_modified(long_ago).unwrap();
            }
        }
        let held = File::open(dir.path().join("held.lock")).unwrap();
        held.try_lock().unwrap();
        sweep(dir.path(), Duration::from_hours(720));
        assert_eq!(
            names(dir.path()),
            ["held", "held.lock", "young", "young.lock"]
        );
    }
}
