//! The servers that both programs talk to.

use argosy_kube::{Client, Kubeconfig, Limits, Transport};
use argosy_object::Gvk;
use argosy_ports::{Api, ListOptions, Resource, SystemTime};
use argosy_simulate::Options;
use argosy_testkit::realapi::{self, RealCluster};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a simulated pod takes.
const LATENCY: Duration = Duration::from_millis(50);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A cluster of `argosy up`.
    Embedded,
    /// kube-apiserver with its controllers; the kubelet is simulated.
    Real,
}

pub struct Server {
    pub kubeconfig: PathBuf,
    pub client: Client,
    _folder: tempfile::TempDir,
    _kept: Kept,
}

enum Kept {
    Process(#[allow(dead_code)] Process),
    Cluster(#[allow(dead_code)] Box<RealCluster>),
}

/// A process that ends with the test.
pub struct Process(pub Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Server {
    /// Starts a server; `None` where its programs, or helm, are not here.
    pub async fn start(ground: Ground, test: &str) -> Option<Self> {
        if realapi::tool("helm").is_none() {
            realapi::skipped(test, "helm (`cargo xtask kubeassets`)");
            return None;
        }
        match ground {
            Ground::Embedded => Some(Self::embedded().await),
            Ground::Real => {
                realapi::assets_or_skip(test)?;
                Some(Self::real().await)
            }
        }
    }

    async fn embedded() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_argosy"))
            .args([
                "up",
                "--in-memory",
                "--simulate",
                "1",
                "--no-web",
                "--latency",
                "50",
            ])
            .args([
                "--listen",
                "127.0.0.1",
                "--metrics-listen",
                "off",
                "--data-dir",
            ])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let kept = Kept::Process(Process(child));
        let all = folder.path().join("kubeconfig");
        let own = folder.path().join("cluster");
        let started = Instant::now();
        loop {
            // The kubeconfig of the one cluster, so that both programs find it without a flag.
            if let Ok(text) = std::fs::read_to_string(&all)
                && text.contains("sim-1")
            {
                let text = text.replace("current-context: hub", "current-context: sim-1");
                std::fs::write(&own, text).unwrap();
                if let Some(client) = answering(&own).await {
                    return Self {
                        kubeconfig: own,
                        client,
                        _folder: folder,
                        _kept: kept,
                    };
                }
            }
            assert!(
                started.elapsed() < PATIENCE,
                "the embedded API does not answer"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn real() -> Self {
        let cluster = tokio::task::spawn_blocking(|| RealCluster::start().unwrap()).await;
        let cluster = Box::new(cluster.unwrap());
        let kubeconfig = cluster.kubeconfig().to_owned();
        let file = Kubeconfig::load(std::slice::from_ref(&kubeconfig)).unwrap();
        let (spec, _) = file.cluster(None).unwrap();
        let service = Transport::new(Limits::default()).service(&spec).unwrap();
        let options = Options {
            controllers: false,
            latency: LATENCY,
            ..Options::default()
        };
        tokio::spawn(argosy_simulate::run(
            service.clone(),
            options,
            Arc::new(SystemTime),
        ));
        Self {
            kubeconfig,
            client: Client::new(&spec.server, service),
            _folder: tempfile::tempdir().unwrap(),
            _kept: Kept::Cluster(cluster),
        }
    }
}

async fn answering(kubeconfig: &Path) -> Option<Client> {
    let (spec, _) = Kubeconfig::load(&[kubeconfig.to_owned()])
        .ok()?
        .cluster(None)
        .ok()?;
    let service = Transport::new(Limits::default()).service(&spec).ok()?;
    let client = Client::new(&spec.server, service);
    let nodes = Resource::new(Gvk::new("", "v1", "Node"), "nodes", false);
    let found = client.list(&nodes, &ListOptions::default()).await.ok()?;
    (!found.items.is_empty()).then_some(client)
}
