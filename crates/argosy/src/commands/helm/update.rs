//! Fetches a chart's dependencies from folders beside it, chart repositories and registries.
//!
//! Compat: helm's downloader, but that indexes are fetched where they are needed and kept
//! nowhere.

use super::access::AccessFlags;
use super::charts::{ChartFlags, Fetched, Provenance, load_dir};
use super::flags::Context;
use super::package::save;
use super::repositories::Repository;
use super::{HelmFailure, Outcome, io_text};
use argosy_helm::{Chart, Dependency, Lock, legacy_lock_digest, load_archive, lock_digest};
use argosy_oci::{Reference, choose_tag};
use argosy_semver::{Constraint, Version};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Brings `charts/` of one chart up to date.
pub(super) struct Updater<'u> {
    folder: &'u Path,
    access: &'u AccessFlags,
    context: &'u Context<'u>,
    repositories: BTreeMap<String, Repository>,
    /// Whether nothing is told.
    pub is_quiet: bool,
    /// Whether provenance is checked.
    pub is_verifying: bool,
}

impl<'u> Updater<'u> {
    pub fn new(folder: &'u Path, access: &'u AccessFlags, context: &'u Context<'u>) -> Self {
        Self {
            folder,
            access,
            context,
            repositories: BTreeMap::new(),
            is_quiet: false,
            is_verifying: false,
        }
    }

    fn tell(&self, text: &str) -> Outcome {
        if self.is_quiet {
            return Ok(());
        }
        self.context.print(&format!("{text}\n"))
    }

    fn load(&self) -> Result<Chart, HelmFailure> {
        let shown = self.folder.display();
        match std::fs::metadata(self.folder) {
            Err(error) => {
                let text = io_text("stat", &shown.to_string(), &error);
                Err(format!("could not find {shown}: {text}").into())
            }
            Ok(meta) if !meta.is_dir() => Err("only unpacked charts can be updated".into()),
            Ok(_) => load_dir(self.folder),
        }
    }

    /// Chooses versions by Chart.yaml, fetches them and writes Chart.lock.
    pub fn update(&mut self) -> Outcome {
        let chart = self.load()?;
        let Some(mut wanted) = chart.metadata.dependencies.clone() else {
            return Ok(());
        };
        self.resolve_names(&mut wanted)?;
        self.refresh(&wanted)?;
        let mut locked = self.resolve(&wanted)?;
        self.fetch(&mut locked)?;
        let digest = lock_digest(&wanted, &locked);
        if chart
            .lock
            .as_ref()
            .is_some_and(|lock| lock.digest == digest)
        {
            return Ok(());
        }
        let now = jiff::Zoned::now();
        let lock = Lock {
            generated: now.strftime("%Y-%m-%dT%H:%M:%S.%N%:z").to_string(),
            digest,
            dependencies: locked,
        };
        let is_legacy = chart.metadata.api_version == "v1";
        let name = if is_legacy {
            "requirements.lock"
        } else {
            "Chart.lock"
        };
        let path = self.folder.join(name);
        if let Ok(link) = std::fs::read_link(&path) {
            let link = link.to_string_lossy();
            return Err(format!("the {name} file is a symlink to {link:?}").into());
        }
        std::fs::write(&path, lock.to_yaml())
            .map_err(|error| io_text("open", &path.to_string_lossy(), &error))?;
        Ok(())
    }

    /// Fetches what Chart.lock says; without one it is as [`Updater::update`].
    pub fn build(&mut self) -> Outcome {
        let chart = self.load()?;
        let Some(lock) = chart.lock.clone() else {
            return self.update();
        };
        let mut wanted = chart.metadata.dependencies.clone().unwrap_or_default();
        let legacy = legacy_lock_digest(&wanted);
        self.resolve_names(&mut wanted)?;
        let mut locked = lock.dependencies;
        let is_legacy = chart.metadata.api_version == "v1";
        if lock_digest(&wanted, &locked) != lock.digest && !(is_legacy && legacy == lock.digest) {
            let (lock, file) = if is_legacy {
                ("requirements.lock", "requirements.yaml")
            } else {
                ("Chart.lock", "Chart.yaml")
            };
            return Err(format!(
                "the lock file ({lock}) is out of sync with the dependencies file ({file}). \
                 Please update the dependencies"
            )
            .into());
        }
        self.refresh(&locked)?;
        self.fetch(&mut locked)
    }

    /// Puts URLs in the place of names of repositories, and looks whether folders are there.
    fn resolve_names(&self, wanted: &mut [Dependency]) -> Outcome {
        let mut missing = Vec::new();
        for dependency in wanted {
            let place = dependency.repository.as_str();
            if place.starts_with("file://") {
                self.local_path(place)?;
                continue;
            }
            if place.is_empty() || place.contains("://") {
                continue;
            }
            let name = place
                .strip_prefix('@')
                .or_else(|| place.strip_prefix("alias:"));
            let known = match name {
                Some(name) => Repository::named(name, self.context)?,
                None => None,
            };
            match known {
                Some(repository) => repository.url().clone_into(&mut dependency.repository),
                None => missing.push(place.to_owned()),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let names = missing.join(", ");
        let mut text =
            format!("no repository definition for {names}. Please add them via 'helm repo add'");
        let is_bare = |name: &String| !name.starts_with('@') && !name.starts_with("alias:");
        if missing.iter().any(is_bare) {
            text.push_str(
                "\nNote that repositories are named by URLs or by aliases: \
                 \"https://charts.example.com/\" or \"@example\", not \"example\".",
            );
        }
        Err(text.into())
    }

    /// Fetches the indexes of all repositories that are asked for.
    fn refresh(&mut self, wanted: &[Dependency]) -> Outcome {
        let mut urls: Vec<&str> = Vec::new();
        for dependency in wanted {
            let url = dependency.repository.trim_end_matches('/');
            let is_remote = url.starts_with("http://") || url.starts_with("https://");
            if is_remote && !urls.contains(&url) {
                urls.push(url);
            }
        }
        if urls.is_empty() {
            return Ok(());
        }
        self.tell("Getting updates for unmanaged Helm repositories...")?;
        for url in urls {
            let mut repository = Repository::at(url, self.access, self.context)?;
            let told = match repository.index() {
                Ok(_) => format!("...Successfully got an update from the {url:?} chart repository"),
                Err(HelmFailure(text)) => format!(
                    "...Unable to get an update from the {url:?} chart repository:\n\t{text}"
                ),
            };
            self.repositories.insert(url.to_owned(), repository);
            self.tell(&told)?;
        }
        Ok(())
    }

    fn repository(&mut self, url: &str) -> Result<&mut Repository, HelmFailure> {
        let bare = url.trim_end_matches('/');
        if !self.repositories.contains_key(bare) {
            let repository = Repository::at(bare, self.access, self.context)?;
            self.repositories.insert(bare.to_owned(), repository);
        }
        let repository = self.repositories.get_mut(bare);
        Ok(repository.expect("it was put in above"))
    }

    /// Exact versions for what is asked for.
    fn resolve(&mut self, wanted: &[Dependency]) -> Result<Vec<Dependency>, HelmFailure> {
        let (mut locked, mut missing) = (Vec::new(), Vec::new());
        for dependency in wanted {
            let Dependency {
                name,
                version,
                repository,
                ..
            } = dependency;
            let range = Constraint::parse(version).map_err(|error| {
                format!("dependency {name:?} has an invalid version/constraint format: {error}")
            })?;
            let suits = |text: &str| Version::parse(text).is_ok_and(|found| range.check(&found));
            let found = if repository.is_empty() {
                self.local_path(&format!("charts/{name}"))?;
                Some(version.clone())
            } else if repository.starts_with("file://") {
                let chart = load_dir(&self.local_path(repository)?)?;
                Some(chart.metadata.version).filter(|found| suits(found))
            } else if repository.starts_with("oci://") {
                Some(self.resolve_tag(name, version, repository)?)
            } else {
                let index = self.repository(repository)?.index()?;
                let entries = index.versions(name).ok_or_else(|| {
                    HelmFailure(format!("{name} chart not found in repo {repository}"))
                })?;
                let mut entries = entries.iter().filter(|entry| !entry.urls.is_empty());
                let entry = entries.find(|entry| suits(&entry.version));
                entry.map(|entry| entry.version.clone())
            };
            match found {
                Some(version) => locked.push(Dependency {
                    name: name.clone(),
                    version,
                    repository: repository.clone(),
                    ..Dependency::default()
                }),
                None => missing.push(format!(
                    "{name:?} (repository {repository:?}, version {version:?})"
                )),
            }
        }
        if missing.is_empty() {
            return Ok(locked);
        }
        let (count, names) = (missing.len(), missing.join(", "));
        Err(format!(
            "can't get a valid version for {count} subchart(s): {names}. Make sure a matching \
             chart version exists in the repo, or change the version constraint in Chart.yaml"
        )
        .into())
    }

    /// Compat: a version is taken as it is, without a look whether it is there.
    fn resolve_tag(
        &self,
        name: &str,
        version: &str,
        repository: &str,
    ) -> Result<String, HelmFailure> {
        if Version::parse(version).is_ok() {
            return Ok(version.to_owned());
        }
        let place = repository.trim_end_matches('/');
        let reference = Reference::parse(&format!("{place}/{name}"))?;
        let registry = self.access.registry(&reference.host, self.context)?;
        let tags = registry.tags(&reference).map_err(|error| {
            format!("could not retrieve list of tags for repository {repository}: {error}")
        })?;
        Ok(choose_tag(&tags, version).unwrap_or_else(|_| version.to_owned()))
    }

    /// Brings archives into `charts/`. Nothing there is touched before all are fetched.
    fn fetch(&mut self, locked: &mut [Dependency]) -> Outcome {
        let charts = self.folder.join("charts");
        if charts.exists() && !charts.is_dir() {
            let shown = charts.to_string_lossy();
            return Err(format!("{shown:?} is not a directory").into());
        }
        let failed =
            |path: &Path, error: &std::io::Error| io_text("open", &path.to_string_lossy(), error);
        std::fs::create_dir_all(&charts).map_err(|error| failed(&charts, &error))?;
        let waiting = self
            .folder
            .join(format!("tmpcharts-{}", std::process::id()));
        std::fs::create_dir_all(&waiting).map_err(|error| failed(&waiting, &error))?;
        let result = self
            .fetch_into(&waiting, locked)
            .and_then(|()| self.exchange(&waiting, &charts, locked));
        // What is left of it is of no use, whether it can be removed or not.
        let _ = std::fs::remove_dir_all(&waiting);
        result
    }

    fn fetch_into(&mut self, waiting: &Path, locked: &mut [Dependency]) -> Outcome {
        self.tell(&format!("Saving {} charts", locked.len()))?;
        let mut fetched = BTreeSet::new();
        for dependency in locked {
            let Dependency {
                name,
                version,
                repository,
                ..
            } = dependency;
            let saved = if repository.is_empty() {
                self.tell(&format!(
                    "Dependency {name} did not declare a repository. Assuming it exists in the \
                     charts directory"
                ))?;
                self.check_local(name, version).map(|()| None)
            } else if repository.starts_with("file://") {
                self.pack_local(name, version, repository, waiting)
                    .map(Some)
            } else if fetched.contains(&(name.clone(), version.clone(), repository.clone())) {
                self.tell(&format!("Already downloaded {name} from repo {repository}"))?;
                Ok(None)
            } else {
                self.tell(&format!("Downloading {name} from repo {repository}"))?;
                fetched.insert((name.clone(), version.clone(), repository.clone()));
                self.download(name, version, repository, waiting)
                    .map(|()| None)
            };
            match saved {
                Ok(Some(version)) => dependency.version = version,
                Ok(None) => {}
                Err(HelmFailure(text)) => {
                    self.tell(&format!("Save error occurred:  {text}"))?;
                    return Err(text.into());
                }
            }
        }
        Ok(())
    }

    fn check_local(&self, name: &str, range: &str) -> Outcome {
        let path = self.local_path(&format!("charts/{name}"))?;
        let chart = load_dir(&path).map_err(|HelmFailure(text)| {
            format!("unable to load chart '{}': {text}", path.display())
        })?;
        let wanted = Constraint::parse(range).map_err(|error| {
            format!("dependency {name} has an invalid version/constraint format: {error}")
        })?;
        let version = &chart.metadata.version;
        if Version::parse(version).is_ok_and(|found| wanted.check(&found)) {
            return Ok(());
        }
        Err(format!(
            "dependency {name} at version {version} does not satisfy the constraint {range}"
        )
        .into())
    }

    fn pack_local(
        &self,
        name: &str,
        range: &str,
        repository: &str,
        waiting: &Path,
    ) -> Result<String, HelmFailure> {
        let chart = load_dir(&self.local_path(repository)?)?;
        let wanted = Constraint::parse(range).map_err(|error| {
            format!("dependency {name} has an invalid version/constraint format: {error}")
        })?;
        if !wanted.check(&Version::parse(&chart.metadata.version)?) {
            return Err(format!("can't get a valid version for dependency {name}").into());
        }
        save(&chart, waiting)?;
        Ok(chart.metadata.version)
    }

    fn download(&mut self, name: &str, version: &str, url: &str, waiting: &Path) -> Outcome {
        let wants = if self.is_verifying {
            Provenance::Fetched
        } else {
            Provenance::Left
        };
        let flags = ChartFlags {
            version: Some(version.to_owned()),
            access: self.access.clone(),
            ..ChartFlags::default()
        };
        let fetched = if url.starts_with("oci://") {
            let place = format!("{}/{name}", url.trim_end_matches('/'));
            flags
                .fetch(&place, wants, self.context)
                .map_err(|HelmFailure(text)| format!("could not download {place}: {text}"))?
        } else {
            let context = self.context;
            let repository = self.repository(url)?;
            let (place, data) = repository
                .archive(name, version, context)
                .map_err(|HelmFailure(text)| format!("could not download {name}: {text}"))?;
            let path = place.split(['?', '#']).next().unwrap_or_default();
            let file = path.rsplit('/').next().unwrap_or_default();
            if file.is_empty() || matches!(file, "." | "..") {
                return Err(format!("could not download {place}: it names no file").into());
            }
            Fetched {
                name: file.to_owned(),
                data,
                provenance: match wants {
                    Provenance::Left => None,
                    Provenance::Fetched => repository.provenance(&place).ok(),
                },
                provenance_url: format!("{place}.prov"),
            }
        };
        if self.is_verifying {
            flags.check(&fetched, self.context)?;
        }
        let path = waiting.join(&fetched.name);
        std::fs::write(&path, fetched.data)
            .map_err(|error| io_text("open", &path.to_string_lossy(), &error))?;
        Ok(())
    }

    /// Moves what was fetched to its place, and removes archives that nobody asks for any more.
    fn exchange(&self, waiting: &Path, charts: &Path, locked: &[Dependency]) -> Outcome {
        let files = |dir: &Path| -> Vec<PathBuf> {
            let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
            entries
                .map(|entry| entry.path())
                .filter(|path| path.is_file())
                .collect()
        };
        let before = files(charts);
        let mut kept = BTreeSet::new();
        for path in files(waiting) {
            let shown = path.display().to_string();
            let name = path.file_name().unwrap_or_default().to_owned();
            let is_chart = std::fs::read(&path)
                .map_err(|error| io_text("open", &shown, &error))
                .and_then(|data| load_archive(&data).map_err(|error| error.to_string()));
            if let Err(text) = is_chart {
                self.tell(&format!(
                    "Could not verify {shown} for moving: {text} (Skipping)"
                ))?;
                continue;
            }
            std::fs::rename(&path, charts.join(&name))
                .map_err(|error| io_text("rename", &shown, &error))?;
            kept.insert(name);
        }
        self.tell("Deleting outdated charts")?;
        let is_local = |name: &str| {
            locked
                .iter()
                .any(|dependency| dependency.repository.is_empty() && dependency.name == name)
        };
        for path in before {
            if path.file_name().is_some_and(|name| kept.contains(name)) {
                continue;
            }
            let chart = std::fs::read(&path)
                .ok()
                .and_then(|data| load_archive(&data).ok());
            match chart {
                Some(chart) if is_local(chart.name()) => {}
                Some(_) => std::fs::remove_file(&path)
                    .map_err(|error| io_text("remove", &path.to_string_lossy(), &error))?,
                None => self.tell(&format!(
                    "Could not verify {} for deletion: it is no chart (Skipping)",
                    path.display()
                ))?,
            }
        }
        Ok(())
    }

    /// Where a chart of the disk lies, seen from the chart.
    fn local_path(&self, place: &str) -> Result<PathBuf, HelmFailure> {
        let bare = place.strip_prefix("file://").unwrap_or(place);
        let path = self.folder.join(bare);
        if path.exists() {
            return Ok(path);
        }
        Err(format!("directory {} not found", clean(&path)).into())
    }
}

/// A path without `.` and `..`, as Go joins it.
fn clean(path: &Path) -> String {
    use std::path::Component;
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if out
                    .components()
                    .next_back()
                    .is_some_and(|last| matches!(last, Component::Normal(_))) =>
            {
                out.pop();
            }
            part => out.push(part),
        }
    }
    out.to_string_lossy().into_owned()
}
