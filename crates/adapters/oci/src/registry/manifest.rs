//! Manifests of charts, and what registries say where they refuse.

use argosy_object::Value as Json;
use http::StatusCode;

/// A chart's `Chart.yaml` as JSON.
pub(crate) const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
/// A packed chart.
pub(crate) const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";
/// A packed chart, as it was called once.
pub(crate) const LEGACY_CHART: &str = "application/tar+gzip";
/// A provenance file.
pub(crate) const PROVENANCE: &str = "application/vnd.cncf.helm.chart.provenance.v1.prov";
/// Layers of files that an Application may name as its source, packed and not. Compat: Argo CD's
/// default list.
const FILES: [&str; 2] = [
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar",
];
/// A manifest.
pub(crate) const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// What is taken for a manifest.
pub(crate) const ACCEPT: &str = "application/vnd.oci.image.manifest.v1+json, \
     application/vnd.oci.image.index.v1+json, \
     application/vnd.docker.distribution.manifest.v2+json";
/// Layers that are looked at.
const MAX_LAYERS: usize = 64;
/// Longest text that is passed on from a registry.
const MAX_TEXT: usize = 600;

/// What a blob is, and how it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptor {
    pub media_type: String,
    pub digest: String,
    pub size: u64,
}

/// A manifest's parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub config: Descriptor,
    pub layers: Vec<Descriptor>,
}

/// What stands under a tag.
pub(crate) enum Document {
    Manifest(Box<Manifest>),
    /// An index's first manifest.
    Index(Descriptor),
}

impl Manifest {
    pub(crate) fn parse(body: &[u8]) -> Result<Document, String> {
        let json: Json =
            serde_json::from_slice(body).map_err(|_| "the manifest is no JSON".to_owned())?;
        if let Some(manifests) = json["manifests"].as_array() {
            let first = manifests.first().ok_or("the index names no manifest")?;
            let first = Descriptor::of(first);
            return if super::reference::is_digest(&first.digest) {
                Ok(Document::Index(first))
            } else {
                Err("the index names a manifest by no SHA-256 digest".into())
            };
        }
        let layers = json["layers"]
            .as_array()
            .ok_or("the manifest has no layers")?;
        if layers.len() > MAX_LAYERS {
            return Err(format!("the manifest has more than {MAX_LAYERS} layers"));
        }
        Ok(Document::Manifest(Box::new(Self {
            config: Descriptor::of(&json["config"]),
            layers: layers.iter().map(Descriptor::of).collect(),
        })))
    }

    /// The one layer of files: a packed chart, or an archive of anything.
    pub(crate) fn files(&self) -> Result<&Descriptor, String> {
        let [layer] = self.layers.as_slice() else {
            let count = self.layers.len();
            return Err(format!("expected only a single oci layer, got {count}"));
        };
        let kind = layer.media_type.as_str();
        if kind != CHART && !FILES.contains(&kind) {
            return Err(format!(
                "oci layer media type {kind} is not in the list of allowed media types"
            ));
        }
        Ok(layer)
    }

    pub(crate) fn layer(&self, media_type: &str) -> Option<&Descriptor> {
        // Compat: of two the last one counts.
        let mut layers = self.layers.iter().rev();
        layers.find(|layer| layer.media_type == media_type)
    }
}

impl Descriptor {
    fn of(json: &Json) -> Self {
        let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
        Self {
            media_type: text("mediaType"),
            digest: text("digest"),
            // What is told as negative or as no number is larger than any limit.
            size: json["size"].as_u64().unwrap_or(u64::MAX),
        }
    }
}

/// What a registry says of an error, in the words of helm's library.
pub(crate) fn error_text(body: &[u8], status: StatusCode) -> String {
    let fallback = || {
        let reason = status.canonical_reason().unwrap_or("unknown").to_owned();
        let text = String::from_utf8_lossy(body);
        match text.trim() {
            "" => reason,
            // Web pages and the like help nobody.
            text if text.starts_with('<') => reason,
            text => format!("{reason}: {text}"),
        }
    };
    let json: Option<Json> = serde_json::from_slice(body).ok();
    let errors = json.as_ref().and_then(|json| json["errors"].as_array());
    let texts: Vec<String> = errors
        .into_iter()
        .flatten()
        .take(8)
        .filter_map(|error| {
            let code = error["code"].as_str()?.to_lowercase().replace('_', " ");
            let mut text = code;
            if let Some(message) = error["message"].as_str().filter(|text| !text.is_empty()) {
                text = format!("{text}: {message}");
            }
            Some(match &error["detail"] {
                Json::Null => text,
                detail => format!("{text}: {}", in_go(detail)),
            })
        })
        .collect();
    let text = if texts.is_empty() {
        fallback()
    } else {
        texts.join("; ")
    };
    text.chars()
        .map(|unit| if unit.is_control() { ' ' } else { unit })
        .take(MAX_TEXT)
        .collect()
}

/// A value as `%v` prints it.
fn in_go(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".into(),
        Json::String(text) => text.clone(),
        Json::Array(items) => {
            let items: Vec<String> = items.iter().map(in_go).collect();
            format!("[{}]", items.join(" "))
        }
        Json::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            let pairs: Vec<String> = keys
                .into_iter()
                .map(|key| format!("{key}:{}", in_go(&map[key])))
                .collect();
            format!("map[{}]", pairs.join(" "))
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_read_as_helm_prints_them() {
        let body = br#"{"errors":[{"code":"NAME_UNKNOWN","message":"repository name not known to registry","detail":{"name":"charts/demo"}}]}"#;
        assert_eq!(
            error_text(body, StatusCode::NOT_FOUND),
            "name unknown: repository name not known to registry: map[name:charts/demo]"
        );
        assert_eq!(error_text(b"", StatusCode::BAD_GATEWAY), "Bad Gateway");
        assert_eq!(error_text(b"<html>", StatusCode::FORBIDDEN), "Forbidden");
    }

    #[test]
    fn manifests_that_cannot_be_followed_are_refused() {
        for (body, reason) in [
            ("x", "no JSON"),
            ("{}", "no layers"),
            (r#"{"manifests": []}"#, "names no manifest"),
            (r#"{"manifests": [{"digest": "../x"}]}"#, "no SHA-256"),
        ] {
            let error = Manifest::parse(body.as_bytes()).err().expect("refused");
            assert!(error.contains(reason), "{error}");
        }
        let body = r#"{"layers": [{"size": -1, "digest": "d", "mediaType": "m"}]}"#;
        let Ok(Document::Manifest(manifest)) = Manifest::parse(body.as_bytes()) else {
            panic!("a manifest");
        };
        assert_eq!(manifest.layer("m").expect("it is there").size, u64::MAX);
    }
}
