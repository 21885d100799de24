//! What a cluster is reached by: address, TLS, credential and scope.
//!
//! Read from Argo CD's cluster Secrets (`spec/secret.rs`) and from kubeconfig files
//! (`kubeconfig.rs`); nothing here opens a connection.

mod secret;

pub(crate) use secret::server_of;
pub use secret::{SECRET_TYPE_LABEL, SpecError, cluster_from_secret};

use argosy_object::{Digest, Redacted};
use std::path::PathBuf;
use std::sync::Arc;

/// The server that means the cluster the controllers' own objects live in.
pub const IN_CLUSTER: &str = "https://kubernetes.default.svc";

/// One cluster, as far as it can be known without asking it.
#[derive(Clone, Debug)]
pub struct ClusterSpec {
    /// The name that destinations and people use.
    pub name: String,
    /// URL of the API server; a path in it is a prefix of every request.
    pub server: String,
    /// How the server is recognised and what certificate we show.
    pub tls: TlsSpec,
    /// Who we are.
    pub credential: Credential,
    /// Which objects we may look at.
    pub scope: Scope,
}

/// TLS material, PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSpec {
    /// Accept any certificate.
    pub insecure: bool,
    /// The name to ask for and to check, where it is not the host of the URL.
    pub server_name: Option<String>,
    /// Certificate authorities; `None` is the system's.
    pub ca: Option<Arc<[u8]>>,
    /// Client certificate chain.
    pub certificate: Option<Arc<[u8]>>,
    /// Key of the client certificate.
    pub key: Option<Redacted<Arc<[u8]>>>,
}

impl TlsSpec {
    /// A digest over everything but the server name: equal material shares one configuration.
    pub fn material(&self) -> Digest {
        let key = self.key.as_ref().map(|key| key.reveal().clone());
        let part = |bytes: &Option<Arc<[u8]>>| bytes.as_deref().map(<[u8]>::to_vec);
        let parts = [part(&self.ca), part(&self.certificate), part(&key)];
        let mut flat: Vec<Vec<u8>> = vec![vec![u8::from(self.insecure)]];
        for part in parts {
            flat.push(vec![u8::from(part.is_some())]);
            flat.push(part.unwrap_or_default());
        }
        Digest::of_parts(flat.iter().map(Vec::as_slice))
    }
}

/// Who we are to the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credential {
    /// A client certificate, or nobody.
    #[default]
    None,
    /// A bearer token.
    Bearer(Redacted<String>),
    /// A file that holds a bearer token and may change.
    TokenFile(PathBuf),
    /// HTTP basic authentication.
    Basic {
        /// User.
        username: String,
        /// Password.
        password: Redacted<String>,
    },
    /// A program that prints a credential.
    Exec(Arc<ExecSpec>),
    /// The credential of the hub itself, for [`IN_CLUSTER`] without one of its own.
    Hub,
}

/// A credential program (`client.authentication.k8s.io`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecSpec {
    /// Program.
    pub command: String,
    /// Arguments.
    pub args: Vec<String>,
    /// Additional environment.
    pub env: Vec<(String, Redacted<String>)>,
    /// `client.authentication.k8s.io/v1` or `v1beta1`.
    pub api_version: String,
    /// What to tell a person who lacks the program.
    pub install_hint: String,
    /// Whether the program is told of the cluster.
    pub provide_cluster_info: bool,
    /// What the program is told besides, from the kubeconfig's extension.
    pub config: Option<serde_json::Value>,
    /// Folder that a relative command is relative to.
    pub folder: Option<PathBuf>,
}

/// Which objects of a cluster are looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// Only these namespaces; empty is all.
    pub namespaces: Vec<String>,
    /// Whether cluster-scoped objects are looked at too where `namespaces` is not empty.
    pub cluster_resources: bool,
}

impl Scope {
    /// Whether cluster-scoped objects are looked at.
    pub fn sees_cluster_objects(&self) -> bool {
        self.namespaces.is_empty() || self.cluster_resources
    }

    /// Whether objects of `namespace` (`None`: cluster-scoped ones) are looked at.
    pub fn sees(&self, namespace: Option<&str>) -> bool {
        match namespace {
            None => self.sees_cluster_objects(),
            Some(namespace) => {
                self.namespaces.is_empty() || self.namespaces.iter().any(|n| n == namespace)
            }
        }
    }
}
