//! Defaults and checks of pod specs, on their own and within templates.
//!
//! Compat: `pkg/apis/core/v1/defaults.go` and the parts of `pkg/apis/core/validation` that apps
//! meet: names, images, ports, mounts, resources, restart policies.

use crate::FieldError;
use crate::hooks::fields::{default, default_text, int, list, list_mut, map, text};
use crate::hooks::names;
use crate::hooks::quantity::Quantity;
use argosy_object::{Map, Value, json};
use std::collections::HashSet;

const CONTAINER_LISTS: [&str; 2] = ["initContainers", "containers"];

/// Fills in what a pod spec leaves open. `whole_pod` adds what only a Pod gets, not a template.
pub fn fill(spec: &mut Value, whole_pod: bool) {
    if !spec.is_object() {
        return;
    }
    default_text(spec, "restartPolicy", "Always");
    default_text(spec, "dnsPolicy", "ClusterFirst");
    default_text(spec, "schedulerName", "default-scheduler");
    default(spec, "terminationGracePeriodSeconds", 30);
    default(spec, "securityContext", json!({}));
    if whole_pod {
        default(spec, "enableServiceLinks", true);
    }
    copy_service_account(spec);
    let host_network = spec.get("hostNetwork") == Some(&Value::Bool(true));
    for volume in list_mut(spec, "/volumes") {
        fill_volume(volume);
    }
    for field in ["/initContainers", "/containers", "/ephemeralContainers"] {
        for container in list_mut(spec, field) {
            fill_container(container, whole_pod, host_network);
        }
    }
}

/// The deprecated `serviceAccount` and `serviceAccountName` always say the same.
fn copy_service_account(spec: &mut Value) {
    let name = text(spec, "/serviceAccountName").to_owned();
    let old = text(spec, "/serviceAccount").to_owned();
    let Value::Object(map) = spec else { return };
    if !name.is_empty() {
        map.insert("serviceAccount".into(), name.into());
    } else if !old.is_empty() {
        map.insert("serviceAccountName".into(), old.into());
    }
}

fn fill_volume(volume: &mut Value) {
    for (field, mode) in [
        ("secret", "defaultMode"),
        ("configMap", "defaultMode"),
        ("downwardAPI", "defaultMode"),
        ("projected", "defaultMode"),
    ] {
        if let Some(source) = volume.get_mut(field).filter(|s| s.is_object()) {
            default(source, mode, 420);
        }
    }
    if let Some(host) = volume.get_mut("hostPath").filter(|h| h.is_object()) {
        default(host, "type", "");
    }
    for source in list_mut(volume, "/projected/sources") {
        if let Some(token) = source.get_mut("serviceAccountToken") {
            default(token, "expirationSeconds", 3600);
        }
    }
    let sources = volume.as_object().map_or(0, |v| v.len());
    if sources == 1 && volume.get("name").is_some() {
        map(volume, "emptyDir");
    }
}

fn fill_container(container: &mut Value, whole_pod: bool, host_network: bool) {
    if !container.is_object() {
        return;
    }
    let policy = pull_policy(text(container, "/image"));
    default_text(container, "imagePullPolicy", policy);
    default_text(container, "terminationMessagePath", "/dev/termination-log");
    default_text(container, "terminationMessagePolicy", "File");
    default(container, "resources", json!({}));
    for port in list_mut(container, "/ports") {
        default_text(port, "protocol", "TCP");
        if host_network && int(port, "/hostPort").unwrap_or(0) == 0 {
            let number = port.get("containerPort").cloned().unwrap_or(Value::Null);
            if let Value::Object(port) = port {
                port.insert("hostPort".into(), number);
            }
        }
    }
    for variable in list_mut(container, "/env") {
        if let Some(reference) = variable.pointer_mut("/valueFrom/fieldRef") {
            default_text(reference, "apiVersion", "v1");
        }
    }
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(probe).filter(|p| p.is_object()) {
            fill_probe(probe);
        }
    }
    for hook in ["/lifecycle/postStart", "/lifecycle/preStop"] {
        if let Some(hook) = container.pointer_mut(hook) {
            fill_http(hook);
        }
    }
    if whole_pod {
        copy_limits(container);
    }
}

fn fill_probe(probe: &mut Value) {
    default(probe, "timeoutSeconds", 1);
    default(probe, "periodSeconds", 10);
    default(probe, "successThreshold", 1);
    default(probe, "failureThreshold", 3);
    fill_http(probe);
    if let Some(grpc) = probe.get_mut("grpc").filter(|g| g.is_object()) {
        default(grpc, "service", "");
    }
}

fn fill_http(handler: &mut Value) {
    if let Some(http) = handler.get_mut("httpGet").filter(|h| h.is_object()) {
        default_text(http, "path", "/");
        default_text(http, "scheme", "HTTP");
    }
}

/// Requests that are not set are the limits.
fn copy_limits(container: &mut Value) {
    let Some(limits) = container
        .pointer("/resources/limits")
        .and_then(Value::as_object)
        .cloned()
    else {
        return;
    };
    let Some(resources) = container.get_mut("resources") else {
        return;
    };
    let requests = map(resources, "requests");
    for (name, limit) in limits {
        requests.entry(name).or_insert(limit);
    }
    if requests.is_empty()
        && let Value::Object(resources) = resources
    {
        resources.remove("requests");
    }
}

/// `Always` for images without a tag or with `latest`, else `IfNotPresent`.
fn pull_policy(image: &str) -> &'static str {
    let last = image.rsplit('/').next().unwrap_or(image);
    if last.contains('@') {
        return "IfNotPresent";
    }
    match last.rsplit_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

/// Checks a pod spec at `path`, such as `spec.template.spec`.
pub fn validate(spec: &Value, path: &str) -> Vec<FieldError> {
    let mut errors = Vec::new();
    let volumes = validate_volumes(spec, path, &mut errors);
    let containers = list(spec, "/containers");
    if containers.is_empty() {
        errors.push(FieldError::required(&format!("{path}.containers"), ""));
    }
    let mut seen = HashSet::new();
    for field in CONTAINER_LISTS {
        for (index, container) in list(spec, &format!("/{field}")).iter().enumerate() {
            let path = format!("{path}.{field}[{index}]");
            let name = text(container, "/name");
            if !name.is_empty() && !seen.insert(name) {
                errors.push(FieldError::duplicate(&format!("{path}.name"), name));
            }
            validate_container(container, &path, &volumes, &mut errors);
        }
    }
    let policy = text(spec, "/restartPolicy");
    let known = ["Always", "OnFailure", "Never"];
    if !policy.is_empty() && !known.contains(&policy) {
        let field = format!("{path}.restartPolicy");
        errors.push(FieldError::not_supported(&field, policy, &known));
    }
    if let Some(seconds) = int(spec, "/activeDeadlineSeconds")
        && !(1..=2_147_483_647).contains(&seconds)
    {
        let field = format!("{path}.activeDeadlineSeconds");
        let said = "must be between 1 and 2147483647, inclusive";
        errors.push(FieldError::invalid(&field, seconds, said));
    }
    let account = text(spec, "/serviceAccountName");
    if !account.is_empty() {
        let field = format!("{path}.serviceAccountName");
        names::check(&mut errors, &field, account, names::subdomain(account));
    }
    errors
}

/// The order in which upstream looks at a volume's sources; the first one is the right one.
const VOLUME_ORDER: [&str; 14] = [
    "emptyDir",
    "hostPath",
    "secret",
    "nfs",
    "iscsi",
    "persistentVolumeClaim",
    "downwardAPI",
    "fc",
    "azureFile",
    "configMap",
    "projected",
    "csi",
    "ephemeral",
    "image",
];

fn validate_volumes<'s>(
    spec: &'s Value,
    path: &str,
    errors: &mut Vec<FieldError>,
) -> HashSet<&'s str> {
    let mut volumes = HashSet::new();
    for (index, volume) in list(spec, "/volumes").iter().enumerate() {
        let field = format!("{path}.volumes[{index}]");
        let name = text(volume, "/name");
        let before = errors.len();
        if name.is_empty() {
            errors.push(FieldError::required(&format!("{field}.name"), ""));
        } else {
            names::check(errors, &format!("{field}.name"), name, names::label(name));
            if volumes.contains(name) {
                errors.push(FieldError::duplicate(&format!("{field}.name"), name));
            }
        }
        let sources = volume
            .as_object()
            .map_or(0, |v| v.keys().filter(|k| *k != "name").count());
        if sources == 0 {
            errors.push(FieldError::required(&field, "must specify a volume type"));
        }
        let mut kinds: Vec<&String> = volume
            .as_object()
            .into_iter()
            .flat_map(Map::keys)
            .filter(|k| *k != "name")
            .collect();
        kinds.sort_by_key(|kind| VOLUME_ORDER.iter().position(|k| k == kind).unwrap_or(99));
        for extra in kinds.iter().skip(1) {
            errors.push(FieldError::forbidden(
                &format!("{field}.{extra}"),
                "may not specify more than 1 volume type",
            ));
        }
        for (source, key) in [
            ("secret", "secretName"),
            ("persistentVolumeClaim", "claimName"),
        ] {
            if volume
                .get(source)
                .is_some_and(|s| text(s, &format!("/{key}")).is_empty())
            {
                errors.push(FieldError::required(&format!("{field}.{source}.{key}"), ""));
            }
        }
        if volume
            .get("configMap")
            .is_some_and(|s| text(s, "/name").is_empty())
        {
            errors.push(FieldError::required(&format!("{field}.configMap.name"), ""));
        }
        // A broken volume gives its name to no mount and to no duplicate.
        if errors.len() == before {
            volumes.insert(name);
        }
    }
    volumes
}

fn validate_container(
    container: &Value,
    path: &str,
    volumes: &HashSet<&str>,
    errors: &mut Vec<FieldError>,
) {
    let name = text(container, "/name");
    if name.is_empty() {
        errors.push(FieldError::required(&format!("{path}.name"), ""));
    } else {
        names::check(errors, &format!("{path}.name"), name, names::label(name));
    }
    let image = text(container, "/image");
    if image.is_empty() {
        errors.push(FieldError::required(&format!("{path}.image"), ""));
    } else if image.trim() != image {
        let said = "must not have leading or trailing whitespace";
        errors.push(FieldError::invalid(&format!("{path}.image"), image, said));
    }
    let policy = text(container, "/imagePullPolicy");
    let known = ["Always", "IfNotPresent", "Never"];
    if !policy.is_empty() && !known.contains(&policy) {
        let field = format!("{path}.imagePullPolicy");
        errors.push(FieldError::not_supported(&field, policy, &known));
    }
    validate_ports(container, path, errors);
    for (index, variable) in list(container, "/env").iter().enumerate() {
        let field = format!("{path}.env[{index}]");
        if text(variable, "/name").is_empty() {
            errors.push(FieldError::required(&format!("{field}.name"), ""));
        }
        if !text(variable, "/value").is_empty()
            && variable.get("valueFrom").is_some_and(|v| !v.is_null())
        {
            let said = "may not be specified when `value` is not empty";
            errors.push(FieldError::invalid(&format!("{field}.valueFrom"), "", said));
        }
    }
    let mut mounted = HashSet::new();
    for (index, mount) in list(container, "/volumeMounts").iter().enumerate() {
        let field = format!("{path}.volumeMounts[{index}]");
        let (name, at) = (text(mount, "/name"), text(mount, "/mountPath"));
        if name.is_empty() {
            errors.push(FieldError::required(&format!("{field}.name"), ""));
        } else if !volumes.contains(name) {
            errors.push(FieldError::not_found(&format!("{field}.name"), name));
        }
        if at.is_empty() {
            errors.push(FieldError::required(&format!("{field}.mountPath"), ""));
        } else if !mounted.insert(at) {
            errors.push(FieldError::invalid(
                &format!("{field}.mountPath"),
                at,
                "must be unique",
            ));
        }
    }
    validate_probes(container, path, errors);
    validate_resources(container, path, errors);
}

fn validate_probes(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for probe in ["livenessProbe", "readinessProbe", "startupProbe"] {
        let Some(found) = container.get(probe).filter(|p| !p.is_null()) else {
            continue;
        };
        let field = format!("{path}.{probe}");
        let handlers = ["exec", "httpGet", "tcpSocket", "grpc"];
        let given = handlers
            .iter()
            .filter(|h| found.get(**h).is_some_and(|v| !v.is_null()));
        validate_handler(found, &given.collect::<Vec<_>>(), &field, errors);
        if probe != "readinessProbe" && int(found, "/successThreshold").unwrap_or(1) != 1 {
            errors.push(FieldError::invalid(
                &format!("{field}.successThreshold"),
                int(found, "/successThreshold").unwrap_or(0),
                "must be 1",
            ));
        }
        for number in [
            "initialDelaySeconds",
            "timeoutSeconds",
            "periodSeconds",
            "failureThreshold",
        ] {
            if let Some(value) = int(found, &format!("/{number}")).filter(|v| *v < 0) {
                errors.push(negative(&format!("{field}.{number}"), value));
            }
        }
    }
}

fn validate_handler(probe: &Value, given: &[&&str], field: &str, errors: &mut Vec<FieldError>) {
    if given.is_empty() {
        errors.push(FieldError::required(field, "must specify a handler type"));
    }
    for (index, handler) in given.iter().enumerate() {
        let field = format!("{field}.{handler}");
        if index > 0 {
            let said = "may not specify more than 1 handler type";
            errors.push(FieldError::forbidden(&field, said));
            continue;
        }
        match **handler {
            "exec" if list(probe, "/exec/command").is_empty() => {
                errors.push(FieldError::required(&format!("{field}.command"), ""));
            }
            "httpGet" | "tcpSocket" => {
                let port = probe.pointer(&format!("/{handler}/port"));
                let path = format!("{field}.port");
                check_port_or_name(&path, port.unwrap_or(&Value::Null), errors);
                let path = text(probe, "/httpGet/path");
                if **handler == "httpGet" && path.is_empty() {
                    errors.push(FieldError::required(&format!("{field}.path"), ""));
                }
            }
            "grpc" => {
                let port = int(probe, "/grpc/port").unwrap_or(0);
                check_port(&format!("{field}.port"), port, errors);
            }
            _ => {}
        }
    }
}

fn validate_ports(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let mut seen = HashSet::new();
    for (index, port) in list(container, "/ports").iter().enumerate() {
        let field = format!("{path}.ports[{index}]");
        let name = text(port, "/name");
        if !name.is_empty() {
            let faults = port_name(name);
            for said in &faults {
                errors.push(FieldError::invalid(&format!("{field}.name"), name, said));
            }
            if !faults.is_empty() {
                // Nothing else is said of it.
            } else if !seen.insert(name) {
                errors.push(FieldError::duplicate(&format!("{field}.name"), name));
            }
        }
        match int(port, "/containerPort") {
            None | Some(0) => {
                errors.push(FieldError::required(&format!("{field}.containerPort"), ""));
            }
            Some(number) => check_port(&format!("{field}.containerPort"), number, errors),
        }
        if let Some(number) = int(port, "/hostPort").filter(|n| *n != 0) {
            check_port(&format!("{field}.hostPort"), number, errors);
        }
        let protocol = text(port, "/protocol");
        if !protocol.is_empty() && !["SCTP", "TCP", "UDP"].contains(&protocol) {
            errors.push(FieldError::not_supported(
                &format!("{field}.protocol"),
                protocol,
                &["SCTP", "TCP", "UDP"],
            ));
        }
    }
}

/// Adds upstream's error for a port out of range.
pub fn check_port(field: &str, number: i64, errors: &mut Vec<FieldError>) {
    if !(1..=65535).contains(&number) {
        let said = "must be between 1 and 65535, inclusive";
        errors.push(FieldError::invalid(field, number, said));
    }
}

/// What is wrong with the name of a port (IANA service name).
pub fn port_name(name: &str) -> Vec<&'static str> {
    let mut faults = Vec::new();
    if name.len() > 15 {
        faults.push("must be no more than 15 characters");
    }
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if !name.bytes().all(fits) || name.is_empty() {
        faults.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        faults.push("must contain at least one letter (a-z)");
    }
    if name.contains("--") {
        faults.push("must not contain consecutive hyphens");
    }
    if name.starts_with('-') || name.ends_with('-') {
        faults.push("must not begin or end with a hyphen");
    }
    faults
}

/// Adds upstream's errors for a port's number or name.
pub fn check_port_or_name(field: &str, port: &Value, errors: &mut Vec<FieldError>) {
    match port {
        Value::Number(number) => check_port(field, number.as_i64().unwrap_or(0), errors),
        Value::String(name) => {
            for said in port_name(name) {
                errors.push(FieldError::invalid(field, name.as_str(), said));
            }
        }
        _ => {}
    }
}

fn validate_resources(container: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let empty = Map::new();
    let of = |pointer: &str| {
        container
            .pointer(pointer)
            .and_then(Value::as_object)
            .unwrap_or(&empty)
    };
    let (limits, requests) = (of("/resources/limits"), of("/resources/requests"));
    for (field, quantities) in [("limits", limits), ("requests", requests)] {
        for (name, value) in quantities {
            if Quantity::read(value).is_some_and(Quantity::is_negative) {
                let field = format!("{path}.resources.{field}.{name}");
                let said = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(&field, value.clone(), said));
            }
        }
    }
    for (name, request) in requests {
        let Some(limit) = limits.get(name) else {
            continue;
        };
        let (Some(r), Some(l)) = (Quantity::read(request), Quantity::read(limit)) else {
            continue;
        };
        if r > l {
            let limit = limit
                .as_str()
                .map_or_else(|| limit.to_string(), str::to_owned);
            errors.push(FieldError::invalid(
                &format!("{path}.resources.requests"),
                request.clone(),
                &format!("must be less than or equal to {name} limit of {limit}"),
            ));
        }
    }
}

/// Upstream's error for a number below zero.
pub fn negative(field: &str, value: i64) -> FieldError {
    FieldError::invalid(field, value, "must be greater than or equal to 0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_decides_the_pull_policy() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.27", "IfNotPresent"),
            ("host:5000/nginx", "Always"),
            ("nginx@sha256:abc", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn template_and_pod_are_filled_as_upstream_does() {
        let mut spec = json!({"containers": [{"name": "c", "image": "nginx:1",
            "resources": {"limits": {"cpu": "1"}},
            "livenessProbe": {"httpGet": {"port": 80}}}], "volumes": [{"name": "v"}]});
        let mut template = spec.clone();
        fill(&mut template, false);
        assert!(template.get("enableServiceLinks").is_none());
        assert!(
            template["containers"][0]["resources"]
                .get("requests")
                .is_none()
        );
        assert_eq!(template["volumes"][0]["emptyDir"], json!({}));
        fill(&mut spec, true);
        assert_eq!(
            spec["containers"][0]["resources"]["requests"],
            json!({"cpu": "1"})
        );
        assert_eq!(
            spec["containers"][0]["livenessProbe"]["httpGet"]["scheme"],
            "HTTP"
        );
        let again = {
            let mut again = spec.clone();
            fill(&mut again, true);
            again
        };
        assert_eq!(again, spec, "filling is idempotent");
    }

    #[test]
    fn faults_read_as_upstream() {
        let spec = json!({"containers": [
            {"name": "c", "volumeMounts": [{"name": "x", "mountPath": "/a"}]},
            {"name": "c", "image": "a", "ports": [{"containerPort": 70000}],
             "resources": {"limits": {"cpu": "1"}, "requests": {"cpu": "2"}}}]});
        let texts: Vec<String> = validate(&spec, "spec")
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            texts,
            [
                "spec.containers[0].image: Required value",
                "spec.containers[0].volumeMounts[0].name: Not found: \"x\"",
                "spec.containers[1].name: Duplicate value: \"c\"",
                "spec.containers[1].ports[0].containerPort: Invalid value: 70000: must be \
                 between 1 and 65535, inclusive",
                "spec.containers[1].resources.requests: Invalid value: \"2\": must be less than \
                 or equal to cpu limit of 1",
            ]
        );
    }
}
