//! The API on a socket: TLS or plain, HTTP/1.1 and HTTP/2, the hub at `/` and other clusters
//! under `/clusters/NAME`.

use crate::error::ApiError;
use crate::request::PeerCertificate;
use crate::server::{ApiServer, FromSocket};
use argosy_ports::{ApiService, Body, BoxError};
use bytes::Bytes;
use http::uri::{PathAndQuery, Uri};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming, SizeHint};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, PoisonError, RwLock};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Where clusters other than the hub are found.
pub const CLUSTERS: &str = "/clusters/";

/// A handshake may take this long.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Requests under way on one HTTP/2 connection at most: watches count too.
const STREAMS_MAX: u32 = 4096;
/// How long requests may go on after the end is asked for.
const DRAIN: Duration = Duration::from_secs(5);
/// Flow-control windows: a few megabytes keep long lists going.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// Finds the API that a path belongs to. Clones share their clusters.
#[derive(Clone, Default)]
pub struct Router {
    hub: Arc<RwLock<Option<ApiServer>>>,
    clusters: Arc<RwLock<BTreeMap<String, ApiServer>>>,
}

impl Router {
    /// A router with a hub at `/`.
    pub fn new(hub: ApiServer) -> Self {
        Self {
            hub: Arc::new(RwLock::new(Some(hub))),
            clusters: Arc::default(),
        }
    }

    /// Adds or replaces a cluster at `/clusters/NAME`.
    pub fn insert(&self, name: &str, server: ApiServer) {
        self.clusters
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.into(), server);
    }

    /// Takes a cluster away.
    pub fn remove(&self, name: &str) -> Option<ApiServer> {
        self.clusters
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(name)
    }

    /// The API at a path, and the rest of the path.
    pub fn route<'p>(&self, path: &'p str) -> Option<(ApiServer, &'p str)> {
        let Some(rest) = path.strip_prefix(CLUSTERS) else {
            let hub = self
                .hub
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone();
            return hub.map(|hub| (hub, path));
        };
        let end = rest.find('/').unwrap_or(rest.len());
        let clusters = self.clusters.read().unwrap_or_else(PoisonError::into_inner);
        let server = clusters.get(&rest[..end])?.clone();
        Some((server, if end == rest.len() { "/" } else { &rest[end..] }))
    }

    /// All of it as a service, to be called with no socket.
    pub fn service(&self) -> ApiService {
        let router = self.clone();
        ApiService::new(tower::service_fn(move |request: Request<Body>| {
            let router = router.clone();
            async move { Ok::<_, BoxError>(router.handle(request).await) }
        }))
    }

    /// Answers a request by its path.
    pub async fn handle(&self, request: Request<Body>) -> Response<Body> {
        let path = request.uri().path().to_owned();
        let Some((server, rest)) = self.route(&path) else {
            // Not 404: that would say that the cluster knows no such kind.
            let name = path.trim_start_matches(CLUSTERS);
            let name = name.split('/').next().unwrap_or(name);
            let message = format!("no cluster `{name}` is served here now");
            return ApiError::new(503, "ServiceUnavailable", message)
                .retry_in(1)
                .reply();
        };
        let request = if rest.len() == path.len() {
            Some(request)
        } else {
            moved(request, rest)
        };
        match request {
            Some(request) => server.handle(request).await,
            None => crate::documents::page_not_found(),
        }
    }
}

/// The request with another path; its query stays.
fn moved(request: Request<Body>, path: &str) -> Option<Request<Body>> {
    let (mut head, body) = request.into_parts();
    let target = match head.uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = head.uri.into_parts();
    parts.path_and_query = Some(target.parse::<PathAndQuery>().ok()?);
    head.uri = Uri::from_parts(parts).ok()?;
    Some(Request::from_parts(head, body))
}

/// A server on a socket.
pub struct Listener {
    socket: TcpListener,
    router: Router,
    tls: Option<TlsAcceptor>,
}

impl Listener {
    /// Serves `router` on `listener`, with TLS where a configuration is given. ALPN is set here.
    pub fn new(
        listener: TcpListener,
        router: Router,
        tls: Option<Arc<rustls::ServerConfig>>,
    ) -> Self {
        let tls = tls.map(|config| {
            let mut config = Arc::unwrap_or_clone(config);
            config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            TlsAcceptor::from(Arc::new(config))
        });
        Self {
            socket: listener,
            router,
            tls,
        }
    }

    /// Accepts connections until `stop` turns true, then lets requests under way finish for a
    /// few seconds; watches are cut.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let accepted = tokio::select! {
                accepted = self.socket.accept() => accepted,
                // A dropped sender stops the server too.
                _ = stop.wait_for(|stop| *stop) => break,
                Some(_) = connections.join_next() => continue,
            };
            match accepted {
                Ok((stream, _)) => {
                    let (router, tls, stop) = (self.router.clone(), self.tls.clone(), stop.clone());
                    connections.spawn(connection(stream, router, tls, stop));
                }
                Err(error) => {
                    // Out of descriptors, most likely: wait for some to be freed.
                    tracing::warn!(error = %error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        drop(self.socket);
        let drained = async { while connections.join_next().await.is_some() {} };
        // What has not finished by then is cut with the set.
        let _ = tokio::time::timeout(DRAIN, drained).await;
    }
}

async fn connection(
    stream: TcpStream,
    router: Router,
    tls: Option<TlsAcceptor>,
    stop: watch::Receiver<bool>,
) {
    // Small events must not wait for more.
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        return http(stream, router, None, stop).await;
    };
    match tokio::time::timeout(HANDSHAKE, tls.accept(stream)).await {
        Ok(Ok(stream)) => {
            let certificates = stream.get_ref().1.peer_certificates();
            let first = certificates.and_then(|certificates| certificates.first());
            let peer = first.map(|certificate| PeerCertificate(certificate.to_vec()));
            http(stream, router, peer, stop).await;
        }
        Ok(Err(error)) => tracing::debug!(error = %error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake timed out"),
    }
}

/// What broke off an answer. A type of its own, which hyper's bounds need.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off: {0}")]
struct BodyError(BoxError);

/// An answer's body with that error.
struct Answer(Body);

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.0).poll_frame(cx).map_err(BodyError)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

async fn http(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    router: Router,
    peer: Option<PeerCertificate>,
    mut stop: watch::Receiver<bool>,
) {
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (router, peer) = (router.clone(), peer.clone());
        async move {
            let mut request = request.map(|body| body.map_err(BoxError::from).boxed_unsync());
            let extensions = request.extensions_mut();
            extensions.insert(FromSocket);
            if let Some(peer) = peer {
                extensions.insert(peer);
            }
            let response = router.handle(request).await;
            Ok::<_, Infallible>(response.map(Answer))
        }
    });
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_secs(30));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(Duration::from_secs(30))
        .keep_alive_timeout(Duration::from_secs(20));
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "connection ended");
    }
}
