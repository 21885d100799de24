//! `argosy cluster`.

mod add;
mod get;
mod list;
mod probe;
mod remove;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Clusters.
#[derive(Subcommand)]
pub enum ClusterCommand {
    /// All clusters
    #[command(visible_alias = "ls")]
    List(list::ListCommand),
    /// One cluster
    Get(get::GetCommand),
    /// Adds a cluster: one of the kubeconfig's contexts, or a simulated one
    Add(add::AddCommand),
    /// Removes clusters; what runs in them is left alone
    #[command(visible_alias = "rm")]
    Remove(remove::RemoveCommand),
}

impl ClusterCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::List(command) => command.run(session),
            Self::Get(command) => command.run(session),
            Self::Add(command) => command.run(session),
            Self::Remove(command) => command.run(session),
        }
    }
}
