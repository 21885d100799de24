//! How Argo CD's objects look to people, in the `argocd` program's columns and words.

pub mod app;
pub mod appset;
pub mod cluster;
pub mod project;
pub mod repo;

use argosy_object::{Object, Value};

/// `namespace/name`, as Argo CD names its objects.
pub fn qualified(object: &Object) -> String {
    match object.namespace() {
        Some(namespace) => format!("{namespace}/{}", object.name()),
        None => object.name().to_owned(),
    }
}

/// A text by JSON pointer, empty where there is none.
pub(crate) fn text<'o>(object: &'o Object, pointer: &str) -> &'o str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_default()
}

/// One line of a summary, as Argo CD aligns it.
pub(crate) fn line(label: &str, value: &str) -> String {
    let clean: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    format!("{label:<20}{clean}\n")
}

/// Go's own form of a moment: `2026-11-23 22:35:57 +0000 UTC`.
pub(crate) fn go_time(text: &str) -> String {
    match text.parse::<jiff::Timestamp>() {
        Ok(at) => at.strftime("%Y-%m-%d %H:%M:%S +0000 UTC").to_string(),
        Err(_) => text.to_owned(),
    }
}

/// An object without what only machines read.
pub fn without_managed_fields(object: &Object) -> Value {
    let mut value = object.value().clone();
    if let Some(Value::Object(metadata)) = value.get_mut("metadata") {
        metadata.remove("managedFields");
    }
    argosy_object::mask_secret(&mut value);
    value
}
