//! Repositories: Secrets of the hub.

use super::clusters::fnv32a;
use super::{Created, Hub, failed};
use crate::failure::Failure;
use argosy_crds::{RepositorySecret, names};
use argosy_object::{Gvk, Object, Redacted, Value};
use argosy_ports::Resource;
use std::collections::BTreeMap;

/// A repository to add.
#[derive(Clone, Debug, Default)]
pub struct RepositoryRequest {
    /// URL.
    pub url: String,
    /// `git`, `helm` or `oci`.
    pub kind: String,
    /// A name for people.
    pub name: String,
    /// Only for this project.
    pub project: String,
    /// User.
    pub username: String,
    /// Password or token.
    pub password: Redacted<String>,
    /// Bearer token.
    pub bearer_token: Redacted<String>,
    /// SSH key, PEM.
    pub ssh_private_key: Redacted<String>,
    /// Client certificate, PEM.
    pub client_cert: String,
    /// Key of the client certificate, PEM.
    pub client_key: Redacted<String>,
    /// Accept any certificate of the server.
    pub insecure: bool,
    /// Git LFS.
    pub enable_lfs: bool,
    /// OCI charts.
    pub enable_oci: bool,
    /// HTTP proxy.
    pub proxy: String,
    /// Hosts that are reached without it.
    pub no_proxy: String,
}

impl RepositoryRequest {
    fn data(&self) -> BTreeMap<&'static str, String> {
        let flag = |set: bool| if set { "true".into() } else { String::new() };
        let fields = [
            ("url", self.url.clone()),
            ("type", self.kind.clone()),
            ("name", self.name.clone()),
            ("project", self.project.clone()),
            ("username", self.username.clone()),
            ("password", self.password.reveal().clone()),
            ("bearerToken", self.bearer_token.reveal().clone()),
            ("sshPrivateKey", self.ssh_private_key.reveal().clone()),
            ("tlsClientCertData", self.client_cert.clone()),
            ("tlsClientCertKey", self.client_key.reveal().clone()),
            ("insecure", flag(self.insecure)),
            ("enableLfs", flag(self.enable_lfs)),
            ("enableOCI", flag(self.enable_oci)),
            ("proxy", self.proxy.clone()),
            ("noProxy", self.no_proxy.clone()),
        ];
        fields
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }
}

impl Hub {
    /// The Secrets of all repositories, sorted by name.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn repositories(&self) -> Result<Vec<Object>, Failure> {
        self.secrets_of("repository").await
    }

    /// The Secrets of repositories and of credential templates.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn repository_credentials(&self) -> Result<Vec<Object>, Failure> {
        let mut secrets = self.repositories().await?;
        secrets.extend(self.secrets_of("repo-creds").await?);
        Ok(secrets)
    }

    /// What repositories' hosts are trusted by: the lines of known ssh hosts, and PEM certificates
    /// by host. Where a ConfigMap is not there, there are none.
    ///
    /// # Errors
    /// [`Failure`] where the API fails.
    pub async fn repository_trust(&self) -> Result<(String, BTreeMap<String, String>), Failure> {
        let mut known_hosts = self.config_map("argocd-ssh-known-hosts-cm").await?;
        let authorities = self.config_map("argocd-tls-certs-cm").await?;
        let known_hosts = known_hosts.remove("ssh_known_hosts");
        Ok((known_hosts.unwrap_or_default(), authorities))
    }

    async fn config_map(&self, name: &str) -> Result<BTreeMap<String, String>, Failure> {
        let gvk = Gvk::new("", "v1", "ConfigMap");
        let resource = Resource::new(gvk, "configmaps", true);
        let found = self
            .api()
            .get(&resource, Some(self.namespace()), name)
            .await;
        let found = found.map_err(|error| failed(&error, &format!("cannot read `{name}`")))?;
        let data = found.as_ref().and_then(|map| map.pointer("/data"));
        let data = data.and_then(Value::as_object).into_iter().flatten();
        Ok(data
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect())
    }

    /// The Secret of a repository, by URL.
    ///
    /// # Errors
    /// [`Failure`] where there is none.
    pub async fn repository(&self, url: &str, project: &str) -> Result<Object, Failure> {
        let fits = |secret: &&Object| {
            RepositorySecret::of(secret).is_ok_and(|view| {
                view.url == url && (project.is_empty() || view.project == project)
            })
        };
        let repositories = self.repositories().await?;
        repositories.iter().find(fits).cloned().ok_or_else(|| {
            Failure::new(format!("there is no repository `{url}`"))
                .hint("`argosy repo list` shows what there is")
        })
    }

    /// The Secret that a request is written as.
    pub fn repository_secret(&self, request: &RepositoryRequest) -> Object {
        let labels = BTreeMap::from([(names::SECRET_TYPE.to_owned(), "repository".to_owned())]);
        let hash = fnv32a(&[&request.url, &request.project]);
        self.secret(
            &format!("repo-{hash}"),
            labels,
            &BTreeMap::new(),
            request.data(),
        )
    }

    /// Adds a repository.
    ///
    /// # Errors
    /// [`Failure`] where one of that URL is there, is different, and `upsert` is not set.
    pub async fn add_repository(
        &self,
        request: &RepositoryRequest,
        upsert: bool,
    ) -> Result<Created, Failure> {
        let secret = self.repository_secret(request);
        let existing = self.repositories().await?;
        let existing = existing.iter().find(|s| s.name() == secret.name());
        if let Some(existing) = existing {
            if existing.pointer("/data") == secret.pointer("/data") {
                return Ok(Created::Unchanged);
            }
            if !upsert {
                return Err(Failure::new(format!(
                    "existing repository spec is different; repository `{}` is left as it is",
                    request.url
                ))
                .hint("`--upsert` changes it"));
            }
        }
        let doing = format!("cannot add repository `{}`", request.url);
        self.write_secret(&secret, &doing).await
    }
}
