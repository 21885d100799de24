//! A destination cluster: its facts, its live objects, and changes to them.

use crate::api::{Api, ApiError, DeleteOptions, Resource};
use argosy_object::{Gvk, Key, Object, Str};
use async_trait::async_trait;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::broadcast;

/// What is known of a cluster without asking for objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterFacts {
    /// The version as Helm's `.Capabilities.KubeVersion` has it, such as `v1.36.0`.
    pub kube_version: String,
    /// Every `group/version` and `group/version/Kind`, sorted: Helm's `.Capabilities.APIVersions`.
    pub api_versions: Arc<[String]>,
    /// Every resource, by group, version and kind.
    pub resources: BTreeMap<Gvk, Resource>,
}

impl ClusterFacts {
    /// The resource of a kind at exactly this version.
    pub fn resource(&self, gvk: &Gvk) -> Option<&Resource> {
        self.resources.get(gvk)
    }
}

/// On whose behalf a change is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user to impersonate; `None` is the credential itself.
    pub impersonate: Option<String>,
}

/// How an object is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ApplyMode {
    /// Three-way patch against `last-applied-configuration`, as `kubectl apply` does.
    #[default]
    ThreeWay,
    /// Server-side apply.
    ServerSide,
    /// `kubectl replace`, or create.
    Replace,
}

/// Options of one apply.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The way.
    pub mode: ApplyMode,
    /// Delete and create again where a field cannot be changed (`Force=true`).
    pub force: bool,
    /// Field manager; empty is `argocd-controller`.
    pub manager: String,
    /// `false`: unknown fields are not refused (`Validate=false`).
    pub validate: bool,
    /// Ask, and change nothing.
    pub dry_run: bool,
}

/// What an apply did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppliedHow {
    /// There was none before.
    Created,
    /// It differed.
    Configured,
    /// Nothing to do; no request went out where that could be known.
    Unchanged,
    /// Server-side apply answered; the message is `serverside-applied`.
    ServerSideApplied,
    /// Replaced.
    Replaced,
}

/// The answer to an apply.
#[derive(Clone, Debug)]
pub struct Applied {
    /// What was done.
    pub how: AppliedHow,
    /// The object as the server has it now.
    pub object: Object,
}

/// A live object with its body.
#[derive(Clone, Debug)]
pub struct LiveObject {
    /// The object, without `managedFields`.
    pub object: Object,
}

/// An object below a managed one, without its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LiveNode {
    /// Identity.
    pub key: Key,
    /// API version it was seen at.
    pub version: Str,
    /// uid.
    pub uid: Str,
    /// Images of a pod or pod template.
    pub images: Vec<Str>,
}

/// Which live objects an application needs.
#[derive(Clone, Debug, Default)]
pub struct LiveWant {
    /// The tracking name of the application: objects whose tracking id names it are returned.
    pub instance: String,
    /// Objects that are desired, to be returned whoever tracks them.
    pub keys: Vec<(Gvk, Key)>,
    /// Objects of which it is enough to know whether they are there.
    pub present: Vec<(Gvk, Key)>,
}

/// The live objects of an application at one moment.
#[derive(Clone, Debug, Default)]
pub struct LiveSet {
    /// By key.
    pub objects: BTreeMap<Key, LiveObject>,
    /// Which of [`LiveWant::present`] are there.
    pub present: BTreeSet<Key>,
}

/// A live object changed.
#[derive(Clone, Debug)]
pub struct LiveChange {
    /// The object.
    pub key: Key,
    /// The application that its tracking id, or its owner's, names.
    pub instance: Option<Str>,
    /// Whether it is only the content of an object that the application does not declare, but
    /// owns: no report on the application tells of that.
    pub is_detail: bool,
}

/// A destination cluster.
#[async_trait]
pub trait Cluster: Api {
    /// The API server's URL, as destinations name it.
    fn server(&self) -> &str;

    /// Discovery, cached; refreshed when CRDs change.
    async fn facts(&self) -> Result<Arc<ClusterFacts>, ApiError>;

    /// Discovery, asked anew: after a kind was brought by somebody else.
    async fn fresh_facts(&self) -> Result<Arc<ClusterFacts>, ApiError> {
        self.facts().await
    }

    /// The live objects of an application, from the cache. Starts the watches it needs and waits
    /// until they have seen everything, so an absent object is absent in the cluster.
    async fn live(&self, want: &LiveWant) -> Result<LiveSet, ApiError>;

    /// The objects owned, directly or not, by the object of this uid, as far as they are watched.
    fn descendants(&self, uid: &str) -> Vec<LiveNode>;

    /// Changes of tracked objects and of what they own.
    fn changes(&self) -> broadcast::Receiver<LiveChange>;

    /// Makes the cluster hold `desired`. `live` is the object that the decision was made on.
    async fn apply(
        &self,
        identity: &Identity,
        desired: &Object,
        live: Option<&Object>,
        options: &ApplyOptions,
    ) -> Result<Applied, ApiError>;

    /// Deletes one object; `Ok(false)` where there was none.
    async fn remove(
        &self,
        identity: &Identity,
        gvk: &Gvk,
        key: &Key,
        options: &DeleteOptions,
    ) -> Result<bool, ApiError>;
}

/// The clusters that Secrets name.
#[async_trait]
pub trait Clusters: Send + Sync {
    /// The cluster of a destination's `server`; connects at the first call.
    async fn by_server(&self, server: &str) -> Result<Arc<dyn Cluster>, ApiError>;
}
