//! Rows of configuration, storage, nodes, events and rights.

use crate::cells::age;
use crate::hooks::fields::{int, is_true, list, text};
use argosy_object::{Value, meta};
use jiff::Timestamp;
use std::collections::BTreeSet;

fn name(object: &Value) -> Value {
    meta(object, "name").into()
}

fn entries(object: &Value, field: &str) -> usize {
    object
        .get(field)
        .and_then(Value::as_object)
        .map_or(0, |m| m.len())
}

pub fn name_and_age(now: Timestamp, o: &Value) -> Vec<Value> {
    vec![name(o), age::of(now, o)]
}

pub fn created_at(_now: Timestamp, o: &Value) -> Vec<Value> {
    vec![name(o), meta(o, "creationTimestamp").into()]
}

pub fn config_map(now: Timestamp, o: &Value) -> Vec<Value> {
    vec![
        name(o),
        (entries(o, "data") + entries(o, "binaryData")).into(),
        age::of(now, o),
    ]
}

pub fn secret(now: Timestamp, o: &Value) -> Vec<Value> {
    vec![
        name(o),
        text(o, "/type").into(),
        entries(o, "data").into(),
        age::of(now, o),
    ]
}

pub fn namespace(now: Timestamp, o: &Value) -> Vec<Value> {
    vec![name(o), text(o, "/status/phase").into(), age::of(now, o)]
}

pub fn node(now: Timestamp, o: &Value) -> Vec<Value> {
    let ready = list(o, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == "Ready");
    let mut status = match ready {
        Some(c) if text(c, "/status") == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    }
    .to_owned();
    if is_true(o, "/spec/unschedulable") {
        status.push_str(",SchedulingDisabled");
    }
    let mut roles = BTreeSet::new();
    for (label, value) in o
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        match label.strip_prefix("node-role.kubernetes.io/") {
            Some(role) if !role.is_empty() => roles.insert(role),
            None if label == "kubernetes.io/role" => roles.insert(value.as_str().unwrap_or("")),
            _ => false,
        };
    }
    roles.remove("");
    let roles: Vec<&str> = roles.into_iter().collect();
    let address = |kind: &str| -> Value {
        list(o, "/status/addresses")
            .iter()
            .find(|a| text(a, "/type") == kind)
            .map_or("<none>", |a| text(a, "/address"))
            .into()
    };
    let info = |field: &str| {
        let value = text(o, &format!("/status/nodeInfo/{field}"));
        if value.is_empty() {
            "<unknown>".to_owned()
        } else {
            value.to_owned()
        }
    };
    let mut kernel = info("kernelVersion");
    let architecture = text(o, "/status/nodeInfo/architecture");
    if !architecture.is_empty() {
        kernel.push_str(&format!(" ({architecture})"));
    }
    vec![
        name(o),
        status.into(),
        if roles.is_empty() {
            "<none>".into()
        } else {
            roles.join(",").into()
        },
        age::of(now, o),
        text(o, "/status/nodeInfo/kubeletVersion").into(),
        address("InternalIP"),
        address("ExternalIP"),
        info("osImage").into(),
        kernel.into(),
        info("containerRuntimeVersion").into(),
    ]
}

fn access_modes(o: &Value, pointer: &str) -> String {
    let modes = list(o, pointer);
    [
        ("ReadWriteOnce", "RWO"),
        ("ReadOnlyMany", "ROX"),
        ("ReadWriteMany", "RWX"),
        ("ReadWriteOncePod", "RWOP"),
    ]
    .iter()
    .filter(|(mode, _)| modes.iter().any(|m| m == mode))
    .map(|(_, short)| *short)
    .collect::<Vec<_>>()
    .join(",")
}

fn or_unset(o: &Value, pointer: &str) -> Value {
    o.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("<unset>")
        .into()
}

fn class(o: &Value) -> Value {
    let old = "/metadata/annotations/volume.beta.kubernetes.io~1storage-class";
    o.pointer(old)
        .and_then(Value::as_str)
        .unwrap_or(text(o, "/spec/storageClassName"))
        .into()
}

fn phase(o: &Value) -> Value {
    if meta(o, "deletionTimestamp").is_empty() {
        text(o, "/status/phase").into()
    } else {
        "Terminating".into()
    }
}

pub fn volume(now: Timestamp, o: &Value) -> Vec<Value> {
    let claim = o.pointer("/spec/claimRef").filter(|c| !c.is_null());
    let claim = claim
        .map(|c| format!("{}/{}", text(c, "/namespace"), text(c, "/name")))
        .unwrap_or_default();
    vec![
        name(o),
        text(o, "/spec/capacity/storage").into(),
        access_modes(o, "/spec/accessModes").into(),
        text(o, "/spec/persistentVolumeReclaimPolicy").into(),
        phase(o),
        claim.into(),
        class(o),
        or_unset(o, "/spec/volumeAttributesClassName"),
        text(o, "/status/reason").into(),
        age::of(now, o),
        or_unset(o, "/spec/volumeMode"),
    ]
}

pub fn claim(now: Timestamp, o: &Value) -> Vec<Value> {
    let bound = !text(o, "/spec/volumeName").is_empty();
    let (capacity, modes) = if bound {
        let size = text(o, "/status/capacity/storage");
        (
            if size.is_empty() { "0" } else { size },
            access_modes(o, "/status/accessModes"),
        )
    } else {
        ("", String::new())
    };
    vec![
        name(o),
        phase(o),
        text(o, "/spec/volumeName").into(),
        capacity.into(),
        modes.into(),
        class(o),
        or_unset(o, "/spec/volumeAttributesClassName"),
        age::of(now, o),
        or_unset(o, "/spec/volumeMode"),
    ]
}

pub fn storage_class(now: Timestamp, o: &Value) -> Vec<Value> {
    let default = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
    let mut shown = meta(o, "name").to_owned();
    if text(o, default) == "true" {
        shown.push_str(" (default)");
    }
    let or = |pointer: &str, fallback: &str| -> Value {
        Some(text(o, pointer))
            .filter(|t| !t.is_empty())
            .unwrap_or(fallback)
            .into()
    };
    vec![
        shown.into(),
        text(o, "/provisioner").into(),
        or("/reclaimPolicy", "Delete"),
        or("/volumeBindingMode", "Immediate"),
        is_true(o, "/allowVolumeExpansion").into(),
        age::of(now, o),
    ]
}

pub fn event(now: Timestamp, event: &Value) -> Vec<Value> {
    let renamed;
    let mut o = event;
    if event.get("regarding").is_some() {
        renamed = crate::hooks::rename_event(event, false);
        o = &renamed;
    }
    let set = |pointer: &str| !text(o, pointer).is_empty();
    let first = if set("/firstTimestamp") {
        "/firstTimestamp"
    } else {
        "/eventTime"
    };
    let last = match () {
        () if set("/series/lastObservedTime") => "/series/lastObservedTime",
        () if set("/lastTimestamp") => "/lastTimestamp",
        () => first,
    };
    let count = int(o, "/series/count")
        .or_else(|| int(o, "/count"))
        .filter(|n| *n != 0);
    let (kind, object) = (
        text(o, "/involvedObject/kind").to_lowercase(),
        text(o, "/involvedObject/name"),
    );
    let target = if object.is_empty() {
        kind
    } else {
        format!("{kind}/{object}")
    };
    let pick = |a: &str, b: &str| if set(a) { text(o, a) } else { text(o, b) }.to_owned();
    let component = pick("/source/component", "/reportingComponent");
    let instance = pick("/source/host", "/reportingInstance");
    let source = if instance.is_empty() {
        component
    } else {
        format!("{component}, {instance}")
    };
    vec![
        age::since(now, o, last).into(),
        text(o, "/type").into(),
        text(o, "/reason").into(),
        target.into(),
        text(o, "/involvedObject/fieldPath").into(),
        source.into(),
        text(o, "/message").trim().into(),
        age::since(now, o, first).into(),
        count.unwrap_or(1).into(),
        name(o),
    ]
}

pub fn quota(now: Timestamp, o: &Value) -> Vec<Value> {
    let (mut requests, mut limits) = (Vec::new(), Vec::new());
    let empty = argosy_object::Map::new();
    let used = o
        .pointer("/status/used")
        .and_then(Value::as_object)
        .unwrap_or(&empty);
    let show = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => "0".into(),
    };
    for (name, hard) in o
        .pointer("/status/hard")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
    {
        let text = format!("{name}: {}/{}", show(used.get(name)), show(Some(hard)));
        if name.starts_with("limits.") {
            limits.push(text)
        } else {
            requests.push(text)
        }
    }
    vec![
        name(o),
        requests.join(", ").into(),
        limits.join(", ").into(),
        age::of(now, o),
    ]
}

pub fn priority_class(now: Timestamp, o: &Value) -> Vec<Value> {
    vec![
        name(o),
        int(o, "/value").unwrap_or(0).into(),
        is_true(o, "/globalDefault").into(),
        age::of(now, o),
        text(o, "/preemptionPolicy").into(),
    ]
}

pub fn lease(now: Timestamp, o: &Value) -> Vec<Value> {
    vec![
        name(o),
        text(o, "/spec/holderIdentity").into(),
        age::of(now, o),
    ]
}

pub fn binding(now: Timestamp, o: &Value) -> Vec<Value> {
    let of = |kind: &str| -> Value {
        list(o, "/subjects")
            .iter()
            .filter(|s| text(s, "/kind") == kind)
            .map(|s| match kind {
                "ServiceAccount" => format!("{}/{}", text(s, "/namespace"), text(s, "/name")),
                _ => text(s, "/name").to_owned(),
            })
            .collect::<Vec<_>>()
            .join(", ")
            .into()
    };
    let role = format!("{}/{}", text(o, "/roleRef/kind"), text(o, "/roleRef/name"));
    vec![
        name(o),
        role.into(),
        age::of(now, o),
        of("User"),
        of("Group"),
        of("ServiceAccount"),
    ]
}
