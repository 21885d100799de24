//! `argosy app list`.

use crate::session::Session;
use argosy_cli::hub::AppFilter;
use argosy_cli::{Failure, Format, view};
use clap::Args;

/// All applications.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app list
  argosy app list -l team=shop -o wide
  argosy app list --cluster eu-prod-1 -o name")]
pub struct ListCommand {
    /// Only this namespace
    #[arg(short = 'N', long, value_name = "NAME")]
    app_namespace: Option<String>,
    /// Only this project (repeatable)
    #[arg(short, long, value_name = "NAME")]
    project: Vec<String>,
    /// Label selector
    #[arg(short = 'l', long)]
    selector: Option<String>,
    /// Only with this repository's URL
    #[arg(short, long, default_value = "")]
    repo: String,
    /// Only with this destination: a name or a server
    #[arg(short, long, default_value = "")]
    cluster: String,
    /// Only with this path
    #[arg(short = 'P', long, default_value = "")]
    path: String,
    /// Output format: table, wide, json, yaml or name
    #[arg(short, long, default_value = "")]
    output: Format,
}

impl ListCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let filter = AppFilter {
            namespace: self.app_namespace,
            selector: self.selector,
            projects: self.project,
            repo: self.repo,
            cluster: self.cluster,
            path: self.path,
        };
        let apps = session.block_on(async { session.connect()?.hub.apps(&filter).await })?;
        session.print_list(&view::app::list(&apps), self.output)?;
        Ok(0)
    }
}
