//! Kinds with little of their own: network rules, budgets, quotas, events, leases, nodes.

use crate::hooks::fields::{at, default, default_text, int, list, list_mut, map, same, text};
use crate::hooks::workloads::check_portion;
use crate::hooks::{label_selector, names, pod_spec};
use crate::{ApiError, FieldError, HookCx, KindHook};
use argosy_object::{Value, json, meta};

/// `networking.k8s.io/v1` Ingress.
#[derive(Clone, Copy, Debug)]
pub struct Ingress;

/// `networking.k8s.io/v1` NetworkPolicy.
#[derive(Clone, Copy, Debug)]
pub struct NetworkPolicy;

/// `policy/v1` PodDisruptionBudget.
#[derive(Clone, Copy, Debug)]
pub struct DisruptionBudget;

/// `v1` ResourceQuota.
#[derive(Clone, Copy, Debug)]
pub struct Quota;

/// `v1` LimitRange.
#[derive(Clone, Copy, Debug)]
pub struct LimitRange;

/// `scheduling.k8s.io/v1` PriorityClass.
#[derive(Clone, Copy, Debug)]
pub struct PriorityClass;

/// `coordination.k8s.io/v1` Lease.
#[derive(Clone, Copy, Debug)]
pub struct Lease;

/// `v1` Node.
#[derive(Clone, Copy, Debug)]
pub struct Node;

/// `discovery.k8s.io/v1` EndpointSlice.
#[derive(Clone, Copy, Debug)]
pub struct EndpointSlice;

/// `v1` and `events.k8s.io/v1` Event.
#[derive(Clone, Copy, Debug)]
pub struct Event;

impl KindHook for Ingress {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let rules = list(new, "/spec/rules");
        let fallback = new.pointer("/spec/defaultBackend").filter(|b| !b.is_null());
        if rules.is_empty() && fallback.is_none() {
            let said = "either `defaultBackend` or `rules` must be specified";
            errors.push(FieldError::invalid("spec", at(new, "/spec/rules"), said));
        }
        if let Some(backend) = fallback {
            validate_backend(backend, "spec.defaultBackend", &mut errors);
        }
        for (index, rule) in rules.iter().enumerate() {
            let field = format!("spec.rules[{index}]");
            let host = text(rule, "/host");
            if host.parse::<std::net::IpAddr>().is_ok() {
                let said = "must be a DNS name, not an IP address";
                errors.push(FieldError::invalid(&format!("{field}.host"), host, said));
            } else if !host.is_empty() {
                let plain = host.strip_prefix("*.").unwrap_or(host);
                names::check(
                    &mut errors,
                    &format!("{field}.host"),
                    host,
                    names::subdomain(plain),
                );
            }
            let Some(http) = rule.get("http").filter(|h| !h.is_null()) else {
                continue;
            };
            let paths = list(http, "/paths");
            if paths.is_empty() {
                errors.push(FieldError::required(&format!("{field}.http.paths"), ""));
            }
            for (at, path) in paths.iter().enumerate() {
                validate_path(path, &format!("{field}.http.paths[{at}]"), &mut errors);
            }
        }
        errors
    }
}

fn validate_path(path: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let kind = text(path, "/pathType");
    if kind.is_empty() {
        let said = "pathType must be specified";
        errors.push(FieldError::required(&format!("{field}.pathType"), said));
        return;
    }
    let known = ["Exact", "ImplementationSpecific", "Prefix"];
    if !known.contains(&kind) {
        errors.push(FieldError::not_supported(
            &format!("{field}.pathType"),
            kind,
            &known,
        ));
    }
    let value = text(path, "/path");
    let field_path = format!("{field}.path");
    let exact = matches!(kind, "Exact" | "Prefix");
    if (exact || !value.is_empty()) && !value.starts_with('/') {
        errors.push(FieldError::invalid(
            &field_path,
            value,
            "must be an absolute path",
        ));
    }
    if exact {
        for sequence in ["//", "/./", "/../", "%2f", "%2F"] {
            if value.contains(sequence) {
                let said = format!("must not contain '{sequence}'");
                errors.push(FieldError::invalid(&field_path, value, &said));
            }
        }
        for suffix in ["/..", "/."] {
            if value.ends_with(suffix) {
                let said = format!("cannot end with '{suffix}'");
                errors.push(FieldError::invalid(&field_path, value, &said));
            }
        }
    }
    validate_backend(&at(path, "/backend"), &format!("{field}.backend"), errors);
}

fn validate_backend(backend: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let service = backend.get("service").filter(|s| !s.is_null());
    let resource = backend.get("resource").filter(|r| !r.is_null());
    match (service, resource) {
        (Some(_), Some(_)) => errors.push(FieldError::invalid(
            field,
            "",
            "cannot set both resource and service backends",
        )),
        (None, None) => errors.push(FieldError::invalid(
            field,
            "",
            "resource or service backend is required",
        )),
        (Some(service), None) => {
            let name = text(service, "/name");
            let path = format!("{field}.service.name");
            if name.is_empty() {
                errors.push(FieldError::required(&path, ""));
            } else {
                names::check(errors, &path, name, names::label_1035(name));
            }
            let port = at(service, "/port");
            let (number, named) = (int(&port, "/number").unwrap_or(0), text(&port, "/name"));
            if number == 0 && named.is_empty() {
                errors.push(FieldError::required(
                    field,
                    "port name or number is required",
                ));
            } else if number != 0 && !named.is_empty() {
                let said = "cannot set both port name & port number";
                errors.push(FieldError::invalid(field, "", said));
            } else if number != 0 {
                pod_spec::check_port(&format!("{field}.service.port.number"), number, errors);
            }
        }
        (None, Some(_)) => {}
    }
}

impl KindHook for NetworkPolicy {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let Some(spec) = new.get_mut("spec").filter(|s| s.is_object()) else {
            return;
        };
        if list(spec, "/policyTypes").is_empty() {
            let mut types = vec!["Ingress"];
            if !list(spec, "/egress").is_empty() {
                types.push("Egress");
            }
            spec["policyTypes"] = json!(types);
        }
        for rules in ["/ingress", "/egress"] {
            for rule in list_mut(spec, rules) {
                for port in list_mut(rule, "/ports") {
                    default_text(port, "protocol", "TCP");
                }
            }
        }
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let types = list(new, "/spec/policyTypes");
        if types.len() > 2 {
            let said = "may not specify more than two policyTypes";
            let shown = Value::from(types.to_vec());
            errors.push(FieldError::invalid("spec.policyTypes", shown, said));
            return errors;
        }
        let known = ["Ingress", "Egress"];
        for (index, kind) in types.iter().enumerate() {
            if !kind.as_str().is_some_and(|kind| known.contains(&kind)) {
                let field = format!("spec.policyTypes[{index}]");
                errors.push(FieldError::not_supported(&field, kind.clone(), &known));
            }
        }
        crate::hooks::network_policy::validate(new, &mut errors);
        errors
    }
}

impl KindHook for DisruptionBudget {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let set = |field: &str| {
            new.pointer(&format!("/spec/{field}"))
                .is_some_and(|v| !v.is_null())
        };
        let mut errors = Vec::new();
        if set("minAvailable") && set("maxUnavailable") {
            let selector = new.pointer("/spec/selector").filter(|s| !s.is_null());
            let shown = format!(
                "{{\"MinAvailable\":{},\"Selector\":{},\"MaxUnavailable\":{},\
                 \"UnhealthyPodEvictionPolicy\":{}}}",
                at(new, "/spec/minAvailable"),
                selector.map_or_else(|| "null".to_owned(), label_selector::go_json),
                at(new, "/spec/maxUnavailable"),
                at(new, "/spec/unhealthyPodEvictionPolicy")
            );
            let said = "minAvailable and maxUnavailable cannot be both set";
            errors.push(FieldError::invalid_as("spec", &shown, said));
        }
        for field in ["minAvailable", "maxUnavailable"] {
            if let Some(value) = new.pointer(&format!("/spec/{field}")) {
                check_portion(&format!("spec.{field}"), value, true, &mut errors);
            }
        }
        let selector = at(new, "/spec/selector");
        label_selector::validate(&selector, "spec.selector", &mut errors);
        errors
    }
}

impl KindHook for Quota {
    fn prepare_create(&self, _cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        new["status"] = json!({});
        Ok(())
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (name, value) in new
            .pointer("/spec/hard")
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
        {
            for said in quota_resource(name) {
                errors.push(FieldError::invalid(
                    &format!("spec.hard[{name}]"),
                    name.as_str(),
                    said,
                ));
            }
            if crate::hooks::quantity::Quantity::read(value).is_some_and(|q| q.is_negative()) {
                let said = "must be greater than or equal to 0";
                errors.push(FieldError::invalid(
                    &format!("spec.hard[{name}]"),
                    value.clone(),
                    said,
                ));
            }
        }
        let scopes = list(new, "/spec/scopes");
        let known = |scope: &Value| {
            scope
                .as_str()
                .is_some_and(|scope| QUOTA_SCOPES.contains(&scope))
        };
        if !scopes.iter().all(known) {
            let shown = Value::from(scopes.to_vec());
            errors.push(FieldError::invalid(
                "spec.scopes",
                shown,
                "unsupported scope",
            ));
        }
        if let Some(old) = old
            && !same(new, old, "/spec/scopes")
        {
            let scopes = at(new, "/spec/scopes");
            errors.push(FieldError::invalid(
                "spec.scopes",
                scopes,
                "field is immutable",
            ));
        }
        errors
    }
}

const QUOTA_SCOPES: [&str; 7] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
    "VolumeAttributesClass",
];

/// Resources without a group that a quota may count.
const QUOTA_RESOURCES: [&str; 19] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "persistentvolumeclaims",
    "configmaps",
    "services.nodeports",
    "services.loadbalancers",
];

/// What is wrong with the name of a counted resource.
fn quota_resource(name: &str) -> Vec<&'static str> {
    if name.contains('/') || QUOTA_RESOURCES.contains(&name) || name.starts_with("hugepages-") {
        return Vec::new();
    }
    vec![
        "must be a standard resource type or fully qualified",
        "must be a standard resource for quota",
    ]
}

impl KindHook for LimitRange {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (index, limit) in list(new, "/spec/limits").iter().enumerate() {
            validate_limit(limit, &format!("spec.limits[{index}]"), &mut errors);
        }
        errors
    }

    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        for limit in list_mut(new, "/spec/limits") {
            if text(limit, "/type") != "Container" {
                continue;
            }
            let max = limit
                .get("max")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            let limits = map(limit, "default");
            for (name, value) in max {
                limits.entry(name).or_insert(value);
            }
            let limits = limits.clone();
            let min = limit
                .get("min")
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default();
            let requests = map(limit, "defaultRequest");
            for (name, value) in limits.into_iter().chain(min) {
                requests.entry(name).or_insert(value);
            }
            for field in ["default", "defaultRequest"] {
                if let Value::Object(limit) = &mut *limit
                    && limit
                        .get(field)
                        .and_then(Value::as_object)
                        .is_some_and(|m| m.is_empty())
                {
                    limit.remove(field);
                }
            }
        }
    }
}

/// Smallest, default request, default and largest, in this order.
fn validate_limit(limit: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let read = |field: &str, name: &str| {
        let value = limit.get(field)?.get(name)?;
        Some((
            value.clone(),
            crate::hooks::quantity::Quantity::read(value)?,
        ))
    };
    let shown = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut names: Vec<&String> = ["min", "max", "default", "defaultRequest"]
        .iter()
        .filter_map(|field| limit.get(*field)?.as_object())
        .flat_map(|map| map.keys())
        .collect();
    names.sort();
    names.dedup();
    // Who must not be above whom, which of the two is at fault, and whether its own value is told.
    let rules = [
        (MIN, MAX, MIN, true),
        (MIN, REQUEST, REQUEST, true),
        (REQUEST, MAX, REQUEST, true),
        (MIN, LIMIT, LIMIT, false),
        (LIMIT, MAX, LIMIT, true),
        (REQUEST, LIMIT, REQUEST, true),
    ];
    for name in names {
        for (low, high, fault, own) in rules {
            let (Some((low_value, low_size)), Some((high_value, high_size))) =
                (read(low.0, name), read(high.0, name))
            else {
                continue;
            };
            if low_size > high_size {
                let high_word = if low == REQUEST && high == LIMIT {
                    "default limit"
                } else {
                    high.1
                };
                let (low_text, high_text) = (shown(&low_value), shown(&high_value));
                let said = format!(
                    "{} value {low_text} is greater than {high_word} value {high_text}",
                    low.1
                );
                let told = if (fault == low) == own {
                    low_text
                } else {
                    high_text
                };
                let field = format!("{path}.{}[{name}]", fault.0);
                errors.push(FieldError::invalid(&field, told, &said));
            }
        }
    }
}

/// Fields of a limit, and what they are called.
type LimitField = (&'static str, &'static str);
const MIN: LimitField = ("min", "min");
const MAX: LimitField = ("max", "max");
const LIMIT: LimitField = ("default", "default");
const REQUEST: LimitField = ("defaultRequest", "default request");

impl KindHook for PriorityClass {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        default_text(new, "preemptionPolicy", "PreemptLowerPriority");
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let (name, value) = (meta(new, "name"), int(new, "/value").unwrap_or(0));
        if name.starts_with("system-") && old.is_none() {
            let said = format!(
                "priority class names with 'system-' prefix are reserved for system use only. \
                 error: {name} is not a known system priority class"
            );
            let known = matches!(name, "system-node-critical" | "system-cluster-critical");
            if !known {
                errors.push(FieldError::forbidden("metadata.name", &said));
            }
        } else if value > 1_000_000_000 && old.is_none() {
            let said = "maximum allowed value of a user defined priority is 1000000000";
            errors.push(FieldError::forbidden("value", said));
        }
        let Some(old) = old else { return errors };
        if int(old, "/value").unwrap_or(0) != value {
            errors.push(FieldError::forbidden(
                "value",
                "may not be changed in an update.",
            ));
        }
        if !same(new, old, "/preemptionPolicy") {
            let policy = at(new, "/preemptionPolicy");
            errors.push(FieldError::invalid(
                "preemptionPolicy",
                policy,
                "field is immutable",
            ));
        }
        errors
    }
}

impl KindHook for Lease {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(seconds) = int(new, "/spec/leaseDurationSeconds").filter(|s| *s <= 0) {
            let said = "must be greater than 0";
            errors.push(FieldError::invalid(
                "spec.leaseDurationSeconds",
                seconds,
                said,
            ));
        }
        if let Some(count) = int(new, "/spec/leaseTransitions").filter(|c| *c < 0) {
            errors.push(pod_spec::negative("spec.leaseTransitions", count));
        }
        errors
    }
}

impl KindHook for Node {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (field, pointer) in [
            ("spec.podCIDRs", "/spec/podCIDR"),
            ("spec.providerID", "/spec/providerID"),
        ] {
            if let Some(old) = old
                && !text(old, pointer).is_empty()
                && text(old, pointer) != text(new, pointer)
            {
                let said = "node updates may not change podCIDR except from \"\" to valid";
                let said = if pointer.ends_with("CIDR") {
                    said
                } else {
                    "node updates may not change providerID except from \"\" to valid"
                };
                errors.push(FieldError::forbidden(field, said));
            }
        }
        errors
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["spec.unschedulable"]
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        (field == "spec.unschedulable")
            .then(|| crate::hooks::fields::is_true(object, "/spec/unschedulable").to_string())
    }
}

impl KindHook for EndpointSlice {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        for port in list_mut(new, "/ports") {
            default(port, "name", "");
            default_text(port, "protocol", "TCP");
        }
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let kind = text(new, "/addressType");
        let known = ["FQDN", "IPv4", "IPv6"];
        if kind.is_empty() {
            errors.push(FieldError::required("addressType", ""));
        } else if !known.contains(&kind) {
            errors.push(FieldError::not_supported("addressType", kind, &known));
        }
        for (index, endpoint) in list(new, "/endpoints").iter().enumerate() {
            if list(endpoint, "/addresses").is_empty() {
                let field = format!("endpoints[{index}].addresses");
                let said = "must contain at least 1 address";
                errors.push(FieldError::required(&field, said));
            }
        }
        if let Some(old) = old
            && !same(new, old, "/addressType")
        {
            errors.push(FieldError::invalid(
                "addressType",
                kind,
                "field is immutable",
            ));
        }
        errors
    }
}

impl KindHook for Event {
    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        crate::hooks::event::validate(new, old, cx.info.api_group == "events.k8s.io")
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &[
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "reportingComponent",
            "source",
            "type",
        ]
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        match field {
            "source" => Some(text(object, "/source/component").to_owned()),
            _ => None,
        }
    }
}

const EVENT_FIELDS: [(&str, &str); 8] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
    ("reportingInstance", "reportingInstance"),
];

/// An event of one API in the words of the other.
pub fn rename_event(event: &Value, newer: bool) -> Value {
    let mut out = event.clone();
    let Value::Object(map) = &mut out else {
        return out;
    };
    for (core, events) in EVENT_FIELDS {
        let (from, to) = if newer {
            (core, events)
        } else {
            (events, core)
        };
        if from != to
            && let Some(value) = map.remove(from)
        {
            map.insert(to.into(), value);
        }
    }
    map.insert(
        "apiVersion".into(),
        if newer { "events.k8s.io/v1" } else { "v1" }.into(),
    );
    out
}
