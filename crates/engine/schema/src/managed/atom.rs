//! What server-side apply makes of a type: a scalar, a list or a map, and what is below it.

use super::set::Step;
use crate::types::{Field, ListKind, ObjectType, Scalar, Shape, TypeId, Types};
use argosy_object::{Map, Value};

/// A place in the type graph.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cursor<'t> {
    types: &'t Types,
    at: At,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Type(TypeId),
    /// No type: maps are shared key by key, lists are atomic.
    Deduced,
    /// No type, and everything is one value.
    Atomic,
    /// A field that the schema doesn't have.
    Undeclared,
}

/// What a value is, seen through its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Atom {
    Scalar,
    List { atomic: bool },
    Map { atomic: bool },
}

impl<'t> Cursor<'t> {
    pub fn new(types: &'t Types, root: TypeId) -> Self {
        Self {
            types,
            at: At::Type(root),
        }
    }

    /// What a value of this type is; null takes the type's own form, maps first.
    pub fn atom(self, value: Option<&Value>) -> Atom {
        let open = |atomic: bool| match value {
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_)) => Atom::Scalar,
            Some(Value::Array(_)) => Atom::List { atomic: true },
            _ => Atom::Map { atomic },
        };
        match self.at {
            At::Deduced | At::Undeclared => open(false),
            At::Atomic => open(true),
            At::Type(id) => match &self.types.get(id).shape {
                Shape::Object(object) => Atom::Map {
                    atomic: object.atomic,
                },
                Shape::Map { atomic, .. } => Atom::Map { atomic: *atomic },
                Shape::List { list, .. } => Atom::List {
                    atomic: *list == ListKind::Atomic,
                },
                Shape::Scalar(Scalar::RawExtension) => open(true),
                Shape::Scalar(Scalar::Json | Scalar::FieldsV1) | Shape::Any => open(false),
                Shape::Scalar(_) => Atom::Scalar,
            },
        }
    }

    /// Whether a field is declared by name.
    pub fn declares(self, name: &str) -> bool {
        self.object()
            .is_some_and(|object| object.field(name).is_some())
    }

    fn object(self) -> Option<&'t ObjectType> {
        match self.at {
            At::Type(id) => match &self.types.get(id).shape {
                Shape::Object(object) => Some(object),
                _ => None,
            },
            _ => None,
        }
    }

    /// Below a step.
    pub fn step(self, step: &Step) -> Self {
        match step {
            Step::Field(name) => self.field(name),
            _ => self.item(),
        }
    }

    /// Below a field or key.
    pub fn field(self, name: &str) -> Self {
        let at = match self.at {
            At::Atomic => At::Atomic,
            At::Deduced | At::Undeclared => At::Deduced,
            At::Type(id) => match &self.types.get(id).shape {
                Shape::Object(object) => match object.field(name) {
                    Some(field) => At::Type(field.ty),
                    None => match object.additional {
                        Some(id) => At::Type(id),
                        None if object.preserve_unknown || object.fields.is_empty() => At::Deduced,
                        None => At::Undeclared,
                    },
                },
                Shape::Map { value, .. } => At::Type(*value),
                Shape::Scalar(Scalar::RawExtension) => At::Atomic,
                _ => At::Deduced,
            },
        };
        Self { at, ..self }
    }

    /// Below an item of a list.
    pub fn item(self) -> Self {
        let at = match self.at {
            At::Type(id) => match &self.types.get(id).shape {
                Shape::List { item, .. } => At::Type(*item),
                _ => At::Atomic,
            },
            _ => At::Atomic,
        };
        Self { at, ..self }
    }

    /// Whether the schema lacks this field.
    pub fn is_undeclared(self) -> bool {
        self.at == At::Undeclared
    }

    /// Whether unknown fields are kept here and, as upstream, everywhere below.
    pub fn preserves(self) -> bool {
        self.object().is_some_and(|object| object.preserve_unknown)
    }

    /// The JSON kind a scalar must have, where the type says one.
    pub fn scalar_fits(self, value: &Value) -> Result<(), String> {
        let At::Type(id) = self.at else { return Ok(()) };
        let Shape::Scalar(scalar) = self.types.get(id).shape else {
            return Ok(());
        };
        let shown = || value.to_string();
        match (scalar, value) {
            (_, Value::Null) => Ok(()),
            (Scalar::Int32 | Scalar::Int64 | Scalar::Integer | Scalar::Float, value) => {
                let go = match value {
                    Value::String(_) => "string",
                    Value::Bool(_) => "bool",
                    Value::Array(_) => "[]interface {}",
                    Value::Object(_) => "map[string]interface {}",
                    _ => return Ok(()),
                };
                Err(format!("expected numeric (int or float), got {go}"))
            }
            (Scalar::String | Scalar::Bytes | Scalar::Duration, Value::String(_)) => Ok(()),
            (Scalar::String | Scalar::Bytes | Scalar::Duration, _) => Err(format!(
                "expected string, got &value.valueUnstructured{{Value:{}}}",
                shown()
            )),
            (Scalar::Bool, Value::Bool(_)) => Ok(()),
            (Scalar::Bool, _) => Err(format!("expected boolean, got {}", shown())),
            (_, Value::Array(_) | Value::Object(_)) => {
                Err(format!("expected any scalar, got {}", shown()))
            }
            _ => Ok(()),
        }
    }

    /// What identifies an item of an associative list.
    pub fn identify(self, item: &Value) -> Result<Step, String> {
        let At::Type(id) = self.at else {
            return Err("invalid indexing of non-associative list".into());
        };
        let Shape::List { item: ty, list } = &self.types.get(id).shape else {
            return Err("invalid indexing of non-associative list".into());
        };
        match list {
            ListKind::Atomic => Err("invalid indexing of non-associative list".into()),
            ListKind::Set => match item {
                Value::Object(_) => {
                    Err("associative list without keys has an element that's a map type".into())
                }
                Value::Array(_) => {
                    Err("not supported: associative list with lists as elements".into())
                }
                Value::Null => Err(
                    "associative list without keys has an element that's an explicit null".into(),
                ),
                scalar => Ok(Step::item(scalar)),
            },
            ListKind::Map { keys } => {
                let map = match item {
                    Value::Object(map) => map,
                    Value::Null => {
                        return Err("associative list with keys may not have a null element".into());
                    }
                    _ => {
                        return Err(
                            "associative list with keys may not have non-map elements".into()
                        );
                    }
                };
                let mut found = Map::new();
                for key in keys {
                    let value = map.get(key.as_ref()).cloned();
                    if let Some(value) = value.or_else(|| self.default_of(*ty, key)) {
                        found.insert(key.to_string(), value);
                    }
                }
                if found.is_empty() {
                    let keys: Vec<String> = keys.iter().map(|key| format!("{key:?}")).collect();
                    return Err(format!(
                        "associative list with keys has an element that omits all key fields [{}] (and doesn't have default values for any key fields)",
                        keys.join(" ")
                    ));
                }
                Ok(Step::key(found))
            }
        }
    }

    /// The default of a list's key; OpenAPI gives texts that Go always has the empty one.
    fn default_of(self, item: TypeId, key: &str) -> Option<Value> {
        let Shape::Object(object) = &self.types.get(item).shape else {
            return None;
        };
        let Field {
            default,
            always,
            ty,
            ..
        } = object.field(key)?;
        if let Some(default) = default {
            return Some((**default).clone());
        }
        match self.types.get(*ty).shape {
            Shape::Scalar(Scalar::String) if *always => Some(Value::String(String::new())),
            Shape::Scalar(Scalar::Int32 | Scalar::Int64) if *always => Some(Value::from(0)),
            _ => None,
        }
    }
}
