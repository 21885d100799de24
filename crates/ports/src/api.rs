//! Plain operations on one Kubernetes API: the hub's or a cluster's.

use argosy_object::{Class, Classified, Gvk, Object, Str};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use serde_json::Value;
use std::fmt;
use std::time::Duration;

/// A resource as URLs name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// Plural, lower-case name, such as `deployments`.
    pub plural: Str,
    /// Whether its objects live in namespaces.
    pub namespaced: bool,
}

impl Resource {
    /// Makes a resource from its parts.
    pub fn new(gvk: Gvk, plural: &str, namespaced: bool) -> Self {
        Self {
            gvk,
            plural: plural.into(),
            namespaced,
        }
    }
}

/// Which objects to list.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Only this namespace; `None` is all.
    pub namespace: Option<String>,
    /// A label selector in kubectl's words.
    pub labels: Option<String>,
    /// A field selector in kubectl's words.
    pub fields: Option<String>,
}

/// Which objects to watch, and since when.
#[derive(Clone, Debug, Default)]
pub struct WatchOptions {
    /// Which objects.
    pub list: ListOptions,
    /// The resourceVersion after which events are wanted; `None` starts with every object as
    /// `Added`, followed by one `Bookmark`.
    pub from: Option<String>,
}

/// A whole list.
#[derive(Clone, Debug)]
pub struct ObjectList {
    /// The objects, with `apiVersion` and `kind` filled in.
    pub items: Vec<Object>,
    /// The list's resourceVersion, to watch from.
    pub resource_version: String,
}

/// One event of a watch.
#[derive(Clone, Debug)]
pub enum WatchEvent {
    /// New, or present at the start.
    Added(Object),
    /// Changed.
    Modified(Object),
    /// Gone; the last state.
    Deleted(Object),
    /// Nothing happened up to this resourceVersion; the first one ends the initial objects.
    Bookmark(String),
}

/// Events until the connection ends. Ends or fails: call again with the last resourceVersion;
/// [`ApiErrorKind::Expired`]: start anew.
pub type WatchStream = BoxStream<'static, Result<WatchEvent, ApiError>>;

/// How a change is written.
#[derive(Clone, Debug, Default)]
pub struct WriteOptions {
    /// `fieldManager`.
    pub manager: Option<String>,
    /// A subresource such as `status`.
    pub subresource: Option<String>,
    /// `dryRun=All`.
    pub dry_run: bool,
    /// `fieldValidation=Strict`: unknown and repeated fields are refused.
    pub strict: bool,
}

/// A patch and its media type.
#[derive(Clone, Debug)]
pub enum PatchBody {
    /// RFC 6902.
    Json(Value),
    /// RFC 7386.
    Merge(Value),
    /// Kubernetes' strategic merge patch.
    Strategic(Value),
    /// Server-side apply; `force` takes fields from other managers.
    Apply {
        /// The applied configuration.
        config: Value,
        /// Whether to take over conflicting fields.
        force: bool,
    },
}

/// What happens to the objects that an object owns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Propagation {
    /// Owned objects go first.
    Foreground,
    /// Owned objects go afterwards.
    #[default]
    Background,
    /// Owned objects stay.
    Orphan,
}

/// How to delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteOptions {
    /// What happens to owned objects.
    pub propagation: Propagation,
    /// Delete only the object of this uid.
    pub uid: Option<String>,
    /// Delete only at this resourceVersion.
    pub resource_version: Option<String>,
}

/// The kind of an API error, from the Status' code and reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiErrorKind {
    /// 404.
    NotFound,
    /// 409 AlreadyExists.
    AlreadyExists,
    /// 409 Conflict: somebody else wrote first, or fields are owned by others.
    Conflict,
    /// 410: the resourceVersion is too old.
    Expired,
    /// 401.
    Unauthorized,
    /// 403.
    Forbidden,
    /// 400, 422 and other refusals of the content.
    Invalid,
    /// 413, 415, 405 and what else the server does not do.
    Unsupported,
    /// 429, 5xx.
    Busy,
    /// The server was not reached, or the answer broke off.
    Unreachable,
    /// The cluster does not know the kind.
    NoKind,
}

/// A failed operation.
#[derive(Clone, Debug)]
pub struct ApiError {
    /// The kind.
    pub kind: ApiErrorKind,
    /// HTTP status, 0 where there was none.
    pub code: u16,
    /// `reason` of the Status, where there is one.
    pub reason: String,
    /// The server's message, or what went wrong on the way.
    pub message: String,
    /// When the server wants to be asked again.
    pub retry_after: Option<Duration>,
}

impl ApiError {
    /// An error that did not come from a server.
    pub fn new(kind: ApiErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            code: 0,
            reason: String::new(),
            message: message.into(),
            retry_after: None,
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ApiError {}

impl Classified for ApiError {
    fn class(&self) -> Class {
        match self.kind {
            ApiErrorKind::Unauthorized | ApiErrorKind::Forbidden => Class::Denied,
            ApiErrorKind::Invalid | ApiErrorKind::Unsupported => Class::Stalled,
            ApiErrorKind::NoKind => Class::Waiting,
            _ => Class::Transient,
        }
    }
}

/// Which objects a table shows.
#[derive(Clone, Copy, Debug)]
pub enum TableOf<'a> {
    /// One object.
    Name {
        /// Its namespace.
        namespace: Option<&'a str>,
        /// Its name.
        name: &'a str,
    },
    /// All of a namespace that a label selector matches.
    Labels {
        /// The namespace.
        namespace: &'a str,
        /// The selector.
        labels: &'a str,
    },
}

/// Plain operations on one Kubernetes API.
#[async_trait]
pub trait Api: Send + Sync {
    /// One object, `None` where there is none.
    async fn get(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
    ) -> Result<Option<Object>, ApiError>;

    /// All objects, paged on the wire.
    async fn list(
        &self,
        resource: &Resource,
        options: &ListOptions,
    ) -> Result<ObjectList, ApiError>;

    /// Changes as they come.
    async fn watch(
        &self,
        resource: &Resource,
        options: &WatchOptions,
    ) -> Result<WatchStream, ApiError>;

    /// Creates `object` in its own namespace.
    async fn create(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Object, ApiError>;

    /// Replaces an object; its resourceVersion, where set, must be the live one.
    async fn replace(
        &self,
        resource: &Resource,
        object: &Object,
        options: &WriteOptions,
    ) -> Result<Object, ApiError>;

    /// Patches an object.
    async fn patch(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        patch: &PatchBody,
        options: &WriteOptions,
    ) -> Result<Object, ApiError>;

    /// Deletes an object; `Ok(false)` where there was none.
    async fn delete(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        name: &str,
        options: &DeleteOptions,
    ) -> Result<bool, ApiError>;

    /// Objects as a table (`meta.k8s.io/v1` Table): one by name, or those of a label selector.
    async fn table(&self, resource: &Resource, wanted: &TableOf<'_>) -> Result<Value, ApiError> {
        let _ = (resource, wanted);
        let text = "tables are not to be had here";
        Err(ApiError::new(ApiErrorKind::Unsupported, text))
    }

    /// The end of a container's log, bounded; `None` is the pod's only container.
    async fn logs(
        &self,
        namespace: &str,
        pod: &str,
        container: Option<&str>,
    ) -> Result<Vec<u8>, ApiError> {
        let _ = (namespace, pod, container);
        let text = "logs are not to be had here";
        Err(ApiError::new(ApiErrorKind::Unsupported, text))
    }
}
