//! `argosy helm pull`: charts fetched as archives or unpacked.

use super::charts::{ChartFlags, Provenance};
use super::flags::Context;
use super::repositories::write;
use super::{HelmFailure, Outcome};
use argosy_helm::{load_archive, unpack_archive};
use clap::Args;
use std::path::{Component, Path, PathBuf};

/// Fetches charts, as `helm pull` does.
#[derive(Args)]
#[command(after_help = "Examples:
  argosy helm pull stable/web --version '^1'
  argosy helm pull oci://registry.example.com/charts/web --version 1.2.3 --untar")]
pub struct PullCommand {
    /// URLs, `oci://` references or REPOSITORY/CHART
    #[arg(required = true, value_name = "CHART")]
    charts: Vec<String>,
    #[command(flatten)]
    source: ChartFlags,
    /// Folder to write into
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    destination: PathBuf,
    /// Unpack the chart
    #[arg(long)]
    untar: bool,
    /// Folder to unpack into, seen from the destination
    #[arg(long, value_name = "DIR", default_value = ".")]
    untardir: PathBuf,
    /// Fetch the provenance file too, and do not check it
    #[arg(long)]
    prov: bool,
}

impl PullCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        for chart in &self.charts {
            self.one(chart.trim(), context)?;
        }
        Ok(())
    }

    fn one(&self, chart: &str, context: &Context<'_>) -> Outcome {
        let wants = if self.prov || self.source.verify {
            Provenance::Fetched
        } else {
            Provenance::Left
        };
        let fetched = self.source.fetch(chart, wants, context)?;
        let verified = match self.source.verify {
            true => Some(self.source.check(&fetched, context)?),
            false => None,
        };
        if self.untar {
            self.unpack(chart, &fetched.data)?;
        } else {
            let path = self.destination.join(&fetched.name);
            if !self.destination.is_dir() {
                let shown = self.destination.display();
                return Err(format!("open {}: {shown} is no folder", path.display()).into());
            }
            write(&path, &fetched.data, 0o644)?;
            match &fetched.provenance {
                Some(signed) => {
                    let path = self.destination.join(format!("{}.prov", fetched.name));
                    write(&path, signed, 0o644)?;
                }
                None if wants == Provenance::Fetched => context.print(&format!(
                    "WARNING: Verification not found for {chart}: there is no {}\n",
                    fetched.provenance_url
                ))?,
                None => {}
            }
        }
        verified.map_or(Ok(()), |verified| context.print(&verified.to_string()))
    }

    /// Compat: the folder is named as the reference is, while what is unpacked is named as the
    /// chart names itself.
    fn unpack(&self, chart: &str, data: &[u8]) -> Outcome {
        let into = self.destination.join(&self.untardir);
        let last = chart.rsplit('/').next().unwrap_or_default();
        let last = last.split([':', '@']).next().unwrap_or_default();
        // Compat: shown as Go joins it.
        let parts = into.components().filter(|part| *part != Component::CurDir);
        let taken = parts.collect::<PathBuf>().join(last);
        if taken.exists() {
            return Err(format!(
                "failed to untar: a file or directory with the name {} already exists",
                taken.display()
            )
            .into());
        }
        let name = load_archive(data)?.metadata.name;
        if name.contains('/') || matches!(name.as_str(), "" | "." | "..") {
            return Err(format!("chart name {name:?} is no folder's").into());
        }
        let folder = into.join(name);
        for file in unpack_archive(data)? {
            write_inside(&folder, &file.name, &file.data)?;
        }
        Ok(())
    }
}

/// Writes a file below a folder; names of an archive never lead out of it, and nothing that is
/// there already is followed.
fn write_inside(folder: &Path, name: &str, data: &[u8]) -> Outcome {
    let mut path = folder.to_owned();
    for part in name.split('/') {
        if matches!(part, "" | "." | "..") {
            return Err(HelmFailure(format!(
                "chart illegally names a file {name:?}"
            )));
        }
        if path.is_symlink() {
            return Err(HelmFailure(format!(
                "{} is a symbolic link",
                path.display()
            )));
        }
        path.push(part);
    }
    write(&path, data, 0o644)
}
