//! `argosy repo list`.

use crate::session::Session;
use crate::sources::FleetSources;
use argosy_cli::{Failure, Format, view};
use argosy_crds::RepositorySecret;
use argosy_object::Object;
use argosy_ports::Sources as _;
use clap::Args;

/// All repositories.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy repo list
  argosy repo list --no-check -o json")]
pub struct ListCommand {
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
    /// Look at no repository: STATUS stays Unknown
    #[arg(long)]
    no_check: bool,
}

impl ListCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let repositories = session.block_on(async {
            let hub = session.connect()?.hub;
            let secrets = hub.repositories().await?;
            let sources = session.sources(&hub).await?;
            let mut looked_at = Vec::new();
            for secret in secrets {
                let probe = if self.no_check {
                    None
                } else {
                    probe(&sources, &secret).await
                };
                looked_at.push((secret, probe));
            }
            Ok(looked_at)
        })?;
        session.print_list(&view::repo::list(&repositories), self.output)?;
        Ok(0)
    }
}

async fn probe(sources: &FleetSources, secret: &Object) -> view::repo::Probe {
    let view = RepositorySecret::of(secret).ok()?;
    let repo = sources.repo(&view.url, &view.project);
    Some(
        sources
            .probe(&repo, view.kind != "git")
            .await
            .map_err(|error| error.to_string()),
    )
}
