//! ResourceQuotas: what of them is used.

use crate::cache::Cache;
use crate::controllers::{Plan, pods};
use crate::kinds::{Id, Kind};
use crate::tree::{self, list, text};
use crate::work;
use argosy_object::{Map, Value, json, meta};
use std::sync::Arc;

/// Plans for a quota: counts of pods, services and claims, and what pods ask for. What is not
/// watched (ConfigMaps, Secrets, ..) counts as none.
pub fn plan(cache: &Cache, quota: &Value) -> Plan {
    let namespace = meta(quota, "namespace");
    let hard = tree::at(quota, "/spec/hard");
    let pods: Vec<Arc<Value>> = cache
        .list(Kind::Pod, namespace)
        .filter(|pod| !pods::is_done(pod))
        .collect();
    let mut used = Map::new();
    for name in hard.as_object().into_iter().flat_map(|h| h.keys()) {
        used.insert(name.clone(), usage(cache, namespace, &pods, name).into());
    }
    let status = json!({"hard": hard, "used": used});
    let id = Id::of(Kind::Quota, quota);
    let work = work::status(id, quota, status);
    // Pods come in crowds: the first answer at once, the others when they have calmed down.
    let mut plan = Plan::none();
    plan.status(quota.pointer("/status/hard").is_none(), work);
    plan
}

fn usage(cache: &Cache, namespace: &str, pods: &[Arc<Value>], name: &str) -> String {
    let services = |kind: &str| {
        let all = cache.list(Kind::Service, namespace);
        all.filter(|s| kind.is_empty() || text(s, "/spec/type") == kind)
            .count()
            .to_string()
    };
    match name {
        "pods" | "count/pods" => pods.len().to_string(),
        "services" | "count/services" => services(""),
        "services.loadbalancers" => services("LoadBalancer"),
        "services.nodeports" => services("NodePort"),
        "persistentvolumeclaims" | "count/persistentvolumeclaims" => {
            cache.count(Kind::Claim, namespace).to_string()
        }
        "cpu" | "requests.cpu" => total(pods, "requests", "cpu"),
        "memory" | "requests.memory" => total(pods, "requests", "memory"),
        "limits.cpu" => total(pods, "limits", "cpu"),
        "limits.memory" => total(pods, "limits", "memory"),
        "count/deployments.apps" => cache.count(Kind::Deployment, namespace).to_string(),
        "count/replicasets.apps" => cache.count(Kind::ReplicaSet, namespace).to_string(),
        "count/statefulsets.apps" => cache.count(Kind::StatefulSet, namespace).to_string(),
        "count/jobs.batch" => cache.count(Kind::Job, namespace).to_string(),
        "count/cronjobs.batch" => cache.count(Kind::CronJob, namespace).to_string(),
        _ => "0".into(),
    }
}

/// The sum over all containers, in thousandths for CPU and in the largest whole unit for memory.
fn total(pods: &[Arc<Value>], list_name: &str, resource: &str) -> String {
    let pointer = format!("/resources/{list_name}/{resource}");
    let sum: i128 = pods
        .iter()
        .flat_map(|pod| list(pod, "/spec/containers"))
        .filter_map(|container| container.pointer(&pointer))
        .filter_map(milli)
        .fold(0, i128::saturating_add);
    if resource == "cpu" && sum % 1000 != 0 {
        return format!("{sum}m");
    }
    let whole = sum / 1000;
    if resource == "cpu" {
        return whole.to_string();
    }
    for (suffix, unit) in [("Gi", 1_i128 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10)] {
        if whole > 0 && whole % unit == 0 {
            return format!("{}{suffix}", whole / unit);
        }
    }
    whole.to_string()
}

fn milli(value: &Value) -> Option<i128> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let number: f64 = text[..end].parse().ok()?;
    let factor: f64 = match &text[end..] {
        "m" => 1.0,
        "" => 1e3,
        "k" => 1e6,
        "M" => 1e9,
        "G" => 1e12,
        "T" => 1e15,
        "Ki" => 1024e3,
        "Mi" => 1_048_576e3,
        "Gi" => 1_073_741_824e3,
        "Ti" => 1_099_511_627_776e3,
        _ => return None,
    };
    Some((number * factor).ceil() as i128)
}
