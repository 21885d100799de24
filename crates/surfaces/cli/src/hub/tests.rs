//! What commands do to the hub's objects, on a hub in memory.

use super::fake::FakeApi;
use super::*;
use argosy_crds::ClusterSecret;
use argosy_object::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

const LONG: Duration = Duration::from_secs(20);

fn app(name: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name, "namespace": "argocd", "finalizers": ["others/keep"]},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://h/r", "path": "p", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"syncOptions": ["CreateNamespace=true"], "retry": {"limit": 2}},
        },
        "status": {
            "sync": {"status": "OutOfSync"}, "health": {"status": "Healthy"},
            "resources": [
                {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "web"},
                {"group": "", "kind": "Service", "namespace": "shop", "name": "web"},
            ],
            "history": [
                {"id": 3, "revision": "aaa", "deployedAt": "", "source": {"repoURL": "https://h/r"}},
                {"id": 4, "revision": "bbb", "deployedAt": "", "source": {"repoURL": "https://h/r"}},
            ],
        },
    })
}

fn hub(api: &Arc<FakeApi>) -> Hub {
    Hub::new(api.clone(), "argocd")
}

/// Finishes each operation at once.
fn finish(phase: &'static str) -> Box<dyn Fn(&mut Value) + Send> {
    Box::new(move |app| {
        let map = app.as_object_mut().unwrap();
        if let Some(operation) = map.remove("operation") {
            app["status"]["operationState"] = json!({
                "operation": operation, "phase": phase, "message": "because",
                "startedAt": "2026-11-23T22:35:50Z", "finishedAt": "2026-11-23T22:35:57Z",
            });
        }
        if let Some(annotations) = app.pointer_mut("/metadata/annotations") {
            annotations.as_object_mut().unwrap().remove(names::REFRESH);
        }
    })
}

#[tokio::test]
async fn a_sync_writes_argocds_operation_and_waits_for_its_end() {
    let api = FakeApi::new([app("a")]);
    *api.react.lock().unwrap() = Some(finish("Succeeded"));
    let hub = hub(&api);
    let before = hub.app("argocd/a", None).await.unwrap();
    let request = SyncRequest {
        prune: true,
        resources: vec!["apps:Deployment:shop/web".into()],
        options: vec!["ServerSideApply=true".into()],
        user: "me".into(),
        ..SyncRequest::default()
    };
    hub.start_sync(&before, &request).await.unwrap();
    let done = hub.operation_done(&before, LONG, |_| {}).await.unwrap();
    assert_eq!(
        done.pointer("/status/operationState/operation").unwrap(),
        &json!({
            "sync": {
                "prune": true,
                "syncStrategy": {"hook": {}},
                "resources": [
                    {"group": "apps", "kind": "Deployment", "name": "web", "namespace": "shop"},
                ],
                "syncOptions": ["CreateNamespace=true", "ServerSideApply=true"],
            },
            "initiatedBy": {"username": "me"},
            "retry": {"limit": 2},
        })
    );
}

#[tokio::test]
async fn a_failed_operation_is_a_failure_with_its_message() {
    let api = FakeApi::new([app("a")]);
    *api.react.lock().unwrap() = Some(finish("Failed"));
    let hub = hub(&api);
    let before = hub.app("a", None).await.unwrap();
    hub.start_sync(&before, &SyncRequest::default())
        .await
        .unwrap();
    let failure = hub.operation_done(&before, LONG, |_| {}).await.unwrap_err();
    let text = failure.render(&crate::Terminal::plain());
    assert!(
        text.contains("phase: Failed") && text.contains("hint: because"),
        "{text}"
    );
    assert_eq!(failure.exit_code(), 20);
}

#[tokio::test]
async fn nothing_starts_beside_a_running_operation() {
    let mut running = app("a");
    running["operation"] = json!({"sync": {}});
    let api = FakeApi::new([running]);
    let hub = hub(&api);
    let app = hub.app("a", None).await.unwrap();
    let failure = hub
        .start_sync(&app, &SyncRequest::default())
        .await
        .unwrap_err();
    let text = failure.render(&crate::Terminal::plain());
    assert!(text.contains("already in progress"), "{text}");
    assert!(text.contains("terminate-op a"), "{text}");
    hub.terminate(&app).await.unwrap();
    let app = hub.app("a", None).await.unwrap();
    assert_eq!(
        app.pointer("/status/operationState/phase"),
        Some(&json!("Terminating"))
    );
}

#[tokio::test]
async fn somebody_elses_write_in_between_is_survived() {
    let api = FakeApi::new([app("a")]);
    let hub = hub(&api);
    let stale = hub.app("a", None).await.unwrap();
    api.put(app("a"));
    let started = hub
        .start_sync(&stale, &SyncRequest::default())
        .await
        .unwrap();
    assert!(started.pointer("/operation/sync").is_some());
    assert!(hub.terminate(&stale).await.is_err());
}

#[tokio::test]
async fn selectors_that_fit_nothing_and_foreign_revisions_are_refused() {
    let mut automated = app("auto");
    automated["spec"]["syncPolicy"]["automated"] = json!({});
    let api = FakeApi::new([app("a"), automated]);
    let hub = hub(&api);
    let app = hub.app("a", None).await.unwrap();
    for (selector, word) in [
        ("apps:Deployment:none", "fits"),
        ("nonsense", "GROUP:KIND:NAME"),
    ] {
        let request = SyncRequest {
            resources: vec![selector.into()],
            ..SyncRequest::default()
        };
        let failure = hub.start_sync(&app, &request).await.unwrap_err();
        assert!(failure.to_string().contains(word), "{failure}");
    }
    let automated = hub.app("auto", None).await.unwrap();
    let request = SyncRequest {
        revision: "other".into(),
        ..SyncRequest::default()
    };
    let failure = hub.start_sync(&automated, &request).await.unwrap_err();
    assert!(
        failure
            .to_string()
            .contains("auto-sync currently set to main"),
        "{failure}"
    );
    let failure = hub
        .start_rollback(&automated, &RollbackRequest::default())
        .await
        .unwrap_err();
    let text = failure.render(&crate::Terminal::plain());
    assert!(text.contains("auto-sync is enabled"), "{text}");
}

#[tokio::test]
async fn a_rollback_takes_the_one_before_the_last_or_the_id_asked_for() {
    let api = FakeApi::new([app("a")]);
    let hub = hub(&api);
    let app = hub.app("a", None).await.unwrap();
    let started = hub
        .start_rollback(&app, &RollbackRequest::default())
        .await
        .unwrap();
    assert_eq!(
        started.pointer("/operation/sync/revision"),
        Some(&json!("aaa"))
    );
    assert_eq!(
        started.pointer("/operation/sync/source/repoURL"),
        Some(&json!("https://h/r"))
    );
    let missing = RollbackRequest {
        id: Some(9),
        ..RollbackRequest::default()
    };
    let failure = hub.start_rollback(&app, &missing).await.unwrap_err();
    assert!(
        failure.to_string().contains("deployment id `9`"),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_state_or_with_the_time() {
    let api = FakeApi::new([app("a")]);
    let hub = hub(&api);
    let before = hub.app("a", None).await.unwrap();
    let wanted = WaitFor::default();
    let failure = hub
        .wait_for_app(&before, wanted, LONG, |_| {})
        .await
        .unwrap_err();
    let text = failure.to_string();
    assert!(
        text.starts_with("timed out (20s) waiting for application `a`"),
        "{text}"
    );
    assert!(text.ends_with("it is OutOfSync and Healthy"), "{text}");
    let health_only = WaitFor {
        health: true,
        ..WaitFor::default()
    };
    hub.wait_for_app(&before, health_only, LONG, |_| {})
        .await
        .unwrap();
    let later = api.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let mut synced = app("a");
        synced["status"]["sync"]["status"] = json!("Synced");
        later.put(synced);
    });
    hub.wait_for_app(&before, wanted, LONG, |_| {})
        .await
        .unwrap();
}

#[tokio::test]
async fn a_refresh_is_over_when_the_annotation_is_gone() {
    let api = FakeApi::new([app("a")]);
    *api.react.lock().unwrap() = Some(finish("Succeeded"));
    let hub = hub(&api);
    let app = hub.app("a", None).await.unwrap();
    let refreshed = hub.refresh_app(&app, true, LONG).await.unwrap();
    assert_eq!(refreshed.annotation(names::REFRESH), None);
}

#[tokio::test]
async fn deleting_sets_or_takes_only_argocds_finalizers() {
    for (cascade, background, expected) in [
        (
            true,
            false,
            json!(["others/keep", "resources-finalizer.argocd.argoproj.io"]),
        ),
        (
            true,
            true,
            json!([
                "others/keep",
                "resources-finalizer.argocd.argoproj.io/background"
            ]),
        ),
        (false, false, json!(["others/keep"])),
    ] {
        let api = FakeApi::new([app("a")]);
        let hub = hub(&api);
        let request = DeleteRequest {
            cascade,
            background,
            wait: Some(LONG),
        };
        let mut events = Vec::new();
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let watch = seen.clone();
        *api.react.lock().unwrap() = Some(Box::new(move |app: &mut Value| {
            watch
                .lock()
                .unwrap()
                .push(app["metadata"]["finalizers"].clone());
        }));
        let found = hub.app("a", None).await.unwrap();
        hub.delete_app(&found, request).await.unwrap();
        events.append(&mut seen.lock().unwrap());
        assert!(api.all("Application").is_empty());
        match cascade {
            true => assert_eq!(events, [expected]),
            false => assert!(events.is_empty(), "{events:?}"),
        }
    }
}

#[tokio::test]
async fn creating_again_needs_upsert_where_it_differs() {
    let api = FakeApi::new([]);
    let hub = hub(&api);
    let mut wanted = Object::from_trusted(app("a"));
    assert_eq!(
        hub.create_app(&wanted, false).await.unwrap(),
        Created::Created
    );
    assert_eq!(
        hub.create_app(&wanted, false).await.unwrap(),
        Created::Unchanged
    );
    wanted.value_mut()["spec"]["project"] = json!("other");
    let failure = hub.create_app(&wanted, false).await.unwrap_err();
    assert!(
        failure
            .to_string()
            .starts_with("existing application spec is different")
    );
    assert_eq!(
        hub.create_app(&wanted, true).await.unwrap(),
        Created::Updated
    );
    let filter = AppFilter {
        projects: vec!["other".into()],
        cluster: "https://kubernetes.default.svc".into(),
        ..AppFilter::default()
    };
    assert_eq!(hub.apps(&filter).await.unwrap().len(), 1);
    let filter = AppFilter {
        repo: "https://h/else".into(),
        ..AppFilter::default()
    };
    assert!(hub.apps(&filter).await.unwrap().is_empty());
}

#[tokio::test]
async fn clusters_and_repositories_are_argocds_secrets() {
    let api = FakeApi::new([]);
    let hub = hub(&api);
    let cluster = ClusterRequest {
        name: "prod".into(),
        server: "https://prod.example:6443".into(),
        config: json!({"bearerToken": "t0ken"}).into(),
        labels: BTreeMap::from([("environment".into(), "production".into())]),
        ..ClusterRequest::default()
    };
    assert_eq!(
        hub.add_cluster(&cluster, false).await.unwrap(),
        Created::Created
    );
    assert!(hub.add_cluster(&cluster, false).await.is_err());
    let same_name = ClusterRequest {
        server: "https://other".into(),
        ..cluster.clone()
    };
    assert!(hub.add_cluster(&same_name, true).await.is_err());
    let secret = hub.cluster("prod").await.unwrap();
    assert_eq!(
        secret.name(),
        format!(
            "cluster-prod.example-{}",
            clusters::fnv32a(&["https://prod.example:6443"])
        )
    );
    let view = ClusterSecret::of(&secret).unwrap();
    assert_eq!(view.server, "https://prod.example:6443");
    let listed = crate::view::cluster::list(&[(secret, crate::view::cluster::Probe::unknown())]);
    assert!(!format!("{:?}", listed.objects).contains("t0ken"));

    let repo = RepositoryRequest {
        url: "https://h/r".into(),
        kind: "git".into(),
        password: "s3cret".to_owned().into(),
        ..RepositoryRequest::default()
    };
    assert_eq!(
        hub.add_repository(&repo, false).await.unwrap(),
        Created::Created
    );
    assert_eq!(
        hub.add_repository(&repo, false).await.unwrap(),
        Created::Unchanged
    );
    let secret = hub.repository("https://h/r", "").await.unwrap();
    let listing = crate::view::repo::list(&[(secret.clone(), None)]);
    assert!(!format!("{:?}", listing.objects).contains("s3cret"));
    hub.remove_secret(&secret, "x").await.unwrap();
    assert!(hub.repository("https://h/r", "").await.is_err());
}

#[tokio::test]
async fn the_manager_gets_rights_and_a_token() {
    let api = FakeApi::new([]);
    *api.react.lock().unwrap() = Some(Box::new(|object: &mut Value| {
        if object["type"] == "kubernetes.io/service-account-token" {
            object["data"] = json!({"token": "dDBrZW4="});
        }
    }));
    let token = install_manager(&*api, &Manager::default()).await.unwrap();
    assert_eq!(token.reveal(), "t0ken");
    assert_eq!(api.all("ClusterRoleBinding").len(), 1);
    let some = Manager {
        namespaces: vec!["a".into(), "b".into()],
        ..Manager::default()
    };
    install_manager(&*api, &some).await.unwrap();
    assert_eq!(api.all("RoleBinding").len(), 2);
}

#[test]
fn go_and_we_hash_alike() {
    // Values of Go's fnv.New32a over the same bytes.
    assert_eq!(clusters::fnv32a(&[""]), 2_166_136_261);
    assert_eq!(clusters::fnv32a(&["a"]), 3_826_002_220);
    assert_eq!(clusters::fnv32a(&["foo", "bar"]), 3_214_735_720);
}
