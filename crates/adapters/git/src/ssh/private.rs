//! Keys and known hosts as files that only `ssh` and this process can read.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file that is gone with its value.
pub(crate) struct PrivateFile {
    path: PathBuf,
    _held: Held,
}

enum Held {
    /// In memory alone: it never reaches a disk, and a killed process leaves nothing.
    #[cfg(target_os = "linux")]
    Memory { _file: File },
    /// In the folder of temporary files, of mode 0600.
    Disk { _file: tempfile::NamedTempFile },
}

impl PrivateFile {
    /// Writes `content` where `ssh` finds it.
    ///
    /// # Errors
    /// The system's error.
    pub(crate) fn new(content: &[u8]) -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        if let Some(file) = Self::in_memory(content)? {
            return Ok(file);
        }
        let mut file = tempfile::Builder::new().prefix("argosy-").tempfile()?;
        file.write_all(content)?;
        file.flush()?;
        Ok(Self {
            path: file.path().to_owned(),
            _held: Held::Disk { _file: file },
        })
    }

    /// A file of memory, reached through this process' folder of `/proc`, since `ssh` closes what
    /// it inherits. `None` where there is no `/proc`.
    #[cfg(target_os = "linux")]
    fn in_memory(content: &[u8]) -> io::Result<Option<Self>> {
        use rustix::fs::{MemfdFlags, Mode};
        use std::os::fd::AsRawFd as _;
        let Ok(fd) = rustix::fs::memfd_create("argosy", MemfdFlags::CLOEXEC) else {
            return Ok(None);
        };
        // `ssh` refuses keys that others could read.
        rustix::fs::fchmod(&fd, Mode::RUSR | Mode::WUSR)?;
        let mut file = File::from(fd);
        file.write_all(content)?;
        let path = PathBuf::from(format!(
            "/proc/{}/fd/{}",
            std::process::id(),
            file.as_raw_fd()
        ));
        // In another namespace of processes the number may mean somebody else, or nobody.
        let own = rustix::fs::fstat(&file)?;
        let is_same = rustix::fs::stat(&path)
            .is_ok_and(|there| (there.st_dev, there.st_ino) == (own.st_dev, own.st_ino));
        Ok(is_same.then_some(Self {
            path,
            _held: Held::Memory { _file: file },
        }))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn content_is_there_for_its_owner_and_gone_with_the_value() {
        let file = PrivateFile::new(b"secret").unwrap();
        let path = file.path().to_owned();
        assert_eq!(std::fs::read(&path).unwrap(), b"secret");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(file);
        assert_ne!(std::fs::read(&path).ok().as_deref(), Some(&b"secret"[..]));
    }
}
