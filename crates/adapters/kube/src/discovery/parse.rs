//! The answers of `/api`, `/apis` and `/version`, aggregated and not.

use crate::wire::Wire;
use argosy_ports::{ApiError, ApiErrorKind};
use serde::Deserialize;

/// A group with its versions in the server's order of preference.
pub struct Group {
    /// Empty for core.
    pub name: String,
    /// Versions.
    pub versions: Vec<Found>,
}

/// One version of a group.
pub struct Found {
    /// Such as `v1`.
    pub version: String,
    /// Whether the answer may lack kinds that exist.
    pub stale: bool,
    /// What it serves.
    pub kinds: Vec<Kind>,
}

/// A resource, or a subresource.
pub struct Kind {
    /// Plural name.
    pub plural: String,
    /// Kind.
    pub name: String,
    /// Scope.
    pub namespaced: bool,
    /// Whether it can be listed and watched.
    pub watchable: bool,
    /// Whether it is a part of another resource.
    pub subresource: bool,
}

/// What a server made of our wish for one aggregated answer.
pub enum Answer {
    /// All in one.
    Aggregated(Vec<Group>),
    /// Groups and versions alone; the kinds are still to be asked for.
    Legacy(Vec<Group>),
}

#[derive(Deserialize)]
struct Any {
    kind: String,
    #[serde(default)]
    items: Vec<AggregatedGroup>,
    #[serde(default)]
    groups: Vec<LegacyGroup>,
    #[serde(default)]
    versions: Vec<String>,
}

#[derive(Deserialize)]
struct AggregatedGroup {
    #[serde(default)]
    metadata: Meta,
    #[serde(default)]
    versions: Vec<AggregatedVersion>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Meta {
    name: String,
}

#[derive(Deserialize)]
struct AggregatedVersion {
    version: String,
    #[serde(default)]
    freshness: String,
    #[serde(default)]
    resources: Vec<AggregatedResource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedResource {
    resource: String,
    response_kind: Option<GroupVersionKind>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    verbs: Vec<String>,
    #[serde(default)]
    subresources: Vec<AggregatedSubresource>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AggregatedSubresource {
    subresource: String,
    response_kind: Option<GroupVersionKind>,
}

#[derive(Deserialize)]
struct GroupVersionKind {
    #[serde(default)]
    kind: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct LegacyGroup {
    name: String,
    #[serde(default)]
    versions: Vec<LegacyVersion>,
    preferred_version: Option<LegacyVersion>,
}

#[derive(Deserialize)]
struct LegacyVersion {
    version: String,
}

#[derive(Deserialize)]
struct ResourceList {
    #[serde(default)]
    resources: Vec<LegacyResource>,
}

#[derive(Deserialize)]
struct LegacyResource {
    name: String,
    kind: String,
    #[serde(default)]
    namespaced: bool,
    #[serde(default)]
    verbs: Vec<String>,
}

/// Reads `/api` or `/apis`.
pub fn answer(body: &[u8]) -> Result<Answer, serde_json::Error> {
    let any: Any = serde_json::from_slice(body)?;
    Ok(match any.kind.as_str() {
        "APIGroupDiscoveryList" => {
            Answer::Aggregated(any.items.into_iter().map(aggregated).collect())
        }
        "APIVersions" => {
            let versions = any.versions.into_iter().map(unasked).collect();
            Answer::Legacy(vec![Group {
                name: String::new(),
                versions,
            }])
        }
        _ => Answer::Legacy(any.groups.into_iter().map(legacy).collect()),
    })
}

fn aggregated(group: AggregatedGroup) -> Group {
    let versions = group.versions.into_iter().map(|version| Found {
        stale: version.freshness == "Stale",
        kinds: version.resources.into_iter().flat_map(kinds).collect(),
        version: version.version,
    });
    Group {
        name: group.metadata.name,
        versions: versions.collect(),
    }
}

fn kinds(resource: AggregatedResource) -> Vec<Kind> {
    let mut kinds = Vec::with_capacity(1 + resource.subresources.len());
    let namespaced = resource.scope == "Namespaced";
    // A resource without a kind exists for its subresources alone.
    if let Some(kind) = resource.response_kind.filter(|kind| !kind.kind.is_empty()) {
        kinds.push(Kind {
            watchable: watchable(&resource.verbs),
            plural: resource.resource.clone(),
            name: kind.kind,
            namespaced,
            subresource: false,
        });
    }
    for part in resource.subresources {
        let kind = part
            .response_kind
            .map(|kind| kind.kind)
            .filter(|kind| !kind.is_empty());
        if let Some(kind) = kind {
            let plural = format!("{}/{}", resource.resource, part.subresource);
            kinds.push(Kind {
                plural,
                name: kind,
                namespaced,
                watchable: false,
                subresource: true,
            });
        }
    }
    kinds
}

fn legacy(group: LegacyGroup) -> Group {
    let preferred = group.preferred_version.map(|preferred| preferred.version);
    let mut versions: Vec<String> = group.versions.into_iter().map(|v| v.version).collect();
    versions.sort_by_key(|version| Some(version) != preferred.as_ref()); // stable: first, then as told
    Group {
        name: group.name,
        versions: versions.into_iter().map(unasked).collect(),
    }
}

fn unasked(version: String) -> Found {
    Found {
        version,
        stale: false,
        kinds: Vec::new(),
    }
}

/// Reads an `APIResourceList`.
pub fn resources(body: &[u8]) -> Result<Vec<Kind>, serde_json::Error> {
    let list: ResourceList = serde_json::from_slice(body)?;
    let kinds = list.resources.into_iter().map(|resource| Kind {
        subresource: resource.name.contains('/'),
        watchable: !resource.name.contains('/') && watchable(&resource.verbs),
        plural: resource.name,
        name: resource.kind,
        namespaced: resource.namespaced,
    });
    Ok(kinds.collect())
}

fn watchable(verbs: &[String]) -> bool {
    let has = |wanted: &str| verbs.iter().any(|verb| verb == wanted);
    has("list") && has("watch")
}

/// Reads `/version`.
pub fn version(body: &[u8]) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct Version {
        #[serde(rename = "gitVersion")]
        git: String,
    }
    Ok(serde_json::from_slice::<Version>(body)?.git)
}

/// The error of an answer that is no discovery.
pub fn unreadable(wire: &Wire, path: &str, error: &serde_json::Error) -> ApiError {
    let text = format!(
        "`{path}` of cluster `{}` cannot be read: {error}",
        wire.server()
    );
    ApiError {
        code: 200,
        ..ApiError::new(ApiErrorKind::Busy, text)
    }
}
