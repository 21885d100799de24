//! What is recorded and what is in the cluster, with all that differs by nature made equal.

use crate::program::level;
use crate::server::Server;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, ListOptions, Resource};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::Read as _;

/// Every record of a namespace, unpacked.
pub async fn records(server: &Server, namespace: &str) -> Vec<Value> {
    let secrets = Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true);
    let options = ListOptions {
        namespace: Some(namespace.into()),
        labels: Some("owner=helm".into()),
        fields: None,
    };
    let found = server.client.list(&secrets, &options).await.unwrap().items;
    let mut records: Vec<(i64, Value)> = found
        .iter()
        .map(|secret| record(secret, namespace))
        .collect();
    records.sort_by_key(|(version, _)| *version);
    records.into_iter().map(|(_, record)| record).collect()
}

fn record(secret: &Object, namespace: &str) -> (i64, Value) {
    let text = secret
        .pointer("/data/release")
        .and_then(Value::as_str)
        .unwrap();
    let packed = STANDARD.decode(STANDARD.decode(text).unwrap()).unwrap();
    let mut plain = String::new();
    flate2::read::GzDecoder::new(&*packed)
        .read_to_string(&mut plain)
        .unwrap();
    let mut release: Value = level(&plain, namespace).parse().unwrap();
    level_chart(&mut release);
    let version = release["version"].as_i64().unwrap();
    let labels = secret
        .pointer("/metadata/labels")
        .unwrap()
        .as_object()
        .unwrap();
    let labels: Value = labels
        .iter()
        .filter(|(key, _)| !matches!(key.as_str(), "modifiedAt" | "createdAt"))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let record = json!({
        "name": secret.name(), "labels": labels, "release": release,
        "type": secret.pointer("/type"),
    });
    (version, record)
}

/// Times of the disk are no content.
fn level_chart(release: &mut Value) {
    let Some(chart) = release.get_mut("chart").and_then(Value::as_object_mut) else {
        return;
    };
    chart.remove("schemamodtime");
    chart.remove("modtime");
}

/// The objects of a namespace that charts make, with who owns which fields.
pub async fn objects(server: &Server, namespace: &str) -> Vec<Value> {
    let mut all = Vec::new();
    for (group, kind, plural) in [
        ("", "ConfigMap", "configmaps"),
        ("", "Secret", "secrets"),
        ("", "Service", "services"),
        ("apps", "Deployment", "deployments"),
        ("batch", "Job", "jobs"),
        ("", "Pod", "pods"),
        ("web.example.com", "Gadget", "gadgets"),
    ] {
        let resource = Resource::new(Gvk::new(group, "v1", kind), plural, true);
        let options = ListOptions {
            namespace: Some(namespace.into()),
            ..ListOptions::default()
        };
        // Before the first install there are no gadgets.
        let Ok(found) = server.client.list(&resource, &options).await else {
            continue;
        };
        let found = found.items.into_iter().filter(|object| is_made(object));
        all.extend(found.map(|object| leveled(object.into_value(), namespace)));
    }
    all.sort_by_key(ToString::to_string);
    all
}

/// Pods of workloads, records and what the cluster puts into each namespace are left out.
fn is_made(object: &Object) -> bool {
    let is_owned = object.pointer("/metadata/ownerReferences").is_some();
    let is_record = object.name().starts_with("sh.helm.release");
    !is_owned && !is_record && object.name() != "kube-root-ca.crt"
}

fn leveled(mut object: Value, namespace: &str) -> Value {
    let metadata = object["metadata"].as_object_mut().unwrap();
    for field in ["uid", "resourceVersion", "creationTimestamp", "selfLink"] {
        metadata.remove(field);
    }
    if let Some(Value::Array(managers)) = metadata.get_mut("managedFields") {
        managers.retain(|entry| entry["manager"] == "helm");
        for entry in managers {
            entry.as_object_mut().unwrap().remove("time");
        }
    }
    if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
        labels.retain(|key, _| !key.ends_with("controller-uid"));
    }
    object.as_object_mut().unwrap().remove("status");
    if object["kind"] == "Service" {
        let spec = object["spec"].as_object_mut().unwrap();
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
    if object["kind"] == "Job" {
        object["spec"].as_object_mut().unwrap().remove("selector");
        object["spec"]["template"]["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("labels");
    }
    if object["kind"] == "Pod" {
        object["spec"] = Value::Null;
    }
    level(&object.to_string(), namespace).parse().unwrap()
}
