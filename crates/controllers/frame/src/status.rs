//! The only writer of status.

use argosy_object::{Class, Classified, Map, Object, Value};
use argosy_ports::{Api, ApiError, ApiErrorKind, PatchBody, Resource, WriteOptions};
use std::sync::Arc;

/// Writes status, once a reconcile and only what changed.
#[derive(Clone)]
pub struct StatusWriter {
    api: Arc<dyn Api>,
    manager: &'static str,
}

/// What is only true of the object as it was seen: on a newer one the patch is a conflict.
/// Else a reconcile that is behind could take off a request that has just come, or put an
/// operation back that has ended.
const EXACT: [&str; 3] = ["/operation", "/status/operationState", "/status/history"];

/// A status that was not written.
#[derive(Debug, thiserror::Error)]
#[error("status of `{name}` is not written: {source}")]
pub struct StatusError {
    name: String,
    source: ApiError,
}

impl Classified for StatusError {
    fn class(&self) -> Class {
        self.source.class()
    }
}

impl StatusError {
    /// Whether the object had changed since it was seen.
    pub fn is_conflict(&self) -> bool {
        self.source.kind == ApiErrorKind::Conflict
    }
}

impl StatusWriter {
    /// A writer that appears as `manager` in managedFields.
    pub fn new(api: Arc<dyn Api>, manager: &'static str) -> Self {
        Self { api, manager }
    }

    /// Writes what differs between `seen` and `wanted`, and returns the object as it is now;
    /// `None` where nothing differs, and then no request goes out. What tells of operations is
    /// written only onto the very state that was seen.
    ///
    /// `subresource`: ApplicationSets have a status subresource, Applications have none.
    ///
    /// # Errors
    /// [`StatusError`], also where the object is gone.
    pub async fn write(
        &self,
        resource: &Resource,
        seen: &Object,
        wanted: &Value,
        subresource: bool,
    ) -> Result<Option<Object>, StatusError> {
        let mut patch = merge_diff(seen.value(), wanted);
        if patch.as_object().is_none_or(Map::is_empty) {
            return Ok(None);
        }
        if EXACT.iter().any(|pointer| patch.pointer(pointer).is_some()) {
            patch["metadata"]["resourceVersion"] = seen.resource_version().into();
        }
        let options = WriteOptions {
            manager: Some(self.manager.into()),
            subresource: subresource.then(|| "status".into()),
            ..WriteOptions::default()
        };
        self.api
            .patch(
                resource,
                seen.namespace(),
                seen.name(),
                &PatchBody::Merge(patch),
                &options,
            )
            .await
            .map(Some)
            .map_err(|source| StatusError {
                name: seen.name().into(),
                source,
            })
    }
}

/// The merge patch (RFC 7386) that makes `wanted` of `seen`.
pub fn merge_diff(seen: &Value, wanted: &Value) -> Value {
    match (seen, wanted) {
        (Value::Object(seen), Value::Object(wanted)) => {
            let mut patch = Map::new();
            for key in seen.keys().filter(|key| !wanted.contains_key(*key)) {
                patch.insert(key.clone(), Value::Null);
            }
            for (key, value) in wanted {
                match seen.get(key) {
                    Some(old) if old == value => {}
                    Some(old @ Value::Object(_)) if value.is_object() => {
                        patch.insert(key.clone(), merge_diff(old, value));
                    }
                    _ => {
                        patch.insert(key.clone(), value.clone());
                    }
                }
            }
            Value::Object(patch)
        }
        (_, wanted) => wanted.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn patch_holds_only_what_changed_and_nulls_what_went() {
        let seen = json!({"a": 1, "b": {"c": 1, "d": [1]}, "e": 1});
        let wanted = json!({"a": 1, "b": {"c": 2, "d": [1]}, "f": {"g": 1}});
        assert_eq!(
            merge_diff(&seen, &wanted),
            json!({"b": {"c": 2}, "e": null, "f": {"g": 1}})
        );
        assert_eq!(merge_diff(&seen, &seen), json!({}));
    }
}
