//! What a bench's fleet stands on: simulated clusters of this process, or a real API server.

use crate::commands::up::{Running, UpSettings};
use crate::controllers::{ControllerSettings, Controllers};
use crate::session::Session;
use anyhow::{Context as _, bail};
use argosy_cli::GitOptions;
use argosy_git::{GitSettings, InsteadOf};
use argosy_kube::{Client, Transport};
use argosy_object::{Gvk, json};
use argosy_ports::{Api, ApiErrorKind, ApiService, Resource, WriteOptions};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The namespace that the bench's objects go to.
pub(super) const NAMESPACE: &str = "bench";
/// How long a pod takes to be ready.
const LATENCY: Duration = Duration::from_millis(300);

/// A hub with controllers, and the clusters.
pub(super) struct Ground {
    what: What,
    pub(super) hub: Client,
    pub(super) clusters: Vec<Destination>,
}

/// A cluster as Applications name it, and a client of it that is not counted as Argosy's.
pub(super) struct Destination {
    pub(super) server: String,
    pub(super) client: Client,
}

enum What {
    Embedded(Box<Running>),
    Real {
        controllers: Box<Controllers>,
        kubelet: Child,
    },
}

impl Ground {
    /// Simulated clusters, all in this process and in memory.
    pub(super) async fn embedded(folder: &Path, clusters: usize) -> anyhow::Result<Self> {
        let settings = UpSettings {
            data_dir: folder.join("data"),
            reset: true,
            in_memory: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            latency: LATENCY,
            local_repos: vec![folder.join("git")],
            instead_of: vec![instead_of(folder)?],
            git: GitOptions::default(),
            namespace: "argocd".into(),
            remote_hosts: Vec::new(),
        };
        let running = Running::start(settings).await?;
        let named: Vec<(String, BTreeMap<String, String>)> = (1..=clusters)
            .map(|n| (format!("bench-{n}"), BTreeMap::new()))
            .collect();
        running.fleet.simulate(&named).await?;
        let mut destinations = Vec::with_capacity(clusters);
        for (name, _) in &named {
            let service = running
                .fleet
                .cluster(name)
                .context("a cluster is not served")?;
            let server = format!("{}/clusters/{name}", running.fleet.url());
            let client = Client::new(&server, service);
            destinations.push(Destination { server, client });
        }
        let hub = Client::new(running.fleet.url(), running.fleet.hub());
        Ok(Self {
            what: What::Embedded(Box::new(running)),
            hub,
            clusters: destinations,
        })
    }

    /// The cluster of the kubeconfig, as hub and as the only destination.
    pub(super) async fn real(session: &Session, folder: &Path) -> anyhow::Result<Self> {
        let connected = session
            .connect()
            .map_err(|failure| anyhow::anyhow!("{failure}"))?;
        let mut git = GitSettings::new(folder.join("repositories"));
        git.local_roots = vec![folder.join("git")];
        git.instead_of = vec![instead_of(folder)?];
        // Clients of the bench's own are not Argosy's calls.
        let own = uncounted(&connected.spec)?;
        let client = |service: &ApiService| Client::new(&connected.spec.server, service.clone());
        let kubelet = kubelet(session, &own).await?;
        let settings = ControllerSettings {
            namespace: session.settings.namespace.clone(),
            git,
            remote_hosts: Vec::new(),
        };
        let controllers =
            Controllers::start(connected.service, connected.transport, settings).await?;
        let destination = Destination {
            server: argosy_crds::names::IN_CLUSTER.into(),
            client: client(&own),
        };
        Ok(Self {
            hub: client(&own),
            clusters: vec![destination],
            what: What::Real {
                controllers: Box::new(controllers),
                kubelet,
            },
        })
    }

    pub(super) fn controllers(&self) -> &Controllers {
        match &self.what {
            What::Embedded(running) => &running.controllers,
            What::Real { controllers, .. } => controllers,
        }
    }

    /// Makes the namespace on every cluster.
    pub(super) async fn make_namespaces(&self) -> anyhow::Result<()> {
        let resource = Resource::new(Gvk::new("", "v1", "Namespace"), "namespaces", false);
        let namespace = argosy_object::Object::new(json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE},
        }))?;
        for destination in &self.clusters {
            let made = destination
                .client
                .create(&resource, &namespace, &WriteOptions::default())
                .await;
            match made {
                Err(error) if error.kind != ApiErrorKind::AlreadyExists => return Err(error.into()),
                _ => {}
            }
        }
        Ok(())
    }

    pub(super) async fn stop(self) {
        match self.what {
            What::Embedded(running) => running.stop().await,
            What::Real {
                controllers,
                mut kubelet,
            } => {
                controllers.drain().await;
                let _ = kubelet.kill();
                let _ = kubelet.wait();
            }
        }
    }
}

fn instead_of(folder: &Path) -> anyhow::Result<InsteadOf> {
    let git = folder.join("git");
    InsteadOf::parse(&format!(
        "https://bench.internal/=file://{}/",
        git.display()
    ))
    .map_err(anyhow::Error::msg)
}

fn uncounted(spec: &argosy_kube::spec::ClusterSpec) -> anyhow::Result<ApiService> {
    Ok(Transport::new(argosy_kube::Limits::default()).service(spec)?)
}

/// Starts the kubelet where the cluster has no nodes of its own.
async fn kubelet(session: &Session, service: &ApiService) -> anyhow::Result<Child> {
    let nodes = Resource::new(Gvk::new("", "v1", "Node"), "nodes", false);
    let client = Client::new("https://bench", service.clone());
    let found = client
        .list(&nodes, &argosy_ports::ListOptions::default())
        .await?;
    if !found.items.is_empty() {
        bail!("the cluster has nodes: the bench is for an API server of its own");
    }
    let program = std::env::current_exe().context("cannot find this program")?;
    let mut command = Command::new(program);
    command.args([
        "bench",
        "kubelet",
        "--latency",
        &LATENCY.as_millis().to_string(),
    ]);
    // Without metrics an autoscaler is Degraded for ever, with Argo CD as with Argosy.
    let metrics = Resource::new(
        Gvk::new("metrics.k8s.io", "v1beta1", "PodMetrics"),
        "pods",
        true,
    );
    let measured = client
        .list(&metrics, &argosy_ports::ListOptions::default())
        .await;
    if measured.is_err() {
        command.arg("--autoscalers");
    }
    if let Some(file) = session.settings.kubeconfig.first() {
        command.arg("--kubeconfig").arg(file);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null());
    command.spawn().context("cannot start the kubelet")
}
