//! The controllers over one hub, wherever that is.

use crate::sources::FleetSources;
use argosy_argo::application::ApplicationController;
use argosy_argo::applicationset::ApplicationSetController;
use argosy_argo::{Configure, Hub, HubPorts, bootstrap, make_random_key};
use argosy_frame::StopHandle;
use argosy_git::{Credentials, GitSettings};
use argosy_kube::{Client, ClusterSettings, KubeClusters, Transport};
use argosy_object::Object;
use argosy_ports::{Api, ApiService, SystemTime};
use argosy_schema::Schemas;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinSet;

/// How the controllers run.
pub struct ControllerSettings {
    /// The namespace of the control plane.
    pub namespace: String,
    /// How repositories are read.
    pub git: GitSettings,
    /// Hosts that kustomizations may name bases of; none: all.
    pub remote_hosts: Vec<String>,
}

/// Running controllers.
pub struct Controllers {
    /// What they share.
    pub hub: Arc<Hub>,
    /// Applications.
    pub applications: Arc<ApplicationController>,
    /// ApplicationSets.
    pub sets: Arc<ApplicationSetController>,
    /// The clusters.
    pub clusters: Arc<KubeClusters>,
    transport: Transport,
    stop: StopHandle,
    tasks: JoinSet<()>,
}

impl Controllers {
    /// Prepares the hub and starts the controllers.
    ///
    /// # Errors
    /// Where the hub cannot be reached or prepared.
    pub async fn start(
        hub: ApiService,
        transport: Transport,
        settings: ControllerSettings,
    ) -> anyhow::Result<Self> {
        let schemas = Schemas::builtin();
        let client: Arc<dyn Api> =
            Arc::new(Client::new("https://kubernetes.default.svc", hub.clone()));
        bootstrap(&*client, &settings.namespace).await?;
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let seed = make_random_key(&*client, &settings.namespace, bytes).await?;
        let clock = Arc::new(SystemTime);
        let sources = Arc::new(FleetSources::new(settings.git, clock.clone()));
        let clusters = Arc::new(KubeClusters::new(
            transport.clone(),
            hub,
            &settings.namespace,
            ClusterSettings::new(schemas.clone()),
        ));
        let configuration = Arc::new(Configuration {
            clusters: clusters.clone(),
            sources: sources.clone(),
            known: Mutex::default(),
        });
        let ports = HubPorts {
            api: client,
            sources: sources.clone(),
            clusters: clusters.clone(),
            configure: configuration,
            clock,
            namespace: settings.namespace,
            remote_hosts: settings.remote_hosts,
            seed,
        };
        let (handle, stop) = StopHandle::new();
        let mut tasks = JoinSet::new();
        let hub = Hub::start(ports, schemas, &mut tasks, &stop);
        // The hub holds the sources, so they only know of it.
        let permits = Arc::downgrade(&hub);
        sources.set_permit(Arc::new(move |project, url| match permits.upgrade() {
            Some(hub) => hub.permit_repository(project, url),
            None => Err("the controllers are ending".into()),
        }));
        let applications = ApplicationController::start(hub.clone(), &mut tasks, &stop);
        let sets = ApplicationSetController::start(hub.clone(), &mut tasks, &stop);
        Ok(Self {
            hub,
            applications,
            sets,
            clusters,
            transport,
            stop: handle,
            tasks,
        })
    }

    /// How many requests the controllers have sent to hub and clusters.
    pub fn calls(&self) -> u64 {
        self.transport.calls()
    }

    /// Tells every task to end, and waits for those that finish what they have begun.
    pub async fn drain(mut self) {
        self.stop.stop();
        let deadline = tokio::time::sleep(std::time::Duration::from_secs(10));
        tokio::pin!(deadline);
        // The event writer ends with its last sender, which the hub holds.
        drop((self.applications, self.sets, self.hub));
        loop {
            tokio::select! {
                () = &mut deadline => return,
                ended = self.tasks.join_next() => if ended.is_none() { return },
            }
        }
    }
}

/// Hands the hub's Secrets to the adapters, changes only.
struct Configuration {
    clusters: Arc<KubeClusters>,
    sources: Arc<FleetSources>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    clusters: BTreeMap<(String, String), String>,
    /// Names and versions; `None` where they are to be handed on again.
    repositories: Option<Vec<(String, String)>>,
    known_hosts: String,
    authorities: BTreeMap<String, String>,
}

impl Configure for Configuration {
    fn clusters(&self, secrets: &[Object]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = std::mem::take(&mut known.clusters);
        for secret in secrets {
            let id = (
                secret.namespace().unwrap_or("").to_owned(),
                secret.name().to_owned(),
            );
            let version = secret.resource_version().to_owned();
            if gone.remove(&id).as_ref() != Some(&version)
                && let Err(error) = self.clusters.set_secret(secret)
            {
                tracing::warn!(%error, "cluster Secret is not usable");
            }
            known.clusters.insert(id, version);
        }
        for (namespace, name) in gone.into_keys() {
            self.clusters.remove_secret(&namespace, &name);
        }
    }

    fn trust(&self, known_hosts: &str, authorities: &BTreeMap<String, String>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.known_hosts != known_hosts || known.authorities != *authorities {
            known.known_hosts = known_hosts.to_owned();
            known.authorities.clone_from(authorities);
            // The credentials carry it, so they are handed on again.
            known.repositories = None;
        }
    }

    fn repositories(&self, secrets: &[Object]) {
        let versions: Vec<(String, String)> = secrets
            .iter()
            .map(|secret| {
                (
                    secret.name().to_owned(),
                    secret.resource_version().to_owned(),
                )
            })
            .collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.repositories.as_ref() == Some(&versions) {
            return;
        }
        known.repositories = Some(versions);
        let (credentials, complaints) = Credentials::of(secrets);
        for complaint in complaints {
            tracing::warn!(complaint, "repository Secret is left out");
        }
        let credentials = credentials
            .with_known_hosts(&known.known_hosts)
            .with_authorities(&known.authorities);
        drop(known);
        self.sources.set_credentials(credentials);
    }
}
