//! Lists: selectors, pages, revisions, forms.

use crate::client::*;
use argosy_kubeapi::HistoryLimits;
use serde_json::{Value, json};

async fn fill(api: &Api, count: usize) {
    for index in 0..count {
        let mut body = config(&format!("c{index}"), json!({}));
        body["metadata"]["labels"] = json!({"n": index.to_string(), "app": "x"});
        api.made(CONFIGS, &body).await;
    }
}

fn names(list: &Value) -> Vec<&str> {
    list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| i["metadata"]["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn pages_show_one_moment() {
    let api = Api::start().await;
    fill(&api, 5).await;
    let path = format!("{CONFIGS}?limit=2");
    let first = api.get(&path).await.body;
    assert_eq!(names(&first), ["c0", "c1"]);
    assert_eq!(first["metadata"]["remainingItemCount"], 4);
    assert_eq!(first["kind"], "ConfigMapList");
    assert_eq!(first["items"][0].get("kind"), None);
    api.delete(&format!("{CONFIGS}/c2")).await;
    let token = first["metadata"]["continue"].as_str().unwrap();
    let second = api.get(&format!("{path}&continue={token}")).await.body;
    assert_eq!(names(&second), ["c2", "c3"]);
    assert_eq!(
        second["metadata"]["resourceVersion"],
        first["metadata"]["resourceVersion"]
    );
    let token = second["metadata"]["continue"].as_str().unwrap();
    let last = api.get(&format!("{path}&continue={token}")).await.body;
    assert_eq!(names(&last), ["c4", "kube-root-ca.crt"]);
    assert_eq!(last["metadata"].get("continue"), None);
}

#[tokio::test]
async fn expired_page_offers_to_go_on() {
    let api = Api::with_limits(HistoryLimits {
        events: 4,
        bytes: 1 << 20,
    })
    .await;
    fill(&api, 4).await;
    let first = api.get(&format!("{CONFIGS}?limit=1")).await.body;
    for index in 0..5 {
        let patch = json!({"data": {"x": index.to_string()}});
        api.patch(&format!("{CONFIGS}/c0"), "merge-patch+json", &patch)
            .await;
    }
    let token = first["metadata"]["continue"].as_str().unwrap();
    let expired = api
        .get(&format!("{CONFIGS}?limit=1&continue={token}"))
        .await;
    assert_eq!(
        (expired.code, expired.body["reason"].as_str().unwrap()),
        (410, "Expired")
    );
    let token = expired.body["metadata"]["continue"].as_str().unwrap();
    let rest = api.get(&format!("{CONFIGS}?continue={token}")).await.body;
    assert_eq!(names(&rest), ["c1", "c2", "c3", "kube-root-ca.crt"]);
    let exact = "resourceVersion=2&resourceVersionMatch=Exact";
    assert_eq!(api.get(&format!("{CONFIGS}?{exact}")).await.code, 410);
}

#[tokio::test]
async fn selectors_choose() {
    let api = Api::start().await;
    fill(&api, 5).await;
    let chosen = api
        .get(&format!("{CONFIGS}?labelSelector=n+in+(1,3),app%3Dx"))
        .await
        .body;
    assert_eq!(names(&chosen), ["c1", "c3"]);
    let limited = api
        .get(&format!("{CONFIGS}?labelSelector=n+notin+(0,1)&limit=2"))
        .await
        .body;
    assert_eq!(names(&limited), ["c2", "c3"]);
    assert_eq!(limited["metadata"].get("remainingItemCount"), None);
    let named = api
        .get("/api/v1/configmaps?fieldSelector=metadata.name%3Dc2")
        .await
        .body;
    assert_eq!(names(&named), ["c2"]);
    let unknown = api
        .get(&format!("{CONFIGS}?fieldSelector=data.x%3D1"))
        .await;
    assert_eq!(unknown.code, 400);
    assert!(
        unknown.text.contains("is not a known field selector"),
        "{}",
        unknown.text
    );
    assert_eq!(
        api.get(&format!("{CONFIGS}?labelSelector=a%3Db%3D%3Dc"))
            .await
            .code,
        400
    );
}

#[tokio::test]
async fn revisions_are_matched() {
    let api = Api::start().await;
    fill(&api, 2).await;
    let then = api.get(CONFIGS).await.body["metadata"]["resourceVersion"].clone();
    let then = then.as_str().unwrap();
    api.delete(&format!("{CONFIGS}/c0")).await;
    let exact = format!("{CONFIGS}?resourceVersion={then}&resourceVersionMatch=Exact");
    assert_eq!(
        names(&api.get(&exact).await.body),
        ["c0", "c1", "kube-root-ca.crt"]
    );
    let fresh = format!("{CONFIGS}?resourceVersion={then}&resourceVersionMatch=NotOlderThan");
    assert_eq!(
        names(&api.get(&fresh).await.body),
        ["c1", "kube-root-ca.crt"]
    );
    let future = api.get(&format!("{CONFIGS}?resourceVersion=999999")).await;
    assert_eq!(future.code, 504);
    assert!(future.text.contains("Too large resource version: 999999"));
    let unpaired = api
        .get(&format!("{CONFIGS}?resourceVersionMatch=Exact"))
        .await;
    assert_eq!(unpaired.code, 422);
}

#[tokio::test]
async fn tables_and_metadata_are_negotiated() {
    let api = Api::start().await;
    fill(&api, 1).await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let table = api.get_as(CONFIGS, accept).await.body;
    assert_eq!(table["kind"], "Table");
    assert_eq!(table["columnDefinitions"][0]["name"], "Name");
    assert_eq!(table["rows"][0]["cells"][0], "c0");
    assert_eq!(table["rows"][0]["object"]["kind"], "PartialObjectMetadata");
    let bare = api
        .get_as(&format!("{CONFIGS}?includeObject=None"), accept)
        .await
        .body;
    assert_eq!(bare["rows"][0].get("object"), Some(&Value::Null));
    let partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let list = api.get_as(CONFIGS, partial).await.body;
    assert_eq!(list["kind"], "PartialObjectMetadataList");
    assert_eq!(list["items"][0].get("data"), None);
    let one = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io";
    let one = api.get_as(&format!("{CONFIGS}/c0"), one).await.body;
    assert_eq!(one["kind"], "PartialObjectMetadata");
}

#[tokio::test]
async fn collection_is_deleted_by_selector() {
    let api = Api::start().await;
    fill(&api, 3).await;
    let gone = api
        .delete(&format!("{CONFIGS}?labelSelector=n+in+(0,2)"))
        .await
        .body;
    assert_eq!(names(&gone), ["c0", "c2"]);
    assert_eq!(
        names(&api.get(CONFIGS).await.body),
        ["c1", "kube-root-ca.crt"]
    );
}
