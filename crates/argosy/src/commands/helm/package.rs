//! `argosy helm package`: archives of charts.

use super::access::AccessFlags;
use super::charts::load_dir;
use super::flags::{Context, ValueFlags};
use super::update::Updater;
use super::{HelmFailure, Outcome, io_text};
use argosy_helm::{Chart, pack};
use argosy_semver::Version;
use clap::Args;
use std::path::{Path, PathBuf};

/// Packs charts into archives, as `helm package` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm package ./chart
  argosy helm package ./chart --version 1.2.3 -d ./packed")]
pub struct PackageCommand {
    /// Folders of charts
    #[arg(value_name = "CHART", num_args = 0..)]
    charts: Vec<PathBuf>,
    /// Folder to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    destination: PathBuf,
    /// The archive's version instead of the chart's
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// The archive's appVersion instead of the chart's
    #[arg(long, value_name = "VERSION")]
    app_version: Option<String>,
    /// Fetch dependencies first
    #[arg(short = 'u', long)]
    dependency_update: bool,
    #[command(flatten)]
    access: AccessFlags,
    /// Taken for compatibility: helm reads values here and does nothing with them.
    #[command(flatten)]
    values: ValueFlags,
}

impl PackageCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        if self.charts.is_empty() {
            return Err("need at least one argument, the path to the chart".into());
        }
        self.values.merge()?;
        for folder in &self.charts {
            let shown = folder.to_string_lossy();
            std::fs::metadata(folder).map_err(|error| io_text("stat", &shown, &error))?;
            if self.dependency_update {
                let mut updater = Updater::new(folder, &self.access, context);
                updater.is_quiet = true;
                updater.update()?;
            }
            let mut chart = load_dir(folder)?;
            if let Some(version) = self.version.as_ref().filter(|text| !text.is_empty()) {
                chart.metadata.version.clone_from(version);
            }
            Version::parse(&chart.metadata.version)?;
            if let Some(version) = self.app_version.as_ref().filter(|text| !text.is_empty()) {
                chart.metadata.app_version.clone_from(version);
            }
            let missing = chart.missing_dependencies();
            if !missing.is_empty() {
                let missing = missing.join(", ");
                return Err(format!(
                    "found in Chart.yaml, but missing in charts/ directory: {missing}"
                )
                .into());
            }
            let path = save(&chart, &self.destination)?;
            let shown = path.display();
            context.print(&format!(
                "Successfully packaged chart and saved it to: {shown}\n"
            ))?;
        }
        Ok(())
    }
}

/// Packs a chart into a file of a folder, and tells which.
pub(super) fn save(chart: &Chart, dir: &Path) -> Result<PathBuf, HelmFailure> {
    let seconds = jiff::Timestamp::now().as_second().max(0).unsigned_abs();
    let data = pack(chart, seconds)?;
    let failed =
        |path: &Path, error: &std::io::Error| io_text("open", &path.to_string_lossy(), error);
    std::fs::create_dir_all(dir).map_err(|error| failed(dir, &error))?;
    let name = format!("{}-{}.tgz", chart.name(), chart.metadata.version);
    if name.contains('/') {
        return Err(format!(
            "chart.metadata.version {:?} is invalid",
            chart.metadata.version
        )
        .into());
    }
    // Compat: the working folder is told in full, other folders as they were given.
    let dir = if dir == Path::new(".") {
        std::env::current_dir().unwrap_or_else(|_| dir.to_owned())
    } else {
        dir.to_owned()
    };
    let path = dir.join(name);
    std::fs::write(&path, data).map_err(|error| failed(&path, &error))?;
    Ok(path)
}
