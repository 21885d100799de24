//! Everything under paths that name no resource: discovery, OpenAPI, version, health.

mod discovery;
mod openapi;

use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::negotiate::{Format, Reply, accepts_as, negotiate, raw};
use crate::request::RequestInfo;
use argosy_object::{Value, json};
use argosy_ports::{Body, empty_body};
use http::{HeaderMap, HeaderValue, Response, header};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Documents of one catalog, made when first asked for.
#[derive(Default)]
pub(crate) struct Documents {
    made: Mutex<HashMap<String, Arc<Document>>>,
}

/// A document as it is sent.
pub(crate) struct Document {
    bytes: bytes::Bytes,
    tag: String,
}

impl Documents {
    /// The document of this name, made by `make` where it is not yet.
    fn get(&self, name: &str, make: impl FnOnce() -> Option<Vec<u8>>) -> Option<Arc<Document>> {
        let lock = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = lock().get(name) {
            return Some(found.clone());
        }
        let bytes = make()?;
        let tag = argosy_object::Digest::of(&bytes).hex().to_uppercase();
        let document = Arc::new(Document {
            bytes: bytes.into(),
            tag,
        });
        Some(lock().entry(name.to_owned()).or_insert(document).clone())
    }
}

impl Document {
    fn reply(&self, headers: &HeaderMap, content_type: &'static str) -> Response<Body> {
        let tag = format!("\"{}\"", self.tag);
        let known = headers
            .get(header::IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok());
        let mut response = if known.is_some_and(|known| known.split(',').any(|k| k.trim() == tag)) {
            let mut response = Response::new(empty_body());
            *response.status_mut() = http::StatusCode::NOT_MODIFIED;
            response
        } else {
            let mut response = raw(200, content_type, Vec::new());
            *response.body_mut() = argosy_ports::full_body(self.bytes.clone());
            response
        };
        if let Ok(value) = HeaderValue::from_str(&tag) {
            response.headers_mut().insert(header::ETAG, value);
        }
        response
            .headers_mut()
            .insert(header::VARY, HeaderValue::from_static("Accept"));
        response
    }
}

/// Answers a request for no resource.
pub(crate) fn serve(
    cluster: &Cluster,
    info: &RequestInfo,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let path = info.path.trim_end_matches('/');
    if !matches!(info.verb.as_str(), "get" | "head") {
        let known =
            matches!(path, "" | "/api" | "/apis" | "/version") || is_document(cluster, path);
        return Err(if known {
            ApiError::new(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
            .with_empty_details()
        } else {
            ApiError::unknown_resource()
        });
    }
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [check @ ("healthz" | "livez" | "readyz")] if is_verbose(info) => {
            let text = format!("[+]ping ok\n{check} check passed\n");
            Ok(raw(200, "text/plain; charset=utf-8", text.into_bytes()))
        }
        ["healthz" | "livez" | "readyz"] | ["healthz" | "livez" | "readyz", "ping"] => {
            Ok(raw(200, "text/plain; charset=utf-8", b"ok".to_vec()))
        }
        ["version"] => Ok(plain(headers, version(&cluster.facts.git_version))?),
        ["openapi", "v2"] => openapi::v2(cluster, headers),
        ["openapi", "v3"] => openapi::v3_index(cluster, headers),
        ["openapi", "v3", rest @ ..] => openapi::v3(cluster, info, &rest.join("/"), headers),
        ["api"] => root(cluster, headers, "api"),
        ["apis"] => root(cluster, headers, "apis"),
        ["api", "v1"] => resources(cluster, headers, "", "v1"),
        ["apis", group] => {
            let catalog = cluster.catalog();
            let found = discovery::group(&catalog.schemas, group).ok_or_else(page_not_found);
            match found {
                Ok(value) => plain(headers, value),
                Err(response) => Ok(response),
            }
        }
        ["apis", group, version] => resources(cluster, headers, group, version),
        [] => Ok(paths(cluster)),
        _ => Ok(page_not_found()),
    }
}

/// Whether a probe is to list its checks. Compat: the parameter counts whatever its value.
fn is_verbose(info: &RequestInfo) -> bool {
    let mut pairs = info.query.split('&');
    pairs.any(|pair| pair.split('=').next() == Some("verbose"))
}

/// 404 as plain text, as upstream says it where no API is behind the path.
pub(crate) fn page_not_found() -> Response<Body> {
    raw(
        404,
        "text/plain; charset=utf-8",
        b"404 page not found\n".to_vec(),
    )
}

fn plain(headers: &HeaderMap, value: Value) -> Result<Response<Body>, ApiError> {
    let Format { wire, .. } = negotiate(headers, false)?;
    Ok(Reply::ok(value).write(wire))
}

fn resources(
    cluster: &Cluster,
    headers: &HeaderMap,
    group: &str,
    version: &str,
) -> Result<Response<Body>, ApiError> {
    let catalog = cluster.catalog();
    match discovery::resources(&catalog.schemas, group, version) {
        Some(value) => plain(headers, value),
        // A version that a built-in group does not have is still behind that group's handler.
        None if is_builtin_group(cluster, group) => Err(ApiError::unknown_resource()),
        None => Ok(page_not_found()),
    }
}

fn is_builtin_group(cluster: &Cluster, group: &str) -> bool {
    let catalog = cluster.catalog();
    let found = catalog
        .schemas
        .kinds()
        .any(|kind| *kind.gvk.group == *group && !kind.is_custom());
    found
}

/// Whether a path has a discovery document of a built-in group.
fn is_document(cluster: &Cluster, path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["api", "v1"] => true,
        ["apis", group] => is_builtin_group(cluster, group),
        ["apis", group, version] => {
            is_builtin_group(cluster, group)
                && discovery::resources(&cluster.catalog().schemas, group, version).is_some()
        }
        _ => false,
    }
}

/// `/api` and `/apis`: the groups alone, or all resources at once.
fn root(
    cluster: &Cluster,
    headers: &HeaderMap,
    path: &'static str,
) -> Result<Response<Body>, ApiError> {
    const KIND: &str = "APIGroupDiscoveryList";
    let catalog = cluster.catalog();
    for (version, content_type) in [
        (
            "v2",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
        ),
        (
            "v2beta1",
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        ),
    ] {
        if !accepts_as(headers, "application/json", KIND, version) {
            continue;
        }
        let name = format!("discovery/{path}/{version}");
        let made = catalog.documents.get(&name, || {
            let value = discovery::aggregated(&catalog.schemas, path == "api", version);
            Some(format!("{value}\n").into_bytes())
        });
        if let Some(document) = made {
            return Ok(document.reply(headers, content_type));
        }
    }
    let value = if path == "api" {
        let host = headers
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or("");
        json!({"kind": "APIVersions", "versions": ["v1"],
            "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": host}]})
    } else {
        discovery::groups(&catalog.schemas)
    };
    plain(headers, value)
}

/// `/version`.
fn version(git_version: &str) -> Value {
    let mut numbers = git_version.trim_start_matches('v').split('.');
    let (major, minor) = (numbers.next().unwrap_or("1"), numbers.next().unwrap_or("0"));
    let before = minor
        .parse::<u32>()
        .unwrap_or(1)
        .saturating_sub(1)
        .to_string();
    json!({"major": major, "minor": minor, "gitVersion": git_version,
        "gitCommit": "", "gitTreeState": "clean", "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "", "emulationMajor": major, "emulationMinor": minor,
        "minCompatibilityMajor": major, "minCompatibilityMinor": before, "compiler": "rustc",
        "platform": format!("{}/{}", std::env::consts::OS, platform())})
}

fn platform() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

/// The paths there are.
fn paths(cluster: &Cluster) -> Response<Body> {
    let catalog = cluster.catalog();
    let mut paths: Vec<String> = vec!["/api".into(), "/api/v1".into(), "/apis".into()];
    paths.extend(discovery::paths(&catalog.schemas));
    let rest = [
        "/healthz",
        "/livez",
        "/openapi/v2",
        "/openapi/v3",
        "/readyz",
        "/version",
    ];
    paths.extend(rest.map(str::to_owned));
    Reply::ok(json!({"paths": paths})).write(crate::negotiate::Wire::Json)
}
