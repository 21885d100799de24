//! The simulator against the embedded API, in one process.

use argosy_kubeapi::auth::authn::StaticTokens;
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{ApiServer, ClusterFacts, HistoryLimits, MemoryStorage, Shared};
use argosy_object::{Value, json};
use argosy_ports::SystemTime;
use argosy_schema::Schemas;
use argosy_simulate::{Client, Options, run};
use std::sync::Arc;
use std::time::{Duration, Instant};

fn shared() -> Shared {
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens: Arc::new(StaticTokens::default()),
    };
    Shared::new(Schemas::builtin(), hooks::all(&deps))
}

async fn cluster(shared: &Shared, name: &str) -> ApiServer {
    let mut facts = ClusterFacts::default();
    facts.name = name.into();
    ApiServer::new(
        Arc::new(MemoryStorage::new(HistoryLimits::SMALL)),
        shared,
        Arc::new(SystemTime),
    )
    .facts(facts)
    .start()
    .await
    .expect("the cluster starts")
}

fn app(name: &str) -> Vec<(String, Value)> {
    let labels = json!({"app": name});
    let deployment = json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "web", "image": "nginx:1.27",
                "ports": [{"containerPort": 80}]}]}}}});
    let service = json!({"apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": labels, "ports": [{"port": 80}]}});
    vec![
        (
            "/apis/apps/v1/namespaces/default/deployments".into(),
            deployment,
        ),
        ("/api/v1/namespaces/default/services".into(), service),
    ]
}

/// Waits for a list to fulfil a wish; the wait is bounded, not timed.
async fn until(client: &Client, path: &str, wish: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let start = Instant::now();
    loop {
        let (items, _) = client.list(path).await.expect("the list is served");
        if wish(&items) {
            return items;
        }
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "{path}: {items:#?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn available(items: &[Value]) -> usize {
    items
        .iter()
        .filter(|d| {
            d["status"]["availableReplicas"] == d["spec"]["replicas"]
                && d["status"]["observedGeneration"] == d["metadata"]["generation"]
        })
        .count()
}

#[tokio::test]
async fn workloads_become_ready_on_the_embedded_api() {
    let server = cluster(&shared(), "one").await;
    let client = Client::new(server.service());
    let options = Options {
        latency: Duration::from_millis(50),
        ..Options::default()
    };
    let play = tokio::spawn(run(server.service(), options, Arc::new(SystemTime)));
    for (path, object) in app("web") {
        client
            .create(&path, &object)
            .await
            .expect("the object is accepted");
    }
    let deployments = "/apis/apps/v1/deployments";
    let items = until(&client, deployments, |items| available(items) == 1).await;
    let conditions = items[0]["status"]["conditions"].as_array().unwrap();
    assert!(
        conditions
            .iter()
            .any(|c| c["type"] == "Available" && c["status"] == "True")
    );
    let pods = until(&client, "/api/v1/pods", |items| items.len() == 1).await;
    assert_eq!(pods[0]["status"]["phase"], "Running");
    assert_eq!(pods[0]["spec"]["nodeName"], "node-1");
    until(
        &client,
        "/apis/discovery.k8s.io/v1/endpointslices",
        |items| {
            items
                .iter()
                .any(|s| s["endpoints"].as_array().is_some_and(|e| e.len() == 1))
        },
    )
    .await;
    let web = "/apis/apps/v1/namespaces/default/deployments/web";
    client
        .merge(web, &json!({"spec": {"replicas": 3}}))
        .await
        .unwrap();
    until(&client, deployments, |items| {
        items[0]["status"]["availableReplicas"] == 3
    })
    .await;
    client.delete(web, "", None).await.unwrap();
    until(&client, "/api/v1/pods", <[Value]>::is_empty).await;
    play.abort();
}

#[tokio::test]
async fn jobs_claims_and_stateful_sets_are_played() {
    let server = cluster(&shared(), "one").await;
    let client = Client::new(server.service());
    let options = Options {
        latency: Duration::from_millis(20),
        ..Options::default()
    };
    let play = tokio::spawn(run(server.service(), options, Arc::new(SystemTime)));
    let template = json!({"metadata": {"labels": {"app": "x"}},
        "spec": {"containers": [{"name": "c", "image": "a:1"}]}});
    let mut once = template.clone();
    once["spec"]["restartPolicy"] = "Never".into();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job",
        "metadata": {"name": "j", "namespace": "default"}, "spec": {"template": once}});
    client
        .create("/apis/batch/v1/namespaces/default/jobs", &job)
        .await
        .unwrap();
    let set = json!({"apiVersion": "apps/v1", "kind": "StatefulSet",
        "metadata": {"name": "db", "namespace": "default"},
        "spec": {"replicas": 2, "serviceName": "db", "selector": {"matchLabels": {"app": "x"}},
            "template": template, "volumeClaimTemplates": [{"metadata": {"name": "data"},
                "spec": {"accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}}}}]}});
    // The class must stand before claims are admitted.
    until(&client, "/apis/storage.k8s.io/v1/storageclasses", |items| {
        items.len() == 1
    })
    .await;
    client
        .create("/apis/apps/v1/namespaces/default/statefulsets", &set)
        .await
        .unwrap();
    until(&client, "/apis/batch/v1/jobs", |items| {
        items[0]["status"]["conditions"]
            .as_array()
            .is_some_and(|all| all.iter().any(|c| c["type"] == "Complete"))
    })
    .await;
    until(&client, "/apis/apps/v1/statefulsets", |items| {
        items[0]["status"]["readyReplicas"] == 2
    })
    .await;
    let claims = until(&client, "/api/v1/persistentvolumeclaims", |items| {
        items.len() == 2
    })
    .await;
    assert!(
        claims
            .iter()
            .all(|claim| claim["status"]["phase"] == "Bound"),
        "{claims:#?}"
    );
    play.abort();
}

/// Not a test of time, but the time is told: `cargo test -- --nocapture --ignored`.
#[tokio::test]
#[ignore = "measures"]
async fn twelve_clusters_of_sixty_apps() {
    let shared = shared();
    let mut servers = Vec::new();
    for number in 0..12 {
        servers.push(cluster(&shared, &format!("c{number}")).await);
    }
    let clock = Arc::new(SystemTime);
    let plays: Vec<_> = servers
        .iter()
        .map(|s| tokio::spawn(run(s.service(), Options::default(), clock.clone())))
        .collect();
    let start = Instant::now();
    for server in &servers {
        let client = Client::new(server.service());
        for number in 0..60 {
            for (path, object) in app(&format!("app-{number}")) {
                client.create(&path, &object).await.unwrap();
            }
        }
    }
    println!("created after {:?}", start.elapsed());
    for server in &servers {
        let client = Client::new(server.service());
        until(&client, "/apis/apps/v1/deployments", |items| {
            available(items) == 60
        })
        .await;
    }
    println!("ready after {:?}", start.elapsed());
    plays.iter().for_each(tokio::task::JoinHandle::abort);
}
