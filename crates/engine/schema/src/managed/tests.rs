//! Server-side apply: who owns which field, and what a conflict says.

use super::*;
use crate::schemas::Schemas;

const NOW: &str = "2026-01-01T00:00:00Z";
const LATER: &str = "2026-01-01T00:00:05Z";

fn config_map(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": data})
}

fn cx<'a>(kind: &'a KindSchema, manager: &'a str, now: &'a str) -> ApplyCx<'a> {
    ApplyCx {
        kind,
        manager,
        force: false,
        now,
        subresource: "",
    }
}

#[test]
fn repeated_apply_changes_nothing() {
    let schemas = Schemas::builtin();
    let kind = schemas.by_group_kind("", "ConfigMap").unwrap();
    let config = config_map(json!({"a": "1"}));
    let first = apply(&cx(kind, "one", NOW), None, &config).unwrap();
    let again = apply(&cx(kind, "one", LATER), Some(&first), &config).unwrap();
    assert_eq!(first, again);
    assert_eq!(first["metadata"]["managedFields"][0]["time"], NOW);
}

#[test]
fn field_left_out_is_removed_unless_another_owns_it() {
    let schemas = Schemas::builtin();
    let kind = schemas.by_group_kind("", "ConfigMap").unwrap();
    let both = config_map(json!({"a": "1", "b": "2"}));
    let live = apply(&cx(kind, "one", NOW), None, &both).unwrap();
    let live = apply(
        &cx(kind, "two", NOW),
        Some(&live),
        &config_map(json!({"b": "2"})),
    )
    .unwrap();
    let live = apply(&cx(kind, "one", LATER), Some(&live), &config_map(json!({}))).unwrap();
    assert_eq!(live["data"], json!({"b": "2"}));
}

#[test]
fn conflict_names_manager_and_field() {
    let schemas = Schemas::builtin();
    let kind = schemas.by_group_kind("", "ConfigMap").unwrap();
    let live = apply(&cx(kind, "one", NOW), None, &config_map(json!({"a": "1"}))).unwrap();
    let change = config_map(json!({"a": "2"}));
    let error = apply(&cx(kind, "two", NOW), Some(&live), &change).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Apply failed with 1 conflict: conflict with \"one\": .data.a"
    );
    let forced = ApplyCx {
        force: true,
        ..cx(kind, "two", NOW)
    };
    let live = apply(&forced, Some(&live), &change).unwrap();
    assert_eq!(live["data"]["a"], "2");
    assert_eq!(
        live["metadata"]["managedFields"].as_array().unwrap().len(),
        1
    );
}

#[test]
fn unknown_field_is_refused() {
    let schemas = Schemas::builtin();
    let kind = schemas.by_group_kind("", "ConfigMap").unwrap();
    let mut config = config_map(json!({}));
    config["nope"] = json!(1);
    let error = apply(&cx(kind, "one", NOW), None, &config)
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with(".nope: field not declared in schema"),
        "{error}"
    );
}

#[test]
fn custom_object_owns_the_fields_around_its_values() {
    let schemas = Schemas::builtin().with_crds(&[crate::crd::tests::widgets()]);
    let kind = schemas.by_group_kind("example.org", "Widget").unwrap();
    let mut object = json!({"apiVersion": "example.org/v1", "kind": "Widget",
        "metadata": {"name": "w"}, "spec": {"size": 1, "tags": ["a"], "parts": [{"name": "p"}]}});
    let cx = UpdateCx {
        kind,
        manager: "m",
        now: NOW,
        subresource: "",
    };
    update(&cx, None, &mut object).unwrap();
    assert_eq!(
        object["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:spec": {".": {}, "f:size": {}, "f:tags": {".": {}, "v:\"a\"": {}},
            "f:parts": {".": {}, "k:{\"name\":\"p\"}": {".": {}, "f:name": {}}}}})
    );
    let status = UpdateCx {
        subresource: "status",
        manager: "s",
        ..cx
    };
    let old = object.clone();
    object["status"] = json!({"replicas": 1});
    object["spec"]["size"] = json!(2);
    update(&status, Some(&old), &mut object).unwrap();
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let entry = entries
        .iter()
        .find(|e| e["subresource"] == "status")
        .unwrap();
    assert_eq!(
        entry["fieldsV1"],
        json!({"f:status": {".": {}, "f:replicas": {}}})
    );
}
