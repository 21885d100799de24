//! `argosy app manifests`.

use super::OneApp;
use crate::pipeline::{self, Overrides};
use crate::session::Session;
use argosy_cli::{Failure, to_yaml_document, view};
use clap::Args;
use std::path::PathBuf;

/// The manifests that Git holds, or the live ones.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy app manifests guestbook
  argosy app manifests guestbook --source live
  argosy app manifests guestbook --revision v1.2.0")]
pub struct ManifestsCommand {
    #[command(flatten)]
    app: OneApp,
    /// git, or live
    #[arg(long, default_value = "git", value_parser = ["git", "live"])]
    source: String,
    /// Another revision than the target
    #[arg(long)]
    revision: Option<String>,
    /// A folder of this machine instead of the repository's path
    #[arg(long, value_name = "DIR", conflicts_with = "revision")]
    local: Option<PathBuf>,
}

impl ManifestsCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        let is_live = self.source == "live";
        let overrides = Overrides {
            revision: self.revision,
            local: self.local,
        };
        let compared = session.block_on(async {
            let connected = session.connect()?;
            let app = self.app.find(&connected.hub).await?;
            pipeline::compare(session, &connected, &app, &overrides).await
        })?;
        for row in compared.comparison.rows {
            let object = if is_live {
                row.live
            } else {
                row.desired.map(|desired| desired.object)
            };
            if let Some(object) = object {
                session.print(&to_yaml_document(&view::without_managed_fields(&object)))?;
            }
        }
        Ok(0)
    }
}
