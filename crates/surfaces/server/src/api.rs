//! Requests and what answers them. Everything is checked here before a view hears of it.

use crate::answer::{self, Body, failure, json};
use crate::assets;
use crate::guard::Guard;
use crate::query::AppQuery;
use crate::row::AppKey;
use crate::stream;
use crate::view::{ActionError, FleetView, Seq, SyncRequest};
use crate::webhook::{self, Deliveries};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Bytes of a body at most, and how long it may take to come.
const BODY_MAX: usize = 16 << 10;
const BODY_TIME: Duration = Duration::from_secs(10);
/// How long one call may take.
const CALL: Duration = Duration::from_secs(30);
/// Streams at a time at most.
const STREAMS: usize = 64;
/// Bytes of a path and its query at most.
const TARGET_MAX: usize = 4 << 10;

/// Answers requests.
pub struct Api {
    view: Arc<dyn FleetView>,
    guard: Guard,
    streams: Arc<Semaphore>,
    deliveries: Deliveries,
    stop: watch::Receiver<bool>,
}

/// What a path under `/api/` means.
#[derive(Debug, PartialEq, Eq)]
enum Call {
    Fleet,
    Applications,
    Application(AppKey),
    Changes,
    Refresh(AppKey),
    Sync(AppKey),
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RefreshRequest {
    hard: bool,
}

impl Api {
    pub fn new(view: Arc<dyn FleetView>, guard: Guard, stop: watch::Receiver<bool>) -> Self {
        Self {
            view,
            guard,
            streams: Arc::new(Semaphore::new(STREAMS)),
            deliveries: Deliveries::default(),
            stop,
        }
    }

    /// Answers one request.
    pub async fn handle<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        // Hosts know this server by whatever name leads to it, and no page of ours asks for this.
        if head.uri.path() == webhook::PATH
            && let Some(webhooks) = self.view.webhooks()
        {
            let (method, headers) = (&head.method, &head.headers);
            return self.deliveries.take(webhooks, method, headers, body).await;
        }
        if let Err(refusal) = self.guard.check_place(&head.headers) {
            return refuse(refusal);
        }
        // A path, and nothing that names another server.
        if head.uri.authority().is_some() || head.uri.to_string().len() > TARGET_MAX {
            return failure(
                StatusCode::BAD_REQUEST,
                "the address is too long or not a path",
            );
        }
        let path = head.uri.path();
        if path != "/api" && !path.starts_with("/api/") {
            return page(&head.method, path, &head.headers);
        }
        if let Err(refusal) = self.guard.check_call(&head.headers) {
            return refuse(refusal);
        }
        let Some(call) = call(path) else {
            return failure(StatusCode::NOT_FOUND, "there is nothing at this path");
        };
        let wanted = if call.acts() {
            Method::POST
        } else {
            Method::GET
        };
        if head.method != wanted {
            return failure(
                StatusCode::METHOD_NOT_ALLOWED,
                "this path is for another method",
            );
        }
        let query = head.uri.query().unwrap_or("");
        if call == Call::Changes {
            return self.changes(query, &head.headers);
        }
        let answer = async {
            if call.acts() {
                self.act(call, &head.headers, body).await
            } else {
                self.show(call, query).await
            }
        };
        let answer = tokio::time::timeout(CALL, answer).await;
        answer.unwrap_or_else(|_| failure(StatusCode::GATEWAY_TIMEOUT, "it takes too long"))
    }

    async fn show(&self, call: Call, query: &str) -> Response<Body> {
        match call {
            Call::Fleet => json(&self.view.summary()),
            Call::Applications => match AppQuery::parse(query) {
                Ok(query) => json(&self.view.page(&query)),
                Err(error) => failure(StatusCode::BAD_REQUEST, &error.to_string()),
            },
            Call::Application(key) => match self.view.app(&key).await {
                Some(detail) => json(&detail),
                None => failed(&ActionError::Missing(key.to_string())),
            },
            Call::Changes | Call::Refresh(_) | Call::Sync(_) => {
                failure(StatusCode::NOT_FOUND, "there is nothing at this path")
            }
        }
    }

    async fn act<B>(&self, call: Call, headers: &HeaderMap, body: B) -> Response<Body>
    where
        B: hyper::body::Body<Data = Bytes> + Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        if let Err(refusal) = Guard::check_body(headers) {
            return refuse(refusal);
        }
        let done = match call {
            Call::Refresh(key) => match read::<RefreshRequest, B>(body).await {
                Ok(request) => self.view.refresh(&key, request.hard).await,
                Err(answer) => return *answer,
            },
            Call::Sync(key) => match read::<SyncRequest, B>(body).await {
                Ok(request) => self.view.sync(&key, &request).await,
                Err(answer) => return *answer,
            },
            _ => return failure(StatusCode::NOT_FOUND, "there is nothing at this path"),
        };
        match done {
            Ok(()) => json(&argosy_object::json!({})),
            Err(error) => failed(&error),
        }
    }

    fn changes(&self, query: &str, headers: &HeaderMap) -> Response<Body> {
        let last = headers
            .get("last-event-id")
            .and_then(|value| value.to_str().ok());
        let asked = form_urlencoded::parse(query.as_bytes())
            .find_map(|(name, value)| (name == "since").then(|| value.into_owned()));
        let since = match last.map(str::to_owned).or(asked) {
            None => None,
            Some(text) => match text.parse::<Seq>() {
                Ok(since) => Some(since),
                Err(_) => return failure(StatusCode::BAD_REQUEST, "`since` is no number"),
            },
        };
        match self.streams.clone().try_acquire_owned() {
            Ok(permit) => stream::changes(self.view.clone(), since, self.stop.clone(), permit),
            Err(_) => failure(StatusCode::SERVICE_UNAVAILABLE, "too many streams are open"),
        }
    }
}

impl Call {
    fn acts(&self) -> bool {
        matches!(self, Self::Refresh(_) | Self::Sync(_))
    }
}

fn call(path: &str) -> Option<Call> {
    let parts: Vec<&str> = path.strip_prefix("/api/")?.split('/').collect();
    let key = |namespace: &str, name: &str| {
        (is_name(namespace) && is_name(name)).then(|| AppKey::new(namespace, name))
    };
    Some(match parts[..] {
        ["fleet"] => Call::Fleet,
        ["applications"] => Call::Applications,
        ["changes"] => Call::Changes,
        ["applications", namespace, name] => Call::Application(key(namespace, name)?),
        ["applications", namespace, name, "refresh"] => Call::Refresh(key(namespace, name)?),
        ["applications", namespace, name, "sync"] => Call::Sync(key(namespace, name)?),
        _ => return None,
    })
}

/// Whether a text can name an object, so that it can stand in a path of the hub's API.
fn is_name(text: &str) -> bool {
    let is_fine =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    (1..=253).contains(&text.len())
        && text.bytes().all(is_fine)
        && text
            .bytes()
            .next()
            .is_some_and(|first| first.is_ascii_alphanumeric())
}

fn page(method: &Method, path: &str, headers: &HeaderMap) -> Response<Body> {
    if method != Method::GET && method != Method::HEAD {
        return failure(StatusCode::METHOD_NOT_ALLOWED, "the page can only be read");
    }
    match assets::find(path) {
        Some(file) => answer::file(file, headers),
        None => failure(StatusCode::NOT_FOUND, "there is no such file"),
    }
}

fn refuse(refusal: crate::guard::Refusal) -> Response<Body> {
    let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::FORBIDDEN);
    failure(status, &refusal.to_string())
}

fn failed(error: &ActionError) -> Response<Body> {
    let status = match error {
        ActionError::Missing(_) => StatusCode::NOT_FOUND,
        ActionError::Busy => StatusCode::CONFLICT,
        ActionError::Hub(_) => StatusCode::BAD_GATEWAY,
    };
    failure(status, &error.to_string())
}

/// Reads a small JSON body; an empty one is an empty object.
async fn read<T, B>(body: B) -> Result<T, Box<Response<Body>>>
where
    T: DeserializeOwned + Default,
    B: hyper::body::Body<Data = Bytes> + Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let no = |status, text: &str| Box::new(failure(status, text));
    let whole = tokio::time::timeout(BODY_TIME, Limited::new(body, BODY_MAX).collect()).await;
    let bytes = match whole {
        Err(_) => return Err(no(StatusCode::REQUEST_TIMEOUT, "the body does not come")),
        Ok(Err(_)) => return Err(no(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")),
        Ok(Ok(whole)) => whole.to_bytes(),
    };
    if bytes.is_empty() {
        return Ok(T::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        no(
            StatusCode::BAD_REQUEST,
            &format!("the body cannot be read: {error}"),
        )
    })
}

#[cfg(test)]
mod tests;
