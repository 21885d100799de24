//! `argosy demo`: a fleet that follows Git, on this machine, in a minute.

mod board;
mod repositories;

use super::up::{Running, UpSettings, default_data_dir, ended, failure, init_logs};
use crate::session::Session;
use crate::usage::{cpu_seconds, peak_rss_bytes};
use crate::web::{Web, WebFlags};
use anyhow::Context as _;
use argosy_cli::{Failure, GitOptions};
use argosy_git::InsteadOf;
use argosy_kube::Client;
use argosy_object::{Gvk, Object, json};
use argosy_ports::{Api, Resource, WriteOptions};
use board::Board;
use clap::Args;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Applications that the demo's two sets make: a team set on every cluster, and five
/// microservices on each production cluster.
pub const APPLICATIONS: usize = 12 + 5 * 9;
const CLUSTERS: usize = 12;
/// How often the board is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// Shows 57 Applications on 12 simulated clusters following Git repositories of this machine
#[derive(Args)]
#[command(after_help = "Examples:
  argosy demo
  argosy demo --once --json")]
pub struct DemoCommand {
    /// Folder of the demo, emptied at each start [default: ~/.local/share/argosy/demo]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// End as soon as all is well: exit code 0, or 1 with reasons
    #[arg(long)]
    pub once: bool,
    /// Print one JSON object with the figures
    #[arg(long)]
    pub json: bool,
    /// With --once: how many seconds it may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    pub limit: u64,
    #[command(flatten)]
    web: WebFlags,
}

/// A demo under way.
struct Show {
    running: Running,
    web: Option<Web>,
    data_dir: PathBuf,
    started: Instant,
}

impl DemoCommand {
    /// Runs the demo.
    ///
    /// # Errors
    /// [`Failure`] where it cannot start.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        init_logs(session);
        let data_dir = self
            .data_dir
            .clone()
            .unwrap_or_else(|| default_data_dir(session).join("demo"));
        session.block_on(async {
            let started = Instant::now();
            let stage = Stage {
                data_dir: data_dir.clone(),
                namespace: session.settings.namespace.clone(),
                remote_hosts: session.settings.remote_hosts.clone(),
                others: BTreeMap::new(),
            };
            let running = stage.bring_up().await.map_err(failure)?;
            let web = self.serve(session, &running).await?;
            let show = Show {
                running,
                web,
                data_dir,
                started,
            };
            let code = self.watch(session, &show).await;
            if let Some(web) = show.web {
                web.stop().await;
            }
            show.running.stop().await;
            code
        })
    }

    /// The web page, unless all ends at once.
    async fn serve(&self, session: &Session, running: &Running) -> Result<Option<Web>, Failure> {
        if self.once {
            return Ok(None);
        }
        let web = Web::start(&self.web, &running.controllers)
            .await
            .map_err(failure)?;
        if let Some(web) = &web {
            web.announce(session);
        }
        Ok(web)
    }

    async fn watch(&self, session: &Session, show: &Show) -> Result<u8, Failure> {
        let Show {
            running, started, ..
        } = show;
        let limit = Duration::from_secs(self.limit);
        let mut board = Board::new(session, self.json);
        let is_well = loop {
            board.look(&running.controllers.hub.store, started.elapsed());
            if board.is_well(APPLICATIONS) {
                break true;
            }
            if self.once && started.elapsed() > limit {
                break false;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = ended() => break false,
            }
        };
        let seconds = started.elapsed().as_secs_f64();
        board.finish();
        if self.json {
            let figures = json!({
                "applications": board.total(),
                "clusters": running.fleet.clusters().len(),
                "synced": board.synced(),
                "healthy": board.healthy(),
                "seconds": (seconds * 1000.0).round() / 1000.0,
                "cpu_seconds": cpu_seconds(),
                "peak_rss_bytes": peak_rss_bytes(),
                "api_calls": running.controllers.calls(),
            });
            session.print(&format!("{figures}\n"))?;
        }
        if !is_well {
            for reason in board.reasons(&running.controllers.hub.store) {
                session.tell(&reason);
            }
            return Ok(1);
        }
        if self.once {
            return Ok(0);
        }
        session.print(&invitation(show, seconds))?;
        ended().await;
        Ok(0)
    }
}

/// What the demo is played on.
pub struct Stage {
    /// The folder of the demo, which is emptied; its repositories are under `git` there.
    pub data_dir: PathBuf,
    /// The namespace of the control plane.
    pub namespace: String,
    /// Hosts that kustomizations may name bases of; none: all.
    pub remote_hosts: Vec<String>,
    /// Secrets of clusters that stand in the place of the demo's cluster of that name, and get its
    /// labels: real ones, in tests.
    pub others: BTreeMap<String, Object>,
}

impl Stage {
    /// Makes the repositories, the hub, the clusters and the two sets.
    ///
    /// # Errors
    /// Where the folder is held by another process, or something does not start.
    pub async fn bring_up(self) -> anyhow::Result<Running> {
        let git = self.data_dir.join("git");
        let settings = UpSettings {
            data_dir: self.data_dir,
            reset: true,
            in_memory: true,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            latency: Duration::from_millis(300),
            local_repos: vec![git.clone()],
            instead_of: vec![
                InsteadOf::parse(&format!(
                    "https://gitlab.internal/=file://{}/",
                    git.display()
                ))
                .map_err(anyhow::Error::msg)?,
            ],
            git: GitOptions::default(),
            namespace: self.namespace,
            remote_hosts: self.remote_hosts,
        };
        let before_fleet = || repositories::make(&git);
        let running = Running::start_with(settings, before_fleet).await?;
        let client = Client::new(running.fleet.url(), running.fleet.hub());
        let (others, simulated): (Vec<_>, Vec<_>) = clusters()
            .into_iter()
            .partition(|(name, _)| self.others.contains_key(name));
        running.fleet.simulate(&simulated).await?;
        for (name, labels) in others {
            let mut secret = self.others[&name].clone();
            for (key, value) in &labels {
                secret.set_label(key, value);
            }
            create(&client, &secret, "secrets").await?;
        }
        for text in [repositories::TEAMS, repositories::MICROSERVICES] {
            let value = argosy_yaml::from_str(text).context("the demo's own sets are YAML")?;
            create(&client, &Object::new(value)?, "applicationsets").await?;
            wait_for_namespaces(&running).await;
        }
        Ok(running)
    }
}

async fn create(client: &Client, object: &Object, plural: &str) -> anyhow::Result<()> {
    let resource = Resource::new(object.gvk(), plural, true);
    client
        .create(&resource, object, &WriteOptions::default())
        .await
        .with_context(|| format!("cannot create {} `{}`", object.kind(), object.name()))?;
    Ok(())
}

/// The microservices go into namespaces of the teams' set: who comes before them fails, and is
/// tried again only after five seconds. Waits for them, but not for long.
async fn wait_for_namespaces(running: &Running) {
    const PATIENCE: Duration = Duration::from_secs(5);
    let namespaces = Resource::new(Gvk::new("", "v1", "Namespace"), "namespaces", false);
    let all = async {
        for (name, _) in clusters() {
            let Some(service) = running.fleet.cluster(&name) else {
                continue;
            };
            let client = Client::new(running.fleet.url(), service);
            for team in repositories::TEAM_NAMES {
                while !matches!(client.get(&namespaces, None, team).await, Ok(Some(_))) {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            }
        }
    };
    let _ = tokio::time::timeout(PATIENCE, all).await;
}

/// Three regions, each with three production clusters and one for staging.
fn clusters() -> Vec<(String, BTreeMap<String, String>)> {
    let mut all = Vec::with_capacity(CLUSTERS);
    for region in ["eu", "us", "ap"] {
        for (environment, count) in [("production", 3), ("staging", 1)] {
            for number in 1..=count {
                let short = if environment == "production" {
                    "prod"
                } else {
                    "staging"
                };
                let labels = [("region", region), ("environment", environment)];
                all.push((
                    format!("{region}-{short}-{number}"),
                    labels
                        .map(|(key, value)| (key.to_owned(), value.to_owned()))
                        .into(),
                ));
            }
        }
    }
    all
}

/// What to try, with commands that can be pasted.
fn invitation(show: &Show, seconds: f64) -> String {
    let kubeconfig = show.running.fleet.kubeconfig().display();
    let git = show.data_dir.join("git");
    let git = git.display();
    let page = show.web.as_ref().map_or_else(String::new, |web| {
        format!("In a browser:\n\n  {}\n\n", web.address())
    });
    format!(
        "
{APPLICATIONS} Applications on {CLUSTERS} clusters are Synced and Healthy after {seconds:.1} s.
{page}In another terminal:

  export KUBECONFIG={kubeconfig}
  kubectl get applications -n argocd
  kubectl --context eu-prod-1 get pods -A

Three things to try:

1. Commit a change: one more replica of checkout, in Europe only.
   git clone -q {git}/shop/checkout /tmp/checkout && cd /tmp/checkout
   sed -i 's/replicas: .*/replicas: 4/' deploy/values-eu.yaml
   git -c user.name=me -c user.email=me@localhost commit -qam 'more checkout' && git push -q
   kubectl --context eu-prod-1 -n shop get deployment checkout -w

2. Break something by hand, and see it put back.
   kubectl --context us-prod-2 -n shop scale deployment catalog --replicas 0
   kubectl --context us-prod-2 -n shop get deployment catalog -w

3. Take an app out of the registry: it leaves all nine clusters.
   git clone -q {git}/platform/app-registry /tmp/registry && cd /tmp/registry
   git rm -rq apps/search && git -c user.name=me -c user.email=me@localhost commit -qm 'no search' && git push -q
   kubectl get applications -n argocd -w

Ctrl-C ends the demo.
"
    )
}
