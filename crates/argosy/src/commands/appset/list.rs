//! `argosy appset list`.

use crate::session::Session;
use argosy_cli::{Failure, Format, hub, view};
use clap::Args;

/// All ApplicationSets.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy appset list
  argosy appset list -o yaml")]
pub struct ListCommand {
    /// Only this namespace
    #[arg(short = 'N', long, value_name = "NAME")]
    appset_namespace: Option<String>,
    /// Only this project (repeatable)
    #[arg(short, long, value_name = "NAME")]
    project: Vec<String>,
    /// Label selector
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl ListCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let mut sets = session.block_on(async {
            let hub = session.connect()?.hub;
            let namespace = self.appset_namespace.as_deref();
            hub.list(
                &hub::application_sets(),
                namespace,
                self.selector.as_deref(),
            )
            .await
        })?;
        sets.retain(|set| {
            let project = set.pointer("/spec/template/spec/project");
            self.project.is_empty()
                || project.is_some_and(|p| self.project.iter().any(|wanted| p == wanted.as_str()))
        });
        session.print_list(&view::appset::list(&sets), self.output)?;
        Ok(0)
    }
}
