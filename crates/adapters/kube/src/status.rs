//! Errors from what a server answers: Kubernetes' Status, or whatever stands in its way.

use argosy_ports::{ApiError, ApiErrorKind, BoxError};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use std::time::Duration;

const MESSAGE_BYTES: usize = 8 << 10;
const FOREIGN_BYTES: usize = 300;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Status {
    kind: String,
    message: Option<String>,
    reason: Option<String>,
    code: Option<u16>,
    details: Option<Details>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Details {
    name: Option<String>,
    retry_after_seconds: Option<u64>,
}

/// The error of an answer that is no success.
pub fn error_of(code: StatusCode, headers: &HeaderMap, body: &[u8]) -> ApiError {
    let status = serde_json::from_slice::<Status>(body)
        .ok()
        .filter(|s| s.kind == "Status");
    let retry_header = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok());
    let Some(status) = status else {
        return foreign(code, retry_header, body);
    };
    let details = status.details.unwrap_or_default();
    let reason = status.reason.unwrap_or_default();
    let named = details.name.is_some_and(|name| !name.is_empty());
    let mut kind = kind_of(status.code.unwrap_or(code.as_u16()), &reason);
    if kind == ApiErrorKind::NotFound && !named {
        // "the server could not find the requested resource": the path, not the object.
        kind = ApiErrorKind::NoKind;
    }
    let mut message = status.message.unwrap_or_default();
    truncate(&mut message, MESSAGE_BYTES);
    if message.is_empty() {
        message = format!("the server answered {code}");
    }
    ApiError {
        kind,
        code: status.code.unwrap_or(code.as_u16()),
        reason,
        message,
        retry_after: details.retry_after_seconds.or(retry_header).map(retry),
    }
}

/// The error that a watch sends as an event.
pub fn error_of_event(object: &[u8]) -> ApiError {
    let code = serde_json::from_slice::<Status>(object)
        .ok()
        .and_then(|status| status.code);
    let code = StatusCode::from_u16(code.unwrap_or(500)).unwrap_or_default();
    error_of(code, &HeaderMap::new(), object)
}

/// An answer that is not Kubernetes': a proxy's, or a path that no handler has.
fn foreign(code: StatusCode, retry_header: Option<u64>, body: &[u8]) -> ApiError {
    let mut said = String::from_utf8_lossy(&body[..body.len().min(FOREIGN_BYTES)]).into_owned();
    said.retain(|c| !c.is_control() || c == ' ');
    let mut kind = kind_of(code.as_u16(), "");
    if kind == ApiErrorKind::NotFound {
        kind = ApiErrorKind::NoKind;
    }
    let said = said.trim();
    let message = if code == StatusCode::NOT_FOUND {
        "the server could not find the requested resource".to_owned()
    } else if said.is_empty() {
        format!("the server answered {code}")
    } else {
        format!("the server answered {code}: {said}")
    };
    ApiError {
        kind,
        code: code.as_u16(),
        reason: String::new(),
        message,
        retry_after: retry_header.map(retry),
    }
}

/// The error of a request that got no answer.
pub fn unreachable(server: &str, error: &BoxError) -> ApiError {
    let text = error.to_string();
    let transport = error.downcast_ref::<crate::transport::TransportError>();
    let denied = matches!(
        transport,
        Some(crate::transport::TransportError::Credential(_))
    );
    let kind = if denied {
        ApiErrorKind::Unauthorized
    } else {
        ApiErrorKind::Unreachable
    };
    ApiError::new(
        kind,
        format!("cluster `{server}` cannot be reached: {text}"),
    )
}

fn retry(seconds: u64) -> Duration {
    Duration::from_secs(seconds.min(600)) // a server may not stop us for hours
}

fn kind_of(code: u16, reason: &str) -> ApiErrorKind {
    match code {
        401 => ApiErrorKind::Unauthorized,
        403 => ApiErrorKind::Forbidden,
        404 => ApiErrorKind::NotFound,
        409 if reason == "AlreadyExists" => ApiErrorKind::AlreadyExists,
        409 => ApiErrorKind::Conflict,
        410 => ApiErrorKind::Expired,
        405 | 406 | 413 | 415 => ApiErrorKind::Unsupported,
        429 | 500.. => ApiErrorKind::Busy,
        _ => ApiErrorKind::Invalid,
    }
}

fn truncate(text: &mut String, max: usize) {
    if text.len() > max {
        let end = (0..=max)
            .rev()
            .find(|&at| text.is_char_boundary(at))
            .unwrap_or(0);
        text.truncate(end);
        text.push_str(" ..");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::{Class, Classified as _};

    fn error(code: u16, body: &str) -> ApiError {
        error_of(
            StatusCode::from_u16(code).unwrap(),
            &HeaderMap::new(),
            body.as_bytes(),
        )
    }

    #[test]
    fn status_reason_decides_between_the_conflicts() {
        let exists = r#"{"kind":"Status","code":409,"reason":"AlreadyExists","message":"m"}"#;
        assert_eq!(error(409, exists).kind, ApiErrorKind::AlreadyExists);
        let conflict = r#"{"kind":"Status","code":409,"reason":"Conflict","message":"m"}"#;
        assert_eq!(error(409, conflict).kind, ApiErrorKind::Conflict);
    }

    #[test]
    fn missing_object_and_missing_kind_differ() {
        let object = r#"{"kind":"Status","code":404,"reason":"NotFound","message":"pods \"x\" not found","details":{"name":"x","kind":"pods"}}"#;
        assert_eq!(error(404, object).kind, ApiErrorKind::NotFound);
        assert_eq!(
            error(404, "404 page not found\n").kind,
            ApiErrorKind::NoKind
        );
        assert_eq!(error(404, "404 page not found\n").class(), Class::Waiting);
    }

    #[test]
    fn retry_after_is_read_and_bounded() {
        let busy =
            r#"{"kind":"Status","code":429,"message":"m","details":{"retryAfterSeconds":99999}}"#;
        let error = error(429, busy);
        assert_eq!(error.retry_after, Some(Duration::from_secs(600)));
        assert_eq!(error.class(), Class::Transient);
    }

    #[test]
    fn foreign_answer_is_quoted_in_short() {
        let error = error(502, &format!("<html>\u{7}{}", "x".repeat(5000)));
        assert!(
            error
                .message
                .starts_with("the server answered 502 Bad Gateway: <html>x")
        );
        assert!(error.message.len() < 400);
    }
}
