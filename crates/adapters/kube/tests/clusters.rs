//! The same checks against the embedded API and against a real kube-apiserver: discovery, plain
//! operations, apply and the live cache.
#![allow(clippy::unwrap_used)] // a test's helpers may panic too

use argosy_kube::spec::{ClusterSpec, Credential, Scope, TlsSpec, cluster_from_secret};
use argosy_kube::{Client, ClusterSettings, KubeCluster, KubeClusters, Kubeconfig, Transport};
use argosy_kubeapi::auth::authn::StaticTokens;
use argosy_kubeapi::auth::authorizer::RbacAuthorizer;
use argosy_kubeapi::auth::tokens::TokenKey;
use argosy_kubeapi::hooks::{self, Deps};
use argosy_kubeapi::{ApiServer, HistoryLimits, MemoryStorage, Shared};
use argosy_object::{GroupKind, Gvk, Key, Object, Value, json};
use argosy_ports::{
    Api, ApiErrorKind, AppliedHow, ApplyMode, ApplyOptions, Cluster, ClusterFacts, Clusters,
    DeleteOptions, Identity, ListOptions, LiveWant, PatchBody, Resource, SystemTime, WatchEvent,
    WatchOptions, WriteOptions,
};
use argosy_schema::Schemas;
use argosy_testkit::realapi::{RealCluster, assets_or_skip};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;

fn object(value: Value) -> Object {
    Object::new(value).unwrap()
}

fn config_map(name: &str, data: Value) -> Object {
    object(json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "default"}, "data": data}))
}

fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}

fn tracked(mut object: Object, app: &str) -> Object {
    let (gvk, key) = (object.gvk(), object.key());
    let namespace = key.namespace.as_deref().unwrap_or("default");
    let id = format!("{app}:{}/{}:{namespace}/{}", gvk.group, gvk.kind, key.name);
    object.set_annotation("argocd.argoproj.io/tracking-id", &id);
    object
}

fn settings() -> ClusterSettings {
    ClusterSettings::new(Schemas::builtin())
}

/// One cluster for all checks: it takes seconds to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_api_server_serves_our_client() {
    if assets_or_skip("real_api_server_serves_our_client").is_none() {
        return;
    }
    let real = tokio::task::spawn_blocking(|| RealCluster::start().unwrap())
        .await
        .unwrap();
    let transport = Transport::default();
    let config = Kubeconfig::load(&[real.kubeconfig().to_owned()]).unwrap();
    let (spec, _) = config.cluster(None).unwrap();
    let client = Client::connect(&transport, &spec).unwrap();
    checks(&client).await;
    secrets(&real, &client, &transport).await;
}

/// With the simulator in the place of the controller manager and the kubelet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_api_serves_our_client() {
    let tokens = Arc::new(StaticTokens::default());
    let deps = Deps {
        key: Arc::new(TokenKey::in_memory()),
        tokens,
    };
    let shared = Shared::new(Schemas::builtin(), hooks::all(&deps));
    let storage = Arc::new(MemoryStorage::new(HistoryLimits::SMALL));
    let server = ApiServer::new(storage, &shared, Arc::new(SystemTime))
        .authorizer(Arc::new(RbacAuthorizer::new()))
        .start()
        .await
        .unwrap();
    let simulator = tokio::spawn(argosy_simulate::run(
        server.service(),
        argosy_simulate::Options::default(),
        Arc::new(SystemTime),
    ));
    let transport = Transport::default();
    transport
        .register("https://embedded:1/clusters/eu", server.service())
        .unwrap();
    let spec = ClusterSpec {
        name: "eu".into(),
        server: "https://embedded:1/clusters/eu".into(),
        tls: TlsSpec::default(),
        credential: Credential::None,
        scope: Scope::default(),
    };
    checks(&Client::connect(&transport, &spec).unwrap()).await;
    simulator.abort();
}

async fn checks(client: &Client) {
    plain_operations(client).await;
    watches(client).await;
    let cluster = KubeCluster::new(client.clone(), Scope::default(), settings());
    facts(&cluster).await;
    three_way(&cluster).await;
    server_side_and_force(&cluster).await;
    live_cache(client, &cluster).await;
    custom_kinds(&cluster).await;
}

async fn plain_operations(client: &Client) {
    let (maps, options) = (config_maps(), WriteOptions::default());
    assert!(
        client
            .get(&maps, Some("default"), "none")
            .await
            .unwrap()
            .is_none()
    );
    let made = client
        .create(&maps, &config_map("a", json!({"k": "1"})), &options)
        .await
        .unwrap();
    let again = client
        .create(&maps, &config_map("a", json!({})), &options)
        .await
        .unwrap_err();
    assert_eq!(again.kind, ApiErrorKind::AlreadyExists);
    let patch = PatchBody::Merge(json!({"data": {"k": "2"}}));
    client
        .patch(&maps, Some("default"), "a", &patch, &options)
        .await
        .unwrap();
    let conflict = client.replace(&maps, &made, &options).await.unwrap_err();
    assert_eq!(conflict.kind, ApiErrorKind::Conflict);
    let list = ListOptions {
        fields: Some("metadata.name=a".into()),
        ..ListOptions::default()
    };
    let listed = client.list(&maps, &list).await.unwrap();
    assert_eq!(listed.items.len(), 1);
    assert_eq!(listed.items[0].kind(), "ConfigMap");
    let bad = client
        .create(&maps, &config_map("Bad_Name", json!({})), &options)
        .await
        .unwrap_err();
    assert_eq!((bad.kind, bad.code), (ApiErrorKind::Invalid, 422));
    let nothing = Resource::new(Gvk::new("no.such", "v1", "Thing"), "things", true);
    let unknown = client
        .list(&nothing, &ListOptions::default())
        .await
        .unwrap_err();
    assert_eq!(unknown.kind, ApiErrorKind::NoKind);
    let nobody = client.impersonating("nobody").unwrap();
    let denied = nobody.get(&maps, Some("default"), "a").await.unwrap_err();
    assert_eq!(denied.kind, ApiErrorKind::Forbidden);
    let wrong = DeleteOptions {
        uid: Some("other".into()),
        ..DeleteOptions::default()
    };
    let kept = client
        .delete(&maps, Some("default"), "a", &wrong)
        .await
        .unwrap_err();
    assert_eq!(kept.kind, ApiErrorKind::Conflict);
    assert!(
        client
            .delete(&maps, Some("default"), "a", &DeleteOptions::default())
            .await
            .unwrap()
    );
    assert!(
        !client
            .delete(&maps, Some("default"), "a", &DeleteOptions::default())
            .await
            .unwrap()
    );
    // More than one page.
    for at in 0..3 {
        let name = format!("page-{at}");
        client
            .create(&maps, &config_map(&name, json!({})), &options)
            .await
            .unwrap();
    }
}

async fn watches(client: &Client) {
    let options = WatchOptions {
        list: ListOptions {
            namespace: Some("default".into()),
            ..ListOptions::default()
        },
        from: None,
    };
    let maps = config_maps();
    let mut watch = client.watch(&maps, &options).await.unwrap();
    let mut names = Vec::new();
    let version = loop {
        match watch.next().await.unwrap().unwrap() {
            WatchEvent::Added(object) => names.push(object.name().to_owned()),
            WatchEvent::Bookmark(version) => break version,
            other => panic!("{other:?}"),
        }
    };
    assert!(names.contains(&"page-0".to_owned()), "{names:?}");
    client
        .create(
            &maps,
            &config_map("watched", json!({})),
            &WriteOptions::default(),
        )
        .await
        .unwrap();
    let resumed = WatchOptions {
        from: Some(version),
        ..options
    };
    for mut watch in [watch, client.watch(&maps, &resumed).await.unwrap()] {
        match watch.next().await.unwrap().unwrap() {
            WatchEvent::Added(object) => assert_eq!(object.name(), "watched"),
            other => panic!("{other:?}"),
        }
    }
}

async fn facts(cluster: &KubeCluster) {
    let facts = cluster.facts().await.unwrap();
    assert!(
        facts.kube_version.starts_with("v1."),
        "{}",
        facts.kube_version
    );
    let has = |facts: &ClusterFacts, name: &str| facts.api_versions.iter().any(|v| v == name);
    for name in ["v1", "apps/v1/Deployment", "networking.k8s.io/v1/Ingress"] {
        assert!(has(&facts, name), "{name}");
    }
    let deployments = facts
        .resource(&Gvk::new("apps", "v1", "Deployment"))
        .unwrap();
    assert_eq!(
        (&*deployments.plural, deployments.namespaced),
        ("deployments", true)
    );
    assert!(cluster.discovered().await.unwrap().broken.is_empty());
}

fn deployment(image: &str, args: Value) -> Object {
    object(json!({"apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "c", "image": image, "args": args}]}}}}))
}

async fn apply(
    cluster: &KubeCluster,
    desired: &Object,
    live: Option<&Object>,
    options: &ApplyOptions,
) -> (AppliedHow, Object) {
    let applied = cluster
        .apply(&Identity::default(), desired, live, options)
        .await
        .unwrap();
    (applied.how, applied.object)
}

async fn three_way(cluster: &KubeCluster) {
    let options = ApplyOptions {
        validate: true,
        ..ApplyOptions::default()
    };
    let desired = tracked(deployment("nginx:1", json!(["a"])), "web");
    let (how, live) = apply(cluster, &desired, None, &options).await;
    assert_eq!(how, AppliedHow::Created);
    let (how, live) = apply(cluster, &desired, Some(&live), &options).await;
    assert_eq!(how, AppliedHow::Unchanged);
    // What is no longer said goes; what others say stays.
    let mut without = deployment("nginx:2", json!(["a"]));
    let container = "/spec/template/spec/containers/0";
    without
        .value_mut()
        .pointer_mut(container)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove("args");
    let without = tracked(without, "web");
    // The cache says that there is none: the server knows better.
    let (how, after) = apply(cluster, &without, None, &options).await;
    assert_eq!(how, AppliedHow::Configured);
    assert_eq!(
        after.pointer(&format!("{container}/image")),
        Some(&json!("nginx:2"))
    );
    assert_eq!(after.pointer(&format!("{container}/args")), None);
    assert_eq!(
        after.pointer("/spec/replicas"),
        live.pointer("/spec/replicas")
    );
    assert!(after.pointer("/metadata/managedFields").is_none());
    let mut typo = desired.clone();
    typo.value_mut()["spec"]["replicsa"] = json!(2);
    let identity = Identity::default();
    let refused = cluster
        .apply(&identity, &typo, Some(&after), &options)
        .await
        .unwrap_err();
    assert!(refused.message.contains("replicsa"), "{refused}");
    let lax = ApplyOptions::default();
    cluster
        .apply(&identity, &typo, Some(&after), &lax)
        .await
        .unwrap();
    // Asking changes nothing.
    let dry = ApplyOptions {
        dry_run: true,
        ..ApplyOptions::default()
    };
    let asked = tracked(deployment("nginx:3", json!([])), "web");
    let (_, answer) = apply(cluster, &asked, Some(&after), &dry).await;
    assert_eq!(
        answer.pointer(&format!("{container}/image")),
        Some(&json!("nginx:3"))
    );
    let nobody = Identity {
        impersonate: Some("nobody".into()),
    };
    let denied = cluster
        .apply(&nobody, &asked, Some(&after), &lax)
        .await
        .unwrap_err();
    assert_eq!(denied.kind, ApiErrorKind::Forbidden);
}

async fn server_side_and_force(cluster: &KubeCluster) {
    let server_side = ApplyOptions {
        mode: ApplyMode::ServerSide,
        ..ApplyOptions::default()
    };
    let map = tracked(config_map("ssa", json!({"a": "1"})), "web");
    assert_eq!(
        apply(cluster, &map, None, &server_side).await.0,
        AppliedHow::ServerSideApplied
    );
    let maps = config_maps();
    let raw = cluster
        .get(&maps, Some("default"), "ssa")
        .await
        .unwrap()
        .unwrap();
    let managers = raw.pointer("/metadata/managedFields/0/manager");
    assert_eq!(managers, Some(&json!("argocd-controller")));

    let replace = ApplyOptions {
        mode: ApplyMode::Replace,
        ..ApplyOptions::default()
    };
    let other = config_map("ssa", json!({"b": "2"}));
    let (how, after) = apply(cluster, &other, Some(&raw), &replace).await;
    assert_eq!(how, AppliedHow::Replaced);
    assert_eq!(after.pointer("/data"), Some(&json!({"b": "2"})));

    // A selector cannot be changed: only by making the object anew.
    let mut moved = deployment("nginx:1", json!([]));
    moved.value_mut()["spec"]["selector"]["matchLabels"]["app"] = json!("other");
    moved.value_mut()["spec"]["template"]["metadata"]["labels"]["app"] = json!("other");
    let moved = tracked(moved, "web");
    let deployments = Resource::new(moved.gvk(), "deployments", true);
    let live = cluster
        .get(&deployments, Some("default"), "web")
        .await
        .unwrap()
        .unwrap();
    let (identity, plain) = (Identity::default(), ApplyOptions::default());
    let refused = cluster
        .apply(&identity, &moved, Some(&live), &plain)
        .await
        .unwrap_err();
    assert_eq!(refused.code, 422, "{refused}");
    let force = ApplyOptions {
        force: true,
        ..ApplyOptions::default()
    };
    let (_, after) = apply(cluster, &moved, Some(&live), &force).await;
    assert_ne!(after.uid(), live.uid());
}

async fn live_cache(client: &Client, cluster: &KubeCluster) {
    let gvk = Gvk::new("apps", "v1", "Deployment");
    let key = Key::new("apps", "Deployment", Some("default"), "web");
    let absent = Key::new("", "ConfigMap", Some("default"), "absent");
    let want = LiveWant {
        instance: "web".into(),
        keys: vec![
            (gvk.clone(), key.clone()),
            (Gvk::new("", "v1", "ConfigMap"), absent.clone()),
        ],
        ..LiveWant::default()
    };
    // A kind that nobody wants, tracked by the application: it must be found to be pruned.
    let role = tracked(
        object(
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
            "metadata": {"name": "left-over"}, "rules": []}),
        ),
        "web",
    );
    let roles = Resource::new(role.gvk(), "clusterroles", false);
    client
        .create(&roles, &role, &WriteOptions::default())
        .await
        .unwrap();
    let live = cluster.live(&want).await.unwrap();
    let found: Vec<String> = live.objects.keys().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "apps/Deployment:default/web",
            "rbac.authorization.k8s.io/ClusterRole:left-over"
        ]
    );
    assert!(
        live.objects[&key]
            .object
            .pointer("/spec/template")
            .is_some()
    );

    // The controller manager makes the ReplicaSet; there is no kubelet, but pods are made too.
    let uid = live.objects[&key].object.uid().to_owned();
    let mut changes = cluster.changes();
    until("a pod is seen below the deployment", || {
        let below = cluster.descendants(&uid);
        below
            .iter()
            .any(|node| &*node.key.kind == "Pod" && &*node.images[0] == "nginx:1")
    })
    .await;
    // A change by hand is told, with the application that it concerns.
    let deployments = Resource::new(gvk, "deployments", true);
    let patch = PatchBody::Merge(json!({"spec": {"replicas": 3}}));
    let options = WriteOptions::default();
    client
        .patch(&deployments, Some("default"), "web", &patch, &options)
        .await
        .unwrap();
    let told = async {
        loop {
            let change = changes.recv().await.unwrap();
            if change.key == key && change.instance.as_deref() == Some("web") {
                let live = cluster.live(&want).await.unwrap();
                if live.objects[&key].object.pointer("/spec/replicas") == Some(&json!(3)) {
                    break;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told)
        .await
        .expect("the change is told");
    // A write of ours is seen at once.
    let map = tracked(config_map("absent", json!({"now": "here"})), "web");
    apply(cluster, &map, None, &ApplyOptions::default()).await;
    assert!(
        cluster
            .live(&want)
            .await
            .unwrap()
            .objects
            .contains_key(&absent)
    );
    let identity = Identity::default();
    let gone = cluster
        .remove(&identity, &map.gvk(), &absent, &DeleteOptions::default())
        .await;
    assert!(gone.unwrap());
    until("the removed object leaves the cache", || {
        cluster.index().get(&absent).is_none()
    })
    .await;
}

async fn custom_kinds(cluster: &KubeCluster) {
    let gvk = Gvk::new("test.argosy.dev", "v1", "Widget");
    let key = Key::new("test.argosy.dev", "Widget", Some("default"), "one");
    let want = LiveWant {
        instance: "widgets".into(),
        keys: vec![(gvk.clone(), key.clone())],
        ..LiveWant::default()
    };
    assert!(cluster.live(&want).await.unwrap().objects.is_empty());
    let widget = object(json!({"apiVersion": "test.argosy.dev/v1", "kind": "Widget",
        "metadata": {"name": "one", "namespace": "default"}, "spec": {"list": [1, 2]}}));
    let (identity, options) = (Identity::default(), ApplyOptions::default());
    let early = cluster
        .apply(&identity, &widget, None, &options)
        .await
        .unwrap_err();
    assert_eq!(early.kind, ApiErrorKind::NoKind);
    assert!(
        early
            .message
            .contains("Make sure the \"Widget\" CRD is installed"),
        "{early}"
    );
    let crd = object(
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.test.argosy.dev"},
        "spec": {"group": "test.argosy.dev", "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "x-kubernetes-preserve-unknown-fields": true}}}]}}),
    );
    apply(cluster, &crd, None, &options).await;
    let mut tries = 0;
    let made = loop {
        match cluster
            .apply(
                &identity,
                &tracked(widget.clone(), "widgets"),
                None,
                &options,
            )
            .await
        {
            Ok(made) => break made,
            Err(error) if error.kind == ApiErrorKind::NoKind && tries < 100 => tries += 1,
            Err(error) => panic!("{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let mut shorter = widget.clone();
    shorter.value_mut()["spec"]["list"] = json!([2]);
    let shorter = tracked(shorter, "widgets");
    let (how, after) = apply(cluster, &shorter, Some(&made.object), &options).await;
    assert_eq!(
        (how, after.pointer("/spec/list")),
        (AppliedHow::Configured, Some(&json!([2])))
    );
    assert!(
        cluster
            .live(&want)
            .await
            .unwrap()
            .objects
            .contains_key(&key)
    );
    let crds = GroupKind::new("apiextensions.k8s.io", "CustomResourceDefinition");
    let resource = cluster.discovered().await.unwrap().watchable[&crds].clone();
    let background = DeleteOptions::default();
    cluster
        .delete(&resource, None, "widgets.test.argosy.dev", &background)
        .await
        .unwrap();
    until("objects of a kind that is gone are gone", || {
        cluster.index().get(&key).is_none()
    })
    .await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while cluster.facts().await.unwrap().resource(&gvk).is_some() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "the kind is still in the facts"
        );
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(cluster.live(&want).await.unwrap().objects.is_empty());
}

/// A service account's token in a cluster Secret, in namespaced mode.
async fn secrets(real: &RealCluster, hub: &Client, transport: &Transport) {
    let options = WriteOptions::default();
    let role = object(
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "default-edits", "namespace": "default"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "edit"},
        "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": "default"}]}),
    );
    let bindings = Resource::new(role.gvk(), "rolebindings", true);
    hub.create(&bindings, &role, &options).await.unwrap();
    let request = object(
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
        "metadata": {"name": "default", "namespace": "default"}, "spec": {}}),
    );
    let accounts = Resource::new(
        Gvk::new("", "v1", "ServiceAccount"),
        "serviceaccounts",
        true,
    );
    let token_options = WriteOptions {
        subresource: Some("token".into()),
        ..options
    };
    let answer = hub
        .create(&accounts, &request, &token_options)
        .await
        .unwrap();
    let token = answer.pointer("/status/token").unwrap().as_str().unwrap();
    let config = json!({"bearerToken": token,
        "tlsClientConfig": {"caData": STANDARD.encode(real.ca_pem())}});
    let secret = object(json!({"apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "c", "namespace": "argocd", "resourceVersion": "1"},
        "stringData": {"name": "real", "server": real.url(), "namespaces": "default",
            "config": config.to_string()}}));
    assert!(cluster_from_secret(&secret, true).is_ok());
    let clusters = KubeClusters::new(
        transport.clone(),
        transport.service(&admin(real)).unwrap(),
        "argocd",
        settings(),
    );
    assert_eq!(
        clusters.by_server(&real.url()).await.err().unwrap().kind,
        ApiErrorKind::NotFound
    );
    clusters.set_secret(&secret).unwrap();
    let cluster = clusters.by_server(&real.url()).await.unwrap();
    let map = tracked(config_map("by-token", json!({})), "scoped");
    let want = |gvk: Gvk, key: Key| LiveWant {
        instance: "scoped".into(),
        keys: vec![(gvk, key)],
        ..LiveWant::default()
    };
    let identity = Identity::default();
    cluster
        .apply(&identity, &map, None, &ApplyOptions::default())
        .await
        .unwrap();
    let live = cluster.live(&want(map.gvk(), map.key())).await.unwrap();
    assert!(live.objects.contains_key(&map.key()));
    let elsewhere = Key::new("", "ConfigMap", Some("kube-system"), "x");
    let refused = cluster.live(&want(map.gvk(), elsewhere)).await.unwrap_err();
    assert_eq!(
        refused.message,
        "namespace \"kube-system\" for ConfigMap \"x\" is not managed"
    );
    let namespace = Key::new("", "Namespace", None, "x");
    let refused = cluster
        .live(&want(Gvk::new("", "v1", "Namespace"), namespace))
        .await
        .unwrap_err();
    assert!(
        refused.message.starts_with("cluster level Namespace \"x\""),
        "{refused}"
    );
    // The hub's own cluster needs no Secret.
    let hub = clusters
        .by_server("https://kubernetes.default.svc")
        .await
        .unwrap();
    assert!(hub.facts().await.unwrap().kube_version.starts_with("v1."));
    // A wrong token is a clear refusal, not an empty cluster.
    let mut wrong = secret.clone();
    wrong.value_mut()["stringData"]["config"] = config.to_string().replace(token, "wrong").into();
    wrong
        .metadata_mut()
        .insert("resourceVersion".into(), "2".into());
    clusters.set_secret(&wrong).unwrap();
    let cluster = clusters.by_server(&real.url()).await.unwrap();
    let denied = cluster.live(&want(map.gvk(), map.key())).await.unwrap_err();
    assert_eq!(denied.kind, ApiErrorKind::Unauthorized);
}

fn admin(real: &RealCluster) -> ClusterSpec {
    let config = Kubeconfig::load(&[real.kubeconfig().to_owned()]).unwrap();
    config.cluster(Some("real")).unwrap().0
}

async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not in time: {what}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
