//! The life of a pod: placed, started, ended, taken away.

use crate::cache::Cache;
use crate::kinds::{Id, Kind};
use crate::kubelet::status::{self, Phase};
use crate::kubelet::{Kubelet, Now, Stage};
use crate::options::{Failure, Options};
use crate::tree::{self, condition, list, stamp, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use std::time::Duration;

/// Plans for a pod.
pub fn plan(
    kubelet: &mut Kubelet,
    cache: &Cache,
    pod: &Value,
    options: &Options,
    now: Now,
) -> Vec<Work> {
    let id = Id::of(Kind::Pod, pod);
    let uid = meta(pod, "uid");
    if tree::is_deleting(pod) {
        return take_away(kubelet, pod, id, options, now);
    }
    if text(pod, "/spec/nodeName").is_empty() {
        return place(kubelet, cache, pod, id, options, now);
    }
    let failure = options.failure_of(pod);
    let delay = options.latency_of(pod);
    match text(pod, "/status/phase") {
        "Pending" | "" => {
            if failed_already(pod, failure) {
                return Vec::new();
            }
            if let Some(wait) = kubelet.wait(uid, Stage::Start, delay, now.instant) {
                return vec![Work::Wake(id, wait)];
            }
            let address = kubelet.address(cache, uid);
            let phase = match failure {
                Some(Failure::ImagePullBackOff) => Phase::PullFailed,
                Some(Failure::CrashLoopBackOff) => Phase::Crashing,
                Some(Failure::NotReady) => Phase::NotReady,
                _ => Phase::Running,
            };
            let wanted = status::of(pod, phase, &address, now.time);
            let again = finishes(pod, failure).then(|| Work::Wake(id.clone(), delay));
            work::status(id, pod, wanted)
                .into_iter()
                .chain(again)
                .collect()
        }
        "Running" if finishes(pod, failure) => {
            if let Some(wait) = kubelet.wait(uid, Stage::End, delay, now.instant) {
                return vec![Work::Wake(id, wait)];
            }
            let address = text(pod, "/status/podIP").to_owned();
            let failed = failure == Some(Failure::Error);
            let phase = if failed {
                Phase::Failed
            } else {
                Phase::Succeeded
            };
            let wanted = status::of(pod, phase, &address, now.time);
            work::status(id, pod, wanted).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Whether a pod that failed to start shows so already.
fn failed_already(pod: &Value, failure: Option<Failure>) -> bool {
    let waits = list(pod, "/status/containerStatuses")
        .iter()
        .any(|c| !text(c, "/state/waiting/reason").is_empty());
    waits && failure == Some(Failure::ImagePullBackOff)
}

/// Whether a pod's containers end by themselves: those of Jobs, and others that are not restarted.
fn finishes(pod: &Value, failure: Option<Failure>) -> bool {
    let ends = failure.is_none() || failure == Some(Failure::Error);
    ends && text(pod, "/spec/restartPolicy") != "Always"
}

fn take_away(kubelet: &mut Kubelet, pod: &Value, id: Id, options: &Options, now: Now) -> Vec<Work> {
    let uid = meta(pod, "uid").to_owned();
    let grace = tree::int(pod, "/metadata/deletionGracePeriodSeconds")
        .max(0)
        .unsigned_abs();
    let delay = (options.latency_of(pod) / 3).min(Duration::from_secs(grace));
    if let Some(wait) = kubelet.wait(&uid, Stage::Go, delay, now.instant) {
        return vec![Work::Wake(id, wait)];
    }
    if grace == 0 && !list(pod, "/metadata/finalizers").is_empty() {
        // The kubelet has done its part; whoever holds the finalizer is next.
        return Vec::new();
    }
    vec![Work::Delete {
        id,
        uid,
        grace_seconds: Some(0),
    }]
}

fn place(
    kubelet: &mut Kubelet,
    cache: &Cache,
    pod: &Value,
    id: Id,
    options: &Options,
    now: Now,
) -> Vec<Work> {
    let scheduler = text(pod, "/spec/schedulerName");
    let foreign = !matches!(scheduler, "" | "default-scheduler");
    if foreign || !list(pod, "/spec/schedulingGates").is_empty() {
        return Vec::new();
    }
    let refused = options.failure_of(pod) == Some(Failure::Unschedulable);
    let node = if refused {
        None
    } else {
        kubelet.place(cache, pod)
    };
    if let Some(node) = node {
        return vec![Work::Bind(id, node)];
    }
    if condition(pod, "PodScheduled") == "False" {
        return Vec::new();
    }
    let nodes = cache.all(Kind::Node).count();
    let why = if refused {
        "the simulator was told to refuse it"
    } else {
        "no node fits"
    };
    let wanted = json!({"phase": "Pending", "conditions": [{
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": format!("0/{nodes} nodes are available: {why}."),
        "lastProbeTime": null,
        "lastTransitionTime": stamp(now.time),
    }]});
    work::status(id, pod, wanted).into_iter().collect()
}
