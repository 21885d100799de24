//! A fleet for tests, with repositories that a test can commit to: on the embedded API, or with
//! a real kube-apiserver for hub and clusters.

use crate::real::Reals;
use argosy::commands::up::{Running, UpSettings};
use argosy_cli::GitOptions;
use argosy_git::InsteadOf;
use argosy_git::author::{Change, RepoBuilder};
use argosy_kube::Client;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, DeleteOptions, PatchBody, Resource, WriteOptions};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_secs(90);

/// What the fleet stands on.
#[derive(Clone, Copy)]
pub enum Ground {
    Embedded,
    /// etcd, kube-apiserver and kube-controller-manager; the simulator plays the kubelet.
    Real,
}

pub struct Fleet {
    what: What,
    pub hub: Client,
    pub git: PathBuf,
    _folder: tempfile::TempDir,
}

enum What {
    Embedded(Box<Running>),
    Real(Reals),
}

impl Fleet {
    /// A hub and these clusters, with labels `environment=production`; `None` where the ground
    /// is not there, which was said.
    pub async fn start(ground: Ground, test: &str, clusters: &[&str]) -> Option<Self> {
        Self::start_with(ground, test, clusters, |_| {}).await
    }

    /// As [`Fleet::start`], with other settings.
    pub async fn start_with(
        ground: Ground,
        test: &str,
        clusters: &[&str],
        adjust: impl FnOnce(&mut UpSettings),
    ) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        std::fs::create_dir_all(&git).unwrap();
        let mut settings = settings(&folder, &git, true);
        adjust(&mut settings);
        let (what, hub) = match ground {
            Ground::Embedded => {
                let running = Running::start(settings).await.unwrap();
                let simulated: Vec<_> = clusters
                    .iter()
                    .map(|name| ((*name).to_owned(), labels()))
                    .collect();
                running.fleet.simulate(&simulated).await.unwrap();
                // Written behind the clusters' Secrets, which a command may be quicker than.
                let started = Instant::now();
                let written = || std::fs::read_to_string(running.fleet.kubeconfig());
                while !clusters
                    .iter()
                    .all(|name| written().unwrap().contains(name))
                {
                    assert!(
                        started.elapsed() < PATIENCE,
                        "the kubeconfig lacks a cluster"
                    );
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let hub = Client::new("https://hub", running.fleet.hub());
                (What::Embedded(Box::new(running)), hub)
            }
            Ground::Real => {
                let reals = Reals::start(test, clusters, settings).await?;
                let hub = reals.hub();
                (What::Real(reals), hub)
            }
        };
        Some(Self {
            what,
            hub,
            git,
            _folder: folder,
        })
    }

    /// The fleet in this process.
    pub fn running(&self) -> &Running {
        match &self.what {
            What::Embedded(running) => running,
            What::Real(_) => panic!("a real fleet runs beside this process"),
        }
    }

    /// A bare repository `NAME` with these files on `main`.
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) -> RepoBuilder {
        let path = self.git.join(name);
        std::fs::create_dir_all(&path).unwrap();
        let repository = RepoBuilder::init(&path).unwrap();
        commit(&repository, files);
        repository
    }

    pub fn cluster(&self, name: &str) -> Client {
        match &self.what {
            What::Embedded(running) => Client::new(
                &format!("https://{name}"),
                running.fleet.cluster(name).unwrap(),
            ),
            What::Real(reals) => reals.cluster(name),
        }
    }

    /// An automated Application of a repository's folder on a cluster.
    pub fn application(&self, name: &str, repository: &str, path: &str, cluster: &str) -> Value {
        json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": name, "namespace": "argocd",
                "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
            "spec": {
                "project": "default",
                "source": {"repoURL": format!("https://gitlab.internal/{repository}"),
                    "targetRevision": "main", "path": path},
                "destination": {"name": cluster, "namespace": "default"},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
            },
        })
    }

    pub async fn create(&self, value: Value) -> Object {
        let object = Object::new(value).unwrap();
        let resource = resource(&object);
        self.hub
            .create(&resource, &object, &WriteOptions::default())
            .await
            .unwrap()
    }

    pub async fn patch_application(&self, name: &str, patch: Value) {
        self.hub
            .patch(
                &applications(),
                Some("argocd"),
                name,
                &PatchBody::Merge(patch),
                &WriteOptions::default(),
            )
            .await
            .unwrap();
    }

    pub async fn delete_application(&self, name: &str) {
        self.hub
            .delete(
                &applications(),
                Some("argocd"),
                name,
                &DeleteOptions::default(),
            )
            .await
            .unwrap();
    }

    pub async fn status(&self, name: &str) -> Value {
        let application = self
            .hub
            .get(&applications(), Some("argocd"), name)
            .await
            .unwrap();
        application
            .and_then(|a| a.pointer("/status").cloned())
            .unwrap_or(Value::Null)
    }

    /// Waits until an Application is Synced and Healthy with nothing running, and returns its
    /// status.
    pub async fn well(&self, name: &str) -> Value {
        self.until_status(name, |status| {
            status["sync"]["status"] == "Synced"
                && status["health"]["status"] == "Healthy"
                && status["operationState"]["phase"] == "Succeeded"
        })
        .await
    }

    pub async fn until_status(&self, name: &str, holds: impl Fn(&Value) -> bool) -> Value {
        let started = Instant::now();
        loop {
            let status = self.status(name).await;
            if holds(&status) {
                return status;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "`{name}` does not get there: {status:#}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits for a condition whose message contains a text, and returns the message.
    pub async fn condition(&self, name: &str, kind: &str, part: &str) -> String {
        let status = self
            .until_status(name, |status| find_condition(status, kind, part).is_some())
            .await;
        find_condition(&status, kind, part).unwrap()
    }

    pub async fn until<T, F>(&self, what: &str, look: impl Fn() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let started = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(started.elapsed() < PATIENCE, "{what} does not come");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until a ConfigMap of `default` on a cluster has this `data.k`, or is gone.
    pub async fn config_map(&self, cluster: &str, name: &str, wanted: Option<&str>) {
        let client = self.cluster(cluster);
        self.until(&format!("ConfigMap {name} on {cluster}"), || async {
            let found = client
                .get(&config_maps(), Some("default"), name)
                .await
                .unwrap();
            let value = found
                .as_ref()
                .and_then(|o| o.pointer("/data/k"))
                .and_then(Value::as_str);
            (value == wanted).then_some(())
        })
        .await;
    }

    pub async fn stop(self) {
        match self.what {
            What::Embedded(running) => running.stop().await,
            What::Real(reals) => reals.stop().await,
        }
    }
}

/// The labels of every cluster.
pub fn labels() -> BTreeMap<String, String> {
    [("environment".to_owned(), "production".to_owned())].into()
}

pub fn settings(folder: &tempfile::TempDir, git: &std::path::Path, in_memory: bool) -> UpSettings {
    UpSettings {
        remote_hosts: Vec::new(),
        data_dir: folder.path().join("data"),
        reset: false,
        in_memory,
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        latency: Duration::from_millis(20),
        local_repos: vec![git.to_owned()],
        instead_of: vec![
            InsteadOf::parse(&format!(
                "https://gitlab.internal/=file://{}/",
                git.display()
            ))
            .unwrap(),
        ],
        git: GitOptions::default(),
        namespace: "argocd".into(),
    }
}

pub fn commit(repository: &RepoBuilder, files: &[(&str, &str)]) {
    let changes: Vec<Change> = files
        .iter()
        .map(|(path, text)| {
            if text.is_empty() {
                Change::Remove((*path).to_owned())
            } else {
                Change::text(path, text)
            }
        })
        .collect();
    repository.commit("main", "change", &changes).unwrap();
}

pub fn config_map(name: &str, value: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  k: {value}\n")
}

fn find_condition(status: &Value, kind: &str, part: &str) -> Option<String> {
    let conditions = status.get("conditions")?.as_array()?;
    conditions
        .iter()
        .filter(|condition| condition["type"] == kind)
        .filter_map(|condition| condition["message"].as_str())
        .find(|message| message.contains(part))
        .map(str::to_owned)
}

pub fn applications() -> Resource {
    argo("Application", "applications")
}

pub fn argo(kind: &str, plural: &str) -> Resource {
    Resource::new(Gvk::new("argoproj.io", "v1alpha1", kind), plural, true)
}

pub fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}

pub fn resource(object: &Object) -> Resource {
    let kind = object.kind().to_owned();
    Resource::new(object.gvk(), &format!("{}s", kind.to_lowercase()), true)
}
