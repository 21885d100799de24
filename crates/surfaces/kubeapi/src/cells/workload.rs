//! Rows of workloads and what scales and guards them.

use crate::cells::age;
use crate::hooks::fields::{at, int, is_true, list, text};
use crate::hooks::label_selector;
use argosy_object::{Value, meta};
use jiff::Timestamp;

fn name(object: &Value) -> Value {
    meta(object, "name").into()
}

fn number(object: &Value, pointer: &str) -> i64 {
    int(object, pointer).unwrap_or(0)
}

/// Names and images of the containers at a pointer, each joined by commas.
fn containers(object: &Value, pointer: &str) -> [Value; 2] {
    let of = |field: &str| -> Value {
        let texts: Vec<&str> = list(object, pointer)
            .iter()
            .map(|c| text(c, field))
            .collect();
        texts.join(",").into()
    };
    [of("/name"), of("/image")]
}

fn template(object: &Value) -> [Value; 2] {
    containers(object, "/spec/template/spec/containers")
}

fn selector(object: &Value) -> Value {
    label_selector::format(&at(object, "/spec/selector")).into()
}

pub fn deployment(now: Timestamp, o: &Value) -> Vec<Value> {
    let [names, images] = template(o);
    let ready = number(o, "/status/readyReplicas");
    let shown = match label_selector::format(&at(o, "/spec/selector")).as_str() {
        "<none>" => String::new(),
        other => other.to_owned(),
    };
    vec![
        name(o),
        format!("{ready}/{}", number(o, "/spec/replicas")).into(),
        number(o, "/status/updatedReplicas").into(),
        number(o, "/status/availableReplicas").into(),
        age::of(now, o),
        names,
        images,
        shown.into(),
    ]
}

pub fn replica_set(now: Timestamp, o: &Value) -> Vec<Value> {
    replicas(now, o, selector(o))
}

pub fn replication_controller(now: Timestamp, o: &Value) -> Vec<Value> {
    replicas(
        now,
        o,
        label_selector::format_map(&at(o, "/spec/selector")).into(),
    )
}

fn replicas(now: Timestamp, o: &Value, selector: Value) -> Vec<Value> {
    let [names, images] = template(o);
    vec![
        name(o),
        number(o, "/spec/replicas").into(),
        number(o, "/status/replicas").into(),
        number(o, "/status/readyReplicas").into(),
        age::of(now, o),
        names,
        images,
        selector,
    ]
}

pub fn pod_template(_now: Timestamp, o: &Value) -> Vec<Value> {
    let [names, images] = containers(o, "/template/spec/containers");
    let labels = label_selector::format_map(&at(o, "/template/metadata/labels"));
    vec![name(o), names, images, labels.into()]
}

pub fn stateful_set(now: Timestamp, o: &Value) -> Vec<Value> {
    let [names, images] = template(o);
    let ready = number(o, "/status/readyReplicas");
    let of = number(o, "/spec/replicas");
    vec![
        name(o),
        format!("{ready}/{of}").into(),
        age::of(now, o),
        names,
        images,
    ]
}

pub fn daemon_set(now: Timestamp, o: &Value) -> Vec<Value> {
    let [names, images] = template(o);
    vec![
        name(o),
        number(o, "/status/desiredNumberScheduled").into(),
        number(o, "/status/currentNumberScheduled").into(),
        number(o, "/status/numberReady").into(),
        number(o, "/status/updatedNumberScheduled").into(),
        number(o, "/status/numberAvailable").into(),
        label_selector::format_map(&at(o, "/spec/template/spec/nodeSelector")).into(),
        age::of(now, o),
        names,
        images,
        selector(o),
    ]
}

pub fn controller_revision(now: Timestamp, o: &Value) -> Vec<Value> {
    let owner = list(o, "/metadata/ownerReferences")
        .iter()
        .find(|r| is_true(r, "/controller"));
    let shown = owner.map_or_else(
        || "<none>".to_owned(),
        |owner| {
            let kind = text(owner, "/kind").to_lowercase();
            let group = text(owner, "/apiVersion")
                .split_once('/')
                .map_or("", |(g, _)| g);
            let kind = crate::auth::attributes::qualified(&kind, group);
            format!("{kind}/{}", text(owner, "/name"))
        },
    );
    vec![
        name(o),
        shown.into(),
        number(o, "/revision").into(),
        age::of(now, o),
    ]
}

pub fn job(now: Timestamp, o: &Value) -> Vec<Value> {
    let done = number(o, "/status/succeeded");
    let completions = match (int(o, "/spec/completions"), number(o, "/spec/parallelism")) {
        (Some(wanted), _) => format!("{done}/{wanted}"),
        (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
        (None, _) => format!("{done}/1"),
    };
    let duration = if o.pointer("/status/startTime").is_none_or(Value::is_null) {
        String::new()
    } else if let Some(seconds) = age::between(o, "/status/startTime", "/status/completionTime") {
        age::human_duration(seconds)
    } else {
        age::since(now, o, "/status/startTime")
    };
    let has = |kind: &str| {
        list(o, "/status/conditions")
            .iter()
            .any(|c| text(c, "/type") == kind && text(c, "/status") == "True")
    };
    let status = match () {
        () if has("Complete") => "Complete",
        () if has("Failed") => "Failed",
        () if !meta(o, "deletionTimestamp").is_empty() => "Terminating",
        () if has("Suspended") => "Suspended",
        () if has("FailureTarget") => "FailureTarget",
        () if has("SuccessCriteriaMet") => "SuccessCriteriaMet",
        () => "Running",
    };
    let [names, images] = template(o);
    vec![
        name(o),
        status.into(),
        completions.into(),
        duration.into(),
        age::of(now, o),
        names,
        images,
        selector(o),
    ]
}

pub fn cron_job(now: Timestamp, o: &Value) -> Vec<Value> {
    let [names, images] = containers(o, "/spec/jobTemplate/spec/template/spec/containers");
    let last = if o
        .pointer("/status/lastScheduleTime")
        .is_none_or(Value::is_null)
    {
        "<none>".to_owned()
    } else {
        age::since(now, o, "/status/lastScheduleTime")
    };
    let zone = text(o, "/spec/timeZone");
    let suspend = match o.pointer("/spec/suspend").and_then(Value::as_bool) {
        None => "<unset>",
        Some(true) => "True",
        Some(false) => "False",
    };
    vec![
        name(o),
        text(o, "/spec/schedule").into(),
        if zone.is_empty() {
            "<none>".into()
        } else {
            zone.into()
        },
        suspend.into(),
        list(o, "/status/active").len().into(),
        last.into(),
        age::of(now, o),
        names,
        images,
        label_selector::format(&at(o, "/spec/jobTemplate/spec/selector")).into(),
    ]
}

pub fn disruption_budget(now: Timestamp, o: &Value) -> Vec<Value> {
    let of = |field: &str| match o.pointer(&format!("/spec/{field}")) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "N/A".into(),
    };
    vec![
        name(o),
        of("minAvailable").into(),
        of("maxUnavailable").into(),
        number(o, "/status/disruptionsAllowed").into(),
        age::of(now, o),
    ]
}

pub fn autoscaler(now: Timestamp, o: &Value) -> Vec<Value> {
    let (kind, target) = (
        text(o, "/spec/scaleTargetRef/kind"),
        text(o, "/spec/scaleTargetRef/name"),
    );
    let min = int(o, "/spec/minReplicas").map_or_else(|| "<unset>".into(), |n| n.to_string());
    vec![
        name(o),
        format!("{kind}/{target}").into(),
        metrics(o).into(),
        min.into(),
        number(o, "/spec/maxReplicas").into(),
        number(o, "/status/currentReplicas").into(),
        age::of(now, o),
    ]
}

fn metrics(o: &Value) -> String {
    const SHOWN: usize = 2;
    let specs = list(o, "/spec/metrics");
    if specs.is_empty() {
        return "<none>".into();
    }
    let statuses = list(o, "/status/currentMetrics");
    let all: Vec<String> = specs
        .iter()
        .enumerate()
        .map(|(index, spec)| metric(spec, statuses.get(index).unwrap_or(&Value::Null)))
        .collect();
    let shown = all[..all.len().min(SHOWN)].join(", ");
    if all.len() > SHOWN {
        format!("{shown} + {} more...", all.len() - SHOWN)
    } else {
        shown
    }
}

fn metric(spec: &Value, status: &Value) -> String {
    let (field, named, averaged) = match text(spec, "/type") {
        "External" => ("external", false, true),
        "Pods" => ("pods", false, false),
        "Object" => ("object", false, true),
        "Resource" => ("resource", true, false),
        "ContainerResource" => ("containerResource", true, false),
        _ => return "<unknown type>".into(),
    };
    let show = |object: &Value, pointer: &str| match object.pointer(pointer) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let target = |what: &str| show(spec, &format!("/{field}/target/{what}"));
    let current = |what: &str| {
        show(status, &format!("/{field}/current/{what}")).unwrap_or_else(|| "<unknown>".into())
    };
    let prefix = if named {
        format!("{}: ", text(spec, &format!("/{field}/name")))
    } else {
        String::new()
    };
    if let Some(wanted) = target("averageValue") {
        let suffix = if averaged { " (avg)" } else { "" };
        return format!("{prefix}{}/{wanted}{suffix}", current("averageValue"));
    }
    if named {
        let used = match current("averageUtilization").as_str() {
            "<unknown>" => "<unknown>".to_owned(),
            percent => format!("{percent}%"),
        };
        let wanted =
            target("averageUtilization").map_or_else(|| "<auto>".into(), |p| format!("{p}%"));
        return format!("{prefix}{used}/{wanted}");
    }
    format!(
        "{}/{}",
        current("value"),
        target("value").unwrap_or_default()
    )
}
