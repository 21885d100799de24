//! `argosy helm list`: the releases of a namespace.

use super::Outcome;
use super::flags::Context;
use super::kube::{block_on, connect};
use super::operate::Format;
use super::uitable::UiTable;
use argosy_helm::release::{NameFilter, Release};
use argosy_kubeapi::LabelSelector;
use argosy_object::{Value as Json, json};
use argosy_release::{ListFilter, States};
use clap::Args;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Lists releases, as `helm list` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm list -A
  argosy helm list --failed -o json")]
pub struct ListCommand {
    /// Only names
    #[arg(short = 'q', long)]
    short: bool,
    /// No head
    #[arg(long)]
    no_headers: bool,
    /// Go layout of times
    #[arg(
        long,
        value_name = "LAYOUT",
        default_value = "",
        hide_default_value = true
    )]
    time_format: String,
    /// The newest first
    #[arg(short = 'd', long)]
    date: bool,
    /// In reverse
    #[arg(short, long)]
    reverse: bool,
    /// Uninstalled releases
    #[arg(long)]
    uninstalled: bool,
    /// Superseded revisions
    #[arg(long)]
    superseded: bool,
    /// Releases that are being uninstalled
    #[arg(long)]
    uninstalling: bool,
    /// Deployed releases
    #[arg(long)]
    deployed: bool,
    /// Failed releases
    #[arg(long)]
    failed: bool,
    /// Releases with an operation under way
    #[arg(long)]
    pending: bool,
    /// Of all namespaces
    #[arg(short = 'A', long)]
    all_namespaces: bool,
    /// Most releases to list; 0 is no limit
    #[arg(short, long, value_name = "NUMBER", default_value_t = 256)]
    max: usize,
    /// How many to pass over
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    offset: usize,
    /// Regular expression of names
    #[arg(
        short,
        long,
        value_name = "EXPRESSION",
        default_value = "",
        hide_default_value = true
    )]
    filter: String,
    /// Label selector of records
    #[arg(
        short = 'l',
        long,
        value_name = "SELECTOR",
        default_value = "",
        hide_default_value = true
    )]
    selector: String,
    /// Format of the answer: table, json or yaml
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    output: String,
}

impl ListCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let format = Format::parse(&self.output)?;
        let name = NameFilter::parse(&self.filter)?;
        let selector = LabelSelector::parse(&self.selector).map_err(|error| error.message)?;
        let fits = |labels: &BTreeMap<String, String>| {
            selector.matches(&json!({"metadata": {"labels": labels}}))
        };
        let filter = ListFilter {
            states: self.states(),
            everywhere: self.all_namespaces,
            name: &|text| name.matches(text),
            labels: &fits,
        };
        let found = block_on(context, async {
            let connected = connect(context)?;
            Ok(connected.releases.list(&filter).await?)
        })?;
        let releases = self.sorted(found);
        context.print(&self.text(&releases, format))
    }

    fn states(&self) -> States {
        States {
            deployed: self.deployed,
            uninstalled: self.uninstalled,
            uninstalling: self.uninstalling,
            pending: self.pending,
            failed: self.failed,
            superseded: self.superseded,
        }
    }

    /// Compat: by date the oldest come first.
    fn sorted(&self, mut releases: Vec<Release>) -> Vec<Release> {
        let date = |release: &Release| release.info.last_deployed.map(|at| at.timestamp());
        match (self.date, self.reverse) {
            (true, false) => releases.sort_by_key(date),
            (true, true) => releases.sort_by_key(|release| Reverse(date(release))),
            (false, true) => releases.reverse(),
            (false, false) => {}
        }
        let most = if self.max == 0 { usize::MAX } else { self.max };
        let kept = releases.into_iter().skip(self.offset).take(most);
        kept.collect()
    }

    fn text(&self, releases: &[Release], format: Format) -> String {
        if self.short {
            let names: Vec<&str> = releases.iter().map(|release| &*release.name).collect();
            return match format {
                Format::Table => names.iter().map(|name| format!("{name}\n")).collect(),
                Format::Json => argosy_yaml::write_json_go(&json!(names)) + "\n",
                Format::Yaml => argosy_yaml::to_string(&json!(names)),
            };
        }
        let rows = releases.iter().map(|release| self.cells(release));
        match format {
            Format::Table => {
                let mut table = UiTable::default();
                if !self.no_headers {
                    table.row(HEAD);
                }
                rows.for_each(|cells| table.row(cells));
                table.render()
            }
            Format::Json => {
                let rows: Vec<String> = rows.map(|cells| in_order(&cells)).collect();
                format!("[{}]\n", rows.join(","))
            }
            Format::Yaml => {
                let rows = rows.map(|cells| -> Json {
                    let pairs = FIELDS.iter().zip(cells);
                    Json::Object(
                        pairs
                            .map(|(field, cell)| ((*field).to_owned(), cell.into()))
                            .collect(),
                    )
                });
                argosy_yaml::to_string(&rows.collect())
            }
        }
    }

    fn cells(&self, release: &Release) -> [String; 7] {
        let updated = match release.info.last_deployed {
            None => "-".to_owned(),
            Some(at) if self.time_format.is_empty() => at.display(),
            Some(at) => at.format(&self.time_format),
        };
        [
            release.name.clone(),
            release.namespace.clone(),
            release.version.to_string(),
            updated,
            release.info.status.as_str().to_owned(),
            release.chart_name(),
            release.app_version().to_owned(),
        ]
    }
}

const HEAD: [&str; 7] = [
    "NAME",
    "NAMESPACE",
    "REVISION",
    "UPDATED",
    "STATUS",
    "CHART",
    "APP VERSION",
];
const FIELDS: [&str; 7] = [
    "name",
    "namespace",
    "revision",
    "updated",
    "status",
    "chart",
    "app_version",
];

/// The fields in the order of helm's struct.
fn in_order(cells: &[String; 7]) -> String {
    let pairs = FIELDS.iter().zip(cells);
    let pairs: Vec<String> = pairs
        .map(|(field, cell)| {
            let cell = argosy_yaml::write_json_go(&cell.as_str().into());
            format!("\"{field}\":{cell}")
        })
        .collect();
    format!("{{{}}}", pairs.join(","))
}
