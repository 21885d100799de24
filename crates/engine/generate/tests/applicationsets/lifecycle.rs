//! What becomes of Applications that are there already.

use crate::setup::Case;
use argosy_generate::{
    Decision, Facts, IgnoreRules, Policy, Preserved, decide, deletions, release,
    requeue_after_seconds, validate,
};
use argosy_object::{Object, Value, json};
use std::collections::BTreeSet;

fn case(extra: &str) -> Case {
    Case::new(&format!(
        "{extra}\ngoTemplate: true\ngenerators:\n- list: {{elements: [{{\"n\": \"web\"}}]}}\ntemplate:\n  metadata: {{name: '{{{{.n}}}}', labels: {{team: a}}}}\n  spec: {{project: p, source: {{repoURL: r, targetRevision: v1}}, destination: {{server: s}}}}\n"
    ))
}

fn decided(case: &Case, live: Option<&Object>, policy: Policy) -> Decision {
    let app = case.apps().remove(0);
    let ignore = IgnoreRules::of(case.set()).unwrap();
    decide(
        case.set(),
        &app,
        live,
        policy,
        &ignore,
        &Preserved::default(),
    )
}

fn created(case: &Case) -> Object {
    match decided(case, None, Policy::Sync) {
        Decision::Create(app) => app,
        other => panic!("expected a creation, found {other:?}"),
    }
}

fn with(app: &Object, change: impl FnOnce(&mut Value)) -> Object {
    let mut value = app.value().clone();
    change(&mut value);
    Object::from_trusted(value)
}

#[test]
fn created_application_is_owned_and_then_unchanged() {
    let case = case("");
    let app = created(&case);
    assert_eq!(
        app.pointer("/metadata/ownerReferences/0"),
        Some(&json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet", "name": "set",
        "uid": "set-uid", "controller": true, "blockOwnerDeletion": true}))
    );
    assert_eq!(
        decided(&case, Some(&app), Policy::Sync),
        Decision::Unchanged
    );
}

#[test]
fn spec_is_put_back_while_operation_status_and_kept_fields_stay() {
    let case = case("preservedFields: {annotations: [mine], labels: [kept]}");
    let live = with(&created(&case), |app| {
        app["spec"]["source"]["targetRevision"] = "v2".into();
        app["spec"]["extra"] = 1.into();
        app["operation"] = json!({"sync": {}});
        app["status"] = json!({"health": {}});
        app["metadata"]["annotations"] = json!({"mine": "1", "other": "2",
            "argocd.argoproj.io/refresh": "normal"});
        app["metadata"]["labels"] = json!({"team": "b", "kept": "1", "gone": "1"});
        app["metadata"]["finalizers"] = json!(["post-delete-finalizer.argocd.argoproj.io/cleanup"]);
    });
    let Decision::Update { patch, adopts } = decided(&case, Some(&live), Policy::Sync) else {
        panic!("expected an update");
    };
    assert!(!adopts);
    assert_eq!(
        patch,
        json!({
            "metadata": {
                "annotations": {"other": null},
                "labels": {"team": "a", "gone": null},
                "finalizers": ["resources-finalizer.argocd.argoproj.io",
                    "post-delete-finalizer.argocd.argoproj.io/cleanup"],
            },
            "spec": {"source": {"targetRevision": "v1"}, "extra": null},
        })
    );
}

#[test]
fn ignored_fields_keep_what_a_person_wrote() {
    for rule in [
        "jsonPointers: [/spec/source/targetRevision]",
        "jqPathExpressions: [.spec.source.targetRevision]",
        "name: web, jsonPointers: [/spec/source/targetRevision]",
    ] {
        let case = case(&format!("ignoreApplicationDifferences: [{{{rule}}}]"));
        let live = with(&created(&case), |app| {
            app["spec"]["source"]["targetRevision"] = "v2".into();
        });
        assert_eq!(
            decided(&case, Some(&live), Policy::Sync),
            Decision::Unchanged,
            "{rule}"
        );
    }
    let other = case(
        "ignoreApplicationDifferences: [{name: api, jsonPointers: [/spec/source/targetRevision]}]",
    );
    let live = with(&created(&other), |app| {
        app["spec"]["source"]["targetRevision"] = "v2".into();
    });
    assert!(matches!(
        decided(&other, Some(&live), Policy::Sync),
        Decision::Update { .. }
    ));
    let program =
        case("ignoreApplicationDifferences: [{jqPathExpressions: ['.a[] | select(.b)']}]");
    let error = IgnoreRules::of(program.set()).unwrap_err().to_string();
    assert!(
        error.contains("ignoreApplicationDifferences[0].jqPathExpressions"),
        "{error}"
    );
}

#[test]
fn foreign_application_is_never_taken_and_an_unowned_one_is_adopted() {
    let case = case("");
    let foreign = with(&created(&case), |app| {
        app["metadata"]["ownerReferences"][0]["name"] = "other".into();
        app["metadata"]["ownerReferences"][0]["uid"] = "other-uid".into();
    });
    let Decision::Foreign { message } = decided(&case, Some(&foreign), Policy::Sync) else {
        panic!("expected a refusal");
    };
    assert_eq!(
        message,
        "Object argocd/web is already owned by another ApplicationSet controller other"
    );
    let unowned = with(&created(&case), |app| {
        app["metadata"]
            .as_object_mut()
            .unwrap()
            .remove("ownerReferences");
        app["spec"]["project"] = "hand".into();
    });
    for policy in [Policy::Sync, Policy::CreateOnly] {
        let Decision::Update { patch, adopts } = decided(&case, Some(&unowned), policy) else {
            panic!("expected an adoption");
        };
        assert!(adopts);
        assert_eq!(patch["spec"], json!({"project": "p"}));
        assert_eq!(patch["metadata"]["ownerReferences"][0]["uid"], "set-uid");
    }
}

#[test]
fn policies_decide_over_updates_and_deletions() {
    let case = case("");
    let live = with(&created(&case), |app| {
        app["spec"]["project"] = "hand".into();
    });
    let gone = BTreeSet::new();
    for (name, updates, deletes) in [
        ("sync", true, true),
        ("create-only", false, false),
        ("create-update", true, false),
        ("create-delete", false, true),
    ] {
        let policy = Policy::parse(name).unwrap();
        let decision = decided(&case, Some(&live), policy);
        assert_eq!(
            matches!(decision, Decision::Update { .. }),
            updates,
            "{name}"
        );
        let count = deletions(case.set(), &gone, [&live], policy).len();
        assert_eq!(count == 1, deletes, "{name}");
    }
    let set = Case::new("syncPolicy: {applicationsSync: create-only}");
    assert_eq!(
        Policy::of(set.set(), Policy::Sync, true),
        Policy::CreateOnly
    );
    assert_eq!(Policy::of(set.set(), Policy::Sync, false), Policy::Sync);
}

#[test]
fn only_owned_applications_that_are_not_generated_any_more_are_deleted() {
    let case = case("");
    let mine = created(&case);
    let foreign = with(&mine, |app| {
        app["metadata"]["ownerReferences"][0]["uid"] = "x".into();
    });
    let names: BTreeSet<String> = ["web".to_owned()].into();
    assert!(deletions(case.set(), &names, [&mine, &foreign], Policy::Sync).is_empty());
    let gone = deletions(
        case.set(),
        &BTreeSet::new(),
        [&mine, &foreign],
        Policy::Sync,
    );
    assert_eq!(gone, vec![&mine]);
    assert_eq!(
        release(case.set(), &mine),
        Some(json!({"metadata": {"ownerReferences": null}}))
    );
    assert_eq!(release(case.set(), &foreign), None);
}

#[test]
fn preserved_resources_have_no_finalizer() {
    let app = created(&case("syncPolicy: {preserveResourcesOnDeletion: true}"));
    assert_eq!(app.finalizers().count(), 0);
}

#[test]
fn names_projects_and_destinations_are_validated() {
    let case = Case::new("goTemplate: true\ngenerators:\n- list:\n    elements: [{\"n\": \"twice\"}, {\"n\": \"twice\"}, {\"n\": \"Bad_Name\"}, {\"n\": \"\", \"x\": 1}, {\"n\": \"ok\"}, {\"n\": \"lost\", \"s\": \"https://gone\"}, {\"n\": \"stray\", \"p\": \"none\"}]\ntemplate:\n  metadata: {name: '{{.n}}'}\n  spec: {project: '{{ .p | default \"p\" }}', destination: {server: '{{ .s | default \"https://a\" }}'}}\n")
        .cluster("a", "https://a", "");
    let apps = case.done_err().unwrap().apps;
    let projects = ["p".to_owned()].into();
    let invalid = validate(
        "set",
        &apps,
        Facts {
            projects: &projects,
            clusters: case.clusters(),
        },
    );
    let faults: Vec<_> = invalid
        .0
        .iter()
        .map(|(n, t)| (n.as_str(), t.as_str()))
        .collect();
    assert_eq!(faults.len(), 5, "{faults:?}");
    assert!(
        faults[0]
            .1
            .starts_with("ApplicationSet set contains an application with no name")
    );
    assert!(
        faults[1]
            .1
            .contains("metadata.name: Invalid value: \"Bad_Name\": a lowercase RFC 1123")
    );
    assert!(
        faults[2]
            .1
            .contains("error getting cluster by server \"https://gone\"")
    );
    assert_eq!(
        faults[3].1,
        "application references project none which does not exist"
    );
    assert_eq!(
        faults[4].1,
        "ApplicationSet set contains applications with duplicate name: twice"
    );
    assert!(!invalid.contains("ok"));
    assert_eq!(
        invalid.message().unwrap(),
        "ApplicationSet set contains applications with duplicate name: twice (and 4 more)"
    );
}

#[test]
fn polling_follows_the_shortest_period() {
    let seconds = |spec: &str| requeue_after_seconds(Case::new(spec).set());
    assert_eq!(seconds("generators: [{list: {}}, {clusters: {}}]"), None);
    assert_eq!(
        seconds("generators: [{git: {repoURL: r}}, {list: {}}]"),
        Some(180)
    );
    assert_eq!(
        seconds(
            "generators: [{matrix: {generators: [{git: {requeueAfterSeconds: 30}}, {list: {}}]}}]"
        ),
        Some(30)
    );
}
