//! `argosy cluster list`.

use super::probe::probe;
use crate::session::Session;
use argosy_cli::view::cluster::Probe;
use argosy_cli::{Failure, Format, view};
use clap::Args;
use futures_util::StreamExt as _;

/// Clusters that are looked at together.
const TOGETHER: usize = 32;

/// All clusters.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy cluster list
  argosy cluster list --no-check -o wide")]
pub struct ListCommand {
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
    /// Look at no cluster: VERSION stays empty, STATUS Unknown
    #[arg(long)]
    no_check: bool,
}

impl ListCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let clusters = session.block_on(async {
            let connected = session.connect()?;
            let secrets = connected.hub.clusters().await?;
            let looks = secrets.into_iter().map(|secret| async {
                let seen = if self.no_check {
                    Probe::unknown()
                } else {
                    probe(&connected, &secret).await
                };
                (secret, seen)
            });
            Ok(futures_util::stream::iter(looks)
                .buffered(TOGETHER)
                .collect::<Vec<_>>()
                .await)
        })?;
        session.print_list(&view::cluster::list(&clusters), self.output)?;
        Ok(0)
    }
}
