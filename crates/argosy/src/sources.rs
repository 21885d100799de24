//! All sources behind one port: Git repositories, chart repositories and registries.

use argosy_git::{Credentials, GitSettings, GitSources, Permit};
use argosy_oci::{ChartSettings, ChartSources};
use argosy_ports::{Artifact, ChartRef, Clock, RepoRef, Seen, SourceError, Sources, Wanted};
use argosy_tree::Tree;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;

/// Whatever an Application may name as its source.
pub struct FleetSources {
    git: GitSources,
    charts: ChartSources,
}

impl FleetSources {
    /// Prepares to read; nothing is read yet. Charts are kept where mirrors are.
    pub fn new(settings: GitSettings, clock: Arc<dyn Clock>) -> Self {
        let mut charts = ChartSettings::new(&settings.data_dir);
        charts.interval = settings.remote_interval;
        charts.max_backoff = settings.max_backoff;
        charts.proxies = settings.proxies.clone();
        Self {
            git: GitSources::new(settings, clock.clone()),
            charts: ChartSources::new(charts, clock),
        }
    }

    /// Replaces the credentials; the next look at each repository uses them.
    pub fn set_credentials(&self, credentials: Credentials) {
        self.charts.set_credentials(credentials.clone());
        self.git.set_credentials(credentials);
    }

    /// Sets who decides which repositories a project's submodules may name.
    pub fn set_permit(&self, permit: Arc<Permit>) {
        self.git.set_permit(permit);
    }

    /// Asks whether a Git repository, or a chart repository, may be read.
    ///
    /// # Errors
    /// [`SourceError`], as reading it would have it.
    pub async fn probe(&self, repo: &RepoRef, holds_charts: bool) -> Result<(), SourceError> {
        if holds_charts {
            self.charts.probe(repo).await
        } else {
            self.git.probe(repo).await
        }
    }
}

#[async_trait]
impl Sources for FleetSources {
    fn repo(&self, url: &str, project: &str) -> RepoRef {
        // Both know the same Secrets, and names of chart repositories are no URLs of Git.
        self.charts.repo(url, project)
    }

    async fn resolve(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError> {
        if is_git(&repo.url, &wanted.chart) {
            self.git.resolve(repo, wanted).await
        } else {
            self.charts.resolve(repo, wanted).await
        }
    }

    async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
        if is_git(&artifact.repo.url, &artifact.chart) {
            self.git.tree(artifact).await
        } else {
            self.charts.tree(artifact).await
        }
    }

    async fn chart(&self, chart: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError> {
        let wanted = Wanted {
            revision: chart.version.clone(),
            chart: chart.name.clone(),
            pass_credentials: chart.pass_credentials,
            ..Wanted::default()
        };
        let artifact = self.charts.resolve(&chart.repo, &wanted).await?;
        let tree = self.charts.tree(&artifact).await?;
        Ok((artifact, tree))
    }

    fn follow(&self, repo: &RepoRef, wanted: &Wanted) -> watch::Receiver<Seen> {
        if is_git(&repo.url, &wanted.chart) {
            self.git.follow(repo, wanted)
        } else {
            self.charts.follow(repo, wanted)
        }
    }

    async fn file(&self, repo: &RepoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        self.git.file(repo, max_bytes).await
    }

    fn pushed(&self, urls: &[String]) -> usize {
        self.git.pushed(urls)
    }

    async fn refresh(&self, repo: &RepoRef) -> Result<(), SourceError> {
        if is_git(&repo.url, "") {
            self.git.refresh(repo).await
        } else {
            self.charts.refresh(repo).await
        }
    }

    async fn refresh_charts(&self, repo: &RepoRef) -> Result<(), SourceError> {
        self.charts.refresh(repo).await
    }
}

/// Whether a source is read by Git: it names no chart, and no registry.
pub fn is_git(url: &str, chart: &str) -> bool {
    chart.is_empty() && !url.trim_start().starts_with("oci://")
}
