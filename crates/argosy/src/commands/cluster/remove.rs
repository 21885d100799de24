//! `argosy cluster remove`.

use crate::session::Session;
use argosy_cli::Failure;
use clap::Args;

/// Removes clusters; what runs in them is left alone.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy cluster remove sim-1 --yes")]
pub struct RemoveCommand {
    /// Names or servers
    #[arg(required = true)]
    names: Vec<String>,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl RemoveCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        session.block_on(async {
            let hub = session.connect()?.hub;
            for name in &self.names {
                let secret = hub.cluster(name).await?;
                let question = format!("Remove cluster `{name}`? Its Applications stop working.");
                session.confirm(&question, self.yes)?;
                hub.remove_secret(&secret, &format!("cannot remove cluster `{name}`"))
                    .await?;
                session.print(&format!("Cluster '{name}' removed\n"))?;
            }
            Ok(0)
        })
    }
}
