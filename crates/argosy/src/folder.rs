//! The data folder: one process at a time, one format.

use anyhow::{Context as _, bail};
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The format of the folder's content. A folder of another format is refused, never converted
/// silently.
const FORMAT: &str = "1";

/// A data folder that this process holds.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the folder where it is missing (mode 0700), and takes its lock.
    ///
    /// # Errors
    /// Where another process holds it (the error says which), or its format is another.
    pub fn open(path: &Path, reset: bool) -> anyhow::Result<Self> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .with_context(|| format!("cannot make the data folder `{}`", path.display()))?;
        let lock = lock(path)?;
        if reset {
            clear(path)?;
        }
        let format = path.join("format");
        match fs::read_to_string(&format) {
            Ok(found) if found.trim() == FORMAT => {}
            Ok(found) => bail!(
                "`{}` has format {}, this version reads {FORMAT}\n\nuse another --data-dir, or \
                 --reset to begin anew",
                path.display(),
                found.trim()
            ),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                fs::write(&format, FORMAT)?;
            }
            Err(error) => return Err(error).context("cannot read the folder's format"),
        }
        Ok(Self {
            path: path.canonicalize()?,
            _lock: lock,
        })
    }

    /// The path of something in the folder.
    pub fn join(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The text of a small file; `None` where there is none.
    pub fn read(&self, name: &str) -> anyhow::Result<Option<String>> {
        match fs::read_to_string(self.join(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read `{name}`")),
        }
    }

    /// Writes a small file that only its owner can read.
    pub fn write_private(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(self.join(name))
            .with_context(|| format!("cannot write `{name}`"))?;
        file.write_all(text.as_bytes())?;
        Ok(())
    }
}

/// The lock file names the process that holds it. The lock itself is the kernel's, so a killed
/// process leaves none behind.
fn lock(path: &Path) -> anyhow::Result<File> {
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path.join("lock"))
        .with_context(|| format!("cannot open the lock of `{}`", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            bail!(
                "`{}` is held by process {}\n\nstop that one, or use another --data-dir",
                path.display(),
                holder.trim()
            );
        }
        Err(TryLockError::Error(error)) => return Err(error).context("cannot take the lock"),
    }
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())?;
    file.flush()?;
    Ok(file)
}

/// Empties the folder, but for its lock.
fn clear(path: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name() == "lock" {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn second_holder_is_told_who_holds_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let first = Folder::open(dir.path(), false).unwrap();
        let error = Folder::open(dir.path(), false).unwrap_err().to_string();
        assert!(
            error.contains(&format!("held by process {}", std::process::id())),
            "{error}"
        );
        drop(first);
        Folder::open(dir.path(), false).unwrap();
    }

    #[test]
    fn other_format_is_refused_and_reset_begins_anew() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("format"), "99").unwrap();
        assert!(Folder::open(dir.path(), false).is_err());
        let folder = Folder::open(dir.path(), true).unwrap();
        assert_eq!(folder.read("format").unwrap().as_deref(), Some(FORMAT));
    }
}
