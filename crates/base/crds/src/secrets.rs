//! Argo CD's Secrets: clusters, repositories and credential templates.

use crate::names;
use argosy_object::{Object, Redacted, Value};
use base64::Engine as _;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Why a Secret is not usable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// A key is missing or empty.
    #[error("secret `{secret}` has no `{field}`")]
    Missing {
        /// Namespace and name.
        secret: String,
        /// The key.
        field: &'static str,
    },
    /// A key holds something else than it should. The content is not shown.
    #[error("`{field}` of secret `{secret}` is not valid: {reason}")]
    Invalid {
        /// Namespace and name.
        secret: String,
        /// The key.
        field: &'static str,
        /// What is wrong.
        reason: String,
    },
}

/// The decoded text of one key of a Secret; `stringData` goes before `data`.
pub fn secret_text(secret: &Object, field: &str) -> Option<String> {
    if let Some(text) = secret.pointer("/stringData").and_then(|d| d.get(field)) {
        return text.as_str().map(Into::into);
    }
    let encoded = secret.pointer("/data")?.get(field)?.as_str()?;
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .ok()?;
    String::from_utf8(bytes).ok()
}

/// The value of the secret-type label.
pub fn secret_type(secret: &Object) -> Option<&str> {
    secret.label(names::SECRET_TYPE)
}

/// A cluster Secret.
#[derive(Clone, Debug, Default)]
pub struct ClusterSecret {
    /// The Secret's namespace and name.
    pub secret: String,
    /// `name`; the server where it is empty.
    pub name: String,
    /// `server`, without a trailing slash.
    pub server: String,
    /// `namespaces`, comma-separated: namespaced mode where not empty.
    pub namespaces: Vec<String>,
    /// `clusterResources`: also cluster-scoped objects in namespaced mode.
    pub cluster_resources: bool,
    /// `project`: only for applications of this project.
    pub project: String,
    /// `config`.
    pub config: ClusterConfig,
    /// The Secret's labels: what generators select by.
    pub labels: BTreeMap<String, String>,
    /// The Secret's annotations.
    pub annotations: BTreeMap<String, String>,
    /// `skip-reconcile` is set: the whole cluster is paused.
    pub paused: bool,
}

/// `config` of a cluster Secret.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ClusterConfig {
    pub username: String,
    #[serde(deserialize_with = "redacted")]
    pub password: Redacted<String>,
    #[serde(deserialize_with = "redacted")]
    pub bearer_token: Redacted<String>,
    pub tls_client_config: TlsClientConfig,
    pub aws_auth_config: Option<Value>,
    pub exec_provider_config: Option<ExecProviderConfig>,
    pub disable_compression: bool,
    pub proxy_url: String,
}

/// `tlsClientConfig`; the data fields are base64 of PEM.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsClientConfig {
    pub insecure: bool,
    pub server_name: String,
    pub ca_data: String,
    pub cert_data: String,
    #[serde(deserialize_with = "redacted")]
    pub key_data: Redacted<String>,
}

/// `execProviderConfig`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecProviderConfig {
    pub command: String,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub api_version: String,
    pub install_hint: String,
    pub provide_cluster_info: bool,
    pub config: Option<Value>,
}

fn redacted<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Redacted<String>, D::Error> {
    Ok(Redacted::new(
        Option::<String>::deserialize(from)?.unwrap_or_default(),
    ))
}

impl ClusterSecret {
    /// Reads a cluster Secret.
    ///
    /// # Errors
    /// [`SecretError`] that names the Secret and the key, never its content.
    pub fn of(secret: &Object) -> Result<Self, SecretError> {
        let id = id(secret);
        let server = required(secret, "server")?.trim_end_matches('/').to_owned();
        let config = match secret_text(secret, "config") {
            None => ClusterConfig::default(),
            Some(text) if text.trim().is_empty() => ClusterConfig::default(),
            Some(text) => serde_json::from_str(&text).map_err(|error| SecretError::Invalid {
                secret: id.clone(),
                field: "config",
                reason: format!("line {} column {}", error.line(), error.column()),
            })?,
        };
        let list = secret_text(secret, "namespaces").unwrap_or_default();
        Ok(Self {
            name: secret_text(secret, "name")
                .filter(|n| !n.is_empty())
                .unwrap_or(server.clone()),
            server,
            namespaces: list
                .split(',')
                .map(str::trim)
                .filter(|n| !n.is_empty())
                .map(Into::into)
                .collect(),
            cluster_resources: flag(secret, "clusterResources"),
            project: secret_text(secret, "project").unwrap_or_default(),
            config,
            labels: text_map(secret, "labels"),
            annotations: text_map(secret, "annotations"),
            paused: secret.annotation(names::SKIP_RECONCILE) == Some("true"),
            secret: id,
        })
    }
}

/// A `repository` or `repo-creds` Secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RepositorySecret {
    /// The Secret's namespace and name: the credential's id.
    pub secret: String,
    /// Whether it is a template for all URLs that start with `url`.
    pub is_template: bool,
    /// `url`.
    pub url: String,
    /// `type`: `git`, `helm` or `oci`.
    pub kind: String,
    /// `name`.
    pub name: String,
    /// `project`.
    pub project: String,
    /// `username`.
    pub username: String,
    /// `password`.
    pub password: Redacted<String>,
    /// `bearerToken`.
    pub bearer_token: Redacted<String>,
    /// `sshPrivateKey`.
    pub ssh_private_key: Redacted<String>,
    /// `tlsClientCertData`.
    pub tls_client_cert: String,
    /// `tlsClientCertKey`.
    pub tls_client_key: Redacted<String>,
    /// `insecure` or `insecureIgnoreHostKey`.
    pub insecure: bool,
    /// `proxy`.
    pub proxy: String,
    /// `noProxy`.
    pub no_proxy: String,
    /// `enableLfs`.
    pub enable_lfs: bool,
    /// `enableOCI`.
    pub enable_oci: bool,
    /// `insecureOCIForceHttp`.
    pub insecure_oci_force_http: bool,
    /// `depth`.
    pub depth: u32,
}

impl RepositorySecret {
    /// Reads a repository or credential-template Secret.
    ///
    /// # Errors
    /// [`SecretError`] where it has no `url`.
    pub fn of(secret: &Object) -> Result<Self, SecretError> {
        let text = |field| secret_text(secret, field).unwrap_or_default();
        let kind = text("type");
        Ok(Self {
            secret: id(secret),
            is_template: secret_type(secret) == Some("repo-creds"),
            url: required(secret, "url")?,
            kind: if kind.is_empty() { "git".into() } else { kind },
            name: text("name"),
            project: text("project"),
            username: text("username"),
            password: text("password").into(),
            bearer_token: text("bearerToken").into(),
            ssh_private_key: text("sshPrivateKey").into(),
            tls_client_cert: text("tlsClientCertData"),
            tls_client_key: text("tlsClientCertKey").into(),
            insecure: flag(secret, "insecure") || flag(secret, "insecureIgnoreHostKey"),
            proxy: text("proxy"),
            no_proxy: text("noProxy"),
            enable_lfs: flag(secret, "enableLfs"),
            enable_oci: flag(secret, "enableOCI"),
            insecure_oci_force_http: flag(secret, "insecureOCIForceHttp"),
            depth: text("depth").parse().unwrap_or(0),
        })
    }
}

fn id(secret: &Object) -> String {
    format!("{}/{}", secret.namespace().unwrap_or(""), secret.name())
}

fn required(secret: &Object, field: &'static str) -> Result<String, SecretError> {
    secret_text(secret, field)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| SecretError::Missing {
            secret: id(secret),
            field,
        })
}

fn flag(secret: &Object, field: &str) -> bool {
    secret_text(secret, field).is_some_and(|text| text == "true")
}

fn text_map(secret: &Object, field: &str) -> BTreeMap<String, String> {
    secret
        .metadata()
        .and_then(|m| m.get(field))
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn secret(data: Value) -> Object {
        Object::from_trusted(json!({"apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "c", "namespace": "argocd", "labels": {"environment": "production"}},
            "stringData": data}))
    }

    #[test]
    fn cluster_secret_without_name_is_named_after_its_server() {
        let cluster = ClusterSecret::of(&secret(json!({"server": "https://a:1/"}))).unwrap();
        assert_eq!(
            (cluster.name.as_str(), cluster.server.as_str()),
            ("https://a:1", "https://a:1")
        );
        assert_eq!(cluster.labels["environment"], "production");
    }

    #[test]
    fn broken_config_names_secret_and_key_but_not_content() {
        let error = ClusterSecret::of(&secret(
            json!({"server": "s", "config": "{\"bearerToken\": hunter2"}),
        ))
        .unwrap_err()
        .to_string();
        assert!(error.contains("`config` of secret `argocd/c`"), "{error}");
        assert!(!error.contains("hunter2"));
    }

    #[test]
    fn token_is_hidden_from_debug() {
        let cluster = ClusterSecret::of(&secret(
            json!({"server": "s", "config": "{\"bearerToken\": \"hunter2\"}"}),
        ))
        .unwrap();
        assert!(!format!("{cluster:?}").contains("hunter2"));
        assert_eq!(cluster.config.bearer_token.reveal(), "hunter2");
    }
}
