//! What the caller accepts, and how an answer is written.

use crate::error::ApiError;
use argosy_object::Value;
use argosy_ports::{Body, full_body};
use http::{HeaderMap, HeaderValue, Response, header};

/// The form of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shape {
    /// The object or list itself.
    #[default]
    Whole,
    /// `meta.k8s.io` Table of this version (`v1`, `v1beta1`).
    Table(&'static str),
    /// `PartialObjectMetadata`, or its list for a list.
    Metadata(&'static str),
}

/// The encoding of an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Wire {
    #[default]
    Json,
    Yaml,
}

/// Outcome of content negotiation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Format {
    pub shape: Shape,
    pub wire: Wire,
}

/// One clause of an `Accept` header.
struct Clause<'a> {
    media: &'a str,
    parameters: Vec<(&'a str, &'a str)>,
}

impl<'a> Clause<'a> {
    fn parse(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let parameters = parts.filter_map(|part| part.split_once('=')).collect();
        Self { media, parameters }
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters
            .iter()
            .find(|(n, _)| *n == name)
            .map(|(_, v)| *v)
    }

    fn wire(&self) -> Option<Wire> {
        match self.media {
            "application/json" | "*/*" | "application/*" => Some(Wire::Json),
            "application/yaml" => Some(Wire::Yaml),
            _ => None,
        }
    }

    /// The form asked for; `None` where we do not have it.
    fn shape(&self) -> Option<Shape> {
        let Some(kind) = self.parameter("as") else {
            return Some(Shape::Whole);
        };
        if self.parameter("g") != Some("meta.k8s.io") {
            return None;
        }
        let version = match self.parameter("v") {
            Some("v1") => "v1",
            Some("v1beta1") => "v1beta1",
            _ => return None,
        };
        match kind {
            "Table" => Some(Shape::Table(version)),
            "PartialObjectMetadata" | "PartialObjectMetadataList" => Some(Shape::Metadata(version)),
            _ => None,
        }
    }
}

/// Chooses the first acceptable clause; `shapes` says whether tables and metadata are on offer.
pub(crate) fn negotiate(headers: &HeaderMap, shapes: bool) -> Result<Format, ApiError> {
    let accept = accept(headers);
    if accept.trim().is_empty() {
        return Ok(Format::default());
    }
    accept
        .split(',')
        .map(Clause::parse)
        .find_map(|clause| {
            let (wire, shape) = (clause.wire()?, clause.shape()?);
            (shapes || shape == Shape::Whole).then_some(Format { shape, wire })
        })
        .ok_or_else(|| {
            const OFFERED: &str =
                "application/json, application/yaml, application/vnd.kubernetes.protobuf";
            let known = accept.split(',').map(Clause::parse);
            // A known encoding in a form that is not on offer is refused in other words.
            if shapes && known.into_iter().any(|clause| clause.wire().is_some()) {
                let message = format!("only the following media types are accepted: {OFFERED}");
                return ApiError::new(406, "NotAcceptable", message);
            }
            let message = format!("406: Not Acceptable\n\nAvailable representations: {OFFERED}");
            ApiError::new(406, "NotAcceptable", message).with_empty_details()
        })
}

/// All `Accept` headers as one.
pub(crate) fn accept(headers: &HeaderMap) -> String {
    let values = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(",")
}

/// Whether a clause names this media type with these parameters.
pub(crate) fn accepts_as(headers: &HeaderMap, media: &str, kind: &str, version: &str) -> bool {
    accept(headers).split(',').map(Clause::parse).any(|clause| {
        clause.media == media
            && clause.parameter("as") == Some(kind)
            && clause.parameter("v") == Some(version)
    })
}

/// An answer before it is written.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    pub code: u16,
    pub body: Value,
    pub warnings: Vec<String>,
}

impl Reply {
    pub(crate) fn ok(body: Value) -> Self {
        Self {
            code: 200,
            body,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn with_code(code: u16, body: Value) -> Self {
        Self {
            code,
            body,
            warnings: Vec::new(),
        }
    }

    pub(crate) fn write(self, wire: Wire) -> Response<Body> {
        let (content_type, bytes) = match wire {
            Wire::Json => {
                let bytes = serde_json::to_vec(&self.body);
                let mut bytes = bytes.expect("a value with string keys is always JSON");
                bytes.push(b'\n');
                ("application/json", bytes)
            }
            Wire::Yaml => (
                "application/yaml",
                crate::decode::to_yaml(&self.body).into_bytes(),
            ),
        };
        let mut response = raw(self.code, content_type, bytes);
        for warning in &self.warnings {
            let text = format!("299 - \"{}\"", escape(warning));
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().append(header::WARNING, value);
            }
        }
        response
    }
}

/// Text within a quoted header parameter: quotes and backslashes escaped, no control characters.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            other if other.is_control() => out.push(' '),
            other => out.push(other),
        }
    }
    out
}

/// An answer of bytes.
pub(crate) fn raw(code: u16, content_type: &'static str, bytes: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(full_body(bytes));
    *response.status_mut() =
        http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("no-cache, private"),
    );
    response
}

impl ApiError {
    pub(crate) fn reply(&self) -> Response<Body> {
        let mut response = Reply::with_code(self.code, self.status()).write(Wire::Json);
        if let Some(seconds) = self.retry_after() {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }

    fn retry_after(&self) -> Option<u32> {
        self.details
            .as_ref()
            .map(|d| d.retry_after_seconds)
            .filter(|seconds| *seconds > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(accept: &'static str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        headers
    }

    #[test]
    fn table_is_taken_where_offered_and_skipped_where_not() {
        let accept = headers("application/json;as=Table;v=v1;g=meta.k8s.io,application/json");
        assert_eq!(negotiate(&accept, true).unwrap().shape, Shape::Table("v1"));
        assert_eq!(negotiate(&accept, false).unwrap().shape, Shape::Whole);
    }

    #[test]
    fn protobuf_falls_back_to_json_or_is_refused() {
        let accept = headers("application/vnd.kubernetes.protobuf,application/json");
        assert_eq!(negotiate(&accept, true).unwrap(), Format::default());
        let only = headers("application/vnd.kubernetes.protobuf");
        assert_eq!(negotiate(&only, true).unwrap_err().code, 406);
    }
}
