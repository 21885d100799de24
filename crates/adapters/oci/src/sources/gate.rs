//! One repository's turn: a dead one must not hold up those who want something of another.

use super::{NEGATIVE, lock};
use argosy_ports::{SourceError, SourceErrorKind};
use std::sync::Mutex;
use std::time::Instant;
use tokio::sync::{MutexGuard, Semaphore, SemaphorePermit};

/// Archives of one repository that are fetched at the same time.
const PARALLEL: usize = 4;

/// Lets one at a time look at a repository, and a few fetch from it. Who has waited for another
/// that did not reach it takes that as the answer.
pub(super) struct Gate {
    looking: tokio::sync::Mutex<()>,
    fetching: Semaphore,
    unreached: Mutex<Option<(Instant, SourceError)>>,
}

impl Default for Gate {
    fn default() -> Self {
        Self {
            looking: tokio::sync::Mutex::default(),
            fetching: Semaphore::new(PARALLEL),
            unreached: Mutex::default(),
        }
    }
}

impl Gate {
    /// A turn to look at what the repository has.
    ///
    /// # Errors
    /// What another has just met, where the repository was not reached.
    pub(super) async fn look(&self) -> Result<MutexGuard<'_, ()>, SourceError> {
        let turn = self.looking.lock().await;
        self.reached()?;
        Ok(turn)
    }

    /// A turn to fetch.
    ///
    /// # Errors
    /// As for [`Gate::look`].
    pub(super) async fn fetch(&self) -> Result<Option<SemaphorePermit<'_>>, SourceError> {
        // It is never closed.
        let turn = self.fetching.acquire().await.ok();
        self.reached()?;
        Ok(turn)
    }

    /// Keeps how it went: with this failure, or well.
    pub(super) fn note(&self, failure: Option<&SourceError>) {
        *lock(&self.unreached) = failure
            .filter(|error| error.kind == SourceErrorKind::Unreachable)
            .map(|error| (Instant::now(), error.clone()));
    }

    /// The next one asks anew.
    pub(super) fn forget(&self) {
        *lock(&self.unreached) = None;
    }

    fn reached(&self) -> Result<(), SourceError> {
        match &*lock(&self.unreached) {
            Some((at, error)) if at.elapsed() < NEGATIVE => {
                // What stands before is about another chart.
                let (_, reason) = error.message.split_once(": ").unwrap_or_default();
                Err(SourceError {
                    message: format!("its repository was not reached a moment ago: {reason}"),
                    ..error.clone()
                })
            }
            _ => Ok(()),
        }
    }
}
