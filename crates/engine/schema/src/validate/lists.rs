//! Uniqueness in lists that are sets or maps.

use crate::error::{FieldError, FieldErrorKind};
use crate::types::{ListKind, Shape, TypeId, Types};
use crate::validate::{child, invalid, printed};
use argosy_object::{Map, Value};
use std::collections::HashMap;

/// Reports each item whose identity an earlier one has.
pub(super) fn check(
    types: &Types,
    id: TypeId,
    value: &Value,
    path: &str,
    errors: &mut Vec<FieldError>,
) {
    match (&types.get(id).shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            for (key, value) in map {
                if let Some(field) = object.field(key) {
                    check(types, field.ty, value, &child(path, key), errors);
                }
            }
        }
        (Shape::Map { value: id, .. }, Value::Object(map)) => {
            for (key, value) in map {
                check(types, *id, value, &format!("{path}[{key}]"), errors);
            }
        }
        (Shape::List { item, list }, Value::Array(items)) => {
            unique(list, items, path, errors);
            for (at, value) in items.iter().enumerate() {
                check(types, *item, value, &format!("{path}[{at}]"), errors);
            }
        }
        _ => {}
    }
}

fn unique(list: &ListKind, items: &[Value], path: &str, errors: &mut Vec<FieldError>) {
    let identities: Vec<Value> = match list {
        ListKind::Atomic => return,
        ListKind::Set => items.to_vec(),
        ListKind::Map { keys } => {
            if let Some(at) = items.iter().position(|i| !i.is_object() && !i.is_null()) {
                let text = "must be an object for an array of list-type map";
                errors.push(invalid(&format!("{path}[{at}]"), &items[at], text));
                return;
            }
            let identity = |item: &Value| {
                let pair = |key: &str| Some((key.to_owned(), item.get(key)?.clone()));
                Value::Object(
                    keys.iter()
                        .filter_map(|key| pair(key))
                        .collect::<Map<_, _>>(),
                )
            };
            items.iter().map(identity).collect()
        }
    };
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (at, identity) in identities.iter().enumerate() {
        let times = seen.entry(identity.to_string()).or_default();
        *times += 1;
        if *times == 2 {
            errors.push(FieldError {
                path: format!("{path}[{at}]"),
                kind: FieldErrorKind::Duplicate,
                message: format!("Duplicate value: {}", printed(identity)),
            });
        }
    }
}
