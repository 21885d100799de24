//! The stages of one Application as functions over ports.
//!
//! Each stage has one file and one name: source, render, desired, live, compare, plan, apply,
//! health, report. The order in which they run is the controller's business
//! (`controllers/argo/src/application/reconcile.rs`); the CLI runs some of them in its own
//! process.

mod apply;
mod error;
mod health;
mod live;
mod plan;
mod prune;
mod remote;
mod render;
mod report;
mod source;

pub use apply::{OperationDriver, OperationStore, Recorded};
pub use error::StageError;
pub use health::{AppHealth, app_health};
pub use live::{Live, live, live_want};
pub use plan::{OperationPlan, plan_operation};
pub use prune::{DeleteOutcome, delete_all};
pub use remote::{Permit, followed};
pub use render::{RenderCache, RenderPool, RenderedApp};
pub use report::{Report, completed_history, now_text, split_operation};
pub use source::{Sourced, source, wanted_of};
