//! A cluster behind a bad way, on real sockets: whatever goes wrong there, nothing is deleted
//! because it could not be read, the Application says what failed, a neighbour on another cluster
//! goes on, and all is well again by itself.

use crate::harness::{commit, config_map, config_maps, labels, settings};
use argosy::controllers::{ControllerSettings, Controllers};
use argosy::embedded::{EmbeddedFleet, EmbeddedSettings, new_token};
use argosy_git::GitSettings;
use argosy_git::author::RepoBuilder;
use argosy_kube::{Client, Limits, Transport};
use argosy_kubeapi::auth::{authn::StaticTokens, tokens::TokenKey};
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{ApiServer, HistoryLimits, Listener, MemoryStorage, Router, Shared};
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{Api, ApiService, PatchBody, Resource, SystemTime, WriteOptions};
use argosy_schema::Schemas;
use argosy_testkit::faults::{Fault, FaultyWay};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// How long a test waits for something that must come.
const PATIENCE: Duration = Duration::from_mins(2);

/// Faults, and a part of what the Application says while they last; empty where it need not
/// notice, as with a watch that is under way and a server that is slow.
const FAULTS: [(Fault, &str); 12] = [
    (Fault::Drops, "cannot be reached"),
    (Fault::Hangs, "cannot be reached"),
    (Fault::Says(401), "401"),
    (Fault::Says(403), "403"),
    (Fault::Says(409), "409"),
    (Fault::Says(422), "422"),
    (Fault::Says(429), "429"),
    (Fault::Says(500), "500"),
    (Fault::Cuts(40), "cannot be reached"),
    (Fault::Stalls(40), "cannot be reached"),
    (Fault::Slow(Duration::from_millis(30)), ""),
    (Fault::Flaps, ""),
];

/// A hub with one good cluster in this process, and one behind a way.
struct World {
    controllers: Controllers,
    fleet: EmbeddedFleet,
    far: ApiService,
    way: FaultyWay,
    folder: tempfile::TempDir,
    repository: RepoBuilder,
    _stop: watch::Sender<bool>,
}

impl World {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("git");
        let path = git.join("apps");
        std::fs::create_dir_all(&path).unwrap();
        let repository = RepoBuilder::init(&path).unwrap();
        let limits = Limits {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(5),
            watch_answer: Duration::from_secs(5),
            ..Limits::default()
        };
        let transport = Transport::new(limits);
        let up = settings(&folder, &git, true);
        let embedded = EmbeddedSettings {
            folder: None,
            kubeconfig: folder.path().join("kubeconfig"),
            listen: up.listen,
            admin_token: new_token(),
            latency: up.latency,
            namespace: up.namespace.clone(),
        };
        let fleet = EmbeddedFleet::start(embedded, transport.clone())
            .await
            .unwrap();
        let mut git = GitSettings::new(folder.path().join("repositories"));
        git.local_roots = up.local_repos;
        git.instead_of = up.instead_of;
        git.local_interval = Duration::from_millis(50);
        let controllers = ControllerSettings {
            namespace: up.namespace,
            git,
            remote_hosts: Vec::new(),
        };
        let controllers =
            Controllers::start(transport.counted(fleet.hub()), transport, controllers)
                .await
                .unwrap();
        fleet
            .simulate(&[("near".to_owned(), labels())])
            .await
            .unwrap();
        let (far, address, stop) = far_cluster().await;
        let world = Self {
            controllers,
            fleet,
            far,
            way: FaultyWay::to(&address),
            folder,
            repository,
            _stop: stop,
        };
        world.add_far_cluster().await;
        world
    }

    async fn add_far_cluster(&self) {
        let mut secret = Object::new(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "cluster-far", "namespace": "argocd"},
            "stringData": {"name": "far", "server": self.way.url, "config": "{}"},
        }))
        .unwrap();
        secret.set_label("argocd.argoproj.io/secret-type", "cluster");
        let secrets = Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true);
        self.hub()
            .create(&secrets, &secret, &WriteOptions::default())
            .await
            .unwrap();
    }

    fn hub(&self) -> Client {
        Client::new("https://hub", self.fleet.hub())
    }

    fn cluster(&self, name: &str) -> Client {
        let service = match name {
            "far" => self.far.clone(),
            name => self.fleet.cluster(name).unwrap(),
        };
        Client::new(&format!("https://{name}"), service)
    }

    /// The Application of a cluster, of the folder of its name.
    async fn create_application(&self, cluster: &str) {
        let application = Object::new(json!({
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
            "metadata": {"name": cluster, "namespace": "argocd"},
            "spec": {
                "project": "default",
                "source": {"repoURL": "https://gitlab.internal/apps", "targetRevision": "main",
                    "path": cluster},
                "destination": {"name": cluster, "namespace": "default"},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true},
                    "retry": {"limit": -1, "backoff": {"duration": "1s", "maxDuration": "1s"}}},
            },
        }))
        .unwrap();
        self.hub()
            .create(&applications(), &application, &WriteOptions::default())
            .await
            .unwrap();
    }

    fn commit(&self, value: &str) {
        let text = config_map("changes", value);
        commit(
            &self.repository,
            &[("far/changes.yaml", &text), ("near/changes.yaml", &text)],
        );
    }

    async fn value(&self, cluster: &str, name: &str) -> Option<String> {
        let found = self
            .cluster(cluster)
            .get(&config_maps(), Some("default"), name)
            .await
            .unwrap();
        let value = found?
            .pointer("/data/k")
            .and_then(Value::as_str)?
            .to_owned();
        Some(value)
    }

    async fn until<T, F>(&self, what: &str, look: impl Fn() -> F) -> T
    where
        F: Future<Output = Option<T>>,
    {
        let started = Instant::now();
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                started.elapsed() < PATIENCE,
                "{what} does not come: {:#}",
                self.status("far").await
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn until_value(&self, cluster: &str, value: &str, what: &str) {
        let what = format!("{value} on {cluster} {what}");
        self.until(&what, || async {
            (self.value(cluster, "changes").await.as_deref() == Some(value)).then_some(())
        })
        .await;
    }

    async fn status(&self, name: &str) -> Value {
        let found = self
            .hub()
            .get(&applications(), Some("argocd"), name)
            .await
            .unwrap();
        let status = found.and_then(|application| application.pointer("/status").cloned());
        status.unwrap_or(Value::Null)
    }

    async fn until_well(&self, what: &str) {
        self.until(&format!("rest {what}"), || async {
            let status = self.status("far").await;
            let is_well = status["sync"]["status"] == "Synced"
                && status["health"]["status"] == "Healthy"
                && status["operationState"]["phase"] == "Succeeded"
                && status["conditions"].as_array().is_none_or(Vec::is_empty);
            is_well.then_some(())
        })
        .await;
    }

    async fn stop(self) {
        self.controllers.drain().await;
        self.fleet.stop().await;
        drop(self.folder);
    }
}

/// An API of its own in memory, on a port without TLS.
async fn far_cluster() -> (ApiService, String, watch::Sender<bool>) {
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens: Arc::new(StaticTokens::default()),
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::SMALL));
    let server = ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .start()
        .await
        .unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (stop, stopped) = watch::channel(false);
    let router = Router::new(server.clone());
    tokio::spawn(Listener::new(listener, router, None).run(stopped));
    (server.service(), address, stop)
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes where others have the processor; run with --ignored"]
async fn every_fault_of_a_cluster_is_told_harms_nothing_and_heals_by_itself() {
    let world = World::start().await;
    let stays = config_map("stays", "kept");
    commit(
        &world.repository,
        &[("far/stays.yaml", &stays), ("near/stays.yaml", &stays)],
    );
    world.commit("begin");
    world.create_application("far").await;
    world.create_application("near").await;
    world.until_value("far", "begin", "at first").await;
    world.until_well("at first").await;
    for (number, (fault, told)) in FAULTS.into_iter().enumerate() {
        let what = format!("under {fault:?}");
        let value = format!("v{number}");
        world.way.set(fault);
        world.commit(&value);
        world.until_value("near", &value, &what).await;
        if told.is_empty() {
            world.until_value("far", &value, &what).await;
        } else {
            let said = world
                .until(&format!("what is said {what}"), || async {
                    let text = said(&world.status("far").await);
                    text.contains(told).then_some(text)
                })
                .await;
            // A refusal has the cluster's own words, what is not reached its address.
            let is_answer = matches!(fault, Fault::Says(_));
            assert!(
                is_answer || said.contains(world.way.host()),
                "{what}: {said}"
            );
        }
        for name in ["stays", "changes"] {
            assert!(world.value("far", name).await.is_some(), "{name} {what}");
        }
        let far = Resource::new(Gvk::new("", "v1", "Namespace"), "namespaces", false);
        assert!(
            world
                .cluster("far")
                .get(&far, None, "default")
                .await
                .unwrap()
                .is_some()
        );

        world.way.set(Fault::None);
        world
            .until_value("far", &value, &format!("after {fault:?}"))
            .await;
        world.until_well(&format!("after {fault:?}")).await;
    }
    // What a watch has missed is found, too.
    let by_hand = PatchBody::Merge(json!({"data": {"k": "by hand"}}));
    let options = WriteOptions::default();
    world
        .cluster("far")
        .patch(&config_maps(), Some("default"), "stays", &by_hand, &options)
        .await
        .unwrap();
    world
        .until("what was changed by hand", || async {
            (world.value("far", "stays").await.as_deref() == Some("kept")).then_some(())
        })
        .await;
    world.stop().await;
}

/// All that an Application says of what went wrong.
fn said(status: &Value) -> String {
    let conditions = status["conditions"].as_array().into_iter().flatten();
    let mut text: String = conditions
        .filter_map(|condition| condition["message"].as_str())
        .flat_map(|message| [message, "\n"])
        .collect();
    for pointer in ["/operationState/message", "/health/message"] {
        if let Some(message) = status.pointer(pointer).and_then(Value::as_str) {
            text.push_str(message);
            text.push('\n');
        }
    }
    let resources = status.pointer("/operationState/syncResult/resources");
    for resource in resources.and_then(Value::as_array).into_iter().flatten() {
        text.push_str(resource["message"].as_str().unwrap_or_default());
        text.push('\n');
    }
    text
}

fn applications() -> Resource {
    let gvk = Gvk::new("argoproj.io", "v1alpha1", "Application");
    Resource::new(gvk, "applications", true)
}
