//! `argosy up`: a hub and simulated clusters on this machine, with nothing installed.

use crate::controllers::{ControllerSettings, Controllers};
use crate::embedded::{EmbeddedFleet, EmbeddedSettings, new_token};
use crate::folder::Folder;
use crate::serving::{Serving, ServingFlags};
use crate::session::Session;
use anyhow::Context as _;
use argosy_cli::{Failure, GitOptions};
use argosy_git::{GitSettings, InsteadOf};
use argosy_kube::{Limits, Transport};
use argosy_object::Redacted;
use clap::Args;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// Runs a hub and simulated clusters in this process until Ctrl-C
#[derive(Args)]
#[command(after_help = "Examples:
  argosy up --simulate 3
  argosy up --data-dir ./fleet --local-repos ~/src
  KUBECONFIG=./fleet/kubeconfig kubectl get applications -n argocd")]
pub struct UpCommand {
    /// Folder of everything that is kept [default: ~/.local/share/argosy]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Address to listen on; a port that is not given is chosen once and kept
    #[arg(long, value_name = "IP[:PORT]")]
    pub listen: Option<String>,
    /// Simulated clusters to begin with, named `sim-1` and so on
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub simulate: usize,
    /// Keep nothing: everything is gone when the process ends
    #[arg(long)]
    pub in_memory: bool,
    /// Empty the folder first
    #[arg(long)]
    pub reset: bool,
    /// How long a simulated pod takes to be ready, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 300)]
    pub latency: u64,
    #[command(flatten)]
    serving: ServingFlags,
}

/// A fleet of this process, and its controllers.
pub struct Running {
    /// The hub and the clusters.
    pub fleet: EmbeddedFleet,
    /// The controllers.
    pub controllers: Controllers,
    _folder: Folder,
}

/// How to bring a fleet up.
pub struct UpSettings {
    /// The folder.
    pub data_dir: PathBuf,
    /// Empty it first.
    pub reset: bool,
    /// Keep objects in memory.
    pub in_memory: bool,
    /// Where to listen; port 0: the kept one, or any.
    pub listen: SocketAddr,
    /// How long a simulated pod takes.
    pub latency: Duration,
    /// Folders whose repositories may be read.
    pub local_repos: Vec<PathBuf>,
    /// Hosts that kustomizations may name bases of; none: all.
    pub remote_hosts: Vec<String>,
    /// URL rewrites.
    pub instead_of: Vec<InsteadOf>,
    /// How repositories are read else.
    pub git: GitOptions,
    /// The namespace of the control plane.
    pub namespace: String,
}

impl UpCommand {
    /// Runs until Ctrl-C.
    ///
    /// # Errors
    /// [`Failure`] where it cannot start.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let settings = UpSettings {
            data_dir: self.data_dir.unwrap_or_else(|| default_data_dir(session)),
            reset: self.reset,
            in_memory: self.in_memory,
            listen: address(self.listen.as_deref())?,
            latency: Duration::from_millis(self.latency),
            local_repos: session.settings.local_repos.clone(),
            instead_of: instead_of(session)?,
            git: session.settings.git.clone(),
            namespace: session.settings.namespace.clone(),
            remote_hosts: session.settings.remote_hosts.clone(),
        };
        init_logs(session);
        let simulate = self.simulate;
        session.block_on(async move {
            let running = Running::start(settings).await.map_err(failure)?;
            let clusters: Vec<(String, BTreeMap<String, String>)> = (1..=simulate)
                .map(|n| (format!("sim-{n}"), BTreeMap::new()))
                .collect();
            running.fleet.simulate(&clusters).await.map_err(failure)?;
            session.tell(&format!("hub         {}", running.fleet.url()));
            session.tell(&format!(
                "kubeconfig  {}",
                running.fleet.kubeconfig().display()
            ));
            let serving = Serving::start(&self.serving, &running.controllers, session)
                .await
                .map_err(failure)?;
            session.tell("Ctrl-C ends it; everything that was written is kept.");
            ended().await;
            session.tell("draining …");
            serving.stop().await;
            running.stop().await;
            Ok(0)
        })
    }
}

impl Running {
    /// Starts hub, clusters and controllers.
    ///
    /// # Errors
    /// Where the folder is held by another process, or something does not start.
    pub async fn start(settings: UpSettings) -> anyhow::Result<Self> {
        Self::start_with(settings, || Ok(())).await
    }

    /// As [`Running::start`]; `prepare` runs once the folder is held, before anything starts.
    ///
    /// # Errors
    /// As [`Running::start`], and those of `prepare`.
    pub async fn start_with(
        settings: UpSettings,
        prepare: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let folder = Folder::open(&settings.data_dir, settings.reset)?;
        prepare()?;
        let admin_token = match folder.read("admin.token")? {
            Some(token) => Redacted::new(token),
            None => {
                let token = new_token();
                folder.write_private("admin.token", token.reveal())?;
                token
            }
        };
        let listen = match folder
            .read("port")?
            .and_then(|port| port.trim().parse().ok())
        {
            Some(port) if settings.listen.port() == 0 => {
                SocketAddr::new(settings.listen.ip(), port)
            }
            _ => settings.listen,
        };
        let transport = Transport::new(Limits::default());
        let embedded = EmbeddedSettings {
            folder: (!settings.in_memory).then(|| folder.path().to_owned()),
            kubeconfig: folder.join("kubeconfig"),
            listen,
            admin_token,
            latency: settings.latency,
            namespace: settings.namespace.clone(),
        };
        let fleet = EmbeddedFleet::start(embedded, transport.clone()).await?;
        let port = fleet.url().rsplit(':').next().unwrap_or("");
        folder.write_private("port", port)?;
        let mut git = GitSettings::new(folder.join("repositories"));
        crate::git::apply(&settings.git, &mut git);
        git.local_roots = settings.local_repos;
        git.instead_of = settings.instead_of;
        let controllers = Controllers::start(
            transport.counted(fleet.hub()),
            transport,
            ControllerSettings {
                namespace: settings.namespace,
                git,
                remote_hosts: settings.remote_hosts,
            },
        )
        .await
        .context("the controllers do not start")?;
        Ok(Self {
            fleet,
            controllers,
            _folder: folder,
        })
    }

    /// Lets what is under way end, and stops.
    pub async fn stop(self) {
        self.controllers.drain().await;
        self.fleet.stop().await;
    }
}

/// The folder of everything that is kept.
pub fn default_data_dir(session: &Session) -> PathBuf {
    let of = |name: &str| {
        session
            .environment
            .get(name)
            .filter(|value| !value.is_empty())
    };
    if let Some(dir) = of("ARGOSY_DATA_DIR") {
        return dir.into();
    }
    match (of("XDG_DATA_HOME"), of("HOME")) {
        (Some(data), _) => PathBuf::from(data).join("argosy"),
        (None, Some(home)) => PathBuf::from(home).join(".local/share/argosy"),
        (None, None) => PathBuf::from("argosy-data"),
    }
}

/// The URL rewrites of the settings.
pub fn instead_of(session: &Session) -> Result<Vec<InsteadOf>, Failure> {
    let rules = session.settings.git_instead_of.iter();
    rules
        .map(|rule| InsteadOf::parse(rule).map_err(Failure::new))
        .collect()
}

/// Reads `IP`, `IP:PORT` or `:PORT`; nothing is loopback with a kept port.
fn address(text: Option<&str>) -> Result<SocketAddr, Failure> {
    let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Some(text) = text else {
        return Ok(SocketAddr::new(loopback, 0));
    };
    if let Some(port) = text.strip_prefix(':').and_then(|port| port.parse().ok()) {
        return Ok(SocketAddr::new(loopback, port));
    }
    text.parse()
        .or_else(|_| text.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, 0)))
        .map_err(|_| {
            Failure::new(format!("`--listen {text}` is no address"))
                .hint("write IP:PORT, such as 127.0.0.1:6443")
        })
}

/// Logs go to standard error, and `ARGOSY_LOG` chooses what.
pub fn init_logs(session: &Session) {
    let filter = session
        .environment
        .get("ARGOSY_LOG")
        .map_or("warn", String::as_str);
    let filter = tracing_subscriber::EnvFilter::try_new(filter)
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // A second call in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(session.terminal.stderr)
        .try_init();
}

/// Ctrl-C or SIGTERM.
pub async fn ended() {
    let mut terminate =
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(signal) => signal,
            Err(_) => {
                let _ = tokio::signal::ctrl_c().await;
                return;
            }
        };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}

/// An error as commands end with it: the first line, its causes, and the hint after a blank line.
pub fn failure(error: anyhow::Error) -> Failure {
    let text = format!("{error:#}");
    match text.split_once("\n\n") {
        Some((text, hint)) => Failure::new(text.to_owned()).hint(hint.to_owned()),
        None => Failure::new(text),
    }
}
