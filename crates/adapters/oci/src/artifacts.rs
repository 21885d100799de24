//! Archives on disk by their digest, and which digest a version of a chart had.
//!
//! Each belongs to a partition, a URL and a credential: who names the digest of an archive that
//! another tenant has fetched does not get it by that. Bounded: the files that were used longest
//! ago go first. What is read is checked, so that a damaged file is fetched again and never
//! rendered.

use crate::error::ChartError;
use argosy_object::Digest;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

/// Files looked at when room is made.
const MAX_FILES: usize = 100_000;

/// A folder of archives.
#[derive(Debug)]
pub struct Artifacts {
    dir: PathBuf,
    max_bytes: u64,
    making_room: Mutex<()>,
}

impl Artifacts {
    /// A folder of at most `max_bytes`; made at the first write.
    pub fn new(dir: impl Into<PathBuf>, max_bytes: u64) -> Self {
        Self {
            dir: dir.into(),
            max_bytes,
            making_room: Mutex::new(()),
        }
    }

    /// The archive of this SHA-256 in hex, where it is there and whole.
    pub fn get(&self, partition: &Digest, digest: &str) -> Option<Vec<u8>> {
        let path = self.path(partition, digest);
        let size = std::fs::metadata(&path).ok()?.len();
        if size > crate::MAX_ARCHIVE_BYTES {
            return None;
        }
        let data = std::fs::read(&path).ok()?;
        if Digest::of(&data).hex() != digest {
            // Not what it was: as good as absent.
            let _ = std::fs::remove_file(&path);
            return None;
        }
        touch(&path);
        Some(data)
    }

    /// Keeps an archive and returns its SHA-256.
    ///
    /// # Errors
    /// [`ChartError::Disk`].
    pub fn put(&self, partition: &Digest, data: &[u8]) -> Result<String, ChartError> {
        let digest = Digest::of(data).hex();
        let path = self.path(partition, &digest);
        if !path.exists() {
            write(&path, data)?;
            self.make_room(&path);
        }
        Ok(digest)
    }

    /// The digest that a version of a chart had, by a key that names all three.
    pub fn digest_of(&self, key: &Digest) -> Option<String> {
        let text = std::fs::read(self.dir.join("versions").join(key.hex())).ok()?;
        let text = String::from_utf8(text).ok()?;
        (text.len() == 64).then_some(text)
    }

    /// Keeps that digest.
    ///
    /// # Errors
    /// [`ChartError::Disk`].
    pub fn set_digest(&self, key: &Digest, digest: &str) -> Result<(), ChartError> {
        write(
            &self.dir.join("versions").join(key.hex()),
            digest.as_bytes(),
        )
    }

    fn path(&self, partition: &Digest, digest: &str) -> PathBuf {
        let name = Digest::of_parts([&partition.0[..], digest.as_bytes()]);
        self.dir.join(name.hex())
    }

    /// Removes the longest unused archives until the rest fits.
    fn make_room(&self, kept: &Path) {
        let Ok(_guard) = self.making_room.lock() else {
            return;
        };
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .take(MAX_FILES)
            .filter_map(|entry| {
                let meta = entry.metadata().ok().filter(std::fs::Metadata::is_file)?;
                Some((meta.modified().ok()?, meta.len(), entry.path()))
            })
            .collect();
        let mut total: u64 = files.iter().map(|(_, size, _)| size).sum();
        files.sort();
        for (_, size, path) in files {
            if total <= self.max_bytes {
                return;
            }
            if path != kept && std::fs::remove_file(&path).is_ok() {
                total -= size;
            }
        }
    }
}

/// Marks a file as used just now; where that fails it only goes earlier.
fn touch(path: &Path) {
    if let Ok(file) = std::fs::File::options().append(true).open(path) {
        let _ = file.set_modified(SystemTime::now());
    }
}

/// Writes a file whole or not at all.
pub(crate) fn write(path: &Path, data: &[u8]) -> Result<(), ChartError> {
    let failed = |error| ChartError::disk("write", path, error);
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let waiting = waiting_name(path);
    std::fs::write(&waiting, data)
        .and_then(|()| std::fs::rename(&waiting, path))
        .map_err(failed)
}

/// A name beside a file that no other writer has.
pub(crate) fn waiting_name(path: &Path) -> PathBuf {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}.{number}", std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn archives_are_kept_checked_and_bounded() {
        let dir = tempfile::tempdir().expect("a folder");
        let kept = Artifacts::new(dir.path().join("charts"), 25);
        let own = Digest::of(b"a tenant");
        let first = kept.put(&own, b"0123456789").expect("kept");
        let second = kept.put(&own, b"abcdefghij").expect("kept");
        assert_eq!(kept.get(&own, &first).as_deref(), Some(&b"0123456789"[..]));
        assert!(kept.get(&Digest::of(b"another"), &first).is_none());
        // The second is now the longest unused.
        let file = std::fs::File::options()
            .append(true)
            .open(kept.path(&own, &second));
        let past = SystemTime::UNIX_EPOCH;
        file.expect("it is there").set_modified(past).expect("set");
        let third = kept.put(&own, b"ABCDEFGHIJ").expect("kept");
        assert!(kept.get(&own, &second).is_none());
        assert!(kept.get(&own, &first).is_some() && kept.get(&own, &third).is_some());
        std::fs::write(kept.path(&own, &first), b"damaged").expect("written");
        assert!(kept.get(&own, &first).is_none());
    }

    #[test]
    fn digests_of_versions_are_found_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let kept = Artifacts::new(dir.path(), 1 << 20);
        let key = Digest::of(b"a chart");
        assert_eq!(kept.digest_of(&key), None);
        let digest = Digest::of(b"its archive").hex();
        kept.set_digest(&key, &digest).expect("kept");
        assert_eq!(kept.digest_of(&key), Some(digest));
    }
}
