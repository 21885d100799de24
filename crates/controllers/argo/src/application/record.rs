//! What the controller remembers of each Application between two reconciles.

use argosy_crds::OperationState;
use argosy_object::Key;
use argosy_pipeline::RenderCache;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// All records, by Application.
#[derive(Clone, Default)]
pub(crate) struct Records(Arc<Mutex<HashMap<Key, Arc<Record>>>>);

/// What is remembered of one Application. All of it can be lost: it is a cache, but for the
/// handle of a running operation, which a restart resumes from the stored state.
#[derive(Default)]
pub(crate) struct Record {
    /// What it rendered to last.
    pub(crate) cache: RenderCache,
    running: Mutex<Running>,
    /// When its status was last written.
    written_at: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct Running {
    terminate: Option<watch::Sender<bool>>,
    finished: Option<OperationState>,
    retry_at: Option<Instant>,
}

impl Records {
    pub(crate) fn of(&self, key: &Key) -> Arc<Record> {
        self.lock().entry(key.clone()).or_default().clone()
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<Record>> {
        self.lock().get(key).cloned()
    }

    pub(crate) fn forget(&self, key: &Key) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, Arc<Record>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a status rests before it is written for the sake of its words alone: a rollout says
/// something new with each pod, and every word of it costs the hub a write. The same for the
/// progress of a running operation, whose end is written at once.
const REST: Duration = Duration::from_secs(10);
impl Record {
    /// How long what may wait has yet to wait; `None` where it need not.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let passed = (*self.written_at())?.elapsed();
        REST.checked_sub(passed).filter(|left| !left.is_zero())
    }

    /// Its status has been written.
    pub(crate) fn written(&self) {
        *self.written_at() = Some(Instant::now());
    }

    fn written_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.written_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks an operation as running; `None` where one runs already.
    pub(crate) fn begin(&self) -> Option<watch::Receiver<bool>> {
        let mut running = self.running();
        if running.terminate.is_some() || running.finished.is_some() {
            return None;
        }
        let (sender, receiver) = watch::channel(false);
        running.terminate = Some(sender);
        running.retry_at = None;
        Some(receiver)
    }

    /// The operation is over; a reconcile reports it.
    pub(crate) fn finish(&self, state: OperationState) {
        let mut running = self.running();
        running.terminate = None;
        running.finished = Some(state);
    }

    /// The operation could not begin: nothing was applied, and it is tried again.
    pub(crate) fn abandon(&self) {
        self.running().terminate = None;
    }

    /// Whether an operation runs in this process.
    pub(crate) fn is_running(&self) -> bool {
        self.running().terminate.is_some()
    }

    /// Tells the running operation to end.
    pub(crate) fn terminate(&self) {
        if let Some(sender) = &self.running().terminate {
            sender.send_replace(true);
        }
    }

    /// The finished operation that is not reported yet.
    pub(crate) fn finished(&self) -> Option<OperationState> {
        self.running().finished.clone()
    }

    /// The finished operation has been reported.
    pub(crate) fn reported(&self) {
        self.running().finished = None;
    }

    /// When a failed operation is tried again.
    pub(crate) fn retry_at(&self) -> Option<Instant> {
        self.running().retry_at
    }

    pub(crate) fn set_retry_at(&self, at: Instant) {
        self.running().retry_at = Some(at);
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn words_wait_some_seconds_after_a_write() {
        let record = Record::default();
        assert_eq!(record.rest(), None);
        record.written();
        assert_eq!(record.rest(), Some(REST));
        tokio::time::advance(REST / 4).await;
        assert_eq!(record.rest(), Some(REST * 3 / 4));
        tokio::time::advance(REST).await;
        assert_eq!(record.rest(), None);
    }
}
