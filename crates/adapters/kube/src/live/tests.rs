//! The index without a cluster.

use super::*;
use argosy_object::{Value, json};

fn index() -> LiveIndex {
    LiveIndex::new(LiveRules::default())
}

fn config_map(name: &str, rv: u32, instance: Option<&str>) -> Value {
    let mut object = json!({"metadata": {"name": name, "namespace": "shop", "uid": format!("uid-{name}"),
        "resourceVersion": rv.to_string(), "managedFields": [{"manager": "x"}]}, "data": {"rv": rv}});
    if let Some(instance) = instance {
        let id = format!("{instance}:/ConfigMap:shop/{name}");
        object["metadata"]["annotations"] = json!({"argocd.argoproj.io/tracking-id": id});
    }
    object
}

fn gvk() -> Gvk {
    Gvk::new("", "v1", "ConfigMap")
}

fn key(name: &str) -> Key {
    Key::new("", "ConfigMap", Some("shop"), name)
}

fn scope() -> Scope {
    Scope {
        kind: gvk().group_kind(),
        namespace: None,
    }
}

fn apply(index: &LiveIndex, object: &Value) {
    index
        .apply(&gvk(), object.to_string().as_bytes(), NewsFrom::Watch)
        .unwrap();
}

fn changes(receiver: &mut broadcast::Receiver<LiveChange>) -> Vec<(String, String)> {
    let mut out = Vec::new();
    while let Ok(change) = receiver.try_recv() {
        out.push((
            change.key.name.to_string(),
            change.instance.unwrap_or_default().to_string(),
        ));
    }
    out
}

#[test]
fn body_is_kept_where_tracked_and_has_no_managed_fields() {
    let index = index();
    apply(&index, &config_map("a", 1, Some("web")));
    apply(&index, &config_map("b", 2, None));
    let object = index.get(&key("a")).unwrap().object().unwrap();
    assert_eq!(object.gvk(), gvk());
    assert!(object.pointer("/metadata/managedFields").is_none());
    assert_eq!(object.pointer("/data/rv"), Some(&json!(1)));
    let other = index.get(&key("b")).unwrap();
    assert!(!other.has_body() && other.object().is_none());
    assert_eq!(index.tracked("web"), [key("a")]);
}

#[test]
fn large_body_is_compressed_and_comes_back_whole() {
    let index = index();
    let mut object = config_map("a", 1, Some("web"));
    object["data"] = json!({"text": "all work and no play ".repeat(500), "é": "\u{1F600}\n"});
    apply(&index, &object);
    assert!(index.size().1 < 1000, "{:?}", index.size());
    let back = index.get(&key("a")).unwrap().object().unwrap();
    assert_eq!(back.pointer("/data"), Some(&object["data"]));
}

/// Two kilobytes of pod, as a cluster has them by the thousand.
fn pod(at: usize) -> Value {
    let id = |salt: usize| {
        format!(
            "{:08x}",
            (at * 7919 + salt).wrapping_mul(2_654_435_761) as u32
        )
    };
    let field = |name: &str| {
        json!({"manager": name, "operation": "Update", "apiVersion": "v1",
        "time": "2026-11-01T10:00:00Z", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec":
        {"f:containers": {"k:{\"name\":\"web\"}": {".": {}, "f:image": {}, "f:resources":
        {".": {}, "f:limits": {".": {}, "f:cpu": {}, "f:memory": {}}}}}}}})
    };
    json!({"metadata": {"name": format!("web-{}-{}", id(1), id(2)), "namespace": "shop",
        "uid": format!("{}-0000-4000-8000-{}0000", id(3), id(4)), "resourceVersion": at.to_string(),
        "labels": {"app": "web", "pod-template-hash": id(5)},
        "annotations": {"checksum/config": id(6).repeat(8)},
        "managedFields": [field("kube-controller-manager"), field("kubelet")]},
        "spec": {"nodeName": format!("node-{}", id(7)), "serviceAccountName": "web",
            "containers": [{"name": "web", "image": "registry.example.com/team/web:1.2.3",
                "env": (0..12).map(|n| json!({"name": format!("SETTING_{n}"), "value": id(8 + n)})).collect::<Vec<_>>(),
                "resources": {"limits": {"cpu": "500m", "memory": "512Mi"}, "requests": {"cpu": "100m", "memory": "128Mi"}},
                "livenessProbe": {"httpGet": {"path": "/healthz", "port": 8080}, "periodSeconds": 10}}],
            "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}]},
        "status": {"phase": "Running", "podIP": format!("10.1.2.{}", at % 250), "conditions":
            (["Initialized", "Ready", "ContainersReady", "PodScheduled"].map(|name|
                json!({"type": name, "status": "True", "lastTransitionTime": "2026-11-01T10:00:00Z"})))}})
}

#[test]
fn pod_of_two_kilobytes_takes_less_than_one() {
    let index = LiveIndex::new(LiveRules {
        bodies: |_, _| true,
        ..LiveRules::default()
    });
    let gvk = Gvk::new("", "v1", "Pod");
    let mut raw = 0;
    for at in 1..=200 {
        let json = pod(at).to_string();
        raw += json.len();
        index.apply(&gvk, json.as_bytes(), NewsFrom::Watch).unwrap();
    }
    let (objects, bytes) = index.size();
    assert_eq!(objects, 200);
    assert!(raw / 200 > 2000, "{}", raw / 200);
    assert!(bytes / 200 < 1000, "{} bytes a body", bytes / 200);
}

#[test]
fn older_news_is_ignored() {
    let index = index();
    apply(&index, &config_map("a", 7, Some("web")));
    apply(&index, &config_map("a", 5, Some("web")));
    assert_eq!(&*index.get(&key("a")).unwrap().header.resource_version, "7");
}

#[test]
fn write_answer_does_not_bring_back_what_the_watch_saw_go() {
    let index = index();
    let object = config_map("a", 5, Some("web"));
    apply(&index, &object);
    index
        .delete(
            &gvk(),
            config_map("a", 6, Some("web")).to_string().as_bytes(),
        )
        .unwrap();
    index.seen(&scope(), "6");
    index
        .apply(&gvk(), object.to_string().as_bytes(), NewsFrom::Write)
        .unwrap();
    assert!(index.get(&key("a")).is_none());
    let newer = config_map("a", 9, Some("web")).to_string();
    index
        .apply(&gvk(), newer.as_bytes(), NewsFrom::Write)
        .unwrap();
    assert!(index.get(&key("a")).is_some());
}

#[test]
fn old_end_does_not_take_what_was_made_again() {
    let index = index();
    let mut again = config_map("a", 9, Some("web"));
    again["metadata"]["uid"] = json!("another");
    index
        .apply(&gvk(), again.to_string().as_bytes(), NewsFrom::Write)
        .unwrap();
    index
        .delete(&gvk(), config_map("a", 8, None).to_string().as_bytes())
        .unwrap();
    assert!(index.get(&key("a")).is_some());
}

#[test]
fn reset_forgets_what_it_did_not_see_in_its_scope_alone() {
    let index = index();
    apply(&index, &config_map("a", 1, Some("web")));
    apply(&index, &config_map("b", 2, Some("web")));
    let mut elsewhere = config_map("c", 3, None);
    elsewhere["metadata"]["namespace"] = json!("other");
    apply(&index, &elsewhere);
    let mut heard = index.changes();
    let reset = index.begin_reset(Scope {
        namespace: Some("shop".into()),
        ..scope()
    });
    // An older revision counts here: the cluster may have been put back from a backup.
    let back = config_map("b", 1, Some("web")).to_string();
    index.apply(&gvk(), back.as_bytes(), reset.news()).unwrap();
    index.finish_reset(&reset);
    assert_eq!(&*index.get(&key("b")).unwrap().header.resource_version, "1");
    assert_eq!(index.tracked("web"), [key("b")]);
    assert_eq!(index.size().0, 2);
    let told: Vec<_> = changes(&mut heard)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(told, ["b", "a"]);
}

#[test]
fn only_changes_that_matter_are_told() {
    let index = index();
    let mut object = config_map("a", 1, Some("web"));
    apply(&index, &object);
    let mut heard = index.changes();
    object["metadata"]["resourceVersion"] = json!("2");
    object["metadata"]["managedFields"] = json!([]);
    apply(&index, &object);
    assert!(changes(&mut heard).is_empty());
    assert_eq!(&*index.get(&key("a")).unwrap().header.resource_version, "2");
    let mut moved = config_map("a", 3, Some("shop"));
    moved["data"] = object["data"].clone();
    apply(&index, &moved);
    let told: Vec<_> = changes(&mut heard)
        .into_iter()
        .map(|(_, instance)| instance)
        .collect();
    assert_eq!(told, ["shop", "web"]);
    assert!(index.tracked("web").is_empty());
}

#[test]
fn content_of_owned_objects_is_a_detail_and_their_coming_and_going_is_not() {
    let index = index();
    apply(&index, &config_map("a", 1, Some("web")));
    let mut heard = index.changes();
    let mut details = |object: &Value| {
        apply(&index, object);
        let told = std::iter::from_fn(|| heard.try_recv().ok());
        told.map(|change| change.is_detail).collect::<Vec<_>>()
    };
    let mut owned = config_map("b", 2, None);
    owned["metadata"]["ownerReferences"] = json!([{"uid": "uid-a"}]);
    assert_eq!(details(&owned), [false], "it came");
    owned["data"] = json!({"more": "words"});
    assert_eq!(details(&owned), [true]);
    owned["metadata"]["deletionTimestamp"] = json!("2026-01-01T00:00:00Z");
    assert_eq!(details(&owned), [false], "it begins to go");
    assert_eq!(
        details(&config_map("a", 3, Some("web"))),
        [false],
        "a declared one"
    );
}

#[test]
fn copied_tracking_id_and_owned_objects_are_not_tracked() {
    let index = index();
    let mut copy = config_map("a", 1, Some("web"));
    copy["metadata"]["name"] = json!("copy");
    apply(&index, &copy);
    let mut owned = config_map("b", 2, Some("web"));
    owned["metadata"]["ownerReferences"] = json!([{"uid": "x", "kind": "Y", "name": "y"}]);
    apply(&index, &owned);
    assert!(index.tracked("web").is_empty());
}

#[test]
fn cluster_scoped_object_is_tracked_whatever_namespace_its_id_names() {
    let index = index();
    let gvk = Gvk::new("", "v1", "Namespace");
    let object = json!({"metadata": {"name": "shop", "uid": "u", "resourceVersion": "1",
        "annotations": {"argocd.argoproj.io/tracking-id": "team_web:/Namespace:dest/shop"}}});
    index
        .apply(&gvk, object.to_string().as_bytes(), NewsFrom::Watch)
        .unwrap();
    assert_eq!(
        index.tracked("team_web"),
        [Key::new("", "Namespace", None, "shop")]
    );
}

#[test]
fn label_and_installation_decide_where_asked() {
    let tracking = Tracking {
        by_label: true,
        installation: Some("one".into()),
        ..Tracking::default()
    };
    let index = LiveIndex::new(LiveRules {
        tracking,
        ..LiveRules::default()
    });
    for (name, installation) in [("a", "one"), ("b", "two")] {
        let mut object = config_map(name, 1, None);
        object["metadata"]["labels"] = json!({"app.kubernetes.io/instance": "web"});
        object["metadata"]["annotations"] =
            json!({"argocd.argoproj.io/installation-id": installation});
        apply(&index, &object);
    }
    assert_eq!(index.tracked("web"), [key("a")]);
}

fn owned(index: &LiveIndex, group: &str, kind: &str, name: &str, owner: &str) {
    let object = json!({"metadata": {"name": name, "namespace": "shop", "uid": name,
        "resourceVersion": "5", "ownerReferences": [{"uid": owner}]},
        "spec": {"containers": [{"image": "nginx:1"}, {"image": "nginx:1"}]}});
    let gvk = Gvk::new(group, "v1", kind);
    index
        .apply(&gvk, object.to_string().as_bytes(), NewsFrom::Watch)
        .unwrap();
}

#[test]
fn descendants_are_found_and_tell_their_application() {
    let index = index();
    apply(&index, &config_map("root", 1, Some("web")));
    let mut heard = index.changes();
    owned(&index, "apps", "ReplicaSet", "rs", "uid-root");
    owned(&index, "", "Pod", "pod", "rs");
    let told = changes(&mut heard);
    assert_eq!(
        told,
        [
            ("rs".into(), "web".into()),
            ("pod".to_owned(), "web".to_owned())
        ]
    );
    let below = index.descendants("uid-root");
    let names: Vec<_> = below.iter().map(|node| &*node.key.name).collect();
    assert_eq!(names, ["pod", "rs"]);
    assert_eq!(below[0].images, [Str::from("nginx:1")]);
    assert_eq!(index.children("uid-root").len(), 1);
}

#[test]
fn owner_loops_end() {
    let index = index();
    owned(&index, "", "Pod", "a", "b");
    owned(&index, "", "Pod", "b", "a");
    assert_eq!(index.descendants("a").len(), 2);
}

#[test]
fn what_is_no_object_is_an_error() {
    let index = index();
    for bad in [
        "",
        "[]",
        "3",
        "{\"metadata\":{}}",
        "{\"metadata\":{\"name\":3}}",
        "{\"metadata\"",
    ] {
        assert!(
            index
                .apply(&gvk(), bad.as_bytes(), NewsFrom::Watch)
                .is_err(),
            "{bad}"
        );
    }
}
