//! Credential programs: run with bounded time and output, cached until their answer expires.

use crate::spec::{ClusterSpec, ExecSpec};
use argosy_object::{Class, Classified, Redacted, json};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

const RUN_LIMIT: Duration = Duration::from_secs(30);
const OUTPUT_BYTES: u64 = 1 << 20;
const SAID_BYTES: usize = 1000;
/// A credential is renewed this long before it expires.
const SLACK_SECONDS: i64 = 10;
const V1: &str = "client.authentication.k8s.io/v1";
const V1BETA1: &str = "client.authentication.k8s.io/v1beta1";

/// Why there is no credential.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialError {
    /// The program failed; what it says on stderr is in `what`.
    #[error("the credential program `{command}` {what}")]
    Program {
        /// The program.
        command: String,
        /// What happened.
        what: String,
        /// The kubeconfig's `installHint`.
        install_hint: String,
        /// Whether trying again may help.
        transient: bool,
    },
    /// A token file.
    #[error("the token file `{}` cannot be used: {reason}", .path.display())]
    TokenFile {
        /// Which.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A token or password with characters that no header may hold.
    #[error("the credential holds characters that no HTTP header may hold")]
    NoHeader,
}

impl Classified for CredentialError {
    fn class(&self) -> Class {
        match self {
            Self::Program {
                transient: true, ..
            }
            | Self::TokenFile { .. } => Class::Transient,
            _ => Class::Denied,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Program { install_hint, .. } if !install_hint.is_empty() => {
                Some(install_hint.clone())
            }
            _ => None,
        }
    }
}

/// What a program answered.
#[derive(Debug)]
pub struct ExecCredential {
    /// Bearer token.
    pub token: Option<Redacted<String>>,
    /// Client certificate and key, PEM.
    pub certificate: Option<Identity>,
    expires: Option<Timestamp>,
}

/// A client certificate and its key, PEM.
type Identity = (Arc<[u8]>, Redacted<Arc<[u8]>>);

/// A credential program and its last answer.
pub struct ExecSource {
    spec: Arc<ExecSpec>,
    info: String,
    kept: tokio::sync::Mutex<Option<Arc<ExecCredential>>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    #[serde(default)]
    api_version: String,
    #[serde(default)]
    kind: String,
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
    expiration_timestamp: Option<String>,
}

impl ExecSource {
    /// A source that has not run yet.
    pub fn new(spec: Arc<ExecSpec>, cluster: &ClusterSpec) -> Self {
        let mut request = json!({"interactive": false});
        if spec.provide_cluster_info {
            request["cluster"] = cluster_info(&spec, cluster);
        }
        let info =
            json!({"apiVersion": spec.api_version, "kind": "ExecCredential", "spec": request});
        Self {
            spec,
            info: info.to_string(),
            kept: tokio::sync::Mutex::default(),
        }
    }

    /// The credential, from the last run where it has not expired.
    ///
    /// # Errors
    /// [`CredentialError::Program`].
    pub async fn get(&self) -> Result<Arc<ExecCredential>, CredentialError> {
        let mut kept = self.kept.lock().await; // one run at a time, for all requests
        let soon = Timestamp::now().as_second() + SLACK_SECONDS;
        if let Some(known) = kept.as_ref()
            && known
                .expires
                .is_none_or(|expires| expires.as_second() > soon)
        {
            return Ok(known.clone());
        }
        let fresh = Arc::new(self.run().await?);
        *kept = Some(fresh.clone());
        Ok(fresh)
    }

    /// Forgets `refused`, which a server did not take.
    pub async fn forget(&self, refused: &Arc<ExecCredential>) {
        let mut kept = self.kept.lock().await;
        if kept
            .as_ref()
            .is_some_and(|known| Arc::ptr_eq(known, refused))
        {
            *kept = None;
        }
    }

    fn error(&self, what: impl Into<String>, transient: bool) -> CredentialError {
        CredentialError::Program {
            command: self.spec.command.clone(),
            what: what.into(),
            install_hint: self.spec.install_hint.clone(),
            transient,
        }
    }

    async fn run(&self) -> Result<ExecCredential, CredentialError> {
        if !matches!(self.spec.api_version.as_str(), V1 | V1BETA1) {
            return Err(self.error(
                format!(
                    "speaks `{}`, which is neither {V1} nor {V1BETA1}",
                    self.spec.api_version
                ),
                false,
            ));
        }
        let output = tokio::time::timeout(RUN_LIMIT, self.output())
            .await
            .map_err(|_| {
                self.error(
                    format!("did not end within {} s", RUN_LIMIT.as_secs()),
                    true,
                )
            })??;
        self.read(&output)
    }

    async fn output(&self) -> Result<Vec<u8>, CredentialError> {
        let mut program = PathBuf::from(&self.spec.command);
        if let Some(folder) = &self.spec.folder {
            // A bare name is looked up on PATH; a relative path starts at the kubeconfig.
            if self.spec.command.contains('/') {
                program = folder.join(program);
            }
        }
        let mut child = Command::new(program)
            .args(&self.spec.args)
            .envs(
                self.spec
                    .env
                    .iter()
                    .map(|(name, value)| (name, value.reveal())),
            )
            .env("KUBERNETES_EXEC_INFO", &self.info)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| self.error(format!("cannot be started: {error}"), false))?;
        let stdout = child.stdout.take();
        let stderr = child.stderr.take();
        let (output, said) = tokio::join!(bounded(stdout), bounded(stderr));
        if output.len() as u64 > OUTPUT_BYTES {
            return Err(self.error(format!("printed more than {OUTPUT_BYTES} bytes"), false));
        }
        let status = child
            .wait()
            .await
            .map_err(|error| self.error(format!("cannot be awaited: {error}"), true))?;
        if !status.success() {
            let said = String::from_utf8_lossy(&said[..said.len().min(SAID_BYTES)]);
            return Err(self.error(format!("failed ({status}): {}", said.trim()), true));
        }
        Ok(output)
    }

    /// Reads the answer; no error quotes it.
    fn read(&self, output: &[u8]) -> Result<ExecCredential, CredentialError> {
        let bad = |what: &str| self.error(what, false);
        let answer: Answer =
            serde_json::from_slice(output).map_err(|_| bad("printed no ExecCredential"))?;
        if answer.kind != "ExecCredential" || answer.api_version != self.spec.api_version {
            return Err(bad(
                "printed an object that is no ExecCredential of the asked version",
            ));
        }
        let status = answer.status.ok_or_else(|| bad("printed no status"))?;
        let certificate = match (status.client_certificate_data, status.client_key_data) {
            (Some(certificate), Some(key)) => Some((
                certificate.into_bytes().into(),
                Redacted::new(Arc::<[u8]>::from(key.into_bytes())),
            )),
            (None, None) => None,
            _ => return Err(bad("printed a certificate without its key, or the reverse")),
        };
        let token = status
            .token
            .filter(|token| !token.is_empty())
            .map(Redacted::new);
        if token.is_none() && certificate.is_none() {
            return Err(bad("printed neither a token nor a certificate"));
        }
        let expires = status.expiration_timestamp.filter(|text| !text.is_empty());
        let expires: Option<Timestamp> = expires
            .map(|text| text.parse())
            .transpose()
            .map_err(|_| bad("printed an expirationTimestamp that is no time"))?;
        Ok(ExecCredential {
            token,
            certificate,
            expires,
        })
    }
}

async fn bounded(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // A broken pipe shows in the exit status; what came before it is still read.
        let _ = pipe.take(OUTPUT_BYTES + 1).read_to_end(&mut bytes).await;
    }
    bytes
}

fn cluster_info(spec: &ExecSpec, cluster: &ClusterSpec) -> serde_json::Value {
    let mut info = json!({"server": cluster.server});
    if let Some(name) = &cluster.tls.server_name {
        info["tls-server-name"] = name.as_str().into();
    }
    if cluster.tls.insecure {
        info["insecure-skip-tls-verify"] = true.into();
    }
    if let Some(ca) = &cluster.tls.ca {
        info["certificate-authority-data"] = STANDARD.encode(ca).into();
    }
    if let Some(config) = &spec.config {
        info["config"] = config.clone();
    }
    info
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::spec::{Credential, Scope, TlsSpec};

    fn source(script: &str) -> ExecSource {
        let spec = ExecSpec {
            command: "sh".into(),
            args: vec!["-c".into(), script.into()],
            env: vec![("TOKEN".into(), "tok".to_owned().into())],
            api_version: V1.into(),
            install_hint: "install it".into(),
            provide_cluster_info: true,
            ..ExecSpec::default()
        };
        let cluster = ClusterSpec {
            name: "x".into(),
            server: "https://x:1".into(),
            tls: TlsSpec::default(),
            credential: Credential::None,
            scope: Scope::default(),
        };
        ExecSource::new(Arc::new(spec), &cluster)
    }

    fn answer(expires: &str) -> String {
        format!(
            r#"printf '{{"apiVersion":"{V1}","kind":"ExecCredential","status":{{"token":"%s-%s","expirationTimestamp":"{expires}"}}}}' $TOKEN $$"#
        )
    }

    #[tokio::test]
    async fn answer_is_kept_until_it_expires() {
        let source = source(&answer("2999-01-01T00:00:00Z"));
        let first = source.get().await.unwrap();
        let token = first.token.as_ref().unwrap().reveal().clone();
        assert!(token.starts_with("tok-"), "{token}");
        assert_eq!(
            source.get().await.unwrap().token.as_ref().unwrap().reveal(),
            &token
        );
        source.forget(&first).await;
        assert_ne!(
            source.get().await.unwrap().token.as_ref().unwrap().reveal(),
            &token
        );
    }

    #[tokio::test]
    async fn expired_answer_is_asked_for_again() {
        let source = source(&answer("2001-01-01T00:00:00Z"));
        let token = |c: Arc<ExecCredential>| c.token.as_ref().unwrap().reveal().clone();
        assert_ne!(
            token(source.get().await.unwrap()),
            token(source.get().await.unwrap())
        );
    }

    #[tokio::test]
    async fn cluster_is_told_where_asked() {
        let source = source(r#"echo "$KUBERNETES_EXEC_INFO" >&2; exit 3"#);
        let error = source.get().await.unwrap_err();
        assert!(
            error
                .to_string()
                .contains(r#""cluster":{"server":"https://x:1"}"#),
            "{error}"
        );
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        assert_eq!(error.hint().as_deref(), Some("install it"));
    }

    #[tokio::test]
    async fn bad_and_endless_answers_are_errors_that_quote_nothing() {
        let error = source("echo secret").get().await.unwrap_err().to_string();
        assert!(error.ends_with("printed no ExecCredential"), "{error}");
        let error = source("yes").get().await.unwrap_err().to_string();
        assert!(error.contains("more than"), "{error}");
    }
}
