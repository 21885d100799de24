//! Values that must not be seen.

use serde_json::Value;
use std::fmt;

/// What stands in the place of a secret.
pub const MASK: &str = "++++++++";

/// A value that neither `Debug` nor `Display` shows.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Redacted<T>(T);

impl<T> Redacted<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Gives the value to whoever must use it.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> From<T> for Redacted<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> fmt::Display for Redacted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Masks `data` and `stringData` of a core Secret, and the copy that
/// `last-applied-configuration` holds of them. Other objects are left alone.
pub fn mask_secret(value: &mut Value) {
    let is_secret = value.get("kind").and_then(Value::as_str) == Some("Secret")
        && value.get("apiVersion").and_then(Value::as_str) == Some("v1");
    if !is_secret {
        return;
    }
    for field in ["data", "stringData"] {
        if let Some(Value::Object(data)) = value.get_mut(field) {
            for entry in data.values_mut() {
                *entry = MASK.into();
            }
        }
    }
    const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
    if let Some(annotation) = value
        .pointer_mut("/metadata/annotations")
        .and_then(|a| a.get_mut(LAST_APPLIED))
    {
        *annotation = MASK.into();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn debug_and_display_hide_the_value() {
        let hidden = Redacted::new("hunter2");
        assert_eq!(format!("{hidden:?} {hidden}"), format!("{MASK} {MASK}"));
    }

    #[test]
    fn secret_data_is_masked_and_config_map_data_is_not() {
        let mut secret = json!({"apiVersion": "v1", "kind": "Secret", "data": {"k": "djE="}});
        mask_secret(&mut secret);
        assert_eq!(secret["data"]["k"], MASK);
        let mut config = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"k": "v"}});
        mask_secret(&mut config);
        assert_eq!(config["data"]["k"], "v");
    }
}
