//! `argosy repo`.

mod add;
mod list;
mod remove;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Repositories.
#[derive(Subcommand)]
pub enum RepoCommand {
    /// All repositories
    #[command(visible_alias = "ls")]
    List(list::ListCommand),
    /// Adds a repository and its credential
    Add(add::AddCommand),
    /// Removes repositories
    #[command(visible_alias = "rm")]
    Remove(remove::RemoveCommand),
}

impl RepoCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::List(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Remove(command) => command.run(session),
        }
    }
}
