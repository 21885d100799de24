//! A fleet as the hub's objects tell it.

use crate::detail;
use crate::index::{Cluster, FleetIndex};
use crate::journal::Seq;
use crate::query::AppQuery;
use crate::row::{AppKey, AppRow};
use crate::view::{ActionError, AppDetail, Changes, FleetView, Page, Summary, SyncRequest};
use crate::webhook::{WebhookSecrets, Webhooks};
use argosy_argo::Hub;
use argosy_argo::application::{ApplicationController, Inspected, instance_key};
use argosy_crds::{
    ApplicationSpec, ApplicationStatus, ClusterSecret, ForceStrategy, InitiatedBy, Operation,
    SyncOperation, SyncStrategy, names,
};
use argosy_frame::{HubChange, Stop};
use argosy_object::{Gvk, Object, Value, json};
use argosy_ports::{ApiErrorKind, LiveChange, PatchBody, Resource, WriteOptions};
use async_trait::async_trait;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};

/// Changes taken together at most, and how long a batch of them rests before the next.
const BATCH: usize = 2_000;
const REST: Duration = Duration::from_millis(25);
/// Inspections at a time, and how long one may take.
const INSPECTIONS: usize = 4;
const INSPECTION: Duration = Duration::from_secs(20);
/// Times that a write is tried again where somebody else wrote first.
const ATTEMPTS: usize = 5;

/// A view of a hub.
pub struct HubView {
    hub: Arc<Hub>,
    controller: Arc<ApplicationController>,
    index: Arc<FleetIndex>,
    inspections: Semaphore,
    /// Who listens to which cluster, for news of live objects.
    listeners: Mutex<HashMap<String, AbortHandle>>,
}

impl HubView {
    /// Starts a view, with its task in `tasks`, until `stop`.
    pub fn start(
        hub: Arc<Hub>,
        controller: Arc<ApplicationController>,
        tasks: &mut JoinSet<()>,
        stop: &Stop,
    ) -> Arc<Self> {
        let index = Arc::new(FleetIndex::default());
        let follower = Follower {
            hub: hub.clone(),
            index: index.clone(),
        };
        let mut stop = stop.clone();
        tasks.spawn(async move {
            tokio::select! {
                () = stop.stopped() => {}
                () = follower.follow() => {}
            }
        });
        Arc::new(Self {
            hub,
            controller,
            index,
            inspections: Semaphore::new(INSPECTIONS),
            listeners: Mutex::default(),
        })
    }

    async fn inspect(&self, application: &Object) -> Result<Inspected, String> {
        let work = async {
            let _permit = self
                .inspections
                .acquire()
                .await
                .map_err(|error| error.to_string())?;
            self.controller
                .inspect(application)
                .await
                .map_err(|error| error.to_string())
        };
        match tokio::time::timeout(INSPECTION, work).await {
            Ok(seen) => seen,
            Err(_) => Err(format!(
                "the cluster did not answer in {} s",
                INSPECTION.as_secs()
            )),
        }
    }

    /// From now on changes of a cluster's live objects are told too; whether they were not before.
    fn listen(&self, server: &str, changes: Receiver<LiveChange>) -> bool {
        let mut listeners = self
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|_, listener| !listener.is_finished());
        if listeners.contains_key(server) {
            return false;
        }
        let listener = Listener {
            index: Arc::downgrade(&self.index),
            namespace: self.hub.ports.namespace.clone(),
        };
        let task = tokio::spawn(listener.listen(changes));
        listeners.insert(server.into(), task.abort_handle());
        true
    }

    async fn patch(&self, key: &AppKey, patch: Value) -> Result<(), (ApiErrorKind, ActionError)> {
        let body = PatchBody::Merge(patch);
        let options = WriteOptions::default();
        let api = &self.hub.ports.api;
        let patched = api
            .patch(
                &applications(),
                Some(&key.namespace),
                &key.name,
                &body,
                &options,
            )
            .await;
        match patched {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ApiErrorKind::NotFound => {
                Err((error.kind, ActionError::Missing(key.to_string())))
            }
            Err(error) => Err((error.kind, ActionError::Hub(error.to_string()))),
        }
    }
}

impl Drop for HubView {
    fn drop(&mut self) {
        let listeners = self
            .listeners
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for listener in listeners.values() {
            listener.abort();
        }
    }
}

#[async_trait]
impl FleetView for HubView {
    fn page(&self, query: &AppQuery) -> Page {
        self.index.page(query)
    }

    fn summary(&self) -> Summary {
        self.index.summary()
    }

    async fn app(&self, key: &AppKey) -> Option<AppDetail> {
        let application = self.hub.store.get(&key.key())?;
        let row = AppRow::of(&application, &self.index.names());
        let mut detail = detail::reported(&application, row);
        match self.inspect(&application).await {
            Ok(seen) => {
                // What changed since this look was heard by nobody: whoever looks does so again.
                if self.listen(seen.cluster.server(), seen.cluster.changes()) {
                    self.index.touch([key.clone()]);
                }
                detail.server = seen.cluster.server().to_owned();
                // Differences of thousands of lines take their time; others are not to wait.
                let (told, task) = (detail.clone(), move |mut told: AppDetail| {
                    detail::inspected(&mut told, &seen);
                    told
                });
                match tokio::task::spawn_blocking(move || task(told)).await {
                    Ok(told) => detail = told,
                    Err(error) => detail.stopped = Some(error.to_string()),
                }
            }
            Err(why) => detail.stopped = Some(why),
        }
        Some(detail)
    }

    fn changes(&self, since: Seq, max: usize) -> Changes {
        self.index.changes(since, max)
    }

    fn changed(&self) -> watch::Receiver<Seq> {
        self.index.changed()
    }

    async fn refresh(&self, key: &AppKey, hard: bool) -> Result<(), ActionError> {
        let kind = if hard { "hard" } else { "normal" };
        let patch = json!({"metadata": {"annotations": {names::REFRESH: kind}}});
        self.patch(key, patch).await.map_err(|(_, error)| error)
    }

    async fn sync(&self, key: &AppKey, request: &SyncRequest) -> Result<(), ActionError> {
        let resource = applications();
        for _ in 0..ATTEMPTS {
            let found = self
                .hub
                .ports
                .api
                .get(&resource, Some(&key.namespace), &key.name)
                .await
                .map_err(|error| ActionError::Hub(error.to_string()))?;
            let application = found.ok_or_else(|| ActionError::Missing(key.to_string()))?;
            if is_busy(&application) {
                return Err(ActionError::Busy);
            }
            let patch = json!({
                "metadata": {"resourceVersion": application.resource_version()},
                "operation": operation(&application, request)?,
            });
            match self.patch(key, patch).await {
                Err((ApiErrorKind::Conflict, _)) => {}
                other => return other.map_err(|(_, error)| error),
            }
        }
        Err(ActionError::Hub(
            "the application changes faster than it can be written".into(),
        ))
    }

    fn webhooks(&self) -> Option<&dyn Webhooks> {
        Some(self)
    }
}

impl Webhooks for HubView {
    fn secrets(&self) -> WebhookSecrets {
        let secret = |key: &str| self.hub.settings.secret(&format!("webhook.{key}"));
        WebhookSecrets {
            github: secret("github.secret"),
            gitlab: secret("gitlab.secret"),
            gogs: secret("gogs.secret"),
            bitbucket: secret("bitbucket.uuid"),
            bitbucket_server: secret("bitbucketserver.secret"),
            azure_user: secret("azuredevops.username"),
            azure_password: secret("azuredevops.password"),
        }
    }

    fn max_bytes(&self) -> usize {
        self.hub.settings.webhook_max_bytes()
    }

    fn pushed(&self, urls: &[String]) -> usize {
        self.hub.ports.sources.pushed(urls)
    }
}

fn applications() -> Resource {
    let gvk = Gvk::new(names::ARGO_GROUP, "v1alpha1", "Application");
    Resource::new(gvk, "applications", true)
}

/// Whether an operation is asked for or under way.
fn is_busy(application: &Object) -> bool {
    let is_asked = application
        .pointer("/operation")
        .is_some_and(|operation| !operation.is_null());
    let status = ApplicationStatus::of(application).unwrap_or_default();
    is_asked
        || status
            .operation_state
            .is_some_and(|state| !state.phase.is_completed())
}

fn operation(application: &Object, request: &SyncRequest) -> Result<Value, ActionError> {
    let say = |error: &dyn std::fmt::Display| ActionError::Hub(error.to_string());
    let spec = ApplicationSpec::of(application).map_err(|error| say(&error))?;
    let policy = spec.sync_policy.unwrap_or_default();
    let operation = Operation {
        sync: Some(SyncOperation {
            prune: request.prune,
            dry_run: request.dry_run,
            sync_strategy: Some(SyncStrategy {
                apply: None,
                hook: Some(ForceStrategy::default()),
            }),
            sync_options: policy.sync_options,
            ..SyncOperation::default()
        }),
        initiated_by: Some(InitiatedBy {
            username: "web".into(),
            automated: false,
        }),
        info: Vec::new(),
        retry: policy.retry,
    };
    serde_json::to_value(&operation).map_err(|error| say(&error))
}

/// Keeps the index as the hub's objects are.
struct Follower {
    hub: Arc<Hub>,
    index: Arc<FleetIndex>,
}

impl Follower {
    async fn follow(self) {
        let mut changes = self.hub.store.changes();
        self.look_at_all();
        loop {
            match changes.recv().await {
                Ok(first) => self.take(first, &mut changes),
                Err(RecvError::Lagged(_)) => self.look_at_all(),
                Err(RecvError::Closed) => return,
            }
            // What comes meanwhile is taken together.
            tokio::time::sleep(REST).await;
        }
    }

    fn take(&self, first: HubChange, changes: &mut Receiver<HubChange>) {
        let mut keys = BTreeSet::new();
        let mut has_clusters = false;
        let mut next = Some(first);
        let mut taken = 0;
        while let Some(change) = next {
            match &*change.key.kind {
                "Application" => {
                    keys.insert(change.key);
                }
                "Secret" => has_clusters = true,
                _ => {}
            }
            taken += 1;
            next = None;
            if taken < BATCH {
                match changes.try_recv() {
                    Ok(change) => next = Some(change),
                    // What was missed could be anything.
                    Err(TryRecvError::Lagged(_)) => return self.look_at_all(),
                    Err(TryRecvError::Empty | TryRecvError::Closed) => {}
                }
            }
        }
        if has_clusters {
            self.index.set_clusters(self.clusters());
        }
        let names = self.index.names();
        let (mut rows, mut gone) = (Vec::new(), Vec::new());
        for key in keys {
            match self.hub.store.get(&key) {
                Some(application) => rows.push(AppRow::of(&application, &names)),
                None => gone.push(AppKey::new(key.namespace_or_empty(), &key.name)),
            }
        }
        self.index.apply(rows, &gone);
    }

    fn look_at_all(&self) {
        self.index.set_clusters(self.clusters());
        let names = self.index.names();
        let applications = self.hub.store.list(names::ARGO_GROUP, "Application");
        self.index.reset(
            applications
                .iter()
                .map(|one| AppRow::of(one, &names))
                .collect(),
        );
    }

    fn clusters(&self) -> Vec<Cluster> {
        let secrets = self.hub.store.list("", "Secret");
        let of_clusters = secrets
            .iter()
            .filter(|secret| argosy_crds::secret_type(secret) == Some("cluster"));
        // A broken one is reported where the hub is configured.
        let clusters = of_clusters.filter_map(|secret| ClusterSecret::of(secret).ok());
        clusters
            .map(|cluster| Cluster {
                name: cluster.name,
                server: cluster.server,
                labels: shown_labels(cluster.labels),
                paused: cluster.paused,
            })
            .collect()
    }
}

/// Labels that say something of the cluster, and not of its Secret.
fn shown_labels(
    mut labels: std::collections::BTreeMap<String, String>,
) -> std::collections::BTreeMap<String, String> {
    labels.remove(names::SECRET_TYPE);
    labels
}

/// Hands news of one cluster's live objects on.
struct Listener {
    index: std::sync::Weak<FleetIndex>,
    namespace: String,
}

impl Listener {
    async fn listen(self, mut changes: Receiver<LiveChange>) {
        loop {
            let first = match changes.recv().await {
                Ok(change) => change,
                // What was missed is seen at the next look.
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return,
            };
            let mut touched = BTreeSet::new();
            let mut next = Some(first);
            while let Some(change) = next {
                if let Some(instance) = change.instance {
                    let key = instance_key(&instance, &self.namespace);
                    touched.insert(AppKey::new(key.namespace_or_empty(), &key.name));
                }
                next = if touched.len() < BATCH {
                    changes.try_recv().ok()
                } else {
                    None
                };
            }
            let Some(index) = self.index.upgrade() else {
                return;
            };
            index.touch(touched);
            drop(index);
            tokio::time::sleep(REST * 4).await;
        }
    }
}
