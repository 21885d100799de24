//! HorizontalPodAutoscalers: within their bounds, at the load that they aim for.

use crate::cache::Cache;
use crate::conditions::{self, Condition, Times};
use crate::controllers::Plan;
use crate::kinds::{Id, Kind};
use crate::tree::{self, int, list, stamp, text};
use crate::work::{self, Work};
use argosy_object::{Value, json};
use jiff::Timestamp;

/// Plans for an autoscaler: no load is played, so the metrics stand at their targets.
pub fn plan(cache: &Cache, scaler: &Value, now: Timestamp) -> Plan {
    let id = Id::of(Kind::Autoscaler, scaler);
    let (kind, name) = (
        text(scaler, "/spec/scaleTargetRef/kind"),
        text(scaler, "/spec/scaleTargetRef/name"),
    );
    let target =
        Kind::named(kind).and_then(|kind| Some((kind, cache.get(kind, &id.namespace, name)?)));
    let mut plan = Plan::none();
    let Some((kind, target)) = target else {
        let group = text(scaler, "/spec/scaleTargetRef/apiVersion");
        let group = group.split_once('/').map_or("", |(group, _)| group);
        let why = match Kind::named(kind) {
            Some(kind) => format!("{}.{group} \"{name}\" not found", kind.facts().2),
            None => format!("no matches for kind \"{kind}\" in group \"{group}\""),
        };
        let message =
            format!("the HPA controller was unable to get the target's current scale: {why}");
        let lost = Condition {
            kind: "AbleToScale",
            status: "False",
            reason: "FailedGetScale",
            message: &message,
        };
        let conditions = conditions::set(scaler, &[lost], Times::Transition, now);
        plan.now
            .extend(work::status(id, scaler, json!({"conditions": conditions})));
        return plan;
    };
    let current = int(&target, "/spec/replicas");
    let low = scaler
        .pointer("/spec/minReplicas")
        .and_then(Value::as_i64)
        .unwrap_or(1);
    let high = int(scaler, "/spec/maxReplicas");
    let desired = if current == 0 {
        0
    } else {
        current.clamp(low, high.max(low))
    };
    let mut status = json!({
        "currentReplicas": current,
        "desiredReplicas": desired,
        "currentMetrics": metrics(scaler),
    });
    if desired != current {
        let patch = json!({"spec": {"replicas": desired}});
        plan.now.push(Work::Patch(Id::of(kind, &target), patch));
        status["lastScaleTime"] = stamp(now);
    }
    let condition = |kind, status, reason, message| Condition {
        kind,
        status,
        reason,
        message,
    };
    let wanted = [
        condition(
            "AbleToScale",
            "True",
            "ReadyForNewScale",
            "recommended size matches current size",
        ),
        if current == 0 {
            condition(
                "ScalingActive",
                "False",
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            )
        } else {
            condition(
                "ScalingActive",
                "True",
                "ValidMetricFound",
                "the HPA was able to successfully calculate a replica count from the metrics",
            )
        },
        condition(
            "ScalingLimited",
            "False",
            "DesiredWithinRange",
            "the desired count is within the acceptable range",
        ),
    ];
    status["conditions"] = conditions::set(scaler, &wanted, Times::Transition, now);
    plan.now.extend(work::status(id, scaler, status));
    plan
}

fn metrics(scaler: &Value) -> Value {
    let of = |metric: &Value| -> Option<Value> {
        let kind = text(metric, "/type");
        let field = match kind {
            "Resource" => "resource",
            "ContainerResource" => "containerResource",
            "Pods" => "pods",
            "Object" => "object",
            "External" => "external",
            _ => return None,
        };
        let source = metric.get(field)?;
        let mut current = tree::at(source, "/target");
        if let Value::Object(current) = &mut current {
            current.remove("type");
            if current.contains_key("averageUtilization") {
                current.entry("averageValue").or_insert("0".into());
            }
        }
        let mut status = source.clone();
        if let Value::Object(status) = &mut status {
            status.remove("target");
            status.insert("current".into(), current);
        }
        Some(json!({"type": kind, field: status}))
    };
    list(scaler, "/spec/metrics")
        .iter()
        .filter_map(of)
        .collect()
}
