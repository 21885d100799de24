//! `argosy project list`.

use crate::session::Session;
use argosy_cli::{Failure, Format, hub, view};
use clap::Args;

/// All projects.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy project list
  argosy project list -o name")]
pub struct ListCommand {
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl ListCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let projects = session.block_on(async {
            let hub = session.connect()?.hub;
            hub.list(&hub::projects(), Some(hub.namespace()), None)
                .await
        })?;
        session.print_list(&view::project::list(&projects), self.output)?;
        Ok(0)
    }
}
