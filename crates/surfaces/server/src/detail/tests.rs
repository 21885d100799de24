//! What is shown of an Application, and what never is.

use super::*;
use argosy_diff::Desired;
use argosy_object::json;
use expect_test::expect;

fn object(value: Value) -> Object {
    Object::new(value).unwrap()
}

fn secret(value: &str) -> Object {
    object(
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key",
        "namespace": "shop"}, "data": {"token": value}}),
    )
}

fn desired_of(object: Object) -> Desired {
    Desired {
        key: object.key(),
        object,
        origin: argosy_object::Origin::default(),
        denied: None,
        unsupported: None,
    }
}

fn row(live: Option<Object>, desired: Option<Object>) -> Row {
    let key = live.as_ref().or(desired.as_ref()).unwrap().key();
    Row {
        key,
        desired: desired.map(desired_of),
        live,
        predicted: None,
        code: Some(SyncCode::OutOfSync),
        error: None,
        is_ignored: false,
    }
}

#[test]
fn difference_of_a_secret_shows_that_and_not_what() {
    let rows = [row(Some(secret("Y2FuYXJ5")), Some(secret("b3RoZXI=")))];
    let diff = differences(&rows).remove(0);
    assert_eq!(diff.action, "change");
    expect![[r"
        --- live
        +++ desired
        @@ -1,6 +1,6 @@
         apiVersion: v1
         data:
        -  token: ++++++++ (another value)
        +  token: ++++++++
         kind: Secret
         metadata:
           name: key
    "]]
    .assert_eq(&diff.text);
}

#[test]
fn differences_say_what_a_sync_would_do_and_errors_stand_for_themselves() {
    let map = |name: &str| {
        object(json!({"apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {"name": name, "namespace": "shop"}}))
    };
    let mut broken = row(None, Some(map("broken")));
    broken.error = Some("no such kind".into());
    let mut same = row(Some(map("same")), Some(map("same")));
    same.code = Some(SyncCode::Synced);
    let rows = [
        row(None, Some(map("new"))),
        row(Some(map("old")), None),
        broken,
        same,
    ];
    let all: Vec<_> = differences(&rows)
        .into_iter()
        .map(|d| (d.name, d.action))
        .collect();
    let wanted = [("broken", "error"), ("new", "create"), ("old", "prune")];
    assert_eq!(all, wanted.map(|(name, action)| (name.to_owned(), action)));
}

#[test]
fn huge_difference_is_cut() {
    let big = |text: &str| {
        object(
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "big"},
            "data": {"k": text.repeat(TEXT_MAX)}}),
        )
    };
    let diff = differences(&[row(Some(big("ä")), Some(big("ö")))]).remove(0);
    assert!(diff.cut && diff.text.len() <= TEXT_MAX);
}

#[test]
fn only_web_pages_are_links() {
    assert!(is_web("https://shop.example/") && is_web("HTTP://x"));
    for url in [
        "javascript:alert(1)",
        "data:text/html,x",
        "javascript://x%0aalert(1)",
        "https:x",
    ] {
        assert!(!is_web(url), "{url}");
    }
}

#[test]
fn report_without_an_inspection_has_the_last_status() {
    let application = object(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "web", "namespace": "argocd"},
        "spec": {"destination": {"name": "eu-1"}, "source": {"repoURL": "https://u:p@h/r"},
            "syncPolicy": {"automated": {"prune": true, "selfHeal": true}}},
        "status": {
            "summary": {"externalURLs": ["https://x/", "javascript:alert(1)"]},
            "resources": [{"kind": "Service", "name": "web", "status": "Synced",
                "health": {"status": "Healthy"}}],
            "history": [
                {"id": 0, "revision": "a", "deployedAt": "2026-01-01T00:00:00Z"},
                {"id": 1, "revision": "b", "deployedAt": "2026-01-02T00:00:00Z",
                    "initiatedBy": {"automated": true}}]},
    }));
    let detail = reported(&application, AppRow::default());
    assert_eq!(detail.policy, "Automatic · prune · self-heal");
    assert_eq!(detail.links, ["https://x/"]);
    assert_eq!(detail.sources[0].repo, "https://h/r");
    assert_eq!(
        (detail.tree.len(), detail.tree[0].sync),
        (1, Some(SyncCode::Synced))
    );
    let ids: Vec<_> = detail
        .history
        .iter()
        .map(|one| (one.id, one.by.as_str()))
        .collect();
    assert_eq!(ids, [(1, "automated"), (0, "")]);
}
