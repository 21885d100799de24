//! `argosy up`, killed with SIGKILL at random moments of syncs, prunes and deletions: nothing is
//! lost, no operation runs twice, and the declared state is there in the end.
//!
//! `ARGOSY_KILLS` sets how often (12 by default), `ARGOSY_SEED` replays a run.

mod process;

use argosy_git::author::{Change, RepoBuilder};
use argosy_kube::Client;
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, DeleteOptions, ListOptions, Resource, WriteOptions};
use process::Up;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long the fleet may take to be as declared after a start.
const PATIENCE: Duration = Duration::from_secs(60);
/// The moments of a kill after a change: from at once to after the second wave.
const KILL_WITHIN_MS: u64 = 3500;

/// A small generator of its own, so that a seed replays a run (xorshift64*).
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) % end
    }
}

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_moment_nothing_is_lost_and_nothing_runs_twice() {
    let kills = number("ARGOSY_KILLS", 12);
    let clock = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    let seed = number("ARGOSY_SEED", clock.as_millis() as u64) | 1;
    eprintln!("ARGOSY_SEED={seed}");
    let mut dice = Dice(seed);
    let folder = tempfile::tempdir().unwrap();
    let mut world = World::new(folder.path());
    let mut up = world.up();
    world.create_application(&up.hub().await).await;
    for kill in 0..kills {
        let wanted = world.change(&mut dice, &up.hub().await).await;
        tokio::time::sleep(Duration::from_millis(dice.below(KILL_WITHIN_MS))).await;
        up.kill();
        up = world.up();
        world
            .settle(&up, &wanted, &format!("kill {kill} of seed {seed}"))
            .await;
    }
    up.end();
}

/// A repository, a data folder, and what is declared.
struct World {
    folder: PathBuf,
    repository: RepoBuilder,
    declared: BTreeMap<String, String>,
    serial: u64,
    exists: bool,
}

impl World {
    fn new(folder: &Path) -> Self {
        let path = folder.join("git/shop");
        std::fs::create_dir_all(&path).unwrap();
        let repository = RepoBuilder::init(&path).unwrap();
        let declared: BTreeMap<String, String> = (0..12)
            .map(|n| (format!("c{n}"), "v0".to_owned()))
            .collect();
        let world = Self {
            folder: folder.to_owned(),
            repository,
            declared,
            serial: 0,
            exists: true,
        };
        let files: Vec<Change> = world.declared.iter().map(|(n, v)| file(n, v)).collect();
        world.repository.commit("main", "begin", &files).unwrap();
        world
    }

    fn up(&self) -> Up {
        Up::start(&self.folder.join("data"), &self.folder.join("git"))
    }

    async fn create_application(&self, hub: &Client) {
        let application = json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": "shop", "namespace": "argocd",
                "finalizers": ["resources-finalizer.argocd.argoproj.io"]},
            "spec": {
                "project": "default",
                "source": {"repoURL": format!("file://{}/git/shop", self.folder.display()),
                    "targetRevision": "main", "path": "app"},
                "destination": {"name": "sim-1", "namespace": "default"},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
            },
        });
        let application = Object::new(application).unwrap();
        hub.create(&applications(), &application, &WriteOptions::default())
            .await
            .unwrap();
    }

    /// Changes what is declared: values, objects that go, objects that come, sometimes the whole
    /// Application. Returns what the cluster must hold in the end.
    async fn change(&mut self, dice: &mut Dice, hub: &Client) -> BTreeMap<String, String> {
        if !self.exists {
            self.create_application(hub).await;
            self.exists = true;
        } else if dice.below(6) == 0 {
            let options = DeleteOptions::default();
            hub.delete(&applications(), Some("argocd"), "shop", &options)
                .await
                .unwrap();
            self.exists = false;
            return BTreeMap::new();
        }
        self.serial += 1;
        let mut changes = Vec::new();
        for _ in 0..=dice.below(5) {
            let name = format!("c{}", dice.below(16));
            let removed = self.declared.len() > 2 && dice.below(3) == 0;
            if removed && self.declared.remove(&name).is_some() {
                changes.push(Change::Remove(format!("app/{name}.yaml")));
            } else {
                let value = format!("v{}", self.serial);
                changes.push(file(&name, &value));
                self.declared.insert(name, value);
            }
        }
        self.repository
            .commit("main", &format!("change {}", self.serial), &changes)
            .unwrap();
        self.declared.clone()
    }

    /// Waits for the declared state, and holds the invariants.
    async fn settle(&self, up: &Up, wanted: &BTreeMap<String, String>, which: &str) {
        let (hub, cluster) = (up.hub().await, up.cluster("sim-1").await);
        let started = Instant::now();
        loop {
            let live = live(&cluster).await;
            let application = hub
                .get(&applications(), Some("argocd"), "shop")
                .await
                .unwrap();
            if live == *wanted && self.is_settled(application.as_ref()) {
                if let Some(application) = application {
                    no_operation_twice(&application, which);
                }
                return;
            }
            let status = application
                .as_ref()
                .and_then(|a| a.pointer("/status"))
                .cloned();
            assert!(
                started.elapsed() < PATIENCE,
                "{which}: not as declared\nwanted {wanted:?}\nlive   {live:?}\nstatus {:#}\n{}",
                status.unwrap_or_default(),
                up.log(),
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn is_settled(&self, application: Option<&Object>) -> bool {
        let Some(application) = application else {
            return !self.exists;
        };
        let is = |pointer: &str, wanted: &str| {
            application.pointer(pointer).and_then(Value::as_str) == Some(wanted)
        };
        self.exists
            && is("/status/sync/status", "Synced")
            && is("/status/operationState/phase", "Succeeded")
    }
}

/// Each revision stands in the history once, in rising order of ids.
fn no_operation_twice(application: &Object, which: &str) {
    let history = application
        .pointer("/status/history")
        .and_then(Value::as_array)
        .unwrap();
    let mut seen = BTreeSet::new();
    let mut last = None;
    for entry in history {
        let revision = entry["revision"].as_str().unwrap();
        assert!(
            seen.insert(revision.to_owned()),
            "{which}: {revision} ran twice: {history:#?}"
        );
        let id = entry["id"].as_i64().unwrap();
        assert!(
            last.is_none_or(|last| id == last + 1),
            "{which}: ids of {history:#?}"
        );
        last = Some(id);
    }
}

/// The ConfigMaps of the cluster that are ours, and their values.
async fn live(cluster: &Client) -> BTreeMap<String, String> {
    let options = ListOptions {
        namespace: Some("default".into()),
        ..ListOptions::default()
    };
    let list = cluster.list(&config_maps(), &options).await.unwrap();
    let ours = list
        .items
        .iter()
        .filter(|object| object.name() != "kube-root-ca.crt");
    ours.map(|object| {
        let value = object
            .pointer("/data/k")
            .and_then(Value::as_str)
            .unwrap_or("");
        (object.name().to_owned(), value.to_owned())
    })
    .collect()
}

/// Odd ones come in a second wave, so that a kill can fall between the two.
fn file(name: &str, value: &str) -> Change {
    let wave = name.trim_start_matches('c').parse::<u32>().unwrap() % 2;
    let text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  annotations:\n    \
         argocd.argoproj.io/sync-wave: \"{wave}\"\ndata:\n  k: {value}\n"
    );
    Change::text(&format!("app/{name}.yaml"), &text)
}

fn applications() -> Resource {
    Resource::new(
        Gvk::new("argoproj.io", "v1alpha1", "Application"),
        "applications",
        true,
    )
}

fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}
