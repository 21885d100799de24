//! The demo's fleet with two real API servers among its twelve clusters: nothing in it may hang on
//! a cluster being our own.

use crate::harness::{commit, config_maps};
use crate::real::Servers;
use argosy::commands::demo::{APPLICATIONS, Stage};
use argosy::commands::up::Running;
use argosy_git::author::RepoBuilder;
use argosy_kube::{Client, Limits, Transport};
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, PatchBody, Resource, WriteOptions};
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

const TEST: &str = "the demo's fleet with two real clusters";
const EU: &str = "eu-prod-1";
const US: &str = "us-prod-2";
/// How long the test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(3);

struct Demo {
    running: Running,
    servers: Servers,
    folder: tempfile::TempDir,
}

#[tokio::test(flavor = "multi_thread")]
async fn two_real_clusters_in_the_demos_fleet_follow_as_the_others_do() {
    let latency = Duration::from_millis(50);
    let transport = Transport::new(Limits::default());
    let Some(servers) = Servers::start(TEST, &[EU, US], &transport, latency).await else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage {
        data_dir: folder.path().join("demo"),
        namespace: "argocd".into(),
        remote_hosts: Vec::new(),
        others: servers.secrets(),
    };
    let demo = Demo {
        running: stage.bring_up().await.unwrap(),
        servers,
        folder,
    };
    assert_eq!(demo.running.fleet.clusters().len(), 10, "two are real");
    demo.all_well(APPLICATIONS).await;
    demo.a_commit_arrives().await;
    demo.a_change_by_hand_is_put_back().await;
    demo.a_file_that_is_gone_is_pruned().await;
    demo.an_application_that_is_gone_leaves_every_cluster()
        .await;
    demo.running.stop().await;
    demo.servers.stop().await;
}

impl Demo {
    async fn a_commit_arrives(&self) {
        let values = "replicas: 4\nregion: eu\n";
        commit(
            &self.repository("shop/checkout"),
            &[("deploy/values-eu.yaml", values)],
        );
        self.ready(&self.servers.cluster(EU), "checkout", 4).await;
        self.ready(&self.simulated("eu-prod-2"), "checkout", 4)
            .await;
        self.ready(&self.servers.cluster(US), "checkout", 3).await;
        self.all_well(APPLICATIONS).await;
    }

    async fn a_change_by_hand_is_put_back(&self) {
        let us = self.servers.cluster(US);
        let catalog = self.ready(&us, "catalog", 3).await;
        let before = catalog.pointer("/metadata/generation").cloned();
        let none = PatchBody::Merge(json!({"spec": {"replicas": 0}}));
        let options = WriteOptions::default();
        us.patch(&deployments(), Some("shop"), "catalog", &none, &options)
            .await
            .unwrap();
        let catalog = self.ready(&us, "catalog", 3).await;
        assert_ne!(
            catalog.pointer("/metadata/generation").cloned(),
            before,
            "it was changed and put back"
        );
        self.all_well(APPLICATIONS).await;
    }

    async fn a_file_that_is_gone_is_pruned(&self) {
        let us = self.servers.cluster(US);
        assert!(exists(&us, &services(), "messaging", "mailer").await);
        commit(
            &self.repository("messaging/mailer"),
            &[("deploy/templates/service.yaml", "")],
        );
        for name in [EU, US] {
            let cluster = self.servers.cluster(name);
            self.gone(&cluster, &services(), "messaging", "mailer")
                .await;
            assert!(exists(&cluster, &config_maps(), "messaging", "mailer").await);
        }
        self.all_well(APPLICATIONS).await;
    }

    async fn an_application_that_is_gone_leaves_every_cluster(&self) {
        let registry = self.repository("platform/app-registry");
        commit(&registry, &[("apps/search/config.yaml", "")]);
        let simulated = self.simulated("ap-prod-3");
        for cluster in [
            self.servers.cluster(EU),
            self.servers.cluster(US),
            simulated,
        ] {
            self.gone(&cluster, &deployments(), "discovery", "search")
                .await;
            let quota = Resource::new(Gvk::new("", "v1", "ResourceQuota"), "resourcequotas", true);
            assert!(
                exists(&cluster, &quota, "discovery", "team").await,
                "what another Application has stays"
            );
        }
        self.all_well(APPLICATIONS - 9).await;
    }

    fn repository(&self, name: &str) -> RepoBuilder {
        let path: &Path = self.folder.path();
        RepoBuilder::open(&path.join("demo/git").join(name)).unwrap()
    }

    fn simulated(&self, name: &str) -> Client {
        let service = self.running.fleet.cluster(name).unwrap();
        Client::new(&format!("https://{name}"), service)
    }

    /// Waits until so many Applications are there, all of them Synced and Healthy at rest.
    async fn all_well(&self, wanted: usize) {
        let store = &self.running.controllers.hub.store;
        let started = Instant::now();
        loop {
            let all = store.list("argoproj.io", "Application");
            if all.len() == wanted && all.iter().all(is_well) {
                return;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{wanted} are wanted, {} are there; not well:\n{}",
                all.len(),
                all.iter()
                    .filter(|a| !is_well(a))
                    .fold(String::new(), |mut text, application| {
                        let status = application.pointer("/status");
                        let _ = writeln!(text, "{}: {status:?}", application.name());
                        text
                    })
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Waits until a Deployment of `shop` has so many replicas, declared and ready.
    async fn ready(&self, cluster: &Client, name: &str, replicas: u64) -> Object {
        let started = Instant::now();
        loop {
            let found = cluster
                .get(&deployments(), Some("shop"), name)
                .await
                .unwrap();
            let count = |pointer: &str| {
                let number = found.as_ref().and_then(|object| object.pointer(pointer));
                number.and_then(Value::as_u64)
            };
            if count("/spec/replicas") == Some(replicas)
                && count("/status/readyReplicas") == Some(replicas)
            {
                return found.unwrap();
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{replicas} of `{name}` do not come: {found:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn gone(&self, cluster: &Client, resource: &Resource, namespace: &str, name: &str) {
        let started = Instant::now();
        while exists(cluster, resource, namespace, name).await {
            assert!(
                started.elapsed() < PATIENCE,
                "{} `{name}` stays",
                resource.plural
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn exists(cluster: &Client, resource: &Resource, namespace: &str, name: &str) -> bool {
    let found = cluster.get(resource, Some(namespace), name).await.unwrap();
    found.is_some()
}

fn is_well(application: &Object) -> bool {
    let is = |pointer: &str, wanted: &str| {
        application.pointer(pointer).and_then(Value::as_str) == Some(wanted)
    };
    is("/status/sync/status", "Synced")
        && is("/status/health/status", "Healthy")
        && is("/status/operationState/phase", "Succeeded")
}

fn deployments() -> Resource {
    Resource::new(Gvk::new("apps", "v1", "Deployment"), "deployments", true)
}

fn services() -> Resource {
    Resource::new(Gvk::new("", "v1", "Service"), "services", true)
}
