//! Short ways into JSON trees.

use argosy_object::{Map, Value, meta};
use jiff::Timestamp;

/// The text at a JSON pointer, or the empty string.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The whole number at a JSON pointer, or 0.
pub fn int(value: &Value, pointer: &str) -> i64 {
    value.pointer(pointer).and_then(Value::as_i64).unwrap_or(0)
}

/// Whether the field at a JSON pointer is `true`.
pub fn is_true(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or(false)
}

/// The list at a JSON pointer, or an empty one.
pub fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value.pointer(pointer).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The value at a pointer, or null, without a copy.
pub fn get<'v>(value: &'v Value, pointer: &str) -> &'v Value {
    static NULL: Value = Value::Null;
    value.pointer(pointer).unwrap_or(&NULL)
}

/// A copy of the value at a pointer, or null.
pub fn at(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or(Value::Null)
}

/// The mapping in a field, made where it is missing or null; anything else is replaced.
pub fn map<'v>(value: &'v mut Value, field: &str) -> &'v mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let slot = value.as_object_mut().expect("made a mapping just above");
    let slot = slot.entry(field).or_insert(Value::Null);
    if !slot.is_object() {
        *slot = Value::Object(Map::new());
    }
    slot.as_object_mut().expect("made a mapping just above")
}

/// Whether an object is being deleted.
pub fn is_deleting(object: &Value) -> bool {
    !meta(object, "deletionTimestamp").is_empty()
}

/// A time as `metav1.Time` writes it.
pub fn stamp(now: Timestamp) -> Value {
    Timestamp::from_second(now.as_second()).unwrap_or(now).to_string().into()
}

/// The status of a condition: `True`, `False`, `Unknown`, or the empty string.
pub fn condition<'v>(object: &'v Value, kind: &str) -> &'v str {
    list(object, "/status/conditions")
        .iter()
        .find(|c| text(c, "/type") == kind)
        .map_or("", |c| text(c, "/status"))
}

/// The number that an `IntOrString` stands for, of a whole; percentages are rounded as asked.
pub fn portion(value: Option<&Value>, whole: i64, up: bool) -> Option<i64> {
    match value? {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => {
            let percent: i64 = text.strip_suffix('%')?.parse().ok()?;
            let product = whole.saturating_mul(percent);
            Some(if up { product.saturating_add(99).div_euclid(100) } else { product / 100 })
        }
        _ => None,
    }
}

/// The controller of an object: kind, name and UID.
pub fn controller(object: &Value) -> Option<(&str, &str, &str)> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| is_true(owner, "/controller"))
        .map(|owner| (text(owner, "/kind"), text(owner, "/name"), text(owner, "/uid")))
}

/// The reference by which an object owns what it makes.
pub fn owner_reference(owner: &Value, api_version: &str, kind: &str) -> Value {
    argosy_object::json!({
        "apiVersion": api_version,
        "kind": kind,
        "name": meta(owner, "name"),
        "uid": meta(owner, "uid"),
        "controller": true,
        "blockOwnerDeletion": true,
    })
}
