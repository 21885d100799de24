//! An Application's spec without what means nothing, so that sets and controllers do not fight.

use argosy_object::{Map, Value};

/// Drops sub-objects that say nothing (`helm: {}`, `kustomize: {}`, `directory: {}`,
/// `syncPolicy: {}`; `automated: {}` says something) and fills in the project.
///
/// Compat: upstream's `NormalizeApplicationSpec`, and what its types leave out when written.
pub fn normalize_spec(spec: &mut Value) {
    let Some(spec) = spec.as_object_mut() else {
        return;
    };
    if spec
        .get("project")
        .and_then(Value::as_str)
        .unwrap_or("")
        .is_empty()
    {
        spec.insert("project".into(), "default".into());
    }
    if spec.get("syncPolicy").is_some_and(is_empty_sync_policy) {
        spec.remove("syncPolicy");
    }
    let has_sources = spec
        .get("sources")
        .and_then(Value::as_array)
        .is_some_and(|list| !list.is_empty());
    if has_sources {
        let sources = spec.get_mut("sources").and_then(Value::as_array_mut);
        sources
            .into_iter()
            .flatten()
            .filter_map(Value::as_object_mut)
            .for_each(normalize_source);
    } else {
        spec.remove("sources");
    }
    if let Some(source) = spec.get_mut("source").and_then(Value::as_object_mut) {
        normalize_source(source);
    }
    for list in ["ignoreDifferences", "info"] {
        if spec
            .get(list)
            .and_then(Value::as_array)
            .is_some_and(Vec::is_empty)
        {
            spec.remove(list);
        }
    }
}

fn is_empty_sync_policy(policy: &Value) -> bool {
    let absent = |field: &str| policy.get(field).is_none_or(Value::is_null);
    let no_options = policy
        .get("syncOptions")
        .and_then(Value::as_array)
        .is_none_or(Vec::is_empty);
    no_options
        && ["automated", "retry", "managedNamespaceMetadata"]
            .into_iter()
            .all(absent)
}

fn normalize_source(source: &mut Map<String, Value>) {
    for field in ["helm", "kustomize"] {
        if source.get(field).is_some_and(says_nothing) {
            source.remove(field);
        }
    }
    // A directory that does not recurse says nothing but what it includes and leaves out.
    if let Some(Value::Object(directory)) = source.get_mut("directory") {
        let says = |field: &str| {
            directory
                .get(field)
                .is_some_and(|value| !says_nothing(value))
        };
        if !["recurse", "jsonnet", "disableExtensionFilter"]
            .into_iter()
            .any(says)
        {
            directory.retain(|field, value| {
                ["include", "exclude"].contains(&field.as_str()) && !says_nothing(value)
            });
            if directory.is_empty() {
                source.remove("directory");
            }
        }
    }
    if source.get("path").and_then(Value::as_str) == Some("") {
        source.remove("path");
    }
}

fn says_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.values().all(says_nothing),
    }
}
