//! What the server knows of a fleet: one trait, and the shapes that it answers in.

pub use crate::journal::Seq;
use crate::query::AppQuery;
use crate::row::{AppKey, AppRow};
use crate::webhook::Webhooks;
use argosy_crds::{ApplicationCondition, HealthCode, SyncCode};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;

/// A fleet, to be looked at and, within two verbs, acted on.
#[async_trait]
pub trait FleetView: Send + Sync {
    /// The Applications that a query asks for, in its order, and no more than its limit.
    fn page(&self, query: &AppQuery) -> Page;

    /// All clusters with counts of their Applications.
    fn summary(&self) -> Summary;

    /// One Application whole; `None` where there is none.
    async fn app(&self, key: &AppKey) -> Option<AppDetail>;

    /// What changed after `since`, at most `max` subjects.
    fn changes(&self, since: Seq, max: usize) -> Changes;

    /// The number of the last change, and news of it.
    fn changed(&self) -> watch::Receiver<Seq>;

    /// Asks for a look at Git; `hard`: and for a rendering anew.
    ///
    /// # Errors
    /// [`ActionError`] where the hub says no.
    async fn refresh(&self, key: &AppKey, hard: bool) -> Result<(), ActionError>;

    /// Asks for a sync.
    ///
    /// # Errors
    /// [`ActionError`] where one is under way, or the hub says no.
    async fn sync(&self, key: &AppKey, request: &SyncRequest) -> Result<(), ActionError>;

    /// What takes pushes of Git hosts; `None`: there is no `/api/webhook`.
    fn webhooks(&self) -> Option<&dyn Webhooks> {
        None
    }
}

/// Why something that was asked for is not done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    /// There is no such Application.
    #[error("application `{0}` is not there")]
    Missing(String),
    /// An operation is under way.
    #[error("another operation is already in progress")]
    Busy,
    /// The hub refused, or cannot be reached.
    #[error("{0}")]
    Hub(String),
}

/// How to sync.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct SyncRequest {
    /// Whether what has left Git is deleted.
    pub prune: bool,
    /// Whether nothing is really written.
    pub dry_run: bool,
}

/// Some of the Applications that a query asks for.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// The change up to which it is true.
    pub seq: Seq,
    /// How many there are in all.
    pub total: usize,
    /// How many there are before the first of these.
    pub start: usize,
    /// These.
    pub rows: Vec<Arc<AppRow>>,
    /// What `after` goes on with; `None` at the end.
    pub next: Option<String>,
    /// Of what all but the filter on sync itself lets through: how many have which code.
    pub sync: BTreeMap<SyncCode, usize>,
    /// The same for health.
    pub health: BTreeMap<HealthCode, usize>,
}

/// How many Applications are how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// All.
    pub total: usize,
    /// By sync.
    pub sync: BTreeMap<SyncCode, usize>,
    /// By health.
    pub health: BTreeMap<HealthCode, usize>,
    /// Those with an operation under way.
    pub running: usize,
    /// Those that are healthy and yet out of sync.
    pub drifted: usize,
}

/// The fleet at a glance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Summary {
    /// The change up to which it is true.
    pub seq: Seq,
    /// All Applications.
    pub totals: Counts,
    /// All clusters, by name.
    pub clusters: Vec<ClusterSummary>,
}

/// One cluster at a glance.
#[derive(Clone, Debug, Serialize)]
pub struct ClusterSummary {
    /// Its name.
    pub name: String,
    /// Its API server.
    pub server: String,
    /// Labels of its Secret.
    pub labels: BTreeMap<String, String>,
    /// Whether it is left alone.
    pub paused: bool,
    /// Whether the hub knows it: an Application can name one that nobody added.
    pub known: bool,
    /// Its Applications.
    pub counts: Counts,
}

/// What changed.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
pub enum Changes {
    /// It is not known: look at everything again.
    #[serde(rename_all = "camelCase")]
    Reset {
        /// The number to go on from.
        seq: Seq,
    },
    /// These.
    #[serde(rename_all = "camelCase")]
    Batch {
        /// The number to go on from.
        seq: Seq,
        /// Rows as they are now.
        rows: Vec<Arc<AppRow>>,
        /// Applications that have gone.
        gone: Vec<AppKey>,
        /// Applications whose live objects changed.
        objects: Vec<AppKey>,
        /// Whether clusters came, changed or went.
        clusters: bool,
        /// Counts of all.
        totals: Counts,
    },
}

impl Changes {
    /// The number to go on from.
    pub fn seq(&self) -> Seq {
        match self {
            Self::Reset { seq } | Self::Batch { seq, .. } => *seq,
        }
    }
}

/// One Application whole.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppDetail {
    /// Its row.
    pub row: AppRow,
    /// The API server that its objects go to.
    pub server: String,
    /// `Manual`, or what it does by itself, in words.
    pub policy: String,
    /// What it is made from.
    pub sources: Vec<SourceView>,
    /// Why it is how it is.
    pub health_message: String,
    /// Conditions.
    pub conditions: Vec<ApplicationCondition>,
    /// Deployments, newest first.
    pub history: Vec<Deployment>,
    /// The last operation.
    pub operation: Option<OperationView>,
    /// Web pages that its objects name; `http` and `https` only.
    pub links: Vec<String>,
    /// Images that it runs.
    pub images: Vec<String>,
    /// Objects and what they own: each after its parent.
    pub tree: Vec<TreeNode>,
    /// What a sync would change, Secrets masked.
    pub diff: Vec<ResourceDiff>,
    /// Why tree and diff are not of this moment; `None`: they are.
    pub stopped: Option<String>,
    /// Whether there is more than is shown.
    pub cut: bool,
}

/// One source.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SourceView {
    /// The repository, without credentials.
    pub repo: String,
    /// Path or chart.
    pub path: String,
    /// Whether that is a chart.
    pub chart: bool,
    /// The revision that is followed.
    pub target: String,
}

/// One entry of the history.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Deployment {
    /// Its number.
    pub id: i64,
    /// What was deployed.
    pub revision: String,
    /// When, in RFC 3339.
    pub at: String,
    /// Who asked.
    pub by: String,
}

/// The last operation.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OperationView {
    /// Its phase.
    pub phase: String,
    /// What it says.
    pub message: String,
    /// When it began.
    pub started: String,
    /// When it ended; empty while it runs.
    pub finished: String,
    /// Who asked.
    pub by: String,
    /// What it did to each object.
    pub results: Vec<ResultView>,
}

/// What an operation did to one object.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ResultView {
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `Synced`, `SyncFailed`, `Pruned`, `PruneSkipped`, or a hook's phase.
    pub status: String,
    /// What the API said.
    pub message: String,
}

/// One object of an Application's tree.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TreeNode {
    /// Its number within the tree.
    pub id: usize,
    /// Its owner's number; `None` for what the Application manages itself.
    pub parent: Option<usize>,
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Whether it agrees with Git; `None` for what takes no part.
    pub sync: Option<SyncCode>,
    /// Its health; `None` where its kind has no rule.
    pub health: Option<HealthCode>,
    /// What it waits for or suffers from, or a word about it.
    pub message: String,
    /// When it was made, in RFC 3339.
    pub created: String,
}

/// What a sync would change in one object.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ResourceDiff {
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `create`, `change`, `prune`, or `error`.
    pub action: &'static str,
    /// A unified difference from live to desired, or the error.
    pub text: String,
    /// Whether the text is cut.
    pub cut: bool,
}
