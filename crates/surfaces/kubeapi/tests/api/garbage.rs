//! Owners, dependents and namespaces.

use crate::client::*;
use serde_json::{Value, json};

fn owned(name: &str, owners: &[(&Value, bool)]) -> Value {
    let references: Vec<Value> = owners
        .iter()
        .map(|(owner, blocks)| {
            json!({"apiVersion": "v1", "kind": "ConfigMap", "name": owner["metadata"]["name"],
                "uid": owner["metadata"]["uid"], "blockOwnerDeletion": blocks})
        })
        .collect();
    let mut body = config(name, json!({}));
    body["metadata"]["ownerReferences"] = references.into();
    body
}

async fn exists(api: &Api, name: &str) -> bool {
    api.get(&format!("{CONFIGS}/{name}")).await.code == 200
}

#[tokio::test]
async fn background_delete_takes_dependents_down_the_line() {
    let api = Api::start().await;
    let root = api.made(CONFIGS, &config("root", json!({}))).await;
    let child = api.made(CONFIGS, &owned("child", &[(&root, false)])).await;
    api.made(CONFIGS, &owned("grandchild", &[(&child, false)]))
        .await;
    api.delete(&format!("{CONFIGS}/root")).await;
    api.server.settle().await;
    assert!(!exists(&api, "child").await && !exists(&api, "grandchild").await);
}

#[tokio::test]
async fn second_owner_keeps_the_dependent() {
    let api = Api::start().await;
    let one = api.made(CONFIGS, &config("one", json!({}))).await;
    let two = api.made(CONFIGS, &config("two", json!({}))).await;
    api.made(CONFIGS, &owned("child", &[(&one, false), (&two, false)]))
        .await;
    api.delete(&format!("{CONFIGS}/one")).await;
    api.server.settle().await;
    let child = api.get(&format!("{CONFIGS}/child")).await.body;
    let references = child["metadata"]["ownerReferences"].as_array().unwrap();
    assert_eq!(references.len(), 1);
    assert_eq!(references[0]["name"], "two");
}

#[tokio::test]
async fn orphans_lose_their_reference() {
    let api = Api::start().await;
    let root = api.made(CONFIGS, &config("root", json!({}))).await;
    api.made(CONFIGS, &owned("child", &[(&root, false)])).await;
    api.delete(&format!("{CONFIGS}/root?propagationPolicy=Orphan"))
        .await;
    api.server.settle().await;
    assert!(!exists(&api, "root").await);
    let child = api.get(&format!("{CONFIGS}/child")).await.body;
    assert_eq!(child["metadata"].get("ownerReferences"), None);
}

#[tokio::test]
async fn foreground_waits_for_blocking_dependents() {
    let api = Api::start().await;
    let root = api.made(CONFIGS, &config("root", json!({}))).await;
    let mut child = owned("child", &[(&root, true)]);
    child["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.made(CONFIGS, &child).await;
    let marked = api
        .delete(&format!("{CONFIGS}/root?propagationPolicy=Foreground"))
        .await;
    assert_eq!(
        marked.body["metadata"]["finalizers"],
        json!(["foregroundDeletion"])
    );
    api.server.settle().await;
    assert!(exists(&api, "root").await && exists(&api, "child").await);
    let free = json!({"metadata": {"finalizers": null}});
    api.patch(&format!("{CONFIGS}/child"), "merge-patch+json", &free)
        .await;
    api.server.settle().await;
    assert!(!exists(&api, "root").await && !exists(&api, "child").await);
}

#[tokio::test]
async fn absent_owner_means_deletion_and_unknown_kind_does_not() {
    let api = Api::start().await;
    let ghost = json!({"metadata": {"name": "ghost", "uid": "no-such-uid"}});
    api.made(CONFIGS, &owned("child", &[(&ghost, false)])).await;
    let mut unknown = owned("kept", &[(&ghost, false)]);
    unknown["metadata"]["ownerReferences"][0]["apiVersion"] = "no.such/v1".into();
    api.made(CONFIGS, &unknown).await;
    api.server.settle().await;
    assert!(!exists(&api, "child").await);
    assert!(exists(&api, "kept").await);
}

#[tokio::test]
async fn namespace_goes_when_its_content_is_gone() {
    let api = Api::start().await;
    let namespace = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}});
    api.made("/api/v1/namespaces", &namespace).await;
    api.server.settle().await;
    let configs = "/api/v1/namespaces/shop/configmaps";
    let mut held = config("held", json!({}));
    held["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.made(configs, &held).await;
    let marked = api.delete("/api/v1/namespaces/shop").await;
    assert_eq!(marked.body["status"]["phase"], "Terminating");
    api.server.settle().await;
    let waiting = api.get("/api/v1/namespaces/shop").await.body;
    let conditions = waiting["status"]["conditions"].as_array().unwrap();
    let of = |kind: &str| conditions.iter().find(|c| c["type"] == kind).unwrap();
    assert_eq!(
        of("NamespaceFinalizersRemaining")["message"],
        "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource \
         instances"
    );
    let refused = api.post(configs, &config("new", json!({}))).await;
    assert_eq!(refused.code, 403);
    assert_eq!(
        refused.body["message"],
        "configmaps \"new\" is forbidden: unable to create new content in namespace shop because \
         it is being terminated"
    );
    let free = json!({"metadata": {"finalizers": null}});
    api.patch(&format!("{configs}/held"), "merge-patch+json", &free)
        .await;
    api.server.settle().await;
    assert_eq!(api.get("/api/v1/namespaces/shop").await.code, 404);
    assert_eq!(api.delete("/api/v1/namespaces/kube-system").await.code, 403);
}
