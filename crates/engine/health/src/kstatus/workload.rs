//! kstatus of the kinds that run pods.

use super::{Kstatus, conditions, int, text};
use argosy_object::{Object, Value};

/// What the controller assumes where a deployment sets no deadline.
const NO_DEADLINE: i64 = i32::MAX as i64;

pub(super) fn stateful_set(object: &Object) -> Kstatus {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return Kstatus::current("StatefulSet is using the ondelete update strategy");
    }
    let wanted = int(object, "/spec/replicas", 1);
    let replicas = int(object, "/status/replicas", 0);
    let ready = int(object, "/status/readyReplicas", 0);
    let current = int(object, "/status/currentReplicas", 0);
    let updated = int(object, "/status/updatedReplicas", 0);
    if wanted > replicas {
        return Kstatus::in_progress(format!("Replicas: {replicas}/{wanted}"));
    }
    if wanted > ready {
        return Kstatus::in_progress(format!("Ready: {ready}/{wanted}"));
    }
    if replicas > wanted {
        return Kstatus::in_progress(format!("Pending termination: {}", replicas - wanted));
    }
    let partition = object.pointer("/spec/updateStrategy/rollingUpdate/partition");
    if let Some(partition) = partition.and_then(Value::as_i64) {
        let wanted = wanted - partition;
        if updated < wanted {
            return Kstatus::in_progress(format!("updated: {updated}/{wanted}"));
        }
        return Kstatus::current(format!("Partition rollout complete. updated: {updated}"));
    }
    if wanted > current {
        return Kstatus::in_progress(format!("current: {current}/{wanted}"));
    }
    if text(object, "/status/currentRevision") != text(object, "/status/updateRevision") {
        return Kstatus::in_progress("Waiting for updated revision to match current");
    }
    Kstatus::current(format!(
        "All replicas scheduled as expected. Replicas: {replicas}"
    ))
}

pub(super) fn deployment(object: &Object) -> Kstatus {
    let deadline = int(object, "/spec/progressDeadlineSeconds", NO_DEADLINE);
    let mut has_progressed = deadline == NO_DEADLINE;
    let mut is_available = false;
    for condition in conditions(object) {
        match condition.kind {
            "Progressing" if condition.reason == "ProgressDeadlineExceeded" => {
                return Kstatus::failed("Progress deadline exceeded");
            }
            "Progressing" => {
                has_progressed |=
                    condition.status == "True" && condition.reason == "NewReplicaSetAvailable";
            }
            "Available" => is_available |= condition.status == "True",
            _ => {}
        }
    }
    let wanted = int(object, "/spec/replicas", 1);
    let replicas = int(object, "/status/replicas", 0);
    let updated = int(object, "/status/updatedReplicas", 0);
    let ready = int(object, "/status/readyReplicas", 0);
    let available = int(object, "/status/availableReplicas", 0);
    Kstatus::in_progress(if wanted > replicas {
        format!("Replicas: {replicas}/{wanted}")
    } else if wanted > updated {
        format!("Updated: {updated}/{wanted}")
    } else if replicas > wanted {
        format!("Pending termination: {}", replicas - wanted)
    } else if updated > available {
        format!("Available: {available}/{updated}")
    } else if wanted > ready {
        format!("Ready: {ready}/{wanted}")
    } else if !has_progressed {
        "ReplicaSet not Available".to_owned()
    } else if !is_available {
        "Deployment not Available".to_owned()
    } else {
        return Kstatus::current(format!("Deployment is available. Replicas: {replicas}"));
    })
}

pub(super) fn replica_set(object: &Object) -> Kstatus {
    let mut found = conditions(object);
    if found.any(|condition| condition.kind == "ReplicaFailure" && condition.status == "True") {
        return Kstatus::in_progress("Replica Failure condition. Check Pods");
    }
    let wanted = int(object, "/spec/replicas", 1);
    let replicas = int(object, "/status/replicas", 0);
    let ready = int(object, "/status/readyReplicas", 0);
    let available = int(object, "/status/availableReplicas", 0);
    let labelled = int(object, "/status/fullyLabeledReplicas", 0);
    Kstatus::in_progress(if wanted > labelled {
        format!("Labelled: {labelled}/{wanted}")
    } else if wanted > available {
        format!("Available: {available}/{wanted}")
    } else if wanted > ready {
        format!("Ready: {ready}/{wanted}")
    } else if replicas > wanted {
        format!("Pending termination: {}", replicas - wanted)
    } else {
        return Kstatus::current(format!("ReplicaSet is available. Replicas: {replicas}"));
    })
}

pub(super) fn daemon_set(object: &Object) -> Kstatus {
    for (pointer, field) in [
        ("/metadata/generation", "metadata.generation"),
        ("/status/observedGeneration", "status.observedGeneration"),
    ] {
        if object.pointer(pointer).is_none() {
            return Kstatus::in_progress(format!("{} {field} not found", object.kind()));
        }
    }
    let wanted = object.pointer("/status/desiredNumberScheduled");
    let Some(wanted) = wanted.and_then(Value::as_i64) else {
        return Kstatus::in_progress("Missing .status.desiredNumberScheduled");
    };
    for (name, field) in [
        ("Current", "/status/currentNumberScheduled"),
        ("Updated", "/status/updatedNumberScheduled"),
        ("Available", "/status/numberAvailable"),
        ("Ready", "/status/numberReady"),
    ] {
        let found = int(object, field, 0);
        if wanted > found {
            return Kstatus::in_progress(format!("{name}: {found}/{wanted}"));
        }
    }
    Kstatus::current(format!(
        "All replicas scheduled as expected. Replicas: {wanted}"
    ))
}
