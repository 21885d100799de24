//! What people look at: the fleet's API, its stream of changes, and the page.
//!
//! [`FleetView`] is all that the server knows of a fleet. [`HubView`] is the one over a hub's
//! objects: a row for each Application, kept up to date by the hub's changes, so that no request
//! parses more than the objects that it shows. [`Server`] puts a view on a socket, for one
//! browser of one person: a token for each start, `Host` and `Origin` checked, everything bounded.
#![warn(missing_docs)]

mod answer;
mod api;
mod assets;
mod detail;
#[cfg(test)]
mod fake;
mod guard;
mod hub_view;
mod index;
mod journal;
mod mask;
mod query;
mod row;
mod serve;
mod stream;
mod view;
mod webhook;

pub use guard::{Guard, Refusal};
pub use hub_view::HubView;
pub use index::{Cluster, FleetIndex};
pub use query::{AppQuery, Order, QueryError};
pub use row::{AppKey, AppRow, ClusterNames};
pub use serve::{Server, ServerError, ServerSettings};
pub use view::{
    ActionError, AppDetail, Changes, ClusterSummary, Counts, FleetView, Page, ResourceDiff, Seq,
    Summary, SyncRequest, TreeNode,
};
pub use webhook::{WebhookSecrets, Webhooks};

/// Whether the page is in this build; else there is one that says how to build it.
pub fn has_page() -> bool {
    assets::HAS_PAGE
}
