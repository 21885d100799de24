//! `argosy helm dependency`: lists, updates and rebuilds what a chart depends on.

use super::Outcome;
use super::access::AccessFlags;
use super::charts::load;
use super::flags::Context;
use super::table::table;
use super::update::Updater;
use argosy_helm::{Chart, Dependency};
use argosy_semver::{Constraint, Version};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Lists and fetches what a chart depends on, as `helm dependency` does.
#[derive(Subcommand)]
pub enum DependencyCommand {
    /// What Chart.yaml asks for, and whether it is there
    #[command(visible_alias = "ls")]
    List(ListArgs),
    /// Fetches what Chart.yaml asks for, and writes Chart.lock
    #[command(visible_alias = "up")]
    Update(FetchArgs),
    /// Fetches what Chart.lock says
    Build(FetchArgs),
}

/// Which chart.
#[derive(Args)]
pub struct ListArgs {
    /// The chart's folder
    #[arg(default_value = ".")]
    chart: PathBuf,
    /// Widest column
    #[arg(long, default_value_t = 80)]
    max_col_width: usize,
}

/// Which chart, and how repositories are read.
#[derive(Args)]
pub struct FetchArgs {
    /// The chart's folder
    #[arg(default_value = ".")]
    chart: PathBuf,
    #[command(flatten)]
    access: AccessFlags,
    /// Check the provenance of what is fetched
    #[arg(long)]
    verify: bool,
    /// Taken for compatibility: indexes are always fetched where they are needed.
    #[arg(long, hide = true)]
    skip_refresh: bool,
}

impl FetchArgs {
    fn updater<'u>(&'u self, context: &'u Context<'u>) -> Updater<'u> {
        let mut updater = Updater::new(&self.chart, &self.access, context);
        updater.is_verifying = self.verify;
        updater
    }
}

impl DependencyCommand {
    pub(super) fn run(self, context: &Context<'_>) -> Outcome {
        match self {
            Self::List(args) => args.run(context),
            Self::Update(args) => args.updater(context).update(),
            Self::Build(args) => args.updater(context).build(),
        }
    }
}

impl ListArgs {
    fn run(&self, context: &Context<'_>) -> Outcome {
        let folder = &self.chart;
        let chart = load(folder)?;
        let charts = folder.join("charts");
        let Some(wanted) = &chart.metadata.dependencies else {
            let shown = charts.display();
            return context.print(&format!("WARNING: no dependencies at {shown}\n"));
        };
        let mut rows = vec![
            ["NAME", "VERSION", "REPOSITORY", "STATUS"]
                .map(str::to_owned)
                .to_vec(),
        ];
        for dependency in wanted {
            rows.push(vec![
                dependency.name.clone(),
                dependency.version.clone(),
                dependency.repository.clone(),
                status(&charts, dependency, &chart).to_owned(),
            ]);
        }
        let mut out = table(&rows, self.max_col_width);
        out.push('\n');
        for path in entries(&charts) {
            let is_packed = path.extension().is_some_and(|extension| extension == "tgz");
            if !path.is_dir() && !is_packed {
                continue;
            }
            let shown = path.to_string_lossy();
            match load(&path) {
                Err(_) => out.push_str(&format!("WARNING: {shown:?} is not a chart.\n")),
                Ok(found) if wanted.iter().any(|wanted| wanted.name == found.name()) => {}
                Ok(_) => out.push_str(&format!("WARNING: {shown:?} is not in Chart.yaml.\n")),
            }
        }
        context.print(&out)
    }
}

/// Visible entries of a folder in order.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Whether a dependency is there.
///
/// Compat: `dependencyStatus`, archives before folders.
fn status(charts: &Path, dependency: &Dependency, chart: &Chart) -> &'static str {
    let start = format!("{}-", dependency.name);
    let archives: Vec<PathBuf> = entries(charts)
        .into_iter()
        .filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&start) && name.ends_with(".tgz")
        })
        .collect();
    let named_by_version = |path: &&PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let version = name.trim_end_matches(".tgz");
        Version::parse_strict(version.strip_prefix(&start).unwrap_or_default()).is_ok()
    };
    let archive = match archives.as_slice() {
        [] => None,
        [archive] => Some(archive),
        several => {
            let found: Vec<&PathBuf> = several.iter().filter(named_by_version).collect();
            if found.len() > 1 {
                return "too many matches";
            }
            found.first().copied()
        }
    };
    if let Some(archive) = archive {
        let Ok(found) = load(archive) else {
            return "corrupt";
        };
        if found.name() != dependency.name {
            return "misnamed";
        }
        return fitting(dependency, &found).unwrap_or("ok");
    }
    let mut loaded = chart.dependencies.iter();
    match loaded.rfind(|sub| sub.name() == dependency.name) {
        None => "missing",
        Some(found) => fitting(dependency, found).unwrap_or("unpacked"),
    }
}

/// What is wrong with a chart's version.
fn fitting(dependency: &Dependency, found: &Chart) -> Option<&'static str> {
    if found.metadata.version == dependency.version {
        return None;
    }
    let range = Constraint::parse(&dependency.version);
    match (range, Version::parse(&found.metadata.version)) {
        (Ok(range), Ok(version)) if range.check(&version) => None,
        (Ok(_), Ok(_)) => Some("wrong version"),
        _ => Some("invalid version"),
    }
}
