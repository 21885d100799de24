//! `argosy app resources`.

use super::OneApp;
use crate::session::Session;
use argosy_cli::{Failure, Format, view};
use clap::Args;

/// Resources of an application.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app resources guestbook
  argosy app resources guestbook -o name")]
pub struct ResourcesCommand {
    #[command(flatten)]
    app: OneApp,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl ResourcesCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let app = session.block_on(async {
            let hub = session.connect()?.hub;
            self.app.find(&hub).await
        })?;
        session.print_list(&view::app::resources(&app), self.output)?;
        Ok(0)
    }
}
