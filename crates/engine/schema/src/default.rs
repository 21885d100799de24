//! Defaults: what an API server fills in, and what its structs make of a document.

mod hooks;
mod rules;
mod shape;

use crate::kind::KindSchema;
use crate::types::{Field, ObjectType, Shape, TypeId, Types};
use argosy_object::{Map, Value};

/// Fills in the defaults of `kind` where `object` is silent, and brings a built-in object into
/// the form an API server returns: zero values dropped or written as Go does, quantities and
/// times in canonical form, nulls gone.
///
/// Idempotent. Compat: the defaulting functions of Kubernetes 1.36 for built-in kinds, the
/// schema's `default` for custom ones.
pub fn default(kind: &KindSchema, object: &mut Value) {
    if kind.is_custom() {
        if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
            metadata.retain(|_, value| !value.is_null());
        }
        custom(&kind.types, kind.root, object);
        return;
    }
    shape::normalize(&kind.types, kind.root, object);
    builtin(&kind.types, kind.root, object);
    hooks::whole_object(kind, object);
    shape::complete(&kind.types, kind.root, object);
}

/// As [`default`], without defaults: only the form of Go's structs, as a patch's result takes it
/// before it is defaulted.
pub fn normalize(kind: &KindSchema, object: &mut Value) {
    if !kind.is_custom() {
        shape::normalize(&kind.types, kind.root, object);
    }
}

/// Writes only what Go writes though nobody said it: what an object is when it starts out.
pub(crate) fn complete(kind: &KindSchema, object: &mut Value) {
    shape::complete(&kind.types, kind.root, object);
}

/// Defaults of a type and all below it, from the top down, as Go's functions are called.
fn builtin(types: &Types, id: TypeId, value: &mut Value) {
    let ty = types.get(id);
    match (&ty.shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            create_structs(types, object, map);
            for field in &object.fields {
                if let Some(default) = &field.default
                    && is_unset(field, map.get(field.name.as_ref()))
                {
                    map.insert(field.name.to_string(), (**default).clone());
                }
            }
            rules::apply(&ty.name, object, map);
            hooks::object(&ty.name, map);
            for field in &object.fields {
                if let Some(value) = map.get_mut(field.name.as_ref()) {
                    builtin(types, field.ty, value);
                }
            }
            // A struct that only stood in for defaults and got none goes again.
            map.retain(|_, value| !value.is_null());
        }
        (Shape::Map { value: id, .. }, Value::Object(map)) => {
            map.values_mut()
                .for_each(|value| builtin(types, *id, value));
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for value in items {
                builtin(types, *item, value);
            }
        }
        _ => {}
    }
}

/// Structs that Go always has are there before its functions run.
fn create_structs(types: &Types, object: &ObjectType, map: &mut Map<String, Value>) {
    for field in &object.fields {
        if field.always
            && matches!(types.get(field.ty).shape, Shape::Object(_))
            && map.get(field.name.as_ref()).is_none_or(Value::is_null)
        {
            map.insert(field.name.to_string(), Value::Object(Map::new()));
        }
    }
}

/// Whether Go would see the field's zero value.
fn is_unset(field: &Field, value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => (field.drop_zero || field.always) && shape::is_zero(value),
    }
}

/// Defaults of a structural schema.
fn custom(types: &Types, id: TypeId, value: &mut Value) {
    match (&types.get(id).shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            for field in &object.fields {
                let nullable = types
                    .get(field.ty)
                    .rules
                    .as_ref()
                    .is_some_and(|r| r.nullable);
                let Some(default) = &field.default else {
                    continue;
                };
                match map.get(field.name.as_ref()) {
                    None => {}
                    Some(Value::Null) if !nullable => {}
                    Some(_) => continue,
                }
                map.insert(field.name.to_string(), (**default).clone());
            }
            for (key, value) in map.iter_mut() {
                match object.field(key) {
                    Some(field) => custom(types, field.ty, value),
                    None => {
                        if let Some(id) = object.additional {
                            custom_item(types, id, value);
                        }
                    }
                }
            }
        }
        (Shape::Map { value: id, .. }, Value::Object(map)) => {
            map.values_mut()
                .for_each(|value| custom_item(types, *id, value));
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for value in items {
                custom_item(types, *item, value);
            }
        }
        _ => {}
    }
}

fn custom_item(types: &Types, id: TypeId, value: &mut Value) {
    if value.is_null()
        && let Some(rules) = &types.get(id).rules
        && !rules.nullable
        && let Some(default) = &rules.default
    {
        *value = default.clone();
    }
    custom(types, id, value);
}

#[cfg(test)]
mod tests;
