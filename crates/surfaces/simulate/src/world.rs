//! One cluster's task: watches in, works out.

use crate::cache::Cache;
use crate::client::{Client, ClientError, Event};
use crate::controllers;
use crate::kinds::{Id, Kind};
use crate::kubelet::{self, Kubelet, Now};
use crate::options::Options;
use crate::work::Work;
use argosy_object::{Value, json, meta};
use argosy_ports::{ApiService, Clock};
use futures_util::stream::{self, BoxStream, SelectAll};
use futures_util::{FutureExt as _, StreamExt as _};
use std::collections::{BTreeSet, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How long a change waits that will likely be moot.
const PATIENCE: Duration = Duration::from_millis(500);
/// How many objects are planned for before their works are done, side by side.
const BATCH: usize = 32;
/// How many works are on their way at once.
const WIDTH: usize = 16;
/// An object that is planned for more often than this in a second has to wait a second.
const HOT: u32 = 60;

/// Plays a cluster until it is dropped. Where the API is not reached it tries again, ever slower,
/// up to half a minute; a failed write is tried again with the next look at its object.
pub async fn run(service: ApiService, options: Options, clock: Arc<dyn Clock>) {
    let client = Client::new(service);
    bootstrap(&client, &options, &*clock).await;
    let kinds: Vec<Kind> = Kind::KUBELET
        .into_iter()
        .chain(if options.controllers { Kind::CONTROLLERS.to_vec() } else { Vec::new() })
        .collect();
    let streams = stream::select_all(kinds.iter().map(|kind| follow(client.clone(), *kind)));
    let world = World {
        client,
        options,
        clock,
        cache: Cache::default(),
        kubelet: Kubelet::default(),
        unseen: kinds.into_iter().collect(),
        dirty: BTreeSet::new(),
        timers: BinaryHeap::new(),
        waking: HashMap::new(),
        patience: HashMap::new(),
        heat: HashMap::new(),
    };
    world.play(streams).await;
}

/// What one kind's watch tells.
enum News {
    All(Kind, Vec<Value>),
    Applied(Kind, Value),
    Deleted(Kind, Value),
}

struct World {
    client: Client,
    options: Options,
    clock: Arc<dyn Clock>,
    cache: Cache,
    kubelet: Kubelet,
    /// Kinds whose first list is still to come: nothing is done before all are known.
    unseen: BTreeSet<Kind>,
    dirty: BTreeSet<Id>,
    timers: BinaryHeap<std::cmp::Reverse<(Instant, Id)>>,
    /// The earliest timer of each object.
    waking: HashMap<Id, Instant>,
    /// Until when an object's unsettled changes wait.
    patience: HashMap<Id, Instant>,
    heat: HashMap<Id, (Instant, u32)>,
}

impl World {
    async fn play(mut self, mut streams: SelectAll<BoxStream<'static, News>>) {
        loop {
            let timer = self.timers.peek().map(|t| t.0.0);
            let sleep = async {
                match timer {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = streams.next() => match news {
                    Some(news) => self.take(news),
                    None => return,
                },
                () = sleep => {}
            }
            self.drain(&mut streams);
            self.wake();
            while self.unseen.is_empty() && !self.dirty.is_empty() {
                self.work_off().await;
                self.drain(&mut streams);
            }
        }
    }

    /// Takes in what has come in the meantime.
    fn drain(&mut self, streams: &mut SelectAll<BoxStream<'static, News>>) {
        for _ in 0..1024 {
            match streams.next().now_or_never() {
                Some(Some(news)) => self.take(news),
                _ => return,
            }
        }
    }

    fn take(&mut self, news: News) {
        match news {
            News::All(kind, objects) => {
                self.unseen.remove(&kind);
                for (id, gone) in self.cache.replace(kind, objects) {
                    match gone {
                        Some(last) => self.touch(&id, &last, true),
                        None => self.applied(&id),
                    }
                }
            }
            News::Applied(kind, object) => self.learn(kind, object),
            News::Deleted(kind, object) => {
                self.lose(&Id::of(kind, &object), meta(&object, "uid"));
            }
        }
    }

    fn learn(&mut self, kind: Kind, object: Value) {
        if let Some(id) = self.cache.apply(kind, object) {
            self.applied(&id);
        }
    }

    fn applied(&mut self, id: &Id) {
        if let Some(object) = self.cache.at(id).cloned() {
            self.touch(id, &object, false);
        }
    }

    fn lose(&mut self, id: &Id, uid: &str) {
        if let Some(last) = self.cache.delete(id, uid) {
            self.touch(id, &last, true);
        }
    }

    fn touch(&mut self, id: &Id, object: &Value, gone: bool) {
        if gone {
            self.kubelet.forget(meta(object, "uid"));
            self.patience.remove(id);
            self.heat.remove(id);
        } else {
            self.dirty.insert(id.clone());
        }
        if self.options.controllers {
            self.dirty.extend(controllers::affected(&self.cache, id, object));
        }
        if self.options.kubelet {
            self.dirty.extend(kubelet::affected(&self.cache, id, object));
        }
    }

    fn wake(&mut self) {
        let now = Instant::now();
        while let Some(std::cmp::Reverse((at, _))) = self.timers.peek() {
            if *at > now {
                return;
            }
            if let Some(std::cmp::Reverse((at, id))) = self.timers.pop()
                && self.waking.get(&id) == Some(&at)
            {
                self.waking.remove(&id);
                self.dirty.insert(id);
            }
        }
    }

    fn sleep(&mut self, id: Id, wait: Duration) {
        let at = Instant::now() + wait.min(Duration::from_secs(86_400));
        let sooner = self.waking.get(&id).is_some_and(|known| *known <= at);
        if !sooner {
            self.waking.insert(id.clone(), at);
            self.timers.push(std::cmp::Reverse((at, id)));
        }
    }

    /// Plans for some of the objects that changed and does what comes out.
    async fn work_off(&mut self) {
        let now = Now { time: self.clock.now(), instant: Instant::now() };
        let mut works: Vec<(Id, Work)> = Vec::new();
        for _ in 0..BATCH {
            let Some(id) = self.dirty.pop_first() else { break };
            if self.is_hot(&id, now.instant) {
                self.sleep(id, Duration::from_secs(1));
                continue;
            }
            for work in self.plan(&id, now) {
                match work {
                    Work::Wake(id, wait) => self.sleep(id, wait),
                    work => works.push((id.clone(), self.prepare(work))),
                }
            }
        }
        let client = self.client.clone();
        let mut done = stream::iter(works)
            .map(|(cause, work)| {
                let client = client.clone();
                async move {
                    let answer = perform(&client, &work).await;
                    (cause, work, answer)
                }
            })
            .buffered(WIDTH);
        let mut answers = Vec::new();
        while let Some(answer) = done.next().await {
            answers.push(answer);
        }
        for (cause, work, answer) in answers {
            self.settle(cause, work, answer);
        }
    }

    fn plan(&mut self, id: &Id, now: Now) -> Vec<Work> {
        let mut works = Vec::new();
        if self.options.controllers {
            let plan = controllers::plan(&self.cache, id, now.time);
            works.extend(plan.now);
            if plan.soon.is_empty() {
                self.patience.remove(id);
            } else {
                match self.patience.get(id) {
                    Some(until) if *until <= now.instant => {
                        self.patience.insert(id.clone(), now.instant + PATIENCE);
                        works.extend(plan.soon);
                    }
                    Some(until) => {
                        let left = until.saturating_duration_since(now.instant);
                        works.push(Work::Wake(id.clone(), left));
                    }
                    None => {
                        self.patience.insert(id.clone(), now.instant + PATIENCE);
                        works.push(Work::Wake(id.clone(), PATIENCE));
                    }
                }
            }
        }
        if self.options.kubelet {
            works.extend(self.kubelet.plan(&self.cache, id, &self.options, now));
        }
        works
    }

    /// Where both halves play, a new pod is made on its node: that saves the binding.
    fn prepare(&mut self, work: Work) -> Work {
        let Work::Create(Kind::Pod, mut pod) = work else { return work };
        let open = crate::tree::text(&pod, "/spec/nodeName").is_empty()
            && crate::tree::list(&pod, "/spec/schedulingGates").is_empty()
            && matches!(crate::tree::text(&pod, "/spec/schedulerName"), "" | "default-scheduler")
            && self.options.failure_of(&pod) != Some(crate::Failure::Unschedulable);
        if open
            && self.options.kubelet
            && let Some(node) = self.kubelet.place(&self.cache, &pod)
        {
            crate::tree::map(&mut pod, "spec").insert("nodeName".into(), node.into());
        }
        Work::Create(Kind::Pod, pod)
    }

    fn is_hot(&mut self, id: &Id, now: Instant) -> bool {
        let entry = self.heat.entry(id.clone()).or_insert((now, 0));
        if now.duration_since(entry.0) > Duration::from_secs(1) {
            *entry = (now, 0);
        }
        entry.1 += 1;
        entry.1 > HOT
    }

    fn settle(&mut self, cause: Id, work: Work, answer: Result<Option<Value>, ClientError>) {
        match (work, answer) {
            (Work::Create(kind, _), Ok(Some(object))) => self.learn(kind, object),
            (Work::Patch(id, _) | Work::Status(id, _), Ok(Some(object))) => {
                self.learn(id.kind, object);
            }
            (_, Ok(_)) => {}
            // Somebody else was first, or it is gone: the watch tells what is there now.
            (Work::Delete { .. }, Err(error)) if matches!(error.code(), 404 | 409) => {}
            (Work::Patch(id, _) | Work::Status(id, _) | Work::Bind(id, _), Err(error))
                if error.code() == 404 =>
            {
                self.cache.delete(&id, "");
            }
            (_, Err(error)) => {
                tracing::debug!(name = cause.name, namespace = cause.namespace, %error,
                    "simulated step failed");
                let again = if error.code() == 409 { 1 } else { 5 };
                self.sleep(cause, Duration::from_secs(again));
            }
        }
    }
}

/// Does one work; gives the object that came back, where one did.
async fn perform(client: &Client, work: &Work) -> Result<Option<Value>, ClientError> {
    match work {
        Work::Create(kind, object) => {
            client.create(&kind.path(meta(object, "namespace")), object).await.map(Some)
        }
        Work::Patch(id, patch) => client.merge(&id.path(), patch).await.map(Some),
        Work::Status(id, status) => {
            let patch = json!({"status": status});
            client.merge(&format!("{}/status", id.path()), &patch).await.map(Some)
        }
        Work::Delete { id, uid, grace_seconds } => {
            client.delete(&id.path(), uid, *grace_seconds).await.map(|_| None)
        }
        Work::Bind(id, node) => {
            let binding = json!({"apiVersion": "v1", "kind": "Binding",
                "metadata": {"name": id.name, "namespace": id.namespace},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
            client.create(&format!("{}/binding", id.path()), &binding).await.map(|_| None)
        }
        Work::Wake(..) => Ok(None),
    }
}

/// Makes the nodes and, for controllers, the default storage class.
async fn bootstrap(client: &Client, options: &Options, clock: &dyn Clock) {
    let mut wait = Duration::from_millis(200);
    while let Err(error) = try_bootstrap(client, options, clock).await {
        tracing::debug!(%error, "simulated nodes cannot be made yet");
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(30));
    }
}

async fn try_bootstrap(
    client: &Client,
    options: &Options,
    clock: &dyn Clock,
) -> Result<(), ClientError> {
    if options.kubelet {
        for node in kubelet::node_objects(options) {
            ignore_existing(client.create("/api/v1/nodes", &node).await)?;
            let name = meta(&node, "name");
            let status = kubelet::node_status(name, options, clock.now());
            let path = format!("/api/v1/nodes/{name}/status");
            client.merge(&path, &json!({"status": status})).await?;
        }
    }
    if options.controllers {
        let path = Kind::StorageClass.path("");
        ignore_existing(client.create(&path, &kubelet::storage_class()).await)?;
    }
    Ok(())
}

fn ignore_existing(answer: Result<Value, ClientError>) -> Result<(), ClientError> {
    match answer {
        Err(error) if error.code() != 409 => Err(error),
        _ => Ok(()),
    }
}

/// Where one kind's watch stands.
enum Stage {
    List(Duration),
    Watch { events: BoxStream<'static, Event>, from: String },
    Resume { from: String, wait: Duration },
}

/// Follows one kind: lists it, watches it, and starts again whenever that ends.
fn follow(client: Client, kind: Kind) -> BoxStream<'static, News> {
    let path = kind.path("");
    stream::unfold(Stage::List(Duration::ZERO), move |stage| {
        let (client, path) = (client.clone(), path.clone());
        async move { next_news(&client, &path, kind, stage).await }
    })
    .boxed()
}

async fn next_news(
    client: &Client,
    path: &str,
    kind: Kind,
    mut stage: Stage,
) -> Option<(News, Stage)> {
    loop {
        stage = match stage {
            Stage::List(wait) => {
                tokio::time::sleep(wait).await;
                match client.list(path).await {
                    Ok((items, from)) => {
                        let next = Stage::Resume { from, wait: Duration::ZERO };
                        return Some((News::All(kind, items), next));
                    }
                    // A server without the kind has none of it.
                    Err(error) if error.code() == 404 => {
                        let next = Stage::List(Duration::from_secs(60));
                        return Some((News::All(kind, Vec::new()), next));
                    }
                    Err(_) => Stage::List(longer(wait)),
                }
            }
            Stage::Resume { from, wait } => {
                tokio::time::sleep(wait).await;
                match client.watch(path, &from).await {
                    Ok(events) => Stage::Watch { events, from },
                    Err(error) if error.code() == 410 => Stage::List(Duration::ZERO),
                    Err(_) => Stage::Resume { from, wait: longer(wait) },
                }
            }
            Stage::Watch { mut events, from } => match events.next().await {
                Some(Event::Applied(object)) => {
                    let from = meta(&object, "resourceVersion").to_owned();
                    return Some((News::Applied(kind, object), Stage::Watch { events, from }));
                }
                Some(Event::Deleted(object)) => {
                    let from = meta(&object, "resourceVersion").to_owned();
                    return Some((News::Deleted(kind, object), Stage::Watch { events, from }));
                }
                Some(Event::Bookmark(from)) => Stage::Watch { events, from },
                Some(Event::Expired) => Stage::List(Duration::ZERO),
                None => Stage::Resume { from, wait: Duration::from_millis(100) },
            },
        };
    }
}

fn longer(wait: Duration) -> Duration {
    (wait * 2).clamp(Duration::from_millis(200), Duration::from_secs(30))
}
