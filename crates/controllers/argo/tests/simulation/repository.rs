//! A repository with a history that the script writes, its mirror and its poll, as the Git
//! adapter has them.

use crate::model::Commit;
use argosy_object::{Digest, Str};
use argosy_ports::{
    Artifact, ChartRef, CredentialId, RepoRef, Seen, SourceError, SourceErrorKind, Sources, Wanted,
};
use argosy_tree::Tree;
use async_trait::async_trait;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::watch;

pub const URL: &str = "https://git.sim/fleet";
const POLL: Duration = Duration::from_secs(30);
const HANGS_FOR: Duration = Duration::from_secs(60);

/// What is wrong with the remote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    None,
    /// Connections are refused.
    Down,
    /// It takes the request and never answers.
    Hangs,
    /// It answers that it has no branches.
    Empty,
    /// The mirror has lost the files of its commits.
    TreeMissing,
    Unauthorized,
}

struct State {
    /// All commits that ever were.
    commits: Vec<Commit>,
    /// Where the branch of the remote stands.
    head: usize,
    /// Where the mirror saw it.
    mirror: Option<usize>,
    /// How many commits the mirror has.
    fetched: usize,
    trouble: Trouble,
    last_error: Option<SourceError>,
    followers: Vec<(Wanted, watch::Sender<Seen>)>,
    is_polled: bool,
}

/// The only repository of a run.
pub struct Repository {
    state: Mutex<State>,
}

impl Repository {
    pub fn new(first: Commit) -> Arc<Self> {
        let state = State {
            commits: vec![first],
            head: 0,
            mirror: None,
            fetched: 0,
            trouble: Trouble::None,
            last_error: None,
            followers: vec![],
            is_polled: false,
        };
        Arc::new(Self {
            state: Mutex::new(state),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub fn head(&self) -> Commit {
        let state = self.lock();
        state.commits[state.head].clone()
    }

    pub fn commit_of(&self, sha: &str) -> Option<Commit> {
        let state = self.lock();
        state.commits.iter().find(|one| one.sha == sha).cloned()
    }

    pub fn sha(&self, at: usize) -> String {
        self.lock().commits[at].sha.clone()
    }

    pub fn len(&self) -> usize {
        self.lock().commits.len()
    }

    pub fn push(&self, commit: Commit) {
        let mut state = self.lock();
        state.commits.push(commit);
        state.head = state.commits.len() - 1;
    }

    /// Moves the branch to another commit, as a forced push does.
    pub fn force(&self, to: usize) {
        self.lock().head = to;
    }

    pub fn set_trouble(&self, trouble: Trouble) {
        self.lock().trouble = trouble;
    }

    /// Controllers of another process follow: those of the last one do not any more.
    pub fn restarted(&self) {
        let mut state = self.lock();
        state.followers.clear();
        state.last_error = None;
    }

    /// Looks at the remote.
    async fn look(&self) -> Result<(), SourceError> {
        tokio::time::sleep(Duration::from_millis(40)).await;
        let trouble = self.lock().trouble;
        if trouble == Trouble::Hangs {
            tokio::time::sleep(HANGS_FOR).await;
        }
        let mut state = self.lock();
        let failure = match trouble {
            Trouble::Down | Trouble::Hangs => Some(SourceErrorKind::Unreachable),
            Trouble::Unauthorized => Some(SourceErrorKind::Unauthorized),
            _ => None,
        };
        let outcome = match failure {
            Some(kind) => Err(error(kind, "the remote does not answer")),
            None => {
                state.mirror = (trouble != Trouble::Empty).then_some(state.head);
                state.fetched = state.commits.len();
                Ok(())
            }
        };
        state.last_error = outcome.clone().err();
        state.tell();
        outcome
    }

    async fn poll(self: Arc<Self>) {
        loop {
            tokio::time::sleep(POLL).await;
            {
                let mut state = self.lock();
                state.followers.retain(|(_, sender)| !sender.is_closed());
                if state.followers.is_empty() {
                    state.is_polled = false;
                    return;
                }
            }
            let _ = self.look().await;
        }
    }
}

impl State {
    fn resolve(&self, wanted: &Wanted) -> Result<Artifact, SourceError> {
        let found = if &*wanted.revision == "main" {
            self.mirror.map(|at| &self.commits[at])
        } else {
            let known = self.commits.iter().take(self.fetched);
            known.into_iter().find(|one| *one.sha == *wanted.revision)
        };
        let missing = || error(SourceErrorKind::NoRevision, "there is no such revision");
        found.map(artifact).ok_or_else(missing)
    }

    fn tell(&mut self) {
        for (wanted, sender) in &self.followers {
            let (artifact, error) = match (self.resolve(wanted), &self.last_error) {
                (found, Some(error)) => (found.ok(), Some(error.clone())),
                (Ok(found), None) => (Some(found), None),
                (Err(error), None) => (None, Some(error)),
            };
            let last = sender.borrow().clone();
            let artifact = artifact.or(last.artifact);
            sender.send_replace(Seen {
                artifact,
                error,
                at: None,
            });
        }
    }
}

fn error(kind: SourceErrorKind, message: &str) -> SourceError {
    SourceError {
        kind,
        message: message.into(),
        hint: None,
    }
}

fn repo_ref(url: &str) -> RepoRef {
    RepoRef {
        url: url.into(),
        credential: CredentialId::default(),
        project: Str::default(),
    }
}

fn artifact(commit: &Commit) -> Artifact {
    Artifact {
        repo: repo_ref(URL),
        revision: Str::from(commit.sha.as_str()),
        digest: Digest::of(commit.sha.as_bytes()),
        chart: Str::default(),
        pass_credentials: false,
    }
}

/// The repository as the controllers see it.
pub struct Sight(pub Arc<Repository>);

#[async_trait]
impl Sources for Sight {
    fn repo(&self, url: &str, _: &str) -> RepoRef {
        repo_ref(url)
    }

    async fn resolve(&self, _: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError> {
        if let Ok(found) = self.0.lock().resolve(wanted) {
            return Ok(found);
        }
        self.0.look().await?;
        self.0.lock().resolve(wanted)
    }

    async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
        let state = self.0.lock();
        let found = state
            .commits
            .iter()
            .find(|one| *one.sha == *artifact.revision);
        match found {
            Some(commit) if state.trouble != Trouble::TreeMissing => Ok(commit.tree.clone()),
            _ => Err(error(
                SourceErrorKind::Unreachable,
                "the mirror has no such tree",
            )),
        }
    }

    async fn chart(&self, _: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError> {
        Err(error(SourceErrorKind::Unsupported, "there are no charts"))
    }

    fn follow(&self, _: &RepoRef, wanted: &Wanted) -> watch::Receiver<Seen> {
        let mut state = self.0.lock();
        let seen = Seen {
            artifact: state.resolve(wanted).ok(),
            ..Seen::default()
        };
        let (sender, receiver) = watch::channel(seen);
        state.followers.push((wanted.clone(), sender));
        if !std::mem::replace(&mut state.is_polled, true) {
            tokio::spawn(self.0.clone().poll());
        }
        receiver
    }

    async fn refresh_charts(&self, _: &RepoRef) -> Result<(), SourceError> {
        Ok(())
    }

    fn pushed(&self, _: &[String]) -> usize {
        0
    }

    async fn refresh(&self, _: &RepoRef) -> Result<(), SourceError> {
        self.0.look().await
    }
}
