//! `templatePatch`: a rendered text, merged into a rendered Application.

use argosy_object::{Map, Value};

/// Applies the text of a patch. The project stays what it was.
///
/// Compat: a strategic merge over upstream's types, where lists are replaced, but for
/// `metadata.finalizers`, which are united, the patch's first. Text that starts with `{` is JSON.
pub(crate) fn apply(app: &Value, text: &str) -> Result<Value, String> {
    let patch = read(text)?;
    let mut patched = app.clone();
    match &patch {
        Value::Null => {}
        Value::Object(map) => merge_object(&mut patched, map, "", 0).map_err(|e| {
            format!(
                "error while applying templatePatch template to json {}: {e}",
                quoted(&patch)
            )
        })?,
        _ => {
            let kind = match &patch {
                Value::Array(_) => "array",
                Value::String(_) => "string",
                Value::Bool(_) => "bool",
                _ => "number",
            };
            return Err(format!(
                "invalid templatePatch {}: json: cannot unmarshal {kind} into Go value of type v1alpha1.Application",
                quoted(&patch)
            ));
        }
    }
    let project = app.pointer("/spec/project").cloned();
    if let Some(spec) = patched.get_mut("spec").and_then(Value::as_object_mut) {
        match project {
            Some(project) => spec.insert("project".into(), project),
            None => spec.remove("project"),
        };
    }
    Ok(patched)
}

fn quoted(value: &Value) -> String {
    let text = value.to_string();
    argosy_gotmpl::gofmt::sprintf("%q", &[text.into()]).to_string()
}

fn read(text: &str) -> Result<Value, String> {
    let failed = |error: String| {
        let shown = argosy_gotmpl::gofmt::sprintf("%q", &[text.into()]);
        format!("error while converting template to json {shown}: {error}")
    };
    if text.trim().starts_with('{') {
        return argosy_sprig::json::decode(text.as_bytes())
            .map(|value| value.to_json())
            .map_err(|error| {
                let shown = argosy_gotmpl::gofmt::sprintf("%q", &[text.into()]);
                format!("invalid templatePatch {shown}: {error}")
            });
    }
    argosy_yaml::from_str(text).map_err(|error| failed(error.to_string()))
}

fn merge_object(
    target: &mut Value,
    patch: &Map<String, Value>,
    path: &str,
    depth: usize,
) -> Result<(), String> {
    if depth > 100 {
        return Err("the patch nests deeper than 100 levels".into());
    }
    match patch.get("$patch").and_then(Value::as_str) {
        Some("replace") => {
            let mut whole = patch.clone();
            whole.remove("$patch");
            *target = Value::Object(whole);
            return Ok(());
        }
        Some("delete") => {
            *target = Value::Object(Map::new());
            return Ok(());
        }
        Some("merge") | None => {}
        Some(other) => return Err(format!("invalid value for $patch: {other}")),
    }
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Some(object) = target.as_object_mut() else {
        return Ok(());
    };
    if let Some(kept) = patch.get("$retainKeys").and_then(Value::as_array) {
        object.retain(|key, _| kept.iter().any(|k| k.as_str() == Some(key)));
    }
    for (key, value) in patch {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            let gone = value.as_array().map_or(&[][..], Vec::as_slice);
            if let Some(items) = object.get_mut(list).and_then(Value::as_array_mut) {
                items.retain(|item| !gone.contains(item));
            }
            continue;
        }
        if key.starts_with('$') {
            continue;
        }
        let inner = format!("{path}/{key}");
        match value {
            Value::Null => {
                object.remove(key);
            }
            Value::Object(map) => {
                let slot = object
                    .entry(key.clone())
                    .or_insert_with(|| Value::Object(Map::new()));
                merge_object(slot, map, &inner, depth + 1)?;
            }
            Value::Array(items) if inner == "/metadata/finalizers" => {
                let mut united = items.clone();
                let ours = object
                    .get(key)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                united.extend(ours.into_iter().filter(|item| !items.contains(item)));
                object.insert(key.clone(), united.into());
            }
            other => {
                object.insert(key.clone(), other.clone());
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn patch_changes_all_but_the_project() {
        let app = json!({"metadata": {"name": "a", "finalizers": ["x"], "labels": {"k": "v"}},
            "spec": {"project": "p", "source": {"helm": {"values": "v"}, "path": "d"},
                "sources": [1, 2]}});
        let patch = "metadata:\n  name: b\n  finalizers: [mine]\n  labels: {k: null, new: w}\nspec:\n  project: evil\n  sources: [3]\n  source:\n    helm:\n      $patch: replace\n      parameters: []\n";
        assert_eq!(
            apply(&app, patch).unwrap(),
            json!({
            "metadata": {"name": "b", "finalizers": ["mine", "x"], "labels": {"new": "w"}},
            "spec": {"project": "p", "source": {"helm": {"parameters": []}, "path": "d"},
                "sources": [3]}})
        );
    }

    #[test]
    fn empty_patch_changes_nothing_and_a_yaml_flow_map_is_refused() {
        let app = json!({"metadata": {"name": "a"}, "spec": {"project": "p"}});
        assert_eq!(apply(&app, "").unwrap(), app);
        assert!(
            apply(&app, "{spec: {}}")
                .unwrap_err()
                .contains("invalid templatePatch")
        );
        assert!(
            apply(&app, "[1]")
                .unwrap_err()
                .contains("cannot unmarshal array")
        );
    }
}
