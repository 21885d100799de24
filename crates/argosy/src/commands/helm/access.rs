//! What chart repositories and registries are reached with: flags, the environment's proxies,
//! and the logins that helm and Docker keep.

use super::HelmFailure;
use super::flags::{Context, read_file};
use argosy_fetch::{Proxies, Trust};
use argosy_object::Redacted;
use argosy_oci::{
    ChartRepository, DockerConfig, Login, Registry, RegistryAccess, RepositoryAccess,
};
use clap::Args;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Largest file of logins, and of certificates.
pub(super) const MAX_CONFIG: u64 = 4 << 20;
/// How long a credential helper may take.
const HELPER_TIME: Duration = Duration::from_secs(30);
/// Most that a credential helper may print.
const MAX_HELPER: u64 = 1 << 20;

/// What chart repositories are read with.
#[derive(Args, Clone, Default)]
pub(super) struct AccessFlags {
    /// Name for the chart repository or registry
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Password for the chart repository or registry
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Name and password go to other hosts, too
    #[arg(long)]
    pub pass_credentials: bool,
    /// Certificates to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Own certificate
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Key of the own certificate
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Take any certificate of the server
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// Speak to registries without TLS
    #[arg(long)]
    pub plain_http: bool,
    /// Public keys that provenance is checked by [default: pubring.gpg of $GNUPGHOME or ~/.gnupg]
    #[arg(long, value_name = "FILE")]
    pub keyring: Option<PathBuf>,
}

impl AccessFlags {
    /// Whom to trust, and by which way to go.
    pub fn trust(&self, context: &Context<'_>) -> Result<Trust, HelmFailure> {
        let pem = |file: Option<&Path>| -> Result<Option<String>, HelmFailure> {
            let Some(file) = file.filter(|file| !file.as_os_str().is_empty()) else {
                return Ok(None);
            };
            let data = read_file(file, MAX_CONFIG)
                .map_err(|text| format!("can't create TLS config for client: {text}"))?;
            Ok(Some(String::from_utf8_lossy(&data).into_owned()))
        };
        let variable = |upper: &str| {
            let lower = upper.to_ascii_lowercase();
            let value = context.variable(upper).or_else(|| context.variable(&lower));
            value.unwrap_or_default().to_owned()
        };
        Ok(Trust {
            insecure: self.insecure_skip_tls_verify,
            authorities: pem(self.ca_file.as_deref())?,
            client_cert: pem(self.cert_file.as_deref())?.unwrap_or_default(),
            client_key: pem(self.key_file.as_deref())?.unwrap_or_default().into(),
            proxies: Proxies {
                https: variable("HTTPS_PROXY"),
                http: variable("HTTP_PROXY"),
                none_for: variable("NO_PROXY"),
            },
            ..Trust::default()
        })
    }

    /// A chart repository. Compat: a name without a password counts for nothing.
    pub fn repository(
        &self,
        url: &str,
        context: &Context<'_>,
    ) -> Result<ChartRepository, HelmFailure> {
        let (username, password) = match (&self.username, &self.password) {
            (Some(name), Some(password)) if !name.is_empty() => (name.clone(), password.clone()),
            _ => (String::new(), String::new()),
        };
        Ok(ChartRepository::new(RepositoryAccess {
            url: url.to_owned(),
            username,
            password: password.into(),
            bearer_token: Redacted::default(),
            pass_credentials: self.pass_credentials,
            trust: self.trust(context)?,
        })?)
    }

    /// A registry, with the login of the flags, else with one that is kept.
    pub fn registry(&self, host: &str, context: &Context<'_>) -> Result<Registry, HelmFailure> {
        let login = match (&self.username, &self.password) {
            (Some(name), Some(password)) if !name.is_empty() => Login {
                username: name.clone(),
                password: password.clone().into(),
                ..Login::default()
            },
            _ => kept_login(host, context)?.unwrap_or_default(),
        };
        Ok(Registry::new(RegistryAccess {
            host: host.to_owned(),
            login,
            trust: self.trust(context)?,
            is_plain_http: self.plain_http,
        }))
    }

    /// The file of public keys.
    pub fn keyring(&self, context: &Context<'_>) -> PathBuf {
        self.keyring
            .clone()
            .unwrap_or_else(|| default_keyring(context))
    }
}

/// Compat: helm's default, which GnuPG of today no longer writes by itself.
pub(super) fn default_keyring(context: &Context<'_>) -> PathBuf {
    let home = || {
        let home = context.variable("HOME").unwrap_or_default();
        Path::new(home).join(".gnupg")
    };
    let folder = context.variable("GNUPGHOME").map(PathBuf::from);
    folder.unwrap_or_else(home).join("pubring.gpg")
}

/// A login that helm keeps, else one that Docker keeps.
fn kept_login(host: &str, context: &Context<'_>) -> Result<Option<Login>, HelmFailure> {
    let run = |name: &str, server: &str| helper(name, server);
    let docker = context.variable("DOCKER_CONFIG").map(PathBuf::from);
    let docker = docker.or_else(|| {
        let home = context.variable("HOME")?;
        Some(Path::new(home).join(".docker"))
    });
    let files = [
        context.registry_config().map(Path::to_owned),
        docker.map(|folder| folder.join("config.json")),
    ];
    for file in files.into_iter().flatten().filter(|file| file.exists()) {
        let config = read_logins(&file)?;
        if let Some(login) = config.login(host, Some(&run)) {
            return Ok(Some(login));
        }
    }
    Ok(None)
}

/// Reads a file of logins; one that is not there holds none.
pub(super) fn read_logins(file: &Path) -> Result<DockerConfig, HelmFailure> {
    if !file.exists() {
        return Ok(DockerConfig::default());
    }
    let data = read_file(file, MAX_CONFIG)?;
    DockerConfig::parse(&data).map_err(|text| {
        HelmFailure(format!(
            "failed to decode config file at {}: invalid config format: {text}",
            file.display()
        ))
    })
}

/// Asks a credential helper of Docker's. It is the person's own program: found by the path, named
/// by the person's own file.
fn helper(name: &str, server: &str) -> Option<String> {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(is_name) {
        return None;
    }
    let mut child = Command::new(format!("docker-credential-{name}"))
        .arg("get")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut stdin = child.stdin.take()?;
    let asked = server.to_owned();
    // A helper that does not read must not keep us.
    let writing = std::thread::spawn(move || stdin.write_all(asked.as_bytes()));
    let stdout = child.stdout.take()?;
    let reading = std::thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(MAX_HELPER).read_to_string(&mut text);
        read.ok().map(|_| text)
    });
    let begun = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if begun.elapsed() < HELPER_TIME => {
                std::thread::sleep(Duration::from_millis(10));
            }
            _ => {
                // It may have ended in this moment, which is as good.
                let _ = child.kill();
                let _ = child.wait();
                return None;
            }
        }
    };
    writing.join().ok()?.ok()?;
    let text = reading.join().ok()??;
    status.success().then_some(text)
}
