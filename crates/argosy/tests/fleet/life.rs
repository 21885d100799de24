//! One Application through its life.

use crate::harness::{Fleet, Ground, applications, commit, config_map, config_maps};
use argosy_object::{Value, json};
use argosy_ports::{Api, DeleteOptions, PatchBody, WriteOptions};

pub async fn commit_drift_prune_and_deletion_are_followed(ground: Ground) {
    let Some(fleet) = Fleet::start(
        ground,
        "commit_drift_prune_and_deletion_are_followed",
        &["a", "b"],
    )
    .await
    else {
        return;
    };
    let files = [
        ("app/one.yaml", config_map("one", "v1")),
        ("app/two.yaml", config_map("two", "v1")),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let repository = fleet.repository("shop", &files);
    fleet
        .create(fleet.application("shop-a", "shop", "app", "a"))
        .await;
    let status = fleet.well("shop-a").await;
    assert_eq!(status["sourceType"], "Directory");
    assert_eq!(status["history"].as_array().unwrap().len(), 1);
    fleet.config_map("a", "one", Some("v1")).await;

    // A commit changes the cluster.
    commit(&repository, &[("app/one.yaml", &config_map("one", "v2"))]);
    fleet.config_map("a", "one", Some("v2")).await;
    fleet.well("shop-a").await;

    // A change by hand is put back, and so is a deletion.
    let cluster = fleet.cluster("a");
    let patch = PatchBody::Merge(json!({"data": {"k": "by hand"}}));
    let options = WriteOptions::default();
    cluster
        .patch(&config_maps(), Some("default"), "one", &patch, &options)
        .await
        .unwrap();
    fleet.config_map("a", "one", Some("v2")).await;
    cluster
        .delete(
            &config_maps(),
            Some("default"),
            "two",
            &DeleteOptions::default(),
        )
        .await
        .unwrap();
    fleet.config_map("a", "two", Some("v1")).await;

    // What leaves Git leaves the cluster, and the other cluster was never touched.
    commit(&repository, &[("app/two.yaml", "")]);
    fleet.config_map("a", "two", None).await;
    fleet.config_map("b", "one", None).await;

    // With its finalizer, an Application takes all with it.
    fleet.delete_application("shop-a").await;
    fleet.config_map("a", "one", None).await;
    fleet
        .until("the Application's end", || async {
            let found = fleet
                .hub
                .get(&applications(), Some("argocd"), "shop-a")
                .await
                .unwrap();
            found.is_none().then_some(())
        })
        .await;
    fleet.stop().await;
}

pub async fn operation_written_by_hand_starts_a_sync(ground: Ground) {
    let Some(fleet) = Fleet::start(ground, "operation_written_by_hand_starts_a_sync", &["a"]).await
    else {
        return;
    };
    fleet.repository("shop", &[("app/one.yaml", &config_map("one", "v1"))]);
    let mut application = fleet.application("shop", "shop", "app", "a");
    application["spec"]["syncPolicy"] = Value::Null;
    fleet.create(application).await;
    let status = fleet
        .until_status("shop", |s| s["sync"]["status"] == "OutOfSync")
        .await;
    assert_eq!(status["health"]["status"], "Missing");
    fleet
        .patch_application(
            "shop",
            json!({"operation": {"sync": {}, "initiatedBy": {"username": "me"}}}),
        )
        .await;
    let status = fleet.well("shop").await;
    let result = &status["operationState"]["syncResult"]["resources"][0];
    assert_eq!(result["message"], "configmap/one created");
    assert_eq!(result["status"], "Synced");
    assert_eq!(
        status["operationState"]["message"],
        "successfully synced (all tasks run)"
    );
    let application = fleet
        .hub
        .get(&applications(), Some("argocd"), "shop")
        .await
        .unwrap()
        .unwrap();
    assert!(
        application.pointer("/operation").is_none(),
        "the operation is taken off"
    );
    fleet.stop().await;
}

const DEPLOYMENT: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector:
    matchLabels: {app: web}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - name: web
        image: registry.internal/web:1
";

pub async fn chart_becomes_healthy_when_its_pods_are_ready(ground: Ground) {
    let Some(fleet) = Fleet::start(
        ground,
        "chart_becomes_healthy_when_its_pods_are_ready",
        &["a"],
    )
    .await
    else {
        return;
    };
    fleet.repository(
        "web",
        &[
            (
                "deploy/Chart.yaml",
                "apiVersion: v2\nname: web\nversion: 1.0.0\n",
            ),
            ("deploy/values.yaml", "replicas: 1\n"),
            ("deploy/values-eu.yaml", "replicas: 3\n"),
            ("deploy/templates/deployment.yaml", DEPLOYMENT),
        ],
    );
    let mut application = fleet.application("web", "web", "deploy/", "a");
    application["spec"]["source"]["helm"] = json!({"valueFiles": ["values-eu.yaml"]});
    fleet.create(application).await;
    let status = fleet.well("web").await;
    assert_eq!(status["sourceType"], "Helm");
    assert_eq!(
        status["summary"]["images"],
        json!(["registry.internal/web:1"])
    );
    fleet.stop().await;
}

pub async fn waves_run_one_after_another(ground: Ground) {
    let Some(fleet) = Fleet::start(ground, "waves_run_one_after_another", &["a"]).await else {
        return;
    };
    let wave = |name: &str, wave: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    \
             argocd.argoproj.io/sync-wave: \"{wave}\"\ndata:\n  k: v\n"
        )
    };
    fleet.repository(
        "waves",
        &[
            ("app/late.yaml", &wave("a-late", "1")),
            ("app/early.yaml", &wave("z-early", "-1")),
        ],
    );
    fleet
        .create(fleet.application("waves", "waves", "app", "a"))
        .await;
    let status = fleet.well("waves").await;
    let names: Vec<&str> = status["operationState"]["syncResult"]["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["z-early", "a-late"]);
    fleet.stop().await;
}
