//! Each fault gets a condition that names the thing, the place and the way out, and touches
//! nothing else.

use crate::harness::{Fleet, Ground, commit, config_map};
use argosy_git::author::{Change, RepoBuilder};
use argosy_object::json;

pub async fn every_fault_is_told_and_a_good_neighbour_goes_on(ground: Ground) {
    let Some(fleet) = Fleet::start(
        ground,
        "every_fault_is_told_and_a_good_neighbour_goes_on",
        &["a"],
    )
    .await
    else {
        return;
    };
    let good = config_map("good", "v1");
    let namespaced = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: forbidden\n";
    let repository = fleet.repository(
        "repo",
        &[
            ("good/good.yaml", &good),
            ("broken/x.yaml", "a: 1\nb: [1\nc: 2\n"),
            ("nokind/x.yaml", "hello: world\n"),
            ("twice/a.yaml", &config_map("same", "first")),
            ("twice/b.yaml", &config_map("same", "second")),
            (
                "chart/Chart.yaml",
                "apiVersion: v2\nname: c\nversion: 1.0.0\n",
            ),
            ("chart/templates/x.yaml", "{{ fail \"needs a region\" }}\n"),
            (
                "crd/x.yaml",
                "apiVersion: example.com/v1\nkind: Widget\nmetadata:\n  name: w\n",
            ),
            ("closed/ns.yaml", namespaced),
        ],
    );
    fleet
        .create(fleet.application("good", "repo", "good", "a"))
        .await;
    fleet
        .create(
            json!({"apiVersion": "argoproj.io/v1alpha1", "kind": "AppProject",
            "metadata": {"name": "closed", "namespace": "argocd"},
            "spec": {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}}),
        )
        .await;
    let dead = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "cluster-dead", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "cluster"}},
        "stringData": {"name": "dead", "server": "https://127.0.0.1:1", "config": "{}"},
    });
    fleet.create(dead).await;
    commit_links(&repository);
    let with = |name: &str, path: &str, change: &dyn Fn(&mut argosy_object::Value)| {
        let mut application = fleet.application(name, "repo", path, "a");
        change(&mut application);
        application
    };
    fleet
        .create(with("no-repo", "good", &|a| {
            a["spec"]["source"]["repoURL"] = "https://gitlab.internal/nowhere".into();
        }))
        .await;
    fleet
        .create(with("no-branch", "good", &|a| {
            a["spec"]["source"]["targetRevision"] = "gone".into();
        }))
        .await;
    fleet.create(with("no-path", "nowhere", &|_| {})).await;
    fleet.create(with("outside", "../../etc", &|_| {})).await;
    fleet.create(with("broken", "broken", &|_| {})).await;
    fleet.create(with("nokind", "nokind", &|_| {})).await;
    fleet.create(with("twice", "twice", &|_| {})).await;
    fleet.create(with("template", "chart", &|_| {})).await;
    fleet
        .create(with("no-values", "chart", &|a| {
            a["spec"]["source"]["helm"] = json!({"valueFiles": ["values-mars.yaml"]});
        }))
        .await;
    fleet.create(with("no-crd", "crd", &|_| {})).await;
    fleet
        .create(with("denied", "closed", &|a| {
            a["spec"]["project"] = "closed".into()
        }))
        .await;
    fleet
        .create(with("no-cluster", "good", &|a| {
            a["spec"]["destination"] = json!({"name": "mars", "namespace": "default"});
        }))
        .await;

    fleet.create(with("linked", "linked", &|_| {})).await;
    fleet
        .create(with("down", "good", &|a| {
            a["spec"]["destination"] = json!({"name": "dead", "namespace": "default"});
        }))
        .await;

    for (name, kind, part) in [
        ("linked", "ComparisonError", "linked/outside.yaml"),
        ("down", "ComparisonError", "127.0.0.1:1"),
        ("no-repo", "ComparisonError", "nowhere"),
        ("no-branch", "ComparisonError", "gone"),
        (
            "no-path",
            "ComparisonError",
            "app path `nowhere` does not exist",
        ),
        ("outside", "ComparisonError", "leads out of the repository"),
        ("broken", "ComparisonError", "broken/x.yaml:"),
        ("nokind", "ComparisonError", "nokind/x.yaml"),
        ("twice", "RepeatedResourceWarning", "appeared 2 times"),
        ("template", "ComparisonError", "needs a region"),
        ("no-values", "ComparisonError", "values-mars.yaml"),
        (
            "no-crd",
            "ComparisonError",
            "Make sure the \"Widget\" CRD is installed",
        ),
        (
            "no-cluster",
            "InvalidSpecError",
            "there are no clusters with this name: mars",
        ),
    ] {
        fleet.condition(name, kind, part).await;
    }
    let status = fleet
        .until_status("denied", |status| {
            status["operationState"]["phase"] == "Failed"
                || status["operationState"]["retryCount"].as_i64() > Some(0)
        })
        .await;
    let result = &status["operationState"]["syncResult"]["resources"][0];
    assert_eq!(
        result["message"],
        "resource :Namespace is not permitted in project closed"
    );
    fleet.well("good").await;
    fleet.config_map("a", "same", Some("second")).await;
    fleet.stop().await;
}

pub async fn a_fixed_fault_heals_by_itself_and_nothing_was_deleted_meanwhile(ground: Ground) {
    let Some(fleet) = Fleet::start(
        ground,
        "a_fixed_fault_heals_by_itself_and_nothing_was_deleted_meanwhile",
        &["a"],
    )
    .await
    else {
        return;
    };
    let repository = fleet.repository(
        "repo",
        &[
            ("app/one.yaml", &config_map("one", "v1")),
            ("app/two.yaml", &config_map("two", "v1")),
        ],
    );
    fleet
        .create(fleet.application("app", "repo", "app", "a"))
        .await;
    fleet.well("app").await;
    commit(&repository, &[("app/two.yaml", "broken: [\n")]);
    fleet
        .condition("app", "ComparisonError", "app/two.yaml")
        .await;
    fleet.config_map("a", "two", Some("v1")).await;
    commit(&repository, &[("app/two.yaml", &config_map("two", "v2"))]);
    fleet.config_map("a", "two", Some("v2")).await;
    fleet.well("app").await;
    fleet.stop().await;
}

/// Links that lead out of the repository.
fn commit_links(repository: &RepoBuilder) {
    let link = Change::Link(
        "linked/outside.yaml".into(),
        "../../../../etc/passwd".into(),
    );
    repository.commit("main", "link", &[link]).unwrap();
}
