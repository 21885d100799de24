//! What the server does by itself: garbage collection, namespaces, CRDs, old events.
//!
//! One task for each cluster follows the store's log. It keeps an index of owners, turns
//! changes into pieces of work and does them; what fails is tried again a little later.

mod crds;
mod garbage;
mod namespaces;

use crate::catalog::KeyParts;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::hook::Reader as _;
use crate::meta;
use crate::rest::{Actor, How};
use crate::storage::{Event, EventStream, Range, Rev};
use argosy_object::Str;
use garbage::Owners;
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Work that failed is tried again after this.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// Events are kept so long, as upstream's `--event-ttl`.
const EVENT_TTL_SECONDS: i64 = 3600;
/// Old events are looked for this often while there are any.
const SWEEP_EVERY: Duration = Duration::from_mins(5);

/// A piece of work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Work {
    /// The namespace is new: it gets its service account.
    Furnish(Str),
    /// The namespace is going away.
    Empty(Str),
    /// The CRD, by name, is going away.
    EndCrd(Str),
    /// The object under this key has owners, of which some may be gone.
    CheckOwners(Str),
    /// The owner under this key waits for its dependents.
    Release(Str),
}

/// The head of an object: all the workers look at.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Head {
    metadata: HeadMeta,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct HeadMeta {
    uid: String,
    deletion_timestamp: Option<String>,
    finalizers: Option<Vec<String>>,
    owner_references: Option<Vec<OwnerUid>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct OwnerUid {
    uid: String,
}

impl Head {
    fn read(json: &[u8]) -> Self {
        serde_json::from_slice(json).unwrap_or_default()
    }

    fn deleting(&self) -> bool {
        self.metadata.deletion_timestamp.is_some()
    }

    fn owners(&self) -> impl Iterator<Item = &str> {
        self.metadata
            .owner_references
            .iter()
            .flatten()
            .map(|owner| owner.uid.as_str())
    }

    fn has_finalizer(&self, name: &str) -> bool {
        self.metadata
            .finalizers
            .iter()
            .flatten()
            .any(|finalizer| finalizer == name)
    }
}

/// The task, aborted when dropped.
pub(crate) struct Workers {
    task: JoinHandle<()>,
    /// Up to which revision everything is done; 0 while something is to be tried again.
    done: watch::Receiver<Rev>,
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Workers {
    pub(crate) fn start(cluster: &Arc<Cluster>) -> Self {
        let (tell, done) = watch::channel(0);
        let follower = Follower {
            cluster: cluster.clone(),
            owners: Owners::default(),
            queue: VecDeque::new(),
            queued: BTreeSet::new(),
            failed: Vec::new(),
            emptying: BTreeSet::new(),
            ending: BTreeSet::new(),
            has_events: false,
            tell,
        };
        Self {
            task: tokio::spawn(follower.run()),
            done,
        }
    }

    /// Waits until everything written so far has been followed up.
    pub(crate) async fn settle(&self, cluster: &Cluster) {
        let mut done = self.done.clone();
        loop {
            let wanted = cluster.storage.revision();
            if done.wait_for(|done| *done >= wanted).await.is_err() {
                return;
            }
            if cluster.storage.revision() == wanted {
                return;
            }
        }
    }
}

struct Follower {
    cluster: Arc<Cluster>,
    owners: Owners,
    queue: VecDeque<Work>,
    queued: BTreeSet<Work>,
    failed: Vec<Work>,
    /// Namespaces that wait for objects to go.
    emptying: BTreeSet<Str>,
    /// Resources (group, plural) of CRDs that wait for objects to go, with the CRD's name.
    ending: BTreeSet<(Str, Str)>,
    has_events: bool,
    tell: watch::Sender<Rev>,
}

impl Follower {
    async fn run(mut self) {
        loop {
            // Falling behind the log means reading everything again.
            let Some(stream) = self.rescan() else {
                continue;
            };
            self.follow(stream).await;
        }
    }

    /// Reads all objects into the index and queues what each may need.
    fn rescan(&mut self) -> Option<EventStream> {
        self.owners = Owners::default();
        let page = self
            .cluster
            .storage
            .range(Range {
                prefix: "/",
                ..Range::default()
            })
            .ok()?;
        for (key, stored) in &page.items {
            let head = Head::read(&stored.json);
            self.take(key, None, Some(&head));
        }
        self.cluster.storage.watch("/", page.rev).ok()
    }

    async fn follow(&mut self, mut stream: EventStream) {
        loop {
            self.work().await;
            match stream.poll() {
                Ok(events) if !events.is_empty() => {
                    self.take_events(&events);
                    continue;
                }
                Ok(_) => {}
                Err(_) => return,
            }
            let idle = self.failed.is_empty();
            // A send fails only where nobody waits.
            let _ = self.tell.send(if idle { stream.cursor() } else { 0 });
            let pause = if idle {
                self.has_events.then_some(SWEEP_EVERY)
            } else {
                Some(RETRY_AFTER)
            };
            let batch = match pause {
                None => stream.next().await,
                Some(pause) => match tokio::time::timeout(pause, stream.next()).await {
                    Ok(batch) => batch,
                    Err(_) => {
                        self.pause_over(idle).await;
                        continue;
                    }
                },
            };
            match batch {
                Ok(events) => self.take_events(&events),
                Err(_) => return,
            }
        }
    }

    async fn pause_over(&mut self, idle: bool) {
        if idle {
            self.sweep().await;
        }
        for work in std::mem::take(&mut self.failed) {
            self.push(work);
        }
    }

    fn push(&mut self, work: Work) {
        if self.queued.insert(work.clone()) {
            self.queue.push_back(work);
        }
    }

    fn take_events(&mut self, events: &[Arc<Event>]) {
        for event in events {
            let old = event.old.as_ref().map(|old| Head::read(&old.json));
            let new = event.new.as_ref().map(|json| Head::read(json));
            self.take(&event.key, old.as_ref(), new.as_ref());
        }
    }

    /// Takes a change into the index and queues what follows from it.
    fn take(&mut self, key: &Str, old: Option<&Head>, new: Option<&Head>) {
        let Some(parts) = KeyParts::of(key) else {
            return;
        };
        self.owners.update(key, new);
        if let Some(head) = new {
            let new_owners = !head.owners().eq(old.into_iter().flat_map(Head::owners));
            if new_owners && head.owners().next().is_some() {
                self.push(Work::CheckOwners(key.clone()));
            }
            let waits = head.deleting()
                && (head.has_finalizer(crate::rest::FOREGROUND)
                    || head.has_finalizer(crate::rest::ORPHAN));
            if waits {
                self.push(Work::Release(key.clone()));
            }
        }
        let gone = new.is_none();
        if let (true, Some(head)) = (gone, old) {
            for dependent in self.owners.dependents(&head.metadata.uid) {
                self.push(Work::CheckOwners(dependent));
            }
        }
        // A dependent that went, or let go, may have been the last one its owner waited for.
        for owner in old.into_iter().flat_map(Head::owners) {
            if let Some(waiting) = self.owners.waiting(owner) {
                self.push(Work::Release(waiting));
            }
        }
        self.take_special(parts, new, gone);
    }

    fn take_special(&mut self, parts: KeyParts<'_>, new: Option<&Head>, gone: bool) {
        let deleting = new.is_some_and(Head::deleting);
        match (parts.group, parts.plural) {
            ("", "namespaces") => {
                let name: Str = parts.name.into();
                match (deleting, gone) {
                    (true, _) => self.push(Work::Empty(name)),
                    (false, false) => self.push(Work::Furnish(name)),
                    (false, true) => {
                        self.emptying.remove(&name);
                    }
                }
            }
            ("", "events") => self.has_events |= !gone,
            (crate::crd::GROUP, crate::crd::PLURAL) if deleting => {
                self.push(Work::EndCrd(parts.name.into()));
            }
            ("", "serviceaccounts" | "configmaps")
                if gone && matches!(parts.name, "default" | "kube-root-ca.crt") =>
            {
                self.push(Work::Furnish(parts.namespace.into()));
            }
            _ => {}
        }
        if gone {
            let namespace: Str = parts.namespace.into();
            if self.emptying.contains(&namespace) {
                self.push(Work::Empty(namespace));
            }
            let resource = (Str::from(parts.group), Str::from(parts.plural));
            if self.ending.contains(&resource) {
                let name = format!("{}.{}", parts.plural, parts.group);
                self.push(Work::EndCrd(name.into()));
            }
        }
    }

    /// Does all queued work.
    async fn work(&mut self) {
        while let Some(work) = self.queue.pop_front() {
            self.queued.remove(&work);
            if let Err(error) = self.perform(&work).await {
                tracing::debug!(work = ?work, error = %error, "cluster work failed, retrying");
                self.failed.push(work);
            }
            // Long queues must not keep others from running.
            tokio::task::yield_now().await;
        }
    }

    async fn perform(&mut self, work: &Work) -> Result<(), ApiError> {
        let cluster = self.cluster.clone();
        match work {
            Work::Furnish(name) => {
                let found = cluster.get("", "namespaces", "", name);
                match found.filter(|namespace| !meta::is_deleting(namespace)) {
                    Some(_) => crate::bootstrap::furnish(&cluster, name).await,
                    None => Ok(()),
                }
            }
            Work::Empty(name) => {
                let waits = namespaces::empty(&cluster, name).await?;
                if waits {
                    self.emptying.insert(name.clone());
                }
                Ok(())
            }
            Work::EndCrd(name) => {
                if let Some(resource) = crds::end(&cluster, name).await? {
                    self.ending.insert(resource);
                } else if let Some((plural, group)) = name.split_once('.') {
                    self.ending.remove(&(group.into(), plural.into()));
                }
                Ok(())
            }
            Work::CheckOwners(key) => garbage::check_owners(&cluster, &self.owners, key).await,
            Work::Release(key) => garbage::release(&cluster, &mut self.owners, key).await,
        }
    }

    /// Deletes events past their time.
    async fn sweep(&mut self) {
        if !self.has_events {
            return;
        }
        let now = self.cluster.now();
        let events = self.cluster.list("", "events", None);
        self.has_events = !events.is_empty();
        for event in events {
            if event_age(&event, now).is_none_or(|age| age < EVENT_TTL_SECONDS) {
                continue;
            }
            let (namespace, name) = (meta::text(&event, "namespace"), meta::text(&event, "name"));
            let key = format!("/core/events/{namespace}/{name}");
            let Some(actor) = Actor::of_key(&self.cluster, &key) else {
                return;
            };
            if let Err(error) = actor.delete(&key, None, How::default()).await {
                tracing::debug!(error = %error, "cannot delete an old event");
            }
        }
    }
}

/// Seconds since an event was last seen.
fn event_age(event: &argosy_object::Value, now: Timestamp) -> Option<i64> {
    let fields = [event.get("lastTimestamp"), event.get("eventTime")];
    let seen = fields
        .into_iter()
        .flatten()
        .find_map(|field| field.as_str());
    let time = seen.unwrap_or_else(|| meta::text(event, "creationTimestamp"));
    let time: Timestamp = time.parse().ok()?;
    Some(now.as_second() - time.as_second())
}
