//! A server behind a socket: picks a connection, sends, and sends again where that is safe.

use super::connect::connect;
use super::lane::{Held, HeldBody, Lanes, Lease};
use super::tls::TlsSetup;
use super::{Address, Limits, TransportError};
use argosy_ports::{ApiService, Body, BoxError, full_body};
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

const ATTEMPTS: u32 = 3;
/// After so many resets in sequence HTTP/2 is given up: some inspecting proxies break it.
const RESETS_BEFORE_HTTP1: u32 = 3;

/// One server.
pub struct Remote {
    address: Address,
    tls: Option<TlsSetup>,
    limits: Limits,
    lanes: Arc<Lanes>,
    resets: AtomicU32,
}

/// A failed attempt, and whether the server can have seen the request.
struct Failed {
    error: TransportError,
    unseen: bool,
    /// The connection broke after the request went out: a read may be sent again.
    broken: bool,
    /// It was an HTTP/2 one.
    reset: bool,
}

impl Remote {
    pub fn new(address: Address, tls: Option<TlsSetup>, limits: Limits) -> Self {
        Self {
            address,
            tls,
            limits,
            lanes: Arc::default(),
            resets: AtomicU32::new(0),
        }
    }

    pub fn service(self) -> ApiService {
        let remote = Arc::new(self);
        ApiService::new(tower::service_fn(move |request| {
            let remote = remote.clone();
            async move { remote.call(request).await }
        }))
    }

    async fn call(&self, request: Request<Body>) -> Result<Response<Body>, BoxError> {
        let watch = is_watch(&request);
        let (head, body) = request.into_parts();
        // Kept whole, so that it can be sent again.
        let body = whole(body, self.limits.request_bytes).await?;
        let idempotent = matches!(head.method, Method::GET | Method::HEAD);
        let mut attempt = 1;
        loop {
            match self.attempt(&head, &body, watch).await {
                Ok(response) => {
                    self.resets.store(0, Ordering::Relaxed);
                    return Ok(response);
                }
                Err(failed) => {
                    if failed.reset {
                        self.count_reset();
                    }
                    if attempt == ATTEMPTS || !(failed.unseen || idempotent && failed.broken) {
                        return Err(failed.error.into());
                    }
                    attempt += 1;
                }
            }
        }
    }

    fn count_reset(&self) {
        let resets = self.resets.fetch_add(1, Ordering::Relaxed) + 1;
        if resets == RESETS_BEFORE_HTTP1 && self.tls.is_some() {
            tracing::warn!(
                cluster = self.address.authority(),
                "HTTP/2 is reset again and again; using HTTP/1.1"
            );
            self.lanes.lane(false).clear();
            self.lanes.lane(true).clear();
        }
    }

    async fn lease(&self, watch: bool) -> Result<Lease, TransportError> {
        let lane = self.lanes.lane(watch);
        if let Some(lease) = lane.take() {
            return Ok(lease);
        }
        let _opening = lane.opening.lock().await;
        if let Some(lease) = lane.take() {
            return Ok(lease);
        }
        let http2 = self.resets.load(Ordering::Relaxed) < RESETS_BEFORE_HTTP1;
        let connection = connect(&self.address, self.tls.as_ref(), http2, &self.limits).await?;
        Ok(lane.add(connection))
    }

    async fn attempt(
        &self,
        head: &http::request::Parts,
        body: &Bytes,
        watch: bool,
    ) -> Result<Response<Body>, Failed> {
        let lease = self.lease(watch).await.map_err(|error| Failed {
            error,
            unseen: false, // the guard decides when a server that refuses is asked again
            broken: false,
            reset: false,
        })?;
        let limit = if watch {
            self.limits.watch_answer
        } else {
            self.limits.answer
        };
        match lease {
            Lease::Http2 { mut sender, stream } => {
                let request = self.request(head, body, true)?;
                let sent = self.within(limit, sender.try_send_request(request)).await?;
                let response = sent.map_err(|failure| self.failed(failure, true))?;
                Ok(response.map(|body| hold(body, Held::Stream(stream))))
            }
            Lease::Http1(mut sender) => {
                if let Err(error) = sender.ready().await {
                    return Err(Failed {
                        error: self.broken(&error),
                        unseen: true,
                        broken: false,
                        reset: false,
                    });
                }
                let request = self.request(head, body, false)?;
                let sent = self.within(limit, sender.try_send_request(request)).await?;
                let response = sent.map_err(|failure| self.failed(failure, false))?;
                let held = Held::Whole(sender, self.lanes.clone(), watch);
                Ok(response.map(|body| hold(body, held)))
            }
        }
    }

    async fn within<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = T>,
    ) -> Result<T, Failed> {
        tokio::time::timeout(limit, answer)
            .await
            .map_err(|_| Failed {
                error: TransportError::Timeout {
                    address: self.address.authority(),
                    what: "answer",
                    limit,
                },
                unseen: false,
                broken: false,
                reset: false,
            })
    }

    fn request(
        &self,
        head: &http::request::Parts,
        body: &Bytes,
        http2: bool,
    ) -> Result<Request<Body>, Failed> {
        let refused = |reason: String| Failed {
            error: TransportError::Broken {
                address: self.address.authority(),
                reason,
            },
            unseen: false,
            broken: false,
            reset: false,
        };
        let uri = self
            .address
            .target(&head.uri, http2)
            .map_err(|e| refused(e.to_string()))?;
        let mut request = Request::new(full_body(body.clone()));
        *request.method_mut() = head.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = head.headers.clone();
        let authority = HeaderValue::try_from(self.address.authority())
            .map_err(|error| refused(error.to_string()))?;
        if !http2 {
            request.headers_mut().insert(header::HOST, authority);
        }
        Ok(request)
    }

    fn failed(
        &self,
        mut failure: hyper::client::conn::TrySendError<Request<Body>>,
        http2: bool,
    ) -> Failed {
        let unsent = failure.take_message().is_some();
        let error = failure.into_error();
        let reason = h2_reason(&error);
        let refused = reason == Some(h2::Reason::REFUSED_STREAM);
        Failed {
            unseen: unsent || refused,
            broken: !unsent && !refused,
            reset: http2 && !unsent && !refused,
            error: self.broken(&error),
        }
    }

    fn broken(&self, error: &hyper::Error) -> TransportError {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(inner) = source {
            reason = format!("{reason}: {inner}");
            source = inner.source();
        }
        TransportError::Broken {
            address: self.address.authority(),
            reason,
        }
    }
}

fn hold(body: Incoming, held: Held) -> Body {
    HeldBody::new(body, held).boxed_unsync()
}

fn h2_reason(error: &hyper::Error) -> Option<h2::Reason> {
    let mut source = std::error::Error::source(error);
    while let Some(inner) = source {
        if let Some(error) = inner.downcast_ref::<h2::Error>() {
            return error.reason();
        }
        source = inner.source();
    }
    None
}

async fn whole(mut body: Body, max: usize) -> Result<Bytes, BoxError> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            if bytes.len() + data.len() > max {
                return Err(format!("a request may have {max} bytes").into());
            }
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes.freeze())
}

/// Whether a request asks for a stream of changes.
pub(super) fn is_watch<B>(request: &Request<B>) -> bool {
    let query = request.uri().query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1" | "follow=true"))
}
