//! Defaults of built-in kinds, as a server fills them in.

use super::*;
use crate::schemas::Schemas;
use argosy_object::{Object, json};

fn defaulted(value: Value) -> Value {
    let object = Object::new(value).unwrap();
    let schemas = Schemas::builtin();
    let mut value = object.value().clone();
    let kind = schemas.kind(&object.gvk()).unwrap();
    default(kind, &mut value);
    let once = value.clone();
    default(kind, &mut value);
    assert_eq!(once, value, "defaulting is idempotent");
    value
}

#[test]
fn deployment_is_what_an_api_server_returns() {
    let deployment = defaulted(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}},
            "spec": {"containers": [{"name": "c", "image": "nginx:1",
                "ports": [{"containerPort": 80, "hostPort": 0}],
                "resources": {"limits": {"cpu": "1000m"}},
                "readinessProbe": {"httpGet": {"port": "http"}}}],
                "volumes": [{"name": "v"}]}}}}));
    assert_eq!(
        deployment,
        json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
            "spec": {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600,
                "strategy": {"type": "RollingUpdate",
                    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
                "selector": {"matchLabels": {"a": "b"}},
                "template": {"metadata": {"labels": {"a": "b"}}, "spec": {
                    "containers": [{"name": "c", "image": "nginx:1",
                        "imagePullPolicy": "IfNotPresent",
                        "ports": [{"containerPort": 80, "protocol": "TCP"}],
                        "readinessProbe": {"failureThreshold": 3, "periodSeconds": 10,
                            "successThreshold": 1, "timeoutSeconds": 1,
                            "httpGet": {"path": "/", "port": "http", "scheme": "HTTP"}},
                        "resources": {"limits": {"cpu": "1"}},
                        "terminationMessagePath": "/dev/termination-log",
                        "terminationMessagePolicy": "File"}],
                    "dnsPolicy": "ClusterFirst", "restartPolicy": "Always",
                    "schedulerName": "default-scheduler", "securityContext": {},
                    "terminationGracePeriodSeconds": 30,
                    "volumes": [{"name": "v", "emptyDir": {}}]}}},
            "status": {}})
    );
}

#[test]
fn service_ports_and_policies_follow_its_type() {
    let service = defaulted(
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}),
    );
    assert_eq!(
        service,
        json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"},
            "spec": {"type": "LoadBalancer", "sessionAffinity": "None",
                "externalTrafficPolicy": "Cluster", "internalTrafficPolicy": "Cluster",
                "allocateLoadBalancerNodePorts": true,
                "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}]},
            "status": {"loadBalancer": {}}})
    );
}

#[test]
fn pod_requests_come_from_limits() {
    let pod = defaulted(
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"hostNetwork": true, "containers": [{"name": "c", "image": "a",
            "ports": [{"containerPort": 8080}],
            "resources": {"limits": {"memory": "1024Mi"}}}]}}),
    );
    let container = &pod["spec"]["containers"][0];
    assert_eq!(container["resources"]["requests"]["memory"], "1Gi");
    assert_eq!(container["ports"][0]["hostPort"], 8080);
    assert_eq!(container["imagePullPolicy"], "Always");
    assert_eq!(pod["spec"]["enableServiceLinks"], true);
}

#[test]
fn role_without_rules_says_null() {
    let role = defaulted(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
        "metadata": {"name": "r"}}),
    );
    assert_eq!(role["rules"], Value::Null);
    assert!(role.get("rules").is_some());
}
