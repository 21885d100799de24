//! Watches.

use crate::client::*;
use argosy_kubeapi::HistoryLimits;
use argosy_ports::{Body, empty_body};
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::time::Duration;

struct Events {
    body: Body,
    ready: VecDeque<Value>,
}

impl Events {
    async fn open(api: &Api, path: &str) -> Self {
        let request = Request::builder().uri(path).body(empty_body()).unwrap();
        let response = api.send(request).await;
        assert_eq!(response.status(), 200);
        Self {
            body: response.into_body(),
            ready: VecDeque::new(),
        }
    }

    /// The next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Value> {
        while self.ready.is_empty() {
            let frame = tokio::time::timeout(Duration::from_secs(10), self.body.frame());
            let bytes = frame
                .await
                .expect("an event in time")?
                .unwrap()
                .into_data()
                .unwrap();
            for line in bytes
                .split(|byte| *byte == b'\n')
                .filter(|line| !line.is_empty())
            {
                self.ready.push_back(serde_json::from_slice(line).unwrap());
            }
        }
        self.ready.pop_front()
    }

    async fn brief(&mut self) -> String {
        let event = self.next().await.expect("an event");
        let name = event["object"]["metadata"]["name"]
            .as_str()
            .unwrap_or_default();
        format!("{} {name}", event["type"].as_str().unwrap())
    }
}

fn version(value: &Value) -> &str {
    value["metadata"]["resourceVersion"].as_str().unwrap()
}

#[tokio::test]
async fn watch_goes_on_where_the_list_ended() {
    let api = Api::start().await;
    let list = api.get(CONFIGS).await.body;
    let made = api.made(CONFIGS, &config("a", json!({}))).await;
    let path = format!("{CONFIGS}?watch=1&resourceVersion={}", version(&list));
    let mut events = Events::open(&api, &path).await;
    let added = events.next().await.unwrap();
    assert_eq!(added["type"], "ADDED");
    assert_eq!(added["object"], made);
    let patch = json!({"data": {"x": "1"}});
    api.patch(&format!("{CONFIGS}/a"), "merge-patch+json", &patch)
        .await;
    let elsewhere = "/api/v1/namespaces/kube-system/configmaps";
    api.made(elsewhere, &config("other", json!({}))).await;
    api.delete(&format!("{CONFIGS}/a")).await;
    assert_eq!(events.brief().await, "MODIFIED a");
    let deleted = events.next().await.unwrap();
    assert_eq!(deleted["type"], "DELETED");
    assert_eq!(deleted["object"]["data"]["x"], "1");
    let revisions = [&made, &deleted["object"]].map(|o| version(o).parse::<u64>().unwrap());
    assert!(revisions[1] > revisions[0]);
}

#[tokio::test]
async fn objects_enter_and_leave_a_selection() {
    let api = Api::start().await;
    let mut events = Events::open(&api, &format!("{CONFIGS}?watch=1&labelSelector=on%3Dyes")).await;
    api.made(CONFIGS, &config("a", json!({}))).await;
    let path = format!("{CONFIGS}/a");
    let label = |value: Value| json!({"metadata": {"labels": {"on": value}}});
    api.patch(&path, "merge-patch+json", &label("yes".into()))
        .await;
    api.patch(&path, "merge-patch+json", &json!({"data": {"k": "v"}}))
        .await;
    api.patch(&path, "merge-patch+json", &label("no".into()))
        .await;
    assert_eq!(events.brief().await, "ADDED a");
    assert_eq!(events.brief().await, "MODIFIED a");
    assert_eq!(events.brief().await, "DELETED a");
}

#[tokio::test]
async fn watch_list_ends_its_beginning_with_a_bookmark() {
    let api = Api::start().await;
    api.made(CONFIGS, &config("a", json!({}))).await;
    let path = format!(
        "{CONFIGS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&\
         allowWatchBookmarks=true"
    );
    let mut events = Events::open(&api, &path).await;
    assert_eq!(events.brief().await, "ADDED a");
    assert_eq!(events.brief().await, "ADDED kube-root-ca.crt");
    let bookmark = events.next().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    let annotations = &bookmark["object"]["metadata"]["annotations"];
    assert_eq!(annotations["k8s.io/initial-events-end"], "true");
    assert_eq!(bookmark["object"]["kind"], "ConfigMap");
    let unpaired = api
        .get(&format!("{CONFIGS}?watch=1&sendInitialEvents=true"))
        .await;
    assert_eq!(unpaired.code, 422);
}

#[tokio::test]
async fn old_revision_is_told_in_the_stream() {
    let api = Api::with_limits(HistoryLimits {
        events: 2,
        bytes: 1 << 20,
    })
    .await;
    let mut events = Events::open(&api, &format!("{CONFIGS}?watch=1&resourceVersion=2")).await;
    let error = events.next().await.unwrap();
    assert_eq!(
        (&error["type"], &error["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert!(
        error["object"]["message"]
            .as_str()
            .unwrap()
            .starts_with("too old resource version: 2 (")
    );
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn slow_watch_is_cut() {
    let api = Api::with_limits(HistoryLimits {
        events: 4,
        bytes: 1 << 20,
    })
    .await;
    let rev = api.get(CONFIGS).await.body;
    let path = format!("{CONFIGS}?watch=1&resourceVersion={}", version(&rev));
    let mut events = Events::open(&api, &path).await;
    for index in 0..10 {
        api.made(CONFIGS, &config(&format!("c{index}"), json!({})))
            .await;
    }
    assert_eq!(events.next().await.unwrap()["type"], "ERROR");
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn watch_ends_with_its_timeout() {
    let api = Api::start().await;
    let rev = api.get(CONFIGS).await.body;
    let path = format!(
        "{CONFIGS}?watch=1&timeoutSeconds=1&resourceVersion={}",
        version(&rev)
    );
    let mut events = Events::open(&api, &path).await;
    assert_eq!(events.next().await, None);
}

#[tokio::test]
async fn watch_of_one_name_sees_only_it() {
    let api = Api::start().await;
    let path = format!("{CONFIGS}?watch=1&fieldSelector=metadata.name%3Da");
    let mut events = Events::open(&api, &path).await;
    for name in ["ab", "a"] {
        api.made(CONFIGS, &config(name, json!({}))).await;
    }
    assert_eq!(events.brief().await, "ADDED a");
}

#[tokio::test]
async fn table_watch_names_its_columns_once() {
    let api = Api::start().await;
    let request = Request::builder()
        .uri(format!("{CONFIGS}?watch=1"))
        .header("accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
        .body(empty_body())
        .unwrap();
    let body = api.send(request).await.into_body();
    let mut events = Events {
        body,
        ready: VecDeque::new(),
    };
    let first = events.next().await.unwrap();
    assert_eq!(first["object"]["columnDefinitions"][0]["name"], "Name");
    api.made(CONFIGS, &config("a", json!({}))).await;
    let second = events.next().await.unwrap();
    assert_eq!(second["object"]["rows"][0]["cells"][0], "a");
    assert_eq!(second["object"]["columnDefinitions"], json!([]));
}
