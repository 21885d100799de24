//! Defaults that depend on other fields.

use super::rules::short;
use super::shape::is_zero;
use crate::kind::KindSchema;
use argosy_object::{Map, Value, json};

type Fields = Map<String, Value>;

/// Conditional defaults of one type, before those of its fields' types.
pub(super) fn object(name: &str, map: &mut Fields) {
    match short(name) {
        "core.v1.Container" | "core.v1.EphemeralContainer" => {
            pull_policy(map, "image", "imagePullPolicy")
        }
        "core.v1.ImageVolumeSource" => pull_policy(map, "reference", "pullPolicy"),
        "core.v1.Volume" => {
            if map.keys().all(|key| key == "name") {
                map.insert("emptyDir".into(), json!({}));
            }
        }
        "core.v1.ServiceSpec" => service(map),
        "core.v1.LimitRangeItem" => limit_range(map),
        "core.v1.NodeStatus" => {
            if let (None, Some(capacity)) = (map.get("allocatable"), map.get("capacity").cloned()) {
                map.insert("allocatable".into(), capacity);
            }
        }
        "core.v1.ReplicationController" => replication_controller(map),
        "apps.v1.DeploymentStrategy" | "apps.v1.DaemonSetUpdateStrategy" => {
            if text(map, "type") == "RollingUpdate" {
                unset_or(map, "rollingUpdate", || json!({}));
            }
        }
        "apps.v1.StatefulSetUpdateStrategy" => {
            if text(map, "type").is_empty() {
                map.insert("type".into(), "RollingUpdate".into());
                unset_or(map, "rollingUpdate", || json!({}));
            }
            if text(map, "type") == "RollingUpdate"
                && let Some(Value::Object(rolling)) = map.get_mut("rollingUpdate")
            {
                unset_or(rolling, "partition", || json!(0));
            }
        }
        // A CronJob's template is no Job yet, so it is not defaulted as one.
        "batch.v1.Job" => {
            if let Some(Value::Object(spec)) = map.get_mut("spec") {
                job(spec);
            }
            labels_from_template(map);
        }
        "core.v1.PodSpec" => service_account(map),
        "apps.v1.StatefulSetSpec" => {
            let claims = map
                .get_mut("volumeClaimTemplates")
                .and_then(Value::as_array_mut);
            for claim in claims
                .into_iter()
                .flatten()
                .filter_map(Value::as_object_mut)
            {
                unset_or(claim, "apiVersion", || json!("v1"));
                unset_or(claim, "kind", || json!("PersistentVolumeClaim"));
            }
        }
        "autoscaling.v1.HorizontalPodAutoscaler" => cpu_target(map),
        "autoscaling.v2.HorizontalPodAutoscalerBehavior" => behavior(map),
        "networking.v1.NetworkPolicySpec" => {
            if map.get("policyTypes").is_none_or(is_zero) {
                let egress = map.get("egress").is_some_and(|e| !is_zero(e));
                let types = if egress {
                    json!(["Ingress", "Egress"])
                } else {
                    json!(["Ingress"])
                };
                map.insert("policyTypes".into(), types);
            }
        }
        "rbac.v1.Subject" => {
            if text(map, "apiGroup").is_empty() && matches!(text(map, "kind"), "User" | "Group") {
                map.insert("apiGroup".into(), "rbac.authorization.k8s.io".into());
            }
        }
        "resource.v1.ExactDeviceRequest" | "resource.v1.DeviceSubRequest" => {
            if text(map, "allocationMode") == "ExactCount" {
                unset_or(map, "count", || json!(1));
            }
        }
        "apiextensions.v1.CustomResourceDefinition" => crd(map),
        _ => {}
    }
}

/// Defaults that only whole objects of a kind have, not their templates.
pub(super) fn whole_object(kind: &KindSchema, object: &mut Value) {
    if !kind.gvk.group.is_empty() {
        return;
    }
    match &*kind.gvk.kind {
        "Pod" => {
            if let Some(Value::Object(spec)) = object.get_mut("spec") {
                pod(spec);
            }
        }
        "Namespace" => {
            let name = argosy_object::meta(object, "name").to_owned();
            if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut)
                && !name.is_empty()
            {
                let labels = metadata.entry("labels").or_insert_with(|| json!({}));
                if let Value::Object(labels) = labels {
                    labels.insert("kubernetes.io/metadata.name".into(), name.into());
                }
            }
        }
        _ => {}
    }
}

fn text<'m>(map: &'m Fields, key: &str) -> &'m str {
    map.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn unset_or(map: &mut Fields, key: &str, value: impl FnOnce() -> Value) {
    if map.get(key).is_none_or(Value::is_null) {
        map.insert(key.to_owned(), value());
    }
}

fn pull_policy(map: &mut Fields, image: &str, policy: &str) {
    if text(map, policy).is_empty() {
        let value = if is_latest(text(map, image)) {
            "Always"
        } else {
            "IfNotPresent"
        };
        map.insert(policy.to_owned(), value.into());
    }
}

/// Whether an image's tag is `latest`, also where none is written. A name that is no image
/// reference has no tag.
fn is_latest(image: &str) -> bool {
    if image.is_empty() || image.contains('@') {
        return false;
    }
    let last = image.rsplit('/').next().unwrap_or(image);
    let (name, tag) = last.split_once(':').unwrap_or((last, "latest"));
    let path = match image.split_once('/') {
        Some((domain, rest)) if domain.contains(['.', ':']) || domain == "localhost" => rest,
        _ => image,
    };
    let path = path.strip_suffix(&format!(":{tag}")).unwrap_or(path);
    let valid = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c);
    tag == "latest" && !name.is_empty() && path.chars().all(valid)
}

fn service(spec: &mut Fields) {
    match text(spec, "sessionAffinity") {
        "None" => {
            spec.remove("sessionAffinityConfig");
        }
        "ClientIP" => {
            let set = spec
                .get("sessionAffinityConfig")
                .and_then(|c| c.pointer("/clientIP/timeoutSeconds"));
            if set.is_none_or(Value::is_null) {
                let config = json!({"clientIP": {"timeoutSeconds": 10800}});
                spec.insert("sessionAffinityConfig".into(), config);
            }
        }
        _ => {}
    }
    for port in spec
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Value::Object(port) = port else { continue };
        if text(port, "protocol").is_empty() {
            port.insert("protocol".into(), "TCP".into());
        }
        let target = port.get("targetPort");
        if target.is_none_or(|t| is_zero(t)) {
            let number = port.get("port").cloned().unwrap_or_else(|| json!(0));
            port.insert("targetPort".into(), number);
        }
    }
    let ty = text(spec, "type").to_owned();
    let is = |names: &[&str]| names.contains(&ty.as_str());
    let external = spec.get("externalIPs").is_some_and(|ips| !is_zero(ips));
    if (is(&["LoadBalancer", "NodePort"]) || is(&["ClusterIP"]) && external)
        && text(spec, "externalTrafficPolicy").is_empty()
    {
        spec.insert("externalTrafficPolicy".into(), "Cluster".into());
    }
    if is(&["LoadBalancer", "NodePort", "ClusterIP"]) {
        unset_or(spec, "internalTrafficPolicy", || json!("Cluster"));
    }
    if is(&["LoadBalancer"]) {
        unset_or(spec, "allocateLoadBalancerNodePorts", || json!(true));
    }
}

fn limit_range(item: &mut Fields) {
    if text(item, "type") != "Container" {
        return;
    }
    let list = |item: &Fields, key: &str| {
        item.get(key)
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let mut default = list(item, "default");
    for (key, value) in list(item, "max") {
        default.entry(key).or_insert(value);
    }
    let mut request = list(item, "defaultRequest");
    for (key, value) in default.clone().into_iter().chain(list(item, "min")) {
        request.entry(key).or_insert(value);
    }
    for (key, value) in [("default", default), ("defaultRequest", request)] {
        if !value.is_empty() {
            item.insert(key.into(), Value::Object(value));
        }
    }
}

fn replication_controller(object: &mut Fields) {
    let labels = object
        .get("spec")
        .and_then(|s| s.pointer("/template/metadata/labels"))
        .cloned();
    let Some(labels) = labels.filter(|l| !is_zero(l)) else {
        return;
    };
    if let Some(Value::Object(spec)) = object.get_mut("spec")
        && spec.get("selector").is_none_or(is_zero)
    {
        spec.insert("selector".into(), labels);
    }
    labels_from_template(object);
}

fn labels_from_template(object: &mut Fields) {
    let labels = object
        .get("spec")
        .and_then(|s| s.pointer("/template/metadata/labels"))
        .cloned();
    if let (Some(labels), Some(Value::Object(metadata))) =
        (labels.filter(|l| !is_zero(l)), object.get_mut("metadata"))
        && metadata.get("labels").is_none_or(is_zero)
    {
        metadata.insert("labels".into(), labels);
    }
}

/// The old name of the service account is kept beside the new one.
fn service_account(spec: &mut Fields) {
    let (new, old) = (
        text(spec, "serviceAccountName"),
        text(spec, "serviceAccount"),
    );
    let name = if new.is_empty() { old } else { new }.to_owned();
    if !name.is_empty() {
        spec.insert("serviceAccountName".into(), name.clone().into());
        spec.insert("serviceAccount".into(), name.into());
    }
}

/// Version 1 shows the one metric that version 2 adds where there is none.
fn cpu_target(object: &mut Fields) {
    let metrics = object
        .get("metadata")
        .and_then(|m| m.pointer("/annotations/autoscaling.alpha.kubernetes.io~1metrics"))
        .is_some();
    if let Some(Value::Object(spec)) = object.get_mut("spec")
        && !metrics
    {
        unset_or(spec, "targetCPUUtilizationPercentage", || json!(80));
    }
}

fn job(spec: &mut Fields) {
    let unset = |spec: &Fields, key: &str| spec.get(key).is_none_or(Value::is_null);
    if unset(spec, "completions") && unset(spec, "parallelism") {
        spec.insert("completions".into(), json!(1));
    }
    unset_or(spec, "parallelism", || json!(1));
    unset_or(spec, "completionMode", || json!("NonIndexed"));
    unset_or(spec, "suspend", || json!(false));
    let per_index = !unset(spec, "backoffLimitPerIndex");
    unset_or(spec, "backoffLimit", || {
        if per_index { json!(i32::MAX) } else { json!(6) }
    });
    let failure = !unset(spec, "podFailurePolicy");
    let policy = if failure {
        "Failed"
    } else {
        "TerminatingOrFailed"
    };
    unset_or(spec, "podReplacementPolicy", || json!(policy));
    unset_or(spec, "manualSelector", || json!(false));
}

fn behavior(behavior: &mut Fields) {
    let percent = json!({"type": "Percent", "value": 100, "periodSeconds": 15});
    let pods = json!({"type": "Pods", "value": 4, "periodSeconds": 15});
    for (direction, policies) in [
        ("scaleUp", json!([pods, percent])),
        ("scaleDown", json!([percent])),
    ] {
        unset_or(behavior, direction, || json!({}));
        let Some(Value::Object(rules)) = behavior.get_mut(direction) else {
            continue;
        };
        unset_or(rules, "selectPolicy", || json!("Max"));
        if direction == "scaleUp" {
            unset_or(rules, "stabilizationWindowSeconds", || json!(0));
        }
        unset_or(rules, "policies", || policies);
    }
}

fn crd(object: &mut Fields) {
    let mut stored = None;
    if let Some(Value::Object(spec)) = object.get_mut("spec") {
        let versions = spec.get("versions").and_then(Value::as_array);
        let storage = versions
            .into_iter()
            .flatten()
            .find(|v| v["storage"] == true);
        stored = storage.map(|version| version["name"].clone());
        if let Some(Value::Object(names)) = spec.get_mut("names") {
            let kind = text(names, "kind").to_owned();
            if text(names, "singular").is_empty() {
                names.insert("singular".into(), kind.to_lowercase().into());
            }
            if text(names, "listKind").is_empty() && !kind.is_empty() {
                names.insert("listKind".into(), format!("{kind}List").into());
            }
        }
    }
    if let Some(Value::Object(status)) = object.get_mut("status")
        && status.get("storedVersions").is_none_or(is_zero)
        && let Some(stored) = stored
    {
        status.insert("storedVersions".into(), json!([stored]));
    }
}

fn pod(spec: &mut Fields) {
    unset_or(spec, "enableServiceLinks", || json!(true));
    let host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for list in ["containers", "initContainers"] {
        for container in spec
            .get_mut(list)
            .and_then(Value::as_array_mut)
            .into_iter()
            .flatten()
        {
            requests_from_limits(container);
            if host_network {
                host_ports(container);
            }
        }
    }
}

fn requests_from_limits(container: &mut Value) {
    let Some(Value::Object(resources)) = container.get_mut("resources") else {
        return;
    };
    let Some(Value::Object(limits)) = resources.get("limits").cloned() else {
        return;
    };
    let requests = resources.entry("requests").or_insert_with(|| json!({}));
    if let Value::Object(requests) = requests {
        for (key, value) in limits {
            requests.entry(key).or_insert(value);
        }
    }
}

fn host_ports(container: &mut Value) {
    for port in container
        .get_mut("ports")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let Value::Object(port) = port else { continue };
        if port.get("hostPort").is_none_or(is_zero)
            && let Some(number) = port.get("containerPort").cloned()
        {
            port.insert("hostPort".into(), number);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_latest;

    #[test]
    fn tag_latest_is_explicit_or_missing() {
        for image in [
            "nginx",
            "nginx:latest",
            "localhost:5000/a/b",
            "Host.example/a:latest",
        ] {
            assert!(is_latest(image), "{image}");
        }
        for image in ["nginx:1", "a@sha256:00", "", "UPPER", "localhost:5000/a:1"] {
            assert!(!is_latest(image), "{image}");
        }
    }
}
