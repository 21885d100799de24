//! A bulkhead and a breaker around one cluster, so that a slow or dead one costs no other.
//!
//! The number of calls at once follows the server's answers: halved by 429 and 503, raised by
//! one for each full round of good ones. After three failures in sequence to reach the server,
//! calls fail at once for a while that doubles up to half a minute; then one call tries.

use super::remote::is_watch;
use super::{Limits, TransportError};
use argosy_ports::{ApiService, Body, BoxError};
use http::{Request, Response, StatusCode};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

const CALLS_AT_FIRST: usize = 16;
const CALLS_AT_LEAST: usize = 2;
const FAILURES_BEFORE_REST: u32 = 3;
const LONGEST_REST: Duration = Duration::from_secs(30);

/// Wraps a service.
pub fn guarded(inner: ApiService, address: String, limits: Limits) -> ApiService {
    let most = limits.calls.max(CALLS_AT_LEAST);
    let first = CALLS_AT_FIRST.min(most);
    let guard = Arc::new(Guard {
        address,
        calls: Semaphore::new(first),
        state: Mutex::new(State {
            allowed: first,
            most,
            ..State::default()
        }),
    });
    ApiService::new(tower::service_fn(move |request| {
        let (guard, inner) = (guard.clone(), inner.clone());
        guard.call(inner, request)
    }))
}

struct Guard {
    address: String,
    calls: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Permits in the semaphore, less `owed`.
    allowed: usize,
    most: usize,
    /// Permits to be taken away as they come back.
    owed: usize,
    /// Good answers since the last change.
    good: usize,
    failures: u32,
    /// Why the last attempt failed.
    reason: String,
    resting_until: Option<Instant>,
}

/// Whether a call may go out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    Free,
    /// It finds out whether the server is there again.
    Probe,
}

impl Guard {
    async fn call(
        self: Arc<Self>,
        inner: ApiService,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        match self.check()? {
            Pass::Free => self.carry(inner, request).await,
            // In a task of its own: those who ask several things at once give up on all with
            // the first that fails, and that is one that the breaker stops. A probe that went
            // with them would never find out anything.
            Pass::Probe => tokio::spawn(self.carry(inner, request)).await?,
        }
    }

    async fn carry(
        self: Arc<Self>,
        inner: ApiService,
        request: Request<Body>,
    ) -> Result<Response<Body>, BoxError> {
        // A watch waits for hours: it has connections of its own and takes no permit.
        let permit = if is_watch(&request) {
            None
        } else {
            Some(self.calls.acquire().await?)
        };
        let result = super::ask(inner, request).await;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &result {
            Ok(response) => {
                state.failures = 0;
                state.resting_until = None;
                state.answered(response.status(), &self.calls);
            }
            Err(error) => state.unreached(&self.address, error),
        }
        if let Some(permit) = permit {
            state.give_back(permit);
        }
        drop(state);
        result
    }

    /// Fails while the breaker is open; the first call after that goes through.
    fn check(&self) -> Result<Pass, TransportError> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(until) = state.resting_until else {
            return Ok(Pass::Free);
        };
        let now = Instant::now();
        if now >= until {
            state.resting_until = Some(now + rest(state.failures));
            return Ok(Pass::Probe);
        }
        Err(TransportError::Resting {
            reason: state.reason.clone(),
        })
    }
}

impl State {
    fn answered(&mut self, status: StatusCode, calls: &Semaphore) {
        if matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
        ) {
            let target = (self.allowed / 2).max(CALLS_AT_LEAST);
            self.owed += self.allowed - target;
            self.allowed = target;
            self.good = 0;
            return;
        }
        self.good += 1;
        if self.good >= self.allowed && self.allowed < self.most {
            self.good = 0;
            self.allowed += 1;
            if self.owed > 0 {
                self.owed -= 1;
            } else {
                calls.add_permits(1);
            }
        }
    }

    fn unreached(&mut self, address: &str, error: &BoxError) {
        self.failures = self.failures.saturating_add(1);
        if self.failures >= FAILURES_BEFORE_REST {
            if self.failures == FAILURES_BEFORE_REST {
                tracing::warn!(cluster = address, %error, "cluster is not reached and rests");
            }
            self.reason = error.to_string();
            self.resting_until = Some(Instant::now() + rest(self.failures));
        }
    }

    fn give_back(&mut self, permit: SemaphorePermit<'_>) {
        if self.owed > 0 {
            self.owed -= 1;
            permit.forget();
        }
    }
}

fn rest(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(FAILURES_BEFORE_REST).min(5);
    (Duration::from_secs(1) * 2_u32.pow(doublings)).min(LONGEST_REST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_ports::empty_body;
    use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};
    use tower::ServiceExt as _;

    fn request() -> Request<Body> {
        Request::new(empty_body())
    }

    #[tokio::test(start_paused = true)]
    async fn dead_cluster_fails_at_once_and_is_tried_again_after_its_rest() {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let dead = ApiService::new(tower::service_fn(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            async { Err::<Response<Body>, BoxError>("refused".into()) }
        }));
        let service = guarded(dead, "h:1".into(), Limits::default());
        for _ in 0..5 {
            assert!(service.clone().oneshot(request()).await.is_err());
        }
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        let error = service.clone().oneshot(request()).await.unwrap_err();
        assert_eq!(error.to_string(), "refused");
        tokio::time::advance(Duration::from_secs(2)).await;
        assert!(service.clone().oneshot(request()).await.is_err());
        assert_eq!(calls.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn probe_goes_on_when_its_siblings_fail_at_once() {
        let is_there = Arc::new(AtomicUsize::new(0));
        let told = is_there.clone();
        let server = ApiService::new(tower::service_fn(move |_| {
            let is_there = told.load(Ordering::Relaxed) == 1;
            async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if is_there {
                    Ok(Response::new(empty_body()))
                } else {
                    Err::<Response<Body>, BoxError>("refused".into())
                }
            }
        }));
        let service = guarded(server, "h:1".into(), Limits::default());
        for _ in 0..3 {
            assert!(service.clone().oneshot(request()).await.is_err());
        }
        is_there.store(1, Ordering::Relaxed);
        tokio::time::advance(Duration::from_secs(2)).await;
        let two_at_once = || {
            let ask = || crate::transport::ask(service.clone(), request());
            async move { tokio::try_join!(ask(), ask()) }
        };
        assert!(two_at_once().await.is_err(), "the second is stopped");
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert!(
            two_at_once().await.is_ok(),
            "the first has found the server"
        );
    }

    #[tokio::test]
    async fn concurrency_halves_on_429_and_grows_on_good_answers() {
        let status = Arc::new(AtomicU16::new(429));
        let told = status.clone();
        let inner = ApiService::new(tower::service_fn(move |_| {
            let status = told.load(Ordering::Relaxed);
            async move {
                let mut response = Response::new(empty_body());
                *response.status_mut() = StatusCode::from_u16(status)?;
                Ok::<_, BoxError>(response)
            }
        }));
        let guard = Arc::new(Guard {
            address: String::new(),
            calls: Semaphore::new(16),
            state: Mutex::new(State {
                allowed: 16,
                most: 64,
                ..State::default()
            }),
        });
        guard.clone().call(inner.clone(), request()).await.unwrap();
        assert_eq!(guard.state.lock().unwrap().allowed, 8);
        status.store(200, Ordering::Relaxed);
        for _ in 0..8 {
            guard.clone().call(inner.clone(), request()).await.unwrap();
        }
        let state = guard.state.lock().unwrap();
        assert_eq!(
            (state.allowed, guard.calls.available_permits() - state.owed),
            (9, 9)
        );
    }
}
