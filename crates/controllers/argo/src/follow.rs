//! Who follows which revisions, and whom a new commit concerns.

use argosy_frame::{Queue, offload};
use argosy_object::{Key, Str};
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
    by_follower: HashMap<Key, BTreeMap<Followed, Stands>>,
    follows: BTreeMap<Followed, Follow>,
}

/// Which revision a follower works with.
#[derive(Clone, Debug, Default, PartialEq)]
enum Stands {
    /// It has not said: what it was not woken for does not concern it.
    #[default]
    Anywhere,
    /// It is about to learn: at what comes meanwhile it looks again.
    Looking,
    /// This one, or one that is the same for it.
    At(Str),
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
        let known = state.by_follower.get(follower);
        if known.is_some_and(|known| known.keys().eq(&wanted)) {
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
        let mut before = state.by_follower.remove(follower).unwrap_or_default();
        let stands = wanted.into_iter().map(|followed| {
            let stands = before.remove(&followed).unwrap_or_default();
            (followed, stands)
        });
        let stands = stands.collect();
        state.by_follower.insert(follower.clone(), stands);
        for followed in before.keys() {
            state.drop_follow(followed, follower);
        }
    }

    /// A follower is about to learn the revisions of these.
    pub(crate) fn looks(&self, follower: &Key, wanted: &[Followed]) {
        let mut state = lock(&self.state);
        for followed in wanted {
            if let Some(stands) = state.stands(follower, followed) {
                *stands = Stands::Looking;
            }
        }
    }

    /// A follower works with this revision now.
    pub(crate) fn stands_at(&self, follower: &Key, followed: &Followed, revision: &Str) {
        if let Some(stands) = lock(&self.state).stands(follower, followed) {
            *stands = Stands::At(revision.clone());
        }
    }

    /// An object is gone.
    pub(crate) fn forget(&self, follower: &Key) {
        let mut state = lock(&self.state);
        for followed in state
            .by_follower
            .remove(follower)
            .unwrap_or_default()
            .keys()
        {
            state.drop_follow(followed, follower);
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
    fn followers(&self, followed: &Followed) -> Vec<Key> {
        let follow = self.follows.get(followed);
        follow.map_or_else(Vec::new, |follow| {
            follow.followers.iter().cloned().collect()
        })
    }

    fn stands(&mut self, follower: &Key, followed: &Followed) -> Option<&mut Stands> {
        self.by_follower.get_mut(follower)?.get_mut(followed)
    }

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
            let is_back = last.is_some() && !seen.artifact.as_ref().is_some_and(is_moved);
            if is_back {
                self.wake_strayed(&last);
            }
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
            Some((before, Some(old))) => match difference(old, tree.clone()).await {
                None => self.wake(|_| true),
                Some(changed) => self.wake_concerned(&before.revision, &artifact, &changed),
            },
        }
        (artifact, Some(tree))
    }

    /// Wakes those whom a difference concerns, and those who do not stand where it begins: they
    /// were quicker than this task and saw a revision that it did not.
    fn wake_concerned(&self, before: &Str, now: &Artifact, changed: &Changed) {
        let mut state = lock(&self.state);
        for follower in state.followers(&self.followed) {
            let is_there =
                state
                    .stands(&follower, &self.followed)
                    .is_none_or(|stands| match stands {
                        Stands::Anywhere => true,
                        Stands::Looking => false,
                        Stands::At(revision) => revision == before,
                    });
            if !is_there || (self.concerns)(&follower, changed) {
                self.queue.add(follower);
            } else if let Some(stands @ Stands::At(_)) = state.stands(&follower, &self.followed) {
                *stands = Stands::At(now.revision.clone());
            }
        }
    }

    /// Nothing moved, or it moved and came back: those who saw what was between look again.
    fn wake_strayed(&self, last: &Last) {
        let Some((artifact, _)) = last else { return };
        let mut state = lock(&self.state);
        for follower in state.followers(&self.followed) {
            let has_strayed = match state.stands(&follower, &self.followed) {
                None | Some(Stands::Anywhere) => false,
                Some(Stands::Looking) => true,
                Some(Stands::At(revision)) => *revision != artifact.revision,
            };
            if has_strayed {
                self.queue.add(follower);
            }
        }
    }

    fn wake(&self, concerns: impl Fn(&Key) -> bool) {
        let followers = lock(&self.state).followers(&self.followed);
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
mod tests;
