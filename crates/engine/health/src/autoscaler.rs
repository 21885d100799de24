//! Horizontal pod autoscalers, v1 and v2.

use crate::{Health, conditions, field};
use argosy_crds::HealthCode;
use argosy_object::{Object, Value};

/// v1 keeps its conditions as JSON in this annotation.
const V1_CONDITIONS: &str = "autoscaling.alpha.kubernetes.io/conditions";

pub(crate) fn autoscaler(object: &Object) -> Health {
    let from_annotation: Vec<Value>;
    let all: Vec<&Value> = if object.api_version() == "autoscaling/v1" {
        let Some(text) = object.annotation(V1_CONDITIONS) else {
            return Health::progressing("Waiting to Autoscale");
        };
        from_annotation = match serde_json::from_str(text) {
            Ok(list) => list,
            Err(error) => {
                return Health::degraded(format!("Failed to convert conditions: {error}"));
            }
        };
        from_annotation.iter().collect()
    } else {
        conditions(object).collect()
    };
    for condition in &all {
        if is_failure(condition) {
            return Health::degraded(field(condition, "message"));
        }
    }
    for condition in &all {
        if is_working(condition) {
            return Health::new(HealthCode::Healthy, field(condition, "message"));
        }
    }
    Health::progressing("Waiting to Autoscale")
}

fn is_failure(condition: &Value) -> bool {
    let reasons: &[&str] = match field(condition, "type") {
        "AbleToScale" => &["FailedGetScale", "FailedUpdateScale"],
        "ScalingActive" => &["FailedGetResourceMetric", "InvalidSelector"],
        _ => return false,
    };
    field(condition, "status") == "False" && reasons.contains(&field(condition, "reason"))
}

fn is_working(condition: &Value) -> bool {
    matches!(field(condition, "type"), "AbleToScale" | "ScalingLimited")
        && field(condition, "status") == "True"
}
