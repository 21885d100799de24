//! What all workloads do with pods: count them, make them, choose which go.

use crate::cache::Cache;
use crate::kinds::{Id, Kind};
use crate::tree::{self, condition, list, text};
use crate::work::Work;
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// How many pods are how far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Neither done nor going.
    pub active: i64,
    /// Ready.
    pub ready: i64,
    /// Ready for long enough.
    pub available: i64,
    /// When the next ready pod is available.
    pub wait: Option<Duration>,
}

/// Counts the active pods among some.
pub fn count<'p>(
    pods: impl IntoIterator<Item = &'p Arc<Value>>,
    min_ready_seconds: i64,
    now: Timestamp,
) -> Counts {
    let mut counts = Counts::default();
    for pod in pods.into_iter().filter(|pod| is_active(pod)) {
        counts.active += 1;
        if !is_ready(pod) {
            continue;
        }
        counts.ready += 1;
        match wait_for_available(pod, min_ready_seconds, now) {
            None => counts.available += 1,
            Some(wait) => {
                counts.wait = Some(counts.wait.map_or(wait, |other| other.min(wait)));
            }
        }
    }
    counts
}

/// How many pods are on their way out.
pub fn terminating(pods: &[Arc<Value>]) -> i64 {
    let going = |pod: &&Arc<Value>| tree::is_deleting(pod) && !is_done(pod);
    pods.iter().filter(going).count() as i64
}

/// Whether a pod is neither done nor going.
pub fn is_active(pod: &Value) -> bool {
    !tree::is_deleting(pod) && !is_done(pod)
}

/// Whether a pod is done, well or not.
pub fn is_done(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether a pod is ready.
pub fn is_ready(pod: &Value) -> bool {
    condition(pod, "Ready") == "True"
}

/// How long until a ready pod is available; `None` where it is.
fn wait_for_available(pod: &Value, seconds: i64, now: Timestamp) -> Option<Duration> {
    if seconds <= 0 {
        return None;
    }
    let ready = list(pod, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == "Ready")?;
    let since: Timestamp = text(ready, "/lastTransitionTime").parse().ok()?;
    let left = seconds - now.duration_since(since).as_secs();
    (left > 0).then(|| Duration::from_secs(left.unsigned_abs()))
}

/// A pod as a template describes it, owned by `owner`; without a name.
pub fn from_template(owner: &Value, (api_version, kind): (&str, &str), template: &Value) -> Value {
    let mut metadata = json!({
        "namespace": meta(owner, "namespace"),
        "ownerReferences": [tree::owner_reference(owner, api_version, kind)],
    });
    for field in ["labels", "annotations", "finalizers"] {
        let value = tree::at(template, &format!("/metadata/{field}"));
        if !value.is_null() {
            metadata[field] = value;
        }
    }
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata,
        "spec": tree::at(template, "/spec")})
}

/// Deletes a pod as its grace says.
pub fn delete(pod: &Value) -> Work {
    let uid = meta(pod, "uid").to_owned();
    Work::Delete {
        id: Id::of(Kind::Pod, pod),
        uid,
        grace_seconds: None,
    }
}

/// Of more pods than wanted, those that go first: not placed, not ready, youngest.
pub fn surplus(mut pods: Vec<Arc<Value>>, wanted: usize) -> Vec<Arc<Value>> {
    pods.sort_by_key(|pod| {
        let placed = !text(pod, "/spec/nodeName").is_empty();
        let age = std::cmp::Reverse(meta(pod, "creationTimestamp").to_owned());
        (placed, is_ready(pod), age, meta(pod, "name").to_owned())
    });
    let extra = pods.len().saturating_sub(wanted);
    pods.truncate(extra);
    pods
}

/// The pods that an object controls.
pub fn of(cache: &Cache, owner: &Value) -> Vec<Arc<Value>> {
    cache.owned(Kind::Pod, owner)
}

/// A count as Go's `omitempty` stores it: zero is left out.
pub fn opt(count: i64) -> Value {
    if count == 0 {
        Value::Null
    } else {
        count.into()
    }
}
