//! CEL rules of custom kinds (`x-kubernetes-validations`).
//!
//! The evaluator is kube-cel's. It has no cost limit at run time, so rules that loop over what an
//! object holds are measured before they run.

use crate::error::{FieldError, FieldErrorKind};
use crate::kind::{CrdInfo, KindSchema};
use crate::validate::printed;
use argosy_object::Value;
use kube_cel::{
    CompiledSchema, ErrorKind, RootContext, ValidationError, Validator, compile_schema,
};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// About how many steps the rules of one object may take.
const MAX_COST: u64 = 20_000_000;

/// A custom kind's rules, compiled when they are first needed.
#[derive(Clone, Default)]
pub struct CelRules(Arc<OnceLock<Option<Compiled>>>);

struct Compiled {
    schema: CompiledSchema,
    /// The deepest nesting of loops in any one rule.
    nesting: u32,
}

impl fmt::Debug for CelRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CelRules")
    }
}

impl CelRules {
    fn get(&self, info: &CrdInfo) -> Option<&Compiled> {
        let compile = || {
            let schema = info.schema.as_ref()?;
            let nesting = deepest(schema)?;
            Some(Compiled {
                schema: compile_schema(schema),
                nesting,
            })
        };
        self.0.get_or_init(compile).as_ref()
    }
}

/// Checks all rules of a kind; transition rules only where there is an old object.
pub(crate) fn check(
    kind: &KindSchema,
    value: &Value,
    old: Option<&Value>,
    errors: &mut Vec<FieldError>,
) {
    let Some(info) = kind.custom.as_deref() else {
        return;
    };
    let Some(compiled) = info.rules.get(info) else {
        return;
    };
    if cost(value, compiled.nesting) > MAX_COST {
        errors.push(FieldError {
            path: String::new(),
            kind: FieldErrorKind::Forbidden,
            message: "Forbidden: validation failed due to running out of cost budget, no further validation rules will be run".into(),
        });
        return;
    }
    let root = RootContext {
        api_version: kind.gvk.api_version(),
        api_group: kind.gvk.group.to_string(),
        kind: kind.gvk.kind.to_string(),
    };
    let validator = Validator::new();
    let found = validator.validate_compiled_with_context(&compiled.schema, value, old, Some(&root));
    let Err(found) = found else { return };
    errors.extend(found.into_vec().into_iter().map(|error| {
        // A rule that names a field is about its own value, and that is a mapping.
        let own = kind
            .custom
            .as_ref()
            .and_then(|custom| custom.schema.as_deref())
            .is_none_or(|schema| has_rule(schema, &error.field_path, &error.rule));
        let at = lookup(value, &error.field_path).filter(|_| own);
        field_error(&error.field_path, at, &error)
    }));
}

fn field_error(path: &str, at: Option<&Value>, error: &ValidationError) -> FieldError {
    let detail = match error.kind {
        ErrorKind::UnsupportedReference => {
            format!(
                "rule `{}` uses a function this API doesn't have: {}",
                error.rule, error.message
            )
        }
        _ => error.message.trim().to_owned(),
    };
    // Lists and mappings are not shown.
    let shown = match at {
        Some(Value::Object(_) | Value::Array(_)) | None => String::new(),
        Some(scalar) => format!(": {}", printed(scalar)),
    };
    let (kind, message) = match error.reason.as_deref() {
        Some("FieldValueForbidden") => (FieldErrorKind::Forbidden, format!("Forbidden: {detail}")),
        Some("FieldValueRequired") => (
            FieldErrorKind::Required,
            format!("Required value: {detail}"),
        ),
        Some("FieldValueDuplicate") => {
            (FieldErrorKind::Duplicate, format!("Duplicate value{shown}"))
        }
        _ => (
            FieldErrorKind::Invalid,
            format!("Invalid value{shown}: {detail}"),
        ),
    };
    FieldError {
        path: path.to_owned(),
        kind,
        message,
    }
}

/// Whether the schema at a path declares a rule.
fn has_rule(schema: &Value, path: &str, rule: &str) -> bool {
    let mut at = schema;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, indices) = part.split_once('[').unwrap_or((part, ""));
        if !name.is_empty() {
            let property = at.get("properties").and_then(|p| p.get(name));
            let Some(next) = property.or_else(|| at.get("additionalProperties")) else {
                return true;
            };
            at = next;
        }
        for _ in indices.split('[').filter(|i| !i.is_empty()) {
            let Some(next) = at.get("items").or_else(|| at.get("additionalProperties")) else {
                return true;
            };
            at = next;
        }
    }
    let rules = at.get("x-kubernetes-validations").and_then(Value::as_array);
    rules.into_iter().flatten().any(|r| r["rule"] == rule)
}

/// The value at a path such as `spec.items[0].name`.
fn lookup<'v>(value: &'v Value, path: &str) -> Option<&'v Value> {
    let mut at = value;
    for part in path.split('.').filter(|part| !part.is_empty()) {
        let (name, indices) = part.split_once('[').unwrap_or((part, ""));
        if !name.is_empty() {
            at = at.get(name)?;
        }
        for index in indices.split('[').filter(|i| !i.is_empty()) {
            let index = index.trim_end_matches(']');
            at = match index.parse::<usize>() {
                Ok(index) => at.get(index)?,
                Err(_) => at.get(index)?,
            };
        }
    }
    Some(at)
}

/// The deepest nesting of loops in the rules of a schema; `None` where it has no rules.
fn deepest(schema: &Value) -> Option<u32> {
    match schema {
        Value::Object(map) => {
            let rules = map
                .get("x-kubernetes-validations")
                .and_then(Value::as_array);
            let texts = rules.into_iter().flatten().flat_map(|rule| {
                ["rule", "messageExpression"].map(|part| rule.get(part).and_then(Value::as_str))
            });
            let own = texts.flatten().map(nesting).max();
            let below = map.iter().filter(|(k, _)| *k != "x-kubernetes-validations");
            own.max(below.filter_map(|(_, value)| deepest(value)).max())
        }
        Value::Array(items) => items.iter().filter_map(deepest).max(),
        _ => None,
    }
}

/// How deeply a rule's loops nest, by its parentheses.
fn nesting(rule: &str) -> u32 {
    let loops = [
        ".all(",
        ".exists(",
        ".exists_one(",
        ".map(",
        ".filter(",
        ".sortBy(",
    ];
    let mut open: Vec<bool> = Vec::new();
    let (mut depth, mut deepest) = (0, 0);
    for (at, c) in rule.char_indices() {
        match c {
            '(' => {
                let is_loop = loops.iter().any(|name| rule[..=at].ends_with(name));
                depth += u32::from(is_loop);
                deepest = deepest.max(depth);
                open.push(is_loop);
            }
            ')' => depth -= u32::from(open.pop().unwrap_or(false)),
            _ => {}
        }
    }
    deepest
}

/// A bound on what rules cost: each level of loops may visit every value.
fn cost(value: &Value, nesting: u32) -> u64 {
    let size = size(value);
    let largest = largest(value);
    size.saturating_mul(largest.saturating_pow(nesting))
}

fn size(value: &Value) -> u64 {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<u64>(),
        Value::Object(map) => 1 + map.values().map(size).sum::<u64>(),
        Value::String(text) => 1 + text.len() as u64 / 32,
        _ => 1,
    }
}

fn largest(value: &Value) -> u64 {
    match value {
        Value::Array(items) => items
            .iter()
            .map(largest)
            .max()
            .unwrap_or(1)
            .max(items.len() as u64),
        Value::Object(map) => map
            .values()
            .map(largest)
            .max()
            .unwrap_or(1)
            .max(map.len() as u64),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use crate::schemas::Schemas;
    use argosy_object::{Object, Value, json};

    fn errors(rules: Value, spec: Value, old: Option<Value>) -> Vec<String> {
        let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "ts.e.org"},
            "spec": {"group": "e.org", "scope": "Cluster", "names": {"kind": "T", "plural": "ts"},
                "versions": [{"name": "v1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                        "spec": {"type": "object", "x-kubernetes-validations": rules,
                            "properties": {"n": {"type": "integer"},
                                "items": {"type": "array", "items": {"type": "string"}}}}}}}}]}});
        let schemas = Schemas::builtin().with_crds(&[Object::new(crd).unwrap()]);
        let kind = schemas.by_group_kind("e.org", "T").unwrap();
        let object = |spec: Value| json!({"apiVersion": "e.org/v1", "kind": "T", "metadata": {"name": "t"}, "spec": spec});
        let old = old.map(object);
        let found = crate::validate(kind, &object(spec), old.as_ref());
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn failed_rules_say_their_message() {
        assert_eq!(
            errors(
                json!([{"rule": "self.n > 1", "message": "too small"}]),
                json!({"n": 1}),
                None
            ),
            ["spec: Invalid value: too small"]
        );
        assert!(errors(json!([{"rule": "self.n > 1"}]), json!({"n": 2}), None).is_empty());
        assert_eq!(
            errors(json!([{"rule": "self.n > 1"}]), json!({"n": 1}), None),
            ["spec: Invalid value: failed rule: self.n > 1"]
        );
    }

    #[test]
    fn transition_rules_compare_with_the_old_object() {
        let rules = json!([{"rule": "self.n >= oldSelf.n", "message": "may not shrink"}]);
        assert!(errors(rules.clone(), json!({"n": 1}), None).is_empty());
        let shrunk = errors(rules, json!({"n": 1}), Some(json!({"n": 2})));
        assert_eq!(shrunk, ["spec: Invalid value: may not shrink"]);
    }

    #[test]
    fn loops_over_too_much_are_refused() {
        let rules = json!([{"rule": "self.items.all(a, self.items.all(b, a == b || a != b))"}]);
        let items: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        let refused = errors(rules.clone(), json!({"items": items}), None);
        assert!(refused[0].contains("cost budget"), "{refused:?}");
        assert!(errors(rules, json!({"items": ["a", "b"]}), None).is_empty());
    }
}
