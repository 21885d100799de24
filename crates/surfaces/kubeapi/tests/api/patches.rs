//! The four kinds of patches.

use crate::client::*;
use serde_json::json;

#[tokio::test]
async fn json_patch_tests_before_it_changes() {
    let api = Api::start().await;
    api.made(CONFIGS, &config("a", json!({"x": "1"}))).await;
    let path = format!("{CONFIGS}/a");
    let wrong = json!([{"op": "test", "path": "/data/x", "value": "2"}]);
    let refused = api.patch(&path, "json-patch+json", &wrong).await;
    assert_eq!(refused.code, 422, "{}", refused.text);
    let good = json!([{"op": "test", "path": "/data/x", "value": "1"},
        {"op": "replace", "path": "/data/x", "value": "2"}]);
    assert_eq!(
        api.patch(&path, "json-patch+json", &good).await.body["data"]["x"],
        "2"
    );
}

#[tokio::test]
async fn strategic_patch_merges_containers_by_name() {
    let api = Api::start().await;
    let path = "/api/v1/namespaces/default/podtemplates";
    let body = json!({"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "t"},
        "template": {"spec": {"containers": [{"name": "a", "image": "a:1"},
            {"name": "b", "image": "b:1"}]}}});
    api.made(path, &body).await;
    let patch = json!({"template": {"spec": {"containers": [{"name": "b", "image": "b:2"}]}}});
    let patched = api
        .patch(&format!("{path}/t"), "strategic-merge-patch+json", &patch)
        .await;
    let containers = patched.body["template"]["spec"]["containers"]
        .as_array()
        .unwrap();
    assert_eq!(
        (&containers[0]["image"], &containers[1]["image"]),
        (&json!("a:1"), &json!("b:2"))
    );
}

#[tokio::test]
async fn patch_may_not_rename_or_rush() {
    let api = Api::start().await;
    api.made(CONFIGS, &config("a", json!({}))).await;
    let path = format!("{CONFIGS}/a");
    let merge = "merge-patch+json";
    let renamed = api
        .patch(&path, merge, &json!({"metadata": {"name": "b"}}))
        .await;
    assert_eq!(renamed.code, 400);
    let stale = json!({"metadata": {"resourceVersion": "1"}, "data": {"x": "y"}});
    assert_eq!(api.patch(&path, merge, &stale).await.code, 409);
    let media = api.patch(&path, "json", &json!({})).await;
    assert_eq!(media.code, 415);
    assert_eq!(media.body["message"], "415: Unsupported Media Type");
    assert_eq!(
        api.patch(&format!("{CONFIGS}/no"), merge, &json!({}))
            .await
            .code,
        404
    );
}

#[tokio::test]
async fn racing_patches_all_land() {
    let api = std::sync::Arc::new(Api::start().await);
    api.made(CONFIGS, &config("a", json!({}))).await;
    let mut tasks = Vec::new();
    for index in 0..20 {
        let api = api.clone();
        tasks.push(tokio::spawn(async move {
            let patch = json!({"data": {format!("k{index}"): "v"}});
            api.patch(&format!("{CONFIGS}/a"), "merge-patch+json", &patch)
                .await
                .code
        }));
    }
    for task in tasks {
        assert_eq!(task.await.unwrap(), 200);
    }
    let data = api.get(&format!("{CONFIGS}/a")).await.body["data"].clone();
    assert_eq!(data.as_object().unwrap().len(), 20);
}

#[tokio::test]
async fn apply_creates_owns_and_conflicts() {
    let api = Api::start().await;
    let apply = |manager: &str, x: &str| {
        let path = format!("{CONFIGS}/a?fieldManager={manager}");
        let body = config("a", json!({"x": x}));
        (path, body)
    };
    let (path, body) = apply("one", "1");
    let unnamed = api
        .patch(&format!("{CONFIGS}/a"), "apply-patch+yaml", &body)
        .await;
    assert_eq!(unnamed.code, 422);
    assert!(
        unnamed
            .text
            .contains("fieldManager: Required value: is required for apply patch")
    );
    let made = api.patch(&path, "apply-patch+yaml", &body).await;
    assert_eq!(made.code, 201, "{}", made.text);
    let managed = &made.body["metadata"]["managedFields"][0];
    assert_eq!(
        (&managed["manager"], &managed["operation"]),
        (&json!("one"), &json!("Apply"))
    );
    let again = api.patch(&path, "apply-patch+yaml", &body).await;
    assert_eq!(again.code, 200);
    assert_eq!(
        again.body["metadata"]["resourceVersion"],
        made.body["metadata"]["resourceVersion"]
    );
    let (path, body) = apply("two", "2");
    let refused = api.patch(&path, "apply-patch+yaml", &body).await;
    assert_eq!(refused.code, 409, "{}", refused.text);
    assert_eq!(refused.body["details"]["causes"][0]["field"], ".data.x");
    let forced = api
        .patch(&format!("{path}&force=true"), "apply-patch+yaml", &body)
        .await;
    assert_eq!(forced.body["data"]["x"], "2");
}

#[tokio::test]
async fn updates_record_their_manager() {
    let api = Api::start().await;
    let path = format!("{CONFIGS}?fieldManager=tester");
    let made = api.made(&path, &config("a", json!({"x": "1"}))).await;
    let managed = &made["metadata"]["managedFields"][0];
    assert_eq!(managed["manager"], "tester");
    assert_eq!(managed["fieldsV1"]["f:data"]["f:x"], json!({}));
}
