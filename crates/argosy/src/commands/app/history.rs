//! `argosy app history`.

use super::OneApp;
use crate::session::Session;
use argosy_cli::{Failure, to_pretty_json, view};
use argosy_object::Value;
use clap::Args;

/// Revisions that were deployed.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app history guestbook
  argosy app history guestbook -o id")]
pub struct HistoryCommand {
    #[command(flatten)]
    app: OneApp,
    /// Output format: wide, id (or name), json or yaml
    #[arg(short, long, default_value = "wide", value_parser = ["wide", "table", "id", "name", "json", "yaml"])]
    output: String,
}

impl HistoryCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let app = session.block_on(async {
            let hub = session.connect()?.hub;
            self.app.find(&hub).await
        })?;
        let history = app.pointer("/status/history").cloned();
        let history = history.unwrap_or_else(|| Value::Array(Vec::new()));
        session.print(&match self.output.as_str() {
            "json" => to_pretty_json(&history),
            "yaml" => argosy_yaml::to_string(&history),
            "id" | "name" => {
                let entries = history.as_array().into_iter().flatten();
                let ids = entries.filter_map(|entry| entry.get("id")?.as_i64());
                ids.flat_map(|id| [id.to_string(), "\n".to_owned()])
                    .collect()
            }
            _ => view::app::history(&app, &session.terminal),
        })?;
        Ok(0)
    }
}
