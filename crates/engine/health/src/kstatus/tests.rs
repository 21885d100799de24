//! kstatus on objects as they are on their way, and when they are there.

use super::*;
use argosy_object::json;

fn judge(value: Value) -> (Progress, String) {
    let now = "2024-01-01T00:01:00Z".parse().unwrap();
    let verdict = kstatus(&Object::from_trusted(value), now);
    (verdict.progress, verdict.message)
}

fn is(value: Value, progress: Progress, message: &str) {
    assert_eq!(
        judge(value.clone()),
        (progress, message.to_owned()),
        "{value}"
    );
}

#[test]
fn generic_signs_come_before_rules_of_kinds() {
    is(
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"deletionTimestamp": "2024-01-01T00:00:00Z"}}),
        Progress::Terminating,
        "Resource scheduled for deletion",
    );
    is(
        json!({"apiVersion": "x/v1", "kind": "W", "metadata": {"generation": 2}, "status": {"observedGeneration": 1}}),
        Progress::InProgress,
        "W generation is 2, but latest observed generation is 1",
    );
    let with = |kind: &str, status: &str| {
        json!({"apiVersion": "x/v1", "kind": "W", "status": {"conditions": [
            {"type": kind, "status": status, "reason": "R", "message": "why"}]}})
    };
    is(with("Stalled", "True"), Progress::Failed, "why");
    is(with("Reconciling", "True"), Progress::InProgress, "why");
    is(with("Ready", "False"), Progress::InProgress, "why");
    is(
        with("Ready", "True"),
        Progress::Current,
        "Resource is Ready",
    );
    is(
        with("Other", "False"),
        Progress::Current,
        "Resource is current",
    );
}

#[test]
fn a_deployment_is_current_once_all_is_replaced_and_available() {
    let deployment = |status: Value| {
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "spec": {"replicas": 2, "progressDeadlineSeconds": 600}, "status": status})
    };
    is(deployment(json!({})), Progress::InProgress, "Replicas: 0/2");
    is(
        deployment(json!({"replicas": 3, "updatedReplicas": 2})),
        Progress::InProgress,
        "Pending termination: 1",
    );
    let counts =
        json!({"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2});
    is(
        deployment(counts.clone()),
        Progress::InProgress,
        "ReplicaSet not Available",
    );
    let mut done = counts;
    done["conditions"] = json!([
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
        {"type": "Available", "status": "True"}]);
    is(
        deployment(done),
        Progress::Current,
        "Deployment is available. Replicas: 2",
    );
    is(
        deployment(
            json!({"conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
        ),
        Progress::Failed,
        "Progress deadline exceeded",
    );
}

#[test]
fn an_unscheduled_pod_fails_after_its_window() {
    let pod = |made: &str| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"creationTimestamp": made},
            "status": {"phase": "Pending", "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}})
    };
    is(
        pod("2024-01-01T00:00:50Z"),
        Progress::InProgress,
        "Pod has not been scheduled",
    );
    is(
        pod("2024-01-01T00:00:40Z"),
        Progress::Failed,
        "Pod could not be scheduled",
    );
}

#[test]
fn a_job_is_current_when_it_runs_and_done_when_it_ends() {
    let job = |status: Value| json!({"apiVersion": "batch/v1", "kind": "Job", "spec": {"parallelism": 2}, "status": status});
    is(job(json!({})), Progress::InProgress, "Job not started");
    let running = job(json!({"startTime": "2024-01-01T00:00:00Z", "active": 1}));
    is(
        running.clone(),
        Progress::Current,
        "Job in progress. success:0, active: 1, failed: 0",
    );
    let verdict = job_done(&Object::from_trusted(running));
    assert_eq!(
        (verdict.progress, &*verdict.message),
        (Progress::InProgress, "Job in progress")
    );
    is(
        job(json!({"failed": 1, "conditions": [{"type": "Failed", "status": "True"}]})),
        Progress::Failed,
        "Job Failed. failed: 1/2",
    );
}

#[test]
fn hostile_shapes_are_judged_and_do_not_panic() {
    for status in [
        json!(null),
        json!([]),
        json!("x"),
        json!({"conditions": {"a": 1}}),
        json!({"conditions": [1, null]}),
    ] {
        for kind in ["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"] {
            judge(
                json!({"apiVersion": "apps/v1", "kind": kind, "spec": status, "status": status, "metadata": {"generation": "x"}}),
            );
        }
        judge(json!({"apiVersion": "v1", "kind": "Pod", "status": status}));
    }
}
