//! DaemonSets: a pod on each node that fits.

use crate::cache::Cache;
use crate::controllers::Plan;
use crate::controllers::pods::{self, opt};
use crate::controllers::revision;
use crate::kinds::{Id, Kind};
use crate::tree::{self, int, portion, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::sync::Arc;

/// Plans for a DaemonSet.
pub fn plan(cache: &Cache, set: &Value, now: Timestamp) -> Plan {
    let id = Id::of(Kind::DaemonSet, set);
    let update = revision::current(cache, set, "DaemonSet");
    let mut plan = Plan {
        now: update.works,
        soon: Vec::new(),
    };
    let selector = tree::at(set, "/spec/template/spec/nodeSelector");
    let nodes: Vec<String> = cache
        .all(Kind::Node)
        .filter(|node| !tree::is_deleting(node))
        .filter(|node| {
            selector
                .as_object()
                .is_none_or(argosy_object::Map::is_empty)
                || crate::labels::contained(&selector, tree::get(node, "/metadata/labels"))
        })
        .map(|node| meta(&node, "name").to_owned())
        .collect();
    let all = pods::of(cache, set);
    let mut running: Vec<&Arc<Value>> = Vec::new();
    for node in &nodes {
        let here = || {
            all.iter()
                .filter(|pod| text(pod, "/spec/nodeName") == *node)
        };
        match here().find(|pod| pods::is_active(pod)) {
            Some(pod) => running.push(pod),
            // A pod that goes is waited for: two would fight for the node.
            None if here().any(|pod| tree::is_deleting(pod)) => {}
            None => plan.now.push(create(set, node, &update.hash)),
        }
    }
    for pod in all.iter().filter(|pod| !tree::is_deleting(pod)) {
        let stray =
            !nodes.iter().any(|node| node == text(pod, "/spec/nodeName")) || pods::is_done(pod);
        let twin = pods::is_active(pod) && !running.iter().any(|r| Arc::ptr_eq(r, pod));
        if stray || twin {
            plan.now.push(pods::delete(pod));
        }
    }
    let is_new =
        |pod: &Value| text(pod, "/metadata/labels/controller-revision-hash") == update.hash;
    roll(set, &running, nodes.len() as i64, is_new, &mut plan);
    let counts = pods::count(
        running.iter().copied(),
        int(set, "/spec/minReadySeconds"),
        now,
    );
    if let Some(wait) = counts.wait {
        plan.now.push(Work::Wake(id.clone(), wait));
    }
    let wanted = nodes.len() as i64;
    let updated = running.iter().filter(|pod| is_new(pod)).count() as i64;
    let status = json!({
        "observedGeneration": int(set, "/metadata/generation"),
        "currentNumberScheduled": running.len(),
        "desiredNumberScheduled": wanted,
        "numberMisscheduled": 0,
        "numberReady": counts.ready,
        "numberAvailable": opt(counts.available),
        "numberUnavailable": opt(wanted - counts.available),
        "updatedNumberScheduled": opt(updated),
    });
    let settled = counts.available == wanted && updated == wanted;
    plan.status(settled, work::status(id, set, status));
    plan
}

fn create(set: &Value, node: &str, hash: &str) -> Work {
    let template = tree::at(set, "/spec/template");
    let mut pod = pods::from_template(set, ("apps/v1", "DaemonSet"), &template);
    let mut metadata = Value::Object(std::mem::take(tree::map(&mut pod, "metadata")));
    metadata["generateName"] = format!("{}-", meta(set, "name")).into();
    let labels = tree::map(&mut metadata, "labels");
    labels.insert("controller-revision-hash".into(), hash.into());
    pod["metadata"] = metadata;
    tree::map(&mut pod, "spec").insert("nodeName".into(), node.into());
    Work::Create(Kind::Pod, pod)
}

fn roll(
    set: &Value,
    running: &[&Arc<Value>],
    nodes: i64,
    is_new: impl Fn(&Value) -> bool,
    plan: &mut Plan,
) {
    if text(set, "/spec/updateStrategy/type") == "OnDelete" {
        return;
    }
    let rolling = tree::at(set, "/spec/updateStrategy/rollingUpdate");
    let most = portion(rolling.get("maxUnavailable"), nodes, true)
        .unwrap_or(1)
        .max(1);
    let ready = running.iter().filter(|pod| pods::is_ready(pod)).count() as i64;
    let mut room = most - (nodes - ready);
    for pod in running.iter().filter(|pod| !is_new(pod)) {
        let sick = !pods::is_ready(pod);
        if sick || room > 0 {
            plan.now.push(pods::delete(pod));
            room -= i64::from(!sick);
        }
    }
}
