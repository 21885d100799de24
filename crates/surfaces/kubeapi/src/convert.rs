//! Between the version that is stored and the versions that are served.

use crate::catalog::Served;
use crate::error::ApiError;
use crate::hook::Hooks;
use argosy_object::{Map, Value, json};

/// A stored object in the version of a request.
pub(crate) fn from_stored(
    hooks: &Hooks,
    served: &Served,
    object: Value,
) -> Result<Value, ApiError> {
    if is_shown_as_stored(served, &object) {
        return Ok(object);
    }
    let target = &served.kind.gvk;
    if &*target.group == "events.k8s.io" {
        return Ok(event_to_new(object));
    }
    change(
        hooks,
        served,
        object,
        &target.version,
        &target.api_version(),
    )
}

/// Whether a stored object is shown as it is.
pub(crate) fn is_shown_as_stored(served: &Served, object: &Value) -> bool {
    let target = &served.kind.gvk;
    *target == served.stored && has_version(object, &target.api_version())
}

/// An object of a request in the version that is stored.
pub(crate) fn to_stored(hooks: &Hooks, served: &Served, object: Value) -> Result<Value, ApiError> {
    if served.kind.gvk == served.stored {
        return Ok(object);
    }
    if &*served.kind.gvk.group == "events.k8s.io" {
        return Ok(event_to_core(object));
    }
    let stored = &served.stored;
    change(
        hooks,
        served,
        object,
        &stored.version,
        &stored.api_version(),
    )
}

fn has_version(object: &Value, api_version: &str) -> bool {
    object.get("apiVersion").and_then(Value::as_str) == Some(api_version)
}

fn change(
    hooks: &Hooks,
    served: &Served,
    mut object: Value,
    version: &str,
    api_version: &str,
) -> Result<Value, ApiError> {
    if has_version(&object, api_version) {
        return Ok(object);
    }
    let hook = hooks.of(served.group(), &served.kind.gvk.kind);
    if let Some(converted) = hook.convert(&object, version) {
        return converted;
    }
    if let Some(map) = object.as_object_mut() {
        map.insert("apiVersion".into(), api_version.into());
    }
    Ok(object)
}

/// Field names of core v1 events and of `events.k8s.io/v1`, where they differ.
const EVENT_FIELDS: [(&str, &str); 7] = [
    ("involvedObject", "regarding"),
    ("message", "note"),
    ("source", "deprecatedSource"),
    ("firstTimestamp", "deprecatedFirstTimestamp"),
    ("lastTimestamp", "deprecatedLastTimestamp"),
    ("count", "deprecatedCount"),
    ("reportingComponent", "reportingController"),
];

fn event_to_new(mut object: Value) -> Value {
    rename(&mut object, EVENT_FIELDS.iter().copied());
    let map = fields(&mut object);
    map.insert("apiVersion".into(), "events.k8s.io/v1".into());
    // Core events always carry these, the newer ones only where they say something.
    for field in ["reportingController", "reportingInstance"] {
        if map.get(field).and_then(Value::as_str) == Some("") {
            map.remove(field);
        }
    }
    object
}

fn event_to_core(mut object: Value) -> Value {
    rename(
        &mut object,
        EVENT_FIELDS.iter().map(|(core, new)| (*new, *core)),
    );
    let map = fields(&mut object);
    map.insert("apiVersion".into(), "v1".into());
    // Core events always carry these, empty or not.
    map.entry("involvedObject").or_insert_with(|| json!({}));
    map.entry("source").or_insert_with(|| json!({}));
    object
}

fn fields(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = json!({});
    }
    object.as_object_mut().expect("made a mapping just above")
}

fn rename<'f>(object: &mut Value, names: impl Iterator<Item = (&'f str, &'f str)>) {
    let map = fields(object);
    for (from, to) in names {
        if let Some(value) = map.remove(from) {
            map.insert(to.into(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_survives_both_ways() {
        let core = json!({"apiVersion": "v1", "kind": "Event", "involvedObject": {"kind": "Pod"},
            "source": {}, "message": "m", "count": 2, "reportingComponent": "x"});
        let new = event_to_new(core.clone());
        assert_eq!(new["regarding"]["kind"], "Pod");
        assert_eq!(new["note"], "m");
        assert_eq!(event_to_core(new), core);
    }
}
