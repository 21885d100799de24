//! `argosy cluster get`.

use super::probe::probe;
use crate::session::Session;
use argosy_cli::{Failure, Format, to_pretty_json, view};
use argosy_crds::ClusterSecret;
use clap::Args;

/// One cluster.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy cluster get sim-1
  argosy cluster get sim-1 -o json")]
pub struct GetCommand {
    /// Its name or server
    name: String,
    /// Output format: yaml, json, wide or name
    #[arg(short, long, default_value = "yaml")]
    output: Format,
}

impl GetCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let (secret, probe) = session.block_on(async {
            let connected = session.connect()?;
            let secret = connected.hub.cluster(&self.name).await?;
            let probe = probe(&connected, &secret).await;
            Ok((secret, probe))
        })?;
        let view = ClusterSecret::of(&secret).map_err(|error| Failure::from_error(&error))?;
        let value = view::cluster::object(&view, &probe);
        session.print(&match self.output {
            Format::Json => to_pretty_json(&value),
            Format::Yaml => argosy_yaml::to_string(&value),
            Format::Name => format!("{}\n", view.server),
            Format::Table | Format::Wide => {
                view::cluster::list(&[(secret, probe)]).render(self.output, &session.terminal)
            }
        })?;
        Ok(0)
    }
}
