//! Who is woken by which news.

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

/// One follower, whom no difference concerns.
struct Ground {
    fake: Arc<Fake>,
    queue: Arc<Queue>,
    follows: Follows,
    follower: Key,
    followed: Followed,
}

impl Ground {
    fn new(first: Seen, has_trees: bool) -> Self {
        let fake = Arc::new(Fake {
            seen: watch::channel(first).0,
            has_trees: AtomicBool::new(has_trees),
        });
        let queue = Arc::new(Queue::new());
        let follows = Follows::new(fake.clone(), queue.clone(), Arc::new(|_, _| false));
        let follower = Key::new("argoproj.io", "Application", None, "a");
        let followed = (repo(), Wanted::default());
        follows.set(&follower, [followed.clone()].into());
        Self {
            fake,
            queue,
            follows,
            follower,
            followed,
        }
    }

    fn stands_at(&self, revision: &str) {
        let revision = revision.into();
        self.follows
            .stands_at(&self.follower, &self.followed, &revision);
    }

    fn tell(&self, news: Seen) {
        self.fake.seen.send_replace(news);
    }

    /// Lets the follower's task do all it has to; whether it woke the follower.
    async fn wakes(&self) -> bool {
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        self.queue.depth() > 0
    }
}

/// Whether `news` wakes the follower all the same.
async fn wakes(first: Seen, has_trees: bool, news: Seen) -> bool {
    let ground = Ground::new(first, has_trees);
    while ground.wakes().await {
        let key = ground.queue.next().await.unwrap();
        ground.queue.done(&key);
    }
    ground.fake.has_trees.store(true, Ordering::SeqCst);
    ground.tell(news);
    ground.wakes().await
}

#[tokio::test]
async fn commit_that_concerns_nobody_wakes_nobody() {
    assert!(!wakes(seen("1", None), true, seen("2", None)).await);
}

/// Whether a follower whom no difference concerns looks again once `news` come one upon the
/// other, where it was as quick as to see `quick` in between.
async fn wakes_one_who_saw(quick: Option<&str>, news: &[&str]) -> bool {
    let ground = Ground::new(seen("1", None), true);
    ground.stands_at("1");
    assert!(!ground.wakes().await);
    let followed = std::slice::from_ref(&ground.followed);
    ground.follows.looks(&ground.follower, followed);
    if let Some(quick) = quick {
        ground.stands_at(quick);
    }
    for revision in news {
        ground.tell(seen(revision, None));
    }
    ground.wakes().await
}

#[tokio::test]
async fn revert_between_two_looks_wakes_those_who_saw_what_was_between() {
    assert!(wakes_one_who_saw(Some("2"), &["2", "1"]).await);
    assert!(
        wakes_one_who_saw(None, &["2", "1"]).await,
        "it looks just now"
    );
    assert!(!wakes_one_who_saw(Some("1"), &["2", "1"]).await);
}

#[tokio::test]
async fn commit_wakes_those_who_stand_at_one_that_was_not_seen() {
    assert!(wakes_one_who_saw(Some("2"), &["2", "3"]).await);
    assert!(!wakes_one_who_saw(Some("1"), &["2", "3"]).await);
}

#[tokio::test]
async fn commit_that_does_not_concern_one_moves_it_on() {
    let ground = Ground::new(seen("1", None), true);
    ground.stands_at("1");
    for revision in ["2", "3", "4"] {
        assert!(!ground.wakes().await);
        ground.tell(seen(revision, None));
    }
    assert!(!ground.wakes().await);
    let mut state = lock(&ground.follows.state);
    let stands = state.stands(&ground.follower, &ground.followed).cloned();
    assert_eq!(stands, Some(Stands::At("4".into())));
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
