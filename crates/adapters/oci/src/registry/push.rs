//! A chart sent to a registry.

use super::manifest::{self, Descriptor};
use super::reference::Reference;
use super::{Registry, Request};
use crate::error::ChartError;
use argosy_fetch::redirected;
use argosy_helm::Metadata;
use argosy_object::{Digest, Map, Value as Json};
use http::{Method, StatusCode};

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Where it lies.
    pub reference: Reference,
    /// Digest of its manifest.
    pub digest: String,
}

/// Annotations that a chart cannot set itself.
const FIXED: [&str; 2] = [
    "org.opencontainers.image.version",
    "org.opencontainers.image.title",
];

/// Sends a packed chart, its provenance where there is one, and tags it with its version.
/// `created` is a time in RFC 3339.
///
/// # Errors
/// [`ChartError`]; blobs that were sent before stay.
pub fn push_chart(
    registry: &Registry,
    reference: &Reference,
    metadata: &Metadata,
    (archive, provenance): (&[u8], Option<&[u8]>),
    created: &str,
) -> Result<Pushed, ChartError> {
    let config = config(metadata);
    let mut layers = vec![(descriptor(manifest::CHART, archive), archive)];
    if let Some(data) = provenance {
        layers.push((descriptor(manifest::PROVENANCE, data), data));
    }
    layers.sort_by(|(left, _), (right, _)| left.digest.cmp(&right.digest));
    let config_descriptor = descriptor(manifest::CONFIG, config.as_bytes());
    let body = document(&config_descriptor, &layers, &annotations(metadata, created));
    let upload = Upload {
        registry,
        reference,
        scope: format!("repository:{}:pull,push", reference.repository),
    };
    upload.blob(&config_descriptor, config.as_bytes())?;
    for (descriptor, data) in &layers {
        upload.blob(descriptor, data)?;
    }
    upload.manifest(body.as_bytes())?;
    Ok(Pushed {
        reference: reference.clone(),
        digest: format!("sha256:{}", Digest::of(body.as_bytes()).hex()),
    })
}

fn descriptor(media_type: &str, data: &[u8]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: format!("sha256:{}", Digest::of(data).hex()),
        size: data.len() as u64,
    }
}

/// Chart.yaml as Go's JSON, so that equal charts have equal digests whoever sends them.
fn config(metadata: &Metadata) -> String {
    const FIELDS: [&str; 17] = [
        "name",
        "home",
        "sources",
        "version",
        "description",
        "keywords",
        "maintainers",
        "icon",
        "apiVersion",
        "condition",
        "tags",
        "appVersion",
        "deprecated",
        "annotations",
        "kubeVersion",
        "dependencies",
        "type",
    ];
    const MAINTAINER: [&str; 3] = ["name", "email", "url"];
    const DEPENDENCY: [&str; 8] = [
        "name",
        "version",
        "repository",
        "condition",
        "tags",
        "enabled",
        "import-values",
        "alias",
    ];
    let json = metadata.to_json();
    let fields = FIELDS.iter().filter_map(|name| {
        let value = json.get(name)?;
        let text = match (*name, value) {
            ("maintainers", Json::Array(items)) => list(items, &MAINTAINER),
            ("dependencies", Json::Array(items)) => list(items, &DEPENDENCY),
            _ => argosy_yaml::write_json_go(value),
        };
        Some(format!("\"{name}\":{text}"))
    });
    format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
}

fn list(items: &[Json], order: &[&str]) -> String {
    let items = items.iter().map(|item| {
        let fields = order.iter().filter_map(|name| {
            let value = argosy_yaml::write_json_go(item.get(name)?);
            Some(format!("\"{name}\":{value}"))
        });
        format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
    });
    format!("[{}]", items.collect::<Vec<_>>().join(","))
}

/// The manifest, its fields in the order of Go's struct.
fn document(
    config: &Descriptor,
    layers: &[(Descriptor, &[u8])],
    annotations: &Map<String, Json>,
) -> String {
    let shown = |descriptor: &Descriptor| {
        let Descriptor {
            media_type,
            digest,
            size,
        } = descriptor;
        format!("{{\"mediaType\":\"{media_type}\",\"digest\":\"{digest}\",\"size\":{size}}}")
    };
    let layers: Vec<String> = layers.iter().map(|(layer, _)| shown(layer)).collect();
    let annotations = argosy_yaml::write_json_go(&Json::Object(annotations.clone()));
    format!(
        "{{\"schemaVersion\":2,\"config\":{},\"layers\":[{}],\"annotations\":{annotations}}}",
        shown(config),
        layers.join(",")
    )
}

/// Compat: `generateOCIAnnotations`.
fn annotations(metadata: &Metadata, created: &str) -> Map<String, Json> {
    let authors: Vec<String> = metadata
        .maintainers
        .iter()
        .map(|[name, email, _]| {
            if email.is_empty() {
                name.clone()
            } else {
                format!("{name} ({email})")
            }
        })
        .collect();
    let source = metadata.sources.first().map_or("", String::as_str);
    let own = [
        ("description", metadata.description.as_str()),
        ("title", &metadata.name),
        ("version", &metadata.version),
        ("url", &metadata.home),
        ("created", created),
        ("source", source),
        ("authors", &authors.join(", ")),
    ];
    let mut all = Map::new();
    for (name, text) in own {
        if !text.trim().is_empty() {
            all.insert(format!("org.opencontainers.image.{name}"), text.into());
        }
    }
    for (name, text) in &metadata.annotations {
        if !FIXED.contains(&name.as_str()) {
            all.insert(name.clone(), text.as_str().into());
        }
    }
    all
}

struct Upload<'u> {
    registry: &'u Registry,
    reference: &'u Reference,
    scope: String,
}

impl Upload<'_> {
    fn url(&self, rest: &str) -> String {
        let repository = &self.reference.repository;
        format!("{}/v2/{repository}/{rest}", self.registry.base())
    }

    /// Sends a blob that is not there yet, in one piece.
    fn blob(&self, descriptor: &Descriptor, data: &[u8]) -> Result<(), ChartError> {
        let url = self.url(&format!("blobs/{}", descriptor.digest));
        let there = Request {
            method: Method::HEAD,
            ..Request::get(&url, &self.scope)
        };
        if self.registry.send(&there)?.status == StatusCode::OK {
            return Ok(());
        }
        let url = self.url("blobs/uploads/");
        let begin = Request {
            method: Method::POST,
            ..Request::get(&url, &self.scope)
        };
        let begun = self.registry.expect(&begin, &[StatusCode::ACCEPTED])?;
        let location = redirected(&url, begun.header("location"));
        let location = location.ok_or_else(|| ChartError::Malformed {
            place: url.clone(),
            reason: "the registry names no place to send to".into(),
        })?;
        let joint = if location.contains('?') { '&' } else { '?' };
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("digest", &descriptor.digest);
        let url = format!("{location}{joint}{}", query.finish());
        let send = Request {
            method: Method::PUT,
            headers: &[("Content-Type", "application/octet-stream")],
            body: data,
            ..Request::get(&url, &self.scope)
        };
        self.registry
            .expect(&send, &[StatusCode::CREATED])
            .map(drop)
    }

    fn manifest(&self, body: &[u8]) -> Result<(), ChartError> {
        let url = self.url(&format!("manifests/{}", self.reference.tag));
        let send = Request {
            method: Method::PUT,
            headers: &[("Content-Type", manifest::MANIFEST)],
            body,
            ..Request::get(&url, &self.scope)
        };
        self.registry
            .expect(&send, &[StatusCode::CREATED])
            .map(drop)
    }
}
