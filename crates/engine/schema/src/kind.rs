//! What is known of one kind in one version.

use crate::cel::CelRules;
use crate::types::{Name, Type, TypeId, Types};
use argosy_object::{Gvk, Value};
use std::sync::Arc;

/// Whether objects live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// A kind in one version: names, subresources, columns and types.
#[derive(Debug, Clone)]
pub struct KindSchema {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// The resource's name in URLs, such as `deployments`.
    pub plural: Name,
    /// Such as `deployment`.
    pub singular: Name,
    /// Such as `deploy`.
    pub short_names: Vec<Name>,
    /// Such as `all`.
    pub categories: Vec<Name>,
    /// Namespaced or not.
    pub scope: Scope,
    /// Such as `DeploymentList`.
    pub list_kind: Name,
    /// The verbs of discovery, in its order.
    pub verbs: Vec<Name>,
    /// Subresources, in discovery's order.
    pub subresources: Vec<Subresource>,
    /// Columns of the Table form, in order.
    pub columns: Vec<Column>,
    /// The arena of `root`.
    pub types: Arc<Types>,
    /// The type of the whole object.
    pub root: TypeId,
    /// What only custom kinds have.
    pub custom: Option<Box<CrdInfo>>,
    /// Whether this is the group's preferred version of the kind.
    pub preferred: bool,
    /// The version objects of this group and kind are stored in.
    pub storage_version: Name,
}

impl KindSchema {
    /// The type of the whole object.
    pub fn root_type(&self) -> &Type {
        self.types.get(self.root)
    }

    /// Whether objects live in a namespace.
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }

    /// A subresource by name.
    pub fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|s| s.name == name)
    }

    /// Whether the kind comes from a CRD.
    pub fn is_custom(&self) -> bool {
        self.custom.is_some()
    }
}

/// A subresource, such as `status` or `scale`.
#[derive(Debug, Clone)]
pub struct Subresource {
    /// Its name in URLs.
    pub name: Name,
    /// The kind of its bodies.
    pub kind: Gvk,
    /// The verbs of discovery.
    pub verbs: Vec<Name>,
}

/// A column of the Table form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The heading.
    pub name: Name,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub ty: Name,
    /// `name` for the first column, else mostly empty.
    pub format: Name,
    /// Where a custom kind's value stands; empty for built-in kinds, whose cells need code.
    pub json_path: Name,
    /// 0 is always shown, more only in wide output.
    pub priority: i32,
    /// Text of a CRD; empty for built-in kinds.
    pub description: Name,
}

/// What only a custom kind has.
#[derive(Debug, Clone, Default)]
pub struct CrdInfo {
    /// The CRD's name, `plural.group`.
    pub crd: String,
    /// Whether this version is served.
    pub served: bool,
    /// Whether this version is the stored one.
    pub storage: bool,
    /// `spec.preserveUnknownFields`, of old.
    pub preserve_unknown: bool,
    /// Whether the status subresource is on.
    pub status: bool,
    /// The scale subresource.
    pub scale: Option<ScalePaths>,
    /// JSON paths of `selectableFields`.
    pub selectable_fields: Vec<String>,
    /// `None` or `Webhook`.
    pub conversion: String,
    /// `deprecated`, and the warning to send.
    pub deprecation_warning: Option<String>,
    /// The schema as written, for OpenAPI.
    pub schema: Option<Arc<Value>>,
    /// The rules of `x-kubernetes-validations`.
    pub rules: CelRules,
}

/// Where the scale subresource finds its values, as `.spec.replicas`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScalePaths {
    /// The wished number.
    pub spec_replicas: String,
    /// The present number.
    pub status_replicas: String,
    /// The selector in text, where there is one.
    pub label_selector: Option<String>,
}
