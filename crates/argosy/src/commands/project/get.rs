//! `argosy project get`.

use crate::session::Session;
use argosy_cli::{Failure, Format, hub, to_pretty_json, view};
use clap::Args;

/// One project.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy project get default
  argosy project get default -o yaml")]
pub struct GetCommand {
    /// Its name
    name: String,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl GetCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let project = session.block_on(async {
            let hub = session.connect()?.hub;
            hub.get(&hub::projects(), hub.namespace(), &self.name).await
        })?;
        session.print(&match self.output {
            Format::Json => to_pretty_json(&view::without_managed_fields(&project)),
            Format::Yaml => argosy_yaml::to_string(&view::without_managed_fields(&project)),
            Format::Name => format!("{}\n", project.name()),
            _ => view::project::summary(&project),
        })?;
        Ok(0)
    }
}
