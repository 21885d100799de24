//! `argosy bench`: what Argosy costs on this machine.

mod board;
mod down;
mod fleet;
mod ground;
mod kubelet;
mod phases;
mod repository;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Measures Argosy on this machine.
#[derive(Subcommand)]
pub enum BenchCommand {
    /// A fleet from nothing to Synced and Healthy, at rest, and through changes
    Fleet(fleet::FleetCommand),
    /// Plays the kubelet of a real cluster, in a process of its own
    #[command(hide = true)]
    Kubelet(kubelet::KubeletCommand),
}

impl BenchCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::Fleet(command) => command.run(session),
            Self::Kubelet(command) => command.run(session),
        }
    }
}
