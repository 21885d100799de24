//! The CRDs of the hub.

use argosy_object::{Object, Value, json};

/// The CRDs that the hub serves: Application, ApplicationSet, AppProject.
pub fn definitions() -> Vec<Object> {
    let any = || json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let status = json!({"status": {}});
    [
        (
            "Application",
            "applications",
            json!(["app", "apps"]),
            json!({}),
            application_columns(),
        ),
        (
            "ApplicationSet",
            "applicationsets",
            json!(["appset", "appsets"]),
            status,
            json!([]),
        ),
        (
            "AppProject",
            "appprojects",
            json!(["appproj", "appprojs"]),
            json!({}),
            json!([]),
        ),
    ]
    .into_iter()
    .map(|(kind, plural, short, subresources, columns)| {
        let schema = json!({"type": "object", "required": ["metadata", "spec"], "properties": {
            "apiVersion": {"type": "string"}, "kind": {"type": "string"},
            "metadata": {"type": "object"}, "spec": any(), "status": any(), "operation": any()}});
        Object::from_trusted(json!({
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": format!("{plural}.argoproj.io")},
            "spec": {"group": "argoproj.io", "scope": "Namespaced",
                "names": {"kind": kind, "listKind": format!("{kind}List"), "plural": plural,
                    "singular": kind.to_lowercase(), "shortNames": short},
                "versions": [{"name": "v1alpha1", "served": true, "storage": true,
                    "schema": {"openAPIV3Schema": schema}, "subresources": subresources,
                    "additionalPrinterColumns": columns}]}}))
    })
    .collect()
}

fn application_columns() -> Value {
    let column = |name: &str, path: &str, priority: u8| json!({"name": name, "type": "string", "jsonPath": path, "priority": priority});
    json!([
        column("Sync Status", ".status.sync.status", 0),
        column("Health Status", ".status.health.status", 0),
        column("Revision", ".status.sync.revision", 10),
        column("Project", ".spec.project", 10),
    ])
}
