//! Deployments: one ReplicaSet for each template, rolled from one to the next.
//!
//! Compat: `pkg/controller/deployment`; the template's hash is our own.

use crate::cache::Cache;
use crate::conditions::{self, Condition, Times};
use crate::controllers::Plan;
use crate::controllers::pods::{self, Counts, opt};
use crate::hash;
use crate::kinds::{Id, Kind};
use crate::tree::{self, int, is_true, portion, text};
use crate::work::{self, Work};
use argosy_object::{Map, Value, json, meta};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

const HASH: &str = "pod-template-hash";
const REVISION: &str = "deployment.kubernetes.io/revision";
const DESIRED: &str = "deployment.kubernetes.io/desired-replicas";
const MAX: &str = "deployment.kubernetes.io/max-replicas";

/// One ReplicaSet of a Deployment with its pods counted.
struct Set {
    object: Arc<Value>,
    replicas: i64,
    counts: Counts,
    terminating: i64,
    pods_left: bool,
}

/// How far a rollout may go beyond and below what is wanted.
#[derive(Clone, Copy)]
struct Bounds {
    desired: i64,
    surge: i64,
    unavailable: i64,
    recreate: bool,
}

/// Plans for a Deployment.
pub fn plan(cache: &Cache, deployment: &Value, now: Timestamp) -> Plan {
    let ready_seconds = int(deployment, "/spec/minReadySeconds");
    let sets: Vec<Set> = cache
        .owned(Kind::ReplicaSet, deployment)
        .into_iter()
        .filter(|set| !tree::is_deleting(set))
        .map(|object| {
            let pods = pods::of(cache, &object);
            Set {
                replicas: int(&object, "/spec/replicas"),
                counts: pods::count(&pods, ready_seconds, now),
                terminating: pods::terminating(&pods),
                pods_left: pods.iter().any(|pod| !pods::is_done(pod)),
                object,
            }
        })
        .collect();
    let template = tree::at(deployment, "/spec/template");
    let (new, old): (Vec<Set>, Vec<Set>) = sets
        .into_iter()
        .partition(|set| same_template(&set.object, &template));
    let (new, old) = keep_one(new, old);
    let bounds = Bounds::of(deployment);
    let mut plan = Plan::none();
    let paused = is_true(deployment, "/spec/paused");
    match &new {
        None if !paused => create_set(cache, deployment, &template, &old, bounds, &mut plan),
        None => {}
        Some(new) => {
            mark_revision(deployment, new, &old, &mut plan);
            if paused {
                scale_to(new, bounds.desired - sum(&old), bounds, &mut plan);
            } else if bounds.recreate {
                recreate(new, &old, bounds, &mut plan);
            } else {
                roll(new, &old, bounds, &mut plan);
            }
            clean_up(deployment, new, &old, &mut plan);
        }
    }
    report(deployment, new.as_ref(), &old, bounds, now, &mut plan);
    plan
}

impl Bounds {
    fn of(deployment: &Value) -> Self {
        let desired = int(deployment, "/spec/replicas").max(0);
        let recreate = text(deployment, "/spec/strategy/type") == "Recreate";
        let rolling = tree::at(deployment, "/spec/strategy/rollingUpdate");
        let surge = portion(rolling.get("maxSurge"), desired, true).unwrap_or(0);
        let mut unavailable = portion(rolling.get("maxUnavailable"), desired, false).unwrap_or(0);
        if surge == 0 && unavailable == 0 {
            unavailable = 1;
        }
        Self {
            desired,
            surge,
            unavailable: unavailable.min(desired),
            recreate,
        }
    }
}

fn same_template(set: &Value, template: &Value) -> bool {
    let mut own = tree::at(set, "/spec/template");
    if let Some(Value::Object(labels)) = own.pointer_mut("/metadata/labels") {
        labels.remove(HASH);
    }
    let bare = |template: &Value| {
        let mut template = template.clone();
        if let Some(Value::Object(metadata)) = template.get_mut("metadata") {
            metadata.retain(|_, v| !v.is_null() && v.as_object().is_none_or(|m| !m.is_empty()));
        }
        template
    };
    bare(&own) == bare(template)
}

/// Of several sets with the right template the oldest counts; the others are old.
fn keep_one(mut new: Vec<Set>, mut old: Vec<Set>) -> (Option<Set>, Vec<Set>) {
    new.sort_by_key(|set| meta(&set.object, "creationTimestamp").to_owned());
    let mut new = new.into_iter();
    let first = new.next();
    old.extend(new);
    old.sort_by_key(|set| {
        (
            revision(&set.object),
            meta(&set.object, "creationTimestamp").to_owned(),
        )
    });
    (first, old)
}

fn revision(object: &Value) -> i64 {
    object
        .pointer("/metadata/annotations")
        .and_then(|a| a.get(REVISION))
        .and_then(Value::as_str)
        .and_then(|r| r.parse().ok())
        .unwrap_or(0)
}

fn sum(sets: &[Set]) -> i64 {
    sets.iter().map(|set| set.replicas).sum()
}

fn create_set(
    cache: &Cache,
    deployment: &Value,
    template: &Value,
    old: &[Set],
    bounds: Bounds,
    plan: &mut Plan,
) {
    let collisions = int(deployment, "/status/collisionCount");
    let hash = hash::of(template, collisions);
    let (namespace, own) = (meta(deployment, "namespace"), meta(deployment, "name"));
    let name = format!("{own}-{hash}");
    if cache.has(Kind::ReplicaSet, namespace, &name) {
        let patch = json!({"collisionCount": collisions + 1});
        plan.now
            .push(Work::Status(Id::of(Kind::Deployment, deployment), patch));
        return;
    }
    let replicas = if bounds.recreate {
        if old.iter().any(|set| set.pods_left) {
            0
        } else {
            bounds.desired
        }
    } else {
        (bounds.desired + bounds.surge - sum(old)).clamp(0, bounds.desired)
    };
    let next = old
        .iter()
        .map(|set| revision(&set.object))
        .max()
        .unwrap_or(0)
        + 1;
    let mut template = template.clone();
    let mut metadata = Value::Object(std::mem::take(tree::map(&mut template, "metadata")));
    tree::map(&mut metadata, "labels").insert(HASH.into(), hash.clone().into());
    template["metadata"] = metadata;
    let mut selector = tree::at(deployment, "/spec/selector");
    tree::map(&mut selector, "matchLabels").insert(HASH.into(), hash.into());
    let mut annotations = inherited(deployment);
    annotations.insert(REVISION.into(), next.to_string().into());
    annotations.insert(DESIRED.into(), bounds.desired.to_string().into());
    annotations.insert(
        MAX.into(),
        (bounds.desired + bounds.surge).to_string().into(),
    );
    let mut spec = json!({"replicas": replicas, "selector": selector, "template": template});
    let ready_seconds = int(deployment, "/spec/minReadySeconds");
    if ready_seconds > 0 {
        spec["minReadySeconds"] = ready_seconds.into();
    }
    let set = json!({
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": spec["template"]["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [tree::owner_reference(deployment, "apps/v1", "Deployment")],
        },
        "spec": spec,
    });
    plan.now.push(Work::Create(Kind::ReplicaSet, set));
    annotate_revision(deployment, next, plan);
}

fn inherited(deployment: &Value) -> Map<String, Value> {
    let mut annotations = deployment
        .pointer("/metadata/annotations")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    for own in [
        REVISION,
        DESIRED,
        MAX,
        "deployment.kubernetes.io/revision-history",
    ] {
        annotations.remove(own);
    }
    annotations
}

fn annotate_revision(deployment: &Value, wanted: i64, plan: &mut Plan) {
    if revision(deployment) != wanted {
        let annotations = json!({REVISION: wanted.to_string()});
        plan.now.push(Work::Annotate(
            Id::of(Kind::Deployment, deployment),
            annotations,
        ));
    }
}

/// A set that is rolled back to becomes the newest revision.
fn mark_revision(deployment: &Value, new: &Set, old: &[Set], plan: &mut Plan) {
    let newest_old = old
        .iter()
        .map(|set| revision(&set.object))
        .max()
        .unwrap_or(0);
    let mut own = revision(&new.object);
    if own <= newest_old {
        own = newest_old + 1;
        let patch = json!({"metadata": {"annotations": {REVISION: own.to_string()}}});
        plan.now
            .push(Work::Patch(Id::of(Kind::ReplicaSet, &new.object), patch));
    }
    annotate_revision(deployment, own, plan);
}

fn scale_to(set: &Set, replicas: i64, bounds: Bounds, plan: &mut Plan) {
    let replicas = replicas.max(0);
    let (desired, most) = (
        bounds.desired.to_string(),
        (bounds.desired + bounds.surge).to_string(),
    );
    let annotations = set.object.pointer("/metadata/annotations");
    let noted = |name: &str, value: &str| {
        annotations
            .and_then(|a| a.get(name))
            .and_then(Value::as_str)
            == Some(value)
    };
    if set.replicas == replicas && noted(DESIRED, &desired) && noted(MAX, &most) {
        return;
    }
    if set.replicas == replicas && replicas == 0 {
        return;
    }
    let patch = json!({"metadata": {"annotations": {DESIRED: desired, MAX: most}},
        "spec": {"replicas": replicas}});
    plan.now
        .push(Work::Patch(Id::of(Kind::ReplicaSet, &set.object), patch));
}

fn recreate(new: &Set, old: &[Set], bounds: Bounds, plan: &mut Plan) {
    for set in old.iter().filter(|set| set.replicas > 0) {
        scale_to(set, 0, bounds, plan);
    }
    if !old.iter().any(|set| set.pods_left || set.replicas > 0) {
        scale_to(new, bounds.desired, bounds, plan);
    }
}

fn roll(new: &Set, old: &[Set], bounds: Bounds, plan: &mut Plan) {
    let total = new.replicas + sum(old);
    let grown = if new.replicas > bounds.desired {
        bounds.desired
    } else {
        let room = (bounds.desired + bounds.surge - total).max(0);
        (new.replicas + room).min(bounds.desired)
    };
    scale_to(new, grown, bounds, plan);
    let floor = bounds.desired - bounds.unavailable;
    let new_missing = (new.replicas - new.counts.available).max(0);
    let mut room = total - floor - new_missing;
    if room <= 0 {
        return;
    }
    let available: i64 =
        new.counts.available + old.iter().map(|set| set.counts.available).sum::<i64>();
    let mut healthy_room = available - floor;
    for set in old.iter().filter(|set| set.replicas > 0) {
        // What is not available goes first, then as much as availability allows.
        let sick = (set.replicas - set.counts.available).clamp(0, room);
        let well = (set.replicas - sick)
            .min(healthy_room.max(0))
            .min(room - sick);
        if sick + well > 0 {
            scale_to(set, set.replicas - sick - well, bounds, plan);
            room -= sick + well;
            healthy_room -= well;
        }
    }
}

fn clean_up(deployment: &Value, new: &Set, old: &[Set], plan: &mut Plan) {
    if new.counts.available < int(deployment, "/spec/replicas") {
        return;
    }
    let limit = deployment
        .pointer("/spec/revisionHistoryLimit")
        .and_then(Value::as_u64);
    let limit = limit.unwrap_or(10) as usize;
    let done: Vec<&Set> = old
        .iter()
        .filter(|s| s.replicas == 0 && s.counts.active == 0)
        .collect();
    for set in done.iter().take(done.len().saturating_sub(limit)) {
        plan.now.push(Work::Delete {
            id: Id::of(Kind::ReplicaSet, &set.object),
            uid: meta(&set.object, "uid").to_owned(),
            grace_seconds: None,
        });
    }
}

fn report(
    deployment: &Value,
    new: Option<&Set>,
    old: &[Set],
    bounds: Bounds,
    now: Timestamp,
    plan: &mut Plan,
) {
    let id = Id::of(Kind::Deployment, deployment);
    let updated = new.map_or(Counts::default(), |set| set.counts);
    let all = || new.into_iter().chain(old);
    let total: i64 = all().map(|set| set.counts.active).sum();
    let ready: i64 = all().map(|set| set.counts.ready).sum();
    let available: i64 = all().map(|set| set.counts.available).sum();
    let specified: i64 = all().map(|set| set.replicas).sum();
    let terminating: i64 = all().map(|set| set.terminating).sum();
    if let Some(wait) = all().filter_map(|set| set.counts.wait).min() {
        plan.now.push(Work::Wake(id.clone(), wait));
    }
    let desired = bounds.desired;
    let complete = new.is_some()
        && updated.active == desired
        && total == desired
        && available == desired
        && specified == desired;
    let enough = available >= desired - bounds.unavailable;
    let progress = Progress {
        complete,
        updated: updated.active,
        ready,
        available,
        total,
        desired,
    };
    let (status, reason, message) = progress.condition(deployment, new, now, &id, plan);
    let mut wanted = vec![if enough {
        Condition {
            kind: "Available",
            status: "True",
            reason: "MinimumReplicasAvailable",
            message: "Deployment has minimum availability.",
        }
    } else {
        Condition {
            kind: "Available",
            status: "False",
            reason: "MinimumReplicasUnavailable",
            message: "Deployment does not have minimum availability.",
        }
    }];
    if !reason.is_empty() {
        wanted.push(Condition {
            kind: "Progressing",
            status,
            reason,
            message: &message,
        });
    }
    let mut base = deployment.clone();
    if progress.moved(deployment) {
        forget_update_time(&mut base);
    }
    let conditions = conditions::set(&base, &wanted, Times::Update, now);
    let patch = json!({
        "observedGeneration": int(deployment, "/metadata/generation"),
        "replicas": opt(total),
        "updatedReplicas": opt(updated.active),
        "readyReplicas": opt(ready),
        "availableReplicas": opt(available),
        "terminatingReplicas": terminating,
        "unavailableReplicas": opt((specified.max(desired) - available).max(0)),
        "conditions": conditions,
    });
    plan.status(complete, work::status(id, deployment, patch));
}

struct Progress {
    complete: bool,
    updated: i64,
    ready: i64,
    available: i64,
    total: i64,
    desired: i64,
}

impl Progress {
    /// Whether the rollout went on since the last status.
    fn moved(&self, deployment: &Value) -> bool {
        let was = |field: &str| int(deployment, &format!("/status/{field}"));
        let old = was("replicas") - was("updatedReplicas");
        self.updated > was("updatedReplicas")
            || self.total - self.updated < old
            || self.ready > was("readyReplicas")
            || self.available > was("availableReplicas")
    }

    /// The Progressing condition: status, reason, message. An empty reason leaves it out.
    fn condition(
        &self,
        deployment: &Value,
        new: Option<&Set>,
        now: Timestamp,
        id: &Id,
        plan: &mut Plan,
    ) -> (&'static str, &'static str, String) {
        if is_true(deployment, "/spec/paused") {
            return ("Unknown", "DeploymentPaused", "Deployment is paused".into());
        }
        let name = new.map_or(String::new(), |set| meta(&set.object, "name").to_owned());
        let Some(_) = new else {
            return ("True", "", String::new());
        };
        if self.complete || (self.desired == 0 && self.total == 0) {
            let said = format!("ReplicaSet \"{name}\" has successfully progressed.");
            return ("True", "NewReplicaSetAvailable", said);
        }
        let old = tree::list(deployment, "/status/conditions")
            .iter()
            .find(|c| text(c, "/type") == "Progressing");
        let was_done = old.is_some_and(|c| text(c, "/reason") == "NewReplicaSetAvailable");
        let observed = int(deployment, "/status/observedGeneration")
            == int(deployment, "/metadata/generation");
        if was_done && observed {
            // A pod that failed after the rollout does not start a new one.
            let said = old.map_or(String::new(), |c| text(c, "/message").to_owned());
            return ("True", "NewReplicaSetAvailable", said);
        }
        let deadline = int(deployment, "/spec/progressDeadlineSeconds");
        let since: Option<Timestamp> = old
            .filter(|_| !was_done)
            .and_then(|c| text(c, "/lastUpdateTime").parse().ok());
        if deadline > 0 && !self.moved(deployment) {
            let waited = since.map_or(0, |since| now.duration_since(since).as_secs());
            let late = old.is_some_and(|c| text(c, "/reason") == "ProgressDeadlineExceeded");
            if waited > deadline || (late && observed) {
                let said = format!("ReplicaSet \"{name}\" has timed out progressing.");
                return ("False", "ProgressDeadlineExceeded", said);
            }
            let left = (deadline - waited + 1).unsigned_abs();
            plan.now
                .push(Work::Wake(id.clone(), Duration::from_secs(left)));
        }
        (
            "True",
            "ReplicaSetUpdated",
            format!("ReplicaSet \"{name}\" is progressing."),
        )
    }
}

fn forget_update_time(deployment: &mut Value) {
    if let Some(Value::Array(conditions)) = deployment.pointer_mut("/status/conditions") {
        for condition in conditions
            .iter_mut()
            .filter(|c| text(c, "/type") == "Progressing")
        {
            if let Value::Object(condition) = condition {
                condition.remove("lastUpdateTime");
            }
        }
    }
}
