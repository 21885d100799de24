//! Helm releases carried out over ports: install, upgrade, rollback, uninstall, test, and what
//! they leave behind.
//!
//! What is decided lies in `argosy_helm::release`; here it is prepared (read, rendered, checked)
//! and driven. [`Releases`] knows nothing of command lines: it takes requests and gives releases
//! or Helm's sentences.
#![warn(missing_docs)]

mod converge;
mod drive;
mod error;
mod install;
mod notice;
mod objects;
mod read;
mod render;
mod request;
mod resources;
mod rollback;
mod store;
mod uninstall;
mod upgrade;
mod wait;

pub use drive::Show;
pub use error::{Failed, ReleaseError};
pub use notice::{Level, Notices, Silent};
pub use read::{ListFilter, States};
pub use request::{
    DryRun, InstallRequest, Options, RollbackRequest, ServerSide, TestRequest, UninstallRequest,
    UpgradeRequest,
};
pub use resources::Resources;
pub use store::Store;
pub use uninstall::Uninstalled;

use argosy_helm::TemplateCache;
use argosy_helm::release::Stamp;
use argosy_ports::{Clock, Cluster};
use argosy_schema::Schemas;
use jiff::tz::TimeZone;
use std::sync::Arc;
use tokio::sync::watch;

/// The releases of one namespace of a cluster.
#[derive(Clone)]
pub struct Releases {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// Where records are.
    pub store: Store,
    /// What is known of built-in kinds.
    pub schemas: Arc<Schemas>,
    /// Compiled templates.
    pub templates: Arc<TemplateCache>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where the clock stands, for what is written into records.
    pub zone: TimeZone,
    /// Field manager of everything that is applied. Compat: `helm`.
    pub manager: String,
    /// Who hears what happens on the way.
    pub notices: Arc<dyn Notices>,
    /// Becomes `true` where somebody wants operations to end.
    pub interrupt: watch::Receiver<bool>,
}

impl Releases {
    /// The namespace.
    pub fn namespace(&self) -> &str {
        self.store.namespace()
    }

    fn now(&self) -> Stamp {
        Stamp::new(&self.clock.now().to_zoned(self.zone.clone()))
    }
}
