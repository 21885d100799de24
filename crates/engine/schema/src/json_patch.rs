//! JSON patch (RFC 6902) and JSON merge patch (RFC 7386), as the API server applies them.

use crate::error::PatchError;
use argosy_object::{Map, Value};

/// Upstream's `maxJSONPatchOperations`.
const MAX_OPERATIONS: usize = 10_000;
/// How much all `copy` operations together may add, in values.
const MAX_COPIED: usize = 1_000_000;

/// Applies a list of operations. Compat: evanphx/json-patch v4, its texts included: negative
/// indices count from the end, `replace` makes a missing key of an object.
///
/// # Errors
/// [`PatchError::Invalid`] where `operations` is no patch, [`PatchError::Failed`] where one
/// cannot be applied.
pub fn json_patch(document: &Value, operations: &Value) -> Result<Value, PatchError> {
    let bad = || {
        PatchError::Invalid(
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch".into(),
        )
    };
    let operations = operations.as_array().ok_or_else(bad)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooLarge("10000 JSON patch operations"));
    }
    let mut document = document.clone();
    let mut copied = 0;
    for operation in operations {
        let operation = Operation(operation.as_object().ok_or_else(bad)?);
        match operation.text("op").unwrap_or("unknown") {
            "add" => operation.add(&mut document)?,
            "remove" => operation.remove(&mut document)?,
            "replace" => operation.replace(&mut document)?,
            "move" => operation.relocate(&mut document)?,
            "test" => operation.test(&document)?,
            "copy" => operation.copy(&mut document, &mut copied)?,
            other => return Err(failed(format!("Unexpected kind: {other}"))),
        }
    }
    Ok(document)
}

/// Applies a JSON merge patch in place: null removes. Compat: evanphx/json-patch v4, which also
/// removes nulls inside the lists it sets.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    match (target, patch) {
        (Value::Object(target), Value::Object(patch)) => merge_maps(target, patch),
        (target, patch) => *target = without_nulls(patch),
    }
}

fn merge_maps(target: &mut Map<String, Value>, patch: &Map<String, Value>) {
    for (key, value) in patch {
        match (target.get_mut(key), value) {
            (_, Value::Null) => {
                target.remove(key);
            }
            (None | Some(Value::Null), _) => {
                target.insert(key.clone(), without_nulls(value));
            }
            (Some(Value::Object(inner)), Value::Object(patch)) => merge_maps(inner, patch),
            (Some(present @ Value::Object(_)), _) => *present = value.clone(),
            (Some(present), _) => *present = without_nulls(value),
        }
    }
}

fn without_nulls(value: &Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(
            map.iter()
                .filter(|(_, value)| !value.is_null())
                .map(|(key, value)| (key.clone(), without_nulls(value)))
                .collect(),
        ),
        Value::Array(items) => Value::Array(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    }
}

fn failed(text: String) -> PatchError {
    PatchError::Failed(text)
}

struct Operation<'o>(&'o Map<String, Value>);

impl Operation<'_> {
    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    fn value(&self) -> Value {
        self.0.get("value").cloned().unwrap_or_default()
    }

    fn path(&self, operation: &str) -> Result<&str, PatchError> {
        let text = match operation {
            "add" | "remove" | "copy" => ": missing value",
            _ => ": operation missing path field: missing value",
        };
        self.text("path")
            .ok_or_else(|| failed(format!("{operation} operation failed to decode path{text}")))
    }

    fn from(&self, operation: &str) -> Result<&str, PatchError> {
        self.text("from").ok_or_else(|| {
            failed(format!(
                "{operation} operation failed to decode from: operation, missing from field: missing value"
            ))
        })
    }

    fn add(&self, document: &mut Value) -> Result<(), PatchError> {
        let path = self.path("add")?;
        let Some((container, key)) = container(document, path) else {
            return Err(failed(format!(
                "add operation does not apply: doc is missing path: \"{path}\": missing value"
            )));
        };
        insert(container, &key, self.value())
            .map_err(|e| failed(format!("error in add for path: '{path}': {e}")))
    }

    fn remove(&self, document: &mut Value) -> Result<(), PatchError> {
        let path = self.path("remove")?;
        let Some((container, key)) = container(document, path) else {
            return Err(failed(format!(
                "remove operation does not apply: doc is missing path: \"{path}\": missing value"
            )));
        };
        take(container, &key)
            .map(|_| ())
            .map_err(|e| failed(format!("error in remove for path: '{path}': {e}")))
    }

    fn replace(&self, document: &mut Value) -> Result<(), PatchError> {
        let path = self.path("replace")?;
        let value = self.value();
        if path.is_empty() {
            if !(value.is_object() || value.is_array()) {
                let text = "replace operation value must be object or array: %!w(<nil>)";
                return Err(failed(text.into()));
            }
            *document = value;
            return Ok(());
        }
        match container(document, path) {
            None => Err(failed(format!(
                "replace operation does not apply: doc is missing path: {path}: missing value"
            ))),
            Some((Value::Object(map), key)) => {
                map.insert(key, value);
                Ok(())
            }
            Some((container, key)) => {
                let missing = || {
                    failed(format!(
                        "replace operation does not apply: doc is missing key: {path}: missing value"
                    ))
                };
                let Value::Array(items) = container else {
                    return Err(missing());
                };
                let at = index(&key, items.len()).map_err(|_| missing())?;
                items[at] = value;
                Ok(())
            }
        }
    }

    fn relocate(&self, document: &mut Value) -> Result<(), PatchError> {
        let from = self.from("move")?;
        let Some((source, key)) = container(document, from) else {
            return Err(failed(format!(
                "move operation does not apply: doc is missing from path: {from}: missing value"
            )));
        };
        let value = take(source, &key)
            .map_err(|e| failed(format!("error in move for path: '{key}': {e}")))?;
        let path = self.path("move")?;
        let Some((target, key)) = container(document, path) else {
            return Err(failed(format!(
                "move operation does not apply: doc is missing destination path: {path}: missing value"
            )));
        };
        insert(target, &key, value)
            .map_err(|e| failed(format!("error in move for path: '{path}': {e}")))
    }

    fn copy(&self, document: &mut Value, copied: &mut usize) -> Result<(), PatchError> {
        let from = self.from("copy")?;
        let Some((source, key)) = container(document, from) else {
            return Err(failed(format!(
                "copy operation does not apply: doc is missing from path: {from}: missing value"
            )));
        };
        let value = get(source, &key)
            .map_err(|e| failed(format!("error in copy for from: '{from}': {e}")))?
            .cloned()
            .unwrap_or_default();
        *copied += weight(&value);
        if *copied > MAX_COPIED {
            return Err(PatchError::TooLarge("copied values"));
        }
        let path = self.path("copy")?;
        let Some((target, key)) = container(document, path) else {
            return Err(failed(format!(
                "copy operation does not apply: doc is missing destination path: {path}: missing value"
            )));
        };
        insert(target, &key, value)
            .map_err(|e| failed(format!("error while adding value during copy: {e}")))
    }

    fn test(&self, document: &Value) -> Result<(), PatchError> {
        let path = self.path("test")?;
        let wanted = self.0.get("value").unwrap_or(&Value::Null);
        let held = if path.is_empty() {
            Some(document)
        } else {
            let Some((container, key)) = container_ref(document, path) else {
                return Err(failed(format!(
                    "test operation does not apply: is missing path: {path}: missing value"
                )));
            };
            get(container, &key)
                .map_err(|e| failed(format!("error in test for path: '{path}': {e}")))?
        };
        if held.unwrap_or(&Value::Null) == wanted {
            return Ok(());
        }
        Err(failed(format!("testing value {path} failed: test failed")))
    }
}

fn decode(key: &str) -> String {
    key.replace("~1", "/").replace("~0", "~")
}

/// The container a path's last step stands in, and that step.
fn container<'d>(document: &'d mut Value, path: &str) -> Option<(&'d mut Value, String)> {
    let steps: Vec<&str> = path.split('/').collect();
    let (key, parents) = steps.split_last()?;
    let mut at = document;
    for step in parents.get(1..)? {
        at = match at {
            Value::Object(map) => map.get_mut(&decode(step))?,
            Value::Array(items) => {
                let found = index(&decode(step), items.len()).ok()?;
                &mut items[found]
            }
            _ => return None,
        };
    }
    (at.is_object() || at.is_array()).then(|| (at, decode(key)))
}

fn container_ref<'d>(document: &'d Value, path: &str) -> Option<(&'d Value, String)> {
    let steps: Vec<&str> = path.split('/').collect();
    let (key, parents) = steps.split_last()?;
    let mut at = document;
    for step in parents.get(1..)? {
        at = get(at, &decode(step)).ok()??;
    }
    (at.is_object() || at.is_array()).then(|| (at, decode(key)))
}

fn get<'v>(container: &'v Value, key: &str) -> Result<Option<&'v Value>, String> {
    match container {
        Value::Object(map) => Ok(map.get(key)),
        Value::Array(items) => Ok(items.get(index(key, items.len())?)),
        _ => Ok(None),
    }
}

fn take(container: &mut Value, key: &str) -> Result<Value, String> {
    match container {
        Value::Object(map) => map
            .remove(key)
            .ok_or_else(|| format!("Unable to remove nonexistent key: {key}: missing value")),
        Value::Array(items) => {
            let at = index(key, items.len())?;
            Ok(items.remove(at))
        }
        _ => Err("missing value".into()),
    }
}

fn insert(container: &mut Value, key: &str, value: Value) -> Result<(), String> {
    match container {
        Value::Object(map) => {
            map.insert(key.to_owned(), value);
        }
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let at = atoi(key)
                .map_err(|e| format!("value was not a proper array index: '{key}': {e}"))?;
            let at = bounded(at, items.len() + 1)?;
            items.insert(at, value);
        }
        _ => return Err("missing value".into()),
    }
    Ok(())
}

fn index(key: &str, len: usize) -> Result<usize, String> {
    bounded(atoi(key)?, len)
}

fn bounded(index: i64, len: usize) -> Result<usize, String> {
    let at = if index < 0 { index + len as i64 } else { index };
    usize::try_from(at)
        .ok()
        .filter(|at| *at < len)
        .ok_or_else(|| format!("Unable to access invalid index: {index}: invalid index referenced"))
}

fn atoi(key: &str) -> Result<i64, String> {
    let error = |why: &str| format!("strconv.Atoi: parsing {key:?}: {why}");
    let digits = key.strip_prefix(['+', '-']).unwrap_or(key);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(error("invalid syntax"));
    }
    key.parse().map_err(|_| error("value out of range"))
}

fn weight(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(weight).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(weight).sum::<usize>(),
        Value::String(text) => 1 + text.len() / 16,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn error(document: Value, operations: Value) -> String {
        json_patch(&document, &operations).unwrap_err().to_string()
    }

    #[test]
    fn operations_change_objects_and_lists() {
        let patched = json_patch(
            &json!({"a": [1, 2, 3], "b": {"x/y": 1}}),
            &json!([
                {"op": "add", "path": "/a/-", "value": 4},
                {"op": "add", "path": "/a/0", "value": 0},
                {"op": "remove", "path": "/a/-1"},
                {"op": "replace", "path": "/new", "value": true},
                {"op": "move", "from": "/b/x~1y", "path": "/moved"},
                {"op": "copy", "from": "/a", "path": "/c"},
                {"op": "test", "path": "/c/1", "value": 1},
                {"op": "test", "path": "/missing", "value": null},
            ]),
        );
        assert_eq!(
            patched.unwrap(),
            json!({"a": [0, 1, 2, 3], "b": {}, "new": true, "moved": 1, "c": [0, 1, 2, 3]})
        );
    }

    #[test]
    fn errors_are_upstreams() {
        let doc = json!({"a": [1]});
        assert_eq!(
            error(doc.clone(), json!([{"op": "remove", "path": "/b"}])),
            "error in remove for path: '/b': Unable to remove nonexistent key: b: missing value"
        );
        assert_eq!(
            error(
                doc.clone(),
                json!([{"op": "add", "path": "/a/5", "value": 1}])
            ),
            "error in add for path: '/a/5': Unable to access invalid index: 5: invalid index referenced"
        );
        assert_eq!(
            error(
                doc.clone(),
                json!([{"op": "test", "path": "/a", "value": 2}])
            ),
            "testing value /a failed: test failed"
        );
        assert_eq!(
            error(doc, json!([{"op": "add", "path": "/x/y", "value": 1}])),
            "add operation does not apply: doc is missing path: \"/x/y\": missing value"
        );
    }

    #[test]
    fn merge_patch_removes_nulls() {
        let mut value = json!({"a": {"b": 1, "c": 2}, "d": 1});
        merge_patch(
            &mut value,
            &json!({"a": {"b": null, "n": {"x": null}}, "d": [null]}),
        );
        assert_eq!(value, json!({"a": {"c": 2, "n": {}}, "d": [null]}));
    }
}
