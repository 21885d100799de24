//! The published OpenAPI documents hold together.

use super::*;
use std::collections::BTreeSet;

/// Every `$ref` below a value.
fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            found.extend(map.get("$ref").and_then(Value::as_str).map(str::to_owned));
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn every_reference_is_defined() {
    let schemas = Schemas::builtin();
    for path in openapi_v3_paths(&schemas) {
        let document = openapi_v3(&schemas, &path).unwrap();
        let mut found = BTreeSet::new();
        references(&document, &mut found);
        for reference in found {
            let name = reference.strip_prefix("#/components/schemas/").unwrap();
            assert!(
                document["components"]["schemas"][name].is_object(),
                "{path}: {name}"
            );
        }
    }
    let document = openapi_v2(&schemas);
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    assert!(found.len() > 400);
    for reference in found {
        let name = reference.strip_prefix("#/definitions/").unwrap();
        assert!(document["definitions"][name].is_object(), "{name}");
    }
}

#[test]
fn clients_find_what_they_look_for() {
    let schemas = Schemas::builtin();
    let document = openapi_v3(&schemas, "apis/apps/v1").unwrap();
    let patch =
        &document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"];
    assert_eq!(
        patch["x-kubernetes-group-version-kind"]["kind"],
        "Deployment"
    );
    assert_eq!(patch["operationId"], "patchAppsV1NamespacedDeployment");
    let names: Vec<&Value> = patch["parameters"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| &p["name"])
        .collect();
    assert_eq!(
        names,
        ["dryRun", "fieldManager", "fieldValidation", "force"]
    );
    assert!(patch["requestBody"]["content"]["application/strategic-merge-patch+json"].is_object());
    let spec = &document["components"]["schemas"]["io.k8s.api.core.v1.PodSpec"];
    assert_eq!(
        spec["properties"]["containers"]["x-kubernetes-patch-merge-key"],
        "name"
    );
    assert_eq!(spec["required"], json!(["containers"]));
    assert!(openapi_v3(&schemas, "apis/nope/v1").is_none());
}

#[test]
fn custom_kinds_refuse_strategic_patches() {
    let crd = crate::crd::tests::widgets();
    let schemas = Schemas::builtin().with_crds(&[crd]);
    let document = openapi_v3(&schemas, "apis/example.org/v1").unwrap();
    let widget = &document["components"]["schemas"]["org.example.v1.Widget"];
    assert_eq!(
        widget["x-kubernetes-group-version-kind"][0]["kind"],
        "Widget"
    );
    assert_eq!(
        widget["properties"]["spec"]["properties"]["size"]["maximum"],
        10
    );
    let path = "/apis/example.org/v1/namespaces/{namespace}/widgets/{name}";
    let content = &document["paths"][path]["patch"]["requestBody"]["content"];
    assert!(content["application/merge-patch+json"].is_object());
    assert!(
        content
            .get("application/strategic-merge-patch+json")
            .is_none()
    );
}
