//! `argosy appset`.

mod generate;
mod get;
mod list;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// ApplicationSets.
#[derive(Subcommand)]
pub enum AppsetCommand {
    /// All ApplicationSets
    #[command(visible_alias = "ls")]
    List(list::ListCommand),
    /// One ApplicationSet
    Get(get::GetCommand),
    /// The Applications that a set of the hub or of a file would make; nothing is written
    Generate(generate::GenerateCommand),
}

impl AppsetCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::List(command) => command.run(session),
            Self::Get(command) => command.run(session),
            Self::Generate(command) => command.run(session),
        }
    }
}
