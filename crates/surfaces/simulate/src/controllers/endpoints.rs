//! EndpointSlices and Endpoints of Services with a selector.

use crate::cache::Cache;
use crate::controllers::{Plan, pods};
use crate::hash;
use crate::kinds::{Id, Kind};
use crate::labels;
use crate::tree::{self, int, is_true, list, text};
use crate::work::Work;
use argosy_object::{Map, Value, json, meta};
use std::sync::Arc;

/// The most endpoints of one slice and of an Endpoints object.
const MAX: usize = 1000;
const MANAGER: &str = "endpointslice-controller.k8s.io";

/// Plans for a Service.
pub fn plan(cache: &Cache, service: &Value) -> Plan {
    let selector = tree::at(service, "/spec/selector");
    let external = text(service, "/spec/type") == "ExternalName";
    if external
        || tree::is_deleting(service)
        || selector
            .as_object()
            .is_none_or(argosy_object::Map::is_empty)
    {
        return Plan::none();
    }
    let namespace = meta(service, "namespace");
    let pods: Vec<Arc<Value>> = cache
        .list(Kind::Pod, namespace)
        .filter(|pod| labels::contained(&selector, tree::get(pod, "/metadata/labels")))
        .filter(|pod| !pods::is_done(pod))
        .collect();
    let settled = pods.iter().all(|pod| pods::is_ready(pod));
    let placed: Vec<&Arc<Value>> = pods
        .iter()
        .filter(|pod| !text(pod, "/status/podIP").is_empty())
        .take(MAX)
        .collect();
    let mut works = Vec::new();
    slice(cache, service, &placed, &mut works);
    endpoints(cache, service, &placed, &mut works);
    if settled && !pods.is_empty() {
        Plan {
            now: works,
            soon: Vec::new(),
        }
    } else {
        Plan {
            now: Vec::new(),
            soon: works,
        }
    }
}

/// Plans for a Service that is gone: its slices go with their owner, its Endpoints have none.
pub fn plan_without(cache: &Cache, service: &Id) -> Plan {
    let Some(known) = cache.get(Kind::Endpoints, &service.namespace, &service.name) else {
        return Plan::none();
    };
    let by = "/metadata/labels/endpoints.kubernetes.io~1managed-by";
    if text(&known, by) != "endpoint-controller" || tree::is_deleting(&known) {
        return Plan::none();
    }
    Plan {
        now: vec![Work::Delete {
            id: Id::of(Kind::Endpoints, &known),
            uid: meta(&known, "uid").to_owned(),
            grace_seconds: None,
        }],
        soon: Vec::new(),
    }
}

/// The number of a service's port at one pod.
fn target(port: &Value, pod: &Value) -> Option<i64> {
    match port.get("targetPort") {
        Some(Value::String(name)) if name.parse::<i64>().is_err() => list(pod, "/spec/containers")
            .iter()
            .flat_map(|container| list(container, "/ports"))
            .find(|own| text(own, "/name") == name && protocol(own) == protocol(port))
            .map(|own| int(own, "/containerPort")),
        Some(Value::String(number)) => number.parse().ok(),
        Some(Value::Number(number)) if number.as_i64() != Some(0) => number.as_i64(),
        _ => Some(int(port, "/port")),
    }
}

fn protocol(port: &Value) -> &str {
    match text(port, "/protocol") {
        "" => "TCP",
        named => named,
    }
}

fn ports(service: &Value, pods: &[&Arc<Value>]) -> Vec<Value> {
    let resolved = |port: &Value| match pods.first() {
        Some(pod) => target(port, pod),
        None => port.get("targetPort").and_then(Value::as_i64),
    };
    list(service, "/spec/ports")
        .iter()
        .filter_map(|port| {
            let number = resolved(port)?;
            let mut out = json!({"name": text(port, "/name"), "port": number,
                "protocol": protocol(port)});
            let app = text(port, "/appProtocol");
            if !app.is_empty() {
                out["appProtocol"] = app.into();
            }
            Some(out)
        })
        .collect()
}

fn slice(cache: &Cache, service: &Value, pods: &[&Arc<Value>], works: &mut Vec<Work>) {
    let publish = is_true(service, "/spec/publishNotReadyAddresses");
    let endpoints: Vec<Value> = pods
        .iter()
        .map(|pod| {
            let going = tree::is_deleting(pod);
            let serving = pods::is_ready(pod);
            let mut endpoint = json!({
                "addresses": [text(pod, "/status/podIP")],
                "conditions": {"ready": (serving && !going) || publish, "serving": serving,
                    "terminating": going},
                "nodeName": text(pod, "/spec/nodeName"),
                "targetRef": pod_reference(pod),
            });
            let hostname = text(pod, "/spec/hostname");
            let same_domain = text(pod, "/spec/subdomain") == meta(service, "name");
            if !hostname.is_empty() && same_domain {
                endpoint["hostname"] = hostname.into();
            }
            endpoint
        })
        .collect();
    let ports = Value::Array(ports(service, pods));
    let namespace = meta(service, "namespace");
    let known = cache
        .owned(Kind::EndpointSlice, service)
        .into_iter()
        .find(|slice| {
            text(
                slice,
                "/metadata/labels/endpointslice.kubernetes.io~1managed-by",
            ) == MANAGER
        });
    let endpoints = Value::Array(endpoints);
    let Some(known) = known else {
        let name = meta(service, "name");
        let uid = meta(service, "uid");
        let mut labels = own_labels(service);
        labels.insert(
            "endpointslice.kubernetes.io/managed-by".into(),
            MANAGER.into(),
        );
        labels.insert("kubernetes.io/service-name".into(), name.into());
        works.push(Work::Create(
            Kind::EndpointSlice,
            json!({
                "apiVersion": "discovery.k8s.io/v1",
                "kind": "EndpointSlice",
                "metadata": {
                    "name": format!("{name}-{}", hash::suffix(uid, 5)),
                    "generateName": format!("{name}-"),
                    "namespace": namespace,
                    "labels": labels,
                    "ownerReferences": [tree::owner_reference(service, "v1", "Service")],
                },
                "addressType": "IPv4",
                "endpoints": endpoints,
                "ports": ports,
            }),
        ));
        return;
    };
    let same = |field: &str, wanted: &Value| {
        let own = known.get(field).unwrap_or(&Value::Null);
        own == wanted || (own.is_null() && wanted.as_array().is_some_and(Vec::is_empty))
    };
    if !same("endpoints", &endpoints) || !same("ports", &ports) {
        let patch = json!({"endpoints": endpoints, "ports": ports});
        works.push(Work::Patch(Id::of(Kind::EndpointSlice, &known), patch));
    }
}

fn own_labels(service: &Value) -> Map<String, Value> {
    let labels = service
        .pointer("/metadata/labels")
        .and_then(Value::as_object)
        .cloned();
    let mut labels = labels.unwrap_or_default();
    if text(service, "/spec/clusterIP") == "None" {
        labels.insert("service.kubernetes.io/headless".into(), "".into());
    }
    labels
}

fn pod_reference(pod: &Value) -> Value {
    json!({"kind": "Pod", "namespace": meta(pod, "namespace"), "name": meta(pod, "name"),
        "uid": meta(pod, "uid")})
}

fn endpoints(cache: &Cache, service: &Value, pods: &[&Arc<Value>], works: &mut Vec<Work>) {
    let publish = is_true(service, "/spec/publishNotReadyAddresses");
    let (mut ready, mut waiting) = (Vec::new(), Vec::new());
    for pod in pods.iter().filter(|pod| !tree::is_deleting(pod)) {
        let address = json!({"ip": text(pod, "/status/podIP"),
            "nodeName": text(pod, "/spec/nodeName"), "targetRef": pod_reference(pod)});
        if pods::is_ready(pod) || publish {
            ready.push(address);
        } else {
            waiting.push(address);
        }
    }
    let mut subset = Map::new();
    for (field, addresses) in [("addresses", ready), ("notReadyAddresses", waiting)] {
        if !addresses.is_empty() {
            subset.insert(field.into(), Value::Array(addresses));
        }
    }
    let mut subsets = Vec::new();
    if !subset.is_empty() {
        let mut ports = ports(service, pods);
        for port in &mut ports {
            if let Value::Object(port) = port
                && port.get("name").is_some_and(|name| name == "")
            {
                port.remove("name");
            }
        }
        if !ports.is_empty() {
            subset.insert("ports".into(), Value::Array(ports));
        }
        subsets.push(Value::Object(subset));
    }
    let subsets = Value::Array(subsets);
    let (namespace, name) = (meta(service, "namespace"), meta(service, "name"));
    match cache.get(Kind::Endpoints, namespace, name) {
        None => {
            let mut labels = own_labels(service);
            labels.insert(
                "endpoints.kubernetes.io/managed-by".into(),
                "endpoint-controller".into(),
            );
            works.push(Work::Create(
                Kind::Endpoints,
                json!({"apiVersion": "v1", "kind": "Endpoints",
                    "metadata": {"name": name, "namespace": namespace, "labels": labels},
                    "subsets": subsets}),
            ));
        }
        Some(known) => {
            let own = known.get("subsets").filter(|s| !s.is_null());
            let same = own.map_or(subsets == json!([]), |own| *own == subsets);
            if !same {
                let id = Id::of(Kind::Endpoints, &known);
                works.push(Work::Patch(id, json!({"subsets": subsets})));
            }
        }
    }
}
