//! One destination cluster: facts, live objects and changes, behind the `Cluster` port.

mod gather;
mod survey;
mod watcher;

use crate::apply::Applier;
use crate::client::Client;
use crate::discovery::{Discovered, discover};
use crate::live::{LiveIndex, LiveRules, NewsFrom};
use crate::spec::Scope;
use argosy_object::{GroupKind, Gvk, Key, Object};
use argosy_ports::{
    Api, ApiError, ApiErrorKind, Applied, AppliedHow, ApplyOptions, Cluster, ClusterFacts,
    DeleteOptions, Identity, ListOptions, LiveChange, LiveNode, LiveSet, LiveWant, ObjectList,
    PatchBody, Resource, TableOf, WatchOptions, WatchStream, WriteOptions,
};
use argosy_schema::Schemas;
use async_trait::async_trait;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;
use watcher::Watchers;

/// Discovery is asked again for an unknown kind, but not more often than this.
const DISCOVERY_REST: Duration = Duration::from_millis(500);

/// What all clusters have in common.
#[derive(Clone)]
pub struct ClusterSettings {
    /// What the live cache keeps.
    pub rules: LiveRules,
    /// What is known of built-in kinds, for patches.
    pub schemas: Arc<Schemas>,
    /// Kinds that are never looked at.
    pub exclusions: Arc<BTreeSet<GroupKind>>,
}

impl ClusterSettings {
    /// Annotation tracking, bodies of the kinds that have a health rule, and Argo CD's
    /// default `resource.exclusions`.
    pub fn new(schemas: Arc<Schemas>) -> Self {
        let rules = LiveRules {
            bodies: argosy_health::has_rule,
            ..LiveRules::default()
        };
        Self {
            rules,
            schemas,
            exclusions: Arc::new(survey::excluded_by_default()),
        }
    }
}

/// A cluster. Watches begin when they are first needed and end when it is dropped.
pub struct KubeCluster {
    inner: Arc<Inner>,
    watchers: Watchers,
    surveyed: tokio::sync::Mutex<BTreeSet<GroupKind>>,
}

/// What the watchers share with their cluster.
struct Inner {
    client: Client,
    scope: Scope,
    settings: ClusterSettings,
    index: LiveIndex,
    discovered: RwLock<Option<Arc<Discovered>>>,
    discovering: tokio::sync::Mutex<Option<Instant>>,
    /// A CRD or an APIService changed since discovery.
    outdated: AtomicBool,
    dead: Mutex<BTreeSet<GroupKind>>,
}

impl KubeCluster {
    /// A cluster behind `client`. Nothing is asked before the first call.
    pub fn new(client: Client, scope: Scope, settings: ClusterSettings) -> Self {
        let index = LiveIndex::new(settings.rules.clone());
        let inner = Inner {
            client,
            scope,
            settings,
            index,
            discovered: RwLock::default(),
            discovering: tokio::sync::Mutex::default(),
            outdated: AtomicBool::new(false),
            dead: Mutex::default(),
        };
        Self {
            inner: Arc::new(inner),
            watchers: Watchers::default(),
            surveyed: tokio::sync::Mutex::default(),
        }
    }

    /// The live index.
    pub fn index(&self) -> &LiveIndex {
        &self.inner.index
    }

    /// Everything that discovery told, with the groups that are broken.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub async fn discovered(&self) -> Result<Arc<Discovered>, ApiError> {
        self.inner.discovered(false).await
    }

    /// The kind as the cluster serves it; asks anew where it is unknown.
    async fn resource(&self, gvk: &Gvk, key: &Key) -> Result<Resource, ApiError> {
        if let Some(resource) = self.inner.discovered(false).await?.facts.resource(gvk) {
            return Ok(resource.clone());
        }
        let discovered = self.inner.discovered(true).await?;
        discovered.facts.resource(gvk).cloned().ok_or_else(|| {
            // Argo CD's sentence, which people search for.
            let text = format!(
                "The Kubernetes API could not find {}/{} for requested resource {}/{}. Make sure the {:?} CRD is installed on the destination cluster.",
                gvk.group, gvk.kind, key.namespace_or_empty(), key.name, gvk.kind
            );
            ApiError::new(ApiErrorKind::NoKind, text)
        })
    }

    fn client_of(&self, identity: &Identity) -> Result<Client, ApiError> {
        match &identity.impersonate {
            Some(user) => self.inner.client.impersonating(user),
            None => Ok(self.inner.client.clone()),
        }
    }
}

impl Inner {
    /// Discovery from the cache. `fresh` asks the server, though not more than twice a second.
    async fn discovered(&self, fresh: bool) -> Result<Arc<Discovered>, ApiError> {
        let known = || {
            self.discovered
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        let outdated = || self.outdated.load(Ordering::Acquire);
        if let Some(known) = known().filter(|_| !fresh && !outdated()) {
            return Ok(known);
        }
        let asked = Instant::now();
        let mut last = self.discovering.lock().await;
        let recent = last.is_some_and(|at| at >= asked || at.elapsed() < DISCOVERY_REST);
        if let Some(known) = known().filter(|_| recent && (fresh || !outdated())) {
            return Ok(known);
        }
        self.outdated.store(false, Ordering::Release);
        let before = known();
        let found = match discover(self.client.wire(), before.as_deref()).await {
            Ok(found) => Arc::new(found),
            Err(error) => {
                self.outdated.store(true, Ordering::Release);
                return Err(error);
            }
        };
        *last = Some(Instant::now());
        *self
            .discovered
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Some(found.clone());
        Ok(found)
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    fn server(&self) -> &str {
        self.inner.client.server()
    }

    async fn facts(&self) -> Result<Arc<ClusterFacts>, ApiError> {
        Ok(self.inner.discovered(false).await?.facts.clone())
    }

    async fn fresh_facts(&self) -> Result<Arc<ClusterFacts>, ApiError> {
        self.inner.outdated.store(true, Ordering::Release);
        Ok(self.inner.discovered(false).await?.facts.clone())
    }

    async fn live(&self, want: &LiveWant) -> Result<LiveSet, ApiError> {
        self.gather(want).await
    }

    fn descendants(&self, uid: &str) -> Vec<LiveNode> {
        self.inner.index.descendants(uid)
    }

    fn changes(&self) -> broadcast::Receiver<LiveChange> {
        self.inner.index.changes()
    }

    async fn apply(
        &self,
        identity: &Identity,
        desired: &Object,
        live: Option<&Object>,
        options: &ApplyOptions,
    ) -> Result<Applied, ApiError> {
        let (gvk, key) = (desired.gvk(), desired.key());
        let resource = self.resource(&gvk, &key).await?;
        let client = self.client_of(identity)?;
        let schemas = &self.inner.settings.schemas;
        let applier = Applier {
            client: &client,
            resource: &resource,
            schemas,
            options,
        };
        let applied = applier.apply(desired, live).await?;
        if !options.dry_run && applied.how != AppliedHow::Unchanged {
            if &*gvk.kind == "CustomResourceDefinition" {
                self.inner.outdated.store(true, Ordering::Release);
            }
            self.heard(&gvk, &applied.object);
        }
        Ok(applied)
    }

    async fn remove(
        &self,
        identity: &Identity,
        gvk: &Gvk,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<bool, ApiError> {
        let resource = match self.resource(gvk, key).await {
            // Without its kind the object is gone already.
            Err(error) if error.kind == ApiErrorKind::NoKind => return Ok(false),
            result => result?,
        };
        let client = self.client_of(identity)?;
        client
            .delete(&resource, key.namespace.as_deref(), &key.name, options)
            .await
    }
}

impl KubeCluster {
    /// Tells the index of a write's answer, so that the next look sees it before the watch does.
    fn heard(&self, gvk: &Gvk, object: &Object) {
        if self.watchers.version_of(&gvk.group_kind()).as_deref() != Some(&*gvk.version) {
            return; // not watched, or at another version: the index would mix the two
        }
        let json = object.value().to_string();
        if let Err(error) = self
            .inner
            .index
            .apply(gvk, json.as_bytes(), NewsFrom::Write)
        {
            tracing::debug!(%error, "a write's answer is not taken into the cache");
        }
    }
}

#[async_trait]
impl Api for KubeCluster {
    async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, ApiError> {
        self.inner.client.get(resource, namespace, name).await
    }

    async fn list(
        &self,
        resource: &Resource,
        options: &ListOptions,
    ) -> Result<ObjectList, ApiError> {
        self.inner.client.list(resource, options).await
    }

    async fn watch(
        &self,
        resource: &Resource,
        options: &WatchOptions,
    ) -> Result<WatchStream, ApiError> {
        self.inner.client.watch(resource, options).await
    }

    async fn create(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        self.inner.client.create(resource, object, options).await
    }

    async fn replace(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        self.inner.client.replace(resource, object, options).await
    }

    async fn patch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        patch: &PatchBody,
        options: &WriteOptions,
    ) -> Result<Object, ApiError> {
        self.inner
            .client
            .patch(resource, namespace, name, patch, options)
            .await
    }

    async fn delete(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<bool, ApiError> {
        self.inner
            .client
            .delete(resource, namespace, name, options)
            .await
    }

    async fn table(
        &self,
        resource: &Resource,
        wanted: &TableOf<'_>,
    ) -> Result<argosy_object::Value, ApiError> {
        self.inner.client.table(resource, wanted).await
    }

    async fn logs(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
    ) -> Result<Vec<u8>, ApiError> {
        self.inner.client.logs(namespace, pod, container).await
    }
}
