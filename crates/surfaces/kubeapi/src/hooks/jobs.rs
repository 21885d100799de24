//! Jobs and CronJobs.
//!
//! Compat: `pkg/apis/batch/v1/defaults.go`, `pkg/registry/batch/job/strategy.go` and
//! `pkg/apis/batch/validation`.

use crate::hooks::fields::{at, default, default_text, int, is_true, map, same, text};
use crate::hooks::{label_selector, pod_spec};
use crate::{ApiError, DeletePlan, FieldError, HookCx, KindHook};
use argosy_object::{Value, json, meta};

/// `batch/v1` Job.
#[derive(Clone, Copy, Debug)]
pub struct Job;

/// `batch/v1` CronJob.
#[derive(Clone, Copy, Debug)]
pub struct CronJob;

impl KindHook for Job {
    fn selectable_fields(&self) -> &'static [&'static str] {
        &["status.successful"]
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        let done = int(object, "/status/succeeded").unwrap_or(0);
        (field == "status.successful").then(|| done.to_string())
    }

    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let mut spec = Value::Object(std::mem::take(map(new, "spec")));
        fill(&mut spec, true);
        new["spec"] = spec;
        label_as_template(new);
    }

    fn prepare_create(&self, _cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        if !is_true(new, "/spec/manualSelector") {
            generate_selector(new);
            label_as_template(new);
        }
        Ok(())
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let spec = at(new, "/spec");
        validate_spec(&spec, "spec", &mut errors);
        let labels = at(new, "/spec/template/metadata/labels");
        let selector = at(new, "/spec/selector");
        if selector.is_null() {
            errors.push(FieldError::required("spec.selector", ""));
        } else if !label_selector::matches(&selector, &labels) {
            errors.push(FieldError::invalid(
                "spec.template.metadata.labels",
                labels,
                "`selector` does not match template `labels`",
            ));
        }
        if let Some(old) = old {
            validate_update(new, old, &mut errors);
        }
        errors
    }

    fn prepare_delete(
        &self,
        cx: &HookCx<'_>,
        _object: &mut Value,
        _grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        // Upstream's batch/v1 deletes in the background; only the old v1beta1 orphaned.
        let _ = cx;
        Ok(DeletePlan::default())
    }
}

impl KindHook for CronJob {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let mut spec = Value::Object(std::mem::take(map(new, "spec")));
        default_text(&mut spec, "concurrencyPolicy", "Allow");
        default(&mut spec, "suspend", false);
        default(&mut spec, "successfulJobsHistoryLimit", 3);
        default(&mut spec, "failedJobsHistoryLimit", 1);
        if let Some(template) = spec.get_mut("jobTemplate").filter(|t| t.is_object()) {
            map(template, "metadata");
            if let Some(job) = template.get_mut("spec") {
                fill(job, false);
            }
        }
        new["spec"] = spec;
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let name = meta(new, "name");
        if name.len() > 52 {
            let said = "must be no more than 52 characters";
            errors.push(FieldError::invalid("metadata.name", name, said));
        }
        let schedule = text(new, "/spec/schedule");
        if schedule.is_empty() {
            errors.push(FieldError::required("spec.schedule", ""));
        } else if let Some(said) = schedule_fault(schedule) {
            errors.push(FieldError::invalid("spec.schedule", schedule, &said));
        }
        let policy = text(new, "/spec/concurrencyPolicy");
        let known = ["Allow", "Forbid", "Replace"];
        if !known.contains(&policy) {
            errors.push(FieldError::not_supported(
                "spec.concurrencyPolicy",
                policy,
                &known,
            ));
        }
        let zone = text(new, "/spec/timeZone");
        if !zone.is_empty() && jiff::tz::TimeZone::get(zone).is_err() {
            let said = format!("unknown time zone {zone}");
            errors.push(FieldError::invalid("spec.timeZone", zone, &said));
        }
        for field in [
            "startingDeadlineSeconds",
            "successfulJobsHistoryLimit",
            "failedJobsHistoryLimit",
        ] {
            if let Some(value) = int(new, &format!("/spec/{field}")).filter(|v| *v < 0) {
                errors.push(pod_spec::negative(&format!("spec.{field}"), value));
            }
        }
        let job = at(new, "/spec/jobTemplate/spec");
        validate_spec(&job, "spec.jobTemplate.spec", &mut errors);
        errors
    }
}

fn fill(spec: &mut Value, own: bool) {
    if !spec.is_object() {
        return;
    }
    if let Some(template) = spec.get_mut("template").filter(|t| t.is_object()) {
        map(template, "metadata");
        if let Some(pod) = template.get_mut("spec") {
            pod_spec::fill(pod, false);
        }
    }
    if !own {
        // A template of a CronJob gets its defaults when a Job is made of it.
        return;
    }
    let unset = |spec: &Value, field: &str| spec.get(field).is_none_or(Value::is_null);
    if unset(spec, "completions") && unset(spec, "parallelism") {
        default(spec, "completions", 1);
    }
    default(spec, "parallelism", 1);
    let per_index = !unset(spec, "backoffLimitPerIndex");
    default(
        spec,
        "backoffLimit",
        if per_index { 2_147_483_647 } else { 6 },
    );
    default_text(spec, "completionMode", "NonIndexed");
    default(spec, "suspend", false);
    default(spec, "manualSelector", false);
    let replacement = if unset(spec, "podFailurePolicy") {
        "TerminatingOrFailed"
    } else {
        "Failed"
    };
    default_text(spec, "podReplacementPolicy", replacement);
}

/// A Job without labels has its template's.
fn label_as_template(job: &mut Value) {
    let labels = at(job, "/spec/template/metadata/labels");
    let meta = map(job, "metadata");
    let bare = meta
        .get("labels")
        .is_none_or(|l| l.as_object().is_none_or(|l| l.is_empty()));
    if bare && labels.as_object().is_some_and(|l| !l.is_empty()) {
        meta.insert("labels".into(), labels);
    }
}

const NAME_LABELS: [&str; 2] = ["job-name", "batch.kubernetes.io/job-name"];
const UID_LABELS: [&str; 2] = ["controller-uid", "batch.kubernetes.io/controller-uid"];

fn generate_selector(new: &mut Value) {
    let (name, uid) = (meta(new, "name").to_owned(), meta(new, "uid").to_owned());
    let mut spec = Value::Object(std::mem::take(map(new, "spec")));
    let mut template = Value::Object(std::mem::take(map(&mut spec, "template")));
    let mut metadata = Value::Object(std::mem::take(map(&mut template, "metadata")));
    let labels = map(&mut metadata, "labels");
    for label in NAME_LABELS {
        labels.entry(label).or_insert_with(|| name.clone().into());
    }
    for label in UID_LABELS {
        labels.entry(label).or_insert_with(|| uid.clone().into());
    }
    template["metadata"] = metadata;
    spec["template"] = template;
    let mut selector = Value::Object(std::mem::take(map(&mut spec, "selector")));
    map(&mut selector, "matchLabels")
        .entry(UID_LABELS[1])
        .or_insert_with(|| uid.into());
    spec["selector"] = selector;
    new["spec"] = spec;
}

fn validate_spec(spec: &Value, path: &str, errors: &mut Vec<FieldError>) {
    for field in [
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
    ] {
        if let Some(value) = int(spec, &format!("/{field}")).filter(|v| *v < 0) {
            errors.push(pod_spec::negative(&format!("{path}.{field}"), value));
        }
    }
    if let Some(value) = int(spec, "/ttlSecondsAfterFinished").filter(|v| *v < 0) {
        errors.push(pod_spec::negative(
            &format!("{path}.ttlSecondsAfterFinished"),
            value,
        ));
    }
    let mode = text(spec, "/completionMode");
    let modes = ["NonIndexed", "Indexed"];
    if !mode.is_empty() && !modes.contains(&mode) {
        let field = format!("{path}.completionMode");
        errors.push(FieldError::not_supported(&field, mode, &modes));
    }
    if text(spec, "/completionMode") == "Indexed" && int(spec, "/completions").is_none() {
        let said = "when completion mode is Indexed";
        errors.push(FieldError::required(&format!("{path}.completions"), said));
    }
    let template = at(spec, "/template/spec");
    let template_path = format!("{path}.template.spec");
    errors.extend(pod_spec::validate(&template, &template_path));
    let policy = text(&template, "/restartPolicy");
    let field = format!("{template_path}.restartPolicy");
    if policy == "Always" {
        let said = "valid values: \"OnFailure\", \"Never\"";
        let mut error = FieldError::required(&field, said);
        error.detail = said.to_owned();
        errors.push(error);
    } else if !matches!(policy, "OnFailure" | "Never") {
        errors.push(FieldError::not_supported(
            &field,
            policy,
            &["OnFailure", "Never"],
        ));
    }
}

fn validate_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let immutable = |errors: &mut Vec<FieldError>, field: &str, value: Value| {
        errors.push(FieldError::invalid(
            &format!("spec.{field}"),
            value,
            "field is immutable",
        ));
    };
    let indexed = text(new, "/spec/completionMode") == "Indexed";
    let follows = same(new, new, "/spec") && {
        let completions = int(new, "/spec/completions");
        completions.is_some() && completions == int(new, "/spec/parallelism")
    };
    if !same(new, old, "/spec/completions") && !(indexed && follows) {
        immutable(errors, "completions", at(new, "/spec/completions"));
    }
    if !same(new, old, "/spec/selector") {
        let uid = json!({"matchLabels": {(UID_LABELS[1]): meta(old, "uid")}});
        let manual = is_true(new, "/spec/manualSelector");
        if !manual && at(new, "/spec/selector") != uid {
            errors.push(FieldError::invalid(
                "spec.selector",
                at(new, "/spec/selector"),
                "`selector` not auto-generated",
            ));
        }
        immutable(errors, "selector", at(new, "/spec/selector"));
    }
    if template_changed(new, old) {
        let field = if same(new, old, "/spec/template/spec") {
            "template"
        } else {
            "template.spec"
        };
        let pointer = format!("/spec/{}", field.replace('.', "/"));
        immutable(errors, field, at(new, &pointer));
    }
    for field in [
        "completionMode",
        "podFailurePolicy",
        "backoffLimitPerIndex",
        "managedBy",
        "successPolicy",
    ] {
        let pointer = format!("/spec/{field}");
        if !same(new, old, &pointer) {
            immutable(errors, field, at(new, &pointer));
        }
    }
}

/// A suspended Job that never started may still be steered to other nodes.
fn template_changed(new: &Value, old: &Value) -> bool {
    let (new_template, mut old_template) = (at(new, "/spec/template"), at(old, "/spec/template"));
    let steerable = is_true(old, "/spec/suspend")
        && old.pointer("/status/startTime").is_none_or(Value::is_null);
    if steerable {
        for (parent, field) in [
            ("/spec", "nodeSelector"),
            ("/spec", "tolerations"),
            ("/spec", "schedulingGates"),
            ("/spec", "affinity"),
            ("/metadata", "labels"),
            ("/metadata", "annotations"),
        ] {
            let wanted = new_template.pointer(&format!("{parent}/{field}")).cloned();
            if let Some(Value::Object(parent)) = old_template.pointer_mut(parent) {
                match wanted {
                    Some(value) => parent.insert(field.into(), value),
                    None => parent.remove(field),
                };
            }
        }
    }
    new_template != old_template
}

/// What is wrong with a cron schedule: five fields or a macro.
fn schedule_fault(schedule: &str) -> Option<String> {
    if schedule.contains("TZ=") {
        return Some("cannot use TZ or CRON_TZ in schedule, use timeZone field instead".into());
    }
    if schedule.starts_with('@') {
        const MACROS: [&str; 7] = [
            "@yearly",
            "@annually",
            "@monthly",
            "@weekly",
            "@daily",
            "@midnight",
            "@hourly",
        ];
        let every = schedule
            .strip_prefix("@every ")
            .is_some_and(|d| !d.trim().is_empty());
        let known = every || MACROS.contains(&schedule);
        return (!known).then(|| format!("unrecognized descriptor: {schedule}"));
    }
    let fields: Vec<&str> = schedule.split_whitespace().collect();
    if fields.len() != 5 {
        return Some(format!(
            "expected exactly 5 fields, found {}: {}",
            fields.len(),
            json!(fields).to_string().replace(',', " ").replace('"', "")
        ));
    }
    let ranges = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)];
    fields
        .iter()
        .zip(ranges)
        .find_map(|(field, (low, high))| field_fault(field, low, high))
}

fn field_fault(field: &str, low: u32, high: u32) -> Option<String> {
    const WORDS: [&str; 19] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "sun",
        "mon", "tue", "wed", "thu", "fri", "sat",
    ];
    for part in field.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        if step.parse::<u32>().ok().filter(|s| *s > 0).is_none() {
            return Some(format!("step of range should be a positive number: {part}"));
        }
        if range == "*" || range == "?" {
            continue;
        }
        let mut ends = Vec::new();
        for end in range.split('-') {
            if high <= 12 && WORDS.contains(&end.to_ascii_lowercase().as_str()) {
                continue;
            }
            let Ok(number) = end.parse::<u32>() else {
                return Some(format!(
                    "failed to parse int from {end}: strconv.Atoi: parsing \"{end}\": invalid syntax"
                ));
            };
            if number < low {
                return Some(format!(
                    "beginning of range ({number}) below minimum ({low}): {range}"
                ));
            }
            if number > high {
                return Some(format!(
                    "end of range ({number}) above maximum ({high}): {range}"
                ));
            }
            ends.push(number);
        }
        if let [first, last] = ends[..]
            && first > last
        {
            return Some(format!(
                "beginning of range ({first}) beyond end of range ({last}): {range}"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_checked() {
        for good in [
            "*/5 * * * *",
            "0 0 1-7 jan,FEB mon",
            "@daily",
            "@every 5m",
            "0 8-18/2 * * 1-5",
        ] {
            assert_eq!(schedule_fault(good), None, "{good}");
        }
        for bad in [
            "",
            "* * * *",
            "61 * * * *",
            "* * * * 8",
            "a * * * *",
            "*/0 * * * *",
            "@often",
        ] {
            assert!(schedule_fault(bad).is_some(), "{bad}");
        }
    }

    #[test]
    fn job_is_selected_by_its_uid() {
        let mut job = json!({"metadata": {"name": "j", "uid": "u"}, "spec": {}});
        generate_selector(&mut job);
        assert_eq!(
            job["spec"]["selector"]["matchLabels"],
            json!({"batch.kubernetes.io/controller-uid": "u"})
        );
        assert_eq!(
            job["spec"]["template"]["metadata"]["labels"]["job-name"],
            "j"
        );
    }
}
