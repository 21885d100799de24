//! Cells of tables, as kubectl prints them.

use super::*;
use argosy_object::json;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn row(group: &str, kind: &str, object: &Value) -> String {
    let table = table(group, kind).unwrap();
    let cells = (table.cells)(now(), object);
    assert_eq!(cells.len(), table.columns.len(), "{kind}");
    cells
        .iter()
        .map(|c| c.as_str().map_or_else(|| c.to_string(), str::to_owned))
        .collect::<Vec<_>>()
        .join("|")
}

#[test]
fn ages_have_two_units_at_most() {
    for (seconds, text) in [
        (-5, "<invalid>"),
        (-1, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (600, "10m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 300, "3h5m"),
        (9 * 3600, "9h"),
        (50 * 3600, "2d2h"),
        (200 * 3600, "8d"),
        (3 * 365 * 86_400 + 86_400, "3y1d"),
        (10 * 365 * 86_400, "10y"),
    ] {
        assert_eq!(human_duration(seconds), text);
    }
}

#[test]
fn every_table_has_a_cell_for_each_column_of_an_empty_object() {
    let empty = json!({});
    for (group, kind) in [
        ("", "Pod"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("", "ReplicationController"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ControllerRevision"),
        ("batch", "Job"),
        ("batch", "CronJob"),
        ("autoscaling", "HorizontalPodAutoscaler"),
        ("policy", "PodDisruptionBudget"),
        ("", "Service"),
        ("networking.k8s.io", "Ingress"),
        ("networking.k8s.io", "IngressClass"),
        ("networking.k8s.io", "NetworkPolicy"),
        ("", "Endpoints"),
        ("discovery.k8s.io", "EndpointSlice"),
        ("", "ConfigMap"),
        ("", "Secret"),
        ("", "ServiceAccount"),
        ("", "Namespace"),
        ("", "Node"),
        ("", "PersistentVolume"),
        ("", "PersistentVolumeClaim"),
        ("storage.k8s.io", "StorageClass"),
        ("", "Event"),
        ("events.k8s.io", "Event"),
        ("", "ResourceQuota"),
        ("", "LimitRange"),
        ("scheduling.k8s.io", "PriorityClass"),
        ("coordination.k8s.io", "Lease"),
        ("rbac.authorization.k8s.io", "Role"),
        ("rbac.authorization.k8s.io", "RoleBinding"),
        ("apiextensions.k8s.io", "CustomResourceDefinition"),
    ] {
        row(group, kind, &empty);
    }
}

#[test]
fn pod_status_is_gathered_from_its_containers() {
    let mut pod = json!({"metadata": {"name": "p", "creationTimestamp": "2026-11-23T11:58:00Z"},
        "spec": {"nodeName": "n", "containers": [{"name": "a"}, {"name": "b"}]},
        "status": {"phase": "Running", "podIPs": [{"ip": "10.0.0.1"}], "containerStatuses": [
            {"name": "a", "ready": true, "restartCount": 0, "state": {"running": {}}},
            {"name": "b", "ready": false, "restartCount": 2,
             "state": {"waiting": {"reason": "CrashLoopBackOff"}},
             "lastState": {"terminated": {"finishedAt": "2026-11-23T11:59:50Z"}}}]}});
    assert_eq!(
        row("", "Pod", &pod),
        "p|1/2|CrashLoopBackOff|2 (10s ago)|2m|10.0.0.1|n|<none>|<none>"
    );
    pod["metadata"]["deletionTimestamp"] = "2026-11-23T11:59:50Z".into();
    assert!(row("", "Pod", &pod).contains("|Terminating|"));
    let pod = json!({"metadata": {"name": "p"}, "spec": {"containers": [{}],
        "initContainers": [{"name": "i"}, {"name": "j"}]},
        "status": {"phase": "Pending", "initContainerStatuses": [
            {"name": "i", "state": {"terminated": {"exitCode": 0}}},
            {"name": "j", "state": {"waiting": {"reason": "PodInitializing"}}}]}});
    assert!(row("", "Pod", &pod).starts_with("p|0/1|Init:1/2|0|<unknown>"));
}

#[test]
fn services_show_where_they_are_reached() {
    let service = json!({"metadata": {"name": "s"}, "spec": {"type": "LoadBalancer",
        "clusterIPs": ["10.96.0.9"], "selector": {"app": "web"},
        "ports": [{"port": 80, "nodePort": 30080, "protocol": "TCP"}]}});
    assert_eq!(
        row("", "Service", &service),
        "s|LoadBalancer|10.96.0.9|<pending>|80:30080/TCP|<unknown>|app=web"
    );
}

#[test]
fn jobs_and_autoscalers_read_as_upstream() {
    let job = json!({"metadata": {"name": "j"}, "spec": {"completions": 1},
        "status": {"succeeded": 1, "startTime": "2026-11-23T11:00:00Z",
            "completionTime": "2026-11-23T11:00:07Z",
            "conditions": [{"type": "Complete", "status": "True"}]}});
    assert!(row("batch", "Job", &job).starts_with("j|Complete|1/1|7s|"));
    let scaler = json!({"metadata": {"name": "h"}, "spec": {"maxReplicas": 5, "minReplicas": 2,
        "scaleTargetRef": {"kind": "Deployment", "name": "web"},
        "metrics": [{"type": "Resource", "resource": {"name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": 80}}}]},
        "status": {"currentReplicas": 2}});
    assert_eq!(
        row("autoscaling", "HorizontalPodAutoscaler", &scaler),
        "h|Deployment/web|cpu: <unknown>/80%|2|5|2|<unknown>"
    );
}
