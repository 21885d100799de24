//! One Kubernetes object for the length of a call.

use crate::{Gvk, Key};
use serde_json::{Map, Value};
use std::sync::Arc;

/// A Kubernetes object: a JSON object with `apiVersion`, `kind` and `metadata`.
///
/// Cheap to clone, copied on write. Held only for the length of a call: whatever is kept is a
/// [`crate::Blob`].
#[derive(Clone, Debug, PartialEq)]
pub struct Object(Arc<Value>);

/// Why a value is no Kubernetes object.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ObjectError {
    /// The document is a scalar or a list.
    #[error("not a Kubernetes object: expected a mapping, found {0}")]
    NotAMapping(&'static str),
    /// `apiVersion`, `kind` or `metadata` is missing or of the wrong type.
    #[error("not a Kubernetes object: `{0}` is missing or no text")]
    MissingField(&'static str),
}

impl Object {
    /// Checks that `value` has `apiVersion` and `kind`.
    ///
    /// # Errors
    /// [`ObjectError`] where it has not. A missing name is no error here: `generateName` and
    /// lists have none.
    pub fn new(value: Value) -> Result<Self, ObjectError> {
        let Value::Object(map) = &value else {
            return Err(ObjectError::NotAMapping(kind_of(&value)));
        };
        for field in ["apiVersion", "kind"] {
            match map.get(field).and_then(Value::as_str) {
                Some(text) if !text.is_empty() => {}
                _ => return Err(ObjectError::MissingField(field)),
            }
        }
        Ok(Self(Arc::new(value)))
    }

    /// Wraps a value that is known to be an object, such as an answer of an API server.
    pub fn from_trusted(value: Value) -> Self {
        Self(Arc::new(value))
    }

    /// The whole value.
    pub fn value(&self) -> &Value {
        &self.0
    }

    /// The whole value, to change it; copies where it is shared.
    pub fn value_mut(&mut self) -> &mut Value {
        Arc::make_mut(&mut self.0)
    }

    /// Gives the value back; copies where it is shared.
    pub fn into_value(self) -> Value {
        Arc::try_unwrap(self.0).unwrap_or_else(|shared| (*shared).clone())
    }

    /// `apiVersion`.
    pub fn api_version(&self) -> &str {
        text(&self.0, "apiVersion")
    }

    /// `kind`.
    pub fn kind(&self) -> &str {
        text(&self.0, "kind")
    }

    /// Group, version and kind.
    pub fn gvk(&self) -> Gvk {
        Gvk::from_api_version(self.api_version(), self.kind())
    }

    /// The identity within a cluster.
    pub fn key(&self) -> Key {
        let gvk = self.gvk();
        Key {
            group: gvk.group,
            kind: gvk.kind,
            namespace: self.namespace().map(Into::into),
            name: self.name().into(),
        }
    }

    /// `metadata.name`, or the empty string.
    pub fn name(&self) -> &str {
        meta(&self.0, "name")
    }

    /// `metadata.namespace`, where it is set and not empty.
    pub fn namespace(&self) -> Option<&str> {
        Some(meta(&self.0, "namespace")).filter(|n| !n.is_empty())
    }

    /// `metadata.uid`, or the empty string.
    pub fn uid(&self) -> &str {
        meta(&self.0, "uid")
    }

    /// `metadata.resourceVersion`, or the empty string.
    pub fn resource_version(&self) -> &str {
        meta(&self.0, "resourceVersion")
    }

    /// Whether `metadata.deletionTimestamp` is set.
    pub fn is_deleting(&self) -> bool {
        !meta(&self.0, "deletionTimestamp").is_empty()
    }

    /// `metadata`, where it is a mapping.
    pub fn metadata(&self) -> Option<&Map<String, Value>> {
        self.0.get("metadata").and_then(Value::as_object)
    }

    /// One annotation.
    pub fn annotation(&self, name: &str) -> Option<&str> {
        self.metadata()?.get("annotations")?.get(name)?.as_str()
    }

    /// One label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.metadata()?.get("labels")?.get(name)?.as_str()
    }

    /// `metadata.finalizers`.
    pub fn finalizers(&self) -> impl Iterator<Item = &str> {
        self.metadata()
            .and_then(|m| m.get("finalizers"))
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
    }

    /// A value by JSON pointer, such as `/spec/replicas`.
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.0.pointer(pointer)
    }

    /// `metadata`, made where it is missing, to change it.
    pub fn metadata_mut(&mut self) -> &mut Map<String, Value> {
        child_map(self.value_mut(), "metadata")
    }

    /// Sets an annotation.
    pub fn set_annotation(&mut self, name: &str, text: &str) {
        let annotations = self
            .metadata_mut()
            .entry("annotations")
            .or_insert(Value::Null);
        as_map(annotations).insert(name.into(), text.into());
    }

    /// Sets a label.
    pub fn set_label(&mut self, name: &str, text: &str) {
        let labels = self.metadata_mut().entry("labels").or_insert(Value::Null);
        as_map(labels).insert(name.into(), text.into());
    }

    /// Sets or, with `None`, removes the namespace.
    pub fn set_namespace(&mut self, namespace: Option<&str>) {
        match namespace {
            Some(namespace) => {
                self.metadata_mut()
                    .insert("namespace".into(), namespace.into());
            }
            None => {
                self.metadata_mut().remove("namespace");
            }
        }
    }
}

/// A text field of `metadata`, or the empty string.
pub fn meta<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get("metadata").map_or("", |m| text(m, field))
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or("")
}

fn child_map<'v>(value: &'v mut Value, field: &str) -> &'v mut Map<String, Value> {
    as_map(as_map(value).entry(field).or_insert(Value::Null))
}

/// The value as a mapping; anything else is replaced by an empty one.
fn as_map(value: &mut Value) -> &mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    value.as_object_mut().expect("made a mapping just above")
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn key_has_no_version_and_empty_namespace_is_none() {
        let object = Object::new(json!({"apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": {"name": "web", "namespace": ""}}))
        .unwrap();
        assert_eq!(object.key(), Key::new("apps", "Deployment", None, "web"));
    }

    #[test]
    fn scalar_and_kindless_documents_are_refused() {
        assert_eq!(
            Object::new(json!(3)).unwrap_err(),
            ObjectError::NotAMapping("a number")
        );
        assert_eq!(
            Object::new(json!({"apiVersion": "v1"})).unwrap_err(),
            ObjectError::MissingField("kind")
        );
    }

    #[test]
    fn annotations_are_made_where_missing() {
        let mut object = Object::new(json!({"apiVersion": "v1", "kind": "ConfigMap"})).unwrap();
        object.set_annotation("a", "b");
        assert_eq!(object.annotation("a"), Some("b"));
    }
}
