//! `argosy version`.

use crate::session::Session;
use argosy_cli::{Failure, Format, to_pretty_json};
use argosy_object::json;
use clap::Args;

/// The version of this program.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy version
  argosy version --short
  argosy version -o json")]
pub struct VersionCommand {
    /// Output format: text, json or yaml
    #[arg(short, long, default_value = "")]
    output: Format,
    /// Only the number
    #[arg(long)]
    short: bool,
}

impl VersionCommand {
    /// Prints it, without looking at anything else.
    pub fn run(self, session: &Session) -> Result<u8, Failure> {
        let version = env!("CARGO_PKG_VERSION");
        let value = json!({
            "version": format!("v{version}"),
            "platform": format!("{}/{}", std::env::consts::OS, std::env::consts::ARCH),
        });
        session.print(&match self.output {
            Format::Json => to_pretty_json(&value),
            Format::Yaml => argosy_yaml::to_string(&value),
            _ if self.short => format!("v{version}\n"),
            _ => format!(
                "argosy: v{version}\n  Platform: {}/{}\n",
                std::env::consts::OS,
                std::env::consts::ARCH
            ),
        })?;
        Ok(0)
    }
}
