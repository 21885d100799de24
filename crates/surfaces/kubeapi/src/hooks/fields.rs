//! Short ways into JSON trees, for hooks that read and set a few fields each.

use argosy_object::{Map, Value};

/// The text at a JSON pointer, or the empty string.
pub fn text<'v>(value: &'v Value, pointer: &str) -> &'v str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The whole number at a JSON pointer.
pub fn int(value: &Value, pointer: &str) -> Option<i64> {
    value.pointer(pointer).and_then(Value::as_i64)
}

/// Whether the field at a JSON pointer is `true`.
pub fn is_true(value: &Value, pointer: &str) -> bool {
    value
        .pointer(pointer)
        .and_then(Value::as_bool)
        .unwrap_or(false)
}

/// The list at a JSON pointer, or an empty one.
pub fn list<'v>(value: &'v Value, pointer: &str) -> &'v [Value] {
    value
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// The list at a JSON pointer to change it, or an empty one.
pub fn list_mut<'v>(value: &'v mut Value, pointer: &str) -> &'v mut [Value] {
    match value.pointer_mut(pointer) {
        Some(Value::Array(items)) => items,
        _ => &mut [],
    }
}

/// The mapping in a field, made where it is missing or null; anything else is replaced.
pub fn map<'v>(value: &'v mut Value, field: &str) -> &'v mut Map<String, Value> {
    as_map(as_map(value).entry(field).or_insert(Value::Null))
}

/// The value as a mapping; anything else is replaced by an empty one.
pub fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made a mapping just above")
}

/// Sets a field where it is missing or null.
pub fn default(value: &mut Value, field: &str, fallback: impl Into<Value>) {
    if let Value::Object(map) = value {
        let slot = map.entry(field).or_insert(Value::Null);
        if slot.is_null() {
            *slot = fallback.into();
        }
    }
}

/// Sets a text field where it is missing, null or empty.
pub fn default_text(value: &mut Value, field: &str, fallback: &str) {
    if let Value::Object(map) = value
        && map.get(field).is_none_or(|v| v.is_null() || v == "")
    {
        map.insert(field.into(), fallback.into());
    }
}

/// Whether two trees hold the same at a JSON pointer; missing and null are the same.
pub fn same(a: &Value, b: &Value, pointer: &str) -> bool {
    let (a, b) = (
        a.pointer(pointer).unwrap_or(&Value::Null),
        b.pointer(pointer),
    );
    a == b.unwrap_or(&Value::Null)
}

/// The value at a pointer, or null.
pub fn at(value: &Value, pointer: &str) -> Value {
    value.pointer(pointer).cloned().unwrap_or(Value::Null)
}
