//! Makes Deployments healthy, after a while: as much of a cluster as the waves wait for.

use crate::dice::Dice;
use argosy_kube::Client;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, PatchBody, Resource, WatchEvent, WatchOptions, WriteOptions};
use futures_util::StreamExt as _;
use std::time::Duration;

pub fn deployments() -> Resource {
    Resource::new(Gvk::new("apps", "v1", "Deployment"), "deployments", true)
}

/// Watches a cluster for as long as the run lasts.
pub async fn run(cluster: Client, mut dice: Dice) {
    loop {
        let options = WatchOptions::default();
        let Ok(mut events) = cluster.watch(&deployments(), &options).await else {
            return;
        };
        while let Some(event) = events.next().await {
            if let Ok(WatchEvent::Added(object) | WatchEvent::Modified(object)) = event
                && !is_observed(&object)
            {
                let wait = Duration::from_millis(dice.below(8000));
                tokio::spawn(observe(cluster.clone(), object, wait));
            }
        }
    }
}

fn is_observed(object: &Object) -> bool {
    let number = |pointer| object.pointer(pointer).and_then(Value::as_i64);
    number("/status/observedGeneration") == number("/metadata/generation")
}

async fn observe(cluster: Client, object: Object, wait: Duration) {
    tokio::time::sleep(wait).await;
    let generation = object.pointer("/metadata/generation").cloned();
    let status = json!({"status": {
        "observedGeneration": generation, "replicas": 1, "updatedReplicas": 1,
        "readyReplicas": 1, "availableReplicas": 1,
        "conditions": [{"type": "Available", "status": "True", "reason": "Ready", "message": ""}],
    }});
    let options = WriteOptions {
        subresource: Some("status".into()),
        ..WriteOptions::default()
    };
    // Gone, or changed meanwhile: the next event tells.
    let _ = cluster
        .patch(
            &deployments(),
            object.namespace(),
            object.name(),
            &PatchBody::Merge(status),
            &options,
        )
        .await;
}
