//! `argosy app refresh`.

use super::SomeApps;
use crate::session::{Session, parse_duration};
use argosy_cli::{Failure, view};
use clap::Args;
use std::time::Duration;

/// Compares with Git again.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app refresh guestbook
  argosy app refresh -l team=shop --hard")]
pub struct RefreshCommand {
    #[command(flatten)]
    apps: SomeApps,
    /// Render anew, whatever is cached
    #[arg(long)]
    hard: bool,
    /// Give up after this time: seconds, or 30s, 5m
    #[arg(long, value_name = "TIME", default_value = "120", value_parser = parse_duration)]
    timeout: Duration,
}

impl RefreshCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        session.block_on(async {
            let hub = session.connect()?.hub;
            for app in self.apps.find(&hub).await? {
                let app = hub.refresh_app(&app, self.hard, self.timeout).await?;
                session.print(&format!(
                    "application '{}' refreshed: {}, {}\n",
                    app.name(),
                    view::app::sync_word(&app),
                    view::app::health_word(&app)
                ))?;
            }
            Ok(0)
        })
    }
}
