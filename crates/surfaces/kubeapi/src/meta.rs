//! Small operations on `metadata`.

use argosy_object::{Map, Value};
use bytes::Bytes;
use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap as _, Serializer};

/// `metadata`, made where it is missing or no mapping.
pub(crate) fn meta_mut(object: &mut Value) -> &mut Map<String, Value> {
    if !object.is_object() {
        *object = Value::Object(Map::new());
    }
    let map = object.as_object_mut().expect("made a mapping just above");
    let meta = map.entry("metadata").or_insert(Value::Null);
    if !meta.is_object() {
        *meta = Value::Object(Map::new());
    }
    meta.as_object_mut().expect("made a mapping just above")
}

/// A text of `metadata`, or the empty string.
pub(crate) fn text<'v>(object: &'v Value, field: &str) -> &'v str {
    argosy_object::meta(object, field)
}

/// Sets a text of `metadata`; an empty one removes it.
pub(crate) fn set(object: &mut Value, field: &str, text: &str) {
    if text.is_empty() {
        remove(object, field);
    } else {
        meta_mut(object).insert(field.into(), text.into());
    }
}

/// Removes a field of `metadata`.
pub(crate) fn remove(object: &mut Value, field: &str) {
    if let Some(meta) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        meta.remove(field);
    }
}

/// A field of `metadata`, where it is there and not null.
pub(crate) fn field<'v>(object: &'v Value, field: &str) -> Option<&'v Value> {
    object
        .get("metadata")?
        .get(field)
        .filter(|value| !value.is_null())
}

/// Copies a field of `metadata` from another object, or removes it where that has none.
pub(crate) fn copy(object: &mut Value, from: &Value, name: &str) {
    match field(from, name) {
        Some(value) => {
            meta_mut(object).insert(name.into(), value.clone());
        }
        None => remove(object, name),
    }
}

/// The texts of a list in `metadata`, such as `finalizers`.
pub(crate) fn texts<'v>(object: &'v Value, name: &str) -> Vec<&'v str> {
    let list = field(object, name).and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Sets `metadata.finalizers`; an empty list removes it.
pub(crate) fn set_finalizers(object: &mut Value, finalizers: Vec<String>) {
    if finalizers.is_empty() {
        remove(object, "finalizers");
    } else {
        meta_mut(object).insert("finalizers".into(), finalizers.into());
    }
}

/// Whether `deletionTimestamp` is set.
pub(crate) fn is_deleting(object: &Value) -> bool {
    field(object, "deletionTimestamp").is_some()
}

/// `metadata.generation`, 0 where missing.
pub(crate) fn generation(object: &Value) -> i64 {
    field(object, "generation")
        .and_then(Value::as_i64)
        .unwrap_or(0)
}

/// A time as the API writes it: RFC 3339 in whole seconds.
pub(crate) fn stamp(now: Timestamp) -> String {
    let seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    seconds.to_string()
}

/// An object's stored form: no `resourceVersion`, no `selfLink`; `apiVersion` first and `metadata`
/// behind it, so that [`append_shown`] finds its place without reading the rest.
pub(crate) fn encode(object: &Value) -> Bytes {
    let mut bytes =
        serde_json::to_vec(&StoredForm(object)).expect("a value with string keys is always JSON");
    // It is kept for long, and the buffer grew by doubling.
    bytes.shrink_to_fit();
    Bytes::from(bytes)
}

struct StoredForm<'v>(&'v Value);

impl Serialize for StoredForm<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(map) = self.0.as_object() else {
            return self.0.serialize(serializer);
        };
        let mut out = serializer.serialize_map(None)?;
        if let Some(version) = map.get("apiVersion") {
            out.serialize_entry("apiVersion", version)?;
        }
        if let Some(metadata) = map.get("metadata") {
            out.serialize_entry("metadata", &StoredMeta(metadata))?;
        }
        for (key, value) in map {
            if !matches!(key.as_str(), "apiVersion" | "metadata") {
                out.serialize_entry(key, value)?;
            }
        }
        out.end()
    }
}

struct StoredMeta<'v>(&'v Value);

impl Serialize for StoredMeta<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some(map) = self.0.as_object() else {
            return self.0.serialize(serializer);
        };
        let kept = map
            .iter()
            .filter(|(key, _)| !matches!(key.as_str(), "resourceVersion" | "selfLink"));
        serializer.collect_map(kept)
    }
}

/// Appends a stored object as it is shown, its revision put in, without reading it; `false`, and
/// nothing appended, where it is not of this `apiVersion` or was stored in another order.
pub(crate) fn append_shown(out: &mut Vec<u8>, json: &[u8], rev: u64, api_version: &str) -> bool {
    let parts = json
        .strip_prefix(b"{\"apiVersion\":\"")
        .and_then(|rest| rest.strip_prefix(api_version.as_bytes()))
        .and_then(|rest| rest.strip_prefix(b"\",\"metadata\":{"));
    let Some(rest) = parts else {
        return false;
    };
    out.extend_from_slice(&json[..json.len() - rest.len()]);
    out.extend_from_slice(b"\"resourceVersion\":\"");
    out.extend_from_slice(rev.to_string().as_bytes());
    out.push(b'"');
    if !rest.starts_with(b"}") {
        out.push(b',');
    }
    out.extend_from_slice(rest);
    true
}

/// Whether a stored object is being deleted; reads it only where it may be.
pub(crate) fn is_stored_deleting(json: &[u8]) -> bool {
    const FIELD: &[u8] = b"\"deletionTimestamp\"";
    json.windows(FIELD.len()).any(|at| at == FIELD) && is_deleting(&decode(json, 0))
}

/// An object from its stored form.
pub(crate) fn decode(json: &[u8], rev: u64) -> Value {
    let mut object: Value = serde_json::from_slice(json).unwrap_or_default();
    set(&mut object, "resourceVersion", &rev.to_string());
    object
}

/// Whether two objects are equal but for `resourceVersion`.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    let (Some(one), Some(other)) = (one.as_object(), other.as_object()) else {
        return one == other;
    };
    let rest = |map: &Map<String, Value>| map.iter().filter(|(k, _)| *k != "metadata").count();
    if rest(one) != rest(other) {
        return false;
    }
    one.iter()
        .all(|(key, value)| match (key.as_str(), other.get(key)) {
            ("metadata", meta) => same_meta(Some(value), meta),
            (_, found) => found == Some(value),
        })
        && one.contains_key("metadata") == other.contains_key("metadata")
}

fn same_meta(one: Option<&Value>, other: Option<&Value>) -> bool {
    fn entries(meta: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
        let map = meta.and_then(Value::as_object);
        map.into_iter().flatten().filter(|(key, value)| {
            !matches!(key.as_str(), "resourceVersion" | "selfLink") && !value.is_null()
        })
    }
    entries(one).eq(entries(other))
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn stored_form_takes_its_revision_from_the_store() {
        let object = json!({"metadata": {"name": "a", "resourceVersion": "7"}, "x": 1});
        let stored = encode(&object);
        assert_eq!(&stored[..], br#"{"metadata":{"name":"a"},"x":1}"#);
        let again = decode(&stored, 9);
        assert_eq!(text(&again, "resourceVersion"), "9");
        assert!(same(&object, &again));
        assert!(!same(
            &object,
            &json!({"metadata": {"name": "a"}, "x": 1, "y": 2})
        ));
    }

    #[test]
    fn stored_bytes_are_shown_as_their_object_would_be() {
        for object in [
            json!({"kind": "A", "apiVersion": "g/v1", "data": {"metadata": {"x": 1}},
                "metadata": {"name": "a", "selfLink": "/a", "labels": {"resourceVersion": "x"}}}),
            json!({"apiVersion": "g/v1", "metadata": {}}),
        ] {
            let (stored, mut shown) = (encode(&object), Vec::new());
            assert!(append_shown(&mut shown, &stored, 9, "g/v1"));
            let shown: Value = serde_json::from_slice(&shown).unwrap();
            assert_eq!(shown, decode(&stored, 9));
            assert!(!append_shown(&mut Vec::new(), &stored, 9, "g/v"));
        }
        let elsewhere = br#"{"kind":"A","apiVersion":"g/v1","metadata":{}}"#;
        assert!(!append_shown(&mut Vec::new(), elsewhere, 9, "g/v1"));
    }

    #[test]
    fn times_have_whole_seconds() {
        let time: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        assert_eq!(stamp(time), "2026-01-02T03:04:05Z");
    }
}
