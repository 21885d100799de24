//! `argosy up` as a process of its own.

use argosy_kube::{Client, Kubeconfig, Limits, Transport};
use argosy_object::Gvk;
use argosy_ports::{Api, ListOptions, Resource};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Up {
    child: Child,
    data: PathBuf,
}

impl Up {
    /// Starts it with one simulated cluster, `sim-1`.
    pub fn start(data: &Path, git: &Path) -> Self {
        std::fs::create_dir_all(data).unwrap();
        let log = File::options()
            .create(true)
            .append(true)
            .open(log_file(data))
            .unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_argosy"))
            .args(["up", "--simulate", "1", "--latency", "20"])
            .arg("--data-dir")
            .arg(data)
            .arg("--local-repos")
            .arg(git)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self {
            child,
            data: data.to_owned(),
        }
    }

    /// A client of the hub, once it answers.
    pub async fn hub(&self) -> Client {
        self.client("hub").await
    }

    /// A client of a cluster, once it answers.
    pub async fn cluster(&self, name: &str) -> Client {
        self.client(name).await
    }

    async fn client(&self, context: &str) -> Client {
        let started = Instant::now();
        loop {
            if let Some(client) = self.try_client(context).await {
                return client;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "`{context}` does not answer\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn try_client(&self, context: &str) -> Option<Client> {
        let kubeconfig = Kubeconfig::load(&[self.data.join("kubeconfig")]).ok()?;
        let (spec, _) = kubeconfig.cluster(Some(context)).ok()?;
        let service = Transport::new(Limits::default()).service(&spec).ok()?;
        let client = Client::new(&spec.server, service);
        let namespaces = Resource::new(Gvk::new("", "v1", "Namespace"), "namespaces", false);
        client
            .list(&namespaces, &ListOptions::default())
            .await
            .ok()?;
        Some(client)
    }

    /// Kills it with SIGKILL.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Ends it.
    pub fn end(mut self) {
        self.kill();
    }

    /// The end of what it said.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(log_file(&self.data)).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(30)..].join("\n")
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log_file(data: &Path) -> PathBuf {
    data.with_extension("log")
}
