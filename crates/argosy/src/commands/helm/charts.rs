//! Finds and loads the chart that a command names: a folder, an archive, one of a repository or
//! of a registry.

use super::access::AccessFlags;
use super::flags::{Context, read_file};
use super::provenance::{self, Verified};
use super::repositories::Repository;
use super::{HelmFailure, io_text};
use argosy_git::DiskTree;
use argosy_helm::{Chart, HelmError, load_archive, load_folder};
use argosy_oci::{MAX_ARCHIVE_BYTES, Reference, choose_tag};
use argosy_semver::Version;
use argosy_tree::{Limits, RelPath, Rooted};
use clap::Args;
use std::path::{Path, PathBuf};

/// Where a chart comes from.
#[derive(Args, Default)]
pub(super) struct ChartFlags {
    /// Chart repository to look in
    #[arg(long, value_name = "URL")]
    pub repo: Option<String>,
    /// Version or range of versions of the chart
    #[arg(long, value_name = "RANGE")]
    pub version: Option<String>,
    /// Pre-releases count, too
    #[arg(long)]
    pub devel: bool,
    /// Check the chart's provenance before it is used
    #[arg(long)]
    pub verify: bool,
    /// What the repository is read with.
    #[command(flatten)]
    pub access: AccessFlags,
}

/// A chart and where it lies on the disk, if it does.
pub(super) struct Located {
    pub chart: Chart,
    pub folder: Option<PathBuf>,
}

/// A packed chart as it was fetched.
pub(super) struct Fetched {
    /// The archive's name as a file.
    pub name: String,
    /// The archive.
    pub data: Vec<u8>,
    /// Its provenance, where that was asked for and is there.
    pub provenance: Option<Vec<u8>>,
    /// Where its provenance is, or would be.
    pub provenance_url: String,
}

/// Whether provenance is fetched along.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Provenance {
    Left,
    Fetched,
}

impl ChartFlags {
    /// The version that is asked for.
    fn wanted(&self) -> &str {
        let given = self.version.as_deref().unwrap_or_default().trim();
        if given.is_empty() && self.devel {
            ">0.0.0-0"
        } else {
            given
        }
    }

    /// Finds the chart `name` and loads it.
    ///
    /// Compat: the order of `LocateChart`.
    pub fn locate(&self, name: &str, context: &Context<'_>) -> Result<Located, HelmFailure> {
        let name = name.trim();
        let path = Path::new(name);
        if self.repo.as_deref().unwrap_or_default().is_empty() {
            if path.exists() {
                return self.on_disk(path, context);
            }
            if path.is_absolute() || name.starts_with('.') {
                return Err(format!("path {name:?} not found").into());
            }
        }
        let wants = if self.verify {
            Provenance::Fetched
        } else {
            Provenance::Left
        };
        let fetched = self.fetch(name, wants, context)?;
        if self.verify {
            self.check(&fetched, context)?;
        }
        Ok(Located {
            chart: load_archive(&fetched.data)?,
            folder: None,
        })
    }

    fn on_disk(&self, path: &Path, context: &Context<'_>) -> Result<Located, HelmFailure> {
        let path = &*path.canonicalize()?;
        let file = path.join("Chart.yaml");
        if self.verify {
            provenance::verify_file(path, &self.access.keyring(context))?;
        }
        if path.is_dir() && !file.exists() {
            let file = file.display();
            return Err(format!(
                "unable to detect chart at {file}: open {file}: no such file or directory"
            )
            .into());
        }
        Ok(Located {
            chart: load(path)?,
            folder: path.is_dir().then(|| path.to_owned()),
        })
    }

    /// Checks the provenance of what was fetched.
    pub fn check(&self, fetched: &Fetched, context: &Context<'_>) -> Result<Verified, HelmFailure> {
        let Some(signed) = &fetched.provenance else {
            let url = &fetched.provenance_url;
            return Err(format!("failed to fetch provenance {url:?}").into());
        };
        let keyring = self.access.keyring(context);
        provenance::verify(&fetched.data, signed, &fetched.name, &keyring)
    }

    /// Fetches the chart `name`, which is not on the disk.
    pub fn fetch(
        &self,
        name: &str,
        wants: Provenance,
        context: &Context<'_>,
    ) -> Result<Fetched, HelmFailure> {
        let version = self.wanted();
        if let Some(repo) = self.repo.as_deref().filter(|repo| !repo.is_empty()) {
            let mut repository = Repository::new(repo, &self.access, context)?;
            let (url, data) = repository.archive(name, version, context)?;
            return with_provenance(&repository, &url, data, wants);
        }
        if name.starts_with("oci://") {
            return self.pull(name, version, wants, context);
        }
        if name.starts_with("http://") || name.starts_with("https://") {
            let repository = Repository::new(name, &self.access, context)?;
            let data = repository.loose_archive(name)?;
            return with_provenance(&repository, name, data, wants);
        }
        if let Some((scheme, _)) = name.split_once("://") {
            return Err(argosy_oci::ChartError::Scheme(scheme.to_owned()).into());
        }
        let Some((alias, chart)) = name.split_once('/') else {
            return Err(format!(
                "non-absolute URLs should be in form of repo_name/path_to_chart, got: {name}"
            )
            .into());
        };
        let mut repository = Repository::named(alias, context)?
            .ok_or_else(|| HelmFailure(format!("repo {alias} not found")))?;
        let (url, data) = repository.archive(chart, version, context)?;
        with_provenance(&repository, &url, data, wants)
    }

    /// Compat: `ValidateReference`.
    fn pull(
        &self,
        name: &str,
        version: &str,
        wants: Provenance,
        context: &Context<'_>,
    ) -> Result<Fetched, HelmFailure> {
        let mut reference = Reference::parse(name)?;
        let registry = self.access.registry(&reference.host, context)?;
        let tag = reference.tag.replace('_', "+");
        if !version.is_empty() && !tag.is_empty() && version != tag {
            return Err(
                format!("chart reference and version mismatch: {version} is not {tag}").into(),
            );
        }
        let version = if version.is_empty() { &tag } else { version };
        let mut chosen = version.to_owned();
        if reference.digest.is_empty() {
            if Version::parse(version).is_err() {
                let tags = registry.tags(&reference)?;
                if tags.is_empty() {
                    return Err(format!(
                        "unable to locate any tags in provided repository: {name}"
                    )
                    .into());
                }
                chosen = choose_tag(&tags, version)?;
            }
            reference = reference.at(&chosen);
        } else if !version.is_empty() {
            let told = registry.digest_of(&reference.at(version))?;
            if let Some(told) = told.filter(|told| *told != reference.digest) {
                return Err(format!(
                    "chart reference digest mismatch: {told} is not {}",
                    reference.digest
                )
                .into());
            }
        }
        let pulled = registry.pull(&reference, wants == Provenance::Fetched)?;
        if pulled.is_legacy {
            let kind = "application/tar+gzip";
            context.note(&format!("Warning: chart media type {kind} is deprecated"));
        }
        context.note(&format!("Pulled: {reference}"));
        context.note(&format!("Digest: {}", pulled.manifest_digest));
        underscore_note(&reference, context);
        let name = if reference.digest.is_empty() {
            format!("{}-{chosen}.tgz", reference.chart())
        } else {
            // Compat: helm takes what stands behind the last colon.
            let hex = reference.digest.trim_start_matches("sha256:");
            format!("{}@sha256-{hex}.tgz", reference.chart())
        };
        Ok(Fetched {
            name,
            data: pulled.archive,
            provenance: pulled.provenance,
            provenance_url: format!("oci://{}.prov", shown(&reference, &chosen)),
        })
    }
}

/// A reference with the version as helm writes it in URLs.
fn shown(reference: &Reference, version: &str) -> String {
    let Reference {
        host, repository, ..
    } = reference;
    if reference.digest.is_empty() {
        format!("{host}/{repository}:{version}")
    } else {
        reference.to_string()
    }
}

/// What helm says where a tag is not quite the version.
pub(super) fn underscore_note(reference: &Reference, context: &Context<'_>) {
    if reference.to_string().contains('_') {
        context.note(&format!("{reference} contains an underscore."));
        context.note(
            "\nOCI artifact references (e.g. tags) do not support the plus sign (+). To support\n\
             storing semantic versions, Helm adopts the convention of changing plus (+) to\n\
             an underscore (_) in chart version tags when pushing to a registry and back to\n\
             a plus (+) when pulling from a registry.",
        );
    }
}

fn with_provenance(
    repository: &Repository,
    url: &str,
    data: Vec<u8>,
    wants: Provenance,
) -> Result<Fetched, HelmFailure> {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    if name.is_empty() || matches!(name, "." | "..") {
        return Err(format!("could not download {url}: it names no file").into());
    }
    Ok(Fetched {
        name: name.to_owned(),
        data,
        provenance: match wants {
            Provenance::Left => None,
            Provenance::Fetched => repository.provenance(url).ok(),
        },
        provenance_url: format!("{url}.prov"),
    })
}

/// Loads a chart of the disk.
pub(super) fn load(path: &Path) -> Result<Chart, HelmFailure> {
    if path.is_dir() {
        return load_dir(path);
    }
    let shown = path.to_string_lossy();
    std::fs::metadata(path).map_err(|error| io_text("stat", &shown, &error))?;
    let data = read_file(path, MAX_ARCHIVE_BYTES)?;
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
