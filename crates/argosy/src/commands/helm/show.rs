//! `argosy helm show`: what a chart says of itself.

use super::Outcome;
use super::charts::ChartFlags;
use super::flags::Context;
use argosy_helm::ShowPart;
use argosy_object::Value as Json;
use argosy_schema::JsonPath;
use clap::{Args, Subcommand};

/// Shows what a chart says of itself, as `helm show` does.
#[derive(Subcommand)]
pub enum ShowCommand {
    /// All of it
    All(ShowArgs),
    /// Chart.yaml
    Chart(ShowArgs),
    /// values.yaml
    Values(ValuesArgs),
    /// README.md
    Readme(ShowArgs),
    /// The files of crds/
    Crds(ShowArgs),
}

/// Which chart.
#[derive(Args)]
pub struct ShowArgs {
    /// A folder, an archive, a URL or REPOSITORY/CHART
    chart: String,
    #[command(flatten)]
    source: ChartFlags,
}

/// Which chart, and which of its values.
#[derive(Args)]
pub struct ValuesArgs {
    #[command(flatten)]
    show: ShowArgs,
    /// JSONPath of what is shown, such as `{.image.tag}`
    #[arg(
        long,
        value_name = "PATH",
        default_value = "",
        hide_default_value = true
    )]
    jsonpath: String,
}

impl ValuesArgs {
    /// Compat: nothing is shown of a path that is not there.
    fn run(&self, context: &Context<'_>) -> Outcome {
        let located = self.show.source.locate(&self.show.chart, context)?;
        if self.jsonpath.is_empty() {
            return context.print(&located.chart.show(ShowPart::Values));
        }
        let path = JsonPath::parse(&self.jsonpath)
            .map_err(|error| format!("error parsing jsonpath {}: {error}", self.jsonpath))?;
        let values = Json::Object(located.chart.values);
        context.print(&path.render(&values).unwrap_or_default())
    }
}

impl ShowCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let (part, args) = match self {
            Self::All(args) => (ShowPart::All, args),
            Self::Chart(args) => (ShowPart::Chart, args),
            Self::Values(args) => return args.run(context),
            Self::Readme(args) => (ShowPart::Readme, args),
            Self::Crds(args) => (ShowPart::Crds, args),
        };
        let located = args.source.locate(&args.chart, context)?;
        context.print(&located.chart.show(part))
    }
}
