//! Which Applications follow which revisions, and whom a new commit concerns.

use super::record::Records;
use argosy_crds::Source;
use argosy_frame::Queue;
use argosy_object::Key;
use argosy_ports::{Artifact, RepoRef, Seen, Sources, Wanted};
use argosy_tree::{Changed, Tree, touched};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

type Followed = (RepoRef, Wanted);

/// One task for each revision that is followed, however many Applications do.
pub(crate) struct Follows {
    sources: Arc<dyn Sources>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    by_app: HashMap<Key, BTreeSet<Followed>>,
    follows: BTreeMap<Followed, Follow>,
}

struct Follow {
    apps: BTreeSet<Key>,
    task: JoinHandle<()>,
}

impl Drop for Follow {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Follows {
    pub(crate) fn new(sources: Arc<dyn Sources>) -> Self {
        Self {
            sources,
            state: Arc::default(),
        }
    }

    /// The revisions that an Application follows from now on.
    pub(crate) fn set(
        &self,
        app: &Key,
        sources: &[Source],
        project: &str,
        queue: &Arc<Queue>,
        records: &Records,
    ) {
        let wanted: BTreeSet<Followed> = sources
            .iter()
            .filter(|source| source.chart.is_empty())
            .map(|source| {
                (
                    self.sources.repo(&source.repo_url, project),
                    wanted_of(source),
                )
            })
            .collect();
        let mut state = lock(&self.state);
        if state.by_app.get(app) == Some(&wanted) {
            return;
        }
        state.drop_app(app);
        for followed in &wanted {
            let follow = state
                .follows
                .entry(followed.clone())
                .or_insert_with(|| Follow {
                    apps: BTreeSet::new(),
                    task: self.spawn(followed, queue.clone(), records.clone()),
                });
            follow.apps.insert(app.clone());
        }
        state.by_app.insert(app.clone(), wanted);
    }

    /// An Application is gone.
    pub(crate) fn forget(&self, app: &Key) {
        lock(&self.state).drop_app(app);
    }

    fn spawn(&self, followed: &Followed, queue: Arc<Queue>, records: Records) -> JoinHandle<()> {
        let receiver = self.sources.follow(&followed.0, &followed.1);
        let watcher = Watcher {
            sources: self.sources.clone(),
            state: self.state.clone(),
            followed: followed.clone(),
            queue,
            records,
        };
        tokio::spawn(watcher.run(receiver))
    }
}

impl State {
    fn drop_app(&mut self, app: &Key) {
        for followed in self.by_app.remove(app).unwrap_or_default() {
            if let Some(follow) = self.follows.get_mut(&followed) {
                follow.apps.remove(app);
                if follow.apps.is_empty() {
                    self.follows.remove(&followed);
                }
            }
        }
    }
}

/// Looks at what came, and wakes the Applications that it concerns.
struct Watcher {
    sources: Arc<dyn Sources>,
    state: Arc<Mutex<State>>,
    followed: Followed,
    queue: Arc<Queue>,
    records: Records,
}

impl Watcher {
    async fn run(self, mut receiver: watch::Receiver<Seen>) {
        let mut last: Option<(Artifact, Arc<dyn Tree>)> = None;
        let mut had_error = false;
        loop {
            let seen = receiver.borrow_and_update().clone();
            let has_error = seen.error.is_some();
            if let Some(artifact) = seen.artifact
                && last
                    .as_ref()
                    .is_none_or(|(old, _)| old.revision != artifact.revision)
            {
                last = self.moved(last.as_ref(), artifact).await;
            } else if has_error != had_error {
                self.wake(|_| true);
            }
            had_error = has_error;
            if receiver.changed().await.is_err() {
                return;
            }
        }
    }

    /// A new revision: the trees are compared once, and only Applications whose read set the
    /// difference touches are woken.
    async fn moved(
        &self,
        last: Option<&(Artifact, Arc<dyn Tree>)>,
        artifact: Artifact,
    ) -> Option<(Artifact, Arc<dyn Tree>)> {
        let Ok(tree) = self.sources.tree(&artifact).await else {
            self.wake(|_| true);
            return None;
        };
        let changed = match last {
            None => None,
            Some((_, old)) => difference(old.clone(), tree.clone()).await,
        };
        match (last, changed) {
            // The first sight is what the reconcile that began to follow has seen itself.
            (None, _) => {}
            (_, None) => self.wake(|_| true),
            (_, Some(changed)) => {
                self.wake(|app| {
                    self.records
                        .get(app)
                        .is_none_or(|record| record.cache.is_hit(&changed))
                });
            }
        }
        Some((artifact, tree))
    }

    fn wake(&self, concerns: impl Fn(&Key) -> bool) {
        let apps: Vec<Key> = lock(&self.state)
            .follows
            .get(&self.followed)
            .map(|follow| follow.apps.iter().cloned().collect())
            .unwrap_or_default();
        for app in apps {
            if concerns(&app) {
                self.queue.add(app);
            }
        }
    }
}

/// Compares two trees off the reactor; `None` where that fails.
async fn difference(old: Arc<dyn Tree>, new: Arc<dyn Tree>) -> Option<Changed> {
    let task = tokio::task::spawn_blocking(move || touched(&*old, &*new));
    task.await.ok()?.ok()
}

fn wanted_of(source: &Source) -> Wanted {
    Wanted {
        revision: source.target_revision.as_str().into(),
        tag_prefix: (!source.tag_prefix.is_empty()).then(|| source.tag_prefix.as_str().into()),
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
