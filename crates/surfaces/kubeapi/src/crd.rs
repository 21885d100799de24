//! CustomResourceDefinitions: conditions, accepted names and what of them the catalog needs.

use crate::hook::HookCx;
use crate::meta;
use argosy_object::{Map, Value, json};

/// Keys of CRDs begin with this.
pub(crate) const PREFIX: &str = "/apiextensions.k8s.io/customresourcedefinitions/";
/// Keeps a CRD until its objects are gone.
pub(crate) const CLEANUP: &str = "customresourcecleanup.apiextensions.k8s.io";
pub(crate) const GROUP: &str = "apiextensions.k8s.io";
pub(crate) const PLURAL: &str = "customresourcedefinitions";

/// The status of a condition.
pub(crate) fn condition<'v>(crd: &'v Value, kind: &str) -> Option<&'v str> {
    let conditions = crd.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)?
        .get("status")?
        .as_str()
}

/// What of a CRD the catalog depends on.
pub(crate) fn shape(crd: &Value) -> (Option<Value>, bool, bool) {
    (
        crd.get("spec").cloned(),
        condition(crd, "Established") == Some("True"),
        meta::is_deleting(crd),
    )
}

/// Completes a new or changed CRD: its conditions, accepted names, stored versions.
pub(crate) fn complete(cx: &HookCx<'_>, crd: &mut Value) {
    settle(cx, crd);
}

/// Gives a CRD that is to go the finalizer that keeps it until its objects are gone.
pub(crate) fn hold(crd: &mut Value) {
    let mut finalizers: Vec<String> = meta::texts(crd, "finalizers")
        .into_iter()
        .map(str::to_owned)
        .collect();
    if !finalizers.iter().any(|finalizer| finalizer == CLEANUP) {
        finalizers.push(CLEANUP.into());
    }
    meta::set_finalizers(crd, finalizers);
}

fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

fn versions(crd: &Value) -> &[Value] {
    crd.pointer("/spec/versions")
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Sets the conditions, the accepted names and the stored versions.
fn settle(cx: &HookCx<'_>, crd: &mut Value) {
    let now = meta::stamp(cx.now);
    let names = crd
        .pointer("/spec/names")
        .cloned()
        .unwrap_or_else(|| json!({}));
    let conflict = conflict(cx, crd, &names);
    let storage = versions(crd).iter().find(|v| v["storage"] == true);
    let storage = storage
        .and_then(|v| v["name"].as_str())
        .unwrap_or_default()
        .to_owned();
    let established = condition(crd, "Established") == Some("True");
    if !crd["status"].is_object() {
        crd["status"] = Value::Object(Map::new());
    }
    let accepted = conflict.is_none();
    let condition = match conflict {
        None => ("True", "NoConflicts", "no conflicts found".to_owned()),
        Some((reason, message)) => ("False", reason, message),
    };
    set_condition(crd, "NamesAccepted", condition, &now);
    if accepted {
        crd["status"]["acceptedNames"] = names;
        let message = "the initial names have been accepted".to_owned();
        set_condition(
            crd,
            "Established",
            ("True", "InitialNamesAccepted", message),
            &now,
        );
    } else if !established {
        crd["status"]["acceptedNames"] = json!({"plural": "", "kind": ""});
        let message = "not all names are accepted".to_owned();
        set_condition(crd, "Established", ("False", "NotAccepted", message), &now);
    }
    let stored = &mut crd["status"]["storedVersions"];
    if !stored.is_array() {
        *stored = json!([]);
    }
    if let Some(list) = stored.as_array_mut()
        && !list.iter().any(|version| *version == storage.as_str())
    {
        list.push(storage.into());
    }
}

/// Sets a condition; its time changes with its status.
pub(crate) fn set_condition(
    object: &mut Value,
    kind: &str,
    (status, reason, message): (&str, &str, String),
    now: &str,
) {
    if !object["status"].is_object() {
        object["status"] = Value::Object(Map::new());
    }
    let conditions = &mut object["status"]["conditions"];
    if !conditions.is_array() {
        *conditions = json!([]);
    }
    let Some(list) = conditions.as_array_mut() else {
        return;
    };
    let found = list.iter().position(|condition| condition["type"] == kind);
    let since = found
        .map(|at| &list[at])
        .filter(|condition| condition["status"] == status)
        .and_then(|condition| condition["lastTransitionTime"].as_str())
        .unwrap_or(now)
        .to_owned();
    let condition = json!({"type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": since});
    match found {
        Some(at) => list[at] = condition,
        None => list.push(condition),
    }
}

/// A name that another CRD of the group has taken.
fn conflict(cx: &HookCx<'_>, crd: &Value, names: &Value) -> Option<(&'static str, String)> {
    let (own, group) = (meta::text(crd, "name"), text(crd, "/spec/group"));
    let others = cx.reader.list(GROUP, PLURAL, None);
    let mut taken: Vec<String> = Vec::new();
    let mut taken_kinds: Vec<String> = Vec::new();
    for other in &others {
        if meta::text(other, "name") == own || text(other, "/spec/group") != group {
            continue;
        }
        let names = other
            .pointer("/status/acceptedNames")
            .cloned()
            .unwrap_or_default();
        let text = |field: &str| names[field].as_str().unwrap_or_default().to_owned();
        taken.extend([text("plural"), text("singular")]);
        let short = names["shortNames"].as_array().cloned().unwrap_or_default();
        taken.extend(short.iter().filter_map(Value::as_str).map(str::to_owned));
        taken_kinds.extend([text("kind"), text("listKind")]);
    }
    let used = |list: &[String], name: &str| !name.is_empty() && list.iter().any(|t| t == name);
    let say = |name: &str| format!("\"{name}\" is already in use");
    // Each check writes over what the one before it said.
    for (field, list, reason) in [
        ("listKind", &taken_kinds, "ListKindConflict"),
        ("kind", &taken_kinds, "KindConflict"),
        ("shortNames", &taken, "ShortNamesConflict"),
        ("singular", &taken, "SingularConflict"),
        ("plural", &taken, "PluralConflict"),
    ] {
        let given = match &names[field] {
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            one => vec![one.as_str().unwrap_or_default()],
        };
        if let Some(name) = given.into_iter().find(|name| used(list, name)) {
            return Some((reason, say(name)));
        }
    }
    None
}
