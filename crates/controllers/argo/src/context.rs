//! What all controllers share.

use crate::destinations::Destinations;
use crate::resources::{application_sets, applications, projects, secrets};
use crate::settings::ControlSettings;
use argosy_crds::{ClusterSecret, names};
use argosy_frame::{Events, HubStore, StageTimes, StatusWriter, Stop};
use argosy_object::Object;
use argosy_pipeline::RenderPool;
use argosy_ports::{Api, Clock, Clusters, ListOptions, Sources};
use argosy_render::Seed;
use argosy_schema::Schemas;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Takes the configuration that the hub's Secrets hold.
pub trait Configure: Send + Sync {
    /// All cluster Secrets, broken ones too.
    fn clusters(&self, secrets: &[Object]);
    /// All repository and credential-template Secrets.
    fn repositories(&self, secrets: &[Object]);
    /// What repositories' hosts are trusted by: lines of known ssh hosts, and PEM certificates by
    /// host.
    fn trust(&self, known_hosts: &str, authorities: &BTreeMap<String, String>);
}

/// The outside world as the controllers see it.
#[derive(Clone)]
pub struct HubPorts {
    /// The hub's API, with the controllers' own credential.
    pub api: Arc<dyn Api>,
    /// Repositories.
    pub sources: Arc<dyn Sources>,
    /// Clusters.
    pub clusters: Arc<dyn Clusters>,
    /// Takes configuration.
    pub configure: Arc<dyn Configure>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The namespace of the control plane.
    pub namespace: String,
    /// Hosts that kustomizations may name bases of; none: all.
    pub remote_hosts: Vec<String>,
    /// What random functions of templates start from.
    pub seed: Seed,
}

/// What all controllers share.
pub struct Hub {
    /// The outside world.
    pub ports: HubPorts,
    /// The hub's objects.
    pub store: Arc<HubStore>,
    /// The only writer of status.
    pub status: StatusWriter,
    /// Kubernetes Events.
    pub events: Events,
    /// Renders.
    pub render: Arc<RenderPool>,
    /// What is known of kinds.
    pub schemas: Arc<Schemas>,
    /// Names and servers of clusters.
    pub destinations: Destinations,
    /// How long the stages take, for metrics.
    pub stage_times: StageTimes,
    /// Argo CD's own settings.
    pub settings: ControlSettings,
}

impl Hub {
    /// Starts following the hub's objects, in tasks of `tasks`, until `stop`.
    pub fn start(
        ports: HubPorts,
        schemas: Arc<Schemas>,
        tasks: &mut JoinSet<()>,
        stop: &Stop,
    ) -> Arc<Self> {
        let (events, event_writer) =
            Events::new(ports.api.clone(), ports.clock.clone(), names::FIELD_MANAGER);
        tasks.spawn(event_writer);
        let store = Arc::new(HubStore::default());
        let in_namespace = ListOptions {
            namespace: Some(ports.namespace.clone()),
            ..ListOptions::default()
        };
        let labelled = ListOptions {
            labels: Some(names::SECRET_TYPE.into()),
            ..in_namespace.clone()
        };
        for (resource, list) in [
            (applications(), in_namespace.clone()),
            (application_sets(), in_namespace.clone()),
            (projects(), in_namespace),
            (secrets(), labelled),
        ] {
            let follow = store
                .clone()
                .follow(ports.api.clone(), resource, list, stop.clone());
            tasks.spawn(follow);
        }
        let settings = ControlSettings::start(&ports.api, &ports.namespace, tasks, stop);
        let render = RenderPool::default()
            .with_sources(ports.sources.clone())
            .with_remote_hosts(ports.remote_hosts.clone());
        Arc::new(Self {
            settings,
            status: StatusWriter::new(ports.api.clone(), names::FIELD_MANAGER),
            events,
            render: Arc::new(render),
            schemas,
            destinations: Destinations::default(),
            stage_times: StageTimes::default(),
            store,
            ports,
        })
    }

    /// Reads the configuration Secrets again and hands them on. A Secret that cannot be read is
    /// logged, and leaves out only its own cluster or repository.
    pub fn configure(&self) {
        let all = self.store.list("", "Secret");
        let of_type = |wanted: &'static [&'static str]| {
            all.iter().filter(move |secret| {
                argosy_crds::secret_type(secret).is_some_and(|own| wanted.contains(&own))
            })
        };
        let mut clusters = Vec::new();
        for secret in of_type(&["cluster"]) {
            match ClusterSecret::of(secret) {
                Ok(cluster) => clusters.push(cluster),
                Err(error) => tracing::warn!(%error, "cluster Secret is left out"),
            }
        }
        let repositories: Vec<Object> = of_type(&["repository", "repo-creds"]).cloned().collect();
        let secrets: Vec<Object> = of_type(&["cluster"]).cloned().collect();
        self.ports.configure.clusters(&secrets);
        let (known_hosts, authorities) = (self.settings.known_hosts(), self.settings.authorities());
        self.ports.configure.trust(&known_hosts, &authorities);
        self.ports.configure.repositories(&repositories);
        self.destinations.set(clusters);
    }
}
