//! Argo CD's cluster Secrets.

use super::{ClusterSpec, Credential, ExecSpec, IN_CLUSTER, Scope, TlsSpec};
use argosy_object::{Class, Classified, Object, Redacted};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The label whose value `cluster` makes a Secret a cluster's.
pub const SECRET_TYPE_LABEL: &str = "argocd.argoproj.io/secret-type";

/// Why a cluster Secret or a kubeconfig cannot be used.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{source_name}: `{field}` {what}")]
pub struct SpecError {
    /// The Secret (`cluster Secret argocd/prod`) or file.
    pub source_name: String,
    /// The field in it.
    pub field: String,
    /// What is wrong with it.
    pub what: String,
}

impl Classified for SpecError {
    fn class(&self) -> Class {
        Class::Stalled
    }
}

/// Reads a cluster Secret. `hub_admin` says whether the Secret lives in the hub's own Argo CD
/// namespace: only there may it name a program to run.
///
/// # Errors
/// [`SpecError`] with the field that is missing, broken or asks for what is not supported.
///
/// Compat: `data` as argo-cd's `util/db/cluster.go` reads it, `config` as its `ClusterConfig`;
/// refusals as client-go's `rest.TLSConfigFor` and `rest.HTTPWrappersForConfig` word them.
pub fn cluster_from_secret(secret: &Object, hub_admin: bool) -> Result<ClusterSpec, SpecError> {
    let source_name = format!(
        "cluster Secret {}/{}",
        secret.namespace().unwrap_or(""),
        secret.name()
    );
    let reader = Reader {
        secret,
        source_name,
        hub_admin,
    };
    let server = reader.text("server")?.unwrap_or_default();
    let server = server.trim().trim_end_matches('/').to_owned();
    if server.is_empty() {
        return Err(reader.error("server", "is missing"));
    }
    let name = reader.text("name")?.filter(|name| !name.is_empty());
    let namespaces = reader
        .text("namespaces")?
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|namespace| !namespace.is_empty())
        .map(str::to_owned)
        .collect();
    let cluster_resources = reader
        .text("clusterResources")?
        .is_some_and(|text| text == "true");
    let (tls, credential) = reader.config(&server)?;
    Ok(ClusterSpec {
        name: name.unwrap_or_else(|| server.clone()),
        server,
        tls,
        credential,
        scope: Scope {
            namespaces,
            cluster_resources,
        },
    })
}

/// The server that a Secret names, whatever else is wrong with it; empty where there is none.
pub(crate) fn server_of(secret: &Object) -> String {
    let reader = Reader {
        secret,
        source_name: String::new(),
        hub_admin: false,
    };
    let server = reader.text("server").ok().flatten().unwrap_or_default();
    server.trim().trim_end_matches('/').to_owned()
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
#[allow(clippy::struct_field_names)] // the names are upstream's
struct Config {
    username: String,
    password: String,
    bearer_token: String,
    tls_client_config: TlsClientConfig,
    #[serde(rename = "awsAuthConfig")]
    aws: Option<serde_json::Value>,
    exec_provider_config: Option<ExecProvider>,
    proxy_url: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct TlsClientConfig {
    insecure: bool,
    server_name: String,
    cert_data: Option<String>,
    key_data: Option<String>,
    ca_data: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct ExecProvider {
    command: String,
    args: Option<Vec<String>>,
    env: Option<BTreeMap<String, String>>,
    api_version: String,
    install_hint: String,
    provide_cluster_info: bool,
    config: Option<serde_json::Value>,
}

struct Reader<'s> {
    secret: &'s Object,
    source_name: String,
    hub_admin: bool,
}

impl Reader<'_> {
    fn error(&self, field: &str, what: impl Into<String>) -> SpecError {
        SpecError {
            source_name: self.source_name.clone(),
            field: field.to_owned(),
            what: what.into(),
        }
    }

    /// A field of `data`, or of `stringData`, which wins as it does when it is written.
    fn text(&self, field: &str) -> Result<Option<String>, SpecError> {
        let value = self.secret.value();
        if let Some(text) = value.get("stringData").and_then(|d| d.get(field)) {
            return Ok(text.as_str().map(str::to_owned));
        }
        let Some(encoded) = value
            .get("data")
            .and_then(|d| d.get(field))
            .and_then(|v| v.as_str())
        else {
            return Ok(None);
        };
        let bytes = STANDARD.decode(encoded).map_err(|error| {
            self.error(&format!("data.{field}"), format!("is no base64: {error}"))
        })?;
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| self.error(&format!("data.{field}"), "is no UTF-8 text"))
    }

    fn config(&self, server: &str) -> Result<(TlsSpec, Credential), SpecError> {
        let text = self.text("config")?.unwrap_or_default();
        let config: Config = if text.trim().is_empty() {
            Config::default()
        } else {
            // The text of a serde error may quote the value, which may be a token: only the
            // place is told.
            serde_json::from_str(&text).map_err(|error| {
                self.error(
                    "config",
                    format!(
                        "is not the JSON of a cluster configuration (line {}, column {})",
                        error.line(),
                        error.column()
                    ),
                )
            })?
        };
        if !config.proxy_url.is_empty() {
            return Err(self.error("config.proxyUrl", "is not supported yet"));
        }
        let tls = self.tls(&config.tls_client_config)?;
        let credential = self.credential(config, server)?;
        Ok((tls, credential))
    }

    fn tls(&self, config: &TlsClientConfig) -> Result<TlsSpec, SpecError> {
        let field = |name: &str| format!("config.tlsClientConfig.{name}");
        let ca = self.pem(&field("caData"), config.ca_data.as_deref())?;
        let certificate = self.pem(&field("certData"), config.cert_data.as_deref())?;
        let key = self.pem(&field("keyData"), config.key_data.as_deref())?;
        if config.insecure && ca.is_some() {
            return Err(self.error(
                &field("caData"),
                "stands beside `insecure`: specifying a root certificates file with the insecure flag is not allowed",
            ));
        }
        if certificate.is_some() != key.is_some() {
            let (there, absent) = if key.is_none() {
                ("certData", "keyData")
            } else {
                ("keyData", "certData")
            };
            return Err(self.error(&field(absent), format!("is missing beside `{there}`")));
        }
        Ok(TlsSpec {
            insecure: config.insecure,
            server_name: Some(config.server_name.clone()).filter(|name| !name.is_empty()),
            ca,
            certificate,
            key: key.map(Redacted::new),
        })
    }

    fn pem(&self, field: &str, encoded: Option<&str>) -> Result<Option<Arc<[u8]>>, SpecError> {
        let Some(encoded) = encoded.filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        // Line breaks inside are what `base64` without `-w0` makes, and Go skips them too.
        let compact: String = encoded
            .chars()
            .filter(|c| !matches!(c, '\r' | '\n'))
            .collect();
        let bytes = STANDARD
            .decode(compact)
            .map_err(|_| self.error(field, "is no base64 of PEM"))?;
        Ok(Some(bytes.into()))
    }

    fn credential(&self, config: Config, server: &str) -> Result<Credential, SpecError> {
        if config.aws.is_some_and(|aws| !aws.is_null()) {
            return Err(self.error(
                "config.awsAuthConfig",
                "is not supported; use `execProviderConfig` with `aws eks get-token`, or a token",
            ));
        }
        if let Some(exec) = config.exec_provider_config {
            return self.exec(exec);
        }
        let has_basic = !config.username.is_empty() || !config.password.is_empty();
        if !config.bearer_token.is_empty() {
            if has_basic {
                return Err(self.error(
                    "config",
                    "is ambiguous: username/password or bearer token may be set, but not both",
                ));
            }
            return Ok(Credential::Bearer(config.bearer_token.into()));
        }
        if has_basic {
            return Ok(Credential::Basic {
                username: config.username,
                password: config.password.into(),
            });
        }
        Ok(if server == IN_CLUSTER {
            Credential::Hub
        } else {
            Credential::None
        })
    }

    fn exec(&self, exec: ExecProvider) -> Result<Credential, SpecError> {
        const FIELD: &str = "config.execProviderConfig";
        if !self.hub_admin {
            return Err(self.error(
                FIELD,
                "names a program to run, which only a Secret in the hub's own Argo CD namespace may",
            ));
        }
        if exec.command.is_empty() {
            return Err(self.error(&format!("{FIELD}.command"), "is missing"));
        }
        let env = exec.env.unwrap_or_default();
        Ok(Credential::Exec(Arc::new(ExecSpec {
            command: exec.command,
            args: exec.args.unwrap_or_default(),
            env: env
                .into_iter()
                .map(|(name, value)| (name, value.into()))
                .collect(),
            api_version: exec.api_version,
            install_hint: exec.install_hint,
            provide_cluster_info: exec.provide_cluster_info,
            config: exec.config,
            folder: None,
        })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn secret(config: &str) -> Object {
        Object::new(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"namespace": "argocd", "name": "prod"},
        "data": {
            "name": STANDARD.encode("prod-eu"),
            "server": STANDARD.encode("https://10.0.0.1:6443/clusters/eu/"),
            "namespaces": STANDARD.encode("a, b"),
            "config": STANDARD.encode(config),
        }}))
        .unwrap()
    }

    fn refusal(config: &str) -> String {
        cluster_from_secret(&secret(config), true)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn token_and_authority_and_scope_are_read() {
        let ca = STANDARD.encode("PEM");
        let config = format!(
            r#"{{"bearerToken":"t0p","tlsClientConfig":{{"insecure":false,"serverName":"api","caData":"{ca}"}}}}"#
        );
        let spec = cluster_from_secret(&secret(&config), false).unwrap();
        assert_eq!(spec.name, "prod-eu");
        assert_eq!(spec.server, "https://10.0.0.1:6443/clusters/eu");
        assert_eq!(spec.credential, Credential::Bearer("t0p".to_owned().into()));
        assert_eq!(spec.tls.ca.as_deref(), Some(&b"PEM"[..]));
        assert_eq!(spec.tls.server_name.as_deref(), Some("api"));
        assert_eq!(spec.scope.namespaces, ["a", "b"]);
        assert!(!spec.scope.sees(None));
        assert!(spec.scope.sees(Some("b")) && !spec.scope.sees(Some("c")));
        assert!(!format!("{spec:?}").contains("t0p"));
    }

    #[test]
    fn in_cluster_without_credential_is_the_hubs_own() {
        let mut secret = secret("");
        secret.value_mut()["stringData"] = json!({"server": IN_CLUSTER});
        assert_eq!(
            cluster_from_secret(&secret, false).unwrap().credential,
            Credential::Hub
        );
    }

    #[test]
    fn what_cannot_be_done_is_refused_by_field() {
        assert_eq!(
            refusal(r#"{"awsAuthConfig":{"clusterName":"x"}}"#),
            "cluster Secret argocd/prod: `config.awsAuthConfig` is not supported; use `execProviderConfig` with `aws eks get-token`, or a token"
        );
        assert!(refusal(r#"{"proxyUrl":"http://p"}"#).contains("config.proxyUrl"));
        assert!(refusal(r#"{"bearerToken":"a","username":"b"}"#).contains("but not both"));
        assert!(
            refusal(r#"{"tlsClientConfig":{"certData":"YQ=="}}"#).contains("keyData` is missing")
        );
        assert!(
            refusal(r#"{"tlsClientConfig":{"insecure":true,"caData":"YQ=="}}"#)
                .contains("not allowed")
        );
    }

    #[test]
    fn broken_config_names_the_place_and_not_the_value() {
        let text = refusal("{\"bearerToken\": \"s3cret\", \"username\": [\"s3cret\"]}");
        assert!(text.contains("line 1, column"), "{text}");
        assert!(!text.contains("s3cret"), "{text}");
    }

    #[test]
    fn exec_runs_for_hub_admins_only() {
        let config = r#"{"execProviderConfig":{"command":"aws","args":["eks"],"env":{"A":"b"},"apiVersion":"client.authentication.k8s.io/v1beta1"}}"#;
        let denied = cluster_from_secret(&secret(config), false).unwrap_err();
        assert!(denied.what.contains("hub's own"), "{denied}");
        let spec = cluster_from_secret(&secret(config), true).unwrap();
        let Credential::Exec(exec) = spec.credential else {
            panic!("no exec credential")
        };
        assert_eq!(
            (exec.command.as_str(), exec.args.as_slice()),
            ("aws", &["eks".to_owned()][..])
        );
    }
}
