//! Hands the fields of client-side apply over to server-side apply.

use super::set::Set;
use argosy_object::{Map, Value, json};

/// The JSON patch that makes what `manager` owns by updates its own by server-side apply; `None`
/// where there is nothing to hand over. The patch fails with a conflict where the object has
/// changed since.
///
/// Compat: client-go's `csaupgrade.UpgradeManagedFieldsPatch` with one name for both.
///
/// # Errors
/// Where the object's managedFields cannot be read.
pub fn adopt_updates(object: &Value, manager: &str) -> Result<Option<Value>, String> {
    let found = object.pointer("/metadata/managedFields");
    let Some(entries) = found.and_then(Value::as_array) else {
        return Ok(None);
    };
    let is = |entry: &Value, operation: &str| {
        entry["manager"] == manager
            && entry["operation"] == operation
            && entry["subresource"].as_str().unwrap_or_default().is_empty()
    };
    let applies = entries.iter().position(|entry| is(entry, "Apply"));
    let updates = entries.iter().position(|entry| is(entry, "Update"));
    let (Some(into), Some(_)) = (applies.or(updates), updates) else {
        return Ok(None);
    };
    let mut target = entries[into].clone();
    target["operation"] = "Apply".into();
    // Only an update at the same version says the same of the fields.
    let same_version = entries
        .iter()
        .find(|entry| is(entry, "Update") && entry["apiVersion"] == target["apiVersion"]);
    let mut set = fields(&target)?;
    if let Some(update) = same_version {
        set = set.union(&fields(update)?);
    }
    target["fieldsV1"] = set.encode();
    let kept = entries.iter().enumerate().filter_map(|(at, entry)| {
        if at == into {
            return Some(target.clone());
        }
        (!is(entry, "Update")).then(|| entry.clone())
    });
    let kept: Vec<Value> = kept.collect();
    let version = object.pointer("/metadata/resourceVersion");
    Ok(Some(json!([
        {"op": "replace", "path": "/metadata/managedFields", "value": kept},
        // Replacing, not testing: so the server answers with a conflict.
        {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
    ])))
}

fn fields(entry: &Value) -> Result<Set, String> {
    match entry.get("fieldsV1") {
        Some(fields) => Set::decode(fields),
        None => Set::decode(&Value::Object(Map::new())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(manager: &str, operation: &str, version: &str, fields: Value) -> Value {
        json!({"manager": manager, "operation": operation, "apiVersion": version,
            "fieldsType": "FieldsV1", "fieldsV1": fields})
    }

    fn object(entries: &[Value]) -> Value {
        json!({"metadata": {"resourceVersion": "7", "managedFields": entries}})
    }

    #[test]
    fn an_update_becomes_an_apply() {
        let patch = adopt_updates(
            &object(&[
                entry("helm", "Update", "v1", json!({"f:data": {"f:a": {}}})),
                entry("kubectl", "Update", "v1", json!({"f:data": {"f:b": {}}})),
            ]),
            "helm",
        );
        let patch = patch.unwrap().unwrap();
        assert_eq!(
            patch[0]["value"],
            json!([
                entry("helm", "Apply", "v1", json!({"f:data": {"f:a": {}}})),
                entry("kubectl", "Update", "v1", json!({"f:data": {"f:b": {}}})),
            ])
        );
        assert_eq!(patch[1]["value"], "7");
    }

    #[test]
    fn an_apply_that_is_there_takes_the_update_of_its_version() {
        let patch = adopt_updates(
            &object(&[
                entry("helm", "Apply", "v1", json!({"f:data": {"f:a": {}}})),
                entry("helm", "Update", "v1", json!({"f:data": {"f:b": {}}})),
                entry("helm", "Update", "v2", json!({"f:data": {"f:c": {}}})),
            ]),
            "helm",
        );
        assert_eq!(
            patch.unwrap().unwrap()[0]["value"],
            json!([entry(
                "helm",
                "Apply",
                "v1",
                json!({"f:data": {"f:a": {}, "f:b": {}}})
            )])
        );
    }

    #[test]
    fn nothing_is_handed_over_without_an_update() {
        let applied = entry("helm", "Apply", "v1", json!({"f:data": {}}));
        assert_eq!(adopt_updates(&object(&[applied]), "helm"), Ok(None));
        assert_eq!(adopt_updates(&json!({}), "helm"), Ok(None));
    }
}
