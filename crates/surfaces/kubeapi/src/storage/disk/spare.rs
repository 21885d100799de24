//! Room for the transaction under way where the disk is full.
//!
//! The database takes any failed write for the end: it must be closed and opened again, and
//! until then it cannot even be read. So it never hears of a full disk: some room is kept
//! aside, given up for the transaction that runs into the limit, and taken again before the
//! next one may begin. Without it, writes are refused and reads go on.

use redb::{BackendError, StorageBackend};
use std::fmt;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Many times what one transaction writes.
const SPARE_BYTES: u64 = 32 << 20;

/// Room on the disk that can be given up.
pub(super) trait Room: fmt::Debug + Send + Sync {
    /// Takes the room.
    fn take(&self) -> io::Result<()>;
    /// Gives it up.
    fn give_up(&self) -> io::Result<()>;
}

/// A file of nothing beside the store's.
#[derive(Debug)]
pub(super) struct SpareFile(PathBuf);

impl SpareFile {
    pub(super) fn beside(store: &Path) -> Self {
        Self(store.with_extension("spare"))
    }
}

impl Room for SpareFile {
    fn take(&self) -> io::Result<()> {
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&self.0)?;
        match rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, SPARE_BYTES) {
            Ok(()) => Ok(()),
            // A file system that cannot set room aside is used as it is.
            Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => Ok(()),
            Err(error) => {
                file.set_len(0)?;
                Err(error.into())
            }
        }
    }

    fn give_up(&self) -> io::Result<()> {
        File::options().write(true).open(&self.0)?.set_len(0)
    }
}

/// The room that is kept aside.
#[derive(Debug)]
pub(super) struct Spare {
    room: Box<dyn Room>,
    is_held: Mutex<bool>,
}

impl Spare {
    pub(super) fn new(room: Box<dyn Room>) -> Arc<Self> {
        Arc::new(Self {
            room,
            is_held: Mutex::new(false),
        })
    }

    /// Sees to it that the room is there, as it must be before a transaction begins.
    ///
    /// # Errors
    /// What the disk says.
    pub(super) fn hold(&self) -> io::Result<()> {
        let mut is_held = self.is_held.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_held {
            self.room.take()?;
            *is_held = true;
        }
        Ok(())
    }

    /// Gives the room up; false where that helps nobody.
    fn give_up(&self) -> bool {
        let mut is_held = self.is_held.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *is_held) && self.room.give_up().is_ok()
    }
}

/// A backend that is given the spare room where the disk is full.
#[derive(Debug)]
pub(super) struct Spared<B> {
    inner: B,
    spare: Arc<Spare>,
}

impl<B> Spared<B> {
    pub(super) fn new(inner: B, spare: Arc<Spare>) -> Self {
        Self { inner, spare }
    }

    fn with_room(&self, work: impl Fn() -> io::Result<()>) -> io::Result<()> {
        match work() {
            Err(error) if is_full(&error) && self.spare.give_up() => {
                tracing::warn!("the disk is full; the store goes on with what it kept aside");
                work()
            }
            outcome => outcome,
        }
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}

impl<B: StorageBackend> StorageBackend for Spared<B> {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.with_room(|| self.inner.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.with_room(|| self.inner.sync_data())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.with_room(|| self.inner.write(offset, data))
    }

    fn close(&self) -> io::Result<()> {
        self.inner.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.try_lock_range(start, end)
    }

    fn try_lock_shared_range(
        &self,
        start: Bound<u64>,
        end: Bound<u64>,
    ) -> Result<bool, BackendError> {
        self.inner.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.inner.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.inner.query_lock_range(start, end)
    }
}
