//! How an Application is shown, letter by letter.

use super::*;
use argosy_object::json;
use expect_test::expect;

fn app() -> Object {
    Object::new(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "guestbook", "namespace": "argocd", "managedFields": [{}]},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://h/r", "path": "guestbook", "targetRevision": "main",
                "helm": {"valueFiles": ["a.yaml", "b.yaml"]}},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "shop"},
            "syncPolicy": {"automated": {"prune": true}},
        },
        "status": {
            "sync": {"status": "OutOfSync", "revision": "0123456789012345678901234567890123456789"},
            "health": {"status": "Degraded", "message": "Deployment web"},
            "conditions": [
                {"type": "SyncError", "message": "one", "lastTransitionTime": "2026-11-23T22:35:57Z"},
                {"type": "SyncError", "message": "two", "lastTransitionTime": "2026-11-23T22:35:57Z"},
            ],
            "resources": [
                {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop",
                    "name": "web", "status": "OutOfSync", "health": {"status": "Degraded"}},
                {"version": "v1", "kind": "Service", "namespace": "shop", "name": "web",
                    "status": "Synced"},
            ],
            "operationState": {
                "operation": {"sync": {}}, "phase": "Failed", "message": "one failed",
                "startedAt": "2026-11-23T22:35:50Z", "finishedAt": "2026-11-23T22:35:57Z",
                "syncResult": {"revision": "0123456", "source": {"repoURL": "https://h/r"}, "resources": [
                    {"group": "apps", "version": "v1", "kind": "Deployment", "namespace": "shop",
                        "name": "web", "status": "SyncFailed", "message": "denied"},
                    {"group": "", "version": "v1", "kind": "ConfigMap", "namespace": "shop",
                        "name": "gone", "status": "Pruned", "message": "pruned"},
                ]},
            },
            "history": [
                {"id": 0, "revision": "0123456789", "deployedAt": "2026-11-23T21:00:00Z",
                    "source": {"repoURL": "https://h/r", "targetRevision": "main"}},
                {"id": 1, "revision": "9876543210", "deployedAt": "2026-11-23T22:00:00Z",
                    "source": {"repoURL": "https://h/r", "targetRevision": "main"}},
            ],
        },
    }))
    .unwrap()
}

#[test]
fn the_list_has_argocds_columns() {
    let listing = list(&[app()]);
    expect![[r"
        NAME              CLUSTER                         NAMESPACE  PROJECT  STATUS     HEALTH    SYNCPOLICY  CONDITIONS
        argocd/guestbook  https://kubernetes.default.svc  shop       default  OutOfSync  Degraded  Auto-Prune  SyncError(2)
    "]]
    .assert_eq(&listing.table.render(false, &Terminal::plain()));
    assert_eq!(listing.names, ["argocd/guestbook"]);
    assert!(
        listing.objects[0]
            .pointer("/metadata/managedFields")
            .is_none()
    );
}

#[test]
fn the_summary_says_what_argocds_does() {
    expect![[r"
        Name:               argocd/guestbook
        Project:            default
        Server:             https://kubernetes.default.svc
        Namespace:          shop
        Source:
        - Repo:             https://h/r
          Target:           main
          Path:             guestbook
          Helm Values:      a.yaml,b.yaml
        Sync Policy:        Automated (Prune)
        Sync Status:        OutOfSync from main (0123456)
        Health Status:      Degraded (Deployment web)

        CONDITION  MESSAGE  LAST TRANSITION
        SyncError  one      2026-11-23 22:35:57 +0000 UTC
        SyncError  two      2026-11-23 22:35:57 +0000 UTC

        Operation:          Sync
        Sync Revision:      0123456
        Phase:              Failed
        Start:              2026-11-23 22:35:50 +0000 UTC
        Finished:           2026-11-23 22:35:57 +0000 UTC
        Duration:           7s
        Message:            one failed

        GROUP  KIND        NAMESPACE  NAME  STATUS     HEALTH    HOOK  MESSAGE
        apps   Deployment  shop       web   OutOfSync  Degraded        denied
               Service     shop       web   Synced                     
               ConfigMap   shop       gone  Pruned                     pruned
    "]]
    .assert_eq(&summary(&app(), true, &Terminal::plain()));
}

#[test]
fn history_is_a_table_for_each_source() {
    expect![[r"
        SOURCE  https://h/r
        ID  DATE                           REVISION
        0   2026-11-23 21:00:00 +0000 UTC  main (0123456)
        1   2026-11-23 22:00:00 +0000 UTC  main (9876543)
    "]]
    .assert_eq(&history(&app(), &Terminal::plain()));
}

#[test]
fn an_application_nobody_has_seen_yet_is_unknown() {
    let app = Object::new(json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Application",
        "metadata": {"name": "new"}, "spec": {"destination": {"name": "prod"}},
    }))
    .unwrap();
    let text = list(std::slice::from_ref(&app))
        .table
        .render(false, &Terminal::plain());
    assert!(text.contains("new   prod"), "{text}");
    assert!(
        text.contains("Unknown  Unknown  Manual      <none>"),
        "{text}"
    );
    assert!(resources(&app).table.is_empty());
    assert_eq!(history(&app, &Terminal::plain()), "");
}
