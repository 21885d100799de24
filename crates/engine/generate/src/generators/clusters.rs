//! The clusters generator: one parameter set for each cluster with a Secret, and one for the
//! cluster that Argosy runs in.

use super::{Cx, append_values};
use crate::error::Fault;
use crate::functions::normalize;
use crate::inputs::{Cluster, Need};
use crate::params::{Params, set, strings, text};
use crate::selector::Selector;
use argosy_gotmpl::{List, MapRef, Value};
use argosy_object::Value as Json;
use std::collections::BTreeMap;

const IN_CLUSTER_NAME: &str = "in-cluster";
const IN_CLUSTER_SERVER: &str = "https://kubernetes.default.svc";

/// Annotations of a Secret that are its own state, or would leak its data.
const HIDDEN_ANNOTATIONS: [&str; 7] = [
    "argocd.argoproj.io/refresh",
    "argocd.argoproj.io/refresh-timestamp",
    "argocd.argoproj.io/hydrate",
    "argocd.argoproj.io/hydrate-timestamp",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/installation-id",
    "kubectl.kubernetes.io/last-applied-configuration",
];

pub(super) fn params(cx: &Cx<'_>, generator: &Json) -> Result<Vec<Params>, Fault> {
    let Some(clusters) = &cx.inputs.clusters else {
        return Err(cx.need(Need::Clusters));
    };
    let selector = generator.get("selector").unwrap_or(&Json::Null);
    let selector = Selector::parse(selector).map_err(|error| {
        Fault::params(format!(
            "error getting cluster secrets: error converting label selector: {error}"
        ))
    })?;
    // Of two Secrets with one name the first counts, so that nothing flips.
    let mut by_name: BTreeMap<&str, &Cluster> = BTreeMap::new();
    for cluster in clusters.iter().filter(|c| selector.matches(&c.labels)) {
        by_name.entry(&cluster.name).or_insert(cluster);
    }
    let mut sets = Vec::new();
    for cluster in by_name.values() {
        let params = cluster_params(cx, cluster);
        append_values(cx, generator, &params)
            .map_err(|f| f.within("error appending templated values for cluster"))?;
        sets.push(params);
    }
    let has_secret = by_name.values().any(|c| c.server == IN_CLUSTER_SERVER);
    if selector.is_empty() && !has_secret {
        let params = identity(IN_CLUSTER_NAME, IN_CLUSTER_SERVER, "");
        append_values(cx, generator, &params)
            .map_err(|f| f.within("error appending templated values for local cluster"))?;
        sets.push(params);
    }
    if generator.get("flatList").and_then(Json::as_bool) == Some(true) {
        return Ok(vec![flat(sets)]);
    }
    Ok(sets)
}

fn flat(sets: Vec<Params>) -> Params {
    let params = MapRef::default();
    let list = if sets.is_empty() {
        List::nil_slice(argosy_gotmpl::Elem::Any)
    } else {
        List::new(sets.into_iter().map(Value::Map).collect())
    };
    set(&params, "clusters", Value::List(list));
    params
}

fn identity(name: &str, server: &str, project: &str) -> Params {
    let params = MapRef::default();
    set(&params, "name", text(name));
    set(&params, "nameNormalized", text(normalize(name)));
    set(&params, "server", text(server));
    set(&params, "project", text(project));
    params
}

fn cluster_params(cx: &Cx<'_>, cluster: &Cluster) -> Params {
    let params = identity(&cluster.name, &cluster.server, &cluster.project);
    let mut annotations = cluster.annotations.clone();
    annotations.retain(|key, _| !HIDDEN_ANNOTATIONS.contains(&key.as_str()));
    if cx.renderer.go {
        let metadata = MapRef::default();
        if !cluster.annotations.is_empty() {
            set(&metadata, "annotations", strings(&annotations));
        }
        if !cluster.labels.is_empty() {
            set(&metadata, "labels", strings(&cluster.labels));
        }
        set(&params, "metadata", Value::Map(metadata));
        return params;
    }
    for (key, value) in &annotations {
        set(
            &params,
            &format!("metadata.annotations.{key}"),
            text(value.as_str()),
        );
    }
    for (key, value) in &cluster.labels {
        set(
            &params,
            &format!("metadata.labels.{key}"),
            text(value.as_str()),
        );
    }
    params
}
