//! Where objects are kept: bytes under keys, with one monotonic revision.
//!
//! Keys read `/GROUP/RESOURCE/NAMESPACE/NAME` (no namespace for cluster-scoped objects), so a
//! prefix that ends in `/` is a resource or one of its namespaces. Values are JSON without
//! `metadata.resourceVersion`, which is the revision of the last write.

mod disk;
mod log;
mod memory;

pub use disk::{DiskError, DiskStore};
pub use log::EventStream;
pub use memory::MemoryStorage;

use bytes::Bytes;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

/// A revision of the store; each write has its own.
pub type Rev = u64;

/// A value and the revision of its last write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Revision of the last write.
    pub rev: Rev,
    /// The object.
    pub json: Bytes,
}

/// What a write expects to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Nothing under the key.
    Absent,
    /// A value of this revision.
    Rev(Rev),
}

/// One write of a commit.
#[derive(Clone, Debug)]
pub struct Write {
    /// The key.
    pub key: Arc<str>,
    /// What must be there, or the whole commit fails.
    pub expect: Expect,
    /// The new value; `None` removes the key.
    pub value: Option<Bytes>,
}

/// A change of one key.
#[derive(Clone, Debug)]
pub struct Event {
    /// Revision of the change.
    pub rev: Rev,
    /// The key.
    pub key: Arc<str>,
    /// The value before, `None` where the key was new.
    pub old: Option<Stored>,
    /// The value after, `None` where the key was removed.
    pub new: Option<Bytes>,
}

/// Part of a range.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// Keys and values in key order.
    pub items: Vec<(Arc<str>, Stored)>,
    /// The revision the page shows.
    pub rev: Rev,
    /// How many keys of the range follow the last item.
    pub remaining: usize,
}

/// What to read of the keys with a common prefix.
#[derive(Clone, Copy, Debug, Default)]
pub struct Range<'a> {
    /// All keys begin with it.
    pub prefix: &'a str,
    /// Only keys behind this one.
    pub after: Option<&'a str>,
    /// At most so many; 0 means all.
    pub limit: usize,
    /// As it stood at this revision; `None` means now.
    pub at: Option<Rev>,
}

/// The history that was asked for is no longer kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision {wanted} is gone, the oldest kept is {oldest}")]
pub struct Expired {
    /// The revision that was asked for.
    pub wanted: Rev,
    /// The oldest that is kept.
    pub oldest: Rev,
}

/// Why a commit did not happen.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// Another write came first; nothing of the commit was done.
    #[error("`{key}` is not as expected")]
    Conflict {
        /// The key.
        key: Arc<str>,
        /// The revision found there, `None` where there is nothing.
        found: Option<Rev>,
    },
    /// There is no room; nothing was done, and reads go on.
    #[error("the disk of the store is full")]
    Full,
    /// The store cannot write.
    #[error("the store failed: {0}")]
    Failed(String),
}

/// Outcome of a commit, in time.
pub type CommitFuture<'a> = Pin<Box<dyn Future<Output = Result<Rev, CommitError>> + Send + 'a>>;

/// A store for the objects of one cluster.
pub trait Storage: Send + Sync {
    /// The value under a key.
    fn get(&self, key: &str) -> Option<Stored>;

    /// Reads a range.
    ///
    /// # Errors
    /// [`Expired`] where `range.at` is older than the history.
    fn range(&self, range: Range<'_>) -> Result<Page, Expired>;

    /// Does all writes or none, in order, and answers with the revision of the last one when
    /// they are durable.
    fn commit(&self, writes: Vec<Write>) -> CommitFuture<'_>;

    /// All changes under `prefix` (or of the very key) after revision `from`, in order.
    ///
    /// # Errors
    /// [`Expired`] where `from` is older than the history.
    fn watch(&self, prefix: &str, from: Rev) -> Result<EventStream, Expired>;

    /// The revision of the last write.
    fn revision(&self) -> Rev;

    /// Why nothing that this store says may be believed any more, where its place failed.
    /// Whoever answers from it asks after reading.
    fn failure(&self) -> Option<String> {
        None
    }
}

/// How much history a store keeps for watches to resume and pages to continue.
#[derive(Clone, Copy, Debug)]
pub struct HistoryLimits {
    /// Number of events.
    pub events: usize,
    /// Bytes of values within events.
    pub bytes: usize,
}

impl HistoryLimits {
    /// For a cluster that people and controllers use.
    pub const HUB: Self = Self {
        events: 8192,
        bytes: 32 << 20,
    };
    /// For one of hundreds of simulated clusters.
    pub const SMALL: Self = Self {
        events: 1024,
        bytes: 1 << 20,
    };
}

#[cfg(test)]
mod tests;
