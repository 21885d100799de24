//! The phases of the fleet bench.

use super::board::Board;
use super::fleet::name;
use super::ground::{Ground, NAMESPACE};
use super::repository::{URL, every_application, one_application};
use crate::session::Session;
use crate::usage::cpu_seconds;
use anyhow::{Context as _, bail};
use argosy_git::author::RepoBuilder;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{
    Api, ListOptions, PatchBody, Resource, Wanted, WatchEvent, WatchOptions, WriteOptions,
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use std::time::{Duration, Instant};

/// How many Applications are created at a time.
const CREATES_AT_ONCE: usize = 32;
/// A fleet is quiet for so long before the idle phase.
const QUIET: Duration = Duration::from_secs(10);

/// What one phase took.
pub(super) struct Phase {
    name: &'static str,
    seconds: f64,
    cpu_seconds: f64,
    api_calls: u64,
    rendered: u64,
    reconciles: u64,
    /// Milliseconds of each round, sorted.
    rounds: Vec<f64>,
}

impl Phase {
    pub(super) fn json(&self) -> Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        let mut value = json!({
            "phase": self.name,
            "seconds": round(self.seconds),
            "cpu_seconds": round(self.cpu_seconds),
            "api_calls": self.api_calls,
            "rendered": self.rendered,
            "reconciles": self.reconciles,
        });
        if !self.rounds.is_empty() {
            value["median_ms"] = round(self.percentile(50)).into();
            value["p95_ms"] = round(self.percentile(95)).into();
        }
        value
    }

    pub(super) fn line(&self) -> String {
        let mut line = format!(
            "{:<12}{:>9.2}{:>9.2}{:>10}{:>10}{:>11}",
            self.name,
            self.seconds,
            self.cpu_seconds,
            self.api_calls,
            self.rendered,
            self.reconciles
        );
        if !self.rounds.is_empty() {
            line += &format!("   {:.0}, {:.0}", self.percentile(50), self.percentile(95));
        }
        line
    }

    /// The nearest-rank percentile of the rounds.
    fn percentile(&self, percent: usize) -> f64 {
        let rank = (self.rounds.len() * percent).div_ceil(100).max(1);
        self.rounds[rank - 1]
    }
}

/// A fleet under measurement.
pub(super) struct Bench<'a> {
    pub(super) session: &'a Session,
    pub(super) ground: &'a Ground,
    pub(super) repository: &'a RepoBuilder,
    pub(super) applications: usize,
    pub(super) rounds: usize,
    pub(super) limit: Duration,
    pub(super) phases: Vec<Phase>,
}

/// The counters at the start of a phase.
struct Start {
    at: Instant,
    cpu_seconds: f64,
    api_calls: u64,
    rendered: u64,
    reconciles: u64,
}

impl Bench<'_> {
    fn start(&self) -> Start {
        let controllers = self.ground.controllers();
        Start {
            at: Instant::now(),
            cpu_seconds: cpu_seconds(),
            api_calls: controllers.calls(),
            rendered: controllers.hub.render.rendered(),
            reconciles: controllers.hub.stage_times.count("report"),
        }
    }

    fn end(&mut self, name: &'static str, start: &Start, mut rounds: Vec<f64>) {
        rounds.sort_by(f64::total_cmp);
        let now = self.start();
        self.phases.push(Phase {
            name,
            seconds: start.at.elapsed().as_secs_f64(),
            cpu_seconds: now.cpu_seconds - start.cpu_seconds,
            api_calls: now.api_calls - start.api_calls,
            rendered: now.rendered - start.rendered,
            reconciles: now.reconciles - start.reconciles,
            rounds,
        });
        let phase = self.phases.last().expect("it was just added");
        self.session.tell(&phase.line());
    }

    fn board(&self) -> Board {
        Board::new(
            self.ground.controllers().hub.store.clone(),
            self.applications,
        )
    }

    /// From no Application to all well.
    pub(super) async fn cold(&mut self, applications: Vec<Object>) -> anyhow::Result<()> {
        let mut board = self.board();
        let start = self.start();
        let hub = &self.ground.hub;
        let resource = Resource::new(
            Gvk::new("argoproj.io", "v1alpha1", "Application"),
            "applications",
            true,
        );
        let options = WriteOptions::default();
        let created = stream::iter(&applications)
            .map(|application| hub.create(&resource, application, &options))
            .buffer_unordered(CREATES_AT_ONCE)
            .try_for_each(|_| async { Ok(()) });
        let session = self.session;
        let tell = |count: usize| {
            if session.terminal.stderr {
                session.tell(&format!("\x1b[1A\x1b[Kcold: {count} are well"));
            }
        };
        let (created, well) = tokio::join!(created, board.until_well(None, self.limit, &tell));
        created.context("cannot create the Applications")?;
        well?;
        self.end("cold", &start, Vec::new());
        Ok(())
    }

    /// A fleet at rest.
    pub(super) async fn idle(&mut self, measured: Duration) -> anyhow::Result<()> {
        tokio::time::sleep(QUIET).await;
        let start = self.start();
        tokio::time::sleep(measured).await;
        self.end("idle", &start, Vec::new());
        Ok(())
    }

    /// A commit that concerns every Application.
    pub(super) async fn change_all(&mut self) -> anyhow::Result<()> {
        let mut board = self.board();
        let start = self.start();
        let revision = self
            .repository
            .commit("main", "all", &[every_application("changed")])?;
        board
            .until_well(Some(&revision), self.limit, &|_| {})
            .await?;
        self.end("change-all", &start, Vec::new());
        Ok(())
    }

    /// Commits that concern one Application each, one after another.
    pub(super) async fn change_one(&mut self) -> anyhow::Result<()> {
        let sources = &self.ground.controllers().hub.ports.sources;
        let wanted = Wanted {
            revision: "main".into(),
            ..Wanted::default()
        };
        let mut seen = sources.follow(&sources.repo(URL, "default"), &wanted);
        let start = self.start();
        let mut rounds = Vec::with_capacity(self.rounds);
        for round in 0..self.rounds {
            let number = self.spread(round);
            let text = format!("round-{round}");
            let reached = self.watch(number, "one", &text).await?;
            let change = one_application(number, &text);
            let revision = self.repository.commit("main", "one", &[change])?;
            let fetched = seen.wait_for(|seen| {
                seen.artifact
                    .as_ref()
                    .is_some_and(|artifact| *artifact.revision == *revision)
            });
            tokio::time::timeout(self.limit, fetched)
                .await
                .context("the commit is not seen")??;
            let at = Instant::now();
            tokio::time::timeout(self.limit, reached).await??;
            rounds.push(at.elapsed().as_secs_f64() * 1000.0);
        }
        self.end("change-one", &start, rounds);
        Ok(())
    }

    /// Changes by hand, the first of each Application, one after another.
    pub(super) async fn drift(&mut self) -> anyhow::Result<()> {
        let start = self.start();
        let mut rounds = Vec::with_capacity(self.rounds);
        for round in 0..self.rounds {
            // Those that `change_one` left alone, as far as there are so many.
            let number = (self.spread(round) + 1) % self.applications;
            let client = &self.ground.clusters[number % self.ground.clusters.len()].client;
            let object = client
                .get(&config_maps(), Some(NAMESPACE), &name(number))
                .await?
                .with_context(|| format!("ConfigMap `{}` is not there", name(number)))?;
            let value = object
                .pointer("/data/all")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let patch = PatchBody::Merge(json!({"data": {"all": format!("by hand {round}")}}));
            let back = self.watch(number, "all", value).await?;
            client
                .patch(
                    &config_maps(),
                    Some(NAMESPACE),
                    &name(number),
                    &patch,
                    &WriteOptions::default(),
                )
                .await?;
            let at = Instant::now();
            tokio::time::timeout(self.limit, back).await??;
            rounds.push(at.elapsed().as_secs_f64() * 1000.0);
        }
        self.end("drift", &start, rounds);
        Ok(())
    }

    /// Applications of the rounds, spread over the fleet.
    fn spread(&self, round: usize) -> usize {
        round * (self.applications / self.rounds).max(1) % self.applications
    }

    /// Waits, from now on, until an Application's ConfigMap is changed to have this value.
    async fn watch(
        &self,
        number: usize,
        field: &'static str,
        value: &str,
    ) -> anyhow::Result<impl Future<Output = anyhow::Result<()>> + use<>> {
        let client = &self.ground.clusters[number % self.ground.clusters.len()].client;
        let list = ListOptions {
            namespace: Some(NAMESPACE.into()),
            fields: Some(format!("metadata.name={}", name(number))),
            ..ListOptions::default()
        };
        let options = WatchOptions { list, from: None };
        let mut events = client.watch(&config_maps(), &options).await?;
        // What is there at the start ends with a bookmark.
        while !matches!(
            events.next().await.context("a watch ended")??,
            WatchEvent::Bookmark(_)
        ) {}
        let value = value.to_owned();
        Ok(async move {
            while let Some(event) = events.next().await {
                if let WatchEvent::Modified(object) = event?
                    && object
                        .pointer(&format!("/data/{field}"))
                        .and_then(Value::as_str)
                        == Some(&value)
                {
                    return Ok(());
                }
            }
            bail!("a watch ended")
        })
    }
}

fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}
