//! `argosy repo add`.

use crate::session::Session;
use argosy_cli::Failure;
use argosy_cli::hub::RepositoryRequest;
use argosy_git::Credentials;
use argosy_object::Redacted;
use argosy_ports::Sources as _;
use clap::Args;
use std::path::{Path, PathBuf};

/// Adds a repository and its credential.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy repo add https://git.example.com/guestbook.git
  argosy repo add https://git.example.com/private.git --username me --password - < token.txt
  argosy repo add git@git.example.com:team/app.git --ssh-private-key-path ~/.ssh/deploy
  argosy repo add https://charts.example.com --type helm
  argosy repo add registry.example.com/charts --type helm --enable-oci --username me --password -")]
pub struct AddCommand {
    /// URL
    url: String,
    /// Type: git, helm or oci
    #[arg(long = "type", default_value = "git", value_parser = ["git", "helm", "oci"])]
    kind: String,
    /// Name, for Helm repositories
    #[arg(long, default_value = "")]
    name: String,
    /// Only for this project
    #[arg(long, default_value = "")]
    project: String,
    /// User
    #[arg(long, default_value = "")]
    username: String,
    /// Password or token; `-` reads it from standard input
    #[arg(long)]
    password: Option<String>,
    /// Bearer token
    #[arg(long)]
    bearer_token: Option<String>,
    /// File with an SSH private key
    #[arg(long, value_name = "FILE")]
    ssh_private_key_path: Option<PathBuf>,
    /// File with a TLS client certificate
    #[arg(long, value_name = "FILE", requires = "tls_client_cert_key_path")]
    tls_client_cert_path: Option<PathBuf>,
    /// File with the key of the TLS client certificate
    #[arg(long, value_name = "FILE", requires = "tls_client_cert_path")]
    tls_client_cert_key_path: Option<PathBuf>,
    /// Accept any certificate or host key of the server
    #[arg(long, visible_alias = "insecure-ignore-host-key")]
    insecure_skip_server_verification: bool,
    /// Git LFS
    #[arg(long)]
    enable_lfs: bool,
    /// Charts from an OCI registry
    #[arg(long)]
    enable_oci: bool,
    /// HTTP proxy
    #[arg(long, default_value = "")]
    proxy: String,
    /// Hosts that are reached without the proxy, comma-separated
    #[arg(long, default_value = "")]
    no_proxy: String,
    /// Change a repository that is there with other settings
    #[arg(long)]
    upsert: bool,
    /// Add it without looking whether it can be read
    #[arg(long)]
    no_check: bool,
}

impl AddCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let (upsert, checks) = (self.upsert, !self.no_check);
        let holds_charts = self.kind != "git";
        let request = self.request()?;
        session.block_on(async {
            let hub = session.connect()?.hub;
            if checks {
                let sources = session.sources(&hub).await?;
                let mut secrets = hub.repository_credentials().await?;
                let wanted = hub.repository_secret(&request);
                secrets.retain(|secret| secret.name() != wanted.name());
                secrets.push(wanted);
                let (known_hosts, authorities) = hub.repository_trust().await?;
                let credentials = Credentials::of(&secrets).0.with_known_hosts(&known_hosts);
                sources.set_credentials(credentials.with_authorities(&authorities));
                let repo = sources.repo(&request.url, &request.project);
                sources.probe(&repo, holds_charts).await.map_err(|error| {
                    Failure::of(&error).while_doing("the repository is not added")
                })?;
            }
            hub.add_repository(&request, upsert).await
        })?;
        session.print(&format!("Repository '{}' added\n", request.url))?;
        Ok(0)
    }

    fn request(self) -> Result<RepositoryRequest, Failure> {
        let password = match self.password.as_deref() {
            Some("-") => {
                let mut line = String::new();
                std::io::stdin().read_line(&mut line).map_err(|error| {
                    Failure::from_error(&error).while_doing("cannot read the password")
                })?;
                line.trim_end_matches(['\r', '\n']).to_owned()
            }
            other => other.unwrap_or_default().to_owned(),
        };
        Ok(RepositoryRequest {
            url: self.url,
            kind: self.kind,
            name: self.name,
            project: self.project,
            username: self.username,
            password: password.into(),
            bearer_token: self.bearer_token.unwrap_or_default().into(),
            ssh_private_key: Redacted::new(read(self.ssh_private_key_path.as_deref())?),
            client_cert: read(self.tls_client_cert_path.as_deref())?,
            client_key: Redacted::new(read(self.tls_client_cert_key_path.as_deref())?),
            insecure: self.insecure_skip_server_verification,
            enable_lfs: self.enable_lfs,
            enable_oci: self.enable_oci,
            proxy: self.proxy,
            no_proxy: self.no_proxy,
        })
    }
}

fn read(path: Option<&Path>) -> Result<String, Failure> {
    let Some(path) = path else {
        return Ok(String::new());
    };
    std::fs::read_to_string(path).map_err(|error| {
        Failure::from_error(&error).while_doing(format!("cannot read `{}`", path.display()))
    })
}
