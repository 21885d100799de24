//! `argosy app wait`.

use super::{Patience, SomeApps, print_app, show};
use crate::session::Session;
use argosy_cli::hub::WaitFor;
use argosy_cli::{Failure, Format};
use clap::Args;

/// Waits for applications.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app wait guestbook --timeout 2m
  argosy app wait guestbook --health --timeout 2m
  argosy app wait guestbook --delete")]
pub struct WaitCommand {
    #[command(flatten)]
    apps: SomeApps,
    #[command(flatten)]
    patience: Patience,
    /// Until they are synced
    #[arg(long)]
    sync: bool,
    /// Until they are healthy
    #[arg(long)]
    health: bool,
    /// Until no operation is running
    #[arg(long)]
    operation: bool,
    /// Suspended is well, too
    #[arg(long)]
    suspended: bool,
    /// Degraded is well, too
    #[arg(long)]
    degraded: bool,
    /// Until they are deleted
    #[arg(long, conflicts_with_all = ["sync", "health", "operation", "suspended", "degraded"])]
    delete: bool,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl WaitCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let wanted = WaitFor {
            sync: self.sync,
            health: self.health,
            operation: self.operation,
            suspended: self.suspended,
            degraded: self.degraded,
        };
        let timeout = self.patience.timeout;
        session.block_on(async {
            let hub = session.connect()?.hub;
            for app in self.apps.find(&hub).await? {
                if self.delete {
                    let namespace = app.namespace().unwrap_or(hub.namespace());
                    hub.until_gone(namespace, app.name(), timeout).await?;
                    session.print(&format!("application '{}' deleted\n", app.name()))?;
                    continue;
                }
                let mut progress = session.progress(self.output);
                let app = hub
                    .wait_for_app(&app, wanted, timeout, |app| show(&mut progress, app))
                    .await?;
                progress.clear();
                print_app(session, &app, self.output, true)?;
            }
            Ok(0)
        })
    }
}
