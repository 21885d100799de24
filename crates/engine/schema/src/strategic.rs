//! Strategic merge patch: lists merged by key, and the directives that say how.
//!
//! Compat: apimachinery's strategicpatch, to the byte, its quirks included, because the patch a
//! client computes decides what stays in a cluster.

mod diff;
mod merge;
mod meta;
mod order;

use crate::error::PatchError;
use crate::kind::KindSchema;
use argosy_object::{Map, Value};
use meta::Cursor;

pub(crate) use diff::DiffOptions;

const DIRECTIVE: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE_FROM_LIST: &str = "$deleteFromPrimitiveList";
const SET_ORDER: &str = "$setElementOrder";

/// Applies a strategic merge patch: `$patch`, `$retainKeys`, `$setElementOrder` and
/// `$deleteFromPrimitiveList` included.
///
/// # Errors
/// [`PatchError::Unsupported`] for custom kinds, [`PatchError::Invalid`] where the patch doesn't
/// fit the schema.
pub fn strategic(kind: &KindSchema, target: &Value, patch: &Value) -> Result<Value, PatchError> {
    let cursor = Cursor::root(kind)?;
    let options = merge::MergeOptions {
        merge_parallel_list: true,
        ignore_unmatched_nulls: true,
    };
    let merged = merge::merge_map(document(target)?, document(patch)?, cursor, options)?;
    Ok(Value::Object(merged))
}

/// The strategic patch that makes `modified` out of `original`.
///
/// # Errors
/// As [`strategic`].
pub fn two_way_strategic(
    kind: &KindSchema,
    original: &Value,
    modified: &Value,
) -> Result<Value, PatchError> {
    let cursor = Cursor::root(kind)?;
    let options = DiffOptions {
        set_order: true,
        ..DiffOptions::default()
    };
    diff::diff_maps(borrowed(original)?, borrowed(modified)?, cursor, options).map(Value::Object)
}

/// The body of a strategic three-way patch.
pub(crate) fn three_way_strategic(
    kind: &KindSchema,
    original: Option<&Value>,
    modified: &Value,
    current: &Value,
) -> Result<Value, PatchError> {
    let cursor = Cursor::root(kind)?;
    let modified = borrowed(modified)?;
    let delta = DiffOptions {
        ignore_deletions: true,
        set_order: true,
        ..DiffOptions::default()
    };
    let delta = diff::diff_maps(borrowed(current)?, modified, cursor, delta)?;
    let empty = Map::new();
    let original = original.map_or(Ok(&empty), borrowed)?;
    let deletions = DiffOptions {
        ignore_changes: true,
        set_order: true,
        ..DiffOptions::default()
    };
    let deletions = diff::diff_maps(original, modified, cursor, deletions)?;
    let options = merge::MergeOptions {
        merge_parallel_list: false,
        ignore_unmatched_nulls: false,
    };
    merge::merge_map(deletions, delta, cursor, options).map(Value::Object)
}

fn borrowed(value: &Value) -> Result<&Map<String, Value>, PatchError> {
    value
        .as_object()
        .ok_or_else(|| PatchError::Invalid("invalid JSON document".into()))
}

fn document(value: &Value) -> Result<Map<String, Value>, PatchError> {
    borrowed(value).cloned()
}

fn invalid(text: impl Into<String>) -> PatchError {
    PatchError::Invalid(text.into())
}

fn no_merge_key(item: &Map<String, Value>, key: &str) -> PatchError {
    let item = go_text(&Value::Object(item.clone()));
    PatchError::Unclassified(format!(
        "map: {item} does not contain declared merge key: {key}"
    ))
}

fn bad_type(expected: &str, actual: &Value) -> PatchError {
    invalid(format!(
        "expected a {expected}, but received a {}",
        go_type(actual)
    ))
}

const GO_MAP: &str = "map[string]interface {}";
const GO_SLICE: &str = "[]interface {}";

/// The name Go's reflection gives a decoded JSON value.
fn go_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "%!s(<nil>)",
        Value::Bool(_) => "bool",
        Value::Number(n) if n.is_f64() => "float64",
        Value::Number(_) => "int64",
        Value::String(_) => "string",
        Value::Array(_) => GO_SLICE,
        Value::Object(_) => GO_MAP,
    }
}

/// Whether Go would see the same dynamic type.
fn same_type(a: &Value, b: &Value) -> bool {
    go_type(a) == go_type(b)
}

/// A value as Go's `%v` prints it.
pub fn go_text(value: &Value) -> String {
    match value {
        Value::Null => "<nil>".into(),
        Value::Bool(set) => set.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map
                .iter()
                .map(|(k, v)| format!("{k}:{}", go_text(v)))
                .collect();
            format!("map[{}]", pairs.join(" "))
        }
    }
}
