//! Whether an object has become what it declares, as `kstatus` judges.
//!
//! Helm 4's `--wait` and Flux's health checks wait for it. Generic signs come first (deletion,
//! generation, `Reconciling` and `Stalled`), then rules for the built-in kinds, then `Ready`.
//!
//! Compat: fluxcd/cli-utils 0.37 `pkg/kstatus/status`, with its messages.

mod workload;

use argosy_object::{Object, Value};
use jiff::Timestamp;
use std::time::Duration;

/// How long a pod may stay unscheduled before that counts as a failure.
const SCHEDULE_WINDOW: Duration = Duration::from_secs(15);

/// How far an object has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// On its way.
    InProgress,
    /// Arrived.
    Current,
    /// It will not arrive by itself.
    Failed,
    /// It is being deleted.
    Terminating,
    /// It is not there.
    NotFound,
    /// It could not be read or judged.
    Unknown,
}

impl Progress {
    /// The word that kstatus uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "InProgress",
            Self::Current => "Current",
            Self::Failed => "Failed",
            Self::Terminating => "Terminating",
            Self::NotFound => "NotFound",
            Self::Unknown => "Unknown",
        }
    }
}

/// The verdict on one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kstatus {
    /// How far it is.
    pub progress: Progress,
    /// Why, in kstatus' words.
    pub message: String,
}

impl Kstatus {
    /// A verdict from its parts.
    pub fn new(progress: Progress, message: impl Into<String>) -> Self {
        Self {
            progress,
            message: message.into(),
        }
    }

    fn current(message: impl Into<String>) -> Self {
        Self::new(Progress::Current, message)
    }

    fn in_progress(message: impl Into<String>) -> Self {
        Self::new(Progress::InProgress, message)
    }

    fn failed(message: impl Into<String>) -> Self {
        Self::new(Progress::Failed, message)
    }
}

/// Judges a live object; `now` only matters for pods that nobody schedules.
pub fn kstatus(object: &Object, now: Timestamp) -> Kstatus {
    if let Some(verdict) = generic(object) {
        return verdict;
    }
    if let Some(verdict) = built_in(object, now) {
        return verdict;
    }
    for condition in conditions(object) {
        match (condition.kind, condition.status) {
            ("Ready", "True") => return Kstatus::current("Resource is Ready"),
            ("Ready", "False" | "Unknown") => return Kstatus::in_progress(condition.message),
            _ => {}
        }
    }
    Kstatus::current("Resource is current")
}

/// Signs that any kind may have.
fn generic(object: &Object) -> Option<Kstatus> {
    if object.is_deleting() {
        let text = "Resource scheduled for deletion";
        return Some(Kstatus::new(Progress::Terminating, text));
    }
    let generation = object
        .pointer("/metadata/generation")
        .and_then(Value::as_i64);
    let observed = object
        .pointer("/status/observedGeneration")
        .and_then(Value::as_i64);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && generation != observed
    {
        return Some(Kstatus::in_progress(format!(
            "{} generation is {generation}, but latest observed generation is {observed}",
            object.kind()
        )));
    }
    conditions(object).find_map(|condition| match (condition.kind, condition.status) {
        ("Reconciling", "True") => Some(Kstatus::in_progress(condition.message)),
        ("Stalled", "True") => Some(Kstatus::failed(condition.message)),
        _ => None,
    })
}

fn built_in(object: &Object, now: Timestamp) -> Option<Kstatus> {
    let gvk = object.gvk();
    Some(match (&*gvk.group, &*gvk.kind) {
        ("", "Secret" | "ConfigMap") | ("batch", "CronJob") => {
            Kstatus::current("Resource is always ready")
        }
        ("", "Service") => service(object),
        ("", "Pod") => pod(object, now),
        ("", "PersistentVolumeClaim") => claim(object),
        ("apps", "StatefulSet") => workload::stateful_set(object),
        ("apps" | "extensions", "DaemonSet") => workload::daemon_set(object),
        ("apps" | "extensions", "Deployment") => workload::deployment(object),
        ("apps" | "extensions", "ReplicaSet") => workload::replica_set(object),
        ("policy", "PodDisruptionBudget") => {
            Kstatus::current("AllowedDisruptions has been computed.")
        }
        ("batch", "Job") => job(object),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(object),
        _ => return None,
    })
}

fn service(object: &Object) -> Kstatus {
    let is_balanced = text(object, "/spec/type") == "LoadBalancer";
    if is_balanced && text(object, "/spec/clusterIP").is_empty() {
        return Kstatus::in_progress("ClusterIP not set. Service type: LoadBalancer");
    }
    Kstatus::current("Service is ready")
}

fn claim(object: &Object) -> Kstatus {
    match object.pointer("/status/phase").and_then(Value::as_str) {
        Some("Bound") => Kstatus::current("PVC is Bound"),
        phase => {
            let phase = phase.unwrap_or("unknown");
            Kstatus::in_progress(format!("PVC is not Bound. phase: {phase}"))
        }
    }
}

fn pod(object: &Object, now: Timestamp) -> Kstatus {
    let has = |kind: &str, status: &str| {
        conditions(object).find(|found| found.kind == kind && found.status == status)
    };
    match text(object, "/status/phase") {
        "Succeeded" => Kstatus::current("Pod has completed successfully"),
        "Failed" => Kstatus::current("Pod has completed, but not successfully"),
        "Running" => {
            if has("Ready", "True").is_some() {
                return Kstatus::current("Pod is Ready");
            }
            let crashing = crashing_containers(object);
            if crashing.is_empty() {
                return Kstatus::in_progress("Pod is running but is not Ready");
            }
            let names = crashing.join(",");
            Kstatus::failed(format!("Containers in CrashLoop state: {names}"))
        }
        "Pending" => match has("PodScheduled", "False") {
            Some(found) if found.reason == "Unschedulable" => {
                let made: Option<Timestamp> =
                    text(object, "/metadata/creationTimestamp").parse().ok();
                let window = made.and_then(|made| made.checked_add(SCHEDULE_WINDOW).ok());
                if window.is_some_and(|end| now < end) {
                    return Kstatus::in_progress("Pod has not been scheduled");
                }
                Kstatus::failed("Pod could not be scheduled")
            }
            _ => Kstatus::in_progress("Pod is in the Pending phase"),
        },
        "" => Kstatus::in_progress("Pod phase not available"),
        _ => Kstatus::new(Progress::Unknown, ""),
    }
}

fn crashing_containers(object: &Object) -> Vec<&str> {
    let statuses = object.pointer("/status/containerStatuses");
    let statuses = statuses.and_then(Value::as_array).into_iter().flatten();
    statuses
        .filter(|status| status["state"]["waiting"]["reason"] == "CrashLoopBackOff")
        .filter_map(|status| status["name"].as_str())
        .collect()
}

/// A job is current once it runs; see [`job_done`] for waiting until its end.
fn job(object: &Object) -> Kstatus {
    if let Some(verdict) = job_end(object) {
        return verdict;
    }
    if text(object, "/status/startTime").is_empty() {
        return Kstatus::in_progress("Job not started");
    }
    Kstatus::current(format!(
        "Job in progress. success:{}, active: {}, failed: {}",
        int(object, "/status/succeeded", 0),
        int(object, "/status/active", 0),
        int(object, "/status/failed", 0)
    ))
}

fn job_end(object: &Object) -> Option<Kstatus> {
    let parallelism = int(object, "/spec/parallelism", 1);
    let completions = int(object, "/spec/completions", parallelism);
    conditions(object).find_map(|condition| match (condition.kind, condition.status) {
        ("Complete", "True") => Some(Kstatus::current(format!(
            "Job Completed. succeeded: {}/{completions}",
            int(object, "/status/succeeded", 0)
        ))),
        ("Failed", "True") => Some(Kstatus::failed(format!(
            "Job Failed. failed: {}/{completions}",
            int(object, "/status/failed", 0)
        ))),
        _ => None,
    })
}

/// Judges a job by its end alone.
///
/// Compat: Helm's own reader of hooks and of `--wait-for-jobs`.
pub fn job_done(object: &Object) -> Kstatus {
    job_end(object).unwrap_or_else(|| Kstatus::in_progress("Job in progress"))
}

/// Judges a pod by its end alone.
///
/// Compat: Helm's own reader of hooks.
pub fn pod_done(object: &Object) -> Kstatus {
    let name = object.name();
    match text(object, "/status/phase") {
        "Succeeded" => Kstatus::current(format!("pod {name} succeeded")),
        "Failed" => Kstatus::failed(format!("pod {name} failed")),
        _ => Kstatus::in_progress("Pod in progress"),
    }
}

fn definition(object: &Object) -> Kstatus {
    for condition in conditions(object) {
        match (condition.kind, condition.status) {
            ("NamesAccepted", "False") => return Kstatus::failed(condition.message),
            ("Established", "False") if condition.reason != "Installing" => {
                return Kstatus::failed(condition.message);
            }
            ("Established", "True") => return Kstatus::current("CRD is established"),
            _ => {}
        }
    }
    Kstatus::in_progress("Install in progress")
}

/// One entry of `status.conditions`.
struct Condition<'o> {
    kind: &'o str,
    status: &'o str,
    reason: &'o str,
    message: &'o str,
}

fn conditions(object: &Object) -> impl Iterator<Item = Condition<'_>> {
    let list = object
        .pointer("/status/conditions")
        .and_then(Value::as_array);
    list.into_iter().flatten().map(|condition| {
        let field = |name: &str| condition[name].as_str().unwrap_or_default();
        Condition {
            kind: field("type"),
            status: field("status"),
            reason: field("reason"),
            message: field("message"),
        }
    })
}

fn text<'o>(object: &'o Object, pointer: &str) -> &'o str {
    let found = object.pointer(pointer).and_then(Value::as_str);
    found.unwrap_or_default()
}

fn int(object: &Object, pointer: &str, missing: i64) -> i64 {
    let found = object.pointer(pointer).and_then(Value::as_i64);
    found.unwrap_or(missing)
}

#[cfg(test)]
mod tests;
