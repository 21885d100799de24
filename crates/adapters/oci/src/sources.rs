//! Charts behind the `Sources` port: versions resolved, archives fetched once and read as trees.
//!
//! Every key, in memory and on disk, names the repository's URL and its credential: what one
//! tenant has fetched, another gets only where it could have fetched it itself.

mod files;
mod gate;
mod place;
mod poll;
mod trees;

use crate::artifacts::Artifacts;
use crate::error::ChartError;
use crate::index_cache::IndexCache;
use crate::registry::{Registry, choose_tag};
use crate::repository::{ChartRepository, told_digest};
use argosy_fetch::{Credentials, Patience, Proxies, redact_url};
use argosy_helm::{Index, IndexEntry};
use argosy_object::{Digest, Str};
use argosy_ports::{
    Artifact, Clock, CredentialId, RepoRef, Seen, SourceError, SourceErrorKind, Wanted,
};
use argosy_semver::Version;
use argosy_tree::Tree;
use gate::Gate;
use place::Place;
use poll::Watched;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use trees::Trees;

/// Fetches that run at the same time; of one repository see [`gate`].
const PARALLEL_FETCHES: usize = 16;
/// How long an answer "there is no such version" is not asked for again.
const NEGATIVE: Duration = Duration::from_secs(5);
/// Registries whose connections and tokens are kept.
const MAX_REGISTRIES: usize = 64;

/// How chart repositories are read.
#[derive(Clone, Debug)]
pub struct ChartSettings {
    /// The folder under which `charts/` is kept.
    pub data_dir: PathBuf,
    /// Between two looks at a repository for ranges, before jitter of a tenth either way.
    pub interval: Duration,
    /// The longest delay after failures.
    pub max_backoff: Duration,
    /// What archives may take on disk.
    pub max_cache_bytes: u64,
    /// The proxies of the process, where a Secret names none.
    pub proxies: Proxies,
    /// How long servers may take; `None`: what chart repositories and registries usually may.
    pub patience: Option<Patience>,
}

impl ChartSettings {
    /// The defaults, with indexes and archives under `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            interval: Duration::from_mins(3),
            max_backoff: Duration::from_mins(10),
            max_cache_bytes: 2 << 30,
            proxies: Proxies::default(),
            patience: None,
        }
    }
}

/// Chart repositories and registries as sources. Dropping it ends all polls.
pub struct ChartSources {
    shared: Arc<Shared>,
    watched: Mutex<HashMap<RepoRef, Arc<Watched>>>,
}

impl ChartSources {
    /// Prepares to read chart repositories; nothing is read yet.
    pub fn new(settings: ChartSettings, clock: Arc<dyn Clock>) -> Self {
        let dir = settings.data_dir.join("charts");
        Self {
            shared: Arc::new(Shared {
                indexes: IndexCache::new(dir.join("indexes")),
                artifacts: Artifacts::new(dir.join("archives"), settings.max_cache_bytes),
                settings,
                clock,
                credentials: RwLock::default(),
                trees: Trees::default(),
                registries: Mutex::default(),
                looked: Mutex::default(),
                gates: Mutex::default(),
                fetches: Semaphore::new(PARALLEL_FETCHES),
            }),
            watched: Mutex::default(),
        }
    }

    /// Replaces the credentials; the next look at each repository uses them.
    pub fn set_credentials(&self, credentials: Credentials) {
        let mut slot = self
            .shared
            .credentials
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = Arc::new(credentials);
        drop(slot);
        lock(&self.shared.registries).clear();
    }

    /// The repository of a URL, or of a name (`@name`, `alias:name`), as a project sees it.
    pub fn repo(&self, url: &str, project: &str) -> RepoRef {
        let credentials = self.shared.credentials();
        let name = url.strip_prefix('@').or_else(|| url.strip_prefix("alias:"));
        let url = name
            .and_then(|name| credentials.helm_url(name, project))
            .unwrap_or(url);
        RepoRef {
            url: url.into(),
            credential: credentials.id_for(url, project),
            project: project.into(),
        }
    }

    /// The version of a chart that is wanted: an exact one as it is, of a range the highest.
    ///
    /// # Errors
    /// [`SourceError`]: the repository is not reached, or has no such chart or version.
    pub async fn resolve(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError> {
        self.shared.clone().resolve(repo, wanted).await
    }

    /// The files of a version, fetched where they are not here yet.
    ///
    /// # Errors
    /// [`SourceError`]: as [`ChartSources::resolve`], or the archive is no chart.
    pub async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
        let artifact = artifact.clone();
        let repo = artifact.repo.clone();
        let chart = artifact.chart.clone();
        let gate = self.shared.gate(&repo);
        let _turn = gate.fetch().await?;
        let shared = self.shared.clone();
        shared
            .blocking(&repo, &chart, move |shared| shared.fetch_tree(&artifact))
            .await
    }

    /// Follows a chart's version. A range is looked up again every interval, however many
    /// follow; an exact version only until it is found.
    pub fn follow(&self, repo: &RepoRef, wanted: &Wanted) -> watch::Receiver<Seen> {
        self.watched(repo).follow(wanted)
    }

    /// Looks at the repository at once. What is known of versions that a registry could have
    /// changed is forgotten.
    ///
    /// # Errors
    /// [`SourceError`] where the repository is not reached.
    pub async fn refresh(&self, repo: &RepoRef) -> Result<(), SourceError> {
        lock(&self.shared.looked).forget(repo);
        self.shared.gate(repo).forget();
        self.watched(repo).look().await
    }

    /// Asks whether the repository may be read.
    ///
    /// # Errors
    /// [`SourceError`] where it may not, or is none.
    pub async fn probe(&self, repo: &RepoRef) -> Result<(), SourceError> {
        let of = repo.clone();
        self.shared
            .clone()
            .blocking(repo, &Str::default(), move |shared| {
                match shared.place(&of, false)? {
                    Place::Http(repository) => shared.look_at_index(&of, &repository).map(drop),
                    Place::Registry { registry, .. } => registry.ping(),
                }
            })
            .await
    }

    fn watched(&self, repo: &RepoRef) -> Arc<Watched> {
        let mut watched = lock(&self.watched);
        let new = || Arc::new(Watched::new(self.shared.clone(), repo.clone()));
        watched.entry(repo.clone()).or_insert_with(new).clone()
    }
}

impl Drop for ChartSources {
    fn drop(&mut self) {
        for watched in lock(&self.watched).values() {
            watched.stop();
        }
    }
}

/// What all repositories share.
pub(crate) struct Shared {
    settings: ChartSettings,
    clock: Arc<dyn Clock>,
    credentials: RwLock<Arc<Credentials>>,
    indexes: IndexCache,
    artifacts: Artifacts,
    trees: Trees,
    registries: Mutex<HashMap<(String, CredentialId), Arc<Registry>>>,
    looked: Mutex<Looked>,
    gates: Mutex<HashMap<RepoRef, Arc<Gate>>>,
    fetches: Semaphore,
}

/// When this process looked last, and what it saw of registries.
#[derive(Default)]
struct Looked {
    indexes: HashMap<RepoRef, Instant>,
    tags: HashMap<(RepoRef, Str), (Instant, Arc<Vec<String>>)>,
    missing: HashMap<(RepoRef, Wanted), (Instant, SourceError)>,
    /// Digests of tags of sources without a chart.
    digests: HashMap<(RepoRef, Str), (Instant, String)>,
    /// How often a repository's versions were forgotten.
    epochs: HashMap<RepoRef, u64>,
    /// In which of these epochs a version's digest was seen.
    seen: HashMap<Digest, u64>,
}

impl Looked {
    fn forget(&mut self, repo: &RepoRef) {
        *self.epochs.entry(repo.clone()).or_default() += 1;
        self.tags.retain(|(of, _), _| of != repo);
        self.digests.retain(|(of, _), _| of != repo);
        self.missing.retain(|(of, _), _| of != repo);
    }
}

impl Shared {
    fn credentials(&self) -> Arc<Credentials> {
        let credentials = self.credentials.read();
        credentials.unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) async fn resolve(
        self: Arc<Self>,
        repo: &RepoRef,
        wanted: &Wanted,
    ) -> Result<Artifact, SourceError> {
        let key = (repo.clone(), wanted.clone());
        if let Some((at, error)) = lock(&self.looked).missing.get(&key)
            && at.elapsed() < NEGATIVE
        {
            return Err(error.clone());
        }
        if let Some(known) = self.known_version(repo, wanted) {
            return Ok(known);
        }
        let gate = self.gate(repo);
        let _turn = gate.look().await?;
        // Whoever went before may have seen it.
        if let Some(known) = self.known_version(repo, wanted) {
            return Ok(known);
        }
        let (of, what) = key.clone();
        let found = self
            .clone()
            .blocking(repo, &wanted.chart, move |shared| {
                shared.find_version(&of, &what)
            })
            .await;
        if let Err(error) = &found
            && error.kind == SourceErrorKind::NoRevision
        {
            let mut looked = lock(&self.looked);
            if looked.missing.len() > 1000 {
                looked.missing.clear();
            }
            looked.missing.insert(key, (Instant::now(), error.clone()));
        }
        found
    }

    /// Runs what blocks on a thread that may, a bounded number at a time, and keeps in the
    /// repository's gate whether it was reached.
    async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        repo: &RepoRef,
        chart: &Str,
        work: impl FnOnce(&Self) -> Result<T, ChartError> + Send + 'static,
    ) -> Result<T, SourceError> {
        let this = self.clone();
        let _permit = self.fetches.acquire().await.ok();
        match tokio::task::spawn_blocking(move || work(&this)).await {
            Ok(Ok(done)) => {
                self.gate(repo).note(None);
                Ok(done)
            }
            Ok(Err(error)) => {
                let told = explain(repo, chart, &error);
                // Our own disk says nothing of the server: what is here already can still be had.
                if !matches!(error, ChartError::Disk { .. }) {
                    self.gate(repo).note(Some(&told));
                }
                Err(told)
            }
            Err(error) => Err(SourceError {
                kind: SourceErrorKind::Unreachable,
                message: format!("reading a chart ended unexpectedly: {error}"),
                hint: None,
            }),
        }
    }

    fn gate(&self, repo: &RepoRef) -> Arc<Gate> {
        lock(&self.gates).entry(repo.clone()).or_default().clone()
    }

    /// The version that is wanted, as far as it is known without asking anyone or reading a
    /// file.
    fn known_version(&self, repo: &RepoRef, wanted: &Wanted) -> Option<Artifact> {
        if wanted.chart.is_empty() {
            return None;
        }
        match self.place(repo, wanted.pass_credentials).ok()? {
            Place::Http(_) => {
                lock(&self.looked).indexes.get(repo)?;
                let index = self.indexes.in_memory(&index_key(repo))?;
                let entry = index.find(&wanted.chart, &wanted.revision)?;
                Some(artifact(repo, wanted, &entry.version, &entry.digest))
            }
            Place::Registry { .. } if Version::parse(&wanted.revision).is_ok() => {
                Some(artifact(repo, wanted, &wanted.revision, ""))
            }
            Place::Registry { .. } => {
                let key = (repo.clone(), wanted.chart.clone());
                let looked = lock(&self.looked);
                let (at, tags) = looked.tags.get(&key)?;
                let is_fresh = at.elapsed() < self.settings.interval;
                let version = choose_tag(tags, &wanted.revision)
                    .ok()
                    .filter(|_| is_fresh)?;
                Some(artifact(repo, wanted, &version, ""))
            }
        }
    }

    fn find_version(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, ChartError> {
        let (version, digest) = match self.place(repo, wanted.pass_credentials)? {
            Place::Http(repository) => {
                let entry = self.entry(repo, &repository, wanted)?;
                (entry.version.clone(), entry.digest)
            }
            place @ Place::Registry { .. } if wanted.chart.is_empty() => (
                self.files_digest(repo, &place, &wanted.revision)?,
                String::new(),
            ),
            // Compat: a version is taken as it is, without a look whether it is there.
            Place::Registry { .. } if Version::parse(&wanted.revision).is_ok() => {
                (wanted.revision.to_string(), String::new())
            }
            place @ Place::Registry { .. } => {
                let tags = self.tags(repo, &place, &wanted.chart)?;
                (choose_tag(&tags, &wanted.revision)?, String::new())
            }
        };
        Ok(artifact(repo, wanted, &version, &digest))
    }

    /// The index's entry for a version or range. The index is looked at once in a process
    /// before it is believed, and again where it lacks what is wanted.
    fn entry(
        &self,
        repo: &RepoRef,
        repository: &ChartRepository,
        wanted: &Wanted,
    ) -> Result<IndexEntry, ChartError> {
        let find = |index: &Index| index.find(&wanted.chart, &wanted.revision).cloned();
        let last = lock(&self.looked).indexes.get(repo).copied();
        let here = self.indexes.get(&index_key(repo));
        if last.is_some()
            && let Some(entry) = here.as_deref().and_then(find)
        {
            return Ok(entry);
        }
        let index = match self.look_at_index(repo, repository) {
            Ok(index) => index,
            // What an earlier process has seen is better than nothing.
            Err(error) => return here.as_deref().and_then(find).ok_or(error),
        };
        if let Some(entry) = find(&index) {
            return Ok(entry);
        }
        let (chart, version) = (&wanted.chart, &wanted.revision);
        Err(ChartError::NotFound(if index.versions(chart).is_none() {
            format!("chart {:?} not found in its index", &**chart)
        } else {
            format!("no version of chart {:?} suits {:?}", &**chart, &**version)
        }))
    }

    /// Asks for the index's newest state.
    fn look_at_index(
        &self,
        repo: &RepoRef,
        repository: &ChartRepository,
    ) -> Result<Arc<Index>, ChartError> {
        let index = self.indexes.refresh(&index_key(repo), repository)?;
        let mut looked = lock(&self.looked);
        looked.indexes.insert(repo.clone(), Instant::now());
        Ok(index)
    }

    fn tags(
        &self,
        repo: &RepoRef,
        place: &Place,
        chart: &Str,
    ) -> Result<Arc<Vec<String>>, ChartError> {
        let key = (repo.clone(), chart.clone());
        if let Some((at, tags)) = lock(&self.looked).tags.get(&key)
            && at.elapsed() < self.settings.interval
        {
            return Ok(tags.clone());
        }
        self.look_at_tags(repo, place, chart)
    }

    fn look_at_tags(
        &self,
        repo: &RepoRef,
        place: &Place,
        chart: &Str,
    ) -> Result<Arc<Vec<String>>, ChartError> {
        let (registry, reference) = place.registry(chart)?;
        let tags = Arc::new(registry.tags(&reference)?);
        let mut looked = lock(&self.looked);
        if looked.tags.len() > 1000 {
            looked.tags.clear();
        }
        let key = (repo.clone(), chart.clone());
        looked.tags.insert(key, (Instant::now(), tags.clone()));
        Ok(tags)
    }

    /// Looks at all that followers of ranges want to know.
    pub(crate) fn look(&self, repo: &RepoRef, charts: &[Str]) -> Result<(), ChartError> {
        match self.place(repo, false)? {
            Place::Http(repository) => self.look_at_index(repo, &repository).map(drop),
            place @ Place::Registry { .. } => {
                // Tags of files are asked for again by whoever follows them.
                lock(&self.looked).digests.retain(|(of, _), _| of != repo);
                for chart in charts.iter().filter(|chart| !chart.is_empty()) {
                    self.look_at_tags(repo, &place, chart)?;
                }
                Ok(())
            }
        }
    }

    fn fetch_tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, ChartError> {
        let Artifact {
            repo,
            revision,
            chart,
            ..
        } = artifact;
        let place = self.place(repo, artifact.pass_credentials)?;
        if chart.is_empty() {
            return self.fetch_files(&place, repo, revision);
        }
        let epoch = lock(&self.looked).epochs.get(repo).copied().unwrap_or(0);
        let partition = Digest::of_parts([repo.url.as_bytes(), repo.credential.0.as_bytes()]);
        let key = Digest::of_parts([&partition.0[..], chart.as_bytes(), revision.as_bytes()]);
        let entry = match &place {
            Place::Http(repository) => {
                let wanted = Wanted {
                    revision: revision.clone(),
                    chart: chart.clone(),
                    ..Wanted::default()
                };
                Some(self.entry(repo, repository, &wanted)?)
            }
            Place::Registry { .. } => None,
        };
        let told = entry.as_ref().and_then(told_digest);
        let is_believed = epoch == 0 || lock(&self.looked).seen.get(&key) == Some(&epoch);
        let known = || self.artifacts.digest_of(&key).filter(|_| is_believed);
        let digest = told.or_else(known);
        if let Some(digest) = &digest {
            if let Some(tree) = self.trees.get(&partition, digest) {
                return Ok(tree);
            }
            if let Some(data) = self.artifacts.get(&partition, digest) {
                return Ok(self.trees.unpack(&partition, digest, &data)?);
            }
        }
        let data = match (&place, entry) {
            (Place::Http(repository), Some(entry)) => repository.archive(&entry, chart)?,
            (place, _) => {
                let (registry, reference) = place.registry(chart)?;
                registry.pull(&reference.at(revision), false)?.archive
            }
        };
        let digest = Digest::of(&data).hex();
        // A chart that does not unpack is not kept.
        let tree = self.trees.unpack(&partition, &digest, &data)?;
        self.artifacts.put(&partition, &data)?;
        self.artifacts.set_digest(&key, &digest)?;
        if epoch > 0 {
            let mut looked = lock(&self.looked);
            if looked.seen.len() > 10_000 {
                looked.seen.clear();
            }
            looked.seen.insert(key, epoch);
        }
        Ok(tree)
    }
}

fn artifact(repo: &RepoRef, wanted: &Wanted, version: &str, digest: &str) -> Artifact {
    let parts = [&*repo.url, &*wanted.chart, version, digest];
    Artifact {
        repo: repo.clone(),
        digest: Digest::of_parts(parts.map(str::as_bytes)),
        revision: version.into(),
        chart: wanted.chart.clone(),
        pass_credentials: wanted.pass_credentials,
    }
}

fn index_key(repo: &RepoRef) -> Digest {
    Digest::of_parts([repo.url.as_bytes(), repo.credential.0.as_bytes()])
}

/// What failed, on which chart of which repository, and the way out.
pub(crate) fn explain(repo: &RepoRef, chart: &str, error: &ChartError) -> SourceError {
    let url = redact_url(&repo.url);
    let kind = error.kind();
    let hint = match kind {
        _ if matches!(error, ChartError::Disk { .. }) => {
            "check the data folder's disk space and permissions".into()
        }
        SourceErrorKind::Unauthorized if repo.credential.0.is_empty() => format!(
            "add a Secret labelled `argocd.argoproj.io/secret-type: repository` with `type: helm` \
             for this URL, or run `argosy repo add {url} --type helm --username U --password P`"
        ),
        SourceErrorKind::Unauthorized => format!(
            "renew username and password in the Secret `{}`",
            repo.credential.0
        ),
        SourceErrorKind::NoRevision => {
            "check `chart` and `targetRevision`: a version or a range such as `1.2.*`".into()
        }
        SourceErrorKind::NoRepository => {
            "check `repoURL`: of a chart repository the folder of index.yaml, of a registry \
             `HOST/PATH` without the chart's name"
                .into()
        }
        SourceErrorKind::Unreachable => {
            "check the URL, the network and the server; it is tried again by itself".into()
        }
        _ => "ask who maintains the chart repository".into(),
    };
    SourceError {
        kind,
        message: if chart.is_empty() {
            format!("`{url}`: {error}")
        } else {
            format!("chart `{chart}` of repository `{url}`: {error}")
        },
        hint: Some(hint),
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
