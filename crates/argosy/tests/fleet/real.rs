//! Real API servers for a fleet: the first is the hub too.

use crate::harness::labels;
use argosy::commands::up::UpSettings;
use argosy::controllers::{ControllerSettings, Controllers};
use argosy_git::GitSettings;
use argosy_kube::{Client, Kubeconfig, Limits, Transport};
use argosy_object::{Gvk, Object, json};
use argosy_ports::{Api, ApiService, Resource, SystemTime, WriteOptions};
use argosy_simulate::Options;
use argosy_testkit::realapi::{self, RealCluster};
use base64::Engine as _;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// Real API servers by name, whose pods the simulator's kubelet makes run.
pub struct Servers {
    clusters: BTreeMap<String, (RealCluster, ApiService)>,
    kubelets: JoinSet<()>,
}

impl Servers {
    /// One for each name; `None` where the programs are absent, which was said.
    pub async fn start(
        test: &str,
        names: &[&str],
        transport: &Transport,
        latency: Duration,
    ) -> Option<Self> {
        realapi::assets_or_skip(test)?;
        let mut starts = JoinSet::new();
        for name in names {
            let name = (*name).to_owned();
            starts.spawn_blocking(move || (name, RealCluster::start().unwrap()));
        }
        let started = starts.join_all().await;
        let mut kubelets = JoinSet::new();
        let mut clusters = BTreeMap::new();
        for (name, cluster) in started {
            let service = service(transport, &cluster);
            let options = Options {
                controllers: false,
                latency,
                node_prefix: format!("{name}-node"),
                ..Options::default()
            };
            kubelets.spawn(argosy_simulate::run(
                service.clone(),
                options,
                Arc::new(SystemTime),
            ));
            clusters.insert(name, (cluster, service));
        }
        Some(Self { clusters, kubelets })
    }

    /// The cluster Secret of each.
    pub fn secrets(&self) -> BTreeMap<String, Object> {
        self.clusters
            .iter()
            .map(|(name, (cluster, _))| (name.clone(), secret(name, cluster)))
            .collect()
    }

    pub fn cluster(&self, name: &str) -> Client {
        Client::new(&format!("https://{name}"), self.clusters[name].1.clone())
    }

    pub async fn stop(mut self) {
        self.kubelets.shutdown().await;
    }
}

pub struct Reals {
    servers: Servers,
    hub: ApiService,
    controllers: Controllers,
}

impl Reals {
    /// One API server for each name, controllers on the first, and a Secret for each.
    pub async fn start(test: &str, names: &[&str], settings: UpSettings) -> Option<Self> {
        let transport = Transport::new(Limits::default());
        let servers = Servers::start(test, names, &transport, settings.latency).await?;
        let hub = servers.clusters[names[0]].1.clone();
        let mut git = GitSettings::new(settings.data_dir.join("repositories"));
        git.local_roots = settings.local_repos;
        git.instead_of = settings.instead_of;
        let settings = ControllerSettings {
            namespace: settings.namespace,
            git,
            remote_hosts: Vec::new(),
        };
        let controllers = Controllers::start(hub.clone(), transport, settings)
            .await
            .unwrap();
        let reals = Self {
            servers,
            hub,
            controllers,
        };
        reals.write_secrets().await;
        Some(reals)
    }

    async fn write_secrets(&self) {
        let resource = Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true);
        for mut secret in self.servers.secrets().into_values() {
            for (label, value) in labels() {
                secret.set_label(&label, &value);
            }
            self.hub()
                .create(&resource, &secret, &WriteOptions::default())
                .await
                .unwrap();
        }
    }

    pub fn hub(&self) -> Client {
        Client::new("https://hub", self.hub.clone())
    }

    pub fn cluster(&self, name: &str) -> Client {
        self.servers.cluster(name)
    }

    pub async fn stop(self) {
        self.controllers.drain().await;
        self.servers.stop().await;
    }
}

fn service(transport: &Transport, cluster: &RealCluster) -> ApiService {
    let kubeconfig = Kubeconfig::load(&[cluster.kubeconfig().to_owned()]).unwrap();
    let (spec, _) = kubeconfig.cluster(None).unwrap();
    transport.service(&spec).unwrap()
}

/// A cluster Secret with a client certificate.
fn secret(name: &str, cluster: &RealCluster) -> Object {
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    let (certificate, key) = cluster.admin_pem();
    let config = json!({"tlsClientConfig": {
        "caData": encode(cluster.ca_pem()),
        "certData": encode(certificate),
        "keyData": encode(key),
    }});
    let mut secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": format!("cluster-{name}"), "namespace": "argocd"},
        "stringData": {"name": name, "server": cluster.url(), "config": config.to_string()},
    }))
    .unwrap();
    secret.set_label("argocd.argoproj.io/secret-type", "cluster");
    secret
}
