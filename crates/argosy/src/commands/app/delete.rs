//! `argosy app delete`.

use super::SomeApps;
use crate::session::Session;
use argosy_cli::Failure;
use argosy_cli::hub::DeleteRequest;
use clap::{ArgAction, Args};
use std::time::Duration;

/// Deletes applications, with their resources unless told otherwise.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app delete guestbook --yes --wait
  argosy app delete guestbook --cascade=false --yes")]
pub struct DeleteCommand {
    #[command(flatten)]
    apps: SomeApps,
    /// Delete the application's resources too
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_name = "BOOL")]
    cascade: bool,
    /// How resources are deleted: foreground or background
    #[arg(short, long, default_value = "foreground", value_parser = ["foreground", "background"])]
    propagation_policy: String,
    /// Wait until it is gone
    #[arg(long)]
    wait: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
}

impl DeleteCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let request = DeleteRequest {
            cascade: self.cascade,
            background: self.propagation_policy == "background",
            wait: self.wait.then_some(Duration::ZERO),
        };
        session.block_on(async {
            let hub = session.connect()?.hub;
            for app in self.apps.find(&hub).await? {
                let name = app.name();
                let what = if self.cascade {
                    " and all its resources"
                } else {
                    ""
                };
                let question = format!("Are you sure you want to delete '{name}'{what}?");
                session.confirm(&question, self.yes)?;
                hub.delete_app(&app, request).await?;
                session.print(&format!("application '{name}' deleted\n"))?;
            }
            Ok(0)
        })
    }
}
