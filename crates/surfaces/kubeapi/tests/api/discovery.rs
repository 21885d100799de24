//! Discovery, OpenAPI, version and health.

use crate::client::*;
use serde_json::json;

#[tokio::test]
async fn both_forms_of_discovery_name_the_same_resources() {
    let api = Api::start().await;
    let old = api.get("/apis/apps/v1").await.body;
    assert_eq!(old["kind"], "APIResourceList");
    let names: Vec<&str> = old["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"deployments") && names.contains(&"deployments/scale"),
        "{names:?}"
    );
    let accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
                  application/json";
    let new = api.get_as("/apis", accept).await;
    assert_eq!(
        new.content_type,
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    );
    let apps = new.body["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|i| i["metadata"]["name"] == "apps");
    let resources = apps.unwrap()["versions"][0]["resources"]
        .as_array()
        .unwrap();
    assert!(resources.iter().any(|r| r["resource"] == "deployments"
        && r["responseKind"]["kind"] == "Deployment"
        && r["scope"] == "Namespaced"));
    let groups = api.get("/apis").await.body;
    let autoscaling = groups["groups"]
        .as_array()
        .unwrap()
        .iter()
        .find(|g| g["name"] == "autoscaling")
        .unwrap();
    assert_eq!(autoscaling["preferredVersion"]["version"], "v2");
    assert_eq!(api.get("/api").await.body["versions"], json!(["v1"]));
}

#[tokio::test]
async fn probes_and_version_answer() {
    let api = Api::start().await;
    for path in ["/healthz", "/livez", "/readyz"] {
        assert_eq!(api.get(path).await.text, "ok");
    }
    let version = api.get("/version").await.body;
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("36"))
    );
    assert_eq!(api.get("/no/such/path").await.code, 404);
    assert!(
        api.get("/").await.body["paths"]
            .as_array()
            .unwrap()
            .contains(&json!("/apis/apps/v1"))
    );
}

#[tokio::test]
async fn openapi_follows_custom_resources() {
    let api = Api::start().await;
    let index = api.get("/openapi/v3").await.body;
    let apps = index["paths"]["apis/apps/v1"]["serverRelativeURL"]
        .as_str()
        .unwrap();
    assert!(apps.starts_with("/openapi/v3/apis/apps/v1?hash="));
    let document = api.get(apps).await;
    assert_eq!(document.code, 200);
    assert!(document.body["components"]["schemas"]["io.k8s.api.apps.v1.Deployment"].is_object());
    let stale = api.get("/openapi/v3/apis/apps/v1?hash=OLD").await;
    assert_eq!(stale.code, 301);
    assert_eq!(api.get("/openapi/v3/apis/example.com/v1").await.code, 404);
    api.made(CRDS, &widgets()).await;
    assert_eq!(api.get("/openapi/v3/apis/example.com/v1").await.code, 200);
    let protobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
    let v2 = api.get_as("/openapi/v2", protobuf).await;
    // The answer's name has no `@`, which Go's client could not read.
    let said = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
    assert_eq!((v2.code, v2.content_type.as_str()), (200, said));
}
