//! Label selectors as objects carry them.

use argosy_object::{Map, Value};

/// Whether a `LabelSelector` chooses something with these labels; `null` chooses nothing.
pub fn matches(selector: &Value, labels: &Value) -> bool {
    let Some(selector) = selector.as_object() else {
        return false;
    };
    let empty = Map::new();
    let labels = labels.as_object().unwrap_or(&empty);
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    wanted
        .into_iter()
        .flatten()
        .all(|(name, value)| labels.get(name) == Some(value))
        && expressions.into_iter().flatten().all(|e| holds(e, labels))
}

/// Whether a plain map of labels is contained in `labels`; an empty one chooses nothing.
pub fn contained(wanted: &Value, labels: &Value) -> bool {
    let Some(wanted) = wanted.as_object().filter(|w| !w.is_empty()) else {
        return false;
    };
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

fn holds(expression: &Value, labels: &Map<String, Value>) -> bool {
    let label = labels.get(expression["key"].as_str().unwrap_or_default());
    let among = |label: &Value| {
        expression["values"]
            .as_array()
            .is_some_and(|values| values.contains(label))
    };
    match expression["operator"].as_str() {
        Some("In") => label.is_some_and(among),
        Some("NotIn") => !label.is_some_and(among),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}
