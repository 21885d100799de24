//! HorizontalPodAutoscalers, whose `autoscaling/v1` shape is older than the stored `v2`.
//!
//! Compat: `pkg/apis/autoscaling/v1/conversion.go`: what v1 has no field for travels in
//! annotations.

use crate::hooks::fields::{at, default, default_text, int, list, map, text};
use crate::hooks::pod_spec;
use crate::{ApiError, FieldError, HookCx, KindHook};
use argosy_object::{Map, Value, json};

/// `autoscaling/v1` and `autoscaling/v2` HorizontalPodAutoscaler.
#[derive(Clone, Copy, Debug)]
pub struct Autoscaler;

const METRICS: &str = "autoscaling.alpha.kubernetes.io/metrics";
const CURRENT: &str = "autoscaling.alpha.kubernetes.io/current-metrics";
const CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";
const BEHAVIOR: &str = "autoscaling.alpha.kubernetes.io/behavior";

/// A metric carries what its type names and nothing else.
fn validate_source(metric: &Value, kind: &str, field: &str, errors: &mut Vec<FieldError>) {
    let sources = [
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
        ("ContainerResource", "containerResource"),
        ("External", "external"),
    ];
    for (name, source) in sources {
        let set = metric.get(source).is_some_and(|v| !v.is_null());
        let path = format!("{field}.{source}");
        if name == kind && !set {
            let said = "must populate information for the given metric source";
            errors.push(FieldError::required(&path, said));
        } else if name != kind && set {
            let said = "must populate the given metric source only";
            errors.push(FieldError::forbidden(&path, said));
        }
    }
}

impl KindHook for Autoscaler {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let mut spec = Value::Object(std::mem::take(map(new, "spec")));
        default(&mut spec, "minReplicas", 1);
        if list(&spec, "/metrics").is_empty() {
            spec["metrics"] = json!([cpu_metric(80)]);
        }
        for metric in crate::hooks::fields::list_mut(&mut spec, "/metrics") {
            if let Some(target) = metric.pointer_mut("/resource/target") {
                let kind = if target.get("averageUtilization").is_some() {
                    "Utilization"
                } else {
                    "AverageValue"
                };
                default_text(target, "type", kind);
            }
        }
        if spec.get("behavior").is_some_and(Value::is_object) {
            fill_behavior(&mut spec["behavior"]);
        }
        new["spec"] = spec;
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let (min, max) = (int(new, "/spec/minReplicas"), int(new, "/spec/maxReplicas"));
        let (min, max) = (min.unwrap_or(1), max.unwrap_or(0));
        if min < 1 {
            let said = "must be greater than or equal to 1";
            errors.push(FieldError::invalid("spec.minReplicas", min, said));
        }
        if max < 1 {
            let said = "must be set and greater than 0";
            errors.push(FieldError::required("spec.maxReplicas", said));
        }
        if max < min {
            let said = "must be greater than or equal to `minReplicas`";
            errors.push(FieldError::invalid("spec.maxReplicas", max, said));
        }
        for field in ["kind", "name"] {
            if text(new, &format!("/spec/scaleTargetRef/{field}")).is_empty() {
                errors.push(FieldError::required(
                    &format!("spec.scaleTargetRef.{field}"),
                    "",
                ));
            }
        }
        let target = "/spec/scaleTargetRef/apiVersion";
        let version = text(new, target);
        let core = text(new, "/spec/scaleTargetRef/kind") == "ReplicationController";
        let kept = old.is_some_and(|old| text(old, target) == version);
        if !version.contains('/') && !core && !kept {
            let said = "apiVersion must specify API group";
            errors.push(FieldError::invalid(
                "spec.scaleTargetRef.apiVersion",
                version,
                said,
            ));
        }
        let scales_to_zero =
            |metric: &Value| matches!(text(metric, "/type"), "Object" | "External");
        if min == 0 && !list(new, "/spec/metrics").iter().any(scales_to_zero) {
            let said = "must specify at least one Object or External metric to support scaling to \
                        zero replicas";
            errors.push(FieldError::forbidden("spec.metrics", said));
        }
        for (index, metric) in list(new, "/spec/metrics").iter().enumerate() {
            let field = format!("spec.metrics[{index}]");
            let kind = text(metric, "/type");
            let known = [
                "ContainerResource",
                "External",
                "Object",
                "Pods",
                "Resource",
            ];
            if kind.is_empty() {
                errors.push(FieldError::required(
                    &format!("{field}.type"),
                    "must specify a metric source type",
                ));
            } else if !known.contains(&kind) {
                errors.push(FieldError::not_supported(
                    &format!("{field}.type"),
                    kind,
                    &known,
                ));
            }
            if known.contains(&kind) {
                validate_source(metric, kind, &field, &mut errors);
            }
            if let Some(value) = int(metric, "/resource/target/averageUtilization")
                && value < 1
            {
                let field = format!("{field}.resource.target.averageUtilization");
                errors.push(FieldError::invalid(&field, value, "must be greater than 0"));
            }
        }
        if let Some(window) = int(new, "/spec/behavior/scaleDown/stabilizationWindowSeconds")
            && window < 0
        {
            let field = "spec.behavior.scaleDown.stabilizationWindowSeconds";
            errors.push(pod_spec::negative(field, window));
        }
        errors
    }

    fn convert(&self, object: &Value, to_version: &str) -> Option<Result<Value, ApiError>> {
        let from = text(object, "/apiVersion")
            .rsplit('/')
            .next()
            .unwrap_or_default();
        match (from, to_version) {
            ("v2", "v1") => Some(Ok(to_v1(object))),
            ("v1", "v2") => Some(Ok(to_v2(object))),
            _ => None,
        }
    }
}

fn cpu_metric(percent: i64) -> Value {
    json!({"type": "Resource", "resource": {"name": "cpu",
        "target": {"type": "Utilization", "averageUtilization": percent}}})
}

fn fill_behavior(behavior: &mut Value) {
    let up = json!({"stabilizationWindowSeconds": 0, "selectPolicy": "Max", "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15}]});
    let down = json!({"selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}]});
    for (field, rules) in [("scaleUp", up), ("scaleDown", down)] {
        let mut own = Value::Object(std::mem::take(map(behavior, field)));
        for (name, value) in rules.as_object().into_iter().flatten() {
            default(&mut own, name, value.clone());
        }
        behavior[field] = own;
    }
}

/// The one metric that v1 has a field for.
fn is_cpu_percent(metric: &Value) -> Option<i64> {
    (text(metric, "/resource/name") == "cpu")
        .then(|| int(metric, "/resource/target/averageUtilization"))
        .flatten()
}

fn to_v1(object: &Value) -> Value {
    let mut out = object.clone();
    out["apiVersion"] = "autoscaling/v1".into();
    let mut spec = at(object, "/spec");
    let metrics = list(object, "/spec/metrics").to_vec();
    let behavior = spec.as_object_mut().and_then(|s| {
        s.remove("metrics");
        s.remove("behavior")
    });
    let percent = metrics.iter().find_map(is_cpu_percent);
    if let Some(percent) = percent {
        spec["targetCPUUtilizationPercentage"] = percent.into();
    }
    out["spec"] = spec;
    let mut seen = false;
    let others: Vec<Value> = metrics
        .iter()
        .filter(|m| {
            let first = is_cpu_percent(m).is_some() && !seen;
            seen |= first;
            !first
        })
        .map(metric_to_v1)
        .collect();
    let mut notes: Vec<(&str, Value)> = Vec::new();
    if !others.is_empty() {
        notes.push((METRICS, Value::Array(others)));
    }
    if let Some(behavior) = behavior.filter(|b| !b.is_null()) {
        notes.push((BEHAVIOR, behavior));
    }
    if let Some(Value::Object(status)) = out.get_mut("status") {
        let current = status.remove("currentMetrics").unwrap_or(Value::Null);
        let conditions = status.remove("conditions").unwrap_or(Value::Null);
        if let Some(used) = list(&current, "").iter().find_map(|m| {
            (text(m, "/resource/name") == "cpu")
                .then(|| int(m, "/resource/current/averageUtilization"))
                .flatten()
        }) {
            status.insert("currentCPUUtilizationPercentage".into(), used.into());
        }
        for (name, value) in [(CURRENT, current), (CONDITIONS, conditions)] {
            if value.as_array().is_some_and(|v| !v.is_empty()) {
                notes.push((name, value));
            }
        }
    }
    if !notes.is_empty() {
        let mut metadata = Value::Object(std::mem::take(map(&mut out, "metadata")));
        let annotations = map(&mut metadata, "annotations");
        for (name, value) in notes {
            annotations.insert(name.into(), value.to_string().into());
        }
        out["metadata"] = metadata;
    }
    out
}

fn to_v2(object: &Value) -> Value {
    let mut out = object.clone();
    out["apiVersion"] = "autoscaling/v2".into();
    let mut notes = Map::new();
    if let Some(Value::Object(annotations)) = out.pointer_mut("/metadata/annotations") {
        for name in [METRICS, BEHAVIOR, CURRENT, CONDITIONS] {
            let note = annotations.remove(name);
            let parsed = note
                .as_ref()
                .and_then(Value::as_str)
                .and_then(|t| serde_json::from_str(t).ok());
            if let Some(parsed) = parsed {
                notes.insert(name.into(), parsed);
            }
        }
        if annotations.is_empty()
            && let Some(Value::Object(metadata)) = out.get_mut("metadata")
        {
            metadata.remove("annotations");
        }
    }
    let spec = map(&mut out, "spec");
    let mut metrics: Vec<Value> = notes
        .get(METRICS)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(metric_to_v2)
        .collect();
    if let Some(percent) = spec
        .remove("targetCPUUtilizationPercentage")
        .and_then(|p| p.as_i64())
    {
        metrics.push(cpu_metric(percent));
    }
    if !metrics.is_empty() {
        spec.insert("metrics".into(), metrics.into());
    }
    if let Some(behavior) = notes.get(BEHAVIOR) {
        spec.insert("behavior".into(), behavior.clone());
    }
    if let Some(Value::Object(status)) = out.get_mut("status") {
        status.remove("currentCPUUtilizationPercentage");
        for (name, field) in [(CURRENT, "currentMetrics"), (CONDITIONS, "conditions")] {
            if let Some(value) = notes.get(name) {
                status.insert(field.into(), value.clone());
            }
        }
    }
    out
}

/// The source fields of each metric type: v2's target against v1's flat names.
fn metric_to_v1(metric: &Value) -> Value {
    let kind = text(metric, "/type");
    let (field, source) = source_of(metric, kind);
    let target = at(source, "/target");
    let mut flat = Map::new();
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value.filter(|v| !v.is_null()) {
            flat.insert(name.into(), value.clone());
        }
    };
    put("name", source.get("name"));
    put("container", source.get("container"));
    put("metricName", source.pointer("/metric/name"));
    match kind {
        "External" => {
            put("metricSelector", source.pointer("/metric/selector"));
            put("targetValue", target.get("value"));
            put("targetAverageValue", target.get("averageValue"));
        }
        "Object" => {
            put("selector", source.pointer("/metric/selector"));
            put("target", source.get("describedObject"));
            put("targetValue", target.get("value"));
            put("averageValue", target.get("averageValue"));
        }
        "Pods" => {
            put("selector", source.pointer("/metric/selector"));
            put("targetAverageValue", target.get("averageValue"));
        }
        _ => {
            put("targetAverageUtilization", target.get("averageUtilization"));
            put("targetAverageValue", target.get("averageValue"));
        }
    }
    json!({"type": kind, field: flat})
}

fn metric_to_v2(metric: &Value) -> Value {
    let kind = text(metric, "/type");
    let (field, flat) = source_of(metric, kind);
    let mut target = Map::new();
    let choices = [
        (
            "averageUtilization",
            "Utilization",
            &["targetAverageUtilization"][..],
        ),
        (
            "averageValue",
            "AverageValue",
            &["targetAverageValue", "averageValue"][..],
        ),
        ("value", "Value", &["targetValue"][..]),
    ];
    for (name, target_type, olds) in choices {
        for old in olds {
            if let Some(value) = flat.get(*old).filter(|v| !v.is_null() && **v != "0") {
                target.insert(name.into(), value.clone());
                target.insert("type".into(), target_type.into());
            }
        }
    }
    let mut source = Map::new();
    for name in ["name", "container"] {
        if let Some(value) = flat.get(name) {
            source.insert(name.into(), value.clone());
        }
    }
    if let Some(name) = flat.get("metricName") {
        let mut named = Map::new();
        named.insert("name".into(), name.clone());
        if let Some(selector) = flat.get("metricSelector").or_else(|| flat.get("selector")) {
            named.insert("selector".into(), selector.clone());
        }
        source.insert("metric".into(), named.into());
    }
    if kind == "Object"
        && let Some(described) = flat.get("target")
    {
        source.insert("describedObject".into(), described.clone());
    }
    source.insert("target".into(), target.into());
    json!({"type": kind, field: source})
}

fn source_of<'m>(metric: &'m Value, kind: &str) -> (&'static str, &'m Value) {
    let field = match kind {
        "Pods" => "pods",
        "Object" => "object",
        "External" => "external",
        "ContainerResource" => "containerResource",
        _ => "resource",
    };
    (field, metric.get(field).unwrap_or(&Value::Null))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_convert_there_and_back() {
        let v2 = json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"}, "spec": {"maxReplicas": 3, "metrics": [
                {"type": "Resource", "resource": {"name": "memory",
                    "target": {"type": "AverageValue", "averageValue": "1Gi"}}},
                cpu_metric(70)]}});
        let v1 = to_v1(&v2);
        assert_eq!(v1["spec"]["targetCPUUtilizationPercentage"], 70);
        assert_eq!(
            v1["metadata"]["annotations"][METRICS],
            r#"[{"resource":{"name":"memory","targetAverageValue":"1Gi"},"type":"Resource"}]"#
        );
        assert_eq!(to_v2(&v1), v2);
    }
}
