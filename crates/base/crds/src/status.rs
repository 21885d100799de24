//! `Application.status`.

use crate::application::{Destination, IgnoreDifference, Source, ViewError, view};
use crate::operation::{InitiatedBy, OperationState};
use argosy_object::Object;
use serde::{Deserialize, Serialize};

/// `status` of an Application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationStatus {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceStatus>,
    #[serde(skip_serializing_if = "SyncStatus::is_unset")]
    pub sync: SyncStatus,
    #[serde(skip_serializing_if = "HealthStatus::is_unset")]
    pub health: HealthStatus,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<RevisionHistory>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ApplicationCondition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reconciled_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_state: Option<OperationState>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub source_type: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub source_types: Vec<String>,
    #[serde(skip_serializing_if = "Summary::is_unset")]
    pub summary: Summary,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub resource_health_source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub controller_namespace: String,
}

impl ApplicationStatus {
    /// Reads `status` of an Application.
    pub fn of(application: &Object) -> Result<Self, ViewError> {
        view(application.pointer("/status"), "status")
    }
}

/// `Synced`, `OutOfSync` or `Unknown`.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub enum SyncCode {
    #[default]
    Unknown,
    Synced,
    OutOfSync,
}

impl SyncCode {
    /// The spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "Unknown",
            Self::Synced => "Synced",
            Self::OutOfSync => "OutOfSync",
        }
    }
}

/// Health, from best to worst in Argo CD's order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
pub enum HealthCode {
    Healthy,
    Suspended,
    Progressing,
    Missing,
    Degraded,
    #[default]
    Unknown,
}

impl HealthCode {
    /// The spelling.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Suspended => "Suspended",
            Self::Progressing => "Progressing",
            Self::Missing => "Missing",
            Self::Degraded => "Degraded",
            Self::Unknown => "Unknown",
        }
    }
}

/// `status.sync`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SyncStatus {
    pub status: SyncCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_to: Option<ComparedTo>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
}

impl SyncStatus {
    fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

/// `status.sync.comparedTo`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ComparedTo {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    pub destination: Destination,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignore_differences: Vec<IgnoreDifference>,
}

/// `health` of an application or an object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HealthStatus {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<HealthCode>,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

impl HealthStatus {
    fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

/// One of `status.resources`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceStatus {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub version: String,
    pub kind: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<SyncCode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<HealthStatus>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub hook: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requires_pruning: bool,
    #[serde(skip_serializing_if = "crate::application::is_zero")]
    pub sync_wave: i64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub requires_deletion_confirmation: bool,
}

/// One of `status.history`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RevisionHistory {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub revision: String,
    pub deployed_at: String,
    pub id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deploy_started_at: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<Source>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub revisions: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub initiated_by: Option<InitiatedBy>,
}

/// One of `status.conditions`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ApplicationCondition {
    #[serde(rename = "type")]
    pub kind: String,
    pub message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_transition_time: Option<String>,
}

/// Types of conditions.
pub mod condition {
    pub const DELETION_ERROR: &str = "DeletionError";
    pub const INVALID_SPEC_ERROR: &str = "InvalidSpecError";
    pub const COMPARISON_ERROR: &str = "ComparisonError";
    pub const SYNC_ERROR: &str = "SyncError";
    pub const UNKNOWN_ERROR: &str = "UnknownError";
    pub const SHARED_RESOURCE_WARNING: &str = "SharedResourceWarning";
    pub const REPEATED_RESOURCE_WARNING: &str = "RepeatedResourceWarning";
    pub const EXCLUDED_RESOURCE_WARNING: &str = "ExcludedResourceWarning";
    pub const ORPHANED_RESOURCE_WARNING: &str = "OrphanedResourceWarning";
}

/// `status.summary`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    #[serde(rename = "externalURLs", skip_serializing_if = "Vec::is_empty")]
    pub external_urls: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<String>,
}

impl Summary {
    fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}
