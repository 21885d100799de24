//! The nodes that are made where there are none.

use crate::options::Options;
use crate::tree::stamp;
use argosy_object::{Value, json};
use jiff::Timestamp;

/// The nodes to make, without status.
pub fn objects(options: &Options) -> Vec<Value> {
    (1..=options.nodes)
        .map(|number| {
            let name = format!("{}-{number}", options.node_prefix);
            json!({
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": name,
                    "labels": {
                        "beta.kubernetes.io/arch": "amd64",
                        "beta.kubernetes.io/os": "linux",
                        "kubernetes.io/arch": "amd64",
                        "kubernetes.io/hostname": name,
                        "kubernetes.io/os": "linux",
                    },
                    "annotations": {"simulate.argosy.dev/node": "true"},
                },
                "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"]},
            })
        })
        .collect()
}

/// The status of a node, ready and roomy.
pub fn status(name: &str, options: &Options, now: Timestamp) -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({"type": kind, "status": status, "reason": reason, "message": message,
            "lastHeartbeatTime": stamp(now), "lastTransitionTime": stamp(now)})
    };
    let room = json!({"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "1000"});
    json!({
        "addresses": [
            {"type": "InternalIP", "address": address(name)},
            {"type": "Hostname", "address": name},
        ],
        "allocatable": room,
        "capacity": room,
        "conditions": [
            condition("MemoryPressure", "False", "KubeletHasSufficientMemory",
                "kubelet has sufficient memory available"),
            condition("DiskPressure", "False", "KubeletHasNoDiskPressure",
                "kubelet has no disk pressure"),
            condition("PIDPressure", "False", "KubeletHasSufficientPID",
                "kubelet has sufficient PID available"),
            condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "architecture": "amd64",
            "bootID": "",
            "containerRuntimeVersion": "simulated://1",
            "kernelVersion": "6.0.0",
            "kubeProxyVersion": "",
            "kubeletVersion": options.kubelet_version,
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "Argosy simulator",
            "systemUUID": "",
        },
    })
}

/// The address of a node, from its number.
pub fn address(name: &str) -> String {
    let number: u32 = name
        .rsplit_once('-')
        .and_then(|(_, n)| n.parse().ok())
        .unwrap_or(1);
    let number = number % 65_000;
    format!("172.18.{}.{}", number / 250, number % 250 + 2)
}
