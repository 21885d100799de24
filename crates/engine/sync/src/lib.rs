//! Decides what is applied, in which order and when.
//!
//! [`desired`] stamps rendered objects, [`plan`] decides what, in which order and why,
//! [`SyncMachine`] decides only when, and [`auto_sync`] whether to start at all. None of them
//! performs IO: a driver carries out the machine's commands.
#![warn(missing_docs)]

mod auto;
mod backoff;
mod desired;
mod machine;
mod options;
mod order;
mod plan;
mod tracking;

pub use auto::{AutoSync, AutoSyncInput, auto_sync};
pub use backoff::{go_duration, retry_delay, self_heal_delay};
pub use desired::{DesiredInput, DesiredSet, desired};
pub use machine::{StepEvent, SyncCommand, SyncEvent, SyncMachine, SyncOptions};
pub use options::ObjectOptions;
pub use order::{kind_rank, wave};
pub use plan::{
    Action, Blocked, BlockedReason, Plan, PlanInput, PlanStep, plan, unsupported_sentence,
};
pub use tracking::TrackingId;
