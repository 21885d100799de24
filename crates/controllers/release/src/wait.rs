//! Waits for objects: watching by kstatus, or polling by Helm 3's rules.

use crate::Releases;
use crate::notice::Level;
use argosy_helm::release::{
    LegacyCheck, Related, Verdict, WaitFor, WaitStrategy, Waiter, legacy_ready,
};
use argosy_object::{Gvk, Object};
use argosy_ports::{
    ApiError, ApiErrorKind, Cluster, ListOptions, Resource, WatchEvent, WatchOptions, WatchStream,
};
use futures_util::stream::{self, SelectAll};
use futures_util::{Stream, StreamExt as _};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// How often time itself is looked at.
const TICK: Duration = Duration::from_millis(500);
/// Before a watch that broke is begun again.
const PAUSE: Duration = Duration::from_millis(500);
/// Compat: how often Helm 3's rules look.
const POLL: Duration = Duration::from_secs(2);
/// Compat: how often in a row an object may be unreadable, by Helm 3's rules.
const RETRIES: usize = 30;
/// Compat: what a wait of no length takes.
const SHORTEST: Duration = Duration::from_secs(30);

impl Releases {
    /// Waits.
    ///
    /// # Errors
    /// What is not as it should be, in Helm's words.
    pub(crate) async fn wait(
        &self,
        objects: &[Object],
        wait_for: WaitFor,
        strategy: WaitStrategy,
        timeout: Duration,
    ) -> Result<(), String> {
        if !strategy.waits(wait_for) {
            return Ok(());
        }
        let timeout = if timeout.is_zero() { SHORTEST } else { timeout };
        let now = self.clock.now();
        let deadline = now.checked_add(timeout).unwrap_or(Timestamp::MAX);
        match (strategy, wait_for) {
            (WaitStrategy::Legacy, WaitFor::Done) => self.watch_hooks(objects, deadline).await,
            (WaitStrategy::Legacy, WaitFor::Gone) => self.poll_gone(objects, deadline).await,
            (WaitStrategy::Legacy, wait_for) => self.poll_ready(objects, wait_for, deadline).await,
            _ => self.watch(objects, wait_for, deadline).await,
        }
    }

    async fn watch(
        &self,
        objects: &[Object],
        wait_for: WaitFor,
        deadline: Timestamp,
    ) -> Result<(), String> {
        let mut waiter = Waiter::new(wait_for, objects, deadline);
        let mut groups = Groups::default();
        for (index, object) in objects.iter().enumerate() {
            match self.resource(object).await {
                Ok(resource) => groups.add(resource, object, index),
                Err(error) if error.kind == ApiErrorKind::NoKind => waiter.seen(index, None),
                Err(error) => return Err(error.to_string()),
            }
        }
        let mut streams = groups.streams(&self.cluster);
        let mut tick = tokio::time::interval(TICK);
        loop {
            if let Verdict::Over(outcome) = waiter.verdict(self.clock.now()) {
                return outcome;
            }
            tokio::select! {
                Some((group, news)) = streams.next() => groups.hear(group, news, &mut waiter)?,
                _ = tick.tick() => {}
            }
        }
    }

    /// Compat: Helm 3 tells of a failed hook by its reason.
    async fn watch_hooks(&self, objects: &[Object], deadline: Timestamp) -> Result<(), String> {
        let hooks = objects.iter();
        for object in hooks.filter(|object| matches!(object.kind(), "Job" | "Pod")) {
            let waited = self
                .watch(std::slice::from_ref(object), WaitFor::Done, deadline)
                .await;
            if waited.is_ok() {
                continue;
            }
            let name = object.name();
            let live = self.live(object).await.ok().flatten();
            let phase = live
                .as_ref()
                .and_then(|found| found.pointer("/status/phase"));
            if phase.is_some_and(|phase| phase == "Failed") {
                let fields = [("pod", name)];
                self.notices.log(Level::Error, "pod failed", &fields);
                return Err(format!("pod {name} failed"));
            }
            let conditions = live
                .as_ref()
                .and_then(|found| found.pointer("/status/conditions")?.as_array());
            let failed = conditions
                .into_iter()
                .flatten()
                .find(|found| found["type"] == "Failed" && found["status"] == "True");
            return Err(match failed {
                Some(found) => {
                    let reason = found["reason"].as_str().unwrap_or_default();
                    let fields = [("job", name), ("reason", reason)];
                    self.notices.log(Level::Error, "job failed", &fields);
                    format!("job {name} failed: {reason}")
                }
                None => "timed out waiting for the condition".to_owned(),
            });
        }
        Ok(())
    }

    async fn poll_gone(&self, objects: &[Object], deadline: Timestamp) -> Result<(), String> {
        loop {
            let mut is_over = true;
            for object in objects {
                match self.live(object).await {
                    Ok(None) => {}
                    Err(error) if error.kind == ApiErrorKind::NoKind => {}
                    Ok(Some(_)) => is_over = false,
                    Err(error) => return Err(error.to_string()),
                }
            }
            if is_over {
                return Ok(());
            }
            self.pause(deadline).await?;
        }
    }

    async fn poll_ready(
        &self,
        objects: &[Object],
        wait_for: WaitFor,
        deadline: Timestamp,
    ) -> Result<(), String> {
        let mut faults = vec![0; objects.len()];
        'looks: loop {
            for (index, object) in objects.iter().enumerate() {
                match self.is_ready(object, wait_for).await {
                    Ok(Ok(true)) => faults[index] = 0,
                    Ok(Ok(false)) => {
                        faults[index] = 0;
                        self.pause(deadline).await?;
                        continue 'looks;
                    }
                    Ok(Err(never)) => return Err(never),
                    Err(error) => {
                        faults[index] += 1;
                        let may_pass = error.code == 0 || error.code == 429 || error.code >= 500;
                        if !may_pass || faults[index] > RETRIES {
                            return Err(error.to_string());
                        }
                        self.pause(deadline).await?;
                        continue 'looks;
                    }
                }
            }
            return Ok(());
        }
    }

    async fn is_ready(
        &self,
        object: &Object,
        wait_for: WaitFor,
    ) -> Result<Result<bool, String>, ApiError> {
        let Some(live) = self.live(object).await? else {
            let (kind, name) = (object.kind().to_lowercase(), object.name());
            let text = format!("{kind} {name:?} not found");
            let mut error = ApiError::new(ApiErrorKind::NotFound, text);
            error.code = 404;
            return Err(error);
        };
        let related = self.related(&live).await?;
        Ok(legacy_ready(LegacyCheck {
            object: &live,
            related: &related,
            with_jobs: wait_for == WaitFor::ReadyWithJobs,
        }))
    }

    async fn related(&self, live: &Object) -> Result<Vec<Object>, ApiError> {
        let (resource, labels) = match Related::of(live) {
            Related::Nothing => return Ok(Vec::new()),
            Related::ReplicaSets => {
                let gvk = Gvk::new("apps", "v1", "ReplicaSet");
                (Resource::new(gvk, "replicasets", true), None)
            }
            Related::Pods => {
                let gvk = Gvk::new("", "v1", "Pod");
                let selector = crate::resources::selector_of(live);
                (Resource::new(gvk, "pods", true), selector)
            }
        };
        let options = ListOptions {
            namespace: live.namespace().map(str::to_owned),
            labels,
            fields: None,
        };
        Ok(self.cluster.list(&resource, &options).await?.items)
    }

    /// Sleeps until the next look.
    async fn pause(&self, deadline: Timestamp) -> Result<(), String> {
        let left = deadline.duration_since(self.clock.now());
        let left = Duration::try_from(left).unwrap_or_default();
        tokio::time::sleep(POLL.min(left)).await;
        if self.clock.now() >= deadline {
            return Err("context deadline exceeded".to_owned());
        }
        Ok(())
    }
}

/// What is watched together: one kind in one namespace.
#[derive(Default)]
struct Groups {
    places: BTreeMap<(Resource, Option<String>), usize>,
    /// Indices of the waiter by name.
    names: Vec<BTreeMap<String, Vec<usize>>>,
}

/// What a watch tells.
enum News {
    /// An object as it is now; `false`: as it was when it went.
    Object(Object, bool),
    /// All that is there has been told.
    Complete,
    /// The watch cannot be.
    Refused(ApiError),
}

type Watched = Pin<Box<dyn Stream<Item = (usize, News)> + Send>>;

impl Groups {
    fn add(&mut self, resource: Resource, object: &Object, index: usize) {
        let namespace = object.namespace().filter(|_| resource.namespaced);
        let key = (resource, namespace.map(str::to_owned));
        let group = *self.places.entry(key).or_insert_with(|| {
            self.names.push(BTreeMap::new());
            self.names.len() - 1
        });
        let names = self.names[group].entry(object.name().to_owned());
        names.or_default().push(index);
    }

    fn streams(&self, cluster: &Arc<dyn Cluster>) -> SelectAll<Watched> {
        let streams = self.places.iter().map(|((resource, namespace), group)| {
            let names = &self.names[*group];
            let only = names.keys().next().filter(|_| names.len() == 1);
            let list = ListOptions {
                namespace: namespace.clone(),
                labels: None,
                fields: only.map(|name| format!("metadata.name={name}")),
            };
            watched(cluster.clone(), resource.clone(), list, *group)
        });
        stream::select_all(streams)
    }

    fn hear(&self, group: usize, news: News, waiter: &mut Waiter) -> Result<(), String> {
        let names = &self.names[group];
        match news {
            News::Object(object, is_there) => {
                for index in names.get(object.name()).into_iter().flatten() {
                    waiter.seen(*index, is_there.then_some(&object));
                }
            }
            News::Complete => {
                for index in names.values().flatten() {
                    waiter.complete(*index);
                }
            }
            News::Refused(error) => return Err(error.to_string()),
        }
        Ok(())
    }
}

/// A watch that begins again where it breaks.
fn watched(
    cluster: Arc<dyn Cluster>,
    resource: Resource,
    list: ListOptions,
    group: usize,
) -> Watched {
    struct State {
        cluster: Arc<dyn Cluster>,
        resource: Resource,
        list: ListOptions,
        stream: Option<WatchStream>,
    }
    let state = State {
        cluster,
        resource,
        list,
        stream: None,
    };
    Box::pin(stream::unfold(Some(state), move |state| async move {
        let mut state = state?;
        loop {
            let Some(stream) = &mut state.stream else {
                let options = WatchOptions {
                    list: state.list.clone(),
                    from: None,
                };
                match state.cluster.watch(&state.resource, &options).await {
                    Ok(stream) => state.stream = Some(stream),
                    Err(error) if may_pass(&error) => tokio::time::sleep(PAUSE).await,
                    Err(error) => return Some(((group, News::Refused(error)), None)),
                }
                continue;
            };
            let news = match stream.next().await {
                Some(Ok(WatchEvent::Added(object) | WatchEvent::Modified(object))) => {
                    News::Object(object, true)
                }
                Some(Ok(WatchEvent::Deleted(object))) => News::Object(object, false),
                Some(Ok(WatchEvent::Bookmark(_))) => News::Complete,
                None | Some(Err(_)) => {
                    state.stream = None;
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            };
            return Some(((group, news), Some(state)));
        }
    }))
}

fn may_pass(error: &ApiError) -> bool {
    matches!(
        error.kind,
        ApiErrorKind::Busy
            | ApiErrorKind::Unreachable
            | ApiErrorKind::Expired
            | ApiErrorKind::Conflict
    )
}
