//! A folder with repositories, and sources over it.

use argosy_git::author::{Change, RepoBuilder};
use argosy_git::{Credentials, GitSettings, GitSources};
use argosy_object::{Object, json};
use argosy_ports::{Artifact, RepoRef, Seen, SourceError, Sources, SystemTime, Wanted};
use argosy_tree::{Limits, RelPath, Rooted, Tree};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

pub struct World {
    pub dir: tempfile::TempDir,
    pub sources: GitSources,
    settings: GitSettings,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(adjust: impl FnOnce(&mut GitSettings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("repos")).unwrap();
        let mut settings = GitSettings::new(dir.path().join("data"));
        settings.local_roots = vec![dir.path().join("repos")];
        settings.local_interval = Duration::from_millis(20);
        settings.remote_interval = Duration::from_millis(40);
        settings.max_backoff = Duration::from_millis(80);
        adjust(&mut settings);
        let sources = GitSources::new(settings.clone(), Arc::new(SystemTime));
        Self {
            dir,
            sources,
            settings,
        }
    }

    /// Sources over the same data folder, as a process that is started again has them.
    pub fn again(&self) -> GitSources {
        GitSources::new(self.settings.clone(), Arc::new(SystemTime))
    }

    pub fn repos(&self) -> PathBuf {
        self.dir.path().join("repos")
    }

    pub fn make(&self, name: &str) -> RepoBuilder {
        let repo = RepoBuilder::init(&self.repos().join(name)).unwrap();
        repo.commit("main", "first", &[Change::text("a/app.yaml", "v: 1\n")])
            .unwrap();
        repo
    }

    pub fn local(&self, name: &str) -> RepoRef {
        let url = format!("file://{}", self.repos().join(name).display());
        self.sources.repo(&url, "default")
    }

    pub async fn resolve(&self, repo: &RepoRef, revision: &str) -> Result<Artifact, SourceError> {
        self.sources.resolve(repo, &wanted(revision)).await
    }

    pub async fn read(&self, artifact: &Artifact, path: &str) -> String {
        let tree = self.sources.tree(artifact).await.unwrap();
        read(&*tree, path)
    }

    /// Lets a server of another user read the repositories.
    pub fn open_to_others(&self) {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(self.dir.path(), mode).unwrap();
    }

    pub fn login(&self, url: &str, user: &str, password: &str) {
        let secret = Object::new(json!({
            "apiVersion": "v1", "kind": "Secret",
            "metadata": {"name": "login", "namespace": "argocd",
                "labels": {"argocd.argoproj.io/secret-type": "repo-creds"}},
            "stringData": {"url": url, "username": user, "password": password},
        }));
        let (credentials, faults) = Credentials::of([&secret.unwrap()]);
        assert!(faults.is_empty(), "{faults:?}");
        self.sources.set_credentials(credentials);
    }
}

pub fn wanted(revision: &str) -> Wanted {
    Wanted {
        revision: revision.into(),
        tag_prefix: None,
        ..Wanted::default()
    }
}

pub fn read(tree: &dyn Tree, path: &str) -> String {
    try_read(tree, path).unwrap()
}

pub fn try_read(tree: &dyn Tree, path: &str) -> Option<String> {
    let rooted = Rooted::new(tree, Limits::default());
    let bytes = rooted.read(&RelPath::new(path).unwrap()).ok()?;
    String::from_utf8(bytes.to_vec()).ok()
}

/// Waits until what is followed fulfils a condition.
pub async fn until(
    receiver: &mut watch::Receiver<Seen>,
    what: &str,
    mut fits: impl FnMut(&Seen) -> bool,
) -> Seen {
    let wait = receiver.wait_for(|s| fits(s));
    let seen = tokio::time::timeout(Duration::from_mins(1), wait)
        .await
        .map(|seen| seen.unwrap().clone());
    seen.unwrap_or_else(|_| panic!("{what} did not come: {:?}", receiver.borrow()))
}

pub fn revision(seen: &Seen) -> Option<&str> {
    seen.artifact.as_ref().map(|artifact| &*artifact.revision)
}
