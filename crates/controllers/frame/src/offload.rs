//! CPU-heavy work beside the reactor.

use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::task::JoinError;

/// Runs `work` on the runtime's blocking pool and returns what it returned.
///
/// On a runtime of one thread it runs in place: there is no other thread that would go on, and
/// a simulation on a paused clock then depends on nothing but its seed.
///
/// # Errors
/// [`JoinError`] where the work panicked.
pub async fn offload<T, F>(work: F) -> Result<T, JoinError>
where
    T: Send + 'static,
    F: FnOnce() -> T + Send + 'static,
{
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::CurrentThread => tokio::spawn(async move { work() }).await,
        _ => tokio::task::spawn_blocking(work).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn check() {
        assert_eq!(offload(|| 7).await.unwrap(), 7);
        let outcome = offload(|| panic!("in the work")).await;
        let outcome: Result<(), JoinError> = outcome;
        assert!(outcome.unwrap_err().is_panic());
    }

    #[tokio::test]
    async fn outcome_and_panic_come_back_from_one_thread() {
        check().await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn outcome_and_panic_come_back_from_the_pool() {
        check().await;
    }
}
