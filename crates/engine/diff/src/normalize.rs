//! Forms in which two values are compared.

use argosy_crds::names;
use argosy_object::Value;
use argosy_schema::{KindSchema, Quantity, Scalar, Shape, TypeId, default};
use base64::Engine as _;

/// Fields of `metadata` that the server alone writes.
const SERVER_METADATA: [&str; 7] = [
    "managedFields",
    "resourceVersion",
    "uid",
    "creationTimestamp",
    "generation",
    "selfLink",
    "deletionGracePeriodSeconds",
];

/// Brings an object into the form in which it is compared: without status and server metadata,
/// with defaults, canonical quantities and Secret data as the server stores it.
pub(crate) fn normalize(kind: Option<&KindSchema>, value: &mut Value) {
    if let Some(map) = value.as_object_mut() {
        map.remove("status");
        if let Some(metadata) = map.get_mut("metadata").and_then(Value::as_object_mut) {
            for field in SERVER_METADATA {
                metadata.remove(field);
            }
            if let Some(annotations) = metadata
                .get_mut("annotations")
                .and_then(Value::as_object_mut)
            {
                annotations.remove(names::LAST_APPLIED);
                annotations.remove("deployment.kubernetes.io/revision");
            }
            for field in ["annotations", "labels"] {
                let is_empty =
                    |v: &Value| v.is_null() || v.as_object().is_some_and(|m| m.is_empty());
                if metadata.get(field).is_some_and(is_empty) {
                    metadata.remove(field);
                }
            }
        }
    }
    fold_secret(value);
    drop_aggregated_rules(value);
    if let Some(kind) = kind {
        default(kind, value);
        canonical(kind, kind.root, value, 0);
    }
    drop_nulls(value);
}

/// `stringData` becomes `data`, as the server stores it.
pub(crate) fn fold_secret(value: &mut Value) {
    if value["kind"] != "Secret" || value["apiVersion"] != "v1" {
        return;
    }
    let Some(map) = value.as_object_mut() else {
        return;
    };
    let Some(Value::Object(texts)) = map.remove("stringData") else {
        return;
    };
    let data = map
        .entry("data")
        .or_insert_with(|| Value::Object(Default::default()));
    if !data.is_object() {
        *data = Value::Object(Default::default());
    }
    for (key, text) in texts {
        let text = text.as_str().unwrap_or_default();
        data[key] = base64::engine::general_purpose::STANDARD
            .encode(text)
            .into();
    }
}

/// The rules of an aggregated ClusterRole are a controller's work.
fn drop_aggregated_rules(value: &mut Value) {
    let aggregates = value["kind"] == "ClusterRole" && value.get("aggregationRule").is_some();
    if let (true, Some(map)) = (aggregates, value.as_object_mut()) {
        map.remove("rules");
    }
}

fn canonical(kind: &KindSchema, ty: TypeId, value: &mut Value, depth: u32) {
    if depth > 64 {
        return;
    }
    match (&kind.types.get(ty).shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            for (name, child) in map.iter_mut() {
                if let Some(field) = object.field(name) {
                    canonical(kind, field.ty, child, depth + 1);
                }
            }
        }
        (Shape::Map { value: ty, .. }, Value::Object(map)) => {
            for child in map.values_mut() {
                canonical(kind, *ty, child, depth + 1);
            }
        }
        (Shape::List { item, .. }, Value::Array(list)) => {
            for child in list {
                canonical(kind, *item, child, depth + 1);
            }
        }
        (Shape::Scalar(Scalar::Quantity), value) => {
            let text = match &*value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                _ => return,
            };
            if let Ok(quantity) = Quantity::parse(&text) {
                *value = quantity.to_string().into();
            }
        }
        _ => {}
    }
}

/// A null says the same as an absent field.
fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, child| !child.is_null());
            map.values_mut().for_each(drop_nulls);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}

/// Equality in which `1` equals `1.0`.
pub fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((ka, va), (kb, vb))| ka == kb && is_equal(va, vb))
        }
        (a, b) => a == b,
    }
}

/// The JSON pointers at which two values differ, at most `max`.
pub fn differences(a: &Value, b: &Value, max: usize) -> Vec<String> {
    let mut found = Vec::new();
    collect(a, b, &mut String::new(), max, &mut found);
    found
}

fn collect(a: &Value, b: &Value, path: &mut String, max: usize, found: &mut Vec<String>) {
    if found.len() >= max || is_equal(a, b) {
        return;
    }
    let at = path.len();
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                path.push('/');
                path.push_str(&key.replace('~', "~0").replace('/', "~1"));
                collect(
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    path,
                    max,
                    found,
                );
                path.truncate(at);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                path.push_str(&format!("/{index}"));
                collect(a, b, path, max, found);
                path.truncate(at);
            }
        }
        _ => found.push(path.clone()),
    }
}
