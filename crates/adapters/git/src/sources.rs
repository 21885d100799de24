//! The `Sources` port over Git repositories.

use crate::composed::Part;
use crate::failure;
use crate::location::InsteadOf;
use crate::place::place_of;
use crate::poll::{Shared, Watched, effective_url};
use crate::repository::Beside;
use crate::ssh::SshSettings;
use crate::submodules::{self, Composed};
use crate::tree::GitTree;
use argosy_fetch::{Credentials, Download, Patience, Proxies, download, host, redact_url};
use argosy_ports::{
    Artifact, ChartRef, Clock, CredentialId, RepoRef, Seen, SourceError, SourceErrorKind, Sources,
    Wanted,
};
use argosy_tree::Tree;
use async_trait::async_trait;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Fetches that run at the same time.
const PARALLEL_FETCHES: usize = 10;

/// How repositories are read.
#[derive(Clone, Debug)]
pub struct GitSettings {
    /// The folder under which `mirrors/` is kept.
    pub data_dir: PathBuf,
    /// The folders under which repositories of the local disk may lie (`--local-repos`).
    pub local_roots: Vec<PathBuf>,
    /// URLs that are read from elsewhere (`--git-instead-of`).
    pub instead_of: Vec<InsteadOf>,
    /// Between two looks at a local repository.
    pub local_interval: Duration,
    /// Between two looks at a remote one, before jitter of a tenth either way.
    pub remote_interval: Duration,
    /// The longest delay after failures.
    pub max_backoff: Duration,
    /// The most bytes that one fetch may bring (`--git-max-fetch`).
    pub max_fetch_bytes: u64,
    /// The largest file that is read of a repository, in bytes (`--git-max-file`).
    pub max_file_bytes: u64,
    /// Whether submodules stand in their places (`--git-submodules`).
    pub submodules: bool,
    /// How long a mirror keeps commits that nothing leads to any more.
    pub garbage_patience: Duration,
    /// How long servers may take.
    pub patience: Patience,
    /// Proxies for repositories whose credential names none.
    pub proxies: Proxies,
    /// How `ssh` is run.
    pub ssh: SshSettings,
}

impl GitSettings {
    /// The defaults, with mirrors under `data_dir`.
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        Self {
            data_dir: data_dir.into(),
            local_roots: Vec::new(),
            instead_of: Vec::new(),
            local_interval: Duration::from_secs(1),
            remote_interval: Duration::from_mins(2),
            max_backoff: Duration::from_mins(5),
            max_fetch_bytes: 4 << 30,
            max_file_bytes: 32 << 20,
            submodules: true,
            garbage_patience: Duration::from_hours(7 * 24),
            patience: Patience::default(),
            proxies: Proxies::default(),
            ssh: SshSettings::default(),
        }
    }
}

/// Git repositories as sources. Dropping it ends all polls.
pub struct GitSources {
    shared: Arc<Shared>,
    repositories: Mutex<HashMap<(String, CredentialId), Arc<Watched>>>,
    composed: Composed,
    permit: RwLock<Option<Arc<Permit>>>,
}

/// Says whether a project may have a repository as a source, and why not.
pub type Permit = dyn Fn(&str, &str) -> Result<(), String> + Send + Sync;

impl GitSources {
    /// Prepares to read repositories; nothing is read yet. Local roots that do not exist are
    /// left out.
    pub fn new(settings: GitSettings, clock: Arc<dyn Clock>) -> Self {
        let roots = settings
            .local_roots
            .iter()
            .filter_map(|root| root.canonicalize().ok())
            .collect();
        Self {
            shared: Arc::new(Shared {
                settings,
                roots,
                credentials: RwLock::default(),
                clock,
                fetches: Semaphore::new(PARALLEL_FETCHES),
                swept: Once::new(),
            }),
            repositories: Mutex::default(),
            composed: Composed::default(),
            permit: RwLock::default(),
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
        self.composed.clear();
        for watched in self.all() {
            watched.retry();
        }
    }

    /// Sets who may read which repository as a submodule. Without it everybody may, as on the
    /// command line, where all that is read is the caller's own.
    pub fn set_permit(&self, permit: Arc<Permit>) {
        *self.permit.write().unwrap_or_else(PoisonError::into_inner) = Some(permit);
    }

    /// Whether a project may read a repository as a submodule.
    pub(crate) fn permit(&self, project: &str, url: &str) -> Result<(), SourceError> {
        let permit = self
            .permit
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        match permit {
            Some(permit) => {
                permit(project, url).map_err(|why| failure::not_permitted(url, project, &why))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn composed(&self) -> &Composed {
        &self.composed
    }

    pub(crate) fn largest_file(&self) -> u64 {
        self.shared.settings.max_file_bytes
    }

    fn all(&self) -> Vec<Arc<Watched>> {
        let repositories = self
            .repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        repositories.values().cloned().collect()
    }

    /// How often a repository was looked at, for metrics.
    pub fn looks(&self, repo: &RepoRef) -> u64 {
        self.watched(repo).looks()
    }

    /// Asks whether a repository may be read, and fetches nothing.
    ///
    /// # Errors
    /// [`SourceError`], as a fetch would have it.
    pub async fn probe(&self, repo: &RepoRef) -> Result<(), SourceError> {
        self.watched(repo).probe().await
    }

    pub(crate) fn watched(&self, repo: &RepoRef) -> Arc<Watched> {
        let url = effective_url(&self.shared, &repo.url);
        let mut repositories = self
            .repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        repositories
            .entry((url.clone(), repo.credential.clone()))
            .or_insert_with(|| {
                Arc::new(Watched::new(
                    self.shared.clone(),
                    url,
                    repo.credential.clone(),
                ))
            })
            .clone()
    }
}

impl Drop for GitSources {
    fn drop(&mut self) {
        let repositories = self
            .repositories
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for watched in repositories.values() {
            watched.stop();
        }
    }
}

#[async_trait]
impl Sources for GitSources {
    fn repo(&self, url: &str, project: &str) -> RepoRef {
        RepoRef {
            url: url.into(),
            credential: self.shared.credentials().id_for(url, project),
            project: project.into(),
        }
    }

    async fn resolve(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError> {
        self.watched(repo).resolve(repo, wanted).await
    }

    async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
        let repo = &artifact.repo;
        let watched = self.watched(repo);
        let snapshot = watched.holding(repo, &artifact.revision).await?;
        let commit = gix::ObjectId::from_hex(artifact.revision.as_bytes())
            .map_err(|_| failure::no_revision(&repo.url, &artifact.revision, None))?;
        let root = snapshot
            .objects
            .root_of(&commit)
            .map_err(|fault| failure::storage(&repo.url, "read the commit", &fault))?;
        let largest = self.largest_file();
        if self.shared.settings.submodules {
            let part = Part {
                objects: snapshot.objects.clone(),
                root,
                place: String::new(),
            };
            if let Some(tree) = submodules::compose(self, artifact, part, watched).await? {
                return Ok(tree);
            }
        }
        Ok(Arc::new(GitTree::new(
            snapshot.objects.clone(),
            root,
            largest,
        )))
    }

    async fn file(&self, repo: &RepoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let url = repo.url.to_string();
        let credentials = self.shared.credentials();
        let credential = credentials.get(&repo.credential).unwrap_or_default();
        let authorities = credentials.authority(host(&url)).map(str::to_owned);
        let proxies = self.shared.settings.proxies.clone();
        let task = tokio::task::spawn_blocking(move || {
            download(&Download {
                url: &url,
                username: &credential.username,
                password: credential.password.clone(),
                trust: credential.trust(authorities.as_deref(), &proxies),
                max_bytes,
                ..Download::default()
            })
        });
        let outcome = task
            .await
            .map_err(|error| error.to_string())
            .and_then(|inner| inner);
        outcome.map_err(|message| SourceError {
            kind: SourceErrorKind::Unreachable,
            message,
            hint: None,
        })
    }

    async fn refresh_charts(&self, _: &RepoRef) -> Result<(), SourceError> {
        Ok(())
    }

    async fn chart(&self, chart: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError> {
        Err(failure::unsupported(
            format!(
                "chart `{}` of chart repository `{}`: chart repositories come later",
                chart.name,
                redact_url(&chart.repo.url)
            ),
            Some("put the chart into a Git repository and name its `path`".into()),
        ))
    }

    fn follow(&self, repo: &RepoRef, wanted: &Wanted) -> watch::Receiver<Seen> {
        self.watched(repo).follow(repo, wanted)
    }

    fn pushed(&self, urls: &[String]) -> usize {
        let places: Vec<String> = urls.iter().filter_map(|url| place_of(url)).collect();
        let mut all = self.all();
        all.retain(|watched| watched.is_one_of(&places));
        for watched in &all {
            watched.nudge();
        }
        all.len()
    }

    async fn refresh(&self, repo: &RepoRef) -> Result<(), SourceError> {
        self.watched(repo).look(Beside::default()).await
    }
}
