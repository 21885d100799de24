//! Chart repositories as commands see them, and the file of those that helm knows.

use super::HelmFailure;
use super::access::{AccessFlags, MAX_CONFIG};
use super::flags::{Context, read_file};
use argosy_helm::{Index, IndexEntry, MAX_INDEX_BYTES};
use argosy_object::{Value as Json, json};
use argosy_oci::{ChartRepository, MAX_ARCHIVE_BYTES, resolve_url};
use std::path::{Path, PathBuf};

/// A chart repository with its index, once that is read.
pub(super) struct Repository {
    inner: ChartRepository,
    name: Option<String>,
    index: Option<Index>,
}

impl Repository {
    /// A repository at a URL.
    pub fn new(
        url: &str,
        access: &AccessFlags,
        context: &Context<'_>,
    ) -> Result<Self, HelmFailure> {
        Ok(Self {
            inner: access.repository(url, context)?,
            name: None,
            index: None,
        })
    }

    /// A repository of helm's own file, by its name, with the index that was fetched last.
    pub fn named(name: &str, context: &Context<'_>) -> Result<Option<Self>, HelmFailure> {
        let known = KnownRepositories::read(context)?;
        let Some(entry) = known.get(name) else {
            return Ok(None);
        };
        let mut repository = Self::of(entry, context)?;
        let file = cached_index(name, context).filter(|file| file.exists());
        if let Some(file) = file {
            let data = read_file(&file, MAX_INDEX_BYTES)?;
            let index = Index::parse(&data).map_err(|error| {
                format!(
                    "no cached repo found. (try 'helm repo update'): error loading {}: {error}",
                    file.display()
                )
            })?;
            repository.index = Some(index);
        }
        Ok(Some(repository))
    }

    /// A repository at a URL, as helm's own file knows it, else without credentials.
    pub fn at(url: &str, access: &AccessFlags, context: &Context<'_>) -> Result<Self, HelmFailure> {
        let bare = url.trim_end_matches('/');
        let known = KnownRepositories::read(context)?;
        let entry = known.entries().iter().find(|entry| {
            let known = entry["url"].as_str().unwrap_or_default();
            known.trim_end_matches('/') == bare
        });
        match entry {
            Some(entry) if access.username.is_none() => Self::of(entry, context),
            _ => Self::new(url, access, context),
        }
    }

    /// A repository of helm's own file.
    pub fn of(entry: &Json, context: &Context<'_>) -> Result<Self, HelmFailure> {
        let text = |name: &str| {
            let text = entry[name].as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let flag = |name: &str| entry[name].as_bool().unwrap_or(false);
        let access = AccessFlags {
            username: text("username"),
            password: text("password"),
            pass_credentials: flag("pass_credentials_all"),
            ca_file: text("caFile").map(Into::into),
            cert_file: text("certFile").map(Into::into),
            key_file: text("keyFile").map(Into::into),
            insecure_skip_tls_verify: flag("insecure_skip_tls_verify"),
            ..AccessFlags::default()
        };
        let name = text("name").unwrap_or_default();
        let url = text("url")
            .ok_or_else(|| HelmFailure(format!("no URL found for repository {name}")))?;
        let mut repository = Self::new(&url, &access, context)?;
        repository.name = Some(name);
        Ok(repository)
    }

    pub fn url(&self) -> &str {
        self.inner.url()
    }

    /// Downloads from the repository or from where its index leads.
    pub fn get(&self, url: &str, max_bytes: u64) -> Result<Vec<u8>, HelmFailure> {
        Ok(self.inner.get(url, max_bytes)?)
    }

    /// The provenance of an archive.
    pub fn provenance(&self, archive_url: &str) -> Result<Vec<u8>, HelmFailure> {
        Ok(self.inner.provenance(archive_url)?)
    }

    /// The repository's index, fetched where it is not here.
    pub fn index(&mut self) -> Result<&Index, HelmFailure> {
        if self.index.is_none() {
            self.index = Some(self.inner.index()?);
        }
        Ok(self.index.get_or_insert_default())
    }

    /// Fetches the index into helm's cache.
    pub fn update(&mut self, context: &Context<'_>) -> Result<(), HelmFailure> {
        let data = self.inner.index_bytes()?;
        let index = Index::parse(&data)?;
        let name = self.name.as_deref().unwrap_or_default();
        if let Some(file) = cached_index(name, context) {
            let charts: String = index
                .charts()
                .map(|(name, _)| format!("{name}\n"))
                .collect();
            write(&file, &data, 0o644)?;
            let list = file.with_file_name(format!("{name}-charts.txt"));
            write(&list, charts.as_bytes(), 0o644)?;
        }
        self.index = Some(index);
        Ok(())
    }

    /// The entry that suits a version best.
    pub fn entry(
        &mut self,
        chart: &str,
        version: &str,
        context: &Context<'_>,
    ) -> Result<IndexEntry, HelmFailure> {
        let (url, name) = (self.url().to_owned(), self.name.clone());
        let index = self.index().map_err(|HelmFailure(text)| {
            let text = format!(
                "looks like {url:?} is not a valid chart repository or cannot be reached: {text}"
            );
            HelmFailure(text)
        })?;
        let Some(entry) = index.find(chart, version) else {
            return Err(HelmFailure(match name {
                Some(name) => {
                    let why = match index.versions(chart) {
                        None => "no chart name found".to_owned(),
                        Some(_) => format!("no chart version found for {chart}-{version}"),
                    };
                    format!(
                        "chart {chart:?} matching {version} not found in {name} index. \
                         (try 'helm repo update'): {why}"
                    )
                }
                None => format!("{} not found in {url} repository", subject(chart, version)),
            }));
        };
        if !version.is_empty() && entry.version != version {
            context.warn_fields(
                "unable to find exact version requested; falling back to closest available version",
                &[
                    ("chart", chart),
                    ("requested", version),
                    ("selected", &entry.version),
                ],
            );
        }
        Ok(entry.clone())
    }

    /// The URL of the archive that suits a version best.
    pub fn find(
        &mut self,
        chart: &str,
        version: &str,
        context: &Context<'_>,
    ) -> Result<(String, IndexEntry), HelmFailure> {
        let entry = self.entry(chart, version, context)?;
        let place = entry.urls.first().ok_or_else(|| {
            HelmFailure(format!(
                "{} has no downloadable URLs",
                subject(chart, version)
            ))
        })?;
        Ok((resolve_url(self.url(), place), entry))
    }

    /// Downloads the version that suits best, and checks it against the index's digest.
    pub fn archive(
        &mut self,
        chart: &str,
        version: &str,
        context: &Context<'_>,
    ) -> Result<(String, Vec<u8>), HelmFailure> {
        let (url, entry) = self.find(chart, version, context)?;
        Ok((url, self.inner.archive(&entry, chart)?))
    }

    /// Downloads an archive that no index tells of.
    pub fn loose_archive(&self, url: &str) -> Result<Vec<u8>, HelmFailure> {
        self.get(url, MAX_ARCHIVE_BYTES)
    }
}

fn subject(chart: &str, version: &str) -> String {
    if version.is_empty() {
        format!("chart {chart:?}")
    } else {
        format!("chart {chart:?} version {version:?}")
    }
}

/// Where helm keeps the index of a repository.
pub(super) fn cached_index(name: &str, context: &Context<'_>) -> Option<PathBuf> {
    let is_file = !name.is_empty() && !name.contains('/') && name != "..";
    let folder = context.repository_cache().filter(|_| is_file)?;
    Some(folder.join(format!("{name}-index.yaml")))
}

/// The repositories that helm knows.
pub(super) struct KnownRepositories {
    file: Option<PathBuf>,
    json: Json,
}

impl KnownRepositories {
    /// Reads helm's file; one that is not there names none.
    pub fn read(context: &Context<'_>) -> Result<Self, HelmFailure> {
        let file = context.repository_config().map(Path::to_owned);
        let empty = || {
            json!({
                "apiVersion": "", "generated": "0001-01-01T00:00:00Z", "repositories": [],
            })
        };
        let json = match file.as_deref().filter(|file| file.exists()) {
            None => empty(),
            Some(file) => {
                let data = read_file(file, MAX_CONFIG)?;
                let json = argosy_yaml::from_slice(&data).map_err(|error| {
                    format!(
                        "couldn't load repositories file ({}): {}",
                        file.display(),
                        error.text
                    )
                })?;
                if json.is_null() { empty() } else { json }
            }
        };
        if !json.is_object() {
            return Err("couldn't load repositories file: it is no mapping".into());
        }
        Ok(Self { file, json })
    }

    /// All of them, in the file's order.
    pub fn entries(&self) -> &[Json] {
        self.json["repositories"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// The one of a name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.entries()
            .iter()
            .find(|entry| entry["name"].as_str() == Some(name))
    }

    /// Adds one, or puts it in the place of that of its name.
    pub fn set(&mut self, entry: Json) {
        if !self.json["repositories"].is_array() {
            self.json["repositories"] = json!([]);
        }
        let Some(entries) = self.json["repositories"].as_array_mut() else {
            return;
        };
        match entries.iter_mut().find(|old| old["name"] == entry["name"]) {
            Some(old) => *old = entry,
            None => entries.push(entry),
        }
    }

    /// Removes the one of a name, and tells whether it was there.
    pub fn remove(&mut self, name: &str) -> bool {
        let Some(entries) = self.json["repositories"].as_array_mut() else {
            return false;
        };
        let before = entries.len();
        entries.retain(|entry| entry["name"].as_str() != Some(name));
        entries.len() < before
    }

    /// Writes the file, for its owner alone.
    pub fn write(&self) -> Result<(), HelmFailure> {
        let file = self
            .file
            .as_deref()
            .ok_or("there is no home folder for helm's files")?;
        write(file, argosy_yaml::to_string(&self.json).as_bytes(), 0o600)
    }

    /// Keeps others from writing while the value lives.
    pub fn lock(context: &Context<'_>) -> Result<Option<std::fs::File>, HelmFailure> {
        let Some(file) = context.repository_config() else {
            return Ok(None);
        };
        let lock = file.with_extension("lock");
        let shown = lock.to_string_lossy().into_owned();
        if let Some(folder) = lock.parent() {
            std::fs::create_dir_all(folder)?;
        }
        let lock =
            std::fs::File::create(&lock).map_err(|error| super::io_text("open", &shown, &error))?;
        for _ in 0..300 {
            if lock.try_lock().is_ok() {
                return Ok(Some(lock));
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Err(format!("{shown}: another helm holds it").into())
    }
}

/// Writes a file whole or not at all.
pub(super) fn write(path: &Path, data: &[u8], mode: u32) -> Result<(), HelmFailure> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let shown = path.to_string_lossy();
    let failed = |error: std::io::Error| HelmFailure(super::io_text("open", &shown, &error));
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let waiting = path.with_file_name(format!(".{name}.{}", std::process::id()));
    // What a process of the same number left behind does not keep its rights.
    let _ = std::fs::remove_file(&waiting);
    let mut options = std::fs::File::options();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&waiting)
        .map_err(failed)?;
    std::io::Write::write_all(&mut file, data)
        .and_then(|()| std::fs::rename(&waiting, path))
        .map_err(failed)
}
