//! PodDisruptionBudgets: how many pods may go at once.
//!
//! Compat: `pkg/controller/disruption`.

use crate::cache::Cache;
use crate::conditions::{self, Condition, Times};
use crate::kinds::{Id, Kind};
use crate::labels;
use crate::tree::{self, condition, int, portion, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::sync::Arc;

/// Plans for a budget.
pub fn plan(cache: &Cache, budget: &Value, now: Timestamp) -> Option<Work> {
    let selector = tree::at(budget, "/spec/selector");
    let pods: Vec<Arc<Value>> = cache
        .list(Kind::Pod, meta(budget, "namespace"))
        .filter(|pod| labels::matches(&selector, tree::get(pod, "/metadata/labels")))
        .filter(|pod| !matches!(text(pod, "/status/phase"), "Succeeded" | "Failed"))
        .collect();
    let healthy = pods
        .iter()
        .filter(|pod| !tree::is_deleting(pod) && condition(pod, "Ready") == "True")
        .count() as i64;
    let count = pods.len() as i64;
    let spec = |field: &str| {
        budget
            .pointer(&format!("/spec/{field}"))
            .filter(|value| !value.is_null())
    };
    let expected = expected(cache, &pods).max(count);
    let (expected, desired) = if let Some(most) = spec("maxUnavailable") {
        let most = portion(Some(most), expected, true).unwrap_or(0);
        (expected, (expected - most).max(0))
    } else {
        match spec("minAvailable") {
            Some(Value::Number(least)) => (count, least.as_i64().unwrap_or(0)),
            least => (expected, portion(least, expected, true).unwrap_or(1)),
        }
    };
    let allowed = if expected > 0 {
        (healthy - desired).max(0)
    } else {
        0
    };
    let known = Condition {
        kind: "DisruptionAllowed",
        status: if allowed > 0 { "True" } else { "False" },
        reason: if allowed > 0 {
            "SufficientPods"
        } else {
            "InsufficientPods"
        },
        message: "",
    };
    let mut conditions = conditions::set(budget, &[known], Times::Transition, now);
    for condition in conditions.as_array_mut().into_iter().flatten() {
        condition["observedGeneration"] = int(budget, "/metadata/generation").into();
        if condition.get("message").is_none() {
            condition["message"] = "".into();
        }
    }
    let status = json!({
        "observedGeneration": int(budget, "/metadata/generation"),
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "conditions": conditions,
    });
    work::status(Id::of(Kind::Budget, budget), budget, status)
}

/// How many pods the workloads above these want; without controllers, those that are there.
fn expected(cache: &Cache, pods: &[Arc<Value>]) -> i64 {
    let mut owners: Vec<Id> = pods
        .iter()
        .filter_map(|pod| {
            let (kind, name, _) = tree::controller(pod)?;
            let namespace = meta(pod, "namespace").to_owned();
            Some(Id {
                kind: Kind::named(kind)?,
                namespace,
                name: name.to_owned(),
            })
        })
        .collect();
    owners.sort();
    owners.dedup();
    owners
        .iter()
        .filter_map(|id| cache.at(id))
        .map(|owner| int(&owner, "/spec/replicas"))
        .sum()
}
