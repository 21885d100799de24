//! The immutable file tree that rendering reads: rooted, bounded, every look recorded.
//!
//! A [`Tree`] is content-addressed storage: a Git commit's tree, a chart archive, a folder.
//! Renderers never see it directly: they hold a [`Rooted`], which resolves links inside the
//! tree, enforces limits and records each look as a [`Probe`] in a [`ReadSet`]. Two trees that
//! agree on a read set render the same bytes, which is what makes rendering cacheable.
#![warn(missing_docs)]

mod changed;
mod memory;
mod path;
mod reads;
mod rooted;

pub use changed::{Changed, touched};
pub use memory::MemoryTree;
pub use path::{PathError, RelPath};
pub use reads::{Probe, ReadSet};
pub use rooted::{Limits, Node, Rooted};

use argosy_object::{Class, Classified, Str};
use bytes::Bytes;
use std::fmt;

/// Identity of a blob or folder in a tree: equal identities mean equal content.
///
/// Shorter identities (Git's SHA-1) are padded with zeros.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Oid(pub [u8; 32]);

impl Oid {
    /// Pads or cuts `bytes` to 32.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let mut oid = [0; 32];
        let len = bytes.len().min(32);
        oid[..len].copy_from_slice(&bytes[..len]);
        Self(oid)
    }
}

impl fmt::Debug for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..6]
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What an entry of a folder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mode {
    /// A file.
    File,
    /// A file with the executable bit.
    Executable,
    /// A folder.
    Dir,
    /// A symbolic link; its blob is the target.
    Link,
    /// A Git submodule, whose content is not in this tree.
    Submodule,
}

/// One entry of a folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is.
    pub mode: Mode,
    /// Its identity.
    pub oid: Oid,
    /// Size in bytes, where the tree knows it without reading the blob.
    pub size: Option<u64>,
}

/// Immutable, content-addressed files. Reads are synchronous, local and bounded.
pub trait Tree: Send + Sync {
    /// The identity of the root folder.
    fn root(&self) -> Oid;
    /// One entry of a folder, `None` where there is none of that name.
    fn entry(&self, dir: &Oid, name: &str) -> Result<Option<Entry>, TreeError>;
    /// All entries of a folder, sorted by name.
    fn list(&self, dir: &Oid) -> Result<Vec<(Str, Entry)>, TreeError>;
    /// The content of a blob of at most `max` bytes.
    fn blob(&self, oid: &Oid, max: u64) -> Result<Bytes, TreeError>;
}

/// Why a look at a tree failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// There is nothing at that path.
    #[error("`{0}` does not exist")]
    NotFound(RelPath),
    /// There is something else than a file.
    #[error("`{0}` is not a file")]
    NotAFile(RelPath),
    /// There is something else than a folder.
    #[error("`{0}` is not a folder")]
    NotADir(RelPath),
    /// A path, or a link on its way, leaves the tree.
    #[error("`{path}` leads out of the repository: {reason}")]
    Outside {
        /// The path that was asked for.
        path: String,
        /// What led outside.
        reason: String,
    },
    /// Too many links on the way.
    #[error("`{0}` passes more than {max} links", max = rooted::MAX_LINKS)]
    TooManyLinks(RelPath),
    /// A limit was passed.
    #[error("`{path}`: {what} is over the limit of {limit}")]
    Limit {
        /// The path, or the empty string for a limit on the whole.
        path: String,
        /// What is too large or too many.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The store behind the tree failed.
    #[error("the file tree cannot be read: {0}")]
    Store(String),
}

impl Classified for TreeError {
    fn class(&self) -> Class {
        match self {
            Self::Store(_) => Class::Transient,
            Self::Outside { .. } => Class::Denied,
            _ => Class::Stalled,
        }
    }
}
