//! One row a rule: what goes in, code and message.

use crate::{Contribution, Health, has_rule, health, overall};
use argosy_crds::HealthCode::{self, *};
use argosy_object::{Key, Object, Value, json};

fn check(value: Value, code: HealthCode, message: &str) {
    let object = Object::new(value).unwrap();
    assert_eq!(health(&object), Some(Health::new(code, message)));
}

fn deployment(spec: Value, status: Value) -> Value {
    json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "generation": 2}, "spec": spec, "status": status})
}

#[test]
fn deployment_walks_through_its_rollout() {
    check(
        deployment(json!({"paused": true}), json!({})),
        Suspended,
        "Deployment is paused",
    );
    check(
        deployment(json!({"replicas": 2}), json!({"observedGeneration": 1})),
        Progressing,
        "Waiting for rollout to finish: observed deployment generation less than desired generation",
    );
    check(
        deployment(
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "updatedReplicas": 1}),
        ),
        Progressing,
        "Waiting for rollout to finish: 1 out of 2 new replicas have been updated...",
    );
    check(
        deployment(
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 3, "updatedReplicas": 2}),
        ),
        Progressing,
        "Waiting for rollout to finish: 1 old replicas are pending termination...",
    );
    check(
        deployment(
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 1}),
        ),
        Progressing,
        "Waiting for rollout to finish: 1 of 2 updated replicas are available...",
    );
    check(
        deployment(
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}),
        ),
        Healthy,
        "",
    );
    check(
        deployment(
            json!({"replicas": 2}),
            json!({"observedGeneration": 2, "conditions": [
                {"type": "Progressing", "reason": "ProgressDeadlineExceeded"}]}),
        ),
        Degraded,
        "Deployment \"web\" exceeded its progress deadline",
    );
}

fn pod(policy: &str, status: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"restartPolicy": policy}, "status": status})
}

#[test]
fn pod_with_image_back_off_is_degraded_with_the_message() {
    let waiting = json!({"phase": "Pending", "containerStatuses": [
        {"name": "c", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]});
    check(pod("Always", waiting.clone()), Degraded, "no such image");
    check(pod("Never", waiting), Progressing, "");
}

#[test]
fn running_pod_is_healthy_only_when_ready() {
    check(pod("Always", json!({"phase": "Running"})), Progressing, "");
    let ready = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    check(pod("Always", ready), Healthy, "");
    let restarted = json!({"phase": "Running", "containerStatuses": [
        {"name": "c", "lastState": {"terminated": {"exitCode": 1}}}]});
    check(pod("Always", restarted), Degraded, "");
    let failed = json!({"phase": "Failed", "containerStatuses": [
        {"name": "c", "state": {"terminated": {"exitCode": 3}}}]});
    check(
        pod("Never", failed),
        Degraded,
        "container \"c\" failed with exit code 3",
    );
}

#[test]
fn stateful_set_waits_for_observation_readiness_and_revision() {
    let set = |status: Value| {
        json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
            "metadata": {"name": "db", "generation": 1},
            "spec": {"replicas": 3, "updateStrategy": {"type": "RollingUpdate"}}, "status": status})
    };
    check(
        set(json!({})),
        Progressing,
        "Waiting for statefulset spec update to be observed...",
    );
    check(
        set(json!({"observedGeneration": 1, "readyReplicas": 1})),
        Progressing,
        "Waiting for 2 pods to be ready...",
    );
    check(
        set(
            json!({"observedGeneration": 1, "readyReplicas": 3, "currentReplicas": 3,
            "currentRevision": "r1", "updateRevision": "r1"}),
        ),
        Healthy,
        "statefulset rolling update complete 3 pods at revision r1...",
    );
}

#[test]
fn job_follows_its_conditions() {
    let job = |conditions: Value| {
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
            "status": {"conditions": conditions}})
    };
    check(job(json!([])), Progressing, "");
    check(
        job(json!([{"type": "Complete", "status": "True"}])),
        Healthy,
        "",
    );
    check(
        job(json!([{"type": "Failed", "status": "True", "message": "boom"}])),
        Degraded,
        "boom",
    );
}

#[test]
fn load_balancer_waits_for_its_address() {
    let service = |status: Value| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"type": "LoadBalancer"}, "status": status})
    };
    check(service(json!({})), Progressing, "");
    check(
        service(json!({"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}})),
        Healthy,
        "",
    );
}

#[test]
fn deletion_is_progress_and_a_kind_without_rule_has_no_health() {
    check(
        json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "d", "deletionTimestamp": "2026-01-01T00:00:00Z"}}),
        Progressing,
        "Pending deletion",
    );
    let config =
        Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}));
    assert_eq!(health(&config.unwrap()), None);
    assert!(has_rule("autoscaling", "HorizontalPodAutoscaler") && !has_rule("", "ConfigMap"));
}

#[test]
fn overall_names_the_causes_of_the_worst() {
    let (a, b) = (
        Key::new("apps", "Deployment", Some("ns"), "a"),
        Key::new("", "Pod", Some("ns"), "b"),
    );
    let progressing = Health::new(Progressing, "waits");
    let degraded = Health::new(Degraded, "broken");
    let row = |key, health, is_live| Contribution {
        key,
        health,
        is_live,
        counts: true,
    };
    let all = overall([
        row(&a, Some(&progressing), true),
        row(&b, Some(&degraded), true),
    ]);
    assert_eq!(all, Health::new(Degraded, "Caused by Pod:ns/b: broken"));
    assert_eq!(overall([row(&a, None, false)]).code, Missing);
    assert_eq!(
        overall([row(&a, None, false), row(&b, None, true)]).code,
        Healthy
    );
    assert_eq!(overall([]).code, Healthy);
}
