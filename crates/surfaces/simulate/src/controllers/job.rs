//! Jobs: pods until enough have succeeded, or too many have failed.
//!
//! Compat: `pkg/controller/job`, without tracking finalizers, pod failure policies and success
//! policies.

use crate::cache::Cache;
use crate::conditions::{self, Condition, Times};
use crate::controllers::Plan;
use crate::controllers::pods::{self, opt};
use crate::kinds::{Id, Kind};
use crate::tree::{self, condition, int, is_true, stamp, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const INDEX: &str = "batch.kubernetes.io/job-completion-index";

/// Plans for a Job.
pub fn plan(cache: &Cache, job: &Value, now: Timestamp) -> Plan {
    let id = Id::of(Kind::Job, job);
    if is_finished(job) {
        return expire(job, id, now);
    }
    let all = pods::of(cache, job);
    let active: Vec<Arc<Value>> = all.iter().filter(|p| pods::is_active(p)).cloned().collect();
    let phase = |name: &str| {
        all.iter()
            .filter(|p| text(p, "/status/phase") == name)
            .count() as i64
    };
    let counted = |name: &str| int(job, &format!("/status/{name}"));
    let indexes = done_indexes(job, &all);
    let indexed = text(job, "/spec/completionMode") == "Indexed";
    let succeeded = if indexed {
        indexes.len() as i64
    } else {
        phase("Succeeded").max(counted("succeeded"))
    };
    let failed = phase("Failed").max(counted("failed"));
    let mut plan = Plan::none();
    let mut status = json!({
        "active": opt(active.len() as i64),
        "ready": active.iter().filter(|p| pods::is_ready(p)).count(),
        "succeeded": opt(succeeded),
        "failed": opt(failed),
        "terminating": all.iter().filter(|p| tree::is_deleting(p)).count(),
        "uncountedTerminatedPods": {},
    });
    if indexed && !indexes.is_empty() {
        status["completedIndexes"] = ranges(&indexes).into();
    }
    let suspended = is_true(job, "/spec/suspend");
    let started = text(job, "/status/startTime");
    if started.is_empty() && !suspended {
        status["startTime"] = stamp(now);
    }
    let goal = Goal {
        succeeded,
        failed,
        active: active.len() as i64,
    };
    if let Some(end) = goal.end(job, now) {
        finish(job, &id, &active, &end, status, now, &mut plan);
        return plan;
    }
    if suspended {
        suspend(job, id, &active, status, now, &mut plan);
        return plan;
    }
    if condition(job, "Suspended") == "True" {
        let resumed = Condition {
            kind: "Suspended",
            status: "False",
            reason: "JobResumed",
            message: "Job resumed",
        };
        status["conditions"] = conditions::set(job, &[resumed], Times::Probed, now);
        status["startTime"] = stamp(now);
    }
    run(job, &goal, &indexes, &active, &mut plan);
    if let Some(deadline) = job
        .pointer("/spec/activeDeadlineSeconds")
        .and_then(Value::as_u64)
    {
        plan.now.push(Work::Wake(
            id.clone(),
            Duration::from_secs(deadline.min(86_400 * 30)),
        ));
    }
    // Pods that run soon change the counts again; a failed one is news.
    let settled = started.is_empty() || failed != counted("failed");
    plan.status(settled, work::status(id, job, status));
    plan
}

/// Whether a Job has ended, well or not.
pub fn is_finished(job: &Value) -> bool {
    condition(job, "Complete") == "True" || condition(job, "Failed") == "True"
}

fn expire(job: &Value, id: Id, now: Timestamp) -> Plan {
    let Some(life) = job
        .pointer("/spec/ttlSecondsAfterFinished")
        .and_then(Value::as_i64)
    else {
        return Plan::none();
    };
    let ended = tree::list(job, "/status/conditions")
        .iter()
        .filter(|c| matches!(text(c, "/type"), "Complete" | "Failed"))
        .find_map(|c| text(c, "/lastTransitionTime").parse::<Timestamp>().ok());
    let left = ended.map_or(0, |at| life - now.duration_since(at).as_secs());
    let work = if left > 0 {
        Work::Wake(id, Duration::from_secs(left.unsigned_abs()))
    } else {
        Work::Delete {
            id,
            uid: meta(job, "uid").to_owned(),
            grace_seconds: None,
        }
    };
    Plan {
        now: vec![work],
        soon: Vec::new(),
    }
}

struct Goal {
    succeeded: i64,
    failed: i64,
    active: i64,
}

/// How a Job ends: whether well, the reason and the message.
struct End {
    well: bool,
    reason: &'static str,
    message: &'static str,
}

impl Goal {
    fn end(&self, job: &Value, now: Timestamp) -> Option<End> {
        let completions = job.pointer("/spec/completions").and_then(Value::as_i64);
        let enough = match completions {
            Some(wanted) => self.succeeded >= wanted,
            None => self.succeeded > 0 && self.active == 0,
        };
        if enough {
            return Some(End {
                well: true,
                reason: "CompletionsReached",
                message: "Reached expected number of succeeded pods",
            });
        }
        let limit = job
            .pointer("/spec/backoffLimit")
            .and_then(Value::as_i64)
            .unwrap_or(6);
        if self.failed > limit {
            return Some(End {
                well: false,
                reason: "BackoffLimitExceeded",
                message: "Job has reached the specified backoff limit",
            });
        }
        let deadline = job
            .pointer("/spec/activeDeadlineSeconds")
            .and_then(Value::as_i64)?;
        let started: Timestamp = text(job, "/status/startTime").parse().ok()?;
        (now.duration_since(started).as_secs() >= deadline).then_some(End {
            well: false,
            reason: "DeadlineExceeded",
            message: "Job was active longer than specified deadline",
        })
    }
}

fn finish(
    job: &Value,
    id: &Id,
    active: &[Arc<Value>],
    end: &End,
    mut status: Value,
    now: Timestamp,
    plan: &mut Plan,
) {
    plan.now.extend(active.iter().map(|pod| pods::delete(pod)));
    let (before, kind) = if end.well {
        ("SuccessCriteriaMet", "Complete")
    } else {
        ("FailureTarget", "Failed")
    };
    let condition = |kind| Condition {
        kind,
        status: "True",
        reason: end.reason,
        message: end.message,
    };
    let wanted = [condition(before), condition(kind)];
    status["conditions"] = conditions::set(job, &wanted, Times::Probed, now);
    status["active"] = Value::Null;
    status["ready"] = 0.into();
    if end.well {
        status["completionTime"] = stamp(now);
    }
    plan.now.extend(work::status(id.clone(), job, status));
}

fn suspend(
    job: &Value,
    id: Id,
    active: &[Arc<Value>],
    mut status: Value,
    now: Timestamp,
    plan: &mut Plan,
) {
    plan.now.extend(active.iter().map(|pod| pods::delete(pod)));
    let suspended = Condition {
        kind: "Suspended",
        status: "True",
        reason: "JobSuspended",
        message: "Job suspended",
    };
    status["conditions"] = conditions::set(job, &[suspended], Times::Probed, now);
    status["active"] = Value::Null;
    if !text(job, "/status/startTime").is_empty() {
        status["startTime"] = Value::Null;
    }
    plan.now.extend(work::status(id, job, status));
}

fn run(job: &Value, goal: &Goal, done: &BTreeSet<i64>, active: &[Arc<Value>], plan: &mut Plan) {
    let parallel = job
        .pointer("/spec/parallelism")
        .and_then(Value::as_i64)
        .unwrap_or(1)
        .max(0);
    let completions = job.pointer("/spec/completions").and_then(Value::as_i64);
    let wanted = match completions {
        Some(all) => parallel.min((all - goal.succeeded).max(0)),
        // A work queue: once one has succeeded no new ones are started.
        None if goal.succeeded > 0 => goal.active,
        None => parallel,
    };
    let missing = wanted - goal.active;
    if missing < 0 {
        let surplus = pods::surplus(active.to_vec(), wanted.unsigned_abs() as usize);
        plan.now.extend(surplus.iter().map(|pod| pods::delete(pod)));
        return;
    }
    let indexed = text(job, "/spec/completionMode") == "Indexed";
    let taken: BTreeSet<i64> = active.iter().filter_map(|pod| index_of(pod)).collect();
    let mut free = (0..completions.unwrap_or(0).min(100_000))
        .filter(|index| !done.contains(index) && !taken.contains(index));
    for _ in 0..missing.min(500) {
        let index = if indexed { free.next() } else { None };
        if indexed && index.is_none() {
            break;
        }
        plan.now.push(Work::Create(Kind::Pod, pod_of(job, index)));
    }
}

fn pod_of(job: &Value, index: Option<i64>) -> Value {
    let template = tree::at(job, "/spec/template");
    let mut pod = pods::from_template(job, ("batch/v1", "Job"), &template);
    let name = meta(job, "name");
    let mut metadata = Value::Object(std::mem::take(tree::map(&mut pod, "metadata")));
    match index {
        None => metadata["generateName"] = format!("{name}-").into(),
        Some(index) => {
            metadata["generateName"] = format!("{name}-{index}-").into();
            tree::map(&mut metadata, "annotations").insert(INDEX.into(), index.to_string().into());
            tree::map(&mut metadata, "labels").insert(INDEX.into(), index.to_string().into());
            tree::map(&mut pod, "spec").insert("hostname".into(), format!("{name}-{index}").into());
        }
    }
    pod["metadata"] = metadata;
    pod
}

fn index_of(pod: &Value) -> Option<i64> {
    pod.pointer("/metadata/annotations")?
        .get(INDEX)?
        .as_str()?
        .parse()
        .ok()
}

fn done_indexes(job: &Value, pods: &[Arc<Value>]) -> BTreeSet<i64> {
    let mut done: BTreeSet<i64> = pods
        .iter()
        .filter(|pod| text(pod, "/status/phase") == "Succeeded")
        .filter_map(|pod| index_of(pod))
        .collect();
    for part in text(job, "/status/completedIndexes")
        .split(',')
        .filter(|p| !p.is_empty())
    {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        if let (Ok(first), Ok(last)) = (first.parse::<i64>(), last.parse::<i64>()) {
            done.extend(first..=last.min(first.saturating_add(100_000)));
        }
    }
    done
}

/// `1,3-5,7`.
fn ranges(indexes: &BTreeSet<i64>) -> String {
    let mut parts: Vec<(i64, i64)> = Vec::new();
    for index in indexes {
        match parts.last_mut() {
            Some((_, last)) if *last + 1 == *index => *last = *index,
            _ => parts.push((*index, *index)),
        }
    }
    let texts: Vec<String> = parts
        .iter()
        .map(|(a, b)| match b - a {
            0 => a.to_string(),
            1 => format!("{a},{b}"),
            _ => format!("{a}-{b}"),
        })
        .collect();
    texts.join(",")
}
