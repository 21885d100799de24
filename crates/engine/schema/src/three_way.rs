//! The three-way patch of client-side apply.

use crate::error::PatchError;
use crate::json_patch::merge_patch;
use crate::kind::KindSchema;
use crate::strategic::three_way_strategic;
use argosy_object::{Map, Value};
use std::fmt::Write;

/// The annotation in which client-side apply keeps what it applied.
pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The media type of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchKind {
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/merge-patch+json`.
    Merge,
}

/// A patch and its media type.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The media type.
    pub kind: PatchKind,
    /// The body; `{}` changes nothing.
    pub body: Value,
}

/// The patch that client-side apply sends: what `desired` says and `live` doesn't, less what
/// `last_applied` said and `desired` no longer does.
///
/// `kind` is `None` for kinds no one knows; those and custom kinds get a JSON merge patch.
/// `desired` is taken as it is: [`with_last_applied`] adds the annotation that kubectl sends.
/// Compat: byte for byte kubectl 1.35's `apply` (with `overwrite`, its default).
///
/// # Errors
/// [`PatchError`] where the three don't fit the schema, or where apiVersion, kind or name of a
/// custom object were changed.
pub fn three_way(
    kind: Option<&KindSchema>,
    last_applied: Option<&Value>,
    desired: &Value,
    live: &Value,
) -> Result<Patch, PatchError> {
    if let Some(kind) = kind.filter(|kind| !kind.is_custom()) {
        let body = three_way_strategic(kind, last_applied, desired, live)?;
        return Ok(Patch {
            kind: PatchKind::Strategic,
            body,
        });
    }
    let body = merge_three_way(last_applied, desired, live);
    let renamed = body
        .get("metadata")
        .is_some_and(|metadata| metadata.get("name").is_some());
    if body.get("apiVersion").is_some() || body.get("kind").is_some() || renamed {
        let text = "At least one of apiVersion, kind and name was changed";
        return Err(PatchError::Invalid(text.into()));
    }
    Ok(Patch {
        kind: PatchKind::Merge,
        body,
    })
}

/// The JSON merge patch of a three-way merge.
///
/// Compat: as upstream, numbers pass through a 64 bit float.
pub fn merge_three_way(last_applied: Option<&Value>, desired: &Value, live: &Value) -> Value {
    let empty = Map::new();
    let desired = desired.as_object().unwrap_or(&empty);
    let live = live.as_object().unwrap_or(&empty);
    let last_applied = last_applied.and_then(Value::as_object).unwrap_or(&empty);
    let mut patch = Value::Object(only(difference(last_applied, desired), true));
    merge_patch(
        &mut patch,
        &Value::Object(only(difference(live, desired), false)),
    );
    patch
}

/// The JSON merge patch from one object to another.
pub fn two_way_merge(from: &Value, to: &Value) -> Value {
    let empty = Map::new();
    let from = from.as_object().unwrap_or(&empty);
    let to = to.as_object().unwrap_or(&empty);
    Value::Object(difference(from, to))
}

/// The merge patch from `from` to `to`.
fn difference(from: &Map<String, Value>, to: &Map<String, Value>) -> Map<String, Value> {
    let mut patch = Map::new();
    for (key, to) in to {
        match (from.get(key), to) {
            (Some(Value::Object(from)), Value::Object(to)) => {
                let inner = difference(from, to);
                if !inner.is_empty() {
                    patch.insert(key.clone(), Value::Object(inner));
                }
            }
            (Some(from), to) if same(from, to) => {}
            _ => {
                patch.insert(key.clone(), as_floats(to));
            }
        }
    }
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    patch
}

/// Keeps the deletions of a merge patch, or all but them.
fn only(patch: Map<String, Value>, deletions: bool) -> Map<String, Value> {
    let keep = |(key, value): (String, Value)| match value {
        Value::Null => deletions.then_some((key, Value::Null)),
        Value::Object(map) if map.is_empty() => (!deletions).then_some((key, Value::Object(map))),
        Value::Object(map) => {
            let inner = only(map, deletions);
            (!inner.is_empty()).then_some((key, Value::Object(inner)))
        }
        other => (!deletions).then_some((key, other)),
    };
    patch.into_iter().filter_map(keep).collect()
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(k, a)| b.get(k).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}

/// The value after Go has read its numbers as floats and written them again.
fn as_floats(value: &Value) -> Value {
    const EXACT: i64 = 1 << 53;
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(integer) if (-EXACT..=EXACT).contains(&integer) => value.clone(),
            _ => match number.as_f64() {
                Some(float) if float.fract() == 0.0 && float.abs() < 9.2e18 => {
                    Value::from(float as i64)
                }
                Some(float) => Value::from(float),
                None => value.clone(),
            },
        },
        Value::Array(items) => Value::Array(items.iter().map(as_floats).collect()),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), as_floats(v))).collect())
        }
        other => other.clone(),
    }
}

/// `object` with the annotation that keeps what was applied, as kubectl adds it before it
/// computes a patch.
pub fn with_last_applied(object: &Value) -> Value {
    let mut object = object.clone();
    let annotations = |object: &mut Value| -> Option<Map<String, Value>> {
        let metadata = object.get_mut("metadata")?.as_object_mut()?;
        metadata
            .get_mut("annotations")
            .and_then(Value::as_object_mut)
            .map(std::mem::take)
    };
    let mut kept = annotations(&mut object).unwrap_or_default();
    kept.remove(LAST_APPLIED);
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("annotations".into(), Value::Object(kept.clone()));
    }
    let mut text = go_json(&object);
    text.push('\n');
    kept.insert(LAST_APPLIED.into(), Value::String(text));
    if let Some(map) = object.as_object_mut() {
        let metadata = map
            .entry("metadata")
            .or_insert_with(|| Value::Object(Map::new()));
        if let Some(metadata) = metadata.as_object_mut() {
            metadata.insert("annotations".into(), Value::Object(kept));
        }
    }
    object
}

/// JSON as Go's encoder writes it: compact, keys sorted, `<`, `>`, `&` and line separators
/// escaped.
pub(crate) fn go_json(value: &Value) -> String {
    let plain = value.to_string();
    let mut out = String::with_capacity(plain.len() + 1);
    for c in plain.chars() {
        match c {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn merge_patch_deletes_what_was_applied_and_keeps_what_others_set() {
        let last = json!({"spec": {"a": 1, "gone": true, "deep": {"gone": 1}}});
        let desired = json!({"spec": {"a": 2, "list": [1], "deep": {}, "empty": {}}});
        let live = json!({"spec": {"a": 1, "gone": true, "deep": {"gone": 1}, "other": "x"}});
        assert_eq!(
            merge_three_way(Some(&last), &desired, &live),
            json!({"spec": {"a": 2, "gone": null, "list": [1], "deep": {"gone": null}, "empty": {}}})
        );
    }

    #[test]
    fn renaming_a_custom_object_is_refused() {
        let error = three_way(
            None,
            None,
            &json!({"metadata": {"name": "b"}}),
            &json!({"metadata": {"name": "a"}}),
        );
        assert!(
            error
                .unwrap_err()
                .to_string()
                .starts_with("At least one of apiVersion")
        );
    }

    #[test]
    fn last_applied_is_go_json_without_itself() {
        let object =
            json!({"kind": "X", "metadata": {"annotations": {LAST_APPLIED: "old", "a": "<b>"}}});
        let text = with_last_applied(&object)["metadata"]["annotations"][LAST_APPLIED].clone();
        assert_eq!(
            text,
            "{\"kind\":\"X\",\"metadata\":{\"annotations\":{\"a\":\"\\u003cb\\u003e\"}}}\n"
        );
    }
}
