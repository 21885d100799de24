//! Discovery: groups, versions and resources, in the old form and the aggregated one.

use argosy_object::{Map, Value, json};
use argosy_schema::{KindSchema, Schemas, Subresource};
use base64::Engine as _;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Built-in groups in the order upstream lists them; others follow by name.
const GROUPS: [&str; 22] = [
    "",
    "apiregistration.k8s.io",
    "apps",
    "events.k8s.io",
    "authentication.k8s.io",
    "authorization.k8s.io",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "networking.k8s.io",
    "policy",
    "rbac.authorization.k8s.io",
    "storage.k8s.io",
    "admissionregistration.k8s.io",
    "apiextensions.k8s.io",
    "scheduling.k8s.io",
    "coordination.k8s.io",
    "node.k8s.io",
    "discovery.k8s.io",
    "resource.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "internal.apiserver.k8s.io",
];

fn rank(group: &str) -> usize {
    GROUPS
        .iter()
        .position(|known| *known == group)
        .unwrap_or(GROUPS.len())
}

/// How versions compare: stable before beta before alpha, higher numbers first.
type VersionRank = (u8, Reverse<u32>, Reverse<u32>);

fn version_rank(version: &str) -> VersionRank {
    let rest = version.strip_prefix('v').unwrap_or(version);
    let digits = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let major = rest[..digits].parse().unwrap_or(0);
    let (stage, minor) = match &rest[digits..] {
        "" => (0, 0),
        tail => match (tail.strip_prefix("beta"), tail.strip_prefix("alpha")) {
            (Some(number), _) => (1, number.parse().unwrap_or(0)),
            (None, Some(number)) => (2, number.parse().unwrap_or(0)),
            (None, None) => (3, 0),
        },
    };
    (stage, Reverse(major), Reverse(minor))
}

/// Kinds with a URL, by group and version, all in upstream's order.
type Versions<'s> = Vec<(&'s str, Vec<&'s KindSchema>)>;
type Tree<'s> = Vec<(&'s str, Versions<'s>)>;

fn tree(schemas: &Schemas) -> Tree<'_> {
    let mut groups: BTreeMap<(usize, &str), BTreeMap<(VersionRank, &str), Vec<&KindSchema>>> =
        BTreeMap::new();
    for kind in schemas.kinds().filter(|kind| !kind.plural.is_empty()) {
        let (group, version) = (&*kind.gvk.group, &*kind.gvk.version);
        let versions = groups.entry((rank(group), group)).or_default();
        versions
            .entry((version_rank(version), version))
            .or_default()
            .push(kind);
    }
    let ordered = groups.into_iter().map(|((_, group), versions)| {
        let versions = versions.into_iter().map(|((_, version), mut kinds)| {
            kinds.sort_by(|one, other| one.plural.cmp(&other.plural));
            (version, kinds)
        });
        (group, versions.collect())
    });
    ordered.collect()
}

/// `APIGroupList`.
pub(super) fn groups(schemas: &Schemas) -> Value {
    let groups: Vec<Value> = tree(schemas)
        .iter()
        .filter(|(group, _)| !group.is_empty())
        .map(|(group, versions)| group_value(group, versions))
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn group_value(group: &str, versions: &[(&str, Vec<&KindSchema>)]) -> Value {
    let versions: Vec<Value> = versions
        .iter()
        .map(|(version, _)| {
            json!({"groupVersion": format!("{group}/{version}"), "version": version})
        })
        .collect();
    json!({"name": group, "versions": versions, "preferredVersion": versions.first()})
}

/// `APIGroup`.
pub(super) fn group(schemas: &Schemas, name: &str) -> Option<Value> {
    let tree = tree(schemas);
    let (group, versions) = tree
        .iter()
        .find(|(group, _)| *group == name && !name.is_empty())?;
    let mut value = group_value(group, versions);
    value["kind"] = "APIGroup".into();
    value["apiVersion"] = "v1".into();
    Some(value)
}

/// `/apis/..` of all groups and versions.
pub(super) fn paths(schemas: &Schemas) -> Vec<String> {
    let mut paths = Vec::new();
    for (group, versions) in tree(schemas) {
        if group.is_empty() {
            continue;
        }
        paths.push(format!("/apis/{group}"));
        paths.extend(
            versions
                .iter()
                .map(|(version, _)| format!("/apis/{group}/{version}")),
        );
    }
    paths.sort();
    paths
}

/// `APIResourceList`.
pub(super) fn resources(schemas: &Schemas, group: &str, version: &str) -> Option<Value> {
    let tree = tree(schemas);
    let (_, versions) = tree.iter().find(|(name, _)| *name == group)?;
    let (_, kinds) = versions.iter().find(|(name, _)| *name == version)?;
    let mut list = Vec::new();
    for kind in kinds {
        list.push(resource(kind));
        list.extend(
            kind.subresources
                .iter()
                .map(|subresource| old_subresource(kind, subresource)),
        );
    }
    let group_version = if group.is_empty() {
        version.into()
    } else {
        format!("{group}/{version}")
    };
    let mut value = json!({"kind": "APIResourceList", "groupVersion": group_version,
        "resources": list});
    // The core group's list has never named its version.
    if !group.is_empty() {
        value["apiVersion"] = "v1".into();
    }
    Some(value)
}

fn resource(kind: &KindSchema) -> Value {
    let mut value = json!({"name": &*kind.plural, "singularName": &*kind.singular,
        "namespaced": kind.is_namespaced(), "kind": &*kind.gvk.kind, "verbs": texts(&kind.verbs)});
    add_names(&mut value, kind);
    if kind.verbs.iter().any(|verb| verb == "watch") {
        value["storageVersionHash"] = storage_hash(kind).into();
    }
    value
}

fn texts(names: &[argosy_schema::Name]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
}

fn add_names(value: &mut Value, kind: &KindSchema) {
    if !kind.short_names.is_empty() {
        value["shortNames"] = texts(&kind.short_names).into();
    }
    if !kind.categories.is_empty() {
        value["categories"] = texts(&kind.categories).into();
    }
}

/// Tells storage versions apart, as upstream hashes them.
fn storage_hash(kind: &KindSchema) -> String {
    let gvk = &kind.gvk;
    let digest = Sha256::digest(format!(
        "{}/{}/{}",
        gvk.group, kind.storage_version, gvk.kind
    ));
    base64::engine::general_purpose::STANDARD.encode(&digest[..8])
}

fn old_subresource(kind: &KindSchema, subresource: &Subresource) -> Value {
    let mut value = json!({"name": format!("{}/{}", kind.plural, subresource.name),
        "singularName": "", "namespaced": kind.is_namespaced(),
        "kind": &*subresource.kind.kind, "verbs": texts(&subresource.verbs)});
    if subresource.kind.group != kind.gvk.group || subresource.kind.version != kind.gvk.version {
        if !subresource.kind.group.is_empty() {
            value["group"] = (&*subresource.kind.group).into();
        }
        value["version"] = (&*subresource.kind.version).into();
    }
    value
}

/// `APIGroupDiscoveryList`: of the core group, or of all others.
pub(super) fn aggregated(schemas: &Schemas, core: bool, api_version: &str) -> Value {
    let items: Vec<Value> = tree(schemas)
        .iter()
        .filter(|(group, _)| group.is_empty() == core)
        .map(|(group, versions)| {
            let mut metadata = Map::new();
            if !group.is_empty() {
                metadata.insert("name".into(), (*group).into());
            }
            metadata.insert("creationTimestamp".into(), Value::Null);
            let versions: Vec<Value> = versions
                .iter()
                .map(|(version, kinds)| {
                    let resources: Vec<Value> =
                        kinds.iter().map(|kind| aggregated_resource(kind)).collect();
                    json!({"version": version, "resources": resources, "freshness": "Current"})
                })
                .collect();
            json!({"metadata": metadata, "versions": versions})
        })
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "metadata": {},
        "apiVersion": format!("apidiscovery.k8s.io/{api_version}"), "items": items})
}

fn aggregated_resource(kind: &KindSchema) -> Value {
    let scope = if kind.is_namespaced() {
        "Namespaced"
    } else {
        "Cluster"
    };
    let mut value = json!({"resource": &*kind.plural, "scope": scope,
        "responseKind": response_kind(&kind.gvk, kind), "singularResource": &*kind.singular,
        "verbs": texts(&kind.verbs)});
    add_names(&mut value, kind);
    if !kind.subresources.is_empty() {
        let subresources: Vec<Value> = kind
            .subresources
            .iter()
            .map(|subresource| {
                json!({"subresource": &*subresource.name,
                    "responseKind": response_kind(&subresource.kind, kind),
                    "verbs": texts(&subresource.verbs)})
            })
            .collect();
        value["subresources"] = subresources.into();
    }
    value
}

/// Group and version are left out where they are those of the resource.
fn response_kind(gvk: &argosy_object::Gvk, kind: &KindSchema) -> Value {
    let same = gvk.group == kind.gvk.group && gvk.version == kind.gvk.version;
    let (group, version) = if same {
        ("", "")
    } else {
        (&*gvk.group, &*gvk.version)
    };
    json!({"group": group, "version": version, "kind": &*gvk.kind})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_stability() {
        let mut versions = vec!["v1alpha1", "v1beta2", "v1", "v2", "v1beta1", "foo"];
        versions.sort_by_key(|version| version_rank(version));
        assert_eq!(
            versions,
            ["v2", "v1", "v1beta2", "v1beta1", "v1alpha1", "foo"]
        );
    }
}
