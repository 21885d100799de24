//! Label selectors as objects carry them (`matchLabels`, `matchExpressions`).

use argosy_object::{Map, Value};

/// Whether a `LabelSelector` chooses something with these labels. An empty selector chooses all,
/// a missing one (`null`) nothing, and so does one with an operator that is not known.
pub fn matches(selector: &Value, labels: &Value) -> bool {
    let Some(selector) = selector.as_object() else {
        return false;
    };
    let empty = Map::new();
    let labels = labels.as_object().unwrap_or(&empty);
    let wanted = selector.get("matchLabels").and_then(Value::as_object);
    if !wanted
        .into_iter()
        .flatten()
        .all(|(name, value)| labels.get(name) == Some(value))
    {
        return false;
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    expressions
        .into_iter()
        .flatten()
        .all(|expression| holds(expression, labels))
}

/// Whether a plain map of labels (as a Service's selector) is contained in `labels`; an empty one
/// chooses nothing here.
pub fn contained(wanted: &Value, labels: &Value) -> bool {
    let Some(wanted) = wanted.as_object().filter(|w| !w.is_empty()) else {
        return false;
    };
    wanted
        .iter()
        .all(|(name, value)| labels.get(name) == Some(value))
}

/// The selector as tables and messages print it: `app=web,tier in (a,b),!old`; `<none>` where it
/// is empty.
///
/// Compat: `metav1.FormatLabelSelector`, which sorts requirements by key.
pub fn format(selector: &Value) -> String {
    let mut parts: Vec<(String, String)> = Vec::new();
    if let Some(labels) = selector.get("matchLabels").and_then(Value::as_object) {
        for (name, value) in labels {
            parts.push((
                name.clone(),
                format!("{name}={}", value.as_str().unwrap_or_default()),
            ));
        }
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for expression in expressions.into_iter().flatten() {
        let key = expression
            .get("key")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let mut values: Vec<&str> = values_of(expression).collect();
        values.sort_unstable();
        let values = values.join(",");
        let text = match expression.get("operator").and_then(Value::as_str) {
            Some("In") => format!("{key} in ({values})"),
            Some("NotIn") => format!("{key} notin ({values})"),
            Some("Exists") => key.to_owned(),
            Some("DoesNotExist") => format!("!{key}"),
            _ => return "<error>".into(),
        };
        parts.push((key.to_owned(), text));
    }
    if parts.is_empty() {
        return "<none>".into();
    }
    parts.sort_by(|a, b| a.0.cmp(&b.0));
    parts
        .into_iter()
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join(",")
}

/// A map of labels as tables print it: `a=b,c=d`; `<none>` where it is empty.
pub fn format_map(labels: &Value) -> String {
    match labels.as_object() {
        Some(map) if !map.is_empty() => map
            .iter()
            .map(|(name, value)| format!("{name}={}", value.as_str().unwrap_or_default()))
            .collect::<Vec<_>>()
            .join(","),
        _ => "<none>".into(),
    }
}

fn holds(expression: &Value, labels: &Map<String, Value>) -> bool {
    let Some(key) = expression.get("key").and_then(Value::as_str) else {
        return false;
    };
    let label = labels.get(key).and_then(Value::as_str);
    match expression.get("operator").and_then(Value::as_str) {
        Some("In") => label.is_some_and(|l| values_of(expression).any(|v| v == l)),
        Some("NotIn") => !label.is_some_and(|l| values_of(expression).any(|v| v == l)),
        Some("Exists") => label.is_some(),
        Some("DoesNotExist") => label.is_none(),
        _ => false,
    }
}

fn values_of(expression: &Value) -> impl Iterator<Item = &str> {
    let values = expression.get("values").and_then(Value::as_array);
    values.into_iter().flatten().filter_map(Value::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn expressions_and_labels_must_all_hold() {
        let selector = json!({"matchLabels": {"app": "web"},
            "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["db"]}]});
        assert!(matches(&selector, &json!({"app": "web"})));
        assert!(!matches(&selector, &json!({"app": "web", "tier": "db"})));
        assert!(!matches(&selector, &json!({"tier": "x"})));
        assert!(matches(&json!({}), &Value::Null));
        assert!(!matches(&Value::Null, &json!({})));
    }

    #[test]
    fn selectors_print_sorted_by_key() {
        let selector = json!({"matchLabels": {"b": "1"}, "matchExpressions": [
            {"key": "a", "operator": "In", "values": ["y", "x"]},
            {"key": "c", "operator": "DoesNotExist"}]});
        assert_eq!(format(&selector), "a in (x,y),b=1,!c");
        assert_eq!(format(&json!({})), "<none>");
    }
}
