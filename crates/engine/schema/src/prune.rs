//! Pruning: unknown fields go.

use crate::kind::KindSchema;
use crate::types::{Shape, TypeId, Types};
use argosy_object::Value;

/// Removes the fields that `kind` doesn't know and returns their paths, such as
/// `spec.containers[0].foo`, in the order of strict field validation's messages.
pub fn prune(kind: &KindSchema, object: &mut Value) -> Vec<String> {
    let mut pruned = Vec::new();
    walk(
        &kind.types,
        kind.root,
        object,
        &mut String::new(),
        &mut pruned,
    );
    pruned
}

fn walk(types: &Types, id: TypeId, value: &mut Value, path: &mut String, pruned: &mut Vec<String>) {
    let len = path.len();
    match (&types.get(id).shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            map.retain(|key, value| {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                let keep = match (object.field(key), object.additional) {
                    (Some(field), _) => {
                        walk(types, field.ty, value, path, pruned);
                        true
                    }
                    (None, Some(id)) => {
                        walk(types, id, value, path, pruned);
                        true
                    }
                    (None, None) => object.preserve_unknown,
                };
                if !keep {
                    pruned.push(path.clone());
                }
                path.truncate(len);
                keep
            });
        }
        (Shape::Map { value: id, .. }, Value::Object(map)) => {
            for (key, value) in map {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(key);
                walk(types, *id, value, path, pruned);
                path.truncate(len);
            }
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for (at, value) in items.iter_mut().enumerate() {
                path.push_str(&format!("[{at}]"));
                walk(types, *item, value, path, pruned);
                path.truncate(len);
            }
        }
        _ => {}
    }
}
