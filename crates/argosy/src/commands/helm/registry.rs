//! `argosy helm registry`: logins to OCI registries, and `argosy helm push`.

use super::access::{AccessFlags, read_logins};
use super::charts::{load, underscore_note};
use super::flags::{Context, read_file};
use super::repo::password;
use super::repositories::write;
use super::{HelmFailure, Outcome};
use argosy_oci::{Login, MAX_ARCHIVE_BYTES, Reference, push_chart};
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Largest provenance file.
const MAX_PROVENANCE: u64 = 1 << 20;

/// Logs in to and out of registries, as `helm registry` does.
#[derive(Subcommand)]
pub enum RegistryCommand {
    /// Keeps a login to a registry
    Login(Box<LoginArgs>),
    /// Forgets a login to a registry
    Logout(LogoutArgs),
}

/// Which registry, and who one is.
#[derive(Args)]
pub struct LoginArgs {
    /// Host and port
    host: String,
    /// Name
    #[arg(short, long)]
    username: Option<String>,
    /// Password or identity token
    #[arg(short, long)]
    password: Option<String>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Take any certificate of the registry
    #[arg(long)]
    insecure: bool,
    /// Certificates to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Own certificate
    #[arg(long, value_name = "FILE")]
    cert_file: Option<PathBuf>,
    /// Key of the own certificate
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Speak without TLS
    #[arg(long)]
    plain_http: bool,
}

/// Which registry.
#[derive(Args)]
pub struct LogoutArgs {
    /// Host and port
    host: String,
}

/// Which chart is sent, and where.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm push chart-1.2.3.tgz oci://registry.example.com/charts")]
pub struct PushCommand {
    /// Packed chart; a provenance file beside it goes along
    chart: PathBuf,
    /// `oci://` and the folder of the registry
    remote: String,
    #[command(flatten)]
    access: AccessFlags,
}

impl RegistryCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        match self {
            Self::Login(args) => args.run(context),
            Self::Logout(args) => args.run(context),
        }
    }
}

impl LoginArgs {
    fn run(self, context: &Context<'_>) -> Outcome {
        if self.password.is_some() && !self.password_stdin {
            context.warn("using --password via the CLI is insecure. Use --password-stdin");
        }
        let name = self.username.clone().unwrap_or_default();
        let given = password(
            Some(if name.is_empty() { "token" } else { &name }),
            self.password.clone(),
            self.password_stdin,
        )?;
        let secret = given.unwrap_or_default();
        if secret.is_empty() {
            let what = if name.is_empty() { "token" } else { "password" };
            return Err(format!("{what} required").into());
        }
        let host = match self.host.split_once('/') {
            Some((host, _)) => {
                context.warn_fields(
                    "registry login currently only supports registry hostname, not a repository \
                     path",
                    &[("host", &self.host), ("suggested", host)],
                );
                host
            }
            None => &self.host,
        };
        let access = AccessFlags {
            username: Some(name.clone()),
            password: Some(secret.clone()),
            ca_file: self.ca_file.clone(),
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            insecure_skip_tls_verify: self.insecure,
            plain_http: self.plain_http,
            ..AccessFlags::default()
        };
        access
            .registry(host, context)?
            .ping()
            .map_err(|error| format!("authenticating to {host:?}: {error}"))?;
        let file = registry_config(context)?;
        let mut logins = read_logins(file)?;
        logins.set(
            host,
            &Login {
                username: name,
                password: secret.into(),
                ..Login::default()
            },
        );
        write(file, &logins.to_bytes(), 0o600)?;
        context.note("Login Succeeded");
        Ok(())
    }
}

impl LogoutArgs {
    fn run(self, context: &Context<'_>) -> Outcome {
        let file = registry_config(context)?;
        let mut logins = read_logins(file)?;
        if logins.remove(&self.host) {
            write(file, &logins.to_bytes(), 0o600)?;
        }
        context.note(&format!("Removing login credentials for {}", self.host));
        Ok(())
    }
}

fn registry_config<'c>(context: &'c Context<'_>) -> Result<&'c std::path::Path, HelmFailure> {
    let file = context.registry_config();
    file.ok_or_else(|| HelmFailure("there is no home folder for helm's files".into()))
}

impl PushCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let shown = self.chart.display();
        let Some(("oci", base)) = self.remote.split_once("://") else {
            let scheme = self
                .remote
                .split_once("://")
                .map_or("", |(scheme, _)| scheme);
            return Err(format!("scheme {scheme:?} not supported").into());
        };
        let meta = std::fs::metadata(&self.chart).map_err(|_| format!("{shown}: no such file"))?;
        if meta.is_dir() {
            return Err("cannot push directory, must provide chart archive (.tgz)".into());
        }
        let chart = load(&self.chart)?;
        let archive = read_file(&self.chart, MAX_ARCHIVE_BYTES)?;
        let signed = PathBuf::from(format!("{shown}.prov"));
        let provenance = match signed.exists() {
            true => Some(read_file(&signed, MAX_PROVENANCE)?),
            false => None,
        };
        let version = &chart.metadata.version;
        let base = base.trim_end_matches('/');
        let reference = Reference::parse(&format!("{base}/{}:{version}", chart.name()))?;
        let modified = meta
            .modified()
            .ok()
            .and_then(|at| jiff::Timestamp::try_from(at).ok())
            .unwrap_or_else(jiff::Timestamp::now);
        let zoned = modified.to_zoned(jiff::tz::TimeZone::system());
        let created = if zoned.offset().is_zero() {
            zoned.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        } else {
            zoned.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
        };
        let registry = self.access.registry(&reference.host, context)?;
        let pushed = push_chart(
            &registry,
            &reference,
            &chart.metadata,
            (&archive, provenance.as_deref()),
            &created,
        )?;
        context.note(&format!("Pushed: {}", pushed.reference));
        context.note(&format!("Digest: {}", pushed.digest));
        underscore_note(&pushed.reference, context);
        Ok(())
    }
}
