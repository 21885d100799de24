//! `POST /api/webhook`: a Git host says that somebody has pushed.
//!
//! It needs no token of the page: a host proves itself by its own secret, and where none is set
//! all that a delivery can do is make us look at a repository that is followed anyway. So the
//! unproven are few in a minute, bodies are bounded, and pages of browsers are sent away.

mod proof;
mod provider;

pub use provider::WebhookSecrets;

use crate::answer::{Body, bytes, failure};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use provider::{Event, Host, Rejection};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// The path.
pub(crate) const PATH: &str = "/api/webhook";
/// Bodies that are read at a time, and how long one waits for its turn and for its end.
const BODIES: usize = 8;
const TURN: Duration = Duration::from_secs(5);
const BODY_TIME: Duration = Duration::from_secs(20);
/// Deliveries that nobody vouches for: so many at once, and then one in each of these.
const UNPROVEN: u32 = 30;
const UNPROVEN_EVERY: Duration = Duration::from_secs(2);

/// What webhooks need of a fleet.
pub trait Webhooks: Send + Sync {
    /// What hosts prove themselves by, at this moment.
    fn secrets(&self) -> WebhookSecrets;

    /// The largest body, in bytes.
    fn max_bytes(&self) -> usize;

    /// A repository that has these URLs was pushed to: looks at it at once wherever it is
    /// followed. Gives how often that is, without waiting for the looks.
    fn pushed(&self, urls: &[String]) -> usize;
}

/// Takes deliveries.
pub(crate) struct Deliveries {
    bodies: Semaphore,
    unproven: Mutex<Allowance>,
}

impl Default for Deliveries {
    fn default() -> Self {
        Self {
            bodies: Semaphore::new(BODIES),
            unproven: Mutex::default(),
        }
    }
}

/// A bucket of deliveries that fills with time.
#[derive(Default)]
struct Allowance {
    used: u32,
    since: Option<Instant>,
}

impl Allowance {
    fn take(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        let passed = now.duration_since(since).as_millis() / UNPROVEN_EVERY.as_millis();
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed > 0 {
            self.used = self.used.saturating_sub(passed);
            self.since = Some(now);
        }
        let has_room = self.used < UNPROVEN;
        self.used += u32::from(has_room);
        has_room
    }
}

impl Deliveries {
    /// Answers one delivery.
    ///
    /// `Compat:` Argo CD's statuses: 405 for another method, 400 for a sender that is not known, a
    /// signature that does not fit or a body that cannot be read, 200 for everything else. A limit
    /// on deliveries without a secret, 429, is ours.
    pub(crate) async fn take<B>(
        &self,
        webhooks: &dyn Webhooks,
        method: &Method,
        headers: &HeaderMap,
        body: B,
    ) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if headers.contains_key(http::header::ORIGIN) {
            return failure(StatusCode::FORBIDDEN, "webhooks come from no page");
        }
        if method != Method::POST {
            return failure(StatusCode::METHOD_NOT_ALLOWED, "webhooks are POSTs");
        }
        let Some(host) = Host::of(headers) else {
            return rejected(&Rejection::Unknown);
        };
        let secrets = webhooks.secrets();
        if !host.has_secret(&secrets) && !self.allow() {
            return failure(
                StatusCode::TOO_MANY_REQUESTS,
                "too many webhooks without a secret; set one in the Secret `argocd-secret`",
            );
        }
        let turn = tokio::time::timeout(TURN, self.bodies.acquire()).await;
        let Ok(Ok(_permit)) = turn else {
            return failure(StatusCode::SERVICE_UNAVAILABLE, "too many webhooks at once");
        };
        let max = webhooks.max_bytes();
        let body = Limited::new(body, max).collect();
        let body = match tokio::time::timeout(BODY_TIME, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(_)) => {
                return failure(
                    StatusCode::BAD_REQUEST,
                    &format!("the body is larger than {max} bytes, or broke off"),
                );
            }
            Err(_) => return failure(StatusCode::REQUEST_TIMEOUT, "the body takes too long"),
        };
        let event = host
            .check(headers, &body, &secrets)
            .and_then(|()| host.read(headers, &body));
        match event {
            Ok(Event::Push(urls)) => {
                let repositories = webhooks.pushed(&urls);
                tracing::info!(host = ?host, repositories, "webhook of a push");
                taken()
            }
            Ok(Event::Other) => taken(),
            Err(rejection) => {
                tracing::info!(host = ?host, %rejection, "webhook is not taken");
                rejected(&rejection)
            }
        }
    }

    fn allow(&self) -> bool {
        self.unproven
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(Instant::now())
    }
}

fn taken() -> Response<Body> {
    bytes(
        StatusCode::OK,
        "application/json",
        Bytes::from_static(b"{}"),
    )
}

fn rejected(rejection: &Rejection) -> Response<Body> {
    failure(StatusCode::BAD_REQUEST, &rejection.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::Redacted;
    use http_body_util::Full;

    #[derive(Default)]
    struct Fleet {
        secret: &'static str,
        pushed: Mutex<Vec<String>>,
    }

    impl Webhooks for Fleet {
        fn secrets(&self) -> WebhookSecrets {
            WebhookSecrets {
                github: Redacted::new(self.secret.into()),
                ..WebhookSecrets::default()
            }
        }

        fn max_bytes(&self) -> usize {
            1000
        }

        fn pushed(&self, urls: &[String]) -> usize {
            self.pushed.lock().unwrap().extend_from_slice(urls);
            1
        }
    }

    const PUSH: &str = r#"{"repository":{"html_url":"https://h/a"}}"#;

    async fn send(
        deliveries: &Deliveries,
        fleet: &Fleet,
        headers: &[(&'static str, &str)],
        body: &str,
    ) -> u16 {
        let headers = headers
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let body = Full::new(Bytes::from(body.to_owned()));
        let answer = deliveries.take(fleet, &Method::POST, &headers, body).await;
        answer.status().as_u16()
    }

    #[tokio::test]
    async fn a_push_reaches_the_fleet_once_it_is_proven() {
        let fleet = Fleet {
            secret: "s",
            ..Fleet::default()
        };
        let deliveries = Deliveries::default();
        let event = ("x-github-event", "push");
        assert_eq!(send(&deliveries, &fleet, &[event], PUSH).await, 400);
        let signature = format!("sha256={}", proof::signature("s", PUSH.as_bytes()));
        let signed = [event, ("x-hub-signature-256", &*signature)];
        assert!(fleet.pushed.lock().unwrap().is_empty());
        assert_eq!(send(&deliveries, &fleet, &signed, PUSH).await, 200);
        assert_eq!(*fleet.pushed.lock().unwrap(), ["https://h/a"]);
    }

    #[tokio::test]
    async fn strangers_pages_and_large_bodies_are_sent_away() {
        let (deliveries, fleet) = (Deliveries::default(), Fleet::default());
        let event = ("x-github-event", "push");
        assert_eq!(send(&deliveries, &fleet, &[], PUSH).await, 400);
        let page = [event, ("origin", "https://evil.example")];
        assert_eq!(send(&deliveries, &fleet, &page, PUSH).await, 403);
        let large = " ".repeat(1001);
        assert_eq!(send(&deliveries, &fleet, &[event], &large).await, 400);
        let ping = ("x-github-event", "ping");
        assert_eq!(send(&deliveries, &fleet, &[ping], "{}").await, 200);
        let headers = [event]
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        let body = Full::new(Bytes::new());
        let answer = deliveries.take(&fleet, &Method::GET, &headers, body).await;
        assert_eq!(answer.status().as_u16(), 405);
        assert!(fleet.pushed.lock().unwrap().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn deliveries_without_a_secret_are_few_and_come_back_with_time() {
        let (deliveries, fleet) = (Deliveries::default(), Fleet::default());
        let event = ("x-github-event", "push");
        let mut statuses = Vec::new();
        for _ in 0..=UNPROVEN {
            statuses.push(send(&deliveries, &fleet, &[event], PUSH).await);
        }
        assert_eq!(statuses.pop(), Some(429));
        assert!(statuses.iter().all(|status| *status == 200));
        tokio::time::advance(UNPROVEN_EVERY).await;
        assert_eq!(send(&deliveries, &fleet, &[event], PUSH).await, 200);
        assert_eq!(send(&deliveries, &fleet, &[event], PUSH).await, 429);
        let proven = Fleet {
            secret: "s",
            ..Fleet::default()
        };
        assert_eq!(send(&deliveries, &proven, &[event], PUSH).await, 400);
    }
}
