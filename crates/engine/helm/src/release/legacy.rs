//! Helm 3's rules of readiness, for `--wait=legacy`.
//!
//! Compat: `kube.ReadyChecker` with paused deployments as ready.

use argosy_object::{Object, Value as Json};

/// What else a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Related {
    /// Nothing.
    Nothing,
    /// The ReplicaSets of a deployment's namespace.
    ReplicaSets,
    /// The pods that the object selects.
    Pods,
}

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct LegacyCheck<'a> {
    /// The live object.
    pub object: &'a Object,
    /// What [`Related::of`] asks for.
    pub related: &'a [Object],
    /// `--wait-for-jobs`
    pub with_jobs: bool,
}

impl Related {
    /// What the rule of a kind looks at.
    pub fn of(object: &Object) -> Self {
        match object.kind() {
            "Deployment" => Self::ReplicaSets,
            "ReplicationController" | "ReplicaSet" => Self::Pods,
            _ => Self::Nothing,
        }
    }
}

/// Whether a live object is ready.
///
/// # Errors
/// Where it never will be, in Helm's words.
pub fn ready(check: LegacyCheck<'_>) -> Result<bool, String> {
    let object = check.object;
    let gvk = object.gvk();
    Ok(match (&*gvk.group, &*gvk.kind) {
        ("", "Pod") => is_condition(object, "Ready"),
        ("batch", "Job") if check.with_jobs => return job(object),
        ("apps", "Deployment") => deployment(object, check.related),
        ("", "PersistentVolumeClaim") => text(object, "/status/phase") == "Bound",
        ("", "Service") => service(object),
        ("apps", "DaemonSet") => daemon_set(object),
        ("apps", "StatefulSet") => stateful_set(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            is_condition(object, "Established") || has(object, "NamesAccepted", "False")
        }
        ("", "ReplicationController") | ("apps", "ReplicaSet") => {
            is_observed(object) && check.related.iter().all(|pod| is_condition(pod, "Ready"))
        }
        _ => true,
    })
}

fn job(object: &Object) -> Result<bool, String> {
    let failed = int(object, "/status/failed").unwrap_or(0);
    if failed > int(object, "/spec/backoffLimit").unwrap_or(6) {
        let (namespace, name) = (object.namespace().unwrap_or_default(), object.name());
        return Err(format!("job is failed: {namespace}/{name}"));
    }
    let succeeded = int(object, "/status/succeeded").unwrap_or(0);
    Ok(int(object, "/spec/completions").is_none_or(|wanted| succeeded >= wanted))
}

fn deployment(object: &Object, replica_sets: &[Object]) -> bool {
    if object.pointer("/spec/paused") == Some(&Json::Bool(true)) {
        return true;
    }
    // The newest ReplicaSet is the one of the deployment's revision.
    const REVISION: &str = "deployment.kubernetes.io/revision";
    let owned = replica_sets.iter().filter(|found| {
        let owners = found.pointer("/metadata/ownerReferences");
        let mut owners = owners.and_then(Json::as_array).into_iter().flatten();
        owners.any(|owner| owner["uid"].as_str() == Some(object.uid()))
    });
    let revision = |found: &Object| {
        let text = found.annotation(REVISION).unwrap_or_default();
        text.parse::<i64>().unwrap_or(0)
    };
    let Some(newest) = owned.max_by_key(|found| revision(found)) else {
        return false;
    };
    if revision(newest) != revision(object) || !is_observed(newest) || !is_observed(object) {
        return false;
    }
    let replicas = int(object, "/spec/replicas").unwrap_or(1);
    let missing = object.pointer("/spec/strategy/rollingUpdate/maxUnavailable");
    let is_rolling = text(object, "/spec/strategy/type") == "RollingUpdate";
    let missing = missing
        .filter(|_| is_rolling && replicas > 0)
        .map_or(0, |share| part(share, replicas, false))
        .min(replicas);
    int(newest, "/status/readyReplicas").unwrap_or(0) >= replicas - missing
}

fn daemon_set(object: &Object) -> bool {
    if !is_observed(object) {
        return false;
    }
    if text(object, "/spec/updateStrategy/type") != "RollingUpdate" {
        return true;
    }
    let count = |field: &str| int(object, field).unwrap_or(0);
    let wanted = count("/status/desiredNumberScheduled");
    if count("/status/updatedNumberScheduled") != wanted {
        return false;
    }
    let missing = object.pointer("/spec/updateStrategy/rollingUpdate/maxUnavailable");
    let missing = missing.map_or(wanted, |share| part(share, wanted, true));
    count("/status/numberReady") >= wanted - missing
}

fn stateful_set(object: &Object) -> bool {
    if !is_observed(object) {
        return false;
    }
    if text(object, "/spec/updateStrategy/type") != "RollingUpdate" {
        return true;
    }
    let partition = int(object, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    let replicas = int(object, "/spec/replicas").unwrap_or(1);
    let count = |field: &str| int(object, field).unwrap_or(0);
    count("/status/updatedReplicas") >= replicas - partition
        && count("/status/readyReplicas") == replicas
        && (partition != 0
            || text(object, "/status/currentRevision") == text(object, "/status/updateRevision"))
}

fn service(object: &Object) -> bool {
    let kind = text(object, "/spec/type");
    if kind == "ExternalName" {
        return true;
    }
    if text(object, "/spec/clusterIP").is_empty() {
        return false;
    }
    let has_some = |field: &str| {
        let list = object.pointer(field).and_then(Json::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    kind != "LoadBalancer"
        || has_some("/spec/externalIPs")
        || has_some("/status/loadBalancer/ingress")
}

/// A number, or a percentage of `whole`.
fn part(share: &Json, whole: i64, rounds_up: bool) -> i64 {
    if let Some(number) = share.as_i64() {
        return number;
    }
    let percent = share
        .as_str()
        .and_then(|text| text.strip_suffix('%')?.parse::<i64>().ok());
    let Some(percent) = percent.filter(|percent| (0..=1_000_000).contains(percent)) else {
        return whole;
    };
    let scaled = i128::from(whole) * i128::from(percent);
    let scaled = if rounds_up { scaled + 99 } else { scaled } / 100;
    i64::try_from(scaled).unwrap_or(whole)
}

fn is_observed(object: &Object) -> bool {
    int(object, "/status/observedGeneration").unwrap_or(0)
        == int(object, "/metadata/generation").unwrap_or(0)
}

fn is_condition(object: &Object, kind: &str) -> bool {
    has(object, kind, "True")
}

fn has(object: &Object, kind: &str, status: &str) -> bool {
    let list = object
        .pointer("/status/conditions")
        .and_then(Json::as_array);
    list.into_iter()
        .flatten()
        .any(|found| found["type"] == kind && found["status"] == status)
}

fn text<'o>(object: &'o Object, pointer: &str) -> &'o str {
    let found = object.pointer(pointer).and_then(Json::as_str);
    found.unwrap_or_default()
}

fn int(object: &Object, pointer: &str) -> Option<i64> {
    object.pointer(pointer)?.as_i64()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn check(object: Json, related: &[Json]) -> Result<bool, String> {
        let related: Vec<Object> = related.iter().cloned().map(Object::from_trusted).collect();
        ready(LegacyCheck {
            object: &Object::from_trusted(object),
            related: &related,
            with_jobs: true,
        })
    }

    #[test]
    fn a_deployment_is_ready_with_its_newest_replica_set() {
        let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"uid": "u", "annotations": {"deployment.kubernetes.io/revision": "2"}},
            "spec": {"replicas": 4, "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%"}}}});
        let set = |revision: &str, ready: i64| {
            json!({"kind": "ReplicaSet", "metadata": {"ownerReferences": [{"uid": "u"}],
                "annotations": {"deployment.kubernetes.io/revision": revision}}, "status": {"readyReplicas": ready}})
        };
        assert_eq!(check(deployment.clone(), &[set("1", 4)]), Ok(false));
        assert_eq!(
            check(deployment.clone(), &[set("1", 4), set("2", 2)]),
            Ok(false)
        );
        assert_eq!(check(deployment, &[set("1", 4), set("2", 3)]), Ok(true));
    }

    #[test]
    fn a_job_beyond_its_limit_never_gets_ready() {
        let job = |failed: i64| {
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j", "namespace": "n"},
                "spec": {"backoffLimit": 1, "completions": 1}, "status": {"failed": failed}})
        };
        assert_eq!(check(job(1), &[]), Ok(false));
        assert_eq!(check(job(2), &[]), Err("job is failed: n/j".to_owned()));
    }
}
