//! `argosy appset get`.

use crate::session::Session;
use argosy_cli::{Failure, Format, hub, to_pretty_json, view};
use clap::Args;

/// One ApplicationSet.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy appset get services
  argosy appset get services -o yaml")]
pub struct GetCommand {
    /// Its name, or NAMESPACE/NAME
    name: String,
    /// Its namespace
    #[arg(short = 'N', long, value_name = "NAME")]
    appset_namespace: Option<String>,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl GetCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let set = session.block_on(async {
            let hub = session.connect()?.hub;
            let (namespace, name) = hub.place(&self.name, self.appset_namespace.as_deref());
            hub.get(&hub::application_sets(), &namespace, &name).await
        })?;
        session.print(&match self.output {
            Format::Json => to_pretty_json(&view::without_managed_fields(&set)),
            Format::Yaml => argosy_yaml::to_string(&view::without_managed_fields(&set)),
            Format::Name => format!("{}\n", view::qualified(&set)),
            _ => view::appset::summary(&set, &session.terminal),
        })?;
        Ok(0)
    }
}
