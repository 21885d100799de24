//! The machine that decides when each step of an operation on a release runs.
//!
//! It performs nothing: it answers events with commands, and a driver carries them out. Of a list
//! of commands only the last one has an answer. The first command stores the pending record, so
//! that a program that dies leaves a trace; the last one is [`Command::Finish`].

mod fail;
mod step;

use super::hooks::{Closing, HookPass};
use super::prepare::ApplyChoice;
use super::record::{HookRecord, Release};
use super::stamp::Stamp;
use super::waiter::{WaitFor, WaitStrategy};
use argosy_object::Object;
use std::time::Duration;

/// Which operation runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// The first revision.
    Install,
    /// Another one.
    Upgrade,
    /// An old one again.
    Rollback,
    /// The end.
    Uninstall,
    /// The test hooks.
    Test,
}

/// What happens to the objects that a deleted object owns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cascade {
    /// They go afterwards.
    #[default]
    Background,
    /// They go first.
    Foreground,
    /// They stay.
    Orphan,
}

/// Everything that is decided before the machine starts.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The operation.
    pub job: Job,
    /// The revision that it makes or works on.
    pub release: Release,
    /// The revision that it replaces, for upgrades and rollbacks.
    pub previous: Option<Release>,
    /// The objects of the revision, marked as its own; for uninstalls those to delete.
    pub targets: Vec<Object>,
    /// The objects that the cluster has from the revision before, or that are taken over.
    pub originals: Vec<Object>,
    /// How objects are applied.
    pub choice: ApplyChoice,
    /// What is waited for.
    pub wait: WaitStrategy,
    /// Whether jobs must end.
    pub wait_for_jobs: bool,
    /// How long each wait may take.
    pub timeout: Duration,
    /// `--no-hooks`
    pub no_hooks: bool,
    /// `--rollback-on-failure`
    pub rollback_on_failure: bool,
    /// `--cleanup-on-fail`
    pub cleanup_on_fail: bool,
    /// `--description`
    pub description: String,
    /// `--history-max`; 0 is no limit.
    pub history_max: usize,
    /// Uninstall: the revisions to forget, or to keep all.
    pub keep_history: bool,
    /// Uninstall: all revisions that can be read.
    pub revisions: Vec<i64>,
    /// Uninstall: what stays, as its answer tells.
    pub kept: String,
    /// Uninstall: `--cascade`
    pub cascade: Cascade,
    /// Test: hooks before this one do not run.
    pub first_hook: usize,
}

impl Plan {
    /// A plan of an operation, with nothing to apply and Helm's defaults.
    pub fn new(job: Job, release: Release) -> Self {
        Self {
            job,
            release,
            previous: None,
            targets: Vec::new(),
            originals: Vec::new(),
            choice: ApplyChoice::default(),
            wait: WaitStrategy::HookOnly,
            wait_for_jobs: false,
            timeout: Duration::from_mins(5),
            no_hooks: false,
            rollback_on_failure: false,
            cleanup_on_fail: false,
            description: String::new(),
            history_max: 0,
            keep_history: true,
            revisions: Vec::new(),
            kept: String::new(),
            cascade: Cascade::Background,
            first_hook: 0,
        }
    }
}

/// What a command is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// These objects.
    Objects(Vec<Object>),
    /// The objects of a hook's text.
    Text {
        /// The document.
        manifest: String,
        /// The template that it is from.
        path: String,
    },
}

/// What the driver does next.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Say this beside the data.
    Say(String),
    /// Warn that an operation failed: what, and why.
    Warn {
        /// What happened.
        message: String,
        /// To which release.
        name: String,
        /// Why; empty where the message says it.
        error: String,
    },
    /// Store a new revision, after making room for it; [`Event::Stored`].
    Store {
        /// The revision.
        release: Box<Release>,
        /// How many may be kept; 0 is no limit.
        max: usize,
    },
    /// Store a revision again; [`Event::Stored`].
    Update(Box<Release>),
    /// Forget a revision; [`Event::Stored`].
    Forget {
        /// The release.
        name: String,
        /// The revision.
        version: i64,
    },
    /// Read all deployed revisions; [`Event::Deployed`].
    ReadDeployed(String),
    /// Make objects; [`Event::Applied`].
    Create {
        /// The objects.
        target: Target,
        /// Whether by server-side apply.
        server_side: bool,
        /// Whether fields of other managers are taken.
        force_conflicts: bool,
    },
    /// Bring objects from one revision to another; [`Event::Applied`].
    Converge {
        /// What is there.
        originals: Vec<Object>,
        /// What shall be.
        targets: Vec<Object>,
        /// How.
        choice: ApplyChoice,
    },
    /// Delete objects; [`Event::Deleted`].
    Delete {
        /// The objects.
        target: Target,
        /// What happens to what they own.
        cascade: Cascade,
    },
    /// Wait for objects; [`Event::Waited`].
    Wait {
        /// The objects.
        target: Target,
        /// What for.
        wait_for: WaitFor,
        /// How.
        strategy: WaitStrategy,
        /// How long.
        timeout: Duration,
    },
    /// Show the logs of a hook's pods; [`Event::Logged`].
    Logs {
        /// The hook.
        hook: Box<HookRecord>,
        /// The release's namespace.
        namespace: String,
    },
    /// Show how the tests went, before their objects go; [`Event::Shown`].
    Show(Box<Release>),
    /// Run another operation on this release, which makes good for this one; [`Event::Followed`].
    Follow(String, Followed),
    /// The operation is over.
    Finish(Box<Outcome>),
}

/// An operation that makes good for a failed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// What was installed goes.
    Uninstall,
    /// The last good revision comes back.
    Rollback,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A revision is stored or forgotten, or is not.
    Stored(Result<(), String>),
    /// All deployed revisions, or why they cannot be read.
    Deployed(Result<Vec<Release>, String>),
    /// Objects were applied.
    Applied(Applied),
    /// Objects were deleted; the faults are joined.
    Deleted(Result<(), String>),
    /// A wait is over.
    Waited(Result<(), String>),
    /// Logs were shown.
    Logged,
    /// The tests' outcome was shown.
    Shown,
    /// The other operation is over.
    Followed(Result<(), FollowFault>),
    /// Somebody wants the operation to end; what was commanded last is abandoned.
    Interrupted,
}

/// Why an operation could not be made good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowFault {
    /// The history cannot be read.
    History(String),
    /// There is no revision to go back to.
    NoneGood,
    /// It failed, too.
    Failed(String),
}

/// What applying came to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Applied {
    /// Objects that were not there before, whether they could be made or not.
    pub created: Vec<Object>,
    /// What failed.
    pub fault: Option<ApplyFault>,
}

/// What failed while applying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplyFault {
    /// Whether the text made no objects.
    pub is_of_building: bool,
    /// The sentence.
    pub text: String,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The revision as it is now.
    pub release: Release,
    /// Why it failed.
    pub error: Option<String>,
    /// Uninstall: what stays.
    pub kept: String,
}

/// What each step of a run knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    pub now: Stamp,
    pub server_side: bool,
    pub strategy: WaitStrategy,
    pub timeout: Duration,
    /// Hooks before this one do not run.
    pub first_hook: usize,
}

impl Run {
    pub fn wait(&self, wait_for: WaitFor, target: Target) -> Command {
        Command::Wait {
            target,
            wait_for,
            strategy: self.strategy,
            timeout: self.timeout,
        }
    }
}

/// Where a machine stands.
#[derive(Debug)]
enum Stage {
    Storing,
    Hooks(Moment, HookPass),
    Closing(Moment, Closing, Option<String>),
    Applying,
    Waiting,
    /// Older deployed revisions are marked one by one.
    ReadingDeployed,
    Superseding(Vec<Release>),
    Recording,
    /// An uninstalled revision that stays in the history is being recorded.
    RecordingKept,
    /// Tests: their outcome is shown before their objects go.
    Showing(Closing, Option<String>),
    /// Uninstall.
    Marking,
    Deleting,
    WaitingGone,
    Forgetting(Vec<i64>),
    /// A failure is being recorded and made good for.
    Failing(Vec<Object>, String),
    FailingPrevious(Vec<Object>, String),
    Cleaning(String),
    Following(String),
    Over,
}

/// Before or after the objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Before,
    After,
}

/// Runs one operation on a release.
#[derive(Debug)]
pub struct Machine {
    plan: Plan,
    stage: Stage,
    /// What an uninstall goes on in spite of.
    faults: Vec<String>,
}
