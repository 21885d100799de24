//! `argosy helm show`: what a chart says of itself.

use super::Outcome;
use super::charts::ChartFlags;
use super::flags::Context;
use argosy_helm::ShowPart;
use clap::{Args, Subcommand};

/// Shows what a chart says of itself, as `helm show` does.
#[derive(Subcommand)]
pub enum ShowCommand {
    /// All of it
    All(ShowArgs),
    /// Chart.yaml
    Chart(ShowArgs),
    /// values.yaml
    Values(ShowArgs),
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

impl ShowCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        let (part, args) = match self {
            Self::All(args) => (ShowPart::All, args),
            Self::Chart(args) => (ShowPart::Chart, args),
            Self::Values(args) => (ShowPart::Values, args),
            Self::Readme(args) => (ShowPart::Readme, args),
            Self::Crds(args) => (ShowPart::Crds, args),
        };
        let located = args.source.locate(&args.chart, context)?;
        context.print(&located.chart.show(part))
    }
}
