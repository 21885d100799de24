//! `argosy helm history`: the revisions of a release.

use super::Outcome;
use super::flags::Context;
use super::kube::{block_on, connect};
use super::operate::{Format, arguments};
use super::uitable::UiTable;
use argosy_helm::release::Release;
use argosy_object::Value as Json;
use clap::Args;

/// Lists the revisions of a release, as `helm history` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm history web -n shop")]
pub struct HistoryCommand {
    /// Release
    #[arg(value_name = "RELEASE", num_args = 0..)]
    args: Vec<String>,
    /// Most revisions to list
    #[arg(long, value_name = "NUMBER", default_value_t = 256)]
    max: usize,
    /// Format of the answer: table, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: String,
}

impl HistoryCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let [name] = self.args.as_slice() else {
            return arguments("history", "1 argument", "RELEASE_NAME [flags]");
        };
        let format = Format::parse(&self.output)?;
        let releases = block_on(context, async {
            let connected = connect(context)?;
            Ok(connected.releases.history(name, self.max).await?)
        })?;
        context.print(&text(&releases, format)?)
    }
}

fn text(releases: &[Release], format: Format) -> Result<String, String> {
    if format == Format::Table {
        let mut table = UiTable::default();
        table.row([
            "REVISION",
            "UPDATED",
            "STATUS",
            "CHART",
            "APP VERSION",
            "DESCRIPTION",
        ]);
        for release in releases {
            let never = || "Mon Jan  1 00:00:00 0001".to_owned();
            table.row([
                release.version.to_string(),
                release
                    .info
                    .last_deployed
                    .map_or_else(never, |at| at.ansic()),
                release.info.status.as_str().to_owned(),
                release.chart_name(),
                release.app_version().to_owned(),
                release.info.description.clone(),
            ]);
        }
        return Ok(table.render());
    }
    let rows: Vec<String> = releases.iter().map(row).collect();
    let json = format!("[{}]", rows.join(","));
    match format {
        Format::Yaml => {
            let value: Json = json.parse().map_err(|error| format!("{error}"))?;
            Ok(argosy_yaml::to_string(&value))
        }
        _ => Ok(json + "\n"),
    }
}

/// The fields in the order of helm's struct.
fn row(release: &Release) -> String {
    let text = |text: &str| argosy_yaml::write_json_go(&text.into());
    let updated = release.info.last_deployed;
    let updated = updated.map(|at| format!(",\"updated\":{}", text(&at.to_string())));
    format!(
        "{{\"revision\":{}{},\"status\":{},\"chart\":{},\"app_version\":{},\"description\":{}}}",
        release.version,
        updated.unwrap_or_default(),
        text(release.info.status.as_str()),
        text(&release.chart_name()),
        text(release.app_version()),
        text(&release.info.description)
    )
}
