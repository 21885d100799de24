//! What Go's structs make of a document: dropped zeros, canonical scalars, fields always written.

use crate::quantity::Quantity;
use crate::types::{ObjectType, Scalar, Shape, TypeId, Types};
use argosy_object::{Map, Value};

/// Brings a value into the form it has after decoding: nulls and dropped zeros gone, scalars
/// canonical.
pub(super) fn normalize(types: &Types, id: TypeId, value: &mut Value) {
    match (&types.get(id).shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            for field in &object.fields {
                if let Some(value) = map.get_mut(field.name.as_ref()) {
                    normalize(types, field.ty, value);
                }
            }
            map.retain(|key, value| match object.field(key) {
                Some(field) => !(value.is_null() || field.drop_zero && is_zero(value)),
                None => true,
            });
        }
        (Shape::Map { value: id, .. }, Value::Object(map)) => {
            for value in map.values_mut() {
                normalize(types, *id, value);
                if value.is_null() {
                    *value = zero(types, *id);
                }
            }
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for value in items {
                normalize(types, *item, value);
                if value.is_null() {
                    *value = zero(types, *item);
                }
            }
        }
        (Shape::Scalar(scalar), value) => canonical(*scalar, value),
        _ => {}
    }
}

/// Writes what Go writes though nobody said it.
pub(super) fn complete(types: &Types, id: TypeId, value: &mut Value) {
    match (&types.get(id).shape, value) {
        (Shape::Object(object), Value::Object(map)) => {
            for field in object.fields.iter().filter(|f| f.always || f.always_null) {
                if !map.contains_key(field.name.as_ref()) {
                    let zero = if field.always_null {
                        Value::Null
                    } else {
                        zero(types, field.ty)
                    };
                    map.insert(field.name.to_string(), zero);
                }
            }
            complete_fields(types, object, map);
        }
        (Shape::Map { value: id, .. }, Value::Object(map)) => {
            map.values_mut()
                .for_each(|value| complete(types, *id, value));
        }
        (Shape::List { item, .. }, Value::Array(items)) => {
            for value in items {
                complete(types, *item, value);
            }
        }
        _ => {}
    }
}

fn complete_fields(types: &Types, object: &ObjectType, map: &mut Map<String, Value>) {
    for field in &object.fields {
        if let Some(value) = map.get_mut(field.name.as_ref()) {
            complete(types, field.ty, value);
        }
    }
}

/// Whether Go would take the value for its type's zero.
pub(super) fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(set) => !set,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

/// A type's zero value as Go writes it.
fn zero(types: &Types, id: TypeId) -> Value {
    match &types.get(id).shape {
        Shape::Object(_) => Value::Object(Map::new()),
        Shape::Scalar(Scalar::Int32 | Scalar::Int64 | Scalar::Integer | Scalar::IntOrString) => {
            Value::from(0)
        }
        Shape::Scalar(Scalar::Float) => Value::from(0),
        Shape::Scalar(Scalar::Bool) => Value::Bool(false),
        Shape::Scalar(Scalar::String) => Value::String(String::new()),
        Shape::Scalar(Scalar::Quantity) => Value::String("0".into()),
        Shape::Scalar(Scalar::Duration) => Value::String("0s".into()),
        _ => Value::Null,
    }
}

fn canonical(scalar: Scalar, value: &mut Value) {
    match scalar {
        Scalar::Quantity => {
            let text = match value {
                Value::String(text) => text.trim().to_owned(),
                Value::Number(number) => number.to_string(),
                _ => return,
            };
            if let Ok(quantity) = Quantity::parse(&text) {
                // Resource lists are rounded to thousandths by their defaulting function.
                *value = Value::String(quantity.rounded_to_milli().to_string());
            }
        }
        Scalar::Int32 | Scalar::Int64 | Scalar::IntOrString => {
            if let Value::Number(number) = value
                && let Some(float) = number.as_f64().filter(|_| number.is_f64())
                && float.fract() == 0.0
                && float.abs() < 9.0e18
            {
                *value = Value::from(float as i64);
            }
        }
        Scalar::Time => {
            if let Value::String(text) = value
                && let Some(canonical) = crate::time::to_seconds(text)
            {
                *text = canonical;
            }
        }
        _ => {}
    }
}
