//! The fleet that the browser looks at: one Application that is real, and very many that only
//! stand there.

use argosy::commands::up::{Running, UpSettings};
use argosy::web::{Web, WebFlags};
use argosy_cli::GitOptions;
use argosy_git::InsteadOf;
use argosy_git::author::{Change, RepoBuilder};
use argosy_kube::Client;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api as _, PatchBody, Resource, WriteOptions};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// In a Secret of the fleet, and nowhere to be seen.
const CANARY: &str = "canary-that-nobody-may-see";

const MANIFESTS: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: shop
spec:
  replicas: 2
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec:
      containers:
      - name: shop
        image: registry.internal/shop:1.0
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: shop-settings
data:
  colour: blue
---
apiVersion: v1
kind: Secret
metadata:
  name: shop-key
stringData:
  key: canary-that-nobody-may-see
";

pub struct Fleet {
    pub web: Web,
    running: Running,
    _folder: tempfile::TempDir,
}

impl Fleet {
    /// Two clusters, the Application `shop` that is synced by hand, and `many` others.
    pub async fn start(many: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        let repository = git.join("shop");
        std::fs::create_dir_all(&repository).unwrap();
        let change = Change::text("deploy/all.yaml", MANIFESTS);
        RepoBuilder::init(&repository)
            .unwrap()
            .commit("main", "all", &[change])
            .unwrap();
        let settings = UpSettings {
            remote_hosts: Vec::new(),
            data_dir: folder.path().join("data"),
            reset: false,
            in_memory: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            latency: Duration::from_millis(20),
            local_repos: vec![git.clone()],
            instead_of: vec![
                InsteadOf::parse(&format!(
                    "https://gitlab.internal/=file://{}/",
                    git.display()
                ))
                .unwrap(),
            ],
            git: GitOptions::default(),
            namespace: "argocd".into(),
        };
        let running = Running::start(settings).await.unwrap();
        let labels = |region: &str| -> BTreeMap<String, String> {
            [("region".to_owned(), region.to_owned())].into()
        };
        let clusters = [
            ("eu-1".to_owned(), labels("eu")),
            ("us-1".to_owned(), labels("us")),
        ];
        running.fleet.simulate(&clusters).await.unwrap();
        let flags = WebFlags {
            web_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            no_web: false,
        };
        let web = Web::start(&flags, &running.controllers)
            .await
            .unwrap()
            .unwrap();
        let fleet = Self {
            web,
            running,
            _folder: folder,
        };
        fleet.create(&shop()).await;
        for number in 0..many {
            fleet.create(&bystander(number)).await;
        }
        fleet
    }

    /// Does what the browser asks for, and answers.
    pub async fn satisfy(&self, wanted: &str) -> String {
        match wanted {
            "drift" => {
                let cluster = self.cluster();
                let patches = [
                    (
                        config_maps(),
                        "shop-settings",
                        json!({"data": {"colour": "red"}}),
                    ),
                    (
                        secrets(),
                        "shop-key",
                        json!({"stringData": {"key": "another canary"}}),
                    ),
                ];
                for (resource, name, patch) in patches {
                    cluster
                        .patch(
                            &resource,
                            Some("default"),
                            name,
                            &PatchBody::Merge(patch),
                            &WriteOptions::default(),
                        )
                        .await
                        .unwrap();
                }
                "done".into()
            }
            "colour" => {
                let found = self
                    .cluster()
                    .get(&config_maps(), Some("default"), "shop-settings")
                    .await;
                let colour = found
                    .unwrap()
                    .and_then(|map| map.pointer("/data/colour").cloned());
                colour
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or("none")
                    .to_owned()
            }
            "canary" => CANARY.into(),
            other => panic!("the browser wants `{other}`, which nobody knows"),
        }
    }

    pub async fn stop(self) {
        self.web.stop().await;
        self.running.stop().await;
    }

    fn cluster(&self) -> Client {
        Client::new("https://eu-1", self.running.fleet.cluster("eu-1").unwrap())
    }

    async fn create(&self, value: &Value) {
        let hub = Client::new("https://hub", self.running.fleet.hub());
        let gvk = Gvk::new("argoproj.io", "v1alpha1", "Application");
        let applications = Resource::new(gvk, "applications", true);
        let object = Object::new(value.clone()).unwrap();
        hub.create(&applications, &object, &WriteOptions::default())
            .await
            .unwrap();
    }
}

/// Synced by hand, so that a drift stays until somebody presses the button.
fn shop() -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "shop", "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://gitlab.internal/shop",
                "targetRevision": "main", "path": "deploy"},
            "destination": {"name": "eu-1", "namespace": "default"},
        },
    })
}

/// Left alone by the controller, with a status of its own.
fn bystander(number: usize) -> Value {
    let (sync, health) = match number {
        7 => ("OutOfSync", "Healthy"),
        8 => ("Synced", "Degraded"),
        _ => ("Synced", "Healthy"),
    };
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": format!("app-{number:04}"), "namespace": "argocd",
            "annotations": {"argocd.argoproj.io/skip-reconcile": "true"}},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://gitlab.internal/none", "targetRevision": "main",
                "path": "deploy"},
            "destination": {"name": "us-1", "namespace": "default"},
        },
        "status": {"sync": {"status": sync}, "health": {"status": health}},
    })
}

fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}

fn secrets() -> Resource {
    Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true)
}
