//! Deployments, stateful sets, replica sets, daemon sets and jobs.

use crate::{Health, conditions, field, number, text};
use argosy_crds::HealthCode;
use argosy_object::{Object, Value};

/// Whether the controller has seen the newest spec.
fn is_observed(object: &Object) -> bool {
    number(object, "/metadata/generation") <= number(object, "/status/observedGeneration")
}

fn replicas(object: &Object) -> Option<i64> {
    object.pointer("/spec/replicas").and_then(Value::as_i64)
}

pub(crate) fn deployment(object: &Object) -> Health {
    if object.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        return Health::new(HealthCode::Suspended, "Deployment is paused");
    }
    let waiting = "Waiting for rollout to finish:";
    if !is_observed(object) {
        return Health::progressing(format!(
            "{waiting} observed deployment generation less than desired generation"
        ));
    }
    let progress = conditions(object).find(|c| field(c, "type") == "Progressing");
    if progress.is_some_and(|c| field(c, "reason") == "ProgressDeadlineExceeded") {
        return Health::degraded(format!(
            "Deployment {:?} exceeded its progress deadline",
            object.name()
        ));
    }
    let updated = number(object, "/status/updatedReplicas");
    let available = number(object, "/status/availableReplicas");
    match replicas(object) {
        Some(wanted) if updated < wanted => {
            return Health::progressing(format!(
                "{waiting} {updated} out of {wanted} new replicas have been updated..."
            ));
        }
        _ => {}
    }
    let all = number(object, "/status/replicas");
    if all > updated {
        return Health::progressing(format!(
            "{waiting} {} old replicas are pending termination...",
            all - updated
        ));
    }
    if available < updated {
        return Health::progressing(format!(
            "{waiting} {available} of {updated} updated replicas are available..."
        ));
    }
    Health::healthy()
}

pub(crate) fn stateful_set(object: &Object) -> Health {
    let observed = number(object, "/status/observedGeneration");
    if observed == 0 || !is_observed(object) {
        return Health::progressing("Waiting for statefulset spec update to be observed...");
    }
    let ready = number(object, "/status/readyReplicas");
    let updated = number(object, "/status/updatedReplicas");
    if let Some(wanted) = replicas(object)
        && ready < wanted
    {
        return Health::progressing(format!(
            "Waiting for {} pods to be ready...",
            wanted - ready
        ));
    }
    let strategy = text(object, "/spec/updateStrategy/type");
    let rolling = object.pointer("/spec/updateStrategy/rollingUpdate");
    if strategy == "RollingUpdate"
        && let Some(partition) = rolling
            .and_then(|r| r.get("partition"))
            .and_then(Value::as_i64)
        && partition > 0
    {
        let wanted = replicas(object).unwrap_or(0) - partition;
        if updated < wanted {
            return Health::progressing(format!(
                "Waiting for partitioned roll out to finish: \
                 {updated} out of {wanted} new pods have been updated..."
            ));
        }
        return Health::new(
            HealthCode::Healthy,
            format!("partitioned roll out complete: {updated} new pods have been updated..."),
        );
    }
    if strategy == "OnDelete" {
        return Health::new(
            HealthCode::Healthy,
            format!("statefulset has {ready} ready pods"),
        );
    }
    let revision = text(object, "/status/updateRevision");
    if text(object, "/status/currentRevision") != revision {
        return Health::progressing(format!(
            "waiting for statefulset rolling update to complete {updated} pods at revision \
             {revision}..."
        ));
    }
    let current = number(object, "/status/currentReplicas");
    Health::new(
        HealthCode::Healthy,
        format!(
            "statefulset rolling update complete {current} pods at revision {}...",
            text(object, "/status/currentRevision")
        ),
    )
}

pub(crate) fn replica_set(object: &Object) -> Health {
    if !is_observed(object) {
        return Health::progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired \
             generation",
        );
    }
    let failure = conditions(object)
        .find(|c| field(c, "type") == "ReplicaFailure" && field(c, "status") == "True");
    if let Some(condition) = failure {
        return Health::degraded(field(condition, "message"));
    }
    let available = number(object, "/status/availableReplicas");
    match replicas(object) {
        Some(wanted) if available < wanted => Health::progressing(format!(
            "Waiting for rollout to finish: {available} out of {wanted} new replicas are \
             available..."
        )),
        _ => Health::healthy(),
    }
}

pub(crate) fn daemon_set(object: &Object) -> Health {
    if !is_observed(object) {
        return Health::progressing(
            "Waiting for rollout to finish: observed daemon set generation less than desired \
             generation",
        );
    }
    let wanted = number(object, "/status/desiredNumberScheduled");
    let updated = number(object, "/status/updatedNumberScheduled");
    let available = number(object, "/status/numberAvailable");
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Health::new(
            HealthCode::Healthy,
            format!("daemon set {updated} out of {wanted} new pods have been updated"),
        );
    }
    let waiting = format!(
        "Waiting for daemon set {:?} rollout to finish:",
        object.name()
    );
    if updated < wanted {
        return Health::progressing(format!(
            "{waiting} {updated} out of {wanted} new pods have been updated..."
        ));
    }
    if available < wanted {
        return Health::progressing(format!(
            "{waiting} {available} of {wanted} updated pods are available..."
        ));
    }
    Health::healthy()
}

pub(crate) fn job(object: &Object) -> Health {
    let mut last = None;
    for condition in conditions(object) {
        let holds = field(condition, "status") == "True";
        match field(condition, "type") {
            "Failed" => last = Some((HealthCode::Degraded, condition)),
            "Complete" => last = Some((HealthCode::Healthy, condition)),
            "Suspended" if holds => last = Some((HealthCode::Suspended, condition)),
            _ => {}
        }
    }
    match last {
        Some((code, condition)) => Health::new(code, field(condition, "message")),
        None => Health::progressing(""),
    }
}
