//! The HTTP service behind which every Kubernetes API stands, a socket away or in the process.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::combinators::UnsyncBoxBody;
use tower::util::BoxCloneSyncService;

/// Any error of a transport.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The body of a request or a response.
pub type Body = UnsyncBoxBody<Bytes, BoxError>;

/// A Kubernetes API as a service: always ready, cheap to clone. Paths are absolute from the
/// API's own root (`/api/v1/…`).
pub type ApiService = BoxCloneSyncService<http::Request<Body>, http::Response<Body>, BoxError>;

/// A body of one piece.
pub fn full_body(bytes: impl Into<Bytes>) -> Body {
    http_body_util::Full::new(bytes.into())
        .map_err(|never| match never {})
        .boxed_unsync()
}

/// A body of nothing.
pub fn empty_body() -> Body {
    full_body(Bytes::new())
}
