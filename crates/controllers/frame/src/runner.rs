//! Workers that take keys and reconcile them.

use crate::queue::Queue;
use crate::stop::Stop;
use argosy_object::{Class, Key};
use async_trait::async_trait;
use futures_util::FutureExt as _;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How a reconcile ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// `None`: all well. A class decides how soon it is tried again.
    pub failure: Option<Class>,
    /// When to look again in any case.
    pub again: Option<Duration>,
}

impl Verdict {
    /// All well; nothing to do until something changes.
    pub const fn done() -> Self {
        Self {
            failure: None,
            again: None,
        }
    }

    /// All well; look again after `delay`.
    pub const fn again(delay: Duration) -> Self {
        Self {
            failure: None,
            again: Some(delay),
        }
    }

    /// Failed.
    pub const fn failed(class: Class) -> Self {
        Self {
            failure: Some(class),
            again: None,
        }
    }
}

/// Brings one object's world into the state that it declares.
#[async_trait]
pub trait Reconciler: Send + Sync + 'static {
    /// Reconciles the object of a key, which may be gone.
    async fn reconcile(&self, key: &Key) -> Verdict;
}

/// Runs `workers` workers until `stop`; what is under way is finished first.
///
/// A panic in one reconcile is logged and counted as a failure of that key.
pub async fn run(
    name: &'static str,
    queue: Arc<Queue>,
    reconciler: Arc<dyn Reconciler>,
    workers: usize,
    mut stop: Stop,
) {
    let mut tasks = JoinSet::new();
    for _ in 0..workers {
        let (queue, reconciler) = (queue.clone(), reconciler.clone());
        tasks.spawn(async move {
            while let Some(key) = queue.next().await {
                let outcome = AssertUnwindSafe(reconciler.reconcile(&key))
                    .catch_unwind()
                    .await;
                let verdict = outcome.unwrap_or_else(|_| {
                    tracing::error!(controller = name, %key, "reconcile panicked");
                    Verdict::failed(Class::Bug)
                });
                queue.done(&key);
                settle(&queue, key, verdict);
            }
        });
    }
    stop.stopped().await;
    queue.close();
    while tasks.join_next().await.is_some() {}
}

/// Transient failures, waiting and bugs come again by themselves; stalled and denied ones only
/// when something changes, or when the verdict says so.
fn settle(queue: &Queue, key: Key, verdict: Verdict) {
    match verdict.failure {
        Some(Class::Transient | Class::Waiting | Class::Bug) => queue.add_failed(key),
        Some(Class::Stalled | Class::Denied) | None => {
            queue.forget(&key);
            if let Some(delay) = verdict.again {
                queue.add_after(key, delay);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stop::StopHandle;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Panics(AtomicUsize);

    #[async_trait]
    impl Reconciler for Panics {
        async fn reconcile(&self, _: &Key) -> Verdict {
            let run = self.0.fetch_add(1, Ordering::SeqCst);
            assert!(run > 0, "the first run panics");
            Verdict::done()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn panic_takes_nothing_down_and_the_key_comes_again() {
        let queue = Arc::new(Queue::new());
        let reconciler = Arc::new(Panics(AtomicUsize::new(0)));
        let (handle, stop) = StopHandle::new();
        let runner = tokio::spawn(run("test", queue.clone(), reconciler.clone(), 1, stop));
        queue.add(Key::new("", "A", None, "a"));
        while reconciler.0.load(Ordering::SeqCst) < 2 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        handle.stop();
        runner.await.unwrap();
    }
}
