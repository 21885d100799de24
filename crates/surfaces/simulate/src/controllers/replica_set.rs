//! ReplicaSets: as many pods as wanted.

use crate::cache::Cache;
use crate::controllers::Plan;
use crate::controllers::pods::{self, opt};
use crate::kinds::{Id, Kind};
use crate::tree::{self, int};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::sync::Arc;

/// The most pods that are made or deleted in one go.
const BURST: usize = 500;

/// Plans for a ReplicaSet.
pub fn plan(cache: &Cache, set: &Value, now: Timestamp) -> Plan {
    let id = Id::of(Kind::ReplicaSet, set);
    let all = pods::of(cache, set);
    let terminating = pods::terminating(&all);
    let active: Vec<Arc<Value>> = all.into_iter().filter(|pod| pods::is_active(pod)).collect();
    let wanted = int(set, "/spec/replicas").max(0);
    let mut plan = Plan::none();
    let missing = wanted - active.len() as i64;
    if missing > 0 {
        let template = tree::at(set, "/spec/template");
        let mut pod = pods::from_template(set, ("apps/v1", "ReplicaSet"), &template);
        pod["metadata"]["generateName"] = format!("{}-", meta(set, "name")).into();
        let count = (missing as usize).min(BURST);
        plan.now
            .extend(std::iter::repeat_n(Work::Create(Kind::Pod, pod), count));
    } else if missing < 0 {
        let surplus = pods::surplus(active.clone(), wanted as usize);
        plan.now
            .extend(surplus.iter().take(BURST).map(|pod| pods::delete(pod)));
    }
    let counts = pods::count(&active, int(set, "/spec/minReadySeconds"), now);
    if let Some(wait) = counts.wait {
        plan.now.push(Work::Wake(id.clone(), wait));
    }
    let labels = tree::get(set, "/spec/template/metadata/labels");
    let labeled = active
        .iter()
        .filter(|pod| {
            let own = tree::get(pod, "/metadata/labels");
            labels.as_object().is_none_or(argosy_object::Map::is_empty)
                || crate::labels::contained(labels, own)
        })
        .count();
    let status = json!({
        "observedGeneration": int(set, "/metadata/generation"),
        "replicas": counts.active,
        "terminatingReplicas": terminating,
        "fullyLabeledReplicas": opt(labeled as i64),
        "readyReplicas": opt(counts.ready),
        "availableReplicas": opt(counts.available),
    });
    let settled = missing == 0 && counts.available == wanted;
    plan.status(settled, work::status(id, set, status));
    plan
}
