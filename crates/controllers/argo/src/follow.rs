//! Who follows which revisions, and whom a new commit concerns.

use argosy_frame::{Queue, offload};
use argosy_object::Key;
use argosy_ports::{Artifact, RepoRef, Seen, Sources, Wanted};
use argosy_tree::{Changed, Tree, touched};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A revision of a repository.
pub(crate) type Followed = (RepoRef, Wanted);

/// Whether a difference between two trees concerns a follower.
pub(crate) type Concerns = Arc<dyn Fn(&Key, &Changed) -> bool + Send + Sync>;

/// One task for each revision that is followed, however many objects do.
pub(crate) struct Follows {
    sources: Arc<dyn Sources>,
    queue: Arc<Queue>,
    concerns: Concerns,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    by_follower: HashMap<Key, BTreeSet<Followed>>,
    follows: BTreeMap<Followed, Follow>,
}

struct Follow {
    followers: BTreeSet<Key>,
    task: JoinHandle<()>,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follows {
    /// Follows for the objects of a queue.
    pub(crate) fn new(sources: Arc<dyn Sources>, queue: Arc<Queue>, concerns: Concerns) -> Self {
        Self {
            sources,
            queue,
            concerns,
            state: Arc::default(),
        }
    }

    /// The revisions that an object follows from now on.
    pub(crate) fn set(&self, follower: &Key, wanted: BTreeSet<Followed>) {
        let mut state = lock(&self.state);
        if state.by_follower.get(follower) == Some(&wanted) {
            return;
        }
        // New follows come before old ones go, so that a shared poll does not end in between.
        for followed in &wanted {
            let follow = state
                .follows
                .entry(followed.clone())
                .or_insert_with(|| Follow {
                    followers: BTreeSet::new(),
                    task: self.spawn(followed),
                });
            follow.followers.insert(follower.clone());
        }
        let before = state.by_follower.insert(follower.clone(), wanted.clone());
        for followed in before.unwrap_or_default().difference(&wanted) {
            state.drop_follow(followed, follower);
        }
    }

    /// An object is gone.
    pub(crate) fn forget(&self, follower: &Key) {
        let mut state = lock(&self.state);
        for followed in state.by_follower.remove(follower).unwrap_or_default() {
            state.drop_follow(&followed, follower);
        }
    }

    fn spawn(&self, followed: &Followed) -> JoinHandle<()> {
        let mut receiver = self.sources.follow(&followed.0, &followed.1);
        // What is seen now is what the reconcile that begins to follow sees, too.
        let first = receiver.borrow_and_update().clone();
        let watcher = Watcher {
            sources: self.sources.clone(),
            state: self.state.clone(),
            followed: followed.clone(),
            queue: self.queue.clone(),
            concerns: self.concerns.clone(),
        };
        tokio::spawn(watcher.run(first, receiver))
    }
}

impl State {
    fn drop_follow(&mut self, followed: &Followed, follower: &Key) {
        if let Some(follow) = self.follows.get_mut(followed) {
            follow.followers.remove(follower);
            if follow.followers.is_empty() {
                self.follows.remove(followed);
            }
        }
    }
}

/// Looks at what came, and wakes those whom it concerns.
struct Watcher {
    sources: Arc<dyn Sources>,
    state: Arc<Mutex<State>>,
    followed: Followed,
    queue: Arc<Queue>,
    concerns: Concerns,
}

/// What was seen last; `None` for the files where they could not be read.
type Last = Option<(Artifact, Option<Arc<dyn Tree>>)>;

impl Watcher {
    async fn run(self, first: Seen, mut receiver: watch::Receiver<Seen>) {
        let mut last: Last = None;
        let mut had_error = false;
        let mut seen = first;
        let mut is_late = false;
        loop {
            let has_error = seen.error.is_some();
            let is_moved = |artifact: &Artifact| {
                last.as_ref()
                    .is_none_or(|(old, _)| old.revision != artifact.revision)
            };
            if let Some(artifact) = seen.artifact.filter(is_moved) {
                // Of two commits that come before this task first runs, only the later one is
                // seen here, and a reconcile may have been quicker and seen the first.
                if is_late && last.is_none() {
                    self.wake(|_| true);
                }
                last = Some(self.moved(last, artifact).await);
            }
            // All of them stand there with the error, or with a revision that cannot be had any
            // more: also those that the new revision does not concern.
            if has_error != had_error {
                self.wake(|_| true);
            }
            had_error = has_error;
            is_late = true;
            if receiver.changed().await.is_err() {
                return;
            }
            seen = receiver.borrow_and_update().clone();
        }
    }

    /// A new revision: the trees are compared once, and only those whose read set the
    /// difference touches are woken.
    async fn moved(&self, last: Last, artifact: Artifact) -> (Artifact, Option<Arc<dyn Tree>>) {
        let Ok(tree) = self.sources.tree(&artifact).await else {
            self.wake(|_| true);
            return (artifact, None);
        };
        match last {
            // What is there when one begins to follow, the reconcile sees itself.
            None => {}
            Some((_, None)) => self.wake(|_| true),
            Some((_, Some(old))) => match difference(old, tree.clone()).await {
                None => self.wake(|_| true),
                Some(changed) => self.wake(|follower| (self.concerns)(follower, &changed)),
            },
        }
        (artifact, Some(tree))
    }

    fn wake(&self, concerns: impl Fn(&Key) -> bool) {
        let followers: Vec<Key> = lock(&self.state)
            .follows
            .get(&self.followed)
            .map(|follow| follow.followers.iter().cloned().collect())
            .unwrap_or_default();
        for follower in followers {
            if concerns(&follower) {
                self.queue.add(follower);
            }
        }
    }
}

/// Compares two trees off the reactor; `None` where that fails.
async fn difference(old: Arc<dyn Tree>, new: Arc<dyn Tree>) -> Option<Changed> {
    offload(move || touched(&*old, &*new)).await.ok()?.ok()
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::Digest;
    use argosy_ports::{ChartRef, CredentialId, SourceError, SourceErrorKind};
    use argosy_tree::MemoryTree;
    use async_trait::async_trait;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// One revision, whose tree is its name.
    struct Fake {
        seen: watch::Sender<Seen>,
        has_trees: AtomicBool,
    }

    fn missing() -> SourceError {
        SourceError {
            kind: SourceErrorKind::Unreachable,
            message: "away".into(),
            hint: None,
        }
    }

    fn repo() -> RepoRef {
        RepoRef {
            url: "https://git/a".into(),
            credential: CredentialId::default(),
            project: "".into(),
        }
    }

    #[async_trait]
    impl Sources for Fake {
        fn repo(&self, _: &str, _: &str) -> RepoRef {
            repo()
        }

        async fn resolve(&self, _: &RepoRef, _: &Wanted) -> Result<Artifact, SourceError> {
            Err(missing())
        }

        async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError> {
            if !self.has_trees.load(Ordering::SeqCst) {
                return Err(missing());
            }
            let text = artifact.revision.to_string();
            Ok(Arc::new(MemoryTree::new([("file", text)])))
        }

        async fn chart(&self, _: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError> {
            Err(missing())
        }

        async fn refresh_charts(&self, _: &RepoRef) -> Result<(), SourceError> {
            Ok(())
        }

        fn pushed(&self, _: &[String]) -> usize {
            0
        }

        fn follow(&self, _: &RepoRef, _: &Wanted) -> watch::Receiver<Seen> {
            self.seen.subscribe()
        }

        async fn refresh(&self, _: &RepoRef) -> Result<(), SourceError> {
            Ok(())
        }
    }

    fn seen(revision: &str, error: Option<SourceError>) -> Seen {
        Seen {
            artifact: Some(Artifact {
                repo: repo(),
                revision: revision.into(),
                digest: Digest::of(revision.as_bytes()),
                chart: "".into(),
                pass_credentials: false,
            }),
            error,
            at: None,
        }
    }

    /// A follower whom no difference concerns; whether `news` wakes it all the same.
    async fn wakes(first: Seen, has_trees: bool, news: Seen) -> bool {
        let fake = Arc::new(Fake {
            seen: watch::channel(first).0,
            has_trees: AtomicBool::new(has_trees),
        });
        let queue = Arc::new(Queue::new());
        let follows = Follows::new(fake.clone(), queue.clone(), Arc::new(|_, _| false));
        let follower = Key::new("argoproj.io", "Application", None, "a");
        follows.set(&follower, [(repo(), Wanted::default())].into());
        let settled = || async {
            for _ in 0..50 {
                tokio::task::yield_now().await;
            }
        };
        settled().await;
        while queue.depth() > 0 {
            let key = queue.next().await.unwrap();
            queue.done(&key);
        }
        fake.has_trees.store(true, Ordering::SeqCst);
        fake.seen.send_replace(news);
        settled().await;
        queue.depth() > 0
    }

    #[tokio::test]
    async fn commit_that_concerns_nobody_wakes_nobody() {
        assert!(!wakes(seen("1", None), true, seen("2", None)).await);
    }

    #[tokio::test]
    async fn end_of_an_error_wakes_all_whatever_the_new_commit_concerns() {
        let away = seen("1", Some(missing()));
        assert!(wakes(away, true, seen("2", None)).await);
    }

    #[tokio::test]
    async fn commit_after_files_that_could_not_be_read_wakes_all() {
        assert!(wakes(seen("1", None), false, seen("2", None)).await);
    }

    #[tokio::test]
    async fn first_sight_that_comes_late_wakes_all() {
        assert!(wakes(Seen::default(), true, seen("2", None)).await);
    }
}
