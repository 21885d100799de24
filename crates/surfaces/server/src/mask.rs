//! What a pair of objects may show: never a Secret's values, and yet that they differ.

use argosy_object::{MASK, Value, mask_secret};

/// What stands for a value that differs from its counterpart.
const OTHER: &str = "++++++++ (another value)";
/// Annotations that hold a copy of the object.
const COPIES: [&str; 1] = ["kubectl.kubernetes.io/last-applied-configuration"];

/// Prepares a live object and a desired one for showing: `managedFields` go, and values of
/// Secrets are masked, so that equal ones look equal and others do not.
pub fn mask_pair(live: Option<&Value>, desired: Option<&Value>) -> (Option<Value>, Option<Value>) {
    let shown = |value: &Value| {
        let mut value = value.clone();
        if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
            drop_copies(metadata);
        }
        mask_secret(&mut value);
        value
    };
    let (mut shown_live, shown_desired) = (live.map(shown), desired.map(shown));
    if let (Some(shown_live), Some(live), Some(desired)) = (&mut shown_live, live, desired) {
        for field in ["data", "stringData"] {
            mark_others(shown_live, live, desired, field);
        }
    }
    (shown_live, shown_desired)
}

/// A copy of the whole object in an annotation says nothing new, and can hold what is masked.
fn drop_copies(metadata: &mut argosy_object::Map<String, Value>) {
    let Some(annotations) = metadata
        .get_mut("annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    for copy in COPIES {
        annotations.remove(copy);
    }
    if annotations.is_empty() {
        metadata.remove("annotations");
    }
}

fn mark_others(shown: &mut Value, live: &Value, desired: &Value, field: &str) {
    let Some(entries) = shown.get_mut(field).and_then(Value::as_object_mut) else {
        return;
    };
    for (name, entry) in entries {
        let of = |value: &Value| value.get(field).and_then(|data| data.get(name)).cloned();
        let is_masked = entry.as_str() == Some(MASK);
        if is_masked && of(desired).is_some() && of(live) != of(desired) {
            *entry = OTHER.into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn secret(data: &Value) -> Value {
        json!({"apiVersion": "v1", "kind": "Secret", "data": data, "metadata": {
            "name": "s", "managedFields": [{"manager": "m"}],
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "Y2FuYXJ5"}}})
    }

    #[test]
    fn secret_values_are_masked_and_differences_still_show() {
        let live = secret(&json!({"a": "Y2FuYXJ5", "b": "Y2FuYXJ5", "gone": "Y2FuYXJ5"}));
        let desired = secret(&json!({"a": "Y2FuYXJ5", "b": "Y2FuYXJ5Mg=="}));
        let (live, desired) = mask_pair(Some(&live), Some(&desired));
        let (live, desired) = (live.unwrap(), desired.unwrap());
        assert_eq!(live["data"], json!({"a": MASK, "b": OTHER, "gone": MASK}));
        assert_eq!(desired["data"], json!({"a": MASK, "b": MASK}));
        let text = format!("{live}{desired}");
        assert!(
            !text.contains("Y2FuYXJ5") && !text.contains("managedFields"),
            "{text}"
        );
    }

    #[test]
    fn one_side_alone_is_masked_and_others_are_left() {
        let (live, none) = mask_pair(Some(&secret(&json!({"a": "Y2FuYXJ5"}))), None);
        assert_eq!(live.unwrap()["data"]["a"], MASK);
        assert!(none.is_none());
        let map = json!({"apiVersion": "v1", "kind": "ConfigMap", "data": {"a": "x"}});
        assert_eq!(mask_pair(None, Some(&map)).1, Some(map));
    }
}
