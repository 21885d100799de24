//! What a cluster serves: kinds, versions, scopes and verbs.
//!
//! Asked for in two requests where the server aggregates, group by group where it does not. One
//! broken group (an APIService whose backend is down) leaves the others in place and is named.

mod parse;

use crate::path::Path;
use crate::wire::{JSON, Wire};
use argosy_object::{GroupKind, Gvk};
use argosy_ports::{ApiError, ApiErrorKind, ClusterFacts, Resource};
use futures_util::{StreamExt as _, TryStreamExt as _};
use parse::{Answer, Found, Group};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
const GROUPS_AT_ONCE: usize = 8;

/// Everything that discovery tells.
#[derive(Clone, Debug, Default)]
pub struct Discovered {
    /// The part that the rest of the program sees.
    pub facts: Arc<ClusterFacts>,
    /// Kinds that can be listed and watched, each at its preferred version.
    pub watchable: BTreeMap<GroupKind, Resource>,
    /// Kinds and versions that can be listed and watched.
    pub watchable_versions: BTreeSet<Gvk>,
    /// Groups or group versions that did not answer, and why.
    pub broken: BTreeMap<String, String>,
}

/// Asks the cluster. Kinds of a group that is broken now are taken from `before`.
///
/// # Errors
/// Where the server cannot be reached or refuses its list of groups or its version.
pub async fn discover(wire: &Wire, before: Option<&Discovered>) -> Result<Discovered, ApiError> {
    let version_path = Path::literal("/version");
    // Alone, because it finds out whether the server is there again after it was not: the
    // breaker lets one request through for that.
    let version = wire.get(&version_path, JSON).await?;
    let (core, groups) = tokio::try_join!(fetch(wire, "/api"), fetch(wire, "/apis"))?;
    let kube_version =
        parse::version(&version).map_err(|e| parse::unreadable(wire, "/version", &e))?;
    let mut broken = BTreeMap::new();
    let mut found: Vec<Group> = Vec::new();
    for answer in [core, groups] {
        match answer {
            Answer::Aggregated(groups) => found.extend(groups),
            Answer::Legacy(groups) => found.extend(one_by_one(wire, groups, &mut broken).await?),
        }
    }
    Ok(assemble(kube_version, found, broken, before))
}

async fn fetch(wire: &Wire, path: &'static str) -> Result<Answer, ApiError> {
    let body = wire.get(&Path::literal(path), AGGREGATED).await?;
    parse::answer(&body).map_err(|error| parse::unreadable(wire, path, &error))
}

/// Asks each group version for its kinds.
async fn one_by_one(
    wire: &Wire,
    mut groups: Vec<Group>,
    broken: &mut BTreeMap<String, String>,
) -> Result<Vec<Group>, ApiError> {
    let wanted: Vec<(usize, usize, String)> = groups
        .iter()
        .enumerate()
        .flat_map(|(g, group)| {
            let path = move |version: &str| match &*group.name {
                "" => format!("/api/{version}"),
                name => format!("/apis/{name}/{version}"),
            };
            group
                .versions
                .iter()
                .enumerate()
                .map(move |(v, found)| (g, v, path(&found.version)))
        })
        .collect();
    let answers: Vec<_> = futures_util::stream::iter(wanted)
        .map(|(g, v, path)| async move {
            let path = Path::literal(&path);
            let result = match wire.get(&path, JSON).await {
                Ok(body) => parse::resources(&body)
                    .map_err(|error| parse::unreadable(wire, path.as_str(), &error)),
                Err(error) => Err(error),
            };
            match result {
                // A cluster that is gone is not a cluster with broken groups.
                Err(error) if error.kind == ApiErrorKind::Unreachable && error.code == 0 => {
                    Err(error)
                }
                result => Ok((g, v, result)),
            }
        })
        .buffer_unordered(GROUPS_AT_ONCE)
        .try_collect()
        .await?;
    for (g, v, result) in answers {
        let group = &mut groups[g];
        let found = &mut group.versions[v];
        match result {
            Ok(kinds) => found.kinds = kinds,
            Err(error) => {
                found.stale = true;
                broken.insert(format!("{}/{}", group.name, found.version), error.message);
            }
        }
    }
    Ok(groups)
}

/// What is gathered while the groups are walked.
#[derive(Default)]
struct Gathered {
    api_versions: BTreeSet<String>,
    resources: BTreeMap<Gvk, Resource>,
    watchable: BTreeMap<GroupKind, Resource>,
    watchable_versions: BTreeSet<Gvk>,
}

impl Gathered {
    fn add(&mut self, resource: Resource, watchable: bool) {
        let gvk = resource.gvk.clone();
        if watchable {
            // Versions come in the server's order of preference: the first one stays.
            self.watchable
                .entry(gvk.group_kind())
                .or_insert_with(|| resource.clone());
            self.watchable_versions.insert(gvk.clone());
        }
        self.resources.insert(gvk, resource);
    }

    /// Takes over what was known of a group version that does not answer now.
    fn keep(&mut self, before: &Discovered, group: &str, version: &str) {
        let known = before.facts.resources.iter();
        for (gvk, resource) in
            known.filter(|(gvk, _)| *gvk.group == *group && *gvk.version == *version)
        {
            self.api_versions
                .insert(format!("{}/{}", gvk.api_version(), gvk.kind));
            self.add(resource.clone(), before.watchable_versions.contains(gvk));
        }
    }
}

fn assemble(
    kube_version: String,
    groups: Vec<Group>,
    mut broken: BTreeMap<String, String>,
    before: Option<&Discovered>,
) -> Discovered {
    let mut gathered = Gathered::default();
    for group in groups {
        for Found {
            version,
            stale,
            kinds,
        } in group.versions
        {
            let group_version = match &*group.name {
                "" => version.clone(),
                name => format!("{name}/{version}"),
            };
            gathered.api_versions.insert(group_version.clone());
            if stale {
                if let Some(before) = before {
                    gathered.keep(before, &group.name, &version);
                }
                broken
                    .entry(group_version.clone())
                    .or_insert_with(|| "the server's answer is stale".to_owned());
            }
            for kind in kinds {
                gathered
                    .api_versions
                    .insert(format!("{group_version}/{}", kind.name));
                if !kind.subresource {
                    let gvk = Gvk::new(&group.name, &version, &kind.name);
                    let resource = Resource::new(gvk, &kind.plural, kind.namespaced);
                    gathered.add(resource, kind.watchable);
                }
            }
        }
    }
    let api_versions: Vec<String> = gathered.api_versions.into_iter().collect();
    let resources = gathered.resources;
    Discovered {
        facts: Arc::new(ClusterFacts {
            kube_version,
            api_versions: api_versions.into(),
            resources,
        }),
        watchable: gathered.watchable,
        watchable_versions: gathered.watchable_versions,
        broken,
    }
}

#[cfg(test)]
mod tests;
