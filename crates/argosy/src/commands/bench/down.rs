//! `argosy bench fleet --down N`: what clusters that cannot be reached cost the others.

use super::ground::Ground;
use crate::session::Session;
use anyhow::{Context as _, bail};
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api as _, Resource, WriteOptions};
use clap::ValueEnum;
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use tokio::net::TcpListener;

/// How the clusters that are down behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Manner {
    /// Nobody listens.
    Refuse,
    /// Connections are taken, and never answered.
    Hang,
}

impl Manner {
    /// Makes the Secrets of clusters that are down in this manner, and returns their servers.
    pub(super) async fn clusters(
        self,
        ground: &Ground,
        count: usize,
    ) -> anyhow::Result<Vec<String>> {
        let secrets = Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true);
        let mut servers = Vec::with_capacity(count);
        for number in 1..=count {
            let listener = TcpListener::bind("127.0.0.1:0")
                .await
                .context("cannot choose a port")?;
            let server = format!("https://{}", listener.local_addr()?);
            if self == Self::Hang {
                tokio::spawn(take_and_keep_silent(listener));
            }
            let config = json!({"tlsClientConfig": {"insecure": true}, "bearerToken": "none"});
            let secret = Object::new(json!({
                "apiVersion": "v1", "kind": "Secret",
                "metadata": {"name": format!("cluster-down-{number}"), "namespace": "argocd",
                    "labels": {argosy_crds::names::SECRET_TYPE: "cluster"}},
                "stringData": {"name": format!("down-{number}"), "server": server,
                    "config": config.to_string()},
            }))?;
            ground
                .hub
                .create(&secrets, &secret, &WriteOptions::default())
                .await
                .context("cannot add a cluster that is down")?;
            servers.push(server);
        }
        Ok(servers)
    }
}

async fn take_and_keep_silent(listener: TcpListener) {
    let mut taken = Vec::new();
    while let Ok((socket, _)) = listener.accept().await {
        taken.push(socket);
    }
}

/// Fleets that differ in their clusters that are down alone.
pub(super) struct Pairs {
    pub(super) clusters: usize,
    pub(super) apps: usize,
    pub(super) objects: usize,
    pub(super) down: usize,
    pub(super) pairs: usize,
    pub(super) rounds: usize,
    pub(super) limit: u64,
}

/// The best of what was measured of one fleet.
#[derive(Clone, Copy)]
struct Figures {
    cold_seconds: f64,
    cold_cpu_seconds: f64,
    median_ms: f64,
    p95_ms: f64,
}

const KINDS: [(&str, Option<Manner>); 3] = [
    ("none", None),
    ("refuse", Some(Manner::Refuse)),
    ("hang", Some(Manner::Hang)),
];

impl Pairs {
    /// Measures the three fleets in turn, and reports.
    pub(super) fn measure(&self, session: &Session, is_json: bool) -> anyhow::Result<String> {
        let mut best: [Option<Figures>; KINDS.len()] = [None; KINDS.len()];
        for pair in 0..self.pairs {
            // Whoever comes first in a quiet moment is another one each time.
            for turn in 0..KINDS.len() {
                let kind = (pair + turn) % KINDS.len();
                let figures = self.run(KINDS[kind].1)?;
                session.tell(&format!("{:<8}{}", KINDS[kind].0, figures.line()));
                best[kind] = Some(best[kind].map_or(figures, |known| known.best(figures)));
            }
        }
        let best = best.map(|figures| figures.expect("every kind was measured"));
        Ok(if is_json {
            self.json(&best)
        } else {
            self.table(&best)
        })
    }

    /// One fleet, in a process of its own: nothing of it is warm for the next one.
    fn run(&self, manner: Option<Manner>) -> anyhow::Result<Figures> {
        let program = std::env::current_exe().context("cannot find this program")?;
        let mut command = Command::new(program);
        command.args(["bench", "fleet", "--json", "--phases", "cold,change-one"]);
        for (flag, value) in [
            ("--clusters", self.clusters),
            ("--apps", self.apps),
            ("--objects", self.objects),
            ("--rounds", self.rounds),
        ] {
            command.arg(flag).arg(value.to_string());
        }
        command.arg("--limit").arg(self.limit.to_string());
        if let Some(manner) = manner.and_then(|manner| manner.to_possible_value()) {
            command.arg("--manner").arg(manner.get_name());
            command.arg("--down").arg(self.down.to_string());
        }
        command.env_remove("KUBECONFIG").stdin(Stdio::null());
        let output = command.output().context("cannot start a fleet")?;
        if !output.status.success() {
            bail!(
                "a fleet does not come up: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            );
        }
        let value: Value =
            serde_json::from_slice(&output.stdout).context("a fleet's figures are no JSON")?;
        Figures::read(&value).context("a fleet's figures lack a phase")
    }

    fn json(&self, best: &[Figures; KINDS.len()]) -> String {
        let fleets: Vec<Value> = KINDS
            .iter()
            .zip(best)
            .map(|((name, _), figures)| figures.json(name, &best[0]))
            .collect();
        let report = json!({
            "clusters": self.clusters, "apps": self.apps, "objects": self.apps * self.objects,
            "down": self.down, "fleets": fleets,
        });
        format!("{report}\n")
    }

    fn table(&self, best: &[Figures; KINDS.len()]) -> String {
        let mut text = format!(
            "{} applications of {} objects on {} clusters, {} more of which are down; the fastest of \
             {}\n\n{:<8}{:>9}{:>9}{:>9}{:>11}{:>9}\n",
            self.apps,
            self.objects,
            self.clusters,
            self.down,
            self.pairs,
            "DOWN",
            "COLD S",
            "BESIDE",
            "CPU S",
            "ONE, MS",
            "95TH",
        );
        for ((name, _), figures) in KINDS.iter().zip(best) {
            let _ = writeln!(
                text,
                "{name:<8}{:>9.2}{:>+8.1}%{:>9.2}{:>11.0}{:>9.0}",
                figures.cold_seconds,
                figures.slower_percent(&best[0]),
                figures.cold_cpu_seconds,
                figures.median_ms,
                figures.p95_ms,
            );
        }
        text
    }
}

impl Figures {
    fn read(value: &Value) -> Option<Self> {
        let phase = |name: &str| {
            let phases = value["phases"].as_array()?;
            phases.iter().find(|phase| phase["phase"] == name)
        };
        let (cold, one) = (phase("cold")?, phase("change-one")?);
        Some(Self {
            cold_seconds: cold["seconds"].as_f64()?,
            cold_cpu_seconds: cold["cpu_seconds"].as_f64()?,
            median_ms: one["median_ms"].as_f64()?,
            p95_ms: one["p95_ms"].as_f64()?,
        })
    }

    fn best(self, other: Self) -> Self {
        Self {
            cold_seconds: self.cold_seconds.min(other.cold_seconds),
            cold_cpu_seconds: self.cold_cpu_seconds.min(other.cold_cpu_seconds),
            median_ms: self.median_ms.min(other.median_ms),
            p95_ms: self.p95_ms.min(other.p95_ms),
        }
    }

    fn slower_percent(&self, than: &Self) -> f64 {
        (self.cold_seconds / than.cold_seconds - 1.0) * 100.0
    }

    fn line(&self) -> String {
        format!(
            "cold {:.2} s, {:.2} CPU s; change-one {:.0} ms, {:.0} ms",
            self.cold_seconds, self.cold_cpu_seconds, self.median_ms, self.p95_ms
        )
    }

    fn json(&self, name: &str, beside: &Self) -> Value {
        let round = |value: f64| (value * 1000.0).round() / 1000.0;
        json!({
            "down": name, "cold_seconds": self.cold_seconds,
            "cold_cpu_seconds": self.cold_cpu_seconds,
            "cold_slower_percent": round(self.slower_percent(beside)),
            "change_one_median_ms": self.median_ms, "change_one_p95_ms": self.p95_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(cold: f64) -> Value {
        json!({"phases": [
            {"phase": "cold", "seconds": cold, "cpu_seconds": 2.0},
            {"phase": "change-one", "median_ms": 16.0, "p95_ms": 22.0},
        ]})
    }

    #[test]
    fn fastest_run_of_each_counts_and_is_told_beside_the_fleet_without() {
        let [slow, fast] = [11.0, 10.0].map(|cold| Figures::read(&figures(cold)).unwrap());
        let without = slow.best(fast);
        let with = Figures::read(&figures(10.5)).unwrap();
        assert!((with.slower_percent(&without) - 5.0).abs() < 1e-9);
        assert_eq!(with.json("hang", &without)["cold_slower_percent"], 5.0);
    }

    #[test]
    fn figures_that_lack_a_phase_are_none() {
        assert!(Figures::read(&json!({"phases": [{"phase": "cold", "seconds": 1.0}]})).is_none());
    }
}
