//! Finds and loads the chart that a command names: a folder, an archive, or one of a repository.

use super::flags::{Context, read_file};
use super::repositories::{Repository, resolve_url};
use super::{HelmFailure, io_text};
use argosy_git::DiskTree;
use argosy_helm::{Chart, HelmError, load_archive, load_folder};
use argosy_tree::{Limits, RelPath, Rooted};
use clap::Args;
use std::path::{Path, PathBuf};

/// Largest packed chart.
pub(super) const MAX_ARCHIVE: u64 = 100 << 20;

/// Where a chart comes from.
#[derive(Args, Default)]
pub(super) struct ChartFlags {
    /// Chart repository to look in
    #[arg(long, value_name = "URL")]
    repo: Option<String>,
    /// Version or range of versions of the chart
    #[arg(long, value_name = "RANGE")]
    version: Option<String>,
    /// Pre-releases count, too
    #[arg(long)]
    devel: bool,
    /// What the repository is read with.
    #[command(flatten)]
    pub access: AccessFlags,
}

/// What chart repositories are read with.
#[derive(Args, Clone, Default)]
pub(super) struct AccessFlags {
    /// Name for the chart repository
    #[arg(long, value_name = "NAME")]
    pub username: Option<String>,
    /// Password for the chart repository
    #[arg(long, value_name = "PASSWORD")]
    pub password: Option<String>,
    /// Name and password go to other hosts, too
    #[arg(long)]
    pub pass_credentials: bool,
    /// Certificates to trust instead of the system's
    #[arg(long, value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Own certificate
    #[arg(long, value_name = "FILE")]
    pub cert_file: Option<PathBuf>,
    /// Key of the own certificate
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
    /// Take any certificate of the server
    #[arg(long)]
    pub insecure_skip_tls_verify: bool,
    /// Taken for compatibility: chart repositories tell by their URL.
    #[arg(long, hide = true)]
    pub plain_http: bool,
    /// Taken for compatibility: nothing is verified by it alone.
    #[arg(long, hide = true)]
    pub keyring: Option<PathBuf>,
}

/// A chart and where it lies on the disk, if it does.
pub(super) struct Located {
    pub chart: Chart,
    pub folder: Option<PathBuf>,
}

impl ChartFlags {
    /// Finds the chart `name` and loads it.
    ///
    /// Compat: the order of `LocateChart`.
    pub fn locate(&self, name: &str, context: &Context<'_>) -> Result<Located, HelmFailure> {
        let name = name.trim();
        let given = self.version.as_deref().unwrap_or_default().trim();
        let version = if given.is_empty() && self.devel {
            ">0.0.0-0"
        } else {
            given
        };
        if let Some(repo) = self.repo.as_deref().filter(|repo| !repo.is_empty()) {
            let mut repository = Repository::new(repo, &self.access)?;
            let url = repository.find(name, version)?;
            return packed(&repository.get(&url, MAX_ARCHIVE)?);
        }
        let path = Path::new(name);
        if path.exists() {
            let path = &*path.canonicalize()?;
            let file = path.join("Chart.yaml");
            if path.is_dir() && !file.exists() {
                let file = file.display();
                return Err(format!(
                    "unable to detect chart at {file}: open {file}: no such file or directory"
                )
                .into());
            }
            return Ok(Located {
                chart: load(path)?,
                folder: path.is_dir().then(|| path.to_owned()),
            });
        }
        if path.is_absolute() || name.starts_with('.') {
            return Err(format!("path {name:?} not found").into());
        }
        if name.starts_with("http://") || name.starts_with("https://") {
            let repository = Repository::new(name, &self.access)?;
            return packed(&repository.get(name, MAX_ARCHIVE)?);
        }
        let Some((alias, chart)) = name.split_once('/').filter(|_| !name.contains("://")) else {
            return Err(format!(
                "non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"
            )
            .into());
        };
        let mut repository = Repository::named(alias, context)?
            .ok_or_else(|| HelmFailure(format!("repo {alias} not found")))?;
        let url = repository.find(chart, version)?;
        packed(&repository.get(&resolve_url(repository.url(), &url), MAX_ARCHIVE)?)
    }
}

fn packed(data: &[u8]) -> Result<Located, HelmFailure> {
    Ok(Located {
        chart: load_archive(data)?,
        folder: None,
    })
}

/// Loads a chart of the disk.
pub(super) fn load(path: &Path) -> Result<Chart, HelmFailure> {
    if path.is_dir() {
        return load_dir(path);
    }
    let shown = path.to_string_lossy();
    std::fs::metadata(path).map_err(|error| io_text("stat", &shown, &error))?;
    let data = read_file(path, MAX_ARCHIVE)?;
    if !data.starts_with(&[0x1f, 0x8b]) {
        let is_yaml = shown.ends_with(".yaml") || shown.ends_with(".yml");
        return Err(if is_yaml {
            format!("file '{shown}' seems to be a YAML file, but expected a gzipped archive")
        } else {
            format!("file '{shown}' does not appear to be a gzipped archive")
        }
        .into());
    }
    Ok(load_archive(&data)?)
}

/// Loads an unpacked chart.
pub(super) fn load_dir(path: &Path) -> Result<Chart, HelmFailure> {
    let tree =
        DiskTree::open(path).map_err(|error| io_text("stat", &path.to_string_lossy(), &error))?;
    let reader = Rooted::new(&tree, Limits::default());
    load_folder(&reader, &RelPath::root()).map_err(|error: HelmError| error.into())
}
