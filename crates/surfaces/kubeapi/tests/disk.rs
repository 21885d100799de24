//! The API on disk: restarts, and deaths without warning.
#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

use argosy_kubeapi::{ApiServer, DiskStore, Expect, HistoryLimits, Hooks, Range, Shared, Write};
use argosy_ports::{SystemTime, full_body};
use argosy_schema::Schemas;
use http::Request;
use http_body_util::BodyExt as _;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

async fn open(path: &Path) -> DiskStore {
    // The writer of an earlier store lets go of the file a moment after its last handle.
    for _ in 0..500 {
        if let Ok(store) = DiskStore::open(path, HistoryLimits::HUB) {
            return store;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the store stays locked");
}

async fn start(path: &Path) -> ApiServer {
    let shared = Shared::new(Schemas::builtin(), Hooks::new());
    let storage = open(path).await.cluster("hub");
    ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .start()
        .await
        .unwrap()
}

async fn call(server: &ApiServer, method: &str, path: &str, body: &str) -> (u16, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(full_body(body.to_owned()))
        .unwrap();
    let response = server.handle(request).await;
    let code = response.status().as_u16();
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    (code, serde_json::from_slice(&bytes).unwrap_or_default())
}

#[tokio::test]
async fn restart_keeps_objects_and_custom_kinds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.redb");
    let crd = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Cluster",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget",
                "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}}}]}});
    let server = start(&path).await;
    let crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    assert_eq!(call(&server, "POST", crds, &crd.to_string()).await.0, 201);
    let widget = json!({"apiVersion": "example.com/v1", "kind": "Widget",
        "metadata": {"name": "w"}});
    let widgets = "/apis/example.com/v1/widgets";
    let (code, made) = call(&server, "POST", widgets, &widget.to_string()).await;
    assert_eq!(code, 201, "{made}");
    server.settle().await;
    drop(server);
    let server = start(&path).await;
    let (code, found) = call(&server, "GET", "/apis/example.com/v1/widgets/w", "").await;
    assert_eq!((code, &found), (200, &made));
}

/// Not a test of its own: what the next one kills.
#[tokio::test]
#[ignore = "run by `kill_without_warning_loses_nothing_acknowledged`"]
async fn child_that_writes() {
    let Some(folder) = std::env::var_os("ARGOSY_TEST_STORE") else {
        return;
    };
    let store = open(&Path::new(&folder).join("s.redb"))
        .await
        .cluster("hub");
    for index in 0.. {
        let key = format!("/core/configmaps/default/c{index}");
        let value = Some(bytes::Bytes::from("{}"));
        let write = Write {
            key: key.as_str().into(),
            expect: Expect::Absent,
            value,
        };
        let rev = store.commit(vec![write]).await.unwrap();
        // The parent reads this as a promise.
        println!("WROTE {rev} {key}");
    }
}

#[tokio::test]
async fn kill_without_warning_loses_nothing_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child_that_writes", "--exact", "--ignored", "--nocapture"])
        .env("ARGOSY_TEST_STORE", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let promised: Vec<(u64, String)> = lines
        .map_while(Result::ok)
        .filter_map(|line| {
            let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
            (words.len() == 3 && words[0] == "WROTE")
                .then(|| (words[1].parse().unwrap(), words[2].clone()))
        })
        .take(200)
        .collect();
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(promised.len(), 200);
    let store = open(&folder.path().join("s.redb")).await.cluster("hub");
    for (rev, key) in &promised {
        assert_eq!(store.get(key).map(|stored| stored.rev), Some(*rev), "{key}");
    }
    let (last, _) = promised.last().unwrap();
    assert!(store.revision() >= *last);
    let all = store
        .range(Range {
            prefix: "/core/configmaps/",
            ..Range::default()
        })
        .unwrap();
    assert!(all.items.len() >= 200);
    // Whoever had read half of it resumes his watch.
    let mut resumed = store.watch("/core/configmaps/", promised[99].0).unwrap();
    assert_eq!(*resumed.poll().unwrap()[0].key, *promised[100].1);
}
