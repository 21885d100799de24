//! `argosy project`.

mod get;
mod list;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Projects.
#[derive(Subcommand)]
pub enum ProjectCommand {
    /// All projects
    #[command(visible_alias = "ls")]
    List(list::ListCommand),
    /// One project
    Get(get::GetCommand),
}

impl ProjectCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::List(command) => command.run(session),
            Self::Get(command) => command.run(session),
        }
    }
}
