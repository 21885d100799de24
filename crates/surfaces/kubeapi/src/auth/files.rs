//! Private files under the data folder: written whole or not at all, readable by their owner alone.

use base64::Engine as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// A file of the data folder that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} `{path}`")]
pub struct FileError {
    what: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    fn of<'p>(what: &'static str, path: &'p Path) -> impl FnOnce(io::Error) -> Self + 'p {
        move |source| Self {
            what,
            path: path.to_owned(),
            source,
        }
    }
}

/// Writes a file with mode 0600 by way of a neighbour and a rename.
///
/// # Errors
/// [`FileError`] naming the path.
pub fn write_private(path: &Path, content: &[u8]) -> Result<(), FileError> {
    if let Some(folder) = path.parent().filter(|p| !p.as_os_str().is_empty()) {
        fs::create_dir_all(folder).map_err(FileError::of("create", folder))?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let draft = path.with_file_name(name);
    let _ = fs::remove_file(&draft);
    let written = (|| {
        let mut options = fs::OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&draft)?;
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    })();
    written.map_err(|error| {
        let _ = fs::remove_file(&draft);
        FileError::of("write", path)(error)
    })
}

/// Reads a file, `None` where there is none.
///
/// # Errors
/// [`FileError`] for any failure but a missing file.
pub fn read_optional(path: &Path) -> Result<Option<String>, FileError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::of("read", path)(error)),
    }
}

/// Standard base64 with padding.
pub fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// Random bytes as lower-case hex.
pub fn random_hex(bytes: usize) -> String {
    let mut buffer = vec![0; bytes];
    aws_lc_rs::rand::fill(&mut buffer).expect("the system has randomness");
    hex::encode(buffer)
}

/// A random UUID of version 4.
pub fn random_uuid() -> String {
    let mut b = [0u8; 16];
    aws_lc_rs::rand::fill(&mut b).expect("the system has randomness");
    b[6] = (b[6] & 0x0f) | 0x40;
    b[8] = (b[8] & 0x3f) | 0x80;
    let h = hex::encode(b);
    format!(
        "{}-{}-{}-{}-{}",
        &h[..8],
        &h[8..12],
        &h[12..16],
        &h[16..20],
        &h[20..]
    )
}
