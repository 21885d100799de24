//! `argosy app rollback`.

use super::{OneApp, Patience, print_app, show};
use crate::session::Session;
use argosy_cli::hub::RollbackRequest;
use argosy_cli::{Failure, Format};
use clap::Args;

/// Brings an application back to an earlier revision.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app rollback guestbook
  argosy app rollback guestbook 2 --prune")]
pub struct RollbackCommand {
    #[command(flatten)]
    app: OneApp,
    /// Id in the history [default: the one before the last]
    id: Option<i64>,
    /// Delete what that revision does not have
    #[arg(long)]
    prune: bool,
    /// Write nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    patience: Patience,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl RollbackCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let request = RollbackRequest {
            id: self.id,
            prune: self.prune,
            dry_run: self.dry_run,
            user: super::USER.into(),
        };
        let app = session.block_on(async {
            let hub = session.connect()?.hub;
            let app = self.app.find(&hub).await?;
            hub.start_rollback(&app, &request).await?;
            let mut progress = session.progress(self.output);
            hub.operation_done(&app, self.patience.timeout, |app| show(&mut progress, app))
                .await
        })?;
        print_app(session, &app, self.output, true)?;
        Ok(0)
    }
}
