//! A hub, clusters, a repository, the network between them, and the process of the controllers,
//! which can die and start again.

use crate::clock::HostClock;
use crate::dice::Dice;
use crate::ground::ground;
use crate::kubelet;
use crate::link::{Life, Link};
use crate::model::{self, CLUSTERS, Commit, Declared};
use crate::repository::{Repository, Sight};
use crate::watchman::Watchman;
use argosy_argo::application::ApplicationController;
use argosy_argo::{Configure, Hub, HubPorts};
use argosy_frame::StopHandle;
use argosy_kube::{Client, ClusterSettings, KubeClusters, Limits, Transport};
use argosy_kubeapi::{ApiServer, MemoryStorage, Range, Storage};
use argosy_object::{Object, Value};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinSet;

pub struct World {
    pub clock: Arc<HostClock>,
    pub repository: Arc<Repository>,
    pub watchman: Arc<Watchman>,
    /// The ways of the controllers: `hub`, `c0`, ..
    pub links: BTreeMap<String, Arc<Link>>,
    /// The hub as people reach it.
    pub hub: Client,
    /// The clusters as people reach them.
    pub clusters: Vec<Client>,
    stores: BTreeMap<String, MemoryStorage>,
    process: Option<Process>,
    _servers: Vec<ApiServer>,
    _kubelets: JoinSet<()>,
}

struct Process {
    life: Arc<Life>,
    stop: StopHandle,
    tasks: JoinSet<()>,
}

impl World {
    pub async fn new(first: Commit, dice: &mut Dice) -> Self {
        let clock = Arc::new(HostClock::new());
        let cluster_clock = Arc::new(HostClock::new());
        let repository = Repository::new(first);
        let mut stores = BTreeMap::new();
        let mut servers = BTreeMap::new();
        for name in names() {
            let is_hub = name == "hub";
            let (store, server) = ground().serve(is_hub, cluster_clock.clone()).await;
            stores.insert(name.clone(), store);
            servers.insert(name, server);
        }
        let watchman = Watchman::new(clock.clone(), repository.clone(), stores.clone());
        let links = servers.iter().map(|(name, server)| {
            let link = Link::new(name, server.service(), dice.fork(), watchman.clone());
            (name.clone(), link)
        });
        let links = links.collect();
        let client =
            |name: &str| Client::new(&format!("https://{name}.sim"), servers[name].service());
        let clusters: Vec<Client> = (0..CLUSTERS).map(|at| client(&format!("c{at}"))).collect();
        let mut kubelets = JoinSet::new();
        for cluster in &clusters {
            kubelets.spawn(kubelet::run(cluster.clone(), dice.fork()));
        }
        Self {
            hub: client("hub"),
            clock,
            repository,
            watchman,
            links,
            clusters,
            stores,
            process: None,
            _servers: servers.into_values().collect(),
            _kubelets: kubelets,
        }
    }

    /// Starts the controllers.
    pub fn start(&mut self) {
        self.watchman.say("the controllers start");
        self.repository.restarted();
        let life = Arc::new(Life::default());
        let hub = self.links["hub"].service(&life);
        let transport = Transport::new(Limits::default());
        for cluster in 0..CLUSTERS {
            let link = &self.links[&format!("c{cluster}")];
            transport
                .stand_in(&model::server(cluster), link.service(&life))
                .unwrap();
        }
        let client = Client::new("https://kubernetes.default.svc", hub.clone());
        let schemas = ground().schemas.clone();
        let settings = ClusterSettings::new(schemas.clone());
        let clusters = Arc::new(KubeClusters::new(transport, hub, "argocd", settings));
        let ports = HubPorts {
            api: Arc::new(client),
            sources: Arc::new(Sight(self.repository.clone())),
            clusters: clusters.clone(),
            configure: Arc::new(Configuration {
                clusters,
                known: Mutex::default(),
            }),
            remote_hosts: Vec::new(),
            seed: argosy_render::Seed::default(),
            clock: self.clock.clone(),
            namespace: "argocd".into(),
        };
        let (handle, stop) = StopHandle::new();
        let mut tasks = JoinSet::new();
        let hub = Hub::start(ports, schemas, &mut tasks, &stop);
        ApplicationController::start(hub, &mut tasks, &stop);
        self.process = Some(Process {
            life,
            stop: handle,
            tasks,
        });
    }

    /// Kills the process of the controllers, wherever it is.
    pub fn kill(&mut self) {
        if let Some(process) = self.process.take() {
            self.watchman.say("the controllers are killed");
            process.life.end();
            drop(process.tasks);
            process.stop.stop();
        }
    }

    /// Tells the controllers to end, and kills them where they do not.
    pub async fn end(&mut self) {
        if let Some(mut process) = self.process.take() {
            self.watchman.say("the controllers are told to end");
            process.stop.stop();
            let all = async { while process.tasks.join_next().await.is_some() {} };
            let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
            process.life.end();
        }
    }

    pub fn is_running(&self) -> bool {
        self.process.is_some()
    }

    /// The objects of an application in its cluster.
    pub fn live(&self, app: usize) -> BTreeMap<String, Value> {
        let store = &self.stores[&format!("c{}", model::cluster_of(app))];
        let mut found = BTreeMap::new();
        for prefix in ["/core/configmaps/default/", "/apps/deployments/default/"] {
            let range = Range {
                prefix,
                ..Range::default()
            };
            for (key, stored) in store.range(range).unwrap().items {
                let name = key.rsplit('/').next().unwrap();
                if model::app_of(name) == Some(app) {
                    let value = serde_json::from_slice(&stored.json).unwrap();
                    found.insert(name.to_owned(), value);
                }
            }
        }
        found
    }

    /// Why an application's cluster does not hold what is declared.
    pub fn differs(&self, app: usize, declared: &Declared) -> Option<String> {
        let live = self.live(app);
        let values = |name: &String, value: Option<String>| (name.clone(), value);
        let has: BTreeMap<_, _> = live
            .iter()
            .map(|(name, live)| values(name, model::value_of(live)))
            .collect();
        let wants: BTreeMap<_, _> = declared
            .iter()
            .map(|(name, item)| values(name, Some(item.value.clone())))
            .collect();
        (has != wants).then(|| format!("the cluster has {has:?}, declared is {wants:?}"))
    }
}

pub fn names() -> Vec<String> {
    let clusters = (0..CLUSTERS).map(|at| format!("c{at}"));
    std::iter::once("hub".to_owned()).chain(clusters).collect()
}

/// Hands cluster Secrets on, where they changed.
struct Configuration {
    clusters: Arc<KubeClusters>,
    known: Mutex<BTreeMap<String, String>>,
}

impl Configure for Configuration {
    fn clusters(&self, secrets: &[Object]) {
        let mut known = self.known.lock().unwrap();
        let mut gone = std::mem::take(&mut *known);
        for secret in secrets {
            let version = secret.resource_version().to_owned();
            if gone.remove(secret.name()).as_ref() != Some(&version) {
                self.clusters.set_secret(secret).unwrap();
            }
            known.insert(secret.name().into(), version);
        }
        for name in gone.into_keys() {
            self.clusters.remove_secret("argocd", &name);
        }
    }

    fn repositories(&self, _: &[Object]) {}

    fn trust(&self, _: &str, _: &BTreeMap<String, String>) {}
}
