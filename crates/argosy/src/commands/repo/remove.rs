//! `argosy repo remove`.

use crate::session::Session;
use argosy_cli::Failure;
use clap::Args;

/// Removes repositories.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy repo remove https://git.example.com/guestbook.git")]
pub struct RemoveCommand {
    /// Their URLs
    #[arg(required = true)]
    urls: Vec<String>,
    /// Only the one of this project
    #[arg(long, default_value = "")]
    project: String,
}

impl RemoveCommand {
    pub(super) fn run(self, session: &Session) -> Result<u8, Failure> {
        session.block_on(async {
            let hub = session.connect()?.hub;
            for url in &self.urls {
                let secret = hub.repository(url, &self.project).await?;
                hub.remove_secret(&secret, &format!("cannot remove repository `{url}`"))
                    .await?;
                session.print(&format!("Repository '{url}' removed\n"))?;
            }
            Ok(0)
        })
    }
}
