//! The watches of one cluster: one for each kind and namespace that is looked at, kept alive.
//!
//! A watch begins with everything (streamed where the server can), goes on from where it ended,
//! and begins anew where the server has forgotten that place. While it cannot be opened, readers
//! are told why instead of being shown an old picture.

use super::Inner;
use crate::list::{RawEvent, Target, Watch};
use crate::live::{NewsFrom, Reset, Scope};
use crate::wire::JSON;
use argosy_object::{GroupKind, Str};
use argosy_ports::{ApiError, ApiErrorKind, ListOptions, Resource};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_MOST: Duration = Duration::from_secs(30);
/// A watch that held so long was a good one.
const STEADY: Duration = Duration::from_secs(10);
const SYNC_WITHIN: Duration = Duration::from_mins(1);

/// How far a watch is.
#[derive(Clone, Debug)]
pub enum State {
    /// It has not told everything yet.
    Pending,
    /// The index holds what the cluster holds.
    Synced,
    /// It cannot be opened.
    Failed(ApiError),
    /// The cluster no longer knows the kind.
    Gone,
}

/// The watches, by kind.
#[derive(Default)]
pub struct Watchers {
    kinds: Mutex<HashMap<GroupKind, KindWatch>>,
    tasks: Mutex<JoinSet<()>>,
}

struct KindWatch {
    version: Str,
    parts: Vec<(watch::Receiver<State>, AbortHandle)>,
}

impl Watchers {
    /// The version at which a kind is watched.
    pub fn version_of(&self, kind: &GroupKind) -> Option<Str> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.get(kind).map(|watch| watch.version.clone())
    }

    /// Starts the watches of a kind where there are none.
    pub fn start(&self, inner: &Arc<Inner>, resource: &Resource) {
        let kind = resource.gvk.group_kind();
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        if kinds.contains_key(&kind) {
            return;
        }
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {} // ended ones take no room
        let namespaces = namespaces(inner, resource);
        let parts = namespaces.into_iter().map(|namespace| {
            let (told, state) = watch::channel(State::Pending);
            let task = Task {
                inner: inner.clone(),
                scope: Scope {
                    kind: kind.clone(),
                    namespace: namespace.map(Into::into),
                },
                resource: resource.clone(),
                told,
            };
            (state, tasks.spawn(task.run()))
        });
        let watch = KindWatch {
            version: resource.gvk.version.clone(),
            parts: parts.collect(),
        };
        kinds.insert(kind, watch);
    }

    /// Forgets kinds whose watches ended because the kind is gone.
    pub fn remove(&self, kind: &GroupKind) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, task) in kinds.remove(kind).into_iter().flat_map(|watch| watch.parts) {
            task.abort();
        }
    }

    /// Every kind that is watched.
    pub fn kinds(&self) -> Vec<GroupKind> {
        let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        kinds.keys().cloned().collect()
    }

    /// Waits until a kind's watches have told everything.
    ///
    /// # Errors
    /// Why one of them cannot, or that it took a minute.
    pub async fn synced(&self, kind: &GroupKind) -> Result<(), ApiError> {
        let states: Vec<_> = {
            let kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            let parts = kinds.get(kind).map_or(&[][..], |watch| &watch.parts);
            parts.iter().map(|(state, _)| state.clone()).collect()
        };
        for mut state in states {
            let done = state.wait_for(|state| !matches!(state, State::Pending));
            match tokio::time::timeout(SYNC_WITHIN, done).await {
                Err(_) => {
                    let text = format!(
                        "the cache of `{kind}` is not filled after {} s",
                        SYNC_WITHIN.as_secs()
                    );
                    return Err(ApiError::new(ApiErrorKind::Busy, text));
                }
                // The task ended, which it does only where the kind is gone or we are.
                Ok(Err(_)) => {}
                Ok(Ok(state)) => {
                    if let State::Failed(error) = &*state {
                        return Err(error.clone());
                    }
                }
            }
        }
        Ok(())
    }
}

/// `None` is everywhere; nothing at all where the scope leaves the kind out.
fn namespaces(inner: &Inner, resource: &Resource) -> Vec<Option<String>> {
    if !resource.namespaced {
        return if inner.scope.sees_cluster_objects() {
            vec![None]
        } else {
            Vec::new()
        };
    }
    if inner.scope.namespaces.is_empty() {
        return vec![None];
    }
    inner.scope.namespaces.iter().cloned().map(Some).collect()
}

/// One watch, kept alive.
struct Task {
    inner: Arc<Inner>,
    scope: Scope,
    resource: Resource,
    told: watch::Sender<State>,
}

/// Why a watch ended.
enum End {
    /// The server closed it in its usual way; go on from there.
    Closed(String),
    /// It must begin anew.
    Expired,
    /// It failed after, or before, reaching this place.
    Failed(ApiError, Option<String>),
}

impl Task {
    async fn run(self) {
        let mut from: Option<String> = None;
        let (mut failures, mut expiries) = (0, 0);
        loop {
            let began = Instant::now();
            let end = match from.take() {
                Some(version) => self.resume(version).await,
                None => self.begin().await,
            };
            match end {
                End::Closed(version) => {
                    failures = 0;
                    from = Some(version);
                }
                End::Expired => {
                    from = None;
                    expiries = if began.elapsed() > STEADY {
                        0
                    } else {
                        expiries + 1
                    };
                    // A server that forgot the place of one watch forgot that of all: they do
                    // not list everything anew at the same moment.
                    tokio::time::sleep(self.spread(RETRY_FIRST * 2_u32.pow(expiries.min(6)))).await;
                }
                End::Failed(error, version) => {
                    if Self::is_gone(&error) {
                        return self.end();
                    }
                    if began.elapsed() > STEADY {
                        failures = 0;
                    }
                    if version.is_some() && failures == 0 {
                        // An open watch broke: at once again, nobody need hear of it.
                        failures = 1;
                        from = version;
                        continue;
                    }
                    tracing::debug!(cluster = self.inner.client.server(), kind = %self.scope.kind,
                        %error, "watch failed");
                    let wait = backoff(failures, &error);
                    failures = failures.saturating_add(1);
                    self.told.send_replace(State::Failed(error));
                    from = version;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// A part of `most`, a different one for each watch of each cluster.
    fn spread(&self, most: Duration) -> Duration {
        let mut hasher = DefaultHasher::new();
        self.inner.client.server().hash(&mut hasher);
        self.scope.hash(&mut hasher);
        most.mul_f64((hasher.finish() % 1000) as f64 / 1000.0)
    }

    fn target(&self) -> Target {
        let namespace = self.scope.namespace.as_deref().map(str::to_owned);
        Target {
            resource: self.resource.clone(),
            options: ListOptions {
                namespace,
                ..ListOptions::default()
            },
            accept: JSON,
        }
    }

    /// Everything first, then what changes.
    async fn begin(&self) -> End {
        let client = &self.inner.client;
        let reset = self.inner.index.begin_reset(self.scope.clone());
        let opened = Watch::everything(client.wire(), &self.target(), client.streaming()).await;
        match opened {
            Ok(watch) => self.follow(watch, Some(reset), None).await,
            Err(error) => Self::failed(error, None),
        }
    }

    async fn resume(&self, version: String) -> End {
        match Watch::from(self.inner.client.wire(), &self.target(), &version).await {
            Ok(watch) => {
                self.told.send_replace(State::Synced);
                self.follow(watch, None, Some(version)).await
            }
            Err(error) => Self::failed(error, Some(version)),
        }
    }

    fn failed(error: ApiError, version: Option<String>) -> End {
        if error.kind == ApiErrorKind::Expired {
            End::Expired
        } else {
            End::Failed(error, version)
        }
    }

    /// Takes events until the watch ends. `version` is where it could be taken up again.
    async fn follow(
        &self,
        mut watch: Watch,
        mut reset: Option<Reset>,
        mut version: Option<String>,
    ) -> End {
        loop {
            let event = match watch.next().await {
                Ok(Some(event)) => event,
                Ok(None) => {
                    return match version {
                        Some(version) if reset.is_none() => End::Closed(version),
                        _ => End::Expired,
                    };
                }
                // What broke off in the first objects begins anew.
                Err(error) => return Self::failed(error, version.filter(|_| reset.is_none())),
            };
            if let RawEvent::Bookmark {
                resource_version,
                initial_end,
            } = event
            {
                self.inner.index.seen(&self.scope, &resource_version);
                version = Some(resource_version);
                if initial_end && let Some(reset) = reset.take() {
                    self.inner.index.finish_reset(&reset);
                    self.told.send_replace(State::Synced);
                }
                continue;
            }
            let news = reset.as_ref().map_or(NewsFrom::Watch, Reset::news);
            if let Some(told) = self.take(event, news)
                && reset.is_none()
            {
                self.inner.index.seen(&self.scope, &told);
                version = Some(told);
            }
        }
    }

    /// Tells the index; returns the event's resourceVersion.
    fn take(&self, event: RawEvent, news: NewsFrom) -> Option<String> {
        let (gvk, index) = (&self.resource.gvk, &self.inner.index);
        let (result, bytes) = match &event {
            RawEvent::Added(bytes) | RawEvent::Modified(bytes) => {
                (index.apply(gvk, bytes, news), bytes)
            }
            RawEvent::Deleted(bytes) => (index.delete(gvk, bytes), bytes),
            RawEvent::Bookmark { .. } => return None,
        };
        if matches!(
            (&*gvk.group, &*gvk.kind),
            ("apiextensions.k8s.io", "CustomResourceDefinition")
                | ("apiregistration.k8s.io", "APIService")
        ) {
            self.inner.outdated.store(true, Ordering::Release);
        }
        match result {
            Ok(version) => Some(version).filter(|version| !version.is_empty()),
            Err(error) => {
                tracing::warn!(cluster = self.inner.client.server(), %error, bytes = bytes.len(),
                    "an object is left out of the cache");
                None
            }
        }
    }

    fn is_gone(error: &ApiError) -> bool {
        matches!(error.kind, ApiErrorKind::NoKind | ApiErrorKind::NotFound) || error.code == 405
    }

    /// The kind is gone, and its objects with it.
    fn end(self) {
        self.inner.index.forget_scope(&self.scope);
        self.inner.outdated.store(true, Ordering::Release);
        let mut dead = self
            .inner
            .dead
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        dead.insert(self.scope.kind.clone());
        drop(dead);
        self.told.send_replace(State::Gone);
    }
}

fn backoff(failures: u32, error: &ApiError) -> Duration {
    let doubled = RETRY_FIRST * 2_u32.pow(failures.min(6));
    doubled
        .min(RETRY_MOST)
        .max(error.retry_after.unwrap_or_default())
}
