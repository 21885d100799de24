//! `argosy kustomize`.

mod build;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Kustomizations, built by Argosy's own engine.
#[derive(Subcommand)]
pub enum KustomizeCommand {
    /// Builds a kustomization, as `kustomize build` does
    Build(build::BuildCommand),
}

impl KustomizeCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::Build(command) => command.run(session),
        }
    }
}
