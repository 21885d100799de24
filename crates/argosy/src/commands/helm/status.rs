//! `argosy helm status`: a release and its objects.

use super::Outcome;
use super::flags::Context;
use super::kube::{block_on, connect};
use super::operate::{Format, arguments};
use super::view::{Shown, release_json, release_text, release_yaml};
use argosy_object::Value as Json;
use clap::Args;

/// Shows a release and its objects, as `helm status` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm status web -n shop
  argosy helm status web --revision 2 -o json")]
pub struct StatusCommand {
    /// Release
    #[arg(value_name = "RELEASE", num_args = 0..)]
    args: Vec<String>,
    /// Revision; 0 is the last
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    revision: i64,
    /// Format of the answer: table, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: String,
}

impl StatusCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let [name] = self.args.as_slice() else {
            return arguments("status", "1 argument", "RELEASE_NAME [flags]");
        };
        let format = Format::parse(&self.output)?;
        let (mut release, resources) = block_on(context, async {
            let releases = connect(context)?.releases;
            let release = releases.get(name, self.revision).await?;
            let as_tables = format == Format::Table;
            let resources = releases.resources(&release, as_tables).await?;
            Ok((release, resources))
        })?;
        // Compat: the chart is left out.
        release.chart = Json::Null;
        context.print(&match format {
            Format::Table => release_text(&release, Some(&resources), Shown::default())?,
            Format::Json => release_json(&release, Some(&resources)),
            Format::Yaml => release_yaml(&release, Some(&resources))?,
        })
    }
}
