//! One Application whole: what its object says, and what an inspection of its cluster sees.

use crate::mask::mask_pair;
use crate::row::{AppRow, without_credentials};
use crate::view::{
    AppDetail, Deployment, OperationView, ResourceDiff, ResultView, SourceView, TreeNode,
};
use argosy_argo::application::Inspected;
use argosy_crds::{
    ApplicationSpec, ApplicationStatus, InitiatedBy, OperationState, ResourceStatus, SyncCode,
};
use argosy_diff::{Row, unified_diff};
use argosy_health::health;
use argosy_object::{Key, Object, Value};
use std::collections::{BTreeMap, HashMap};

/// Nodes of a tree at most.
const NODES_MAX: usize = 4_000;
/// Bytes of one object's difference, and of all, at most.
const TEXT_MAX: usize = 128 << 10;
const TEXTS_MAX: usize = 1 << 20;

/// What the object itself says; the tree is that of the last report.
pub fn reported(application: &Object, row: AppRow) -> AppDetail {
    let spec = ApplicationSpec::of(application).unwrap_or_default();
    let status = ApplicationStatus::of(application).unwrap_or_default();
    let history = status.history.iter().rev().map(|entry| Deployment {
        id: entry.id,
        revision: match entry.revisions.first() {
            Some(first) if entry.revision.is_empty() => first.clone(),
            _ => entry.revision.clone(),
        },
        at: entry.deployed_at.clone(),
        by: entry.initiated_by.as_ref().map(by).unwrap_or_default(),
    });
    let links = status
        .summary
        .external_urls
        .iter()
        .filter(|url| is_web(url))
        .cloned();
    AppDetail {
        server: spec.destination.server.clone(),
        policy: policy(&spec),
        sources: spec.all_sources().iter().map(source).collect(),
        health_message: status.health.message.clone(),
        conditions: status.conditions.clone(),
        history: history.collect(),
        operation: status.operation_state.as_ref().map(operation),
        links: links.collect(),
        images: status.summary.images.clone(),
        tree: reported_tree(&status.resources),
        row,
        ..AppDetail::default()
    }
}

/// Adds what an inspection saw.
pub fn inspected(detail: &mut AppDetail, seen: &Inspected) {
    detail.tree = tree(seen);
    detail.diff = differences(&seen.comparison.rows);
    detail.cut = seen.is_cut || detail.tree.len() >= NODES_MAX;
}

fn source(source: &argosy_crds::Source) -> SourceView {
    let is_chart = !source.chart.is_empty();
    SourceView {
        repo: without_credentials(&source.repo_url),
        path: if is_chart {
            &source.chart
        } else {
            &source.path
        }
        .clone(),
        chart: is_chart,
        target: source.target_revision.clone(),
    }
}

fn policy(spec: &ApplicationSpec) -> String {
    let Some(automated) = spec.automated() else {
        return "Manual".into();
    };
    let mut words = vec!["Automatic"];
    if automated.prune {
        words.push("prune");
    }
    if automated.self_heal {
        words.push("self-heal");
    }
    words.join(" · ")
}

fn by(initiated: &InitiatedBy) -> String {
    if initiated.automated {
        "automated".into()
    } else {
        initiated.username.clone()
    }
}

fn operation(state: &OperationState) -> OperationView {
    let results = state
        .sync_result
        .iter()
        .flat_map(|result| &result.resources);
    // Objects that are no hooks have a phase too, which says nothing that their status does not.
    let status = |result: &argosy_crds::ResourceResult| match (result.status, result.hook_phase) {
        (None, Some(phase)) => format!("{phase:?}"),
        (_, Some(phase)) if !result.hook_type.is_empty() => format!("{phase:?}"),
        (Some(status), _) => format!("{status:?}"),
        (None, None) => String::new(),
    };
    OperationView {
        phase: format!("{:?}", state.phase),
        message: state.message.clone(),
        started: state.started_at.clone(),
        finished: state.finished_at.clone().unwrap_or_default(),
        by: state
            .operation
            .initiated_by
            .as_ref()
            .map(by)
            .unwrap_or_default(),
        results: results
            .take(NODES_MAX)
            .map(|result| ResultView {
                kind: result.kind.clone(),
                namespace: result.namespace.clone(),
                name: result.name.clone(),
                status: status(result),
                message: result.message.clone(),
            })
            .collect(),
    }
}

/// Whether a link may be followed: nothing but a web page.
fn is_web(url: &str) -> bool {
    let scheme = url
        .split_once("://")
        .map(|(scheme, _)| scheme.to_ascii_lowercase());
    matches!(scheme.as_deref(), Some("http" | "https")) && !url.chars().any(char::is_control)
}

fn reported_tree(resources: &[ResourceStatus]) -> Vec<TreeNode> {
    let nodes = resources
        .iter()
        .take(NODES_MAX)
        .enumerate()
        .map(|(id, resource)| TreeNode {
            id,
            group: resource.group.clone(),
            kind: resource.kind.clone(),
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
            sync: resource.status,
            health: resource.health.as_ref().and_then(|health| health.status),
            message: resource
                .health
                .as_ref()
                .map(|health| health.message.clone())
                .unwrap_or_default(),
            ..TreeNode::default()
        });
    nodes.collect()
}

/// Managed objects, each followed by what it owns.
fn tree(seen: &Inspected) -> Vec<TreeNode> {
    let mut owned: HashMap<&str, Vec<&Object>> = HashMap::new();
    for object in &seen.below {
        for owner in owners(object) {
            owned.entry(owner).or_default().push(object);
        }
    }
    for objects in owned.values_mut() {
        objects.sort_by_cached_key(|object| (object.kind().to_owned(), object.name().to_owned()));
    }
    let mut rows: Vec<&Row> = seen.comparison.rows.iter().collect();
    rows.sort_by_key(|row| (rank(&row.key), row.key.clone()));
    let mut nodes = Vec::new();
    for row in rows {
        if nodes.len() >= NODES_MAX {
            break;
        }
        let id = nodes.len();
        nodes.push(managed(id, row, seen));
        if let Some(live) = &row.live {
            below(live.uid(), id, &owned, &mut nodes, 8);
        }
    }
    nodes
}

fn managed(id: usize, row: &Row, seen: &Inspected) -> TreeNode {
    let health = seen.health.objects.get(&row.key);
    let message = row
        .error
        .clone()
        .or_else(|| health.map(|health| health.message.clone()));
    let missing =
        (row.live.is_none() && row.code.is_some()).then_some(argosy_crds::HealthCode::Missing);
    TreeNode {
        id,
        parent: None,
        sync: row.code,
        health: health.map(|health| health.code).or(missing),
        message: message.unwrap_or_default(),
        created: row.live.as_ref().map(created).unwrap_or_default(),
        ..named(&row.key)
    }
}

fn below(
    uid: &str,
    parent: usize,
    owned: &HashMap<&str, Vec<&Object>>,
    nodes: &mut Vec<TreeNode>,
    deep: usize,
) {
    if deep == 0 || uid.is_empty() {
        return;
    }
    for object in owned.get(uid).into_iter().flatten() {
        // Old ReplicaSets, kept for rollbacks, say nothing of now.
        let is_spent = object.kind() == "ReplicaSet"
            && object.pointer("/spec/replicas").and_then(Value::as_i64) == Some(0)
            && !owned.contains_key(object.uid());
        if is_spent {
            continue;
        }
        if nodes.len() >= NODES_MAX {
            return;
        }
        let id = nodes.len();
        let health = health(object);
        nodes.push(TreeNode {
            id,
            parent: Some(parent),
            health: health.as_ref().map(|health| health.code),
            message: health.map(|health| health.message).unwrap_or_default(),
            created: created(object),
            ..named(&object.key())
        });
        below(object.uid(), id, owned, nodes, deep - 1);
    }
}

fn named(key: &Key) -> TreeNode {
    TreeNode {
        group: key.group.to_string(),
        kind: key.kind.to_string(),
        namespace: key.namespace_or_empty().into(),
        name: key.name.to_string(),
        ..TreeNode::default()
    }
}

fn created(object: &Object) -> String {
    let at = object
        .pointer("/metadata/creationTimestamp")
        .and_then(Value::as_str);
    at.unwrap_or("").to_owned()
}

fn owners(object: &Object) -> impl Iterator<Item = &str> {
    let all = object
        .pointer("/metadata/ownerReferences")
        .and_then(Value::as_array);
    all.into_iter()
        .flatten()
        .filter_map(|owner| owner.get("uid")?.as_str())
}

/// Workloads first, then what serves them, then what they read.
fn rank(key: &Key) -> u8 {
    match &*key.kind {
        "Namespace" => 0,
        "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "Rollout" => 1,
        "Service" | "Ingress" | "HorizontalPodAutoscaler" | "HTTPRoute" => 2,
        "ConfigMap" | "Secret" => 4,
        _ => 3,
    }
}

fn differences(rows: &[Row]) -> Vec<ResourceDiff> {
    let mut left = TEXTS_MAX;
    let mut all: BTreeMap<(u8, Key), ResourceDiff> = BTreeMap::new();
    for row in rows {
        let Some(mut diff) = difference(row) else {
            continue;
        };
        let room = left.min(TEXT_MAX);
        if diff.text.len() > room {
            let end = (0..=room)
                .rev()
                .find(|at| diff.text.is_char_boundary(*at))
                .unwrap_or(0);
            diff.text.truncate(end);
            diff.cut = true;
        }
        left -= diff.text.len();
        all.insert((rank(&row.key), row.key.clone()), diff);
    }
    all.into_values().collect()
}

fn difference(row: &Row) -> Option<ResourceDiff> {
    let is_out = row.code == Some(SyncCode::OutOfSync) && !row.is_ignored;
    if row.error.is_none() && !is_out {
        return None;
    }
    let node = named(&row.key);
    let mut diff = ResourceDiff {
        group: node.group,
        kind: node.kind,
        namespace: node.namespace,
        name: node.name,
        ..ResourceDiff::default()
    };
    if let Some(error) = &row.error {
        diff.action = "error";
        diff.text.clone_from(error);
        return Some(diff);
    }
    diff.action = match (&row.live, &row.desired) {
        (None, _) => "create",
        (Some(_), None) => "prune",
        (Some(_), Some(_)) => "change",
    };
    let live = row.live.as_ref().map(Object::value);
    let desired = row.desired.as_ref().map(|desired| desired.object.value());
    let (live, desired) = mask_pair(
        live,
        desired.map(|own| row.predicted.as_ref().unwrap_or(own)),
    );
    let yaml = |value: Option<Value>| {
        value.map_or_else(String::new, |value| argosy_yaml::to_string(&value))
    };
    diff.text = unified_diff("live", &yaml(live), "desired", &yaml(desired));
    Some(diff)
}

#[cfg(test)]
mod tests;
