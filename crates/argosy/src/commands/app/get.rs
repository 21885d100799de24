//! `argosy app get`.

use super::{OneApp, print_app};
use crate::session::Session;
use argosy_cli::{Failure, Format};
use clap::Args;
use std::time::Duration;

/// How long a refresh may take before what is known is shown.
const REFRESH: Duration = Duration::from_secs(120);

/// One application.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app get guestbook
  argosy app get guestbook --refresh --show-operation
  argosy app get guestbook -o yaml")]
pub struct GetCommand {
    #[command(flatten)]
    app: OneApp,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
    /// Compare with Git first
    #[arg(long)]
    refresh: bool,
    /// Compare with Git first, and render anew
    #[arg(long)]
    hard_refresh: bool,
    /// Show the last operation
    #[arg(long)]
    show_operation: bool,
}

impl GetCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let app = session.block_on(async {
            let hub = session.connect()?.hub;
            let app = self.app.find(&hub).await?;
            if self.refresh || self.hard_refresh {
                return hub.refresh_app(&app, self.hard_refresh, REFRESH).await;
            }
            Ok(app)
        })?;
        print_app(session, &app, self.output, self.show_operation)?;
        Ok(0)
    }
}
