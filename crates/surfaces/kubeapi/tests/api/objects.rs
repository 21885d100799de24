//! One object's life: create, read, update, delete, and what is refused.

use crate::client::*;
use serde_json::{Value, json};

#[tokio::test]
async fn cluster_starts_with_its_namespaces_and_service() {
    let api = Api::start().await;
    for name in ["default", "kube-system", "kube-public", "kube-node-lease"] {
        let namespace = api.get(&format!("/api/v1/namespaces/{name}")).await;
        assert_eq!(namespace.body["status"]["phase"], "Active");
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        assert_eq!(api.get(&account).await.code, 200);
        let root = format!("/api/v1/namespaces/{name}/configmaps/kube-root-ca.crt");
        assert_eq!(api.get(&root).await.code, 200);
    }
    let service = api
        .get("/api/v1/namespaces/default/services/kubernetes")
        .await;
    assert_eq!(service.body["spec"]["clusterIP"], "10.96.0.1");
}

#[tokio::test]
async fn create_fills_metadata_and_conflicts_on_the_second() {
    let api = Api::start().await;
    let made = api.made(CONFIGS, &config("a", json!({"x": "y"}))).await;
    let meta = &made["metadata"];
    assert_eq!(meta["uid"].as_str().unwrap().len(), 36);
    assert!(meta["creationTimestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!(meta["namespace"], "default");
    assert!(meta.get("generation").is_none());
    let again = api.post(CONFIGS, &config("a", json!({}))).await;
    assert_eq!(again.code, 409);
    assert_eq!(again.body["message"], "configmaps \"a\" already exists");
    assert_eq!(again.body["reason"], "AlreadyExists");
    assert_eq!(
        again.body["details"],
        json!({"name": "a", "kind": "configmaps"})
    );
}

#[tokio::test]
async fn generated_names_differ() {
    let api = Api::start().await;
    let body = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "g-"}});
    let (one, two) = (
        api.made(CONFIGS, &body).await,
        api.made(CONFIGS, &body).await,
    );
    let name = one["metadata"]["name"].as_str().unwrap();
    assert!(name.starts_with("g-") && name.len() == 7, "{name}");
    assert_ne!(one["metadata"]["name"], two["metadata"]["name"]);
    assert_eq!(one["metadata"]["generateName"], "g-");
}

#[tokio::test]
async fn update_needs_the_latest_version_and_a_no_op_keeps_it() {
    let api = Api::start().await;
    let made = api.made(CONFIGS, &config("a", json!({"x": "1"}))).await;
    let path = format!("{CONFIGS}/a");
    let same = api.put(&path, &made).await;
    assert_eq!(
        same.body["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    let mut changed = made.clone();
    changed["data"]["x"] = "2".into();
    let updated = api.put(&path, &changed).await;
    assert_eq!(updated.code, 200);
    assert_ne!(
        updated.body["metadata"]["resourceVersion"],
        made["metadata"]["resourceVersion"]
    );
    changed["data"]["x"] = "3".into();
    let stale = api.put(&path, &changed).await;
    assert_eq!(stale.code, 409);
    assert_eq!(
        stale.body["message"],
        "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; please \
         apply your changes to the latest version and try again"
    );
    let blind = api.put(&path, &config("a", json!({"x": "4"}))).await;
    assert_eq!((blind.code, &blind.body["data"]["x"]), (200, &json!("4")));
}

#[tokio::test]
async fn wrong_places_are_told_apart() {
    let api = Api::start().await;
    api.made(CONFIGS, &config("a", json!({}))).await;
    let missing = api.get(&format!("{CONFIGS}/b")).await;
    assert_eq!(
        (missing.code, missing.body["message"].as_str().unwrap()),
        (404, "configmaps \"b\" not found")
    );
    let unknown = api.get("/api/v1/namespaces/default/foos").await;
    assert_eq!(unknown.code, 404);
    assert_eq!(
        unknown.body["message"],
        "the server could not find the requested resource"
    );
    assert_eq!(
        api.get("/apis/no.such/v1/foos").await.text,
        "404 page not found\n"
    );
    let method = api
        .post(&format!("{CONFIGS}/a"), &config("a", json!({})))
        .await;
    assert_eq!(method.code, 405);
    assert_eq!(
        method.body["message"],
        "the server does not allow this method on the requested resource"
    );
    let elsewhere = api
        .post(
            "/api/v1/namespaces/nowhere/configmaps",
            &config("a", json!({})),
        )
        .await;
    assert_eq!(
        (elsewhere.code, elsewhere.body["message"].as_str().unwrap()),
        (404, "namespaces \"nowhere\" not found")
    );
    let mut moved = config("c", json!({}));
    moved["metadata"]["namespace"] = "kube-system".into();
    let moved = api.post(CONFIGS, &moved).await;
    assert_eq!(moved.code, 400);
    assert_eq!(
        moved.body["message"],
        "the namespace of the provided object does not match the namespace sent on the request"
    );
    let renamed = api
        .put(&format!("{CONFIGS}/a"), &config("b", json!({})))
        .await;
    assert_eq!(
        renamed.body["message"],
        "the name of the object (b) does not match the name on the URL (a)"
    );
}

#[tokio::test]
async fn broken_bodies_are_refused_with_their_reason() {
    let api = Api::start().await;
    let json_type = [("content-type", "application/json")];
    let broken = api.call("POST", CONFIGS, &json_type, "{\"a\":").await;
    assert_eq!(broken.code, 400);
    assert!(
        broken
            .text
            .contains("the object provided is unrecognized (must be of type ConfigMap)")
    );
    assert_eq!(api.call("POST", CONFIGS, &json_type, "[1]").await.code, 400);
    let media = api
        .call("POST", CONFIGS, &[("content-type", "text/plain")], "x")
        .await;
    assert_eq!(
        (media.code, media.body["reason"].as_str().unwrap()),
        (415, "UnsupportedMediaType")
    );
    let large = "x".repeat(4 << 20);
    let large = api.call("POST", CONFIGS, &json_type, large).await;
    assert_eq!(
        (large.code, large.body["reason"].as_str().unwrap()),
        (413, "RequestEntityTooLarge")
    );
    let kind = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}});
    assert_eq!(api.post(CONFIGS, &kind).await.code, 400);
    let version = json!({"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "a"}});
    assert_eq!(
        api.post(CONFIGS, &version).await.body["message"],
        "ConfigMap in version \"v2\" cannot be handled as a ConfigMap: no kind \"ConfigMap\" is \
         registered for version \"v2\" in scheme \"pkg/runtime/scheme.go:111\""
    );
    let name = api.post(CONFIGS, &config("Bad_Name", json!({}))).await;
    assert_eq!(
        (name.code, name.body["reason"].as_str().unwrap()),
        (422, "Invalid")
    );
    assert!(
        name.text
            .contains("metadata.name: Invalid value: \\\"Bad_Name\\\""),
        "{}",
        name.text
    );
    let deep = "[".repeat(200_000);
    assert_eq!(api.call("POST", CONFIGS, &json_type, deep).await.code, 400);
    let accept = api
        .get_as(CONFIGS, "application/vnd.kubernetes.protobuf")
        .await;
    assert_eq!(accept.code, 406);
}

#[tokio::test]
async fn dry_run_stores_nothing() {
    let api = Api::start().await;
    let made = api
        .post(&format!("{CONFIGS}?dryRun=All"), &config("a", json!({})))
        .await;
    assert_eq!(made.code, 201);
    assert!(made.body["metadata"]["uid"].is_string());
    assert_eq!(api.get(&format!("{CONFIGS}/a")).await.code, 404);
    api.made(CONFIGS, &config("a", json!({"x": "1"}))).await;
    let path = format!("{CONFIGS}/a?dryRun=All");
    let patched = api
        .patch(&path, "merge-patch+json", &json!({"data": {"x": "2"}}))
        .await;
    assert_eq!(patched.body["data"]["x"], "2");
    assert_eq!(api.delete(&path).await.code, 200);
    assert_eq!(
        api.get(&format!("{CONFIGS}/a")).await.body["data"]["x"],
        "1"
    );
    let wrong = api
        .post(&format!("{CONFIGS}?dryRun=some"), &config("b", json!({})))
        .await;
    assert_eq!(wrong.code, 422);
}

#[tokio::test]
async fn unknown_and_double_fields_follow_field_validation() {
    let api = Api::start().await;
    let body = r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},
        "data":{"k":"1","k":"2"},"foo":1}"#;
    let json_type = [("content-type", "application/json")];
    let strict = format!("{CONFIGS}?fieldValidation=Strict");
    let refused = api.call("POST", &strict, &json_type, body).await;
    assert_eq!(
        refused.body["message"],
        "ConfigMap in version \"v1\" cannot be handled as a ConfigMap: strict decoding error: \
         duplicate field \"data.k\", unknown field \"foo\""
    );
    let warned = api.call("POST", CONFIGS, &json_type, body).await;
    assert_eq!(warned.code, 201);
    assert_eq!(
        warned.warnings,
        [
            "299 - \"duplicate field \\\"data.k\\\"\"",
            "299 - \"unknown field \\\"foo\\\"\""
        ]
    );
    assert_eq!(warned.body.get("foo"), None);
    let ignored = format!("{CONFIGS}/a?fieldValidation=Ignore");
    assert!(
        api.call("PUT", &ignored, &json_type, body)
            .await
            .warnings
            .is_empty()
    );
}

#[tokio::test]
async fn finalizer_holds_the_object_until_it_is_taken_off() {
    let api = Api::start().await;
    let mut body = config("a", json!({}));
    body["metadata"]["finalizers"] = json!(["example.com/hold"]);
    api.made(CONFIGS, &body).await;
    let path = format!("{CONFIGS}/a");
    let marked = api.delete(&path).await;
    assert_eq!(marked.code, 200);
    assert!(marked.body["metadata"]["deletionTimestamp"].is_string());
    assert_eq!(marked.body["metadata"]["deletionGracePeriodSeconds"], 0);
    let added = api
        .patch(
            &path,
            "merge-patch+json",
            &json!({"metadata": {"finalizers": ["x.io/new"]}}),
        )
        .await;
    assert_eq!(added.code, 422);
    assert!(
        added
            .text
            .contains("no new finalizers can be added if the object is being deleted")
    );
    let freed = api
        .patch(
            &path,
            "merge-patch+json",
            &json!({"metadata": {"finalizers": null}}),
        )
        .await;
    assert_eq!(freed.code, 200);
    assert_eq!(api.get(&path).await.code, 404);
}

#[tokio::test]
async fn delete_answers_a_status_and_checks_preconditions() {
    let api = Api::start().await;
    let made = api.made(CONFIGS, &config("a", json!({}))).await;
    let path = format!("{CONFIGS}/a");
    let options = json!({"preconditions": {"uid": "other"}}).to_string();
    let refused = api
        .call(
            "DELETE",
            &path,
            &[("content-type", "application/json")],
            options,
        )
        .await;
    assert_eq!(refused.code, 409);
    let gone = api.delete(&path).await;
    assert_eq!(gone.body["status"], "Success");
    assert_eq!(
        gone.body["details"],
        json!({"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]})
    );
    assert_eq!(api.delete(&path).await.code, 404);
}

#[tokio::test]
async fn status_and_specification_are_written_apart() {
    let api = Api::start().await;
    let path = "/apis/apps/v1/namespaces/default/deployments";
    let body = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "c", "image": "nginx"}]}}},
        "status": {"replicas": 9}});
    let made = api.made(path, &body).await;
    assert_eq!(made["spec"]["replicas"], 1);
    assert_eq!(made["metadata"]["generation"], 1);
    assert_eq!(made["status"].get("replicas"), None);
    let one = format!("{path}/web");
    let merge = "merge-patch+json";
    let status = api
        .patch(
            &format!("{one}/status"),
            merge,
            &json!({"spec": {"replicas": 7},
            "status": {"replicas": 3}}),
        )
        .await;
    assert_eq!(status.body["status"]["replicas"], 3, "{}", status.text);
    assert_eq!(status.body["spec"]["replicas"], 1);
    assert_eq!(status.body["metadata"]["generation"], 1);
    let spec = api
        .patch(
            &one,
            merge,
            &json!({"spec": {"replicas": 7}, "status": {"replicas": 8}}),
        )
        .await;
    assert_eq!(spec.body["spec"]["replicas"], 7);
    assert_eq!(spec.body["status"]["replicas"], 3);
    assert_eq!(spec.body["metadata"]["generation"], 2);
    let scale = api.get(&format!("{one}/scale")).await;
    assert_eq!(scale.body["kind"], "Scale");
    assert_eq!(scale.body["spec"]["replicas"], 7);
    assert_eq!(
        scale.body["status"],
        json!({"replicas": 3, "selector": "app=web"})
    );
    let scaled = api
        .patch(
            &format!("{one}/scale"),
            merge,
            &json!({"spec": {"replicas": 2}}),
        )
        .await;
    assert_eq!(scaled.body["spec"]["replicas"], 2);
    assert_eq!(api.get(&one).await.body["spec"]["replicas"], 2);
}

#[tokio::test]
async fn events_are_the_same_objects_in_both_groups() {
    let api = Api::start().await;
    let event = json!({"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"},
        "involvedObject": {"kind": "Pod", "name": "p", "namespace": "default"},
        "reason": "Because", "message": "m", "type": "Normal"});
    api.made("/api/v1/namespaces/default/events", &event).await;
    let path = "/apis/events.k8s.io/v1/namespaces/default/events/e";
    let seen = api.get(path).await.body;
    assert_eq!(seen["note"], "m");
    assert_eq!(seen["regarding"]["name"], "p");
    assert_eq!(seen["apiVersion"], "events.k8s.io/v1");
    let selector = "/api/v1/events?fieldSelector=involvedObject.name%3Dp,type%3DNormal";
    assert_eq!(
        api.get(selector).await.body["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn logs_of_a_pod_are_one_clear_sentence() {
    let api = Api::start().await;
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    api.made("/api/v1/namespaces/default/pods", &pod).await;
    let logs = api.get("/api/v1/namespaces/default/pods/p/log").await;
    assert_eq!(logs.code, 501);
    assert_eq!(
        logs.body["message"],
        "pod \"p\" is simulated: no container runs behind it, so it has no logs"
    );
    assert_eq!(
        api.get("/api/v1/namespaces/default/pods/q/log").await.code,
        404
    );
    let exec = api
        .call(
            "POST",
            "/api/v1/namespaces/default/pods/p/exec?command=ls",
            &[],
            "",
        )
        .await;
    assert_eq!(exec.code, 501);
}

#[tokio::test]
async fn custom_resources_follow_their_definition() {
    let api = Api::start().await;
    assert_eq!(api.get("/apis/example.com/v1").await.code, 404);
    let crd = api.made(CRDS, &widgets()).await;
    let conditions: Vec<&Value> = crd["status"]["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .collect();
    assert!(
        conditions.iter().all(|c| c["status"] == "True"),
        "{conditions:?}"
    );
    assert_eq!(crd["spec"]["names"]["listKind"], "WidgetList");
    let list = api.get("/apis/example.com/v1").await;
    assert_eq!(list.body["resources"][0]["shortNames"], json!(["wd"]));
    let made = api.made(WIDGETS, &widget("w")).await;
    assert_eq!(made["spec"]["size"], "small");
    assert_eq!(made["metadata"]["generation"], 1);
    let path = format!("{WIDGETS}/w");
    let strategic = api
        .patch(&path, "strategic-merge-patch+json", &json!({}))
        .await;
    assert_eq!(strategic.code, 415);
    let unversioned = api.put(&path, &widget("w")).await;
    assert_eq!(unversioned.code, 422);
    assert!(
        unversioned
            .text
            .contains("Invalid value: 0: must be specified for an update")
    );
    let table = api
        .get_as(WIDGETS, "application/json;as=Table;v=v1;g=meta.k8s.io")
        .await
        .body;
    assert_eq!(table["columnDefinitions"][1]["name"], "Size");
    assert_eq!(table["rows"][0]["cells"][1], "small");
    // The definition takes its objects with it.
    api.delete(&format!("{CRDS}/widgets.example.com")).await;
    api.server.settle().await;
    assert_eq!(
        api.get(&format!("{CRDS}/widgets.example.com")).await.code,
        404
    );
    assert_eq!(api.get("/apis/example.com/v1").await.code, 404);
    api.made(CRDS, &widgets()).await;
    assert_eq!(api.get(&path).await.code, 404);
}
