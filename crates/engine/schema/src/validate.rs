//! Validation of an object's structure: types, required fields, and the rules of CRDs.

mod builtin;
mod formats;
mod lists;

use crate::error::{FieldError, FieldErrorKind};
use crate::kind::KindSchema;
use crate::types::{Field, ListKind, ObjectType, Rules, Scalar, Shape, TypeId, Types};
use argosy_object::Value;

/// Checks `object` against its schema; `old` is the stored object on an update, whose unchanged
/// parts are not checked again for custom kinds (ratcheting).
///
/// For a built-in kind a [`FieldErrorKind::TypeInvalid`] carries the text of Go's decoder, which
/// an API server sends as 400; everything else is a field error as in a 422.
///
/// Compat: apiextensions' structural validation, its messages included; CEL rules are checked
/// last and only where nothing else is wrong.
pub fn validate(kind: &KindSchema, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    if !kind.is_custom() {
        return builtin::validate(kind, object);
    }
    let mut check = Check {
        types: &kind.types,
        errors: Vec::new(),
    };
    check.node(kind.root, object, old, "");
    lists::check(&kind.types, kind.root, object, "", &mut check.errors);
    if check.errors.is_empty() {
        crate::cel::check(kind, object, old, &mut check.errors);
    }
    check.errors
}

/// What Go's decoder says of the first value of `object` that has not the type of its field; `None`
/// where all have, and for custom kinds, which are read as they are.
pub fn undecodable(kind: &KindSchema, object: &Value) -> Option<String> {
    if kind.is_custom() {
        return None;
    }
    builtin::undecodable(kind, object)
}

pub(crate) fn child(path: &str, key: &str) -> String {
    if path.is_empty() {
        key.to_owned()
    } else {
        format!("{path}.{key}")
    }
}

/// A value as a field error prints it.
pub(crate) fn printed(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => crate::three_way::go_json(other),
    }
}

pub(crate) fn invalid(path: &str, value: &Value, detail: &str) -> FieldError {
    FieldError {
        path: path.to_owned(),
        kind: FieldErrorKind::Invalid,
        message: format!("Invalid value: {}: {detail}", printed(value)),
    }
}

struct Check<'t> {
    types: &'t Types,
    errors: Vec<FieldError>,
}

impl Check<'_> {
    fn node(&mut self, id: TypeId, value: &Value, old: Option<&Value>, path: &str) {
        if old == Some(value) {
            return;
        }
        let ty = self.types.get(id);
        let rules = ty.rules.as_deref();
        if value.is_null() && rules.is_some_and(|r| r.nullable) {
            return;
        }
        if rules.is_none_or(|r| r.typed) && !self.type_fits(&ty.shape, value, path) {
            return;
        }
        match (&ty.shape, value) {
            (Shape::Object(object), Value::Object(_)) => self.object(object, value, old, path),
            (Shape::Map { value: id, .. }, Value::Object(map)) => {
                for (key, value) in map {
                    let old = old.and_then(|old| old.get(key));
                    self.node(*id, value, old, &child(path, key));
                }
            }
            (Shape::List { item, list }, Value::Array(items)) => {
                for (at, value) in items.iter().enumerate() {
                    let old = old.and_then(|old| counterpart(list, value, old));
                    self.node(*item, value, old, &format!("{path}[{at}]"));
                }
            }
            _ => {}
        }
        if let Some(rules) = rules {
            self.rules(rules, value, path);
        }
    }

    fn object(&mut self, object: &ObjectType, value: &Value, old: Option<&Value>, path: &str) {
        for Field {
            name, ty, required, ..
        } in &object.fields
        {
            let path = child(path, name);
            match value.get(name.as_ref()) {
                None if *required => self.required(path),
                None => {}
                Some(value) => self.node(*ty, value, old.and_then(|o| o.get(name.as_ref())), &path),
            }
        }
        let Some(additional) = object.additional else {
            return;
        };
        for (key, value) in value.as_object().into_iter().flatten() {
            if object.field(key).is_none() {
                let old = old.and_then(|old| old.get(key));
                self.node(additional, value, old, &child(path, key));
            }
        }
    }

    fn required(&mut self, path: String) {
        let message = "Required value".to_owned();
        self.errors.push(FieldError {
            path,
            kind: FieldErrorKind::Required,
            message,
        });
    }

    /// Whether the value has the JSON type of the shape; says so where it hasn't.
    fn type_fits(&mut self, shape: &Shape, value: &Value, path: &str) -> bool {
        let (expected, fits) = match shape {
            Shape::Object(_) | Shape::Map { .. } => ("object", value.is_object()),
            Shape::List { .. } => ("array", value.is_array()),
            Shape::Any => return true,
            Shape::Scalar(scalar) => match scalar {
                Scalar::Int32 | Scalar::Int64 | Scalar::Integer => ("integer", is_integer(value)),
                Scalar::Float => ("number", value.is_number()),
                Scalar::Bool => ("boolean", value.is_boolean()),
                Scalar::IntOrString => ("integer,string", value.is_string() || is_integer(value)),
                Scalar::FieldsV1 => ("object", value.is_object()),
                Scalar::RawExtension | Scalar::Json => return true,
                _ => ("string", value.is_string()),
            },
        };
        if !fits {
            let found = json_type(value);
            let text = format!("{path} in body must be of type {expected}: {found:?}");
            self.errors.push(FieldError {
                path: path.to_owned(),
                kind: FieldErrorKind::TypeInvalid,
                message: format!("Invalid value: {found:?}: {text}"),
            });
        }
        fits
    }

    fn rules(&mut self, rules: &Rules, value: &Value, path: &str) {
        if !rules.values.is_empty() && !rules.values.iter().any(|v| same(v, value)) {
            let values: Vec<String> = rules.values.iter().map(quoted).collect();
            self.errors.push(FieldError {
                path: path.to_owned(),
                kind: FieldErrorKind::NotSupported,
                message: format!(
                    "Unsupported value: {}: supported values: {}",
                    printed(value),
                    values.join(", ")
                ),
            });
        }
        match value {
            Value::Number(number) => {
                self.number(rules, number.as_f64().unwrap_or_default(), value, path);
            }
            Value::String(text) => self.text(rules, text, value, path),
            Value::Array(items) => self.array(rules, items, value, path),
            Value::Object(map) => {
                for name in &rules.required {
                    if !map.contains_key(name.as_ref()) {
                        self.required(child(path, name));
                    }
                }
                if let Some(min) = rules.min_properties.filter(|min| (map.len() as u64) < *min) {
                    let text = format!("{path} in body should have at least {min} properties");
                    self.errors.push(invalid(path, value, &text));
                }
                self.too_many(rules.max_properties, map.len(), path);
            }
            _ => {}
        }
        self.logic(rules, value, path);
    }

    fn number(&mut self, rules: &Rules, number: f64, value: &Value, path: &str) {
        let mut fail = |text: String| {
            self.errors.push(invalid(
                path,
                value,
                &format!("{path} in body should be {text}"),
            ));
        };
        if let Some((min, exclusive)) = rules.minimum {
            if exclusive && number <= min {
                fail(format!("greater than {}", go_number(min)));
            } else if number < min {
                fail(format!("greater than or equal to {}", go_number(min)));
            }
        }
        if let Some((max, exclusive)) = rules.maximum {
            if exclusive && number >= max {
                fail(format!("less than {}", go_number(max)));
            } else if number > max {
                fail(format!("less than or equal to {}", go_number(max)));
            }
        }
        if let Some(factor) = rules.multiple_of.filter(|f| *f > 0.0)
            && (number / factor).fract() != 0.0
        {
            fail(format!("a multiple of {}", go_number(factor)));
        }
    }

    fn text(&mut self, rules: &Rules, text: &str, value: &Value, path: &str) {
        let length = text.chars().count() as u64;
        if let Some(max) = rules.max_length.filter(|max| length > *max) {
            let bytes = if max == 1 { "byte" } else { "bytes" };
            self.errors.push(FieldError {
                path: path.to_owned(),
                kind: FieldErrorKind::TooLong,
                message: format!("Too long: may not be more than {max} {bytes}"),
            });
        } else if let Some(min) = rules.min_length.filter(|min| length < *min) {
            let text = format!("{path} in body should be at least {min} chars long");
            self.errors.push(invalid(path, value, &text));
        } else if let Some(pattern) = &rules.pattern
            && pattern.is_match(text) != Some(true)
        {
            let text = format!("{path} in body should match '{}'", pattern.as_str());
            self.errors.push(invalid(path, value, &text));
        }
        if let Some(format) = &rules.format
            && !formats::is_valid(format, text)
        {
            let text = format!("{path} in body must be of type {format}: {text:?}");
            self.errors.push(FieldError {
                kind: FieldErrorKind::TypeInvalid,
                ..invalid(path, value, &text)
            });
        }
    }

    fn array(&mut self, rules: &Rules, items: &[Value], value: &Value, path: &str) {
        if let Some(min) = rules.min_items.filter(|min| (items.len() as u64) < *min) {
            let text = format!("{path} in body should have at least {min} items");
            self.errors.push(invalid(path, value, &text));
        }
        self.too_many(rules.max_items, items.len(), path);
        if rules.unique_items
            && items
                .iter()
                .enumerate()
                .any(|(at, item)| items[..at].contains(item))
        {
            let text = format!("{path} in body shouldn't contain duplicates");
            self.errors.push(invalid(path, value, &text));
        }
    }

    fn too_many(&mut self, max: Option<u64>, count: usize, path: &str) {
        let Some(max) = max.filter(|max| count as u64 > *max) else {
            return;
        };
        let items = if max == 1 { "item" } else { "items" };
        self.errors.push(FieldError {
            path: path.to_owned(),
            kind: FieldErrorKind::TooMany,
            message: format!("Too many: {count}: must have at most {max} {items}"),
        });
    }

    fn logic(&mut self, rules: &Rules, value: &Value, path: &str) {
        let Some(logic) = &rules.logic else { return };
        let mut fail = |text: &str| {
            let empty = Value::String(String::new());
            self.errors
                .push(invalid(path, &empty, &format!("{path:?} must {text}")));
        };
        let count = |ids: &[TypeId]| {
            ids.iter()
                .filter(|id| self_errors(self.types, **id, value, path).is_empty())
                .count()
        };
        if !logic.any.is_empty() && count(&logic.any) == 0 {
            fail("validate at least one schema (anyOf)");
        }
        if !logic.one.is_empty() {
            match count(&logic.one) {
                1 => {}
                0 => fail("validate one and only one schema (oneOf). Found none valid"),
                n => fail(&format!(
                    "validate one and only one schema (oneOf). Found {n} valid alternatives"
                )),
            }
        }
        if !logic.all.is_empty() {
            match count(&logic.all) {
                n if n == logic.all.len() => {}
                0 => fail("validate all the schemas (allOf). None validated"),
                _ => fail("validate all the schemas (allOf)"),
            }
        }
        if let Some(not) = logic.not
            && count(&[not]) == 1
        {
            fail("not validate the schema (not)");
        }
        // Upstream also says what is wrong in the branches of allOf, and of the best others.
        for id in &logic.all {
            self.errors
                .extend(self_errors(self.types, *id, value, path));
        }
    }
}

fn self_errors(types: &Types, id: TypeId, value: &Value, path: &str) -> Vec<FieldError> {
    let mut check = Check {
        types,
        errors: Vec::new(),
    };
    check.node(id, value, None, path);
    check.errors
}

/// The old item that a new one is an update of.
pub(crate) fn counterpart<'v>(list: &ListKind, item: &Value, old: &'v Value) -> Option<&'v Value> {
    let ListKind::Map { keys } = list else {
        return None;
    };
    let same_keys = |other: &&Value| keys.iter().all(|key| other.get(&**key) == item.get(&**key));
    old.as_array()?.iter().find(same_keys)
}

fn is_integer(value: &Value) -> bool {
    match value {
        Value::Number(number) => number.as_f64().is_some_and(|float| float.fract() == 0.0),
        _ => false,
    }
}

fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (a, b) => a == b,
    }
}

fn quoted(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => format!("{:?}", other.to_string()),
    }
}

fn go_number(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e21 {
        format!("{number:.0}")
    } else {
        number.to_string()
    }
}

pub(crate) fn json_type(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) if is_integer(value) => "integer",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
