//! `argosy helm package`: archives of charts.

use super::access::AccessFlags;
use super::charts::load_dir;
use super::flags::{Context, ValueFlags, read_file};
use super::update::Updater;
use super::{HelmFailure, Outcome, io_text};
use argosy_helm::{Chart, pack};
use argosy_semver::Version;
use clap::Args;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Longest file of a passphrase.
const MAX_PASSPHRASE: u64 = 64 << 10;

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
    /// Sign it, and write a provenance file beside it
    #[arg(long)]
    sign: bool,
    /// Name of the key to sign with, or a part of it
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// File with the key's passphrase, `-` for standard input
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
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
        if self.sign && self.key.as_deref().unwrap_or_default().is_empty() {
            return Err("--key is required for signing a package".into());
        }
        self.values.merge()?;
        let passphrase = match self.passphrase_file.as_deref().filter(|_| self.sign) {
            Some(file) => Some(passphrase(file)?),
            None => None,
        };
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
            if let Some(key) = self.key.as_deref().filter(|_| self.sign) {
                let keyring = self.access.keyring(context);
                let passphrase = passphrase.as_deref();
                super::provenance::sign(&path, &chart.metadata, (key, &keyring), passphrase)?;
            }
            let shown = path.display();
            context.print(&format!(
                "Successfully packaged chart and saved it to: {shown}\n"
            ))?;
        }
        Ok(())
    }
}

/// The first line of a file, or of standard input.
fn passphrase(file: &Path) -> Result<Vec<u8>, HelmFailure> {
    let data = if file == Path::new("-") {
        let mut data = Vec::new();
        std::io::stdin()
            .lock()
            .take(MAX_PASSPHRASE)
            .read_to_end(&mut data)?;
        data
    } else {
        read_file(file, MAX_PASSPHRASE)?
    };
    let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
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
