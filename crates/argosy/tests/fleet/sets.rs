//! ApplicationSets over several clusters.

use crate::harness::{Fleet, Ground, argo, commit, config_map};
use argosy_object::{Object, Value};
use argosy_ports::{Api, ListOptions};
use std::collections::BTreeSet;

const SET: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: services
  namespace: argocd
spec:
  goTemplate: true
  generators:
  - matrix:
      generators:
      - git:
          repoURL: https://gitlab.internal/registry
          revision: HEAD
          files:
          - path: "apps/*/config.yaml"
      - clusters:
          selector:
            matchLabels:
              environment: production
  template:
    metadata:
      name: '{{.path.basename}}-{{.name}}'
    spec:
      project: default
      source:
        repoURL: https://gitlab.internal/{{.values.repo}}
        targetRevision: '{{.values.branch}}'
        path: app
      destination:
        server: '{{.server}}'
        namespace: default
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
"#;

async fn names(fleet: &Fleet) -> BTreeSet<String> {
    let list = fleet
        .hub
        .list(
            &argo("Application", "applications"),
            &ListOptions::default(),
        )
        .await
        .unwrap();
    list.items
        .iter()
        .map(|application| application.name().to_owned())
        .collect()
}

async fn until_names(fleet: &Fleet, wanted: &[&str]) {
    let wanted: BTreeSet<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
    fleet
        .until("the set's Applications", || async {
            (names(fleet).await == wanted).then_some(())
        })
        .await;
}

async fn set(fleet: &Fleet) -> Object {
    let resource = argo("ApplicationSet", "applicationsets");
    fleet
        .hub
        .get(&resource, Some("argocd"), "services")
        .await
        .unwrap()
        .unwrap()
}

pub async fn registry_and_clusters_make_applications_and_a_failure_deletes_none(ground: Ground) {
    let Some(fleet) = Fleet::start(
        ground,
        "registry_and_clusters_make_applications_and_a_failure_deletes_none",
        &["a", "b"],
    )
    .await
    else {
        return;
    };
    fleet.repository("one", &[("app/one.yaml", &config_map("one", "v1"))]);
    fleet.repository("two", &[("app/two.yaml", &config_map("two", "v1"))]);
    let entry = |repo: &str| format!("values: {{repo: {repo}, branch: main}}\n");
    let registry = fleet.repository("registry", &[("apps/one/config.yaml", &entry("one"))]);
    fleet.create(argosy_yaml::from_str(SET).unwrap()).await;
    until_names(&fleet, &["one-a", "one-b"]).await;
    fleet.well("one-a").await;
    fleet.well("one-b").await;

    commit(&registry, &[("apps/two/config.yaml", &entry("two"))]);
    until_names(&fleet, &["one-a", "one-b", "two-a", "two-b"]).await;
    fleet.well("two-b").await;
    fleet.config_map("b", "two", Some("v1")).await;

    // A file that is no YAML: an error is told, and nobody is deleted.
    commit(&registry, &[("apps/two/config.yaml", "values: [broken\n")]);
    fleet
        .until("the error", || async {
            let set = set(&fleet).await;
            let conditions = set.pointer("/status/conditions")?.as_array()?.clone();
            conditions
                .iter()
                .any(|c| c["type"] == "ErrorOccurred" && c["status"] == Value::from("True"))
                .then_some(())
        })
        .await;
    assert_eq!(names(&fleet).await.len(), 4);

    // What leaves the registry leaves the clusters.
    commit(&registry, &[("apps/two/config.yaml", "")]);
    until_names(&fleet, &["one-a", "one-b"]).await;
    fleet.config_map("a", "two", None).await;
    fleet.stop().await;
}

const LIST: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: services
  namespace: argocd
spec:
  goTemplate: true
  generators:
  - list:
      elements:
      - name: good
      - name: twin
      - name: twin
      - name: No_Label
  template:
    metadata:
      name: '{{.name}}'
    spec:
      project: default
      source: {repoURL: https://gitlab.internal/one, targetRevision: main, path: app}
      destination: {name: a, namespace: default}
      syncPolicy: {automated: {}}
"#;

/// Equal names and a name that Kubernetes refuses are told, and the good one is made.
pub async fn bad_names_are_told_and_good_ones_made(ground: Ground) {
    let test = "bad_names_are_told_and_good_ones_made";
    let Some(fleet) = Fleet::start(ground, test, &["a"]).await else {
        return;
    };
    fleet.repository("one", &[("app/one.yaml", &config_map("one", "v1"))]);
    fleet.create(argosy_yaml::from_str(LIST).unwrap()).await;
    fleet.well("good").await;
    let told = fleet
        .until("the error", || async {
            let set = set(&fleet).await;
            let conditions = set.pointer("/status/conditions")?.as_array()?.clone();
            let error = conditions.iter().find(|c| c["type"] == "ErrorOccurred")?;
            (error["status"] == "True").then(|| error["message"].to_string())
        })
        .await;
    assert!(
        told.contains("duplicate name: twin") || told.contains("No_Label"),
        "{told}"
    );
    assert_eq!(names(&fleet).await, BTreeSet::from(["good".to_owned()]));
    fleet.stop().await;
}
