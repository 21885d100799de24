//! What happens in a run: people, faults and their end, drawn step by step.

use crate::dice::Dice;
use crate::ground::secrets;
use crate::kubelet::deployments;
use crate::link::{Mishap, Way, Weather};
use crate::model::{self, APPS, Commit, Declared, How, Item, app_name, cluster_of};
use crate::people;
use crate::repository::Trouble;
use crate::world::{World, names};
use argosy_object::{Gvk, json};
use argosy_ports::{Api, DeleteOptions, PatchBody, Resource, WriteOptions};
use std::collections::BTreeSet;
use std::time::Duration;

const OBJECTS: u64 = 6;
const WORKLOADS: u64 = 2;

/// One run of one seed.
pub struct Script {
    pub world: World,
    pub dice: Dice,
    /// Applications that somebody deleted.
    pub deleted: BTreeSet<usize>,
    /// Operations that somebody asked for, by application and author.
    pub asked: Vec<(usize, String)>,
    /// The last application does not sync by itself.
    pub is_last_manual: bool,
    serial: u64,
    faulty: BTreeSet<String>,
}

impl Script {
    pub async fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut serial = 0;
        let apps = (0..APPS).map(|app| Some(declare(app, &mut dice, &mut serial)));
        let first = Commit::new(0, apps.collect());
        let world = World::new(first, &mut dice).await;
        let is_last_manual = dice.percent(25);
        let script = Self {
            world,
            dice,
            deleted: BTreeSet::new(),
            asked: vec![],
            is_last_manual,
            serial,
            faulty: BTreeSet::new(),
        };
        for app in 0..APPS {
            people::create(&script.world.hub, app, script.is_manual(app)).await;
        }
        script
    }

    pub fn is_manual(&self, app: usize) -> bool {
        self.is_last_manual && app == APPS - 1
    }

    fn say(&self, line: &str) {
        self.world.watchman.say(&format!("-- {line}"));
    }

    /// Everything that goes wrong.
    pub async fn play(&mut self) {
        self.world.start();
        let steps = 6 + self.dice.below(14);
        for _ in 0..steps {
            let pause = match self.dice.below(10) {
                0..4 => self.dice.below(1500),
                4..8 => self.dice.below(12_000),
                _ => self.dice.below(150_000),
            };
            tokio::time::sleep(Duration::from_millis(pause)).await;
            self.step().await;
        }
    }

    async fn step(&mut self) {
        match self.dice.below(100) {
            0..24 => self.commit(),
            24..27 => self.force_push(),
            27..38 => self.edit().await,
            38..44 => self.ask().await,
            44..47 => self.terminate().await,
            47..51 => self.delete_or_create().await,
            51..70 => self.storm(),
            70..76 => self.heal(),
            76..81 => self.repository(),
            81..84 => self.cut(),
            84..94 => self.restart().await,
            94..97 => self.jump(),
            _ => self.renew().await,
        }
    }

    /// The end of all faults.
    pub fn end_faults(&mut self) {
        self.say("faults end");
        for link in self.world.links.values() {
            link.set(Weather::fair());
        }
        self.faulty.clear();
        self.world.repository.set_trouble(Trouble::None);
        if !self.world.is_running() {
            self.world.start();
        }
    }

    /// A commit that changes every application, and leaves each in order.
    pub fn commit_to_all(&mut self) {
        let before = self.world.repository.head();
        let apps = (0..APPS).map(|app| {
            let mut declared = before.apps[app].clone().unwrap_or_default();
            self.serial += 1;
            let item = item(&mut self.dice, self.serial, false);
            declared.insert(format!("{}-c0", app_name(app)), item);
            Some(declared)
        });
        let commit = Commit::new(self.world.repository.len(), apps.collect());
        self.say(&format!("commit {} to all", commit.sha));
        self.world.repository.push(commit);
    }

    fn commit(&mut self) {
        let mut apps = self.world.repository.head().apps;
        for _ in 0..=self.dice.below(2) {
            let app = self.dice.below(APPS as u64) as usize;
            if self.dice.percent(12) {
                apps[app] = None;
                continue;
            }
            let mut declared = match apps[app].take() {
                Some(declared) => declared,
                None => declare(app, &mut self.dice, &mut self.serial),
            };
            for _ in 0..=self.dice.below(3) {
                self.change(app, &mut declared);
            }
            apps[app] = Some(declared);
        }
        let commit = Commit::new(self.world.repository.len(), apps);
        self.say(&format!("commit {} {:?}", commit.sha, commit.apps));
        self.world.repository.push(commit);
    }

    fn change(&mut self, app: usize, declared: &mut Declared) {
        let is_workload = self.dice.percent(25);
        let name = object_name(app, &mut self.dice, is_workload);
        if self.dice.percent(35) && declared.len() > 1 && declared.remove(&name).is_some() {
            return;
        }
        self.serial += 1;
        let mut item = item(&mut self.dice, self.serial, is_workload);
        // The way of applying is the object's for good: changing it is another story.
        if let Some(before) = declared.get(&name) {
            item.how = before.how;
        }
        declared.insert(name, item);
    }

    fn force_push(&mut self) {
        let to = self.dice.below(self.world.repository.len() as u64) as usize;
        self.say(&format!("the branch is forced to commit number {to}"));
        self.world.repository.force(to);
    }

    /// Somebody changes or deletes an object in a cluster.
    async fn edit(&mut self) {
        let app = self.dice.below(APPS as u64) as usize;
        let live = self.world.live(app);
        let names: Vec<&String> = live.keys().collect();
        if names.is_empty() {
            return;
        }
        let name = names[self.dice.below(names.len() as u64) as usize].clone();
        let is_workload = name.contains("-d");
        let cluster = cluster_of(app);
        let client = &self.world.clusters[cluster];
        let resource = if is_workload {
            deployments()
        } else {
            config_maps()
        };
        self.world.watchman.edited(&format!("c{cluster}"), &name);
        if self.dice.percent(40) {
            self.say(&format!("somebody deletes {name}"));
            let options = DeleteOptions::default();
            let _ = client
                .delete(&resource, Some("default"), &name, &options)
                .await;
            return;
        }
        self.say(&format!("somebody edits {name}"));
        let patch = if is_workload {
            json!([{"op": "replace", "path": "/spec/template/spec/containers/0/image",
                "value": "registry.invalid/edited"}])
        } else {
            json!([{"op": "add", "path": "/data", "value": {"k": "edited"}}])
        };
        let patch = PatchBody::Json(patch);
        let options = WriteOptions::default();
        let _ = client
            .patch(&resource, Some("default"), &name, &patch, &options)
            .await;
    }

    /// Somebody asks for a sync.
    async fn ask(&mut self) {
        let app = self.dice.below(APPS as u64) as usize;
        self.serial += 1;
        let author = format!("u{}", self.serial);
        let revision = if self.dice.percent(30) {
            let at = self.dice.below(self.world.repository.len() as u64) as usize;
            self.world.repository.sha(at)
        } else {
            String::new()
        };
        if people::ask(&self.world.hub, app, &author, &revision).await {
            self.say(&format!("{author} syncs {} to `{revision}`", app_name(app)));
            self.asked.push((app, author));
        }
    }

    async fn terminate(&mut self) {
        let app = self.dice.below(APPS as u64) as usize;
        if people::terminate(&self.world.hub, app).await {
            self.say(&format!("somebody terminates {}", app_name(app)));
        }
    }

    async fn delete_or_create(&mut self) {
        let app = self.dice.below(APPS as u64) as usize;
        if !self.deleted.contains(&app) {
            self.say(&format!("somebody deletes application {}", app_name(app)));
            people::delete(&self.world.hub, app).await;
            self.deleted.insert(app);
            self.asked.retain(|(asked, _)| *asked != app);
        } else if self.world.watchman.application(&app_name(app)).is_none() {
            self.create_again(app).await;
        }
    }

    pub async fn create_again(&mut self, app: usize) {
        self.say(&format!("somebody creates application {}", app_name(app)));
        people::create(&self.world.hub, app, self.is_manual(app)).await;
        self.deleted.remove(&app);
    }

    /// Bad weather on one way.
    fn storm(&mut self) {
        let name = self.dice.pick(&["hub", "c0", "c0", "c1", "c1"]);
        let mut weather = Weather::fair();
        match self.dice.below(10) {
            0 | 1 => weather.way = Way::Refused,
            2 | 3 => weather.way = Way::BlackHole,
            4 => weather.delay_ms = 4000,
            _ => {
                weather.percent = self.dice.pick(&[5, 30, 100]);
                weather.delay_ms = self.dice.pick(&[3, 50, 500]);
                let all = [
                    Mishap::Answer(401),
                    Mishap::Answer(403),
                    Mishap::Answer(409),
                    Mishap::Answer(422),
                    Mishap::Answer(429),
                    Mishap::Answer(500),
                    Mishap::Answer(503),
                    Mishap::Page,
                    Mishap::LostAnswer,
                    Mishap::Truncated,
                    Mishap::Hangs,
                    Mishap::Gone,
                ];
                for _ in 0..=self.dice.below(3) {
                    let mishap = self.dice.pick(&all);
                    weather.mishaps.push(mishap);
                }
            }
        }
        self.say(&format!("{name}: {weather:?}"));
        self.world.links[name].set(weather);
        self.faulty.insert(name.into());
    }

    fn heal(&mut self) {
        if let Some(name) = self.faulty.pop_first() {
            self.say(&format!("{name} is well again"));
            self.world.links[&name].set(Weather::fair());
        }
        self.world.repository.set_trouble(Trouble::None);
    }

    fn repository(&mut self) {
        let trouble = self.dice.pick(&[
            Trouble::None,
            Trouble::Down,
            Trouble::Hangs,
            Trouble::Empty,
            Trouble::TreeMissing,
            Trouble::Unauthorized,
        ]);
        self.say(&format!("repository: {trouble:?}"));
        self.world.repository.set_trouble(trouble);
    }

    fn cut(&mut self) {
        for name in names() {
            if self.dice.percent(50) {
                self.say(&format!("watches of {name} are cut"));
                self.world.links[&name].cut_watches();
            }
        }
    }

    async fn restart(&mut self) {
        if self.dice.percent(25) {
            self.world.end().await;
        } else {
            self.world.kill();
        }
        let pause = 1 + self.dice.below(if self.dice.clone().percent(20) {
            90_000
        } else {
            3000
        });
        tokio::time::sleep(Duration::from_millis(pause)).await;
        self.world.start();
    }

    fn jump(&mut self) {
        let seconds = self.dice.pick(&[-7200, -300, -2, 2, 300, 7200]);
        self.say(&format!("the clock jumps by {seconds} s"));
        self.world.clock.jump(seconds);
    }

    /// A cluster's Secret is written anew, so that its cluster is connected to anew.
    async fn renew(&mut self) {
        self.serial += 1;
        let name = format!("cluster-c{}", self.dice.below(model::CLUSTERS as u64));
        self.say(&format!("Secret {name} is written"));
        let patch = json!({"metadata": {"annotations": {"written": self.serial.to_string()}}});
        let patch = PatchBody::Merge(patch);
        let options = WriteOptions::default();
        let hub = &self.world.hub;
        hub.patch(&secrets(), Some("argocd"), &name, &patch, &options)
            .await
            .unwrap();
    }
}

fn object_name(app: usize, dice: &mut Dice, is_workload: bool) -> String {
    let (letter, most) = if is_workload {
        ('d', WORKLOADS)
    } else {
        ('c', OBJECTS)
    };
    format!("{}-{letter}{}", app_name(app), dice.below(most))
}

fn declare(app: usize, dice: &mut Dice, serial: &mut u64) -> Declared {
    let mut declared = Declared::new();
    for _ in 0..=dice.below(4) {
        *serial += 1;
        let is_workload = dice.percent(20);
        let name = object_name(app, dice, is_workload);
        declared.insert(name, item(dice, *serial, is_workload));
    }
    declared
}

fn item(dice: &mut Dice, serial: u64, is_workload: bool) -> Item {
    let how = match dice.below(10) {
        0..6 => How::ThreeWay,
        6..9 => How::ServerSide,
        _ if is_workload => How::ThreeWay,
        _ => How::Replace,
    };
    Item {
        value: format!("v{serial}"),
        wave: dice.below(3),
        how,
        is_workload,
    }
}

pub fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}
