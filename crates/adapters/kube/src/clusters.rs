//! The clusters that Secrets name, connected when they are first needed.

use crate::client::Client;
use crate::cluster::{ClusterSettings, KubeCluster};
use crate::spec::{
    ClusterSpec, Credential, IN_CLUSTER, Scope, SpecError, TlsSpec, cluster_from_secret,
};
use crate::transport::Transport;
use argosy_object::{Object, Str};
use argosy_ports::{ApiError, ApiErrorKind, ApiService, Cluster, Clusters};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every destination cluster. Fed with cluster Secrets as they come and go.
pub struct KubeClusters {
    transport: Transport,
    settings: ClusterSettings,
    hub_namespace: String,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    /// By Secret, `namespace/name`.
    secrets: BTreeMap<String, Known>,
    /// By server; the Secret that the cluster was made from.
    connected: BTreeMap<Str, (Origin, Arc<KubeCluster>)>,
}

/// What a cluster was made from; another origin makes another cluster.
#[derive(Clone, PartialEq, Eq)]
struct Origin {
    secret: String,
    version: String,
}

struct Known {
    version: String,
    spec: Result<ClusterSpec, SpecError>,
    /// The server as far as it could be read, so that a broken Secret is found too.
    server: String,
}

impl KubeClusters {
    /// No clusters but the hub's own. `hub_namespace` is Argo CD's: only Secrets there may name
    /// programs to run.
    pub fn new(
        transport: Transport,
        hub: ApiService,
        hub_namespace: &str,
        settings: ClusterSettings,
    ) -> Self {
        transport.set_hub(hub);
        Self {
            transport,
            settings,
            hub_namespace: hub_namespace.to_owned(),
            table: Mutex::default(),
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a cluster Secret, new or changed. A changed one is connected to anew when it is
    /// next asked for.
    ///
    /// # Errors
    /// What is wrong with it; asking for its cluster then says the same.
    pub fn set_secret(&self, secret: &Object) -> Result<ClusterSpec, SpecError> {
        let hub_admin = secret.namespace() == Some(self.hub_namespace.as_str());
        let spec = cluster_from_secret(secret, hub_admin);
        let server = match &spec {
            Ok(spec) => spec.server.clone(),
            Err(_) => crate::spec::server_of(secret),
        };
        let version = secret.resource_version().to_owned();
        let known = Known {
            version,
            spec: spec.clone(),
            server,
        };
        self.table().secrets.insert(secret_id(secret), known);
        spec
    }

    /// Forgets a cluster Secret, and disconnects from its cluster.
    pub fn remove_secret(&self, namespace: &str, name: &str) {
        let id = format!("{namespace}/{name}");
        let mut table = self.table();
        table.secrets.remove(&id);
        table.connected.retain(|_, (origin, _)| origin.secret != id);
    }

    /// Every cluster that a Secret names, broken ones with their reason.
    pub fn specs(&self) -> Vec<Result<ClusterSpec, SpecError>> {
        self.table()
            .secrets
            .values()
            .map(|known| known.spec.clone())
            .collect()
    }

    /// The cluster itself, for what the port does not tell.
    ///
    /// # Errors
    /// As [`Clusters::by_server`].
    pub fn connect(&self, server: &str) -> Result<Arc<KubeCluster>, ApiError> {
        let server = server.trim_end_matches('/');
        let mut table = self.table();
        let found = table
            .secrets
            .iter()
            .find(|(_, known)| known.server == server);
        let (origin, spec) = match found {
            Some((secret, known)) => {
                let spec = known
                    .spec
                    .clone()
                    .map_err(|error| ApiError::new(ApiErrorKind::Invalid, error.to_string()))?;
                (
                    Origin {
                        secret: secret.clone(),
                        version: known.version.clone(),
                    },
                    spec,
                )
            }
            None if server == IN_CLUSTER => {
                let origin = Origin {
                    secret: String::new(),
                    version: String::new(),
                };
                (origin, in_cluster())
            }
            None => {
                table.connected.remove(server);
                let text = format!("there is no cluster `{server}`");
                return Err(ApiError::new(ApiErrorKind::NotFound, text));
            }
        };
        if let Some((known, cluster)) = table.connected.get(server)
            && *known == origin
        {
            return Ok(cluster.clone());
        }
        let client = Client::connect(&self.transport, &spec)
            .map_err(|error| ApiError::new(ApiErrorKind::Invalid, error.to_string()))?;
        let cluster = Arc::new(KubeCluster::new(client, spec.scope, self.settings.clone()));
        table
            .connected
            .insert(server.into(), (origin, cluster.clone()));
        Ok(cluster)
    }
}

fn secret_id(secret: &Object) -> String {
    format!("{}/{}", secret.namespace().unwrap_or(""), secret.name())
}

fn in_cluster() -> ClusterSpec {
    ClusterSpec {
        name: "in-cluster".to_owned(),
        server: IN_CLUSTER.to_owned(),
        tls: TlsSpec::default(),
        credential: Credential::Hub,
        scope: Scope::default(),
    }
}

#[async_trait]
impl Clusters for KubeClusters {
    async fn by_server(&self, server: &str) -> Result<Arc<dyn Cluster>, ApiError> {
        Ok(self.connect(server)?)
    }
}
