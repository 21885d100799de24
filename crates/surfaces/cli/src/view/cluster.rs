//! Clusters, which are Secrets.

use super::without_managed_fields;
use crate::output::Listing;
use crate::table::Table;
use argosy_crds::ClusterSecret;
use argosy_object::{Object, Value, json};

/// What a look at a cluster brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Probe {
    /// `major.minor`, empty where it was not reached.
    pub version: String,
    /// `Successful`, `Failed` or `Unknown`.
    pub status: String,
    /// Why it failed.
    pub message: String,
}

impl Probe {
    /// A cluster nobody looked at.
    pub fn unknown() -> Self {
        Self {
            status: "Unknown".into(),
            ..Self::default()
        }
    }
}

/// The list of `cluster list`: Secrets with what a look at each brought.
pub fn list(clusters: &[(Object, Probe)]) -> Listing {
    let columns = ["SERVER", "NAME", "VERSION", "STATUS", "MESSAGE", "PROJECT"];
    let mut listing = Listing {
        table: Table::new(&columns).wide(&["LABELS"]),
        ..Listing::default()
    };
    for (secret, probe) in clusters {
        let Ok(view) = ClusterSecret::of(secret) else {
            listing.table.row([
                "",
                secret.name(),
                "",
                "Failed",
                "the Secret is not readable",
            ]);
            continue;
        };
        let server = match view.namespaces.len() {
            0 => view.server.clone(),
            count => format!("{} ({count} namespaces)", view.server),
        };
        let labels: Vec<String> = view
            .labels
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        listing.table.row([
            server,
            view.name.clone(),
            probe.version.clone(),
            probe.status.clone(),
            probe.message.clone(),
            view.project.clone(),
            labels.join(","),
        ]);
        listing.names.push(view.server.clone());
        listing.objects.push(object(&view, probe));
    }
    listing
}

/// A cluster as `cluster get` shows it: no credential in it.
pub fn object(view: &ClusterSecret, probe: &Probe) -> Value {
    let mut value = json!({
        "name": view.name,
        "server": view.server,
        "connectionState": {"status": probe.status, "message": probe.message},
        "serverVersion": probe.version,
    });
    let mut set = |key: &str, part: Value| {
        value[key] = part;
    };
    if !view.namespaces.is_empty() {
        set("namespaces", json!(view.namespaces));
        set("clusterResources", json!(view.cluster_resources));
    }
    if !view.labels.is_empty() {
        set("labels", json!(view.labels));
    }
    if !view.annotations.is_empty() {
        set("annotations", json!(view.annotations));
    }
    if !view.project.is_empty() {
        set("project", json!(view.project));
    }
    value
}

/// The Secret itself, masked.
pub fn secret(secret: &Object) -> Value {
    without_managed_fields(secret)
}
