//! A small client: lists, watches and writes over any service that speaks the Kubernetes API.

use crate::lean::{self, Told};
use argosy_object::{Value, json};
use argosy_ports::{ApiService, Body, BoxError, empty_body, full_body};
use bytes::{Bytes, BytesMut};
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use futures_util::{FutureExt as _, StreamExt as _, stream};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use serde_json::value::RawValue;
use std::time::Duration;
use tower::Service as _;

/// The largest answer that is read.
const MAX_ANSWER: usize = 256 * 1024 * 1024;
/// The longest line of a watch.
const MAX_LINE: usize = 32 * 1024 * 1024;
/// How long a write or a list may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A failed call.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server answered with an error.
    #[error("the API answered {code}: {message}")]
    Status {
        /// HTTP status.
        code: u16,
        /// The server's words.
        message: String,
    },
    /// The server was not reached.
    #[error("the API was not reached")]
    Unreachable(#[source] BoxError),
    /// The answer took too long.
    #[error("the API did not answer in time")]
    Timeout,
    /// The answer is larger than any sane one.
    #[error("the API's answer is too large")]
    TooLarge,
    /// The answer is no JSON.
    #[error("the API's answer cannot be read")]
    Broken(#[source] serde_json::Error),
}

impl ClientError {
    /// The HTTP status, 0 where there was none.
    pub fn code(&self) -> u16 {
        match self {
            Self::Status { code, .. } => *code,
            _ => 0,
        }
    }
}

/// One event of a watch.
#[derive(Clone, Debug)]
pub enum Event {
    /// New or changed.
    Applied(Told),
    /// Gone.
    Deleted(Value),
    /// Nothing happened up to this resourceVersion.
    Bookmark(String),
    /// The watch cannot go on: list anew.
    Expired,
}

/// A client of one cluster.
#[derive(Clone)]
pub struct Client {
    service: ApiService,
    agent: &'static str,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

impl Client {
    /// A client over a service whose root is the API's.
    pub fn new(service: ApiService) -> Self {
        Self {
            service,
            agent: "argosy-simulate",
        }
    }

    /// The same client under another name, which the API notes with each field that is written.
    #[must_use]
    pub fn named(&self, agent: &'static str) -> Self {
        Self {
            service: self.service.clone(),
            agent,
        }
    }

    fn send(
        &self,
        request: Request<Body>,
    ) -> BoxFuture<'static, Result<http::Response<Body>, ClientError>> {
        // The port's services are always ready; see its contract.
        let call = self.service.clone().call(request);
        async move {
            match tokio::time::timeout(TIMEOUT, call).await {
                Ok(answer) => answer.map_err(ClientError::Unreachable),
                Err(_) => Err(ClientError::Timeout),
            }
        }
        .boxed()
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        content_type: &str,
        body: Option<&Value>,
    ) -> Result<Value, ClientError> {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::USER_AGENT, self.agent)
            .header(http::header::CONTENT_TYPE, content_type)
            .body(body.map_or_else(empty_body, |body| full_body(encode(body))))
            .expect("paths are made of valid names");
        let answer = self.send(request).await?;
        let status = answer.status();
        let read = read_all(answer.into_body());
        let bytes = match tokio::time::timeout(TIMEOUT, read).await {
            Ok(read) => read?,
            Err(_) => return Err(ClientError::Timeout),
        };
        if !status.is_success() {
            return Err(refusal(status, &bytes));
        }
        lean::read(&bytes).map_err(ClientError::Broken)
    }

    /// A whole list and its resourceVersion.
    pub async fn list(&self, path: &str) -> Result<(Vec<Value>, String), ClientError> {
        let mut list = self
            .call(Method::GET, path, "application/json", None)
            .await?;
        let items = match list.get_mut("items").map(Value::take) {
            Some(Value::Array(items)) => items,
            _ => Vec::new(),
        };
        Ok((
            items,
            argosy_object::meta(&list, "resourceVersion").to_owned(),
        ))
    }

    /// Changes after a resourceVersion, until the server ends the watch.
    pub async fn watch(
        &self,
        path: &str,
        from: &str,
    ) -> Result<BoxStream<'static, Event>, ClientError> {
        let uri = format!("{path}?watch=true&allowWatchBookmarks=true&resourceVersion={from}");
        let request = Request::builder()
            .uri(uri)
            .header(http::header::ACCEPT, "application/json")
            .header(http::header::USER_AGENT, self.agent)
            .body(empty_body())
            .expect("paths are made of valid names");
        let answer = self.send(request).await?;
        let status = answer.status();
        if !status.is_success() {
            return Err(ClientError::Status {
                code: status.as_u16(),
                message: String::new(),
            });
        }
        Ok(events(answer.into_body()))
    }

    /// Creates an object.
    pub async fn create(&self, path: &str, object: &Value) -> Result<Value, ClientError> {
        self.call(Method::POST, path, "application/json", Some(object))
            .await
    }

    /// Patches with RFC 7386.
    pub async fn merge(&self, path: &str, patch: &Value) -> Result<Value, ClientError> {
        self.call(
            Method::PATCH,
            path,
            "application/merge-patch+json",
            Some(patch),
        )
        .await
    }

    /// Deletes an object; with a grace of its own, or the kind's.
    pub async fn delete(
        &self,
        path: &str,
        uid: &str,
        grace_seconds: Option<i64>,
    ) -> Result<Value, ClientError> {
        let mut options = json!({"apiVersion": "v1", "kind": "DeleteOptions",
            "propagationPolicy": "Background"});
        if !uid.is_empty() {
            options["preconditions"] = json!({"uid": uid});
        }
        if let Some(seconds) = grace_seconds {
            options["gracePeriodSeconds"] = seconds.into();
        }
        self.call(Method::DELETE, path, "application/json", Some(&options))
            .await
    }
}

/// A whole body, as far as it is not larger than any sane answer.
async fn read_all(mut body: Body) -> Result<Bytes, ClientError> {
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(ClientError::Unreachable)?;
        if let Ok(data) = frame.into_data() {
            if buffer.len() + data.len() > MAX_ANSWER {
                return Err(ClientError::TooLarge);
            }
            buffer.extend_from_slice(&data);
        }
    }
    Ok(buffer.freeze())
}

fn encode(body: &Value) -> Vec<u8> {
    serde_json::to_vec(body).expect("a value with string keys is always JSON")
}

fn refusal(status: StatusCode, bytes: &Bytes) -> ClientError {
    let said: Option<Value> = serde_json::from_slice(bytes).ok();
    let message = said
        .as_ref()
        .and_then(|s| s["message"].as_str())
        .unwrap_or_default();
    ClientError::Status {
        code: status.as_u16(),
        message: message.to_owned(),
    }
}

/// The events of a watch's body: one JSON object a line.
fn events(body: Body) -> BoxStream<'static, Event> {
    let state = (body, BytesMut::new());
    stream::unfold(state, |(mut body, mut buffer)| async move {
        loop {
            if let Some(end) = buffer.iter().position(|b| *b == b'\n') {
                let line = buffer.split_to(end + 1).freeze();
                match event(&line) {
                    Some(event) => return Some((event, (body, buffer))),
                    None => continue,
                }
            }
            if buffer.len() > MAX_LINE {
                return None;
            }
            let frame = body.frame().await?.ok()?;
            if let Ok(data) = frame.into_data() {
                buffer.extend_from_slice(&data);
            }
        }
    })
    .boxed()
}

/// A line of a watch, its object unread.
#[derive(serde::Deserialize)]
struct Line<'l> {
    r#type: &'l str,
    #[serde(borrow)]
    object: &'l RawValue,
}

fn event(line: &Bytes) -> Option<Event> {
    let Line { r#type, object } = serde_json::from_slice(line).ok()?;
    let json = line.slice_ref(object.get().as_bytes());
    Some(match r#type {
        "ADDED" | "MODIFIED" => Event::Applied(Told::read(json)?),
        "DELETED" => Event::Deleted(lean::read(&json).ok()?),
        "BOOKMARK" => Event::Bookmark(Told::read(json)?.head.resource_version),
        _ => Event::Expired,
    })
}
