//! One revision of a release.

use super::stamp::Stamp;
use crate::values::Table;
use argosy_object::Value as Json;
use std::collections::BTreeMap;

/// One revision of a release, as it is stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Release {
    /// The release's name.
    pub name: String,
    /// Where it is stored, and where objects go that name no namespace.
    pub namespace: String,
    /// The revision, from 1.
    pub version: i64,
    /// State and times.
    pub info: Info,
    /// The chart as it was released, in the shape of [`super::chart_value`]; null where a record
    /// has none.
    pub chart: Json,
    /// What the user gave; `None` is Go's nil.
    pub config: Option<Table>,
    /// The rendered objects that are no hooks, in install order.
    pub manifest: String,
    /// The hooks.
    pub hooks: Vec<HookRecord>,
    /// The user's labels; they live in the stored object's metadata.
    pub labels: BTreeMap<String, String>,
    /// `ssa`, `csa`, or empty for records of Helm 3.
    pub apply_method: String,
}

/// State and times of a revision.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Info {
    /// When the first revision was deployed.
    pub first_deployed: Option<Stamp>,
    /// When this one was.
    pub last_deployed: Option<Stamp>,
    /// When it was uninstalled.
    pub deleted: Option<Stamp>,
    /// A sentence about the last thing that happened.
    pub description: String,
    /// The state.
    pub status: Status,
    /// NOTES.txt, rendered.
    pub notes: String,
}

/// The state of a revision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Status {
    /// `unknown`, the start
    #[default]
    Unknown,
    /// `deployed`
    Deployed,
    /// `uninstalled`
    Uninstalled,
    /// `superseded`
    Superseded,
    /// `failed`
    Failed,
    /// `uninstalling`
    Uninstalling,
    /// `pending-install`
    PendingInstall,
    /// `pending-upgrade`
    PendingUpgrade,
    /// `pending-rollback`
    PendingRollback,
    /// What another program wrote.
    Other(String),
}

const STATUSES: [(Status, &str); 9] = [
    (Status::Unknown, "unknown"),
    (Status::Deployed, "deployed"),
    (Status::Uninstalled, "uninstalled"),
    (Status::Superseded, "superseded"),
    (Status::Failed, "failed"),
    (Status::Uninstalling, "uninstalling"),
    (Status::PendingInstall, "pending-install"),
    (Status::PendingUpgrade, "pending-upgrade"),
    (Status::PendingRollback, "pending-rollback"),
];

impl Status {
    /// Helm's word.
    pub fn as_str(&self) -> &str {
        if let Self::Other(text) = self {
            return text;
        }
        let found = STATUSES.iter().find(|(status, _)| status == self);
        found.map_or("unknown", |(_, text)| text)
    }

    /// The state of a word.
    pub fn of(text: &str) -> Self {
        let found = STATUSES.iter().find(|(_, known)| *known == text);
        found.map_or_else(
            || Self::Other(text.to_owned()),
            |(status, _)| status.clone(),
        )
    }

    /// Whether an operation is under way, or was when its program died.
    pub fn is_pending(&self) -> bool {
        matches!(
            self,
            Self::PendingInstall | Self::PendingUpgrade | Self::PendingRollback
        )
    }
}

/// A hook as a record keeps it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HookRecord {
    /// `metadata.name`
    pub name: String,
    /// The kind.
    pub kind: String,
    /// The template's path.
    pub path: String,
    /// The document.
    pub manifest: String,
    /// When it runs.
    pub events: Vec<String>,
    /// When its last run began.
    pub started_at: Option<Stamp>,
    /// When that ended.
    pub completed_at: Option<Stamp>,
    /// How that went.
    pub phase: HookPhase,
    /// Its place among others.
    pub weight: i64,
    /// When it is deleted.
    pub delete_policies: Vec<String>,
    /// When its logs are shown.
    pub output_log_policies: Vec<String>,
}

/// How a hook's run went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HookPhase {
    /// It never ran.
    #[default]
    Never,
    /// `Unknown`
    Unknown,
    /// `Running`
    Running,
    /// `Succeeded`
    Succeeded,
    /// `Failed`
    Failed,
    /// What another program wrote.
    Other(String),
}

impl HookPhase {
    /// Helm's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Never => "",
            Self::Unknown => "Unknown",
            Self::Running => "Running",
            Self::Succeeded => "Succeeded",
            Self::Failed => "Failed",
            Self::Other(text) => text,
        }
    }

    /// The phase of a word.
    pub fn of(text: &str) -> Self {
        match text {
            "" => Self::Never,
            "Unknown" => Self::Unknown,
            "Running" => Self::Running,
            "Succeeded" => Self::Succeeded,
            "Failed" => Self::Failed,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl HookRecord {
    /// Whether it runs at an event.
    pub fn runs_at(&self, event: &str) -> bool {
        self.events.iter().any(|found| found == event)
    }
}

impl Release {
    /// Whether its objects are applied on the server.
    pub fn is_server_side(&self) -> bool {
        self.apply_method == "ssa"
    }

    /// Sets state and description.
    pub fn set_status(&mut self, status: Status, description: impl Into<String>) {
        self.info.status = status;
        self.info.description = description.into();
    }

    /// A text of the chart's metadata, empty where there is none.
    pub fn chart_text(&self, field: &str) -> &str {
        self.chart["metadata"][field].as_str().unwrap_or_default()
    }

    /// `NAME-VERSION` of the chart.
    ///
    /// Compat: `MISSING` where the record has no chart.
    pub fn chart_name(&self) -> String {
        if self.chart["metadata"].is_object() {
            format!("{}-{}", self.chart_text("name"), self.chart_text("version"))
        } else {
            "MISSING".to_owned()
        }
    }

    /// The chart's `appVersion`.
    pub fn app_version(&self) -> &str {
        if self.chart["metadata"].is_object() {
            self.chart_text("appVersion")
        } else {
            "MISSING"
        }
    }
}
