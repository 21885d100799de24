//! A real Kubernetes API on loopback: etcd, kube-apiserver and, where asked,
//! kube-controller-manager, from the folder that `xtask kubeassets` fills.
//!
//! What is proved on the embedded API is proved here too, so that it cannot drift. Depends on no
//! other crate of the workspace.

mod pki;
mod process;

use pki::Pki;
use process::{Failure, Process};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const READY_WITHIN: Duration = Duration::from_mins(1);
const ATTEMPTS: u32 = 3;

/// Why the real API could not be started.
#[derive(Debug, thiserror::Error)]
pub enum RealApiError {
    /// No folder with the programs.
    #[error("no kube-apiserver to test with: run `cargo xtask kubeassets`")]
    NoAssets,
    /// A file or port of ours.
    #[error("{doing}")]
    Io {
        /// What we were doing.
        doing: String,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Certificates.
    #[error("making certificates")]
    Certificates(#[from] rcgen::Error),
    /// A program ended or never became ready; `log` is the end of what it wrote.
    #[error("`{program}` {what}:\n{log}")]
    Program {
        /// Which one.
        program: &'static str,
        /// What happened to it.
        what: String,
        /// The last lines of its log.
        log: String,
    },
}

/// The programs of a real Kubernetes, found and not built.
#[derive(Clone, Debug)]
pub struct Assets {
    folder: PathBuf,
    tools: PathBuf,
}

impl Assets {
    /// Finds the folder of `KUBEBUILDER_ASSETS`, else the newest `kubeassets-*` of the cache that
    /// has all three servers.
    pub fn locate() -> Option<Self> {
        let cached = newest_cached();
        let given = std::env::var_os("KUBEBUILDER_ASSETS").map(PathBuf::from);
        match (given.filter(|folder| has_servers(folder)), cached) {
            (Some(folder), cached) => Some(Self {
                tools: cached.unwrap_or_else(|| folder.clone()),
                folder,
            }),
            (None, Some(folder)) => has_servers(&folder).then(|| Self {
                tools: folder.clone(),
                folder,
            }),
            (None, None) => None,
        }
    }

    /// A server program: `etcd`, `kube-apiserver`, `kube-controller-manager`.
    pub fn server(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A client program, where it is there: `kubectl` (1.35), `helm` (4.1.4), `kustomize` (5.8.1).
    pub fn tool(&self, name: &str) -> Option<PathBuf> {
        Some(self.tools.join(name)).filter(|path| path.exists())
    }
}

/// The client programs alone, which need no Go build: `kubectl`, `helm` or `kustomize`.
pub fn tool(name: &str) -> Option<PathBuf> {
    newest_cached()
        .map(|folder| folder.join(name))
        .filter(|path| path.exists())
}

/// The programs, or, where they are absent, one SKIPPED line that names `test`.
///
/// # Panics
/// Where they are absent and `ARGOSY_REQUIRE_ALL=1` is set: a skip is a failure then.
pub fn assets_or_skip(test: &str) -> Option<Assets> {
    let found = Assets::locate();
    if found.is_none() {
        skipped(test, "no kube-apiserver; run `cargo xtask kubeassets`");
    }
    found
}

/// Says that a test is skipped, and why.
///
/// # Panics
/// Where `ARGOSY_REQUIRE_ALL=1` is set.
pub fn skipped(test: &str, why: &str) {
    let required = std::env::var("ARGOSY_REQUIRE_ALL").is_ok_and(|value| value == "1");
    assert!(!required, "{test} needs what is not here: {why}");
    eprintln!("SKIPPED: {test}: {why}");
}

fn has_servers(folder: &Path) -> bool {
    ["etcd", "kube-apiserver"]
        .iter()
        .all(|name| folder.join(name).is_file())
}

/// The folder that the tasks of `xtask` fill: `ARGOSY_CACHE`, else `~/.cache/argosy`.
pub fn cache() -> Option<PathBuf> {
    match std::env::var_os("ARGOSY_CACHE").filter(|path| !path.is_empty()) {
        Some(path) => Some(PathBuf::from(path)),
        None => Some(Path::new(&std::env::var_os("HOME")?).join(".cache/argosy")),
    }
}

fn newest_cached() -> Option<PathBuf> {
    let base = cache()?;
    let mut folders: Vec<PathBuf> = std::fs::read_dir(base)
        .ok()?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("kubeassets-"))
        })
        .collect();
    folders.sort();
    folders.pop()
}

/// What to start.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealOptions {
    /// Whether kube-controller-manager runs too: namespaces' end, garbage collection, workloads,
    /// service accounts. Without it the ServiceAccount admission is off, so that pods can be made.
    pub controllers: bool,
    /// Whether that one leaves the horizontal autoscaler out, which without a metrics API makes
    /// every autoscaler Degraded: for whoever plays it.
    pub without_autoscaler: bool,
}

/// A running Kubernetes API; everything ends when it is dropped.
pub struct RealCluster {
    // Order matters: the API server's clients end before it, and etcd after it.
    _controllers: Option<Process>,
    _apiserver: Process,
    _etcd: Process,
    pki: Pki,
    address: std::net::SocketAddr,
    kubeconfig: PathBuf,
    folder: tempfile::TempDir,
}

impl RealCluster {
    /// Starts etcd, kube-apiserver and kube-controller-manager.
    ///
    /// # Errors
    /// Where the programs are absent or do not become ready within a minute.
    pub fn start() -> Result<Self, RealApiError> {
        let assets = Assets::locate().ok_or(RealApiError::NoAssets)?;
        let options = RealOptions {
            controllers: true,
            ..RealOptions::default()
        };
        Self::start_with(&assets, options)
    }

    /// Starts what `options` asks for. Ports are chosen free, and where another program takes one
    /// in between, chosen again.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub fn start_with(assets: &Assets, options: RealOptions) -> Result<Self, RealApiError> {
        let mut attempt = 1;
        loop {
            match Self::attempt(assets, options) {
                Err(RealApiError::Program { log, .. })
                    if attempt < ATTEMPTS && log.contains("address already in use") =>
                {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn attempt(assets: &Assets, options: RealOptions) -> Result<Self, RealApiError> {
        let folder = tempfile::Builder::new()
            .prefix("argosy-real-")
            .tempdir()
            .map_err(|source| io("making a folder for the cluster", source))?;
        let pki = Pki::write(folder.path())?;
        let [client_port, peer_port, api_port] = free_ports()?;
        let address = std::net::SocketAddr::from(([127, 0, 0, 1], api_port));
        let deadline = Instant::now() + READY_WITHIN;

        let etcd = start_etcd(assets, folder.path(), client_port, peer_port)?;
        let mut apiserver = start_apiserver(assets, folder.path(), client_port, api_port, options)?;
        apiserver.wait_until(deadline, || {
            pki.get(address, "/readyz").is_ok_and(|body| body == "ok")
        })?;

        let kubeconfig = folder.path().join("kubeconfig");
        std::fs::write(&kubeconfig, pki.kubeconfig(address))
            .map_err(|source| io("writing the kubeconfig", source))?;
        let controllers = if options.controllers {
            let mut process = start_controllers(assets, folder.path(), &kubeconfig, options)?;
            // The default service account is what a pod needs, and the last of what starts.
            let path = "/api/v1/namespaces/default/serviceaccounts/default";
            process.wait_until(deadline, || pki.get(address, path).is_ok())?;
            Some(process)
        } else {
            None
        };
        Ok(Self {
            _controllers: controllers,
            _apiserver: apiserver,
            _etcd: etcd,
            pki,
            address,
            kubeconfig,
            folder,
        })
    }

    /// A kubeconfig of a cluster administrator, for kubectl and for our own client.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The URL of the API server.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate authority, PEM.
    pub fn ca_pem(&self) -> &str {
        self.pki.ca_pem()
    }

    /// The administrator's certificate and key, PEM.
    pub fn admin_pem(&self) -> (&str, &str) {
        self.pki.admin_pem()
    }

    /// A folder of the cluster's own, for a test's files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The body of a GET as the administrator.
    ///
    /// # Errors
    /// Where the server cannot be reached or answers anything but 200.
    pub fn get(&self, path: &str) -> std::io::Result<String> {
        self.pki.get(self.address, path)
    }
}

fn start_etcd(
    assets: &Assets,
    folder: &Path,
    client_port: u16,
    peer_port: u16,
) -> Result<Process, RealApiError> {
    let client = format!("http://127.0.0.1:{client_port}");
    let peer = format!("http://127.0.0.1:{peer_port}");
    let arguments = [
        format!("--data-dir={}", folder.join("etcd").display()),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        format!("--listen-peer-urls={peer}"),
        format!("--initial-advertise-peer-urls={peer}"),
        format!("--initial-cluster=default={peer}"),
        "--unsafe-no-fsync".to_owned(), // a test's data need not survive the machine
        "--log-level=error".to_owned(),
    ];
    Process::start("etcd", &assets.server("etcd"), &arguments, folder)
}

fn start_apiserver(
    assets: &Assets,
    folder: &Path,
    etcd_port: u16,
    port: u16,
    options: RealOptions,
) -> Result<Process, RealApiError> {
    let file = |name: &str| folder.join(name).display().to_string();
    let mut arguments = vec![
        format!("--etcd-servers=http://127.0.0.1:{etcd_port}"),
        "--bind-address=127.0.0.1".to_owned(),
        "--advertise-address=127.0.0.1".to_owned(),
        format!("--secure-port={port}"),
        format!("--cert-dir={}", file("generated")),
        format!("--tls-cert-file={}", file("server.crt")),
        format!("--tls-private-key-file={}", file("server.key")),
        format!("--client-ca-file={}", file("ca.crt")),
        "--authorization-mode=RBAC".to_owned(),
        "--allow-privileged=true".to_owned(),
        "--service-cluster-ip-range=10.96.0.0/16".to_owned(),
        "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
        format!("--service-account-key-file={}", file("accounts.pub")),
        format!(
            "--service-account-signing-key-file={}",
            file("accounts.key")
        ),
        "--profiling=false".to_owned(),
    ];
    if !options.controllers {
        arguments.push("--disable-admission-plugins=ServiceAccount".to_owned());
    }
    Process::start(
        "kube-apiserver",
        &assets.server("kube-apiserver"),
        &arguments,
        folder,
    )
}

fn start_controllers(
    assets: &Assets,
    folder: &Path,
    kubeconfig: &Path,
    options: RealOptions,
) -> Result<Process, RealApiError> {
    let mut arguments = vec![
        format!("--kubeconfig={}", kubeconfig.display()),
        "--secure-port=0".to_owned(), // nobody asks it, and its default port would collide
        "--leader-elect=false".to_owned(),
        "--use-service-account-credentials=false".to_owned(),
        format!("--root-ca-file={}", folder.join("ca.crt").display()),
        format!(
            "--service-account-private-key-file={}",
            folder.join("accounts.key").display()
        ),
        "--profiling=false".to_owned(),
        // Its own 20 a second are what a test or a bench would wait for most.
        "--kube-api-qps=500".to_owned(),
        "--kube-api-burst=1000".to_owned(),
    ];
    if options.without_autoscaler {
        arguments.push("--controllers=*,-horizontal-pod-autoscaler-controller".to_owned());
    }
    let program = assets.server("kube-controller-manager");
    Process::start("kube-controller-manager", &program, &arguments, folder)
}

/// Ports that were free a moment ago; all are held until all are chosen.
fn free_ports<const N: usize>() -> Result<[u16; N], RealApiError> {
    let mut listeners = Vec::with_capacity(N);
    let mut ports = [0; N];
    for port in &mut ports {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0))
            .map_err(|source| io("choosing a port", source))?;
        *port = listener
            .local_addr()
            .map_err(|source| io("choosing a port", source))?
            .port();
        listeners.push(listener);
    }
    Ok(ports)
}

fn io(doing: &str, source: std::io::Error) -> RealApiError {
    RealApiError::Io {
        doing: doing.to_owned(),
        source,
    }
}

impl From<Failure> for RealApiError {
    fn from(failure: Failure) -> Self {
        Self::Program {
            program: failure.program,
            what: failure.what,
            log: failure.log,
        }
    }
}
