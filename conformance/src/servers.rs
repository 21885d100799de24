//! The two servers that are compared: the embedded API in this process, and a real one.

use crate::exchange::{Answer, Exchange};
use anyhow::Context as _;
use argosy_kube::{Limits, Transport};
use argosy_kubeapi::auth::authn::{Credentials, StaticTokens};
use argosy_kubeapi::auth::authority::Authority;
use argosy_kubeapi::auth::authorizer::RbacAuthorizer;
use argosy_kubeapi::auth::kubeconfig::{Context, Credential, Kubeconfig};
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{
    ApiServer, ClusterFacts, HistoryLimits, Listener, MemoryStorage, Router, Shared,
};
use argosy_ports::{ApiService, SystemTime};
use argosy_schema::Schemas;
use argosy_simulate::Options;
use argosy_testkit::realapi::{self, RealCluster};
use jiff::Timestamp;
use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How long a simulated pod takes.
const POD_LATENCY: Duration = Duration::from_millis(100);

/// One server with the tools that talk to it.
pub struct Server {
    /// `embedded` or `real`.
    pub name: &'static str,
    /// kubectl.
    pub kubectl: PathBuf,
    /// helm.
    pub helm: PathBuf,
    /// An administrator's.
    pub kubeconfig: PathBuf,
    /// The tools' home, where they keep their caches.
    pub home: tempfile::TempDir,
    exchange: Exchange,
    /// What ends with the server: its listener, or its processes.
    _kept: Box<dyn Any + Send + Sync>,
}

impl Server {
    /// Sends one request as the administrator.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub async fn send(
        &self,
        method: &str,
        path: &str,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    ) -> anyhow::Result<Answer> {
        let exchange = self.exchange.clone();
        let (method, path) = (method.to_owned(), path.to_owned());
        let name = self.name;
        tokio::task::spawn_blocking(move || exchange.send(&method, &path, &headers, &body))
            .await?
            .with_context(|| format!("talking to the {name} server"))
    }

    /// Serves the embedded API over TLS, with controllers and kubelet simulated.
    ///
    /// # Errors
    /// Where a tool, a port or a certificate is not to be had.
    pub async fn embedded() -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let now = Timestamp::now();
        let authority = Authority::in_memory(now)?;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let api = embedded_api(&authority).await?;
        tokio::spawn(argosy_simulate::run(
            api.service(),
            options(true),
            Arc::new(SystemTime),
        ));
        let identity = authority.server(&["127.0.0.1".into()], now)?;
        let tls = authority.tls(&identity)?;
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(Listener::new(listener, Router::new(api), Some(tls)).run(stopped));
        let admin = authority.client("admin", Some("system:masters"), now)?;
        let kubeconfig = home.path().join("kubeconfig");
        Kubeconfig {
            contexts: vec![Context {
                name: "embedded".into(),
                server: format!("https://{address}"),
                namespace: None,
            }],
            ca_pem: authority.ca_pem().into(),
            credential: Credential::Certificate {
                cert_pem: admin.cert_pem.clone(),
                key_pem: admin.key_pem.clone(),
            },
        }
        .write(&kubeconfig)?;
        let pems = (admin.cert_pem.as_str(), admin.key_pem.reveal().as_str());
        Ok(Self {
            name: "embedded",
            kubectl: tool("kubectl")?,
            helm: tool("helm")?,
            kubeconfig,
            home,
            exchange: Exchange::new(address, authority.ca_pem(), pems)?,
            _kept: Box::new(stop),
        })
    }

    /// Starts a real API server with its controllers; the kubelet is simulated.
    ///
    /// # Errors
    /// Where it does not start.
    pub async fn real() -> anyhow::Result<Self> {
        let cluster = tokio::task::spawn_blocking(RealCluster::start).await??;
        let kubeconfig = cluster.kubeconfig().to_owned();
        tokio::spawn(argosy_simulate::run(
            real_service(&kubeconfig)?,
            options(false),
            Arc::new(SystemTime),
        ));
        let url = cluster.url();
        let address = url.trim_start_matches("https://").parse()?;
        Ok(Self {
            name: "real",
            kubectl: tool("kubectl")?,
            helm: tool("helm")?,
            kubeconfig,
            home: tempfile::tempdir()?,
            exchange: Exchange::new(address, cluster.ca_pem(), cluster.admin_pem())?,
            _kept: Box::new(cluster),
        })
    }
}

fn tool(name: &str) -> anyhow::Result<PathBuf> {
    realapi::tool(name).with_context(|| format!("no {name}: run `cargo xtask kubeassets`"))
}

fn options(controllers: bool) -> Options {
    Options {
        controllers,
        latency: POD_LATENCY,
        ..Options::default()
    }
}

fn real_service(kubeconfig: &std::path::Path) -> anyhow::Result<ApiService> {
    let config = argosy_kube::Kubeconfig::load(&[kubeconfig.to_owned()])?;
    let (spec, _) = config.cluster(None)?;
    Ok(Transport::new(Limits::default()).service(&spec)?)
}

async fn embedded_api(authority: &Authority) -> anyhow::Result<ApiServer> {
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens: Arc::new(StaticTokens::default()),
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let facts = ClusterFacts {
        issuer: "https://kubernetes.default.svc".into(),
        ca_pem: authority.ca_pem().into(),
        service_cidr: "10.96.0.0/16".into(),
        ..ClusterFacts::default()
    };
    let clock = Arc::new(Timestamp::now);
    let credentials = Credentials::new(deps.key, deps.tokens, &facts.issuer, clock);
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::HUB));
    let server = ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .facts(facts)
        .authorizer(Arc::new(RbacAuthorizer::new()))
        .authenticator(Arc::new(credentials))
        .start()
        .await?;
    Ok(server)
}
