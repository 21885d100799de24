//! Label selectors as objects carry them (`matchLabels`, `matchExpressions`).

use crate::FieldError;
use crate::rest::names::{label_value, qualified};
use argosy_object::{Map, Value, json};

/// Adds what upstream finds wrong with a `LabelSelector`.
///
/// Compat: `metav1/validation.ValidateLabelSelector`.
pub fn validate(selector: &Value, path: &str, errors: &mut Vec<FieldError>) {
    let labels = selector.get("matchLabels").and_then(Value::as_object);
    let field = format!("{path}.matchLabels");
    for (name, value) in labels.into_iter().flatten() {
        check_name(name, &field, errors);
        check_value(value.as_str().unwrap_or_default(), &field, errors);
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    for (index, expression) in expressions.into_iter().flatten().enumerate() {
        let field = format!("{path}.matchExpressions[{index}]");
        let text = |name: &str| {
            expression
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let values = values_of(expression).count();
        match text("operator") {
            "In" | "NotIn" if values == 0 => errors.push(FieldError::required(
                &format!("{field}.values"),
                "must be specified when `operator` is 'In' or 'NotIn'",
            )),
            "Exists" | "DoesNotExist" if values > 0 => errors.push(FieldError::forbidden(
                &format!("{field}.values"),
                "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
            )),
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            operator => errors.push(FieldError::invalid(
                &format!("{field}.operator"),
                operator,
                "not a valid selector operator",
            )),
        }
        check_name(text("key"), &format!("{field}.key"), errors);
        for (at, value) in values_of(expression).enumerate() {
            check_value(value, &format!("{field}.values[{at}]"), errors);
        }
    }
}

/// Whether a `LabelSelector` can be made a selector at all.
pub fn is_valid(selector: &Value) -> bool {
    let mut errors = Vec::new();
    validate(selector, "", &mut errors);
    errors.is_empty()
}

/// A `LabelSelector` as Go writes it, fields in their order.
pub fn go_json(selector: &Value) -> String {
    let mut parts = Vec::new();
    if let Some(labels) = selector
        .get("matchLabels")
        .and_then(Value::as_object)
        .filter(|labels| !labels.is_empty())
    {
        parts.push(format!("\"matchLabels\":{}", json!(labels)));
    }
    let expressions = selector.get("matchExpressions").and_then(Value::as_array);
    if let Some(expressions) = expressions.filter(|list| !list.is_empty()) {
        let one = |expression: &Value| {
            let mut text = format!(
                "{{\"key\":{},\"operator\":{}",
                expression["key"], expression["operator"]
            );
            if values_of(expression).count() > 0 {
                text.push_str(&format!(",\"values\":{}", expression["values"]));
            }
            text + "}"
        };
        let list: Vec<String> = expressions.iter().map(one).collect();
        parts.push(format!("\"matchExpressions\":[{}]", list.join(",")));
    }
    format!("{{{}}}", parts.join(","))
}

/// Adds what is wrong with a plain map of labels, such as a Service's selector.
pub fn validate_map(labels: &Value, field: &str, errors: &mut Vec<FieldError>) {
    for (name, value) in labels.as_object().into_iter().flatten() {
        check_name(name, field, errors);
        check_value(value.as_str().unwrap_or_default(), field, errors);
    }
}

fn check_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    for said in qualified(name) {
        errors.push(FieldError::invalid(field, name, &said));
    }
}

fn check_value(value: &str, field: &str, errors: &mut Vec<FieldError>) {
    if let Some(said) = label_value(value) {
        errors.push(FieldError::invalid(field, value, said));
    }
}

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
