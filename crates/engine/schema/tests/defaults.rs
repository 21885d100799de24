//! Replays what a real kube-apiserver 1.36.3 returned to `dryRun=All` creates: defaults, the form
//! of its structs, and the owners of the fields.

use argosy_object::{Gvk, Map, Value};
use argosy_schema::{Schemas, UpdateCx, default, prune, update};

/// Takes out what the server's strategies and allocators make, not its defaulting.
fn comparable(object: &mut Value) -> Option<Value> {
    let entries = object["metadata"].as_object_mut().and_then(|m| {
        for made in ["uid", "creationTimestamp", "resourceVersion", "generation"] {
            m.remove(made);
        }
        m.remove("managedFields")
    });
    let kind = object["kind"].as_str().unwrap_or_default().to_owned();
    let mut drop = |pointer: &str, fields: &[&str]| {
        if let Some(map) = object.pointer_mut(pointer).and_then(Value::as_object_mut) {
            fields.iter().for_each(|field| drop_field(map, field));
        }
    };
    match kind.as_str() {
        "Service" => drop(
            "/spec",
            &[
                "clusterIP",
                "clusterIPs",
                "ipFamilies",
                "ipFamilyPolicy",
                "healthCheckNodePort",
            ],
        ),
        "Job" => {
            drop("/metadata", &["labels"]);
            drop("/spec", &["selector"]);
            drop("/spec/template/metadata", &["labels"]);
        }
        "Pod" => {
            drop("/spec", &["preemptionPolicy", "priority"]);
            drop("/status", &["phase", "qosClass"]);
        }
        "Namespace" => drop("/spec", &["finalizers"]),
        "PersistentVolumeClaim" | "PersistentVolume" => {
            drop("/metadata", &["finalizers"]);
            drop("/status", &["lastPhaseTransitionTime"]);
        }
        "DaemonSet" => {
            drop("", &["status"]);
            drop("/metadata", &["annotations"]);
        }
        "CustomResourceDefinition" => {
            drop(
                "/status",
                &["acceptedNames", "conditions", "storedVersions"],
            );
        }
        "APIService" => {
            drop("/metadata", &["labels"]);
            drop("/status", &["conditions"]);
            drop("/spec/service", &[]);
        }
        "ConfigMap" | "Secret" => {}
        _ => drop("", &["status"]),
    }
    if kind == "Service"
        && let Some(Value::Array(ports)) = object.pointer_mut("/spec/ports")
    {
        for port in ports {
            port.as_object_mut().map(|port| port.remove("nodePort"));
        }
    }
    entries
}

fn drop_field(map: &mut Map<String, Value>, field: &str) {
    map.remove(field);
}

#[test]
fn defaults_equal_a_real_servers() {
    let schemas = Schemas::builtin();
    let mut failures = Vec::new();
    let table = include_str!("data/defaults.jsonl");
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let mut got = case["sent"].clone();
        let mut want = case["got"].clone();
        let text = |name: &str| got[name].as_str().unwrap().to_owned();
        let gvk = Gvk::from_api_version(&text("apiVersion"), &text("kind"));
        let kind = schemas.kind(&gvk).unwrap();
        assert!(prune(kind, &mut got).is_empty(), "{got}");
        default(kind, &mut got);
        if got["metadata"].get("namespace").is_none() && kind.is_namespaced() {
            got["metadata"]["namespace"] = "default".into();
        }
        // The owners are those of the object before strategies changed it.
        let cx = UpdateCx {
            kind,
            manager: "probe",
            now: "2026-01-01T00:00:00Z",
            subresource: "",
        };
        let mut owned = got.clone();
        update(&cx, None, &mut owned).unwrap();
        let owned = owned["metadata"]["managedFields"][0]["fieldsV1"].clone();
        comparable(&mut got);
        let entries = comparable(&mut want);
        // A DaemonSet's template generation is counted in an annotation by its strategy.
        let owned = if &*gvk.kind == "DaemonSet" {
            Value::Null
        } else {
            owned
        };
        let entries = entries.filter(|_| &*gvk.kind != "DaemonSet");
        let server = entries
            .map(|e| e[0]["fieldsV1"].clone())
            .unwrap_or_default();
        let name = got["metadata"]["name"].clone();
        if got != want {
            failures.push(format!("{gvk} {name}\nwant={want}\n got={got}\n"));
        }
        if owned != server {
            failures.push(format!(
                "{gvk} {name} owners\nwant={server}\n got={owned}\n"
            ));
        }
    }
    assert!(table.lines().count() > 50);
    assert!(
        failures.is_empty(),
        "{} differ:\n{}",
        failures.len(),
        failures.concat()
    );
}
