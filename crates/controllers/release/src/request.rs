//! What is asked for.

use argosy_helm::release::{Cascade, Reuse, WaitStrategy};
use argosy_helm::{Chart, Outside, Table};
use argosy_object::Digest;
use std::collections::BTreeMap;
use std::time::Duration;

/// Whether anything is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DryRun {
    /// Yes.
    #[default]
    No,
    /// No, and templates know no cluster.
    Client,
    /// No, but templates see the cluster.
    Server,
}

impl DryRun {
    /// Whether nothing is changed.
    pub fn is_dry(self) -> bool {
        self != Self::No
    }

    /// Whether templates see the cluster.
    pub fn sees_cluster(self) -> bool {
        self != Self::Client
    }
}

/// Whether objects are applied on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServerSide {
    /// As the revision before was.
    #[default]
    Auto,
    /// Yes.
    Yes,
    /// No.
    No,
}

impl ServerSide {
    /// Whether it is so, after a revision that was applied by `method`.
    pub fn decide(self, method: &str) -> bool {
        match self {
            Self::Auto => method == "ssa",
            Self::Yes => true,
            Self::No => false,
        }
    }
}

/// What operations that apply objects have in common.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether anything is changed.
    pub dry_run: DryRun,
    /// The way of applying.
    pub server_side: ServerSide,
    /// Take fields from other managers.
    pub force_conflicts: bool,
    /// Replace objects instead of patching them.
    pub force_replace: bool,
    /// What is waited for.
    pub wait: WaitStrategy,
    /// Whether jobs must end.
    pub wait_for_jobs: bool,
    /// How long each wait may take.
    pub timeout: Duration,
    /// No hooks.
    pub no_hooks: bool,
    /// What a failed operation did is undone.
    pub rollback_on_failure: bool,
    /// What a failed operation made is deleted.
    pub cleanup_on_fail: bool,
    /// Objects of others are taken over.
    pub take_ownership: bool,
    /// The description of a success; empty for Helm's.
    pub description: String,
    /// How many revisions are kept; 0 is no limit.
    pub history_max: usize,
}

impl Default for Options {
    /// helm 4.1.4's defaults.
    fn default() -> Self {
        Self {
            dry_run: DryRun::No,
            server_side: ServerSide::Auto,
            force_conflicts: false,
            force_replace: false,
            wait: WaitStrategy::HookOnly,
            wait_for_jobs: false,
            timeout: Duration::from_mins(5),
            no_hooks: false,
            rollback_on_failure: false,
            cleanup_on_fail: false,
            take_ownership: false,
            description: String::new(),
            history_max: 10,
        }
    }
}

impl Options {
    /// The strategy: whoever wants failures undone waits for them.
    pub(crate) fn strategy(&self) -> WaitStrategy {
        if self.rollback_on_failure && self.wait == WaitStrategy::HookOnly {
            WaitStrategy::Watcher
        } else {
            self.wait
        }
    }
}

/// A first revision.
#[derive(Clone, Debug)]
pub struct InstallRequest {
    /// The release's name.
    pub name: String,
    /// The chart.
    pub chart: Chart,
    /// What the user gives.
    pub values: Table,
    /// Labels of the record.
    pub labels: BTreeMap<String, String>,
    /// Whether a name that was uninstalled or that failed is taken again.
    pub replace: bool,
    /// Whether the namespace is made.
    pub create_namespace: bool,
    /// Whether `crds/` is left alone.
    pub skip_crds: bool,
    /// Whether Secrets are left out of a dry run's manifest.
    pub hide_secret: bool,
    /// Whether notes of subcharts are shown.
    pub subchart_notes: bool,
    /// Whether values.schema.json is left alone.
    pub skip_schema_validation: bool,
    /// Seed of random functions.
    pub seed: Digest,
    /// What the rendering may ask of the machine.
    pub outside: Outside,
    /// The rest.
    pub options: Options,
}

/// Another revision.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    /// The release's name.
    pub name: String,
    /// The chart.
    pub chart: Chart,
    /// What the user gives.
    pub values: Table,
    /// What becomes of the values before.
    pub reuse: Reuse,
    /// Labels of the record; `null` takes one away.
    pub labels: BTreeMap<String, String>,
    /// Whether Secrets are left out of a dry run's manifest.
    pub hide_secret: bool,
    /// Whether notes of subcharts are shown.
    pub subchart_notes: bool,
    /// Whether values.schema.json is left alone.
    pub skip_schema_validation: bool,
    /// Seed of random functions.
    pub seed: Digest,
    /// What the rendering may ask of the machine.
    pub outside: Outside,
    /// The rest.
    pub options: Options,
}

/// An old revision again.
#[derive(Clone, Debug)]
pub struct RollbackRequest {
    /// The release's name.
    pub name: String,
    /// The revision; 0 is the one before the last.
    pub version: i64,
    /// The rest.
    pub options: Options,
}

/// The end of a release.
#[derive(Clone, Debug)]
pub struct UninstallRequest {
    /// The release's name.
    pub name: String,
    /// Whether anything is changed.
    pub dry_run: bool,
    /// Whether a release that is not there is no error.
    pub ignore_not_found: bool,
    /// Whether its revisions are kept.
    pub keep_history: bool,
    /// What happens to owned objects.
    pub cascade: Cascade,
    /// Waits, hooks and description.
    pub options: Options,
}

/// Running a release's tests.
#[derive(Clone, Debug)]
pub struct TestRequest {
    /// The release's name.
    pub name: String,
    /// Only hooks of these names; empty is all.
    pub only: Vec<String>,
    /// No hooks of these names.
    pub without: Vec<String>,
    /// How long each test may take.
    pub timeout: Duration,
}
