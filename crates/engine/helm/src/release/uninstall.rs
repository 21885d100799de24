//! What an uninstall deletes, in which order, and what stays.

use super::record::Release;
use crate::manifest::{Manifest, split};
use std::fmt::Write as _;

/// What goes and what stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removal {
    /// The documents to delete, in order, as one stream.
    pub manifest: String,
    /// `[Kind] name` of each object that its annotation keeps, each line ended.
    pub kept: String,
}

/// Sorts a release's objects into what goes and what stays.
///
/// Compat: kinds go in `releaseutil.UninstallOrder`, others by name after them. An object whose
/// `helm.sh/resource-policy` is neither `keep` nor absent is neither deleted nor kept.
///
/// # Errors
/// Where a document of the record is none, in Helm's words.
pub fn removal(release: &Release) -> Result<Removal, String> {
    let mut found = Vec::new();
    for (number, text) in split(&release.manifest).into_iter().enumerate() {
        let manifest = Manifest::read(&format!("manifest-{number}"), 0, text).map_err(|error| {
            format!("corrupted release record. You must manually delete the resources: {error}")
        })?;
        found.push(manifest);
    }
    found.sort_by(|left, right| order(left.kind()).cmp(&order(right.kind())));
    let mut removal = Removal::default();
    for manifest in found {
        let policy = manifest.annotation("helm.sh/resource-policy");
        let policy = policy.map(|text| text.trim().to_lowercase());
        match policy.as_deref() {
            None => write!(removal.manifest, "\n---\n{}", manifest.text),
            Some("keep") => {
                let name = manifest.object["metadata"]["name"].as_str();
                let name = name.unwrap_or_default();
                writeln!(removal.kept, "[{}] {name}", manifest.kind())
            }
            Some(_) => Ok(()),
        }
        .expect("writing to a text does not fail");
    }
    Ok(removal)
}

fn order(kind: &str) -> (usize, &str) {
    match UNINSTALL_ORDER.iter().position(|known| *known == kind) {
        Some(place) => (place, ""),
        None => (UNINSTALL_ORDER.len(), kind),
    }
}

/// Compat: `releaseutil.UninstallOrder` of helm 4.1.
const UNINSTALL_ORDER: [&str; 38] = [
    "ValidatingWebhookConfiguration",
    "MutatingWebhookConfiguration",
    "APIService",
    "Ingress",
    "IngressClass",
    "Service",
    "CronJob",
    "Job",
    "StatefulSet",
    "HorizontalPodAutoscaler",
    "Deployment",
    "ReplicaSet",
    "ReplicationController",
    "Pod",
    "DaemonSet",
    "RoleBindingList",
    "RoleBinding",
    "RoleList",
    "Role",
    "ClusterRoleBindingList",
    "ClusterRoleBinding",
    "ClusterRoleList",
    "ClusterRole",
    "CustomResourceDefinition",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "StorageClass",
    "ConfigMap",
    "SecretList",
    "Secret",
    "ServiceAccount",
    "PodDisruptionBudget",
    "PodSecurityPolicy",
    "LimitRange",
    "ResourceQuota",
    "NetworkPolicy",
    "Namespace",
    "PriorityClass",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_go_in_reverse_and_kept_ones_stay() {
        let release = Release {
            manifest: "---\n# Source: a\nkind: ConfigMap\nmetadata: {name: a}\n---\nkind: Widget\n\
                       metadata: {name: w}\n---\nkind: Service\nmetadata: {name: s}\n---\nkind: \
                       Secret\nmetadata: {name: k, annotations: {helm.sh/resource-policy: ' Keep'}}\n"
                .to_owned(),
            ..Release::default()
        };
        let removal = removal(&release).unwrap();
        let kinds: Vec<&str> = removal
            .manifest
            .lines()
            .filter_map(|line| line.strip_prefix("kind: "))
            .collect();
        assert_eq!(kinds, ["Service", "ConfigMap", "Widget"]);
        assert_eq!(removal.kept, "[Secret] k\n");
    }

    #[test]
    fn a_broken_record_deletes_nothing() {
        let release = Release {
            manifest: "kind: [\n".to_owned(),
            ..Release::default()
        };
        let error = removal(&release).unwrap_err();
        assert!(error.starts_with("corrupted release record."), "{error}");
    }
}
