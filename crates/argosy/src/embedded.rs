//! The embedded hub and its simulated clusters: what makes `argosy up` need nothing installed.
//!
//! The hub's cluster Secrets say which simulated clusters there are: one with the label
//! `argosy.dev/simulated` makes a cluster, its removal ends it. So `argosy cluster add
//! --simulated`, `kubectl` and `--simulate N` are one way.

use anyhow::Context as _;
use argosy_kube::{Client, Transport};
use argosy_kubeapi::auth::authn::{Credentials, StaticTokens};
use argosy_kubeapi::auth::authority::Authority;
use argosy_kubeapi::auth::authorizer::RbacAuthorizer;
use argosy_kubeapi::auth::files::random_hex;
use argosy_kubeapi::auth::kubeconfig::{Context, Credential, Kubeconfig};
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{
    ApiServer, DiskStore, HistoryLimits, Listener, MemoryStorage, Router, Shared, Storage, UserInfo,
};
use argosy_object::{Gvk, Object, Redacted, json};
use argosy_ports::{
    Api, ApiErrorKind, ApiService, Clock, ListOptions, Resource, SystemTime, WatchEvent,
    WatchOptions, WriteOptions,
};
use argosy_schema::Schemas;
use argosy_simulate::Options;
use futures_util::StreamExt as _;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::task::{AbortHandle, JoinSet};

/// The label of a Secret whose cluster is simulated.
pub const SIMULATED: &str = "argosy.dev/simulated";

/// The hub's part of the store.
const HUB: &str = "hub";

/// How the embedded fleet runs.
pub struct EmbeddedSettings {
    /// Where everything is kept; `None`: in memory, and nothing outlives the process.
    pub folder: Option<PathBuf>,
    /// Where keys and the kubeconfig are written.
    pub kubeconfig: PathBuf,
    /// The address to listen on, with its port.
    pub listen: SocketAddr,
    /// The credential of the kubeconfig's contexts.
    pub admin_token: Redacted<String>,
    /// How long a simulated pod takes.
    pub latency: Duration,
    /// The namespace of the control plane.
    pub namespace: String,
}

/// A hub with simulated clusters in this process.
pub struct EmbeddedFleet {
    inner: Arc<Inner>,
    stop: tokio::sync::watch::Sender<bool>,
    tasks: JoinSet<()>,
}

struct Inner {
    settings: EmbeddedSettings,
    url: String,
    shared: Shared,
    disk: Option<DiskStore>,
    key: Arc<TokenKey>,
    tokens: Arc<StaticTokens>,
    ca_pem: String,
    router: Router,
    hub: ApiServer,
    transport: Transport,
    clusters: Mutex<HashMap<String, AbortHandle>>,
    /// One cluster starts at a time, so that none starts twice.
    starting: tokio::sync::Mutex<()>,
}

impl EmbeddedFleet {
    /// Starts the hub and listens. Simulated clusters follow from the hub's Secrets.
    ///
    /// # Errors
    /// Where the folder, the keys or the socket cannot be used.
    pub async fn start(settings: EmbeddedSettings, transport: Transport) -> anyhow::Result<Self> {
        let clock = Arc::new(SystemTime);
        let now = clock.now();
        let (authority, key, disk) = match &settings.folder {
            Some(folder) => {
                let keys = folder.join("pki");
                std::fs::create_dir_all(&keys).context("cannot make the folder of keys")?;
                let disk = DiskStore::open(&folder.join("fleet.redb"), HistoryLimits::HUB)
                    .context("cannot open the store")?;
                (
                    Authority::open(&keys, now)?,
                    TokenKey::open(&keys)?,
                    Some(disk),
                )
            }
            None => (Authority::in_memory(now)?, TokenKey::in_memory(), None),
        };
        let listener = tokio::net::TcpListener::bind(settings.listen)
            .await
            .with_context(|| format!("cannot listen on {}", settings.listen))?;
        let url = format!("https://{}", listener.local_addr()?);
        let mut tokens = StaticTokens::default();
        tokens.insert(&settings.admin_token, admin());
        let (key, tokens) = (Arc::new(key), Arc::new(tokens));
        let deps = Deps {
            key: key.clone(),
            tokens: tokens.clone(),
        };
        let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
        let hub = server(&shared, storage(disk.as_ref(), HUB), &key, &tokens, &url).await?;
        let router = Router::new(hub.clone());
        let names = [
            "127.0.0.1".to_owned(),
            "localhost".to_owned(),
            settings.listen.ip().to_string(),
        ];
        let identity = authority.server(&names, now)?;
        let tls = authority.tls(&identity)?;
        let ca_pem = authority.ca_pem().to_owned();
        let inner = Arc::new(Inner {
            settings,
            url,
            shared,
            disk,
            key,
            tokens,
            ca_pem,
            router,
            hub,
            transport,
            clusters: Mutex::default(),
            starting: tokio::sync::Mutex::default(),
        });
        inner
            .transport
            .register(&inner.url, inner.router.service())?;
        inner.write_kubeconfig(&[])?;
        inner.start_known().await?;
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut tasks = JoinSet::new();
        tasks.spawn(Listener::new(listener, inner.router.clone(), Some(tls)).run(stopped));
        tasks.spawn(argosy_simulate::run(
            inner.hub.service(),
            inner.simulation(),
            clock,
        ));
        tasks.spawn(inner.clone().follow_secrets());
        Ok(Self { inner, stop, tasks })
    }

    /// The hub's API, called with no socket.
    pub fn hub(&self) -> ApiService {
        self.inner.hub.service()
    }

    /// The hub's URL.
    pub fn url(&self) -> &str {
        &self.inner.url
    }

    /// The kubeconfig with a context for the hub and for each cluster.
    pub fn kubeconfig(&self) -> &Path {
        &self.inner.settings.kubeconfig
    }

    /// The API of a simulated cluster, once it is there.
    pub fn cluster(&self, name: &str) -> Option<ApiService> {
        let (server, _) = self.inner.router.route(&format!("/clusters/{name}/"))?;
        Some(server.service())
    }

    /// Names of the simulated clusters that are there.
    pub fn clusters(&self) -> Vec<String> {
        let mut names: Vec<String> = self.inner.running().keys().cloned().collect();
        names.sort();
        names
    }

    /// Makes the Secrets of simulated clusters that the hub does not have yet.
    ///
    /// # Errors
    /// Where the hub refuses one.
    pub async fn simulate(
        &self,
        clusters: &[(String, BTreeMap<String, String>)],
    ) -> anyhow::Result<()> {
        let client = Client::new(&self.inner.url, self.hub());
        let options = WriteOptions {
            manager: Some("argosy".into()),
            ..WriteOptions::default()
        };
        for (name, labels) in clusters {
            // Served before anybody hears of it.
            self.inner
                .add(name)
                .await
                .with_context(|| format!("cannot start cluster `{name}`"))?;
            let secret = self.inner.secret(name, labels);
            match client.create(&secrets(), &secret, &options).await {
                Err(error) if error.kind != ApiErrorKind::AlreadyExists => {
                    return Err(error).with_context(|| format!("cannot add cluster `{name}`"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Stops listening, and ends what runs.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        for handle in self.inner.running().values() {
            handle.abort();
        }
        // Every acknowledged write is on disk already; nothing is lost by ending the tasks.
        self.tasks.shutdown().await;
    }
}

impl Inner {
    fn simulation(&self) -> Options {
        Options {
            latency: self.settings.latency,
            ..Options::default()
        }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, HashMap<String, AbortHandle>> {
        self.clusters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the simulated clusters as the Secrets say.
    async fn follow_secrets(self: Arc<Self>) {
        let client = Client::new(&self.url, self.hub.service());
        let list = self.simulated();
        let mut present: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let options = WatchOptions {
                list: list.clone(),
                from: None,
            };
            if let Ok(mut events) = client.watch(&secrets(), &options).await {
                while let Some(Ok(event)) = events.next().await {
                    self.secret_changed(&event, &mut present).await;
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn secret_changed(&self, event: &WatchEvent, present: &mut BTreeMap<String, String>) {
        match event {
            WatchEvent::Added(secret) | WatchEvent::Modified(secret) => {
                let Some(name) = self.cluster_of(secret) else {
                    return;
                };
                if present
                    .insert(secret.name().to_owned(), name.clone())
                    .as_ref()
                    == Some(&name)
                {
                    return;
                }
                if let Err(error) = self.add(&name).await {
                    tracing::error!(cluster = name, %error, "simulated cluster does not start");
                }
            }
            WatchEvent::Deleted(secret) => {
                let Some(name) = present.remove(secret.name()) else {
                    return;
                };
                self.remove(&name).await;
            }
            WatchEvent::Bookmark(_) => return,
        }
        let names: Vec<String> = present.values().cloned().collect();
        if let Err(error) = self.write_kubeconfig(&names) {
            tracing::error!(%error, "kubeconfig is not written");
        }
    }

    /// The name in the URL of a simulated cluster's Secret, where the URL is one of ours.
    fn cluster_of(&self, secret: &Object) -> Option<String> {
        let server = argosy_crds::secret_text(secret, "server")?;
        let name = server
            .strip_prefix(&format!("{}/clusters/", self.url))?
            .trim_end_matches('/');
        let is_label = !name.is_empty()
            && name.len() <= 63
            && name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        is_label.then(|| name.to_owned())
    }

    /// Starts the clusters whose Secrets an earlier run left.
    async fn start_known(&self) -> anyhow::Result<()> {
        let client = Client::new(&self.url, self.hub.service());
        let secrets = client.list(&secrets(), &self.simulated()).await?;
        for secret in &secrets.items {
            if let Some(name) = self.cluster_of(secret) {
                self.add(&name)
                    .await
                    .with_context(|| format!("cannot start cluster `{name}`"))?;
            }
        }
        Ok(())
    }

    /// The Secrets of simulated clusters.
    fn simulated(&self) -> ListOptions {
        ListOptions {
            namespace: Some(self.settings.namespace.clone()),
            labels: Some(format!("{SIMULATED}=true")),
            fields: None,
        }
    }

    async fn add(&self, name: &str) -> anyhow::Result<()> {
        let _one = self.starting.lock().await;
        if self.running().contains_key(name) {
            return Ok(());
        }
        let url = format!("{}/clusters/{name}", self.url);
        let store = storage(self.disk.as_ref(), &format!("cluster-{name}"));
        let api = server(&self.shared, store, &self.key, &self.tokens, &url).await?;
        self.router.insert(name, api.clone());
        let options = Options {
            node_prefix: format!("{name}-node"),
            ..self.simulation()
        };
        let played = tokio::spawn(argosy_simulate::run(
            api.service(),
            options,
            Arc::new(SystemTime),
        ));
        self.running()
            .insert(name.to_owned(), played.abort_handle());
        Ok(())
    }

    async fn remove(&self, name: &str) {
        if let Some(handle) = self.running().remove(name) {
            handle.abort();
        }
        self.router.remove(name);
        if let Some(disk) = &self.disk
            && let Err(error) = disk.forget(&format!("cluster-{name}")).await
        {
            tracing::error!(cluster = name, %error, "content of the cluster is not removed");
        }
    }

    fn secret(&self, name: &str, labels: &BTreeMap<String, String>) -> Object {
        let config = json!({
            "bearerToken": self.settings.admin_token.reveal(),
            "tlsClientConfig": {"caData": argosy_kubeapi::auth::files::base64(self.ca_pem.as_bytes())},
        });
        let mut secret = Object::from_trusted(json!({
            "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": format!("cluster-{name}"), "namespace": self.settings.namespace},
            "stringData": {
                "name": name,
                "server": format!("{}/clusters/{name}", self.url),
                "config": config.to_string(),
            },
        }));
        for (key, value) in labels {
            secret.set_label(key, value);
        }
        secret.set_label(argosy_crds::names::SECRET_TYPE, "cluster");
        secret.set_label(SIMULATED, "true");
        secret
    }

    fn write_kubeconfig(&self, clusters: &[String]) -> anyhow::Result<()> {
        let context = |name: &str, server: String| Context {
            name: name.to_owned(),
            server,
            namespace: None,
        };
        let mut contexts = vec![context("hub", self.url.clone())];
        contexts.extend(
            clusters
                .iter()
                .map(|name| context(name, format!("{}/clusters/{name}", self.url))),
        );
        let kubeconfig = Kubeconfig {
            contexts,
            ca_pem: self.ca_pem.clone(),
            credential: Credential::Token(self.settings.admin_token.clone()),
        };
        kubeconfig.write(&self.settings.kubeconfig)?;
        Ok(())
    }
}

fn secrets() -> Resource {
    Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true)
}

fn admin() -> UserInfo {
    UserInfo {
        username: "admin".into(),
        groups: vec!["system:masters".into(), "system:authenticated".into()],
        ..UserInfo::default()
    }
}

/// A token for the contexts of the kubeconfig.
pub fn new_token() -> Redacted<String> {
    Redacted::new(random_hex(24))
}

fn storage(disk: Option<&DiskStore>, name: &str) -> Arc<dyn Storage> {
    match disk {
        Some(disk) => disk.cluster(name),
        None if name == HUB => Arc::new(MemoryStorage::new(HistoryLimits::HUB)),
        None => Arc::new(MemoryStorage::new(HistoryLimits::SMALL)),
    }
}

async fn server(
    shared: &Shared,
    storage: Arc<dyn Storage>,
    key: &Arc<TokenKey>,
    tokens: &Arc<StaticTokens>,
    url: &str,
) -> anyhow::Result<ApiServer> {
    let clock = Arc::new(SystemTime);
    let tell = clock.clone();
    let credentials = Credentials::new(
        key.clone(),
        tokens.clone(),
        url,
        Arc::new(move || tell.now()),
    );
    ApiServer::new(storage, shared, clock)
        .authorizer(Arc::new(RbacAuthorizer::new()))
        .authenticator(Arc::new(credentials))
        .start()
        .await
        .map_err(|error| anyhow::anyhow!("the API of `{url}` does not start: {error}"))
}
