//! What every connection to a Git server has, whatever carries it: a patience for each step, a
//! budget of bytes, and a place where the real cause of a failure is kept.

use gix_transport::client::blocking_io::Transport;
use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The largest list of references that is read, in bytes.
const MAX_REFS_BYTES: u64 = 64 << 20;

/// An open way to a server, and how to learn why it failed.
pub(crate) struct Wire {
    pub transport: Box<dyn Transport + Send>,
    pub budget: Budget,
    pub cause: Box<dyn FnOnce() -> Option<Cause> + Send>,
}

/// Why a conversation failed, as the carrier saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An HTTP status that is no success.
    Status(u16),
    /// A connection that was not made or broke off.
    Broken(String),
    /// More bytes than the budget allows.
    TooLarge(u64),
    /// Something that is no Git server.
    NotGit,
    /// What `ssh` wrote, and its exit code.
    Ssh { text: String, code: Option<i32> },
}

/// A slot that a carrier leaves its failure in, beside the error that passes through the Git
/// protocol's layers.
#[derive(Clone, Debug, Default)]
pub(crate) struct CauseSlot(Arc<Mutex<Option<Cause>>>);

impl CauseSlot {
    /// Keeps a cause, and gives the error that stands for it.
    pub(crate) fn report(&self, cause: Cause) -> io::Error {
        let error = io::Error::other(match &cause {
            Cause::Status(status) => format!("HTTP status {status}"),
            Cause::Broken(text) => text.clone(),
            Cause::TooLarge(max) => format!("the answer is larger than {max} bytes"),
            Cause::NotGit => "not a Git server".into(),
            Cause::Ssh { text, .. } => text.clone(),
        });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cause);
        error
    }

    /// Takes the cause out.
    pub(crate) fn take(&self) -> Option<Cause> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// How many bytes may still come. Shared between a conversation, which says what it expects,
/// and the carrier, which counts.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    max: Arc<AtomicU64>,
    used: Arc<AtomicU64>,
    pack: u64,
}

impl Budget {
    /// A budget for references at first, and for a pack of at most `pack` bytes later.
    pub(crate) fn new(pack: u64) -> Self {
        Self {
            max: Arc::new(AtomicU64::new(MAX_REFS_BYTES.min(pack))),
            used: Arc::default(),
            pack,
        }
    }

    /// From now on a pack may come.
    pub(crate) fn expect_pack(&self) {
        self.used.store(0, Ordering::Relaxed);
        self.max.store(self.pack, Ordering::Relaxed);
    }

    /// Counts what has come.
    ///
    /// # Errors
    /// The limit, where it is passed.
    fn spend(&self, bytes: usize) -> Result<(), u64> {
        let used = self.used.fetch_add(bytes as u64, Ordering::Relaxed) + bytes as u64;
        let max = self.max.load(Ordering::Relaxed);
        if used > max { Err(max) } else { Ok(()) }
    }
}

/// A reader that ends in an error where more comes than the budget allows, or where it breaks.
pub(crate) struct Bounded<R> {
    pub inner: R,
    pub budget: Budget,
    pub slot: CauseSlot,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match self.inner.read(buf) {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.slot.report(Cause::Broken(error.to_string()))),
        };
        match self.budget.spend(read) {
            Ok(()) => Ok(read),
            Err(max) => Err(self.slot.report(Cause::TooLarge(max))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endless_answers_end_at_the_budget_of_their_phase() {
        let budget = Budget::new(100);
        let slot = CauseSlot::default();
        let mut reader = Bounded {
            inner: io::repeat(7),
            budget: budget.clone(),
            slot: slot.clone(),
        };
        let mut sink = Vec::new();
        reader.read_to_end(&mut sink).unwrap_err();
        assert_eq!(slot.take(), Some(Cause::TooLarge(100)));
        budget.expect_pack();
        let mut once = [0; 60];
        reader.read_exact(&mut once).unwrap();
        reader.read_exact(&mut once).unwrap_err();
    }
}
