//! Health of live objects, by rules for each kind.
//!
//! Compat: the built-in checks of Argo CD (gitops-engine `pkg/health`), with their messages. A
//! kind without a rule has no health, which is not the same as `Unknown`.
#![warn(missing_docs)]

mod autoscaler;
mod kstatus;
mod overall;
mod pod;
mod workload;

pub use kstatus::{Kstatus, Progress, job_done, kstatus, pod_done};
pub use overall::{Contribution, overall};

use argosy_crds::HealthCode;
use argosy_object::{Object, Value};

/// The health of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The code.
    pub code: HealthCode,
    /// What it waits for or suffers from; empty where there is nothing to say.
    pub message: String,
}

impl Health {
    /// A code with a message.
    pub fn new(code: HealthCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    fn healthy() -> Self {
        Self::new(HealthCode::Healthy, "")
    }

    fn progressing(message: impl Into<String>) -> Self {
        Self::new(HealthCode::Progressing, message)
    }

    fn degraded(message: impl Into<String>) -> Self {
        Self::new(HealthCode::Degraded, message)
    }
}

/// The finalizer that keeps a finished hook until it has been seen.
const HOOK_FINALIZER: &str = "argocd.argoproj.io/hook-finalizer";

/// The health of a live object; `None` where its kind has no rule.
pub fn health(object: &Object) -> Option<Health> {
    if object.is_deleting() && !object.finalizers().any(|f| f == HOOK_FINALIZER) {
        return Some(Health::progressing("Pending deletion"));
    }
    rule(object.api_version(), object.kind()).map(|rule| rule(object))
}

/// Whether objects of this kind have a rule.
pub fn has_rule(group: &str, kind: &str) -> bool {
    ["v1", "v2", "v1beta1", "v1alpha1"].iter().any(|version| {
        let api_version = if group.is_empty() {
            (*version).to_owned()
        } else {
            format!("{group}/{version}")
        };
        rule(&api_version, kind).is_some()
    })
}

type Rule = fn(&Object) -> Health;

fn rule(api_version: &str, kind: &str) -> Option<Rule> {
    let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
    Some(match (group, version, kind) {
        ("", "v1", "Pod") => pod::pod,
        ("", "v1", "Service") => service,
        ("", "v1", "PersistentVolumeClaim") => claim,
        ("apps", "v1", "Deployment") => workload::deployment,
        ("apps", "v1", "StatefulSet") => workload::stateful_set,
        ("apps", "v1", "ReplicaSet") => workload::replica_set,
        ("apps", "v1", "DaemonSet") => workload::daemon_set,
        ("batch", "v1", "Job") => workload::job,
        ("networking.k8s.io" | "extensions", _, "Ingress") => ingress,
        ("autoscaling", _, "HorizontalPodAutoscaler") => autoscaler::autoscaler,
        ("apiregistration.k8s.io", _, "APIService") => api_service,
        ("argoproj.io", _, "Workflow") => workflow,
        _ => return None,
    })
}

fn service(object: &Object) -> Health {
    if text(object, "/spec/type") != "LoadBalancer" || has_ingress_points(object) {
        Health::healthy()
    } else {
        Health::progressing("")
    }
}

fn ingress(object: &Object) -> Health {
    if has_ingress_points(object) {
        Health::healthy()
    } else {
        Health::progressing("")
    }
}

fn has_ingress_points(object: &Object) -> bool {
    object
        .pointer("/status/loadBalancer/ingress")
        .and_then(Value::as_array)
        .is_some_and(|points| !points.is_empty())
}

fn claim(object: &Object) -> Health {
    match text(object, "/status/phase") {
        "Bound" => Health::healthy(),
        "Pending" => Health::progressing(""),
        "Lost" => Health::degraded(""),
        _ => Health::new(HealthCode::Unknown, ""),
    }
}

fn api_service(object: &Object) -> Health {
    match conditions(object).find(|c| field(c, "type") == "Available") {
        Some(condition) => {
            let message = format!(
                "{}: {}",
                field(condition, "reason"),
                field(condition, "message")
            );
            if field(condition, "status") == "True" {
                Health::new(HealthCode::Healthy, message)
            } else {
                Health::progressing(message)
            }
        }
        None => Health::progressing("Waiting to be processed"),
    }
}

fn workflow(object: &Object) -> Health {
    let message = text(object, "/status/message");
    match text(object, "/status/phase") {
        "" | "Pending" | "Running" => Health::progressing(message),
        "Succeeded" => Health::new(HealthCode::Healthy, message),
        "Failed" | "Error" => Health::degraded(message),
        _ => Health::new(HealthCode::Unknown, message),
    }
}

fn text<'o>(object: &'o Object, pointer: &str) -> &'o str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// A number, 0 where there is none.
fn number(object: &Object, pointer: &str) -> i64 {
    object.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

fn field<'v>(value: &'v Value, name: &str) -> &'v str {
    value.get(name).and_then(Value::as_str).unwrap_or("")
}

fn conditions(object: &Object) -> impl Iterator<Item = &Value> {
    object
        .pointer("/status/conditions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests;
