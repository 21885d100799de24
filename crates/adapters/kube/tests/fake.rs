//! Against a small API in the process, which can be made to misbehave: what a real server does
//! only on bad days.
#![allow(clippy::unwrap_used)] // a test's helpers may panic too

use argosy_kube::spec::{ClusterSpec, Credential, Scope, TlsSpec};
use argosy_kube::{Client, ClusterSettings, KubeCluster, Transport};
use argosy_object::{Gvk, Key, Value, json};
use argosy_ports::{
    Api, ApiErrorKind, ApiService, Body, BoxError, Cluster, ListOptions, LiveWant, Resource,
    full_body,
};
use argosy_schema::Schemas;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::mpsc;

type Line = Result<Frame<Bytes>, BoxError>;

/// A server of ConfigMaps and Secrets.
#[derive(Clone, Default)]
struct Fake(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    revision: u64,
    objects: BTreeMap<(String, String), Value>,
    watches: Vec<(String, mpsc::UnboundedSender<Line>)>,
    /// Answers by a part of the path and query, before all else.
    trouble: Vec<(String, u16, String)>,
    asked: Vec<String>,
    watch_list: bool,
}

impl Fake {
    fn service(&self) -> ApiService {
        let fake = self.clone();
        ApiService::new(tower::service_fn(move |request: Request<Body>| {
            let fake = fake.clone();
            async move { fake.answer(&request) }
        }))
    }

    fn trouble(&self, part: &str, code: u16, body: &str) {
        self.0
            .lock()
            .unwrap()
            .trouble
            .push((part.into(), code, body.into()));
    }

    fn calm(&self) {
        self.0.lock().unwrap().trouble.clear();
    }

    fn asked(&self, part: &str) -> usize {
        self.0
            .lock()
            .unwrap()
            .asked
            .iter()
            .filter(|path| path.contains(part))
            .count()
    }

    fn put(&self, plural: &str, name: &str, app: Option<&str>) {
        let mut state = self.0.lock().unwrap();
        state.revision += 1;
        let kind = if plural == "secrets" {
            "Secret"
        } else {
            "ConfigMap"
        };
        let mut object = json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name,
            "namespace": "shop", "uid": name, "resourceVersion": state.revision.to_string()}});
        if let Some(app) = app {
            let id = format!("{app}:/{kind}:shop/{name}");
            object["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": id});
        }
        let known = state
            .objects
            .insert((plural.into(), name.into()), object.clone());
        let event = if known.is_some() { "MODIFIED" } else { "ADDED" };
        state.tell(plural, &json!({"type": event, "object": object}));
    }

    fn remove(&self, plural: &str, name: &str) {
        let mut state = self.0.lock().unwrap();
        state.revision += 1;
        let mut object = state.objects.remove(&(plural.into(), name.into())).unwrap();
        object["metadata"]["resourceVersion"] = state.revision.to_string().into();
        state.tell(plural, &json!({"type": "DELETED", "object": object}));
    }

    /// Ends every watch, with an error of the connection or, without one, in peace.
    fn cut(&self, error: bool) {
        for (_, watch) in self.0.lock().unwrap().watches.drain(..) {
            if error {
                let _ = watch.send(Err("connection reset".into()));
            }
        }
    }

    /// Sends bytes to every watch of a kind.
    fn say(&self, plural: &str, text: &str) {
        let state = self.0.lock().unwrap();
        for (_, watch) in state.watches.iter().filter(|(at, _)| at == plural) {
            let _ = watch.send(Ok(Frame::data(Bytes::from(format!("{text}\n")))));
        }
    }

    fn answer(&self, request: &Request<Body>) -> Result<Response<Body>, BoxError> {
        let mut state = self.0.lock().unwrap();
        let path = request.uri().path_and_query().unwrap().to_string();
        state.asked.push(path.clone());
        if let Some((_, code, body)) = state.trouble.iter().find(|(part, ..)| path.contains(part)) {
            if *code == 0 {
                return Err("connection refused".into());
            }
            let mut response = Response::new(full_body(body.clone()));
            *response.status_mut() = StatusCode::from_u16(*code)?;
            return Ok(response);
        }
        let plural = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let verbs = json!(["get", "list", "watch", "create"]);
        let body = match (request.uri().path(), path.contains("watch=true")) {
            ("/version", _) => json!({"gitVersion": "v1.36.0"}),
            ("/api", _) => json!({"kind": "APIVersions", "versions": ["v1"]}),
            ("/apis", _) => json!({"kind": "APIGroupList", "groups": []}),
            ("/api/v1", _) => json!({"kind": "APIResourceList", "resources": [
                {"name": "configmaps", "kind": "ConfigMap", "namespaced": true, "verbs": verbs},
                {"name": "secrets", "kind": "Secret", "namespaced": true, "verbs": verbs}]}),
            (_, true) => return state.watch(&path, &plural),
            _ => state.list(&path, &plural),
        };
        Ok(Response::new(full_body(body.to_string())))
    }
}

impl State {
    fn tell(&mut self, plural: &str, event: &Value) {
        let line = Bytes::from(format!("{event}\n"));
        self.watches.retain(|(at, watch)| {
            at != plural || watch.send(Ok(Frame::data(line.clone()))).is_ok()
        });
    }

    fn of(&self, plural: &str) -> Vec<Value> {
        let own = self.objects.iter().filter(|((at, _), _)| at == plural);
        own.map(|(_, object)| object.clone()).collect()
    }

    /// Two objects a page, and without `kind`, as real servers do.
    fn list(&self, path: &str, plural: &str) -> Value {
        let start = path.split("continue=").nth(1).map_or(0, |rest| {
            rest.split('&').next().unwrap().parse::<usize>().unwrap()
        });
        let all = self.of(plural);
        let size = if path.contains("limit=") {
            2
        } else {
            all.len().max(1)
        };
        let end = (start + size).min(all.len());
        let mut items = all[start..end].to_vec();
        for item in &mut items {
            item.as_object_mut().unwrap().remove("kind");
            item.as_object_mut().unwrap().remove("apiVersion");
        }
        let mut metadata = json!({"resourceVersion": self.revision.to_string()});
        if end < all.len() {
            metadata["continue"] = end.to_string().into();
        }
        json!({"kind": "List", "metadata": metadata, "items": items})
    }

    fn watch(&mut self, path: &str, plural: &str) -> Result<Response<Body>, BoxError> {
        let (sender, mut receiver) = mpsc::unbounded_channel::<Line>();
        if path.contains("sendInitialEvents") {
            if !self.watch_list {
                let status = json!({"kind": "Status", "code": 422, "reason": "Invalid",
                    "message": "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"});
                let mut response = Response::new(full_body(status.to_string()));
                *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
                return Ok(response);
            }
            let mut lines = String::new();
            for object in self.of(plural) {
                lines += &format!("{}\n", json!({"type": "ADDED", "object": object}));
            }
            let bookmark = json!({"type": "BOOKMARK", "object": {"metadata": {
                "resourceVersion": self.revision.to_string(),
                "annotations": {"k8s.io/initial-events-end": "true"}}}});
            lines += &format!("{bookmark}\n");
            sender.send(Ok(Frame::data(Bytes::from(lines))))?;
        }
        self.watches.push((plural.to_owned(), sender));
        let stream = futures_util::stream::poll_fn(move |cx| receiver.poll_recv(cx));
        Ok(Response::new(StreamBody::new(stream).boxed_unsync()))
    }
}

fn cluster(fake: &Fake) -> KubeCluster {
    let client = Client::new("https://fake", fake.service());
    KubeCluster::new(
        client,
        Scope::default(),
        ClusterSettings::new(Schemas::builtin()),
    )
}

fn want(name: &str) -> LiveWant {
    let gvk = Gvk::new("", "v1", "ConfigMap");
    LiveWant {
        instance: "web".into(),
        keys: vec![(gvk, key(name))],
        ..LiveWant::default()
    }
}

fn key(name: &str) -> Key {
    Key::new("", "ConfigMap", Some("shop"), name)
}

async fn names(cluster: &KubeCluster) -> Vec<String> {
    let live = cluster.live(&want("a")).await.unwrap();
    live.objects
        .keys()
        .map(|key| format!("{}/{}", key.kind, key.name))
        .collect()
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while !done() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn tracked_objects_of_unwanted_kinds_are_found_with_and_without_watch_list() {
    for watch_list in [false, true] {
        let fake = Fake::default();
        fake.0.lock().unwrap().watch_list = watch_list;
        for at in 0..5 {
            fake.put("configmaps", &format!("other-{at}"), None);
        }
        fake.put("configmaps", "a", Some("web"));
        fake.put("secrets", "left-over", Some("web"));
        let cluster = cluster(&fake);
        assert_eq!(names(&cluster).await, ["ConfigMap/a", "Secret/left-over"]);
        let asked = fake.0.lock().unwrap().asked.len();
        assert_eq!(names(&cluster).await.len(), 2);
        assert_eq!(
            fake.0.lock().unwrap().asked.len(),
            asked,
            "a second look asks nothing"
        );
    }
}

#[tokio::test]
async fn desired_object_that_nobody_tracks_is_asked_for() {
    let fake = Fake::default();
    fake.put("configmaps", "a", None);
    fake.trouble(
        "configmaps/a",
        200,
        &json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "shop", "managedFields": []}})
        .to_string(),
    );
    let live = cluster(&fake).live(&want("a")).await.unwrap();
    assert!(
        live.objects[&key("a")]
            .object
            .pointer("/metadata/managedFields")
            .is_none()
    );
}

#[tokio::test]
async fn broken_watch_goes_on_where_it_ended() {
    let fake = Fake::default();
    fake.put("configmaps", "a", Some("web"));
    let cluster = cluster(&fake);
    assert_eq!(names(&cluster).await, ["ConfigMap/a"]);
    let version = fake.0.lock().unwrap().revision;
    for error in [false, true] {
        let resumed = "configmaps?watch=true&allowWatchBookmarks=true&timeoutSeconds=";
        let before = fake.asked(resumed);
        fake.cut(error);
        until("the watch is taken up", || fake.asked(resumed) > before).await;
    }
    let last = fake.0.lock().unwrap().asked.last().unwrap().clone();
    assert!(
        last.contains(&format!("resourceVersion={version}")),
        "{last}"
    );
    fake.put("configmaps", "b", Some("web"));
    until("an event of the new watch", || {
        cluster.index().get(&key("b")).is_some()
    })
    .await;
}

#[tokio::test]
async fn forgotten_revision_begins_anew_and_notices_what_went_meanwhile() {
    let fake = Fake::default();
    fake.put("configmaps", "a", Some("web"));
    fake.put("configmaps", "b", Some("web"));
    let cluster = cluster(&fake);
    assert_eq!(names(&cluster).await.len(), 2);
    let expired = json!({"type": "ERROR", "object": {"kind": "Status", "code": 410,
        "reason": "Expired", "message": "too old resource version"}});
    let watches = std::mem::take(&mut fake.0.lock().unwrap().watches);
    fake.remove("configmaps", "b");
    fake.0.lock().unwrap().watches = watches;
    fake.say("configmaps", &expired.to_string());
    until("the missed end is noticed", || {
        cluster.index().get(&key("b")).is_none()
    })
    .await;
    assert!(cluster.index().get(&key("a")).is_some());
}

#[tokio::test(start_paused = true)]
async fn server_that_forgets_at_once_is_asked_again_ever_more_slowly() {
    let fake = Fake::default();
    fake.put("configmaps", "a", Some("web"));
    let forgets = json!({"kind": "Status", "code": 410, "reason": "Expired",
        "message": "too old resource version", "details": {"name": "x"}});
    fake.trouble("watch=true", 410, &forgets.to_string());
    let cluster = cluster(&fake);
    // The cache is not filled, which is told after a minute.
    assert!(cluster.live(&want("a")).await.is_err());
    let asked = fake.asked("configmaps?allowWatchBookmarks") + fake.asked("configmaps?watch=true");
    assert!((2..30).contains(&asked), "asked {asked} times in a minute");
}

#[tokio::test]
async fn expired_page_token_lists_again_in_one_piece() {
    let fake = Fake::default();
    for at in 0..5 {
        fake.put("configmaps", &format!("m-{at}"), None);
    }
    fake.trouble(
        "continue=2",
        410,
        r#"{"kind":"Status","code":410,"reason":"Expired","message":"m"}"#,
    );
    let client = Client::new("https://fake", fake.service());
    let maps = Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true);
    let list = client.list(&maps, &ListOptions::default()).await.unwrap();
    assert_eq!(list.items.len(), 5);
    assert_eq!(
        (list.items[0].kind(), list.resource_version.as_str()),
        ("ConfigMap", "5")
    );
}

#[tokio::test]
async fn garbage_in_a_watch_harms_nothing_else() {
    let fake = Fake::default();
    fake.put("configmaps", "a", Some("web"));
    let cluster = cluster(&fake);
    assert_eq!(names(&cluster).await.len(), 1);
    fake.say("configmaps", r#"{"type":"ADDED","object":{"metadata":{}}}"#);
    fake.say("configmaps", r#"{"type":"ADDED","object":7}"#);
    fake.put("configmaps", "b", Some("web"));
    until("later events are taken", || {
        cluster.index().get(&key("b")).is_some()
    })
    .await;
    fake.say("configmaps", "<html>");
    let again = fake.asked("watch=true");
    until("the watch is opened again", || {
        fake.asked("watch=true") > again
    })
    .await;
    fake.put("configmaps", "c", Some("web"));
    until("and works", || cluster.index().get(&key("c")).is_some()).await;
}

#[tokio::test]
async fn unreachable_cluster_is_an_error_and_not_an_empty_one() {
    let fake = Fake::default();
    fake.put("configmaps", "a", Some("web"));
    let cluster = cluster(&fake);
    fake.trouble("/", 0, "");
    let error = cluster.live(&want("a")).await.unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert_eq!(
        error.message,
        "cluster `https://fake` cannot be reached: connection refused"
    );
    fake.calm();
    assert_eq!(names(&cluster).await, ["ConfigMap/a"]);
    // Gone again later: an old picture is not shown as if it were the cluster.
    fake.trouble("/", 0, "");
    fake.cut(true);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while cluster.live(&want("a")).await.is_ok() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the loss is not told"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn kind_that_may_not_be_read_stops_only_those_who_want_it() {
    let denied =
        r#"{"kind":"Status","code":403,"reason":"Forbidden","message":"secrets is forbidden"}"#;
    for (code, body) in [(403, denied), (500, "conversion webhook failed")] {
        let fake = Fake::default();
        fake.put("configmaps", "a", Some("web"));
        fake.trouble("/secrets", code, body);
        let cluster = cluster(&fake);
        assert_eq!(names(&cluster).await, ["ConfigMap/a"]);
        let secret = Key::new("", "Secret", Some("shop"), "s");
        let want = LiveWant {
            instance: "web".into(),
            keys: vec![(Gvk::new("", "v1", "Secret"), secret)],
            ..LiveWant::default()
        };
        assert_eq!(cluster.live(&want).await.unwrap_err().code, code);
        assert_eq!(names(&cluster).await, ["ConfigMap/a"]);
    }
}

#[tokio::test]
async fn registered_prefix_is_answered_in_the_process() {
    let fake = Fake::default();
    let transport = Transport::default();
    transport
        .register("https://127.0.0.1:6443/clusters/eu", fake.service())
        .unwrap();
    let spec = |server: &str| ClusterSpec {
        name: "eu".into(),
        server: server.into(),
        tls: TlsSpec::default(),
        credential: Credential::Bearer("t".to_owned().into()),
        scope: Scope::default(),
    };
    let client = Client::connect(&transport, &spec("https://127.0.0.1:6443/clusters/eu/")).unwrap();
    let cluster = KubeCluster::new(
        client,
        Scope::default(),
        ClusterSettings::new(Schemas::builtin()),
    );
    assert_eq!(cluster.facts().await.unwrap().kube_version, "v1.36.0");
    assert_eq!(fake.0.lock().unwrap().asked[0].split('/').count(), 2);
    // Another cluster of the same server is another one.
    let other = Client::connect(&transport, &spec("http://127.0.0.1:1/clusters/euro")).unwrap();
    let cluster = KubeCluster::new(
        other,
        Scope::default(),
        ClusterSettings::new(Schemas::builtin()),
    );
    assert_eq!(
        cluster.facts().await.unwrap_err().kind,
        ApiErrorKind::Unreachable
    );
}
