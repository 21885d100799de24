//! `argosy bench fleet`: one repository, one chart, many Applications on many clusters.

use super::down::{Manner, Pairs};
use super::ground::{Ground, NAMESPACE};
use super::phases::{Bench, Phase};
use super::repository;
use crate::commands::up::{failure, init_logs};
use crate::session::Session;
use crate::usage::peak_rss_bytes;
use anyhow::Context as _;
use argosy_cli::Failure;
use argosy_object::{Object, Value, json};
use clap::Args;
use std::fmt::Write as _;
use std::time::Duration;

/// Brings a fleet up and changes it, and prints what each phase took
#[derive(Args)]
#[command(after_help = "Phases:
  cold        from no Application to all Synced and Healthy
  idle        60 seconds of a fleet at rest, after 10 quiet ones
  change-all  a commit that concerns every Application
  change-one  commits that concern one each; milliseconds from the fetch to the cluster
  drift       changes by hand; milliseconds until each is put back

With --down N, cold and change-one are measured without and with N more clusters, which have as many
applications as the others have and cannot be reached: once connections are refused, once they hang.
Every run is a process of its own, in turn, and the fastest of each kind counts.

Examples:
  argosy bench fleet --clusters 50 --apps 2000
  argosy bench fleet --clusters 50 --apps 2000 --down 2
  argosy bench fleet --apps 500 --kubeconfig api-server.yaml --json")]
pub struct FleetCommand {
    /// Simulated clusters
    #[arg(long, value_name = "N", default_value_t = 10)]
    clusters: usize,
    /// Applications, spread over the clusters
    #[arg(long, value_name = "N", default_value_t = 100)]
    apps: usize,
    /// Objects of each Application
    #[arg(long, value_name = "N", default_value_t = 6)]
    objects: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// Phases to measure, of cold,idle,change-all,change-one,drift; cold is always there
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    phases: Vec<String>,
    /// Measured seconds of the idle phase
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    idle_seconds: u64,
    /// How many changes change-one and drift make
    #[arg(long, value_name = "N", default_value_t = 20)]
    rounds: usize,
    /// How many seconds a phase may take
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    limit: u64,
    /// Compare with a fleet that has so many clusters more, which are down
    #[arg(long, value_name = "N", default_value_t = 0)]
    down: usize,
    /// With --down: how often each is measured
    #[arg(long, value_name = "N", default_value_t = 3)]
    pairs: usize,
    /// Measure the fleet with its clusters that are down, and no other: what --down runs
    #[arg(long, value_name = "MANNER", hide = true)]
    manner: Option<Manner>,
}

impl FleetCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        init_logs(session);
        if self.apps == 0 || self.clusters == 0 || self.objects == 0 {
            return Err(Failure::new(
                "a fleet has at least one cluster, application and object",
            ));
        }
        for phase in &self.phases {
            if !["cold", "idle", "change-all", "change-one", "drift"].contains(&phase.as_str()) {
                return Err(Failure::new(format!("there is no phase `{phase}`"))
                    .hint("the phases are cold, idle, change-all, change-one and drift"));
            }
        }
        if self.down > 0 && self.is_real(session) {
            return Err(
                Failure::new("`--down` is for simulated clusters").hint("leave `--kubeconfig` out")
            );
        }
        if self.down > 0 && self.manner.is_none() {
            let pairs = Pairs {
                clusters: self.clusters,
                apps: self.apps,
                objects: self.objects,
                down: self.down,
                pairs: self.pairs.max(1),
                rounds: self.rounds,
                limit: self.limit,
            };
            let text = pairs.measure(session, self.json).map_err(failure)?;
            session.print(&text)?;
            return Ok(0);
        }
        session.block_on(async {
            let phases = self.measure(session).await.map_err(failure)?;
            session.print(&self.report(&phases, self.is_real(session)))?;
            Ok(0)
        })
    }

    fn is_real(&self, session: &Session) -> bool {
        session.is_kubeconfig_given
    }

    async fn measure(&self, session: &Session) -> anyhow::Result<Vec<Phase>> {
        let folder = tempfile::tempdir().context("cannot make a folder")?;
        let git = folder.path().join("git/fleet");
        let repository = repository::make(&git, self.apps + self.lost(), self.objects)?;
        let ground = if self.is_real(session) {
            Ground::real(session, folder.path()).await?
        } else {
            Ground::embedded(folder.path(), self.clusters).await?
        };
        ground.make_namespaces().await?;
        let mut applications = self.applications(&ground)?;
        if let Some(manner) = self.manner {
            let servers = manner.clusters(&ground, self.down).await?;
            for number in self.apps..self.apps + self.lost() {
                applications.push(application(number, &servers[number % servers.len()])?);
            }
            // Those that nobody can bring up come first, as they are asked for all the time.
            applications.reverse();
        }
        let mut bench = Bench {
            session,
            ground: &ground,
            repository: &repository,
            applications: self.apps,
            rounds: self.rounds.min(self.apps),
            limit: Duration::from_secs(self.limit),
            phases: Vec::new(),
        };
        let result = self.all(&mut bench, applications).await;
        let phases = std::mem::take(&mut bench.phases);
        ground.stop().await;
        result.map(|()| phases)
    }

    async fn all(&self, bench: &mut Bench<'_>, applications: Vec<Object>) -> anyhow::Result<()> {
        let is_wanted =
            |name: &str| self.phases.is_empty() || self.phases.iter().any(|phase| phase == name);
        bench.cold(applications).await?;
        if is_wanted("idle") {
            bench.idle(Duration::from_secs(self.idle_seconds)).await?;
        }
        if is_wanted("change-all") {
            bench.change_all().await?;
        }
        if is_wanted("change-one") {
            bench.change_one().await?;
        }
        if is_wanted("drift") {
            bench.drift().await?;
        }
        Ok(())
    }

    /// The Applications, one after another over the clusters.
    fn applications(&self, ground: &Ground) -> anyhow::Result<Vec<Object>> {
        (0..self.apps)
            .map(|number| {
                let destination = &ground.clusters[number % ground.clusters.len()];
                application(number, &destination.server)
            })
            .collect()
    }

    /// Applications of the clusters that are down: as many a cluster as the others have.
    fn lost(&self) -> usize {
        match self.manner {
            Some(_) => (self.apps * self.down).div_ceil(self.clusters),
            None => 0,
        }
    }

    fn report(&self, phases: &[Phase], is_real: bool) -> String {
        let clusters = if is_real { 1 } else { self.clusters };
        if self.json {
            let phases: Vec<Value> = phases.iter().map(Phase::json).collect();
            let figures = json!({
                "clusters": clusters, "apps": self.apps, "objects": self.apps * self.objects,
                "peak_rss_bytes": peak_rss_bytes(), "phases": phases,
            });
            return format!("{figures}\n");
        }
        let mut text = format!(
            "{} applications of {} objects on {clusters} clusters, {:.0} MiB at most\n\n\
             {:<12}{:>9}{:>9}{:>10}{:>10}{:>11}   {}\n",
            self.apps,
            self.objects,
            peak_rss_bytes() as f64 / f64::from(1 << 20),
            "PHASE",
            "SECONDS",
            "CPU S",
            "API CALLS",
            "RENDERED",
            "RECONCILES",
            "MILLISECONDS (median, 95th percentile)",
        );
        for phase in phases {
            let _ = writeln!(text, "{}", phase.line());
        }
        text
    }
}

fn application(number: usize, server: &str) -> anyhow::Result<Object> {
    Ok(Object::new(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": name(number), "namespace": "argocd"},
        "spec": {
            "project": "default",
            "source": {
                "repoURL": repository::URL, "targetRevision": "main", "path": "chart",
                "helm": {"valueFiles": [format!("/values/{number}.yaml")]},
            },
            "destination": {"server": server, "namespace": NAMESPACE},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
        },
    }))?)
}

/// The name of an Application, and of its objects.
pub(super) fn name(number: usize) -> String {
    format!("bench-{number}")
}
