//! CronJobs: a Job at each time of a schedule, and only so many kept.
//!
//! Compat: `pkg/controller/cronjob/cronjob_controllerv2.go`.

use crate::cache::Cache;
use crate::controllers::Plan;
use crate::controllers::job::is_finished;
use crate::cron::Schedule;
use crate::kinds::{Id, Kind};
use crate::tree::{self, condition, is_true, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::sync::Arc;
use std::time::Duration;

/// Plans for a CronJob.
pub fn plan(cache: &Cache, cron: &Value, now: Timestamp) -> Plan {
    let id = Id::of(Kind::CronJob, cron);
    let mut jobs = cache.owned(Kind::Job, cron);
    jobs.sort_by_key(|job| meta(job, "creationTimestamp").to_owned());
    let mut plan = Plan::none();
    forget_old(cron, &jobs, &mut plan);
    let running: Vec<&Arc<Value>> = jobs.iter().filter(|job| !is_finished(job)).collect();
    let mut status = json!({"active": running.iter().map(|job| reference(job)).collect::<Value>()});
    let ended = jobs
        .iter()
        .filter(|job| condition(job, "Complete") == "True")
        .map(|job| text(job, "/status/completionTime"))
        .max();
    if let Some(ended) = ended.filter(|at| *at > text(cron, "/status/lastSuccessfulTime")) {
        status["lastSuccessfulTime"] = ended.into();
    }
    if !is_true(cron, "/spec/suspend")
        && let Some(due) = due(cron, now, &id, &mut plan)
        && start(cron, &running, due, &mut plan)
    {
        status["lastScheduleTime"] = tree::stamp(due);
    }
    plan.now.extend(work::status(id, cron, status));
    plan
}

/// The latest time that has come and was not served; asks to be woken for the next.
fn due(cron: &Value, now: Timestamp, id: &Id, plan: &mut Plan) -> Option<Timestamp> {
    let schedule = Schedule::parse(text(cron, "/spec/schedule"))?;
    let zone = match text(cron, "/spec/timeZone") {
        "" => TimeZone::UTC,
        name => TimeZone::get(name).ok()?,
    };
    let last = text(cron, "/status/lastScheduleTime");
    let last = if last.is_empty() {
        meta(cron, "creationTimestamp")
    } else {
        last
    };
    let mut since: Timestamp = last.parse().ok()?;
    if let Some(deadline) = cron
        .pointer("/spec/startingDeadlineSeconds")
        .and_then(Value::as_i64)
    {
        let earliest = now
            .checked_sub(jiff::SignedDuration::from_secs(deadline))
            .ok()?;
        since = since.max(earliest);
    }
    let mut latest = None;
    let mut at = schedule.next(since, &zone);
    // After a long sleep only the latest counts; looking back is bounded.
    for _ in 0..10_000 {
        match at {
            Some(found) if found <= now => {
                latest = Some(found);
                at = schedule.next(found, &zone);
            }
            _ => break,
        }
    }
    if let Some(next) = at.filter(|next| *next > now) {
        let wait = next.duration_since(now);
        let wait = Duration::try_from(wait).unwrap_or(Duration::from_mins(1));
        plan.now
            .push(Work::Wake(id.clone(), wait.min(Duration::from_hours(24))));
    }
    latest
}

/// Starts the Job of a time, as far as the others allow; says whether the time is served.
fn start(cron: &Value, running: &[&Arc<Value>], due: Timestamp, plan: &mut Plan) -> bool {
    match text(cron, "/spec/concurrencyPolicy") {
        "Forbid" if !running.is_empty() => return false,
        "Replace" => plan.now.extend(running.iter().map(|job| delete(job))),
        _ => {}
    }
    let template = tree::at(cron, "/spec/jobTemplate");
    let mut annotations = tree::at(&template, "/metadata/annotations");
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations["batch.kubernetes.io/cronjob-scheduled-timestamp"] = tree::stamp(due);
    let mut metadata = json!({
        "name": format!("{}-{}", meta(cron, "name"), due.as_second() / 60),
        "namespace": meta(cron, "namespace"),
        "annotations": annotations,
        "ownerReferences": [tree::owner_reference(cron, "batch/v1", "CronJob")],
    });
    let labels = tree::at(&template, "/metadata/labels");
    if !labels.is_null() {
        metadata["labels"] = labels;
    }
    plan.now.push(Work::Create(
        Kind::Job,
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata,
            "spec": tree::at(&template, "/spec")}),
    ));
    true
}

fn forget_old(cron: &Value, jobs: &[Arc<Value>], plan: &mut Plan) {
    for (kind, field, fallback) in [
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ] {
        let limit = cron
            .pointer(&format!("/spec/{field}"))
            .and_then(Value::as_u64);
        let limit = limit.unwrap_or(fallback) as usize;
        let ended: Vec<&Arc<Value>> = jobs
            .iter()
            .filter(|job| condition(job, kind) == "True")
            .collect();
        let extra = ended.len().saturating_sub(limit);
        let going = ended
            .into_iter()
            .take(extra)
            .filter(|job| !tree::is_deleting(job));
        plan.now.extend(going.map(|job| delete(job)));
    }
}

fn delete(job: &Value) -> Work {
    let uid = meta(job, "uid").to_owned();
    Work::Delete {
        id: Id::of(Kind::Job, job),
        uid,
        grace_seconds: None,
    }
}

fn reference(job: &Value) -> Value {
    json!({"apiVersion": "batch/v1", "kind": "Job", "name": meta(job, "name"),
        "namespace": meta(job, "namespace"), "uid": meta(job, "uid"),
        "resourceVersion": meta(job, "resourceVersion")})
}
