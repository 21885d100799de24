//! Answers: JSON, files, streams, and the headers that all of them carry.

use crate::assets::File;
use bytes::Bytes;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, HeaderName, HeaderValue, VARY,
};
use http::{HeaderMap, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde::Serialize;
use std::convert::Infallible;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Scripts, styles and calls of this origin only, nothing inline, no frames, no forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

/// Headers of every answer.
const SAFE: [(&str, &str); 6] = [
    ("content-security-policy", POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// An answer of these bytes.
pub fn bytes(status: StatusCode, content_type: &'static str, bytes: Bytes) -> Response<Body> {
    with_body(status, content_type, Full::new(bytes).boxed_unsync())
}

/// An answer with a body of any kind; it is not to be kept.
pub fn with_body(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in SAFE {
        headers.insert(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value as JSON.
pub fn json(value: &impl Serialize) -> Response<Body> {
    match serde_json::to_vec(value) {
        Ok(json) => bytes(StatusCode::OK, "application/json", json.into()),
        Err(error) => {
            tracing::error!(%error, "an answer cannot be written as JSON");
            failure(
                StatusCode::INTERNAL_SERVER_ERROR,
                "the answer cannot be written",
            )
        }
    }
}

/// A failure, as `{"error": "…"}`.
pub fn failure(status: StatusCode, error: &str) -> Response<Body> {
    let json = argosy_object::json!({ "error": error }).to_string();
    bytes(status, "application/json", json.into())
}

/// A file of the page, compressed where the client takes that.
pub fn file(file: &'static File, headers: &HeaderMap) -> Response<Body> {
    let takes_gzip = headers
        .get(ACCEPT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(',').any(|one| one.trim().starts_with("gzip")));
    let gzip = file.gzip.filter(|_| takes_gzip);
    let content = Bytes::from_static(gzip.unwrap_or(file.plain));
    let mut response = bytes(StatusCode::OK, file.content_type(), content);
    let headers = response.headers_mut();
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip.is_some() {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    if file.is_immutable() {
        let forever = HeaderValue::from_static("public, max-age=31536000, immutable");
        headers.insert(CACHE_CONTROL, forever);
    }
    response
}
