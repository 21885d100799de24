//! Where kinds differ: the closed list of places at which a kind may have its say.
//!
//! The engine treats all kinds alike; a [`KindHook`] adds what no schema can express. Hooks are
//! synchronous and see the store through [`Reader`]; they change other objects only by the
//! [`Effect`]s they return.

use crate::error::{ApiError, FieldError};
use crate::request::{Authorizer, Query, RequestInfo, UserInfo};
use argosy_object::{GroupKind, Value};
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::Arc;

/// Read access to the objects of one cluster, each with its `resourceVersion`.
pub trait Reader: Send + Sync {
    /// One object by group, plural resource, namespace (empty for cluster-scoped) and name, in
    /// its storage version.
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Value>;

    /// All objects of a resource, in one namespace or, with `None`, in all, sorted by
    /// namespace and name.
    fn list(&self, group: &str, resource: &str, namespace: Option<&str>) -> Vec<Value>;
}

/// What a hook knows of the request it takes part in.
#[derive(Clone, Copy)]
pub struct HookCx<'a> {
    /// The time of the request.
    pub now: Timestamp,
    /// The caller.
    pub user: &'a UserInfo,
    /// The request.
    pub info: &'a RequestInfo,
    /// Whether nothing will be stored.
    pub dry_run: bool,
    /// The cluster's objects.
    pub reader: &'a dyn Reader,
    /// Decides on other requests: escalation checks and access reviews.
    pub authorizer: &'a dyn Authorizer,
    /// Facts of the cluster.
    pub facts: &'a ClusterFacts,
}

/// Facts of one embedded cluster that hooks and discovery share.
#[derive(Clone, Debug)]
pub struct ClusterFacts {
    /// Name of the cluster, `hub` or the simulated cluster's.
    pub name: String,
    /// The URL of the API, as tokens and `kubernetes` service endpoints name it.
    pub issuer: String,
    /// PEM of the serving CA, for `kube-root-ca.crt`; empty where there is no TLS.
    pub ca_pem: String,
    /// The version told by `/version`, such as `v1.36.0`.
    pub git_version: String,
    /// Service addresses are taken from here, such as `10.96.0.0/12`.
    pub service_cidr: String,
    /// Tells clusters of one process apart, equal names or not; set when the API starts.
    pub serial: u64,
}

impl ClusterFacts {
    /// What no other cluster of this process is called.
    pub fn instance(&self) -> String {
        format!("{}#{}", self.name, self.serial)
    }
}

impl Default for ClusterFacts {
    fn default() -> Self {
        Self {
            name: "hub".into(),
            issuer: "https://kubernetes.default.svc.cluster.local".into(),
            ca_pem: String::new(),
            git_version: "v1.36.3".into(),
            service_cidr: "10.96.0.0/12".into(),
            serial: 0,
        }
    }
}

/// A call of a subresource that the engine does not serve by itself.
#[derive(Clone, Copy)]
pub struct SubresourceCall<'a> {
    /// The subresource, such as `binding`.
    pub name: &'a str,
    /// The verb: `create`, `get`, `update`, `patch`, `delete`.
    pub verb: &'a str,
    /// The object whose subresource it is.
    pub parent: &'a Value,
    /// The decoded body, where there is one.
    pub body: Option<&'a Value>,
    /// Query parameters.
    pub query: &'a Query,
}

/// What a subresource or a kind without storage answers.
#[derive(Debug, Default)]
pub struct Answer {
    /// HTTP status code: 200 or 201.
    pub code: u16,
    /// The body.
    pub body: Value,
    /// Changes of stored objects; done before the answer is sent, none of them on a dry run.
    pub effects: Vec<Effect>,
}

/// Mutates an object; an error stops the change and is answered.
pub type Mutate = Arc<dyn Fn(&mut Value) -> Result<(), ApiError> + Send + Sync>;

/// A change of another object that follows from a request.
#[derive(Clone)]
pub enum Effect {
    /// Creates the object, unless it exists. The engine fills metadata.
    Create {
        /// API group.
        group: String,
        /// Plural resource.
        resource: String,
        /// The object.
        object: Value,
    },
    /// Reads, changes and writes the object, again where it lost a race; a missing object is
    /// left missing.
    Update {
        /// API group.
        group: String,
        /// Plural resource.
        resource: String,
        /// Namespace, or empty.
        namespace: String,
        /// Name.
        name: String,
        /// The change.
        mutate: Mutate,
    },
    /// Deletes the object as a client would (finalizers count, grace as given).
    Delete {
        /// API group.
        group: String,
        /// Plural resource.
        resource: String,
        /// Namespace, or empty.
        namespace: String,
        /// Name.
        name: String,
        /// `gracePeriodSeconds`.
        grace_seconds: Option<i64>,
    },
}

impl std::fmt::Debug for Effect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Create { resource, .. } => write!(f, "Create({resource})"),
            Self::Update { resource, name, .. } => write!(f, "Update({resource}/{name})"),
            Self::Delete { resource, name, .. } => write!(f, "Delete({resource}/{name})"),
        }
    }
}

/// How a kind's objects go away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeletePlan {
    /// Grace in seconds before the object may go; 0 removes it at once.
    pub grace_seconds: i64,
    /// Whether children are orphaned where the caller chose nothing.
    pub orphan_by_default: bool,
}

/// A table column, as `Table.columnDefinitions` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Title, such as `Ready`.
    pub name: String,
    /// `string`, `integer`, `number`, `boolean`, `date`.
    pub kind: String,
    /// OpenAPI format, such as `name`; may be empty.
    pub format: String,
    /// What the column shows.
    pub description: String,
    /// 0 is always shown, others with `-o wide`.
    pub priority: i64,
}

/// The behaviour of one kind. Every method has a default that does nothing, so that a hook
/// says only what is particular. Values are in the kind's storage version, `metadata` filled.
#[allow(unused_variables)]
pub trait KindHook: Send + Sync {
    /// Defaults that depend on other fields or on the store; runs after the schema's, on every
    /// write (`old` is `None` on create).
    fn default(&self, cx: &HookCx<'_>, new: &mut Value, old: Option<&Value>) {}

    /// Checks beyond the schema.
    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        Vec::new()
    }

    /// Runs before defaulting's result is validated: allocations, dropped fields.
    ///
    /// # Errors
    /// Refuses the request.
    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        Ok(())
    }

    /// As [`KindHook::prepare_create`] for updates of the main resource and, with
    /// `cx.info.subresource`, of `status`.
    ///
    /// # Errors
    /// Refuses the request.
    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        Ok(())
    }

    /// Decides how the object goes; `grace` is what the caller asked for. May mark the object
    /// (as pods record `deletionGracePeriodSeconds`).
    ///
    /// # Errors
    /// Refuses the request.
    fn prepare_delete(
        &self,
        cx: &HookCx<'_>,
        object: &mut Value,
        grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        Ok(DeletePlan::default())
    }

    /// What follows from a stored change: `old` is `None` after a create, `new` after a removal.
    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        Vec::new()
    }

    /// Answers a create of a kind that is not stored (reviews); `None` means it is stored.
    fn create_virtual(&self, cx: &HookCx<'_>, body: &Value) -> Option<Result<Answer, ApiError>> {
        None
    }

    /// Answers a subresource other than `status`, `scale` and `finalize`; `None` where the
    /// hook does not know it.
    fn subresource(
        &self,
        cx: &HookCx<'_>,
        call: &SubresourceCall<'_>,
    ) -> Option<Result<Answer, ApiError>> {
        None
    }

    /// Converts a stored object to another served version, where that is more than another
    /// `apiVersion`; `None` means it is not.
    fn convert(&self, object: &Value, to_version: &str) -> Option<Result<Value, ApiError>> {
        None
    }

    /// Fields, other than `metadata.name` and `metadata.namespace`, that field selectors may
    /// name, such as `spec.nodeName`. A missing field compares as the empty string.
    fn selectable_fields(&self) -> &'static [&'static str] {
        &[]
    }

    /// The value of a selectable field, where it is not simply the text at that path.
    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        None
    }

    /// The table's columns; `None` leaves them to the schema.
    fn columns(&self) -> Option<Vec<Column>> {
        None
    }

    /// The table's cells, one for each column; `None` leaves them to the columns' JSON paths.
    fn cells(&self, now: Timestamp, object: &Value) -> Option<Vec<Value>> {
        None
    }
}

/// A kind with nothing particular.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

impl KindHook for Plain {}

/// The hooks of all kinds.
#[derive(Clone, Default)]
pub struct Hooks {
    by_kind: HashMap<GroupKind, Arc<dyn KindHook>>,
}

impl Hooks {
    /// No hooks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the hook of a kind; a later one replaces an earlier one.
    pub fn insert(&mut self, group: &str, kind: &str, hook: impl KindHook + 'static) {
        self.by_kind
            .insert(GroupKind::new(group, kind), Arc::new(hook));
    }

    /// The hook of a kind, or [`Plain`].
    pub fn of(&self, group: &str, kind: &str) -> &dyn KindHook {
        self.by_kind
            .get(&GroupKind::new(group, kind))
            .map_or(&Plain, |hook| &**hook)
    }
}
