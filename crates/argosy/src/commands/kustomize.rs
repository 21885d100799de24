//! `argosy kustomize`.

mod build;
mod edit;
pub(crate) mod remote;

use crate::session::Session;
use argosy_cli::Failure;
use clap::Subcommand;

/// Kustomizations, built and edited by Argosy's own engine.
#[derive(Subcommand)]
pub enum KustomizeCommand {
    /// Builds a kustomization, as `kustomize build` does
    Build(Box<build::BuildCommand>),
    /// Changes the kustomization of the current folder, as `kustomize edit` does
    #[command(after_help = "Examples:
  argosy kustomize edit add resource deployment.yaml
  argosy kustomize edit set image web=registry.example.com/web:2
  argosy kustomize edit fix")]
    Edit(Box<edit::EditCommand>),
}

impl KustomizeCommand {
    /// Runs it.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        match self {
            Self::Build(command) => command.run(session),
            Self::Edit(command) => command.run(session),
        }
    }
}

/// Compat: `kustomize` ends with 1, whatever failed.
fn ended(failure: Failure) -> Failure {
    failure.code(1)
}
