//! Records as objects of a cluster: Secrets, or ConfigMaps where the user wants them.

use super::codec::encode_release;
use super::record::Release;
use argosy_object::{Map, Object, Value as Json, json};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// Labels that Helm itself sets on a record; a user may not.
pub const SYSTEM_LABELS: [&str; 6] = [
    "name",
    "owner",
    "status",
    "version",
    "createdAt",
    "modifiedAt",
];

/// Where records are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StoreKind {
    /// Secrets of the release's namespace.
    #[default]
    Secrets,
    /// ConfigMaps of the release's namespace.
    ConfigMaps,
}

impl StoreKind {
    /// The kind of a `HELM_DRIVER`.
    ///
    /// # Errors
    /// In Helm's words, or where Argosy lacks the driver.
    pub fn of(driver: &str) -> Result<Self, String> {
        match driver {
            "" | "secret" | "secrets" => Ok(Self::Secrets),
            "configmap" | "configmaps" => Ok(Self::ConfigMaps),
            "memory" | "sql" => Err(format!(
                "driver {driver:?} is not supported; secret and configmap are"
            )),
            other => Err(format!("unknown driver {other:?}")),
        }
    }

    /// The objects' kind.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Secrets => "Secret",
            Self::ConfigMaps => "ConfigMap",
        }
    }

    /// The packed record of an object.
    pub fn data(self, object: &Object) -> Option<Vec<u8>> {
        let text = object.pointer("/data/release")?.as_str()?;
        match self {
            Self::Secrets => STANDARD.decode(text).ok(),
            Self::ConfigMaps => Some(text.as_bytes().to_vec()),
        }
    }
}

/// The name of the object that keeps a revision.
pub fn record_key(name: &str, version: i64) -> String {
    format!("sh.helm.release.v1.{name}.v{version}")
}

/// Whether labels of a user are Helm's own.
pub fn has_system_labels(labels: &BTreeMap<String, String>) -> bool {
    labels.keys().any(|key| SYSTEM_LABELS.contains(&&**key))
}

/// Helm's sentence about such labels.
pub fn system_labels_text() -> String {
    format!(
        "user supplied labels contains system reserved label name. System labels: [{}]",
        SYSTEM_LABELS.join(" ")
    )
}

/// The object that keeps a revision. `is_new` tells whether it is made or changed.
pub fn record_object(
    kind: StoreKind,
    release: &Release,
    namespace: &str,
    is_new: bool,
    now: Timestamp,
) -> Object {
    let mut labels: Map<String, Json> = Map::new();
    let time = if is_new { "createdAt" } else { "modifiedAt" };
    labels.insert(time.into(), now.as_second().to_string().into());
    for (key, value) in &release.labels {
        labels.insert(key.clone(), value.as_str().into());
    }
    for (key, value) in [
        ("name", release.name.clone()),
        ("owner", "helm".to_owned()),
        ("status", release.info.status.as_str().to_owned()),
        ("version", release.version.to_string()),
    ] {
        labels.insert(key.into(), value.into());
    }
    let packed = encode_release(release);
    let data = match kind {
        StoreKind::Secrets => STANDARD.encode(packed),
        StoreKind::ConfigMaps => packed,
    };
    let mut object = json!({
        "apiVersion": "v1",
        "kind": kind.kind(),
        "metadata": {
            "name": record_key(&release.name, release.version),
            "namespace": namespace,
            "labels": labels,
        },
        "data": {"release": data},
    });
    if kind == StoreKind::Secrets {
        object["type"] = "helm.sh/release.v1".into();
    }
    Object::from_trusted(object)
}
