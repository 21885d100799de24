//! What people write into the hub.

use crate::model::{self, app_name, cluster_of};
use crate::repository::URL;
use argosy_kube::Client;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, DeleteOptions, PatchBody, Resource, WriteOptions};

pub fn applications() -> Resource {
    Resource::new(
        Gvk::new("argoproj.io", "v1alpha1", "Application"),
        "applications",
        true,
    )
}

/// Creates an application. The first tries for ever, the second as often as by default, the
/// third twice.
pub async fn create(hub: &Client, app: usize, is_manual: bool) {
    let retry = match app {
        0 => Some(json!({"limit": -1,
            "backoff": {"duration": "5s", "factor": 2, "maxDuration": "1m"}})),
        1 => None,
        _ => Some(json!({"limit": 2, "backoff": {"duration": "2s"}})),
    };
    let mut policy = json!({});
    if !is_manual {
        policy["automated"] = json!({"prune": true, "selfHeal": true});
    }
    if let Some(retry) = retry {
        policy["retry"] = retry;
    }
    let object = Object::from_trusted(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": app_name(app), "namespace": "argocd",
            "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
        "spec": {
            "project": "default",
            "source": {"repoURL": URL, "targetRevision": "main",
                "path": format!("apps/{}", app_name(app))},
            "destination": {"server": model::server(cluster_of(app)), "namespace": "default"},
            "syncPolicy": policy,
        },
    }));
    let options = WriteOptions::default();
    hub.create(&applications(), &object, &options)
        .await
        .unwrap();
}

/// Creates an application that only looks: the first one's objects, on the first one's cluster.
pub async fn look_on(hub: &Client, at: usize) {
    let object = Object::from_trusted(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("x{at}"), "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": URL, "targetRevision": "main", "path": "apps/a0"},
            "destination": {"server": model::server(0), "namespace": "default"},
        },
    }));
    let options = WriteOptions::default();
    hub.create(&applications(), &object, &options)
        .await
        .unwrap();
}

pub async fn delete(hub: &Client, app: usize) {
    let options = DeleteOptions::default();
    hub.delete(&applications(), Some("argocd"), &app_name(app), &options)
        .await
        .unwrap();
}

async fn get(hub: &Client, app: usize) -> Option<Object> {
    hub.get(&applications(), Some("argocd"), &app_name(app))
        .await
        .unwrap()
}

async fn patch(hub: &Client, app: usize, patch: Value) {
    let options = WriteOptions::default();
    let patch = PatchBody::Merge(patch);
    hub.patch(
        &applications(),
        Some("argocd"),
        &app_name(app),
        &patch,
        &options,
    )
    .await
    .unwrap();
}

/// Writes an `operation`, where none is there or under way, as the real CLI holds it.
pub async fn ask(hub: &Client, app: usize, author: &str, revision: &str) -> bool {
    let Some(application) = get(hub, app).await else {
        return false;
    };
    let is_busy = application.pointer("/operation").is_some() || phase(&application) == "Running";
    if is_busy || phase(&application) == "Terminating" || application.is_deleting() {
        return false;
    }
    let operation = json!({"operation": {
        "initiatedBy": {"username": author},
        "retry": {"limit": 2, "backoff": {"duration": "2s"}},
        "sync": {"prune": true, "revision": revision},
    }});
    patch(hub, app, operation).await;
    true
}

/// Ends the operation that is under way, as the real CLI does.
pub async fn terminate(hub: &Client, app: usize) -> bool {
    let Some(application) = get(hub, app).await else {
        return false;
    };
    if phase(&application) != "Running" || application.is_deleting() {
        return false;
    }
    let state = json!({"status": {"operationState": {"phase": "Terminating"}}});
    patch(hub, app, state).await;
    true
}

fn phase(application: &Object) -> &str {
    let phase = application.pointer("/status/operationState/phase");
    phase.and_then(Value::as_str).unwrap_or_default()
}
