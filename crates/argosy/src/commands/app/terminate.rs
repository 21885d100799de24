//! `argosy app terminate-op`.

use super::OneApp;
use crate::session::Session;
use argosy_cli::Failure;
use clap::Args;

/// Ends the operation that is under way.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app terminate-op guestbook")]
pub struct TerminateCommand {
    #[command(flatten)]
    app: OneApp,
}

impl TerminateCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        session.block_on(async {
            let hub = session.connect()?.hub;
            let app = self.app.find(&hub).await?;
            hub.terminate(&app).await?;
            session.print(&format!(
                "Application '{}' operation terminating\n",
                app.name()
            ))?;
            Ok(0)
        })
    }
}
