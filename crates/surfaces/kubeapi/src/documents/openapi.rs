//! OpenAPI v2 and v3.

use super::{page_not_found, plain};
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::negotiate::accept;
use crate::request::{Query, RequestInfo};
use argosy_object::{Digest, Map, Value, json};
use argosy_ports::{Body, empty_body};
use http::{HeaderMap, HeaderValue, Response, header};

/// The protobuf form of OpenAPI v2, the only one kubectl asks for.
const V2_PROTOBUF: &str = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
/// What it is called in the answer: `@` may not stand in a media type.
const V2_PROTOBUF_SAID: &str = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/// Older clients' name of it.
const V2_PROTOBUF_OLD: &str =
    "application/com.github.googleapis.gnostic.OpenAPIv2@68f4ded+protobuf";

pub(super) fn v2(cluster: &Cluster, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let catalog = cluster.catalog();
    let accepted = accept(headers);
    let first = accepted.split(',').map(|clause| {
        clause
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    });
    let wanted = first.into_iter().find_map(|media| match media.as_str() {
        V2_PROTOBUF | V2_PROTOBUF_SAID => Some(V2_PROTOBUF_SAID),
        V2_PROTOBUF_OLD => Some(V2_PROTOBUF_OLD),
        "" | "*/*" | "application/*" | "application/json" => Some("application/json"),
        _ => None,
    });
    let Some(content_type) = wanted else {
        return Err(ApiError::new(
            406,
            "NotAcceptable",
            format!("only the following media types are accepted: application/json, {V2_PROTOBUF}"),
        ));
    };
    let json = content_type == "application/json";
    let name = if json {
        "openapi/v2/json"
    } else {
        "openapi/v2/protobuf"
    };
    let document = catalog.documents.get(name, || {
        Some(if json {
            argosy_schema::openapi_v2(&catalog.schemas)
                .to_string()
                .into_bytes()
        } else {
            argosy_schema::openapi_v2_protobuf(&catalog.schemas)
        })
    });
    let document = document.ok_or_else(ApiError::unknown_resource)?;
    Ok(document.reply(headers, content_type))
}

/// What tells a document of v3 from its earlier states, without making it.
fn hash(cluster: &Cluster, path: &str) -> String {
    let catalog = cluster.catalog();
    let group = path.split('/').nth(1).unwrap_or_default();
    let mut parts = vec![path.to_owned(), cluster.facts.git_version.clone()];
    for crd in catalog.crds.values() {
        if crd.pointer("/spec/group").and_then(Value::as_str) == Some(group) {
            parts.push(crd["spec"].to_string());
        }
    }
    Digest::of_parts(parts.iter().map(String::as_bytes))
        .hex()
        .to_uppercase()
}

pub(super) fn v3_index(cluster: &Cluster, headers: &HeaderMap) -> Result<Response<Body>, ApiError> {
    let catalog = cluster.catalog();
    let mut paths = Map::new();
    for path in argosy_schema::openapi_v3_paths(&catalog.schemas) {
        let url = format!("/openapi/v3/{path}?hash={}", hash(cluster, &path));
        paths.insert(path, json!({"serverRelativeURL": url}));
    }
    plain(headers, json!({"paths": paths}))
}

pub(super) fn v3(
    cluster: &Cluster,
    info: &RequestInfo,
    path: &str,
    headers: &HeaderMap,
) -> Result<Response<Body>, ApiError> {
    let catalog = cluster.catalog();
    let accepted = accept(headers);
    let json = accepted.trim().is_empty()
        || accepted.split(',').any(|clause| {
            let media = clause.split(';').next().unwrap_or_default().trim();
            matches!(media, "application/json" | "*/*" | "application/*")
        });
    if !json {
        return Err(ApiError::new(
            406,
            "NotAcceptable",
            "only the following media types are accepted: application/json",
        ));
    }
    let document = catalog.documents.get(&format!("openapi/v3/{path}"), || {
        let document = argosy_schema::openapi_v3(&catalog.schemas, path)?;
        Some(document.to_string().into_bytes())
    });
    let Some(document) = document else {
        return Ok(page_not_found());
    };
    let current = hash(cluster, path);
    let asked = Query::parse(&info.query);
    match asked.text("hash") {
        Some(known) if known == current => {
            let mut response = document.reply(headers, "application/json");
            // The address changes with the content, so that this one may be kept for ever.
            let forever = HeaderValue::from_static("public, immutable");
            response
                .headers_mut()
                .insert(header::CACHE_CONTROL, forever);
            Ok(response)
        }
        Some(_) => {
            let mut response = Response::new(empty_body());
            *response.status_mut() = http::StatusCode::MOVED_PERMANENTLY;
            let target = format!("/openapi/v3/{path}?hash={current}");
            if let Ok(value) = HeaderValue::from_str(&target) {
                response.headers_mut().insert(header::LOCATION, value);
            }
            Ok(response)
        }
        None => Ok(document.reply(headers, "application/json")),
    }
}
