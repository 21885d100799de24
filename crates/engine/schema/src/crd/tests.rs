//! Custom kinds: what a CustomResourceDefinition makes known.

use super::*;
use argosy_object::json;
use std::cmp::Ordering;

pub(crate) fn widgets() -> Object {
    let crd = r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {"group": "example.org", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "shortNames": ["wd"]},
            "versions": [
                {"name": "v1", "served": true, "storage": true,
                 "subresources": {"status": {}, "scale": {"specReplicasPath": ".spec.replicas",
                    "statusReplicasPath": ".status.replicas"}},
                 "additionalPrinterColumns": [{"name": "Size", "type": "integer",
                    "jsonPath": ".spec.size", "priority": 1}],
                 "schema": {"openAPIV3Schema": {"type": "object", "required": ["spec"], "properties": {
                    "spec": {"type": "object", "required": ["size"], "properties": {
                        "size": {"type": "integer", "minimum": 1, "maximum": 10},
                        "color": {"type": "string", "default": "red", "enum": ["red", "blue"]},
                        "port": {"x-kubernetes-int-or-string": true},
                        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": true},
                        "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}},
                        "parts": {"type": "array", "x-kubernetes-list-type": "map",
                            "x-kubernetes-list-map-keys": ["name"], "items": {"type": "object",
                            "required": ["name"], "properties": {"name": {"type": "string",
                            "pattern": "^[a-z]+$"}, "count": {"type": "integer", "default": 1}}}},
                        "labels": {"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}}
                    }},
                    "status": {"type": "object", "properties": {"replicas": {"type": "integer"}}}
                 }}}},
                {"name": "v1beta1", "served": false, "storage": false}
            ]}}"#;
    Object::new(serde_json::from_str(crd).unwrap()).unwrap()
}

#[test]
fn served_versions_become_kinds() {
    let schemas = Schemas::builtin().with_crds(&[widgets()]);
    let kind = schemas.by_resource("example.org", "v1", "widgets").unwrap();
    assert_eq!(kind.singular, "widget");
    assert_eq!(kind.list_kind, "WidgetList");
    assert_eq!(
        kind.columns.iter().map(|c| &*c.name).collect::<Vec<_>>(),
        ["Name", "Size"]
    );
    assert_eq!(
        kind.custom
            .as_ref()
            .unwrap()
            .scale
            .as_ref()
            .unwrap()
            .spec_replicas,
        ".spec.replicas"
    );
    assert!(
        schemas
            .by_resource("example.org", "v1beta1", "widgets")
            .is_none()
    );
}

#[test]
fn versions_are_ordered_as_kubernetes_does() {
    assert_eq!(version_order("v2", "v1"), Ordering::Less);
    assert_eq!(version_order("v1", "v2beta1"), Ordering::Less);
    assert_eq!(version_order("v1beta2", "v1beta10"), Ordering::Greater);
    assert_eq!(version_order("v1alpha1", "foo"), Ordering::Less);
}

#[test]
fn defaults_pruning_and_validation_follow_the_schema() {
    let schemas = Schemas::builtin().with_crds(&[widgets()]);
    let kind = schemas.by_group_kind("example.org", "Widget").unwrap();
    let mut object = json!({"apiVersion": "example.org/v1", "kind": "Widget",
        "metadata": {"name": "w", "unknown": 1},
        "spec": {"size": 11, "port": "http", "free": {"x": {"y": 1}}, "gone": 1,
            "tags": ["a", "a"], "parts": [{"name": "A"}, {"name": "b", "no": 1}, {"name": "b"}],
            "labels": {"a": "long"}}});
    assert_eq!(
        crate::prune(kind, &mut object),
        ["metadata.unknown", "spec.gone", "spec.parts[1].no"]
    );
    crate::default(kind, &mut object);
    assert_eq!(object["spec"]["color"], "red");
    assert_eq!(object["spec"]["parts"][0]["count"], 1);
    assert_eq!(object["spec"]["free"]["x"]["y"], 1);
    let errors: Vec<String> = crate::validate(kind, &object, None)
        .iter()
        .map(ToString::to_string)
        .collect();
    expect_test::expect![[r#"
        spec.labels.a: Too long: may not be more than 3 bytes
        spec.parts[0].name: Invalid value: "A": spec.parts[0].name in body should match '^[a-z]+$'
        spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10
        spec.parts[2]: Duplicate value: {"name":"b"}
        spec.tags[1]: Duplicate value: "a"
    "#]]
    .assert_eq(&(errors.join("\n") + "\n"));
}

#[test]
fn wrong_types_are_named() {
    let schemas = Schemas::builtin().with_crds(&[widgets()]);
    let kind = schemas.by_group_kind("example.org", "Widget").unwrap();
    let object = json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"},
        "spec": {"size": "big", "color": "green", "port": true}});
    let errors: Vec<String> = crate::validate(kind, &object, None)
        .iter()
        .map(ToString::to_string)
        .collect();
    expect_test::expect![[r#"
        spec.color: Unsupported value: "green": supported values: "red", "blue"
        spec.port: Invalid value: "boolean": spec.port in body must be of type integer,string: "boolean"
        spec.size: Invalid value: "string": spec.size in body must be of type integer: "string"
    "#]]
    .assert_eq(&(errors.join("\n") + "\n"));
    let missing =
        json!({"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}});
    assert_eq!(
        crate::validate(kind, &missing, None)[0].to_string(),
        "spec: Required value"
    );
}
