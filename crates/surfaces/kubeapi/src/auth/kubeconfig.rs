//! Writes a kubeconfig that kubectl, helm and every client understand.

use crate::auth::files::{self, FileError};
use argosy_object::{Redacted, Value};
use std::path::Path;

/// One cluster that the file has a context for.
#[derive(Clone, Debug)]
pub struct Context {
    /// Name of context, cluster and user, such as `argosy` or a simulated cluster's name.
    pub name: String,
    /// URL of the API, such as `https://127.0.0.1:6443/clusters/eu-1`.
    pub server: String,
    /// Namespace of commands that name none; `None` leaves it at `default`.
    pub namespace: Option<String>,
}

/// What goes into the file. All contexts share the serving CA and the user's credential.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// Contexts; the first is the current one.
    pub contexts: Vec<Context>,
    /// PEM of the CA that signed the serving certificate.
    pub ca_pem: String,
    /// The user's credential.
    pub credential: Credential,
}

/// How the user proves who he is.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A bearer token.
    Token(Redacted<String>),
    /// A client certificate and its key, both PEM.
    Certificate {
        /// Certificate.
        cert_pem: String,
        /// Key.
        key_pem: Redacted<String>,
    },
}

impl Kubeconfig {
    /// The file's content as YAML.
    pub fn to_yaml(&self) -> String {
        let ca = files::base64(self.ca_pem.as_bytes());
        let mut out = String::from("apiVersion: v1\nkind: Config\nclusters:\n");
        for c in &self.contexts {
            out += "- cluster:\n";
            line(&mut out, 4, "certificate-authority-data", &ca);
            line(&mut out, 4, "server", &c.server);
            line(&mut out, 2, "name", &c.name);
        }
        out += "contexts:\n";
        for c in &self.contexts {
            out += "- context:\n";
            line(&mut out, 4, "cluster", &c.name);
            if let Some(namespace) = &c.namespace {
                line(&mut out, 4, "namespace", namespace);
            }
            line(&mut out, 4, "user", USER);
            line(&mut out, 2, "name", &c.name);
        }
        let current = self.contexts.first().map_or("", |c| c.name.as_str());
        line(&mut out, 0, "current-context", current);
        out += "preferences: {}\nusers:\n";
        line(&mut out, 0, "- name", USER);
        out += "  user:\n";
        match &self.credential {
            Credential::Token(token) => line(&mut out, 4, "token", token.reveal()),
            Credential::Certificate { cert_pem, key_pem } => {
                let cert = files::base64(cert_pem.as_bytes());
                line(&mut out, 4, "client-certificate-data", &cert);
                let key = files::base64(key_pem.reveal().as_bytes());
                line(&mut out, 4, "client-key-data", &key);
            }
        }
        out
    }

    /// Writes the file with mode 0600, replacing an older one in one step.
    ///
    /// # Errors
    /// [`FileError`] where the folder cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), FileError> {
        files::write_private(path, self.to_yaml().as_bytes())
    }
}

const USER: &str = "argosy-admin";

/// One field; JSON's quoting is YAML's too, and plain words need none.
fn line(out: &mut String, indent: usize, name: &str, value: &str) {
    let plain = value.starts_with(|c: char| c.is_ascii_alphabetic())
        && value.len() > 5
        && value
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-_./+=".contains(&b));
    let value = if plain {
        value.to_owned()
    } else {
        Value::from(value).to_string()
    };
    out.push_str(&" ".repeat(indent));
    out.push_str(name);
    out.push_str(": ");
    out.push_str(&value);
    out.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_is_private_and_names_every_context() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kubeconfig");
        let context = |name: &str, server: &str| Context {
            name: name.into(),
            server: server.into(),
            namespace: None,
        };
        let config = Kubeconfig {
            contexts: vec![
                context("argosy", "https://127.0.0.1:1"),
                context("no", "https://127.0.0.1:1/clusters/no"),
            ],
            ca_pem: "pem".into(),
            credential: Credential::Token(Redacted::new("secret-token".into())),
        };
        config.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains("current-context: argosy\n"));
        assert!(
            text.contains("    cluster: \"no\"\n"),
            "a YAML boolean must be quoted"
        );
        assert!(text.contains("    token: secret-token\n"));
        assert!(!format!("{config:?}").contains("secret-token"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }
}
