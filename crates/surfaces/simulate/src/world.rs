//! One cluster's task: watches in, works out.

use crate::client::{Client, ClientError, Event};
use crate::kinds::{Id, Kind};
use crate::kubelet::{self, Now};
use crate::options::Options;
use crate::planner::{News, Planner};
use crate::work::Work;
use argosy_object::{Value, json, meta};
use argosy_ports::{ApiService, Clock};
use futures_util::stream::{self, BoxStream, SelectAll};
use futures_util::{FutureExt as _, StreamExt as _};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How many works are on their way at once.
const WIDTH: usize = 16;

/// Plays a cluster until it is dropped. Where the API is not reached it tries again, ever slower,
/// up to half a minute; a failed write is tried again with the next look at its object.
pub async fn run(service: ApiService, options: Options, clock: Arc<dyn Clock>) {
    let client = Client::new(service);
    bootstrap(&client, &options, &*clock).await;
    let kinds: Vec<Kind> = Kind::KUBELET
        .into_iter()
        .chain(if options.controllers {
            Kind::CONTROLLERS.to_vec()
        } else if options.autoscalers {
            Kind::AUTOSCALERS.to_vec()
        } else {
            Vec::new()
        })
        .collect();
    let streams = stream::select_all(kinds.iter().map(|kind| follow(client.clone(), *kind)));
    let beats = beat(client.named("kubelet"), options.clone(), clock.clone());
    let planner = Planner::new(options, kinds);
    let world = World {
        client,
        clock,
        planner,
    };
    tokio::select! {
        () = world.play(streams) => {}
        () = beats => {}
    }
}

/// How often a node's lease is renewed.
const BEAT: Duration = Duration::from_secs(10);

/// Renews the leases of the nodes, where somebody else looks for them: a real controller manager
/// takes nodes without a lease for dead. Never ends.
async fn beat(client: Client, options: Options, clock: Arc<dyn Clock>) {
    if options.controllers || !options.kubelet {
        return std::future::pending().await;
    }
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
    loop {
        for node in kubelet::node_objects(&options) {
            let name = meta(&node, "name");
            let renewed = format!("{:.6}", clock.now());
            let patch = json!({"spec": {"renewTime": renewed}});
            let path = format!("{LEASES}/{name}");
            let outcome = match client.merge(&path, &patch).await {
                Err(error) if error.code() == 404 => {
                    let lease = json!({"apiVersion": "coordination.k8s.io/v1", "kind": "Lease",
                        "metadata": {"name": name, "namespace": "kube-node-lease"},
                        "spec": {"holderIdentity": name, "leaseDurationSeconds": 40,
                            "renewTime": renewed}});
                    client.create(LEASES, &lease).await
                }
                outcome => outcome,
            };
            if let Err(error) = outcome {
                tracing::debug!(name, %error, "lease of a simulated node is not renewed");
            }
        }
        tokio::time::sleep(BEAT).await;
    }
}

struct World {
    client: Client,
    clock: Arc<dyn Clock>,
    planner: Planner,
}

impl World {
    async fn play(mut self, mut streams: SelectAll<BoxStream<'static, News>>) {
        loop {
            let timer = self.planner.next_timer();
            let sleep = async {
                match timer {
                    Some(at) => tokio::time::sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                news = streams.next() => match news {
                    Some(news) => self.planner.take(news),
                    None => return,
                },
                () = sleep => {}
            }
            self.drain(&mut streams);
            self.planner.wake(Instant::now());
            while self.planner.has_work() {
                self.work_off().await;
                self.drain(&mut streams);
            }
        }
    }

    /// Takes in what has come in the meantime.
    fn drain(&mut self, streams: &mut SelectAll<BoxStream<'static, News>>) {
        for _ in 0..1024 {
            match streams.next().now_or_never() {
                Some(Some(news)) => self.planner.take(news),
                _ => return,
            }
        }
    }

    async fn work_off(&mut self) {
        let now = Now {
            time: self.clock.now(),
            instant: Instant::now(),
        };
        let works = self.planner.works(now);
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

    fn settle(&mut self, cause: Id, work: Work, answer: Result<Option<Value>, ClientError>) {
        match (work, answer) {
            (Work::Create(kind, _), Ok(Some(object))) => self.planner.learn(kind, object),
            (
                Work::Patch(id, _) | Work::Status(id, _) | Work::Annotate(id, _),
                Ok(Some(object)),
            ) => {
                self.planner.learn(id.kind, object);
            }
            (_, Ok(_)) => {}
            // Somebody else was first, or it is gone: the watch tells what is there now.
            (Work::Delete { .. }, Err(error)) if matches!(error.code(), 404 | 409) => {}
            (
                Work::Patch(id, _)
                | Work::Status(id, _)
                | Work::Annotate(id, _)
                | Work::Bind(id, _),
                Err(error),
            ) if error.code() == 404 => {
                self.planner.forget(&id);
            }
            (_, Err(error)) => {
                tracing::debug!(name = cause.name, namespace = cause.namespace, %error,
                    "simulated step failed");
                let again = if error.code() == 409 { 1 } else { 5 };
                self.planner
                    .sleep(cause, Duration::from_secs(again), Instant::now());
            }
        }
    }
}

/// Does one work; gives the object that came back, where one did.
async fn perform(client: &Client, work: &Work) -> Result<Option<Value>, ClientError> {
    let client = &client.named(work.actor());
    match work {
        Work::Create(kind, object) => client
            .create(&kind.path(meta(object, "namespace")), object)
            .await
            .map(Some),
        Work::Patch(id, patch) => client.merge(&id.path(), patch).await.map(Some),
        Work::Status(id, status) => {
            let patch = json!({"status": status});
            client.merge(&id.status_path(), &patch).await.map(Some)
        }
        Work::Annotate(id, annotations) => {
            let patch = json!({"metadata": {"annotations": annotations}});
            client.merge(&id.status_path(), &patch).await.map(Some)
        }
        Work::Delete {
            id,
            uid,
            grace_seconds,
        } => client
            .delete(&id.path(), uid, *grace_seconds)
            .await
            .map(|_| None),
        Work::Bind(id, node) => {
            let binding = json!({"apiVersion": "v1", "kind": "Binding",
                "metadata": {"name": id.name, "namespace": id.namespace},
                "target": {"apiVersion": "v1", "kind": "Node", "name": node}});
            client
                .create(&format!("{}/binding", id.path()), &binding)
                .await
                .map(|_| None)
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
    Watch {
        events: BoxStream<'static, Event>,
        from: String,
    },
    Resume {
        from: String,
        wait: Duration,
    },
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
                        let next = Stage::Resume {
                            from,
                            wait: Duration::ZERO,
                        };
                        return Some((News::All(kind, items), next));
                    }
                    // A server without the kind has none of it.
                    Err(error) if error.code() == 404 => {
                        let next = Stage::List(Duration::from_mins(1));
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
                    Err(_) => Stage::Resume {
                        from,
                        wait: longer(wait),
                    },
                }
            }
            Stage::Watch { mut events, from } => match events.next().await {
                Some(Event::Applied(told)) => {
                    let from = told.head.resource_version.clone();
                    return Some((News::Told(kind, told), Stage::Watch { events, from }));
                }
                Some(Event::Deleted(object)) => {
                    let from = meta(&object, "resourceVersion").to_owned();
                    return Some((News::Deleted(kind, object), Stage::Watch { events, from }));
                }
                Some(Event::Bookmark(from)) => Stage::Watch { events, from },
                Some(Event::Expired) => Stage::List(Duration::ZERO),
                None => Stage::Resume {
                    from,
                    wait: Duration::from_millis(100),
                },
            },
        };
    }
}

fn longer(wait: Duration) -> Duration {
    (wait * 2).clamp(Duration::from_millis(200), Duration::from_secs(30))
}
