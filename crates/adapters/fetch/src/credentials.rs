//! Which credential a repository is read with.
//!
//! `Compat:` Argo CD's `repository` and `repo-creds` Secrets: a repository Secret of the project
//! wins over one of no project; where it carries no credential itself, the `repo-creds` Secret
//! with the longest URL prefix lends one.

use crate::proxy::Proxies;
use crate::tls::Trust;
use crate::url::{comparable, plain};
use argosy_crds::RepositorySecret;
use argosy_object::{Object, Redacted};
use argosy_ports::CredentialId;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The credentials that are known, read from Secrets.
#[derive(Clone, Debug, Default)]
pub struct Credentials {
    repositories: Vec<RepositorySecret>,
    templates: Vec<RepositorySecret>,
    authorities: BTreeMap<String, String>,
    known_hosts: Arc<str>,
}

/// What one repository is read with.
#[derive(Clone, Debug, Default)]
pub struct Credential {
    /// Names the Secret, empty where there is none.
    pub id: String,
    /// Name for basic authentication.
    pub username: String,
    /// The password beside it.
    pub password: Redacted<String>,
    /// Goes before name and password.
    pub bearer_token: Redacted<String>,
    /// The private key for ssh.
    pub ssh_key: Redacted<String>,
    /// The client's certificate in PEM.
    pub client_cert: String,
    /// Its key in PEM.
    pub client_key: Redacted<String>,
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// The proxy, for all URLs.
    pub proxy: String,
    /// Hosts that are reached without it.
    pub no_proxy: String,
    /// How many commits of a history are fetched; 0: all.
    pub depth: u32,
    /// Whether the URL names a registry (`enableOCI`, or `type: oci`).
    pub is_registry: bool,
    /// Whether the registry speaks plain HTTP (`insecureOCIForceHttp`).
    pub is_plain_http: bool,
}

impl Credential {
    /// The trust beside the login; `authority` are certificates in PEM for the host, `proxies`
    /// those of the process.
    pub fn trust(&self, authority: Option<&str>, proxies: &Proxies) -> Trust {
        Trust {
            insecure: self.insecure,
            authorities: authority.map(str::to_owned),
            client_cert: self.client_cert.clone(),
            client_key: self.client_key.clone(),
            proxy: self.proxy.clone(),
            no_proxy: self.no_proxy.clone(),
            proxies: proxies.clone(),
        }
    }
}

impl Credentials {
    /// Collects repository and template Secrets. The second value names the Secrets that cannot
    /// be read, with the reason; the others count nevertheless.
    pub fn of<'a>(secrets: impl IntoIterator<Item = &'a Object>) -> (Self, Vec<String>) {
        let mut credentials = Self::default();
        let mut faults = Vec::new();
        for secret in secrets {
            match argosy_crds::secret_type(secret) {
                Some("repository" | "repo-creds") => {}
                _ => continue,
            }
            match RepositorySecret::of(secret) {
                Ok(view) if view.is_template => credentials.templates.push(view),
                Ok(view) => credentials.repositories.push(view),
                Err(error) => faults.push(error.to_string()),
            }
        }
        (credentials, faults)
    }

    /// Adds PEM certificates that a host is trusted by, as `argocd-tls-certs-cm` holds them.
    #[must_use]
    pub fn with_authority(mut self, host: &str, pem: &str) -> Self {
        self.authorities.insert(host.to_lowercase(), pem.into());
        self
    }

    /// Adds PEM certificates for many hosts.
    #[must_use]
    pub fn with_authorities(mut self, by_host: &BTreeMap<String, String>) -> Self {
        for (host, pem) in by_host {
            self = self.with_authority(host, pem);
        }
        self
    }

    /// Sets the lines of known hosts, as `argocd-ssh-known-hosts-cm` holds them.
    #[must_use]
    pub fn with_known_hosts(mut self, lines: &str) -> Self {
        self.known_hosts = lines.into();
        self
    }

    /// The lines of known hosts.
    pub fn known_hosts(&self) -> Arc<str> {
        self.known_hosts.clone()
    }

    /// The PEM certificates for a host.
    pub fn authority(&self, host: &str) -> Option<&str> {
        self.authorities
            .get(&host.to_lowercase())
            .map(String::as_str)
    }

    /// The credential id of a URL as a project sees it; the empty id means none.
    pub fn id_for(&self, url: &str, project: &str) -> CredentialId {
        let id = match self.repository(url, project) {
            Some(repository) if has_credential(repository) => &repository.secret,
            Some(repository) => match self.template(url) {
                // The repository's own settings and the lent credential: both are the key.
                Some(template) => {
                    return CredentialId(
                        format!("{}+{}", repository.secret, template.secret).into(),
                    );
                }
                None => &repository.secret,
            },
            None => match self.template(url) {
                Some(template) => &template.secret,
                None => return CredentialId::default(),
            },
        };
        CredentialId(id.as_str().into())
    }

    /// The credential that an id names; `None` where its Secret is gone.
    pub fn get(&self, id: &CredentialId) -> Option<Credential> {
        if id.0.is_empty() {
            return Some(Credential::default());
        }
        let (own, lent) = id.0.split_once('+').unwrap_or((&id.0, ""));
        let named = |name: &str| {
            self.repositories
                .iter()
                .chain(&self.templates)
                .find(|secret| secret.secret == name)
        };
        let own = named(own)?;
        let login = if lent.is_empty() { own } else { named(lent)? };
        Some(Credential {
            id: id.0.to_string(),
            username: login.username.clone(),
            password: login.password.clone(),
            bearer_token: login.bearer_token.clone(),
            ssh_key: login.ssh_private_key.clone(),
            client_cert: login.tls_client_cert.clone(),
            client_key: login.tls_client_key.clone(),
            insecure: own.insecure,
            proxy: first(&own.proxy, &login.proxy),
            no_proxy: first(&own.no_proxy, &login.no_proxy),
            depth: if own.depth == 0 {
                login.depth
            } else {
                own.depth
            },
            is_registry: own.enable_oci || own.kind == "oci" || login.enable_oci,
            is_plain_http: own.insecure_oci_force_http,
        })
    }

    /// The URL of the Helm repository that a project knows by this name, its own before those
    /// of no project. Compat: what `@name` and `alias:name` in Chart.yaml mean to Argo CD.
    pub fn helm_url(&self, name: &str, project: &str) -> Option<&str> {
        let of_project = |wanted: &str| {
            self.repositories
                .iter()
                .filter(|secret| secret.kind == "helm" && secret.name == name)
                .find(|secret| secret.project == wanted)
        };
        let own = (!project.is_empty()).then(|| of_project(project)).flatten();
        own.or_else(|| of_project(""))
            .map(|secret| secret.url.as_str())
    }

    fn repository(&self, url: &str, project: &str) -> Option<&RepositorySecret> {
        let url = comparable(url);
        let of_project = |wanted: &str| {
            self.repositories
                .iter()
                .filter(|secret| secret.project == wanted && comparable(&secret.url) == url)
                .min_by(|a, b| a.secret.cmp(&b.secret))
        };
        let own = if project.is_empty() {
            None
        } else {
            of_project(project)
        };
        own.or_else(|| of_project(""))
    }

    fn template(&self, url: &str) -> Option<&RepositorySecret> {
        let url = plain(url);
        self.templates
            .iter()
            .filter(|secret| is_prefix(&plain(&secret.url), &url))
            .max_by(|a, b| (a.url.len(), &b.secret).cmp(&(b.url.len(), &a.secret)))
    }
}

/// A prefix that stops inside the host's name would lend the credential to a stranger's host.
fn is_prefix(prefix: &str, url: &str) -> bool {
    let Some(rest) = url.strip_prefix(prefix) else {
        return false;
    };
    let in_path = prefix
        .split_once("://")
        .map_or(prefix, |(_, rest)| rest)
        .contains(['/', ':']);
    in_path || rest.is_empty() || rest.starts_with(['/', ':'])
}

fn has_credential(secret: &RepositorySecret) -> bool {
    !(secret.username.is_empty()
        && secret.password.reveal().is_empty()
        && secret.bearer_token.reveal().is_empty()
        && secret.ssh_private_key.reveal().is_empty()
        && secret.tls_client_cert.is_empty())
}

fn first(a: &str, b: &str) -> String {
    if a.is_empty() { b } else { a }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn secret(name: &str, kind: &str, data: argosy_object::Value) -> Object {
        Object::new(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": name, "namespace": "argocd",
                "labels": {"argocd.argoproj.io/secret-type": kind}},
            "stringData": data,
        }))
        .unwrap()
    }

    fn table() -> Credentials {
        let secrets = [
            secret(
                "tpl",
                "repo-creds",
                json!({"url": "https://h/org", "username": "a", "password": "1"}),
            ),
            secret(
                "tpl-long",
                "repo-creds",
                json!({"url": "https://h/org/deep", "username": "b", "password": "2"}),
            ),
            secret(
                "bare",
                "repository",
                json!({"url": "https://h/org/bare.git", "insecure": "true"}),
            ),
            secret(
                "own",
                "repository",
                json!({"url": "https://h/org/own", "password": "3"}),
            ),
            secret(
                "team",
                "repository",
                json!({"url": "https://h/org/own", "password": "4", "project": "team"}),
            ),
            secret(
                "host",
                "repo-creds",
                json!({"url": "https://host.example", "password": "5"}),
            ),
            secret("broken", "repository", json!({"password": "6"})),
            secret("other", "cluster", json!({})),
        ];
        let (table, faults) = Credentials::of(&secrets);
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].contains("broken"), "{faults:?}");
        table
    }

    #[test]
    fn project_then_repository_then_longest_template_wins() {
        let table = table();
        let id = |url, project| table.id_for(url, project).0.to_string();
        assert_eq!(id("https://h/org/own.git", "team"), "argocd/team");
        assert_eq!(id("https://h/org/own.git", "others"), "argocd/own");
        assert_eq!(id("https://h/org/x", ""), "argocd/tpl");
        assert_eq!(id("https://h/org/deep/x", ""), "argocd/tpl-long");
        assert_eq!(id("https://h/else", ""), "");
    }

    #[test]
    fn a_repository_without_a_login_borrows_one_and_keeps_its_settings() {
        let table = table();
        let id = table.id_for("https://h/org/bare", "");
        assert_eq!(&*id.0, "argocd/bare+argocd/tpl");
        let credential = table.get(&id).unwrap();
        assert!(credential.insecure);
        assert_eq!(credential.password.reveal(), "1");
        assert!(!format!("{credential:?}").contains("\"1\""));
    }

    #[test]
    fn a_template_never_reaches_a_host_that_only_begins_like_its_own() {
        let table = table();
        assert_eq!(
            &*table.id_for("https://host.example/x", "").0,
            "argocd/host"
        );
        assert_eq!(&*table.id_for("https://host.example.evil/x", "").0, "");
    }

    #[test]
    fn a_credential_whose_secret_is_gone_is_none() {
        assert!(table().get(&CredentialId("argocd/gone".into())).is_none());
        assert!(table().get(&CredentialId::default()).is_some());
    }
}
