//! `AppProject.spec` (argoproj.io/v1alpha1).

use crate::application::{ViewError, view};
use argosy_object::{Object, Value};
use serde::{Deserialize, Serialize};

/// `spec` of an AppProject.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ProjectSpec {
    pub source_repos: Vec<String>,
    pub destinations: Vec<ProjectDestination>,
    pub source_namespaces: Vec<String>,
    pub description: String,
    pub cluster_resource_whitelist: Option<Vec<ProjectKind>>,
    pub cluster_resource_blacklist: Option<Vec<ProjectKind>>,
    pub namespace_resource_whitelist: Option<Vec<ProjectKind>>,
    pub namespace_resource_blacklist: Option<Vec<ProjectKind>>,
    pub permit_only_project_scoped_clusters: bool,
    pub orphaned_resources: Option<Value>,
    pub sync_windows: Vec<Value>,
    pub signature_keys: Vec<Value>,
    pub source_integrity: Option<Value>,
    pub destination_service_accounts: Vec<DestinationServiceAccount>,
}

impl ProjectSpec {
    /// Reads `spec` of an AppProject.
    pub fn of(project: &Object) -> Result<Self, ViewError> {
        view(project.pointer("/spec"), "spec")
    }
}

/// One of `destinations`; globs, `!` denies.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectDestination {
    pub server: String,
    pub name: String,
    pub namespace: String,
}

/// One of the white and black lists; globs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectKind {
    pub group: String,
    pub kind: String,
    pub name: String,
}

/// One of `destinationServiceAccounts`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DestinationServiceAccount {
    pub server: String,
    pub namespace: String,
    pub default_service_account: String,
}
