//! Validation of built-in kinds as far as their types say it: what Go's decoder refuses, and
//! required fields.

use crate::error::{FieldError, FieldErrorKind};
use crate::kind::KindSchema;
use crate::quantity::Quantity;
use crate::types::{Field, ObjectType, Scalar, Shape, TypeId, Types};
use crate::validate::child;
use argosy_object::Value;

/// Type errors, or where there are none, missing fields.
pub(super) fn validate(kind: &KindSchema, object: &Value) -> Vec<FieldError> {
    let mut check = Check {
        types: &kind.types,
        errors: Vec::new(),
        fields: Vec::new(),
    };
    let name = &kind.root_type().name;
    check.decode(kind.root, object, name, "");
    if check.errors.is_empty() {
        check.required(kind.root, object, "");
    }
    check.errors
}

/// What Go's decoder says of the first value whose type is not the schema's.
pub(super) fn undecodable(kind: &KindSchema, object: &Value) -> Option<String> {
    let mut check = Check {
        types: &kind.types,
        errors: Vec::new(),
        fields: Vec::new(),
    };
    let name = &kind.root_type().name;
    check.decode(kind.root, object, name, "");
    check.errors.into_iter().next().map(|error| error.message)
}

struct Check<'t> {
    types: &'t Types,
    errors: Vec<FieldError>,
    /// The names of the fields on the way, without indices, as Go's decoder reports them.
    fields: Vec<String>,
}

impl Check<'_> {
    fn decode(&mut self, id: TypeId, value: &Value, owner: &str, path: &str) {
        let ty = self.types.get(id);
        match (&ty.shape, value) {
            (_, Value::Null) | (Shape::Any | Shape::Scalar(Scalar::Json), _) => {}
            (Shape::Object(object), Value::Object(map)) => {
                for (key, value) in map {
                    let Some(field) = object.field(key) else {
                        continue;
                    };
                    self.fields.push(key.clone());
                    self.decode(field.ty, value, &ty.name, &child(path, key));
                    self.fields.pop();
                }
            }
            (Shape::Map { value: id, .. }, Value::Object(map)) => {
                for (key, value) in map {
                    self.decode(*id, value, owner, &child(path, key));
                }
            }
            (Shape::List { item, .. }, Value::Array(items)) => {
                for (at, value) in items.iter().enumerate() {
                    self.decode(*item, value, owner, &format!("{path}[{at}]"));
                }
            }
            (Shape::Scalar(scalar), value) => {
                if let Some(text) = self.scalar(*scalar, id, value, owner) {
                    self.type_error(path, text);
                }
            }
            (_, value) => {
                let text = self.mismatch(id, value, owner);
                self.type_error(path, text);
            }
        }
    }

    fn type_error(&mut self, path: &str, message: String) {
        let kind = FieldErrorKind::TypeInvalid;
        self.errors.push(FieldError {
            path: path.to_owned(),
            kind,
            message,
        });
    }

    /// What Go's decoder says of a scalar it refuses.
    fn scalar(&self, scalar: Scalar, id: TypeId, value: &Value, owner: &str) -> Option<String> {
        let integer = |min: i64, max: i64| match value {
            Value::Number(n) if n.is_f64() => n
                .as_f64()
                .is_some_and(|f| f.fract() == 0.0 && f >= min as f64 && f <= max as f64),
            Value::Number(n) => n.as_i64().is_some_and(|n| (min..=max).contains(&n)),
            _ => false,
        };
        let fits = match scalar {
            Scalar::String => value.is_string(),
            Scalar::Int32 => integer(i32::MIN.into(), i32::MAX.into()),
            Scalar::Int64 | Scalar::Integer => integer(i64::MIN, i64::MAX),
            Scalar::IntOrString => value.is_string() || integer(i32::MIN.into(), i32::MAX.into()),
            Scalar::Bool => value.is_boolean(),
            Scalar::Float => value.is_number(),
            Scalar::RawExtension | Scalar::FieldsV1 => value.is_object(),
            Scalar::Json => true,
            Scalar::Quantity => {
                let text = match value {
                    Value::String(text) => text.clone(),
                    Value::Number(number) => number.to_string(),
                    _ => return Some(self.mismatch(id, value, owner)),
                };
                return Quantity::parse(text.trim())
                    .err()
                    .map(|error| error.to_string());
            }
            Scalar::Bytes => match value {
                Value::String(text) if !super::formats::is_valid("byte", text) => {
                    return Some(format!(
                        "illegal base64 data at input byte {}",
                        bad_byte(text)
                    ));
                }
                value => value.is_string(),
            },
            Scalar::Time | Scalar::MicroTime => match value {
                Value::String(text) if crate::time::parse(text).is_none() => {
                    return Some(format!(
                        "parsing time {text:?} as \"2006-01-02T15:04:05Z07:00\": cannot parse {text:?} as \"2006\""
                    ));
                }
                value => value.is_string(),
            },
            Scalar::Duration => value.is_string(),
        };
        (!fits).then(|| self.mismatch(id, value, owner))
    }

    fn mismatch(&self, id: TypeId, value: &Value, owner: &str) -> String {
        let found = match value {
            Value::Number(number) => match self.types.get(id).shape {
                Shape::Scalar(Scalar::Int32 | Scalar::Int64) => format!("number {number}"),
                _ => "number".to_owned(),
            },
            Value::Bool(_) => "bool".to_owned(),
            other => super::json_type(other).to_owned(),
        };
        let owner = owner.rsplit('.').next().unwrap_or_default();
        format!(
            "json: cannot unmarshal {found} into Go struct field {owner}.{} of type {}",
            self.fields.join("."),
            self.go_type(id)
        )
    }

    fn go_type(&self, id: TypeId) -> String {
        let ty = self.types.get(id);
        match &ty.shape {
            Shape::Object(_) => {
                let mut parts = ty.name.rsplit('.');
                let name = parts.next().unwrap_or_default();
                format!("{}.{name}", parts.next().unwrap_or_default())
            }
            Shape::Map { value, .. } => format!("map[string]{}", self.go_type(*value)),
            Shape::List { item, .. } => format!("[]{}", self.go_type(*item)),
            Shape::Scalar(scalar) => match scalar {
                Scalar::Int32 => "int32",
                Scalar::Int64 | Scalar::Integer => "int64",
                Scalar::Bool => "bool",
                Scalar::Float => "float64",
                Scalar::Bytes => "[]uint8",
                Scalar::RawExtension => "runtime.RawExtension",
                Scalar::Quantity => "resource.Quantity",
                _ => "string",
            }
            .to_owned(),
            Shape::Any => "interface {}".to_owned(),
        }
    }

    /// Required fields that are missing; Go cannot tell an empty text or list from none.
    fn required(&mut self, id: TypeId, value: &Value, path: &str) {
        match (&self.types.get(id).shape, value) {
            (Shape::Object(object), Value::Object(map)) => {
                for field in &object.fields {
                    let path = child(path, &field.name);
                    match map.get(field.name.as_ref()) {
                        Some(value)
                            if !is_missing(field, value)
                            // A status is the controllers' business, and its zeros are values.
                            && path != "status" =>
                        {
                            self.required(field.ty, value, &path);
                        }
                        _ if field.required && self.needs_value(field, object) => {
                            let message = "Required value".to_owned();
                            let kind = FieldErrorKind::Required;
                            self.errors.push(FieldError {
                                path,
                                kind,
                                message,
                            });
                        }
                        _ => {}
                    }
                }
            }
            (Shape::Map { value: id, .. }, Value::Object(map)) => {
                for (key, value) in map {
                    self.required(*id, value, &format!("{path}[{key}]"));
                }
            }
            (Shape::List { item, .. }, Value::Array(items)) => {
                for (at, value) in items.iter().enumerate() {
                    self.required(*item, value, &format!("{path}[{at}]"));
                }
            }
            _ => {}
        }
    }

    /// Numbers and booleans always have a value in Go; a key's text may be empty in some types.
    fn needs_value(&self, field: &Field, object: &ObjectType) -> bool {
        let is_condition = object.field("lastTransitionTime").is_some();
        !is_condition
            && matches!(
                self.types.get(field.ty).shape,
                Shape::Scalar(Scalar::String | Scalar::Quantity)
                    | Shape::List { .. }
                    | Shape::Object(_)
            )
    }
}

fn is_missing(field: &Field, value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => field.required && text.is_empty(),
        Value::Array(items) => field.required && items.is_empty(),
        _ => false,
    }
}

fn bad_byte(text: &str) -> usize {
    text.bytes()
        .position(|b| !(b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'\n' | b'\r')))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests {
    use crate::schemas::Schemas;
    use argosy_object::{Gvk, Value, json};

    fn errors(object: Value) -> Vec<String> {
        let schemas = Schemas::builtin();
        let api_version = object["apiVersion"].as_str().unwrap();
        let gvk = Gvk::from_api_version(api_version, object["kind"].as_str().unwrap());
        let found = crate::validate(schemas.kind(&gvk).unwrap(), &object, None);
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn wrong_types_read_as_gos_decoder_says() {
        assert_eq!(
            errors(
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {"replicas": "three", "selector": {}, "template": {"spec": {"containers": [
                {"name": "c", "resources": {"limits": {"cpu": "x"}}}]}}}})
            ),
            [
                "spec.replicas: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
                "spec.template.spec.containers[0].resources.limits.cpu: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            ]
        );
    }

    #[test]
    fn missing_fields_are_required() {
        assert_eq!(
            errors(
                json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"},
                "spec": {"template": {"spec": {"containers": [{"image": "a"}]}}}})
            ),
            [
                "spec.selector: Required value",
                "spec.template.spec.containers[0].name: Required value"
            ]
        );
    }
}
