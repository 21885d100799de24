//! The `Sources` port over Git repositories.

use crate::failure;
use crate::location::InsteadOf;
use crate::poll::{Shared, Watched, effective_url};
use crate::repository::Beside;
use crate::tree::GitTree;
use argosy_fetch::Credentials;
use argosy_fetch::redact_url;
use argosy_ports::{
    Artifact, ChartRef, Clock, CredentialId, RepoRef, Seen, SourceError, Sources, Wanted,
};
use argosy_tree::Tree;
use async_trait::async_trait;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
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
    /// The most bytes that one answer of a server may have.
    pub max_fetch_bytes: u64,
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
        }
    }
}

/// Git repositories as sources. Dropping it ends all polls.
pub struct GitSources {
    shared: Arc<Shared>,
    repositories: Mutex<HashMap<(String, CredentialId), Arc<Watched>>>,
}

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
            }),
            repositories: Mutex::default(),
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

    fn watched(&self, repo: &RepoRef) -> Arc<Watched> {
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
        }
    }

    async fn resolve(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError> {
        self.watched(repo).resolve(repo, wanted).await
    }

    async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
        let repo = &artifact.repo;
        let snapshot = self.watched(repo).holding(repo, &artifact.revision).await?;
        let commit = gix::ObjectId::from_hex(artifact.revision.as_bytes())
            .map_err(|_| failure::no_revision(&repo.url, &artifact.revision, None))?;
        let root = snapshot
            .objects
            .root_of(&commit)
            .map_err(|fault| failure::storage(&repo.url, "read the commit", &fault))?;
        Ok(Arc::new(GitTree::new(snapshot.objects.clone(), root)))
    }

    async fn chart(&self, chart: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError> {
        Err(failure::unsupported(
            format!(
                "chart `{}` of chart repository `{}`: Git repositories hold no chart versions",
                chart.name,
                redact_url(&chart.repo.url)
            ),
            Some("name its `path` instead of `chart`".into()),
        ))
    }

    async fn refresh_charts(&self, _: &RepoRef) -> Result<(), SourceError> {
        Ok(())
    }

    fn follow(&self, repo: &RepoRef, wanted: &Wanted) -> watch::Receiver<Seen> {
        self.watched(repo).follow(repo, wanted)
    }

    async fn refresh(&self, repo: &RepoRef) -> Result<(), SourceError> {
        self.watched(repo).look(Beside::default()).await
    }
}
