//! The set that a platform team applies: a matrix of a registry's files and of clusters.

use crate::setup::{Case, names};
use argosy_object::json;

const SET: &str = r#"
apiVersion: argoproj.io/v1alpha1
kind: ApplicationSet
metadata:
  name: microservices
  namespace: argocd
spec:
  goTemplate: true
  generators:
  - matrix:
      generators:
      - git:
          repoURL: https://gitlab.internal/platform/app-registry
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
        path: deploy/
        helm:
          valueFiles:
          - values-{{.metadata.labels.region}}.yaml
      destination:
        server: '{{.server}}'
        namespace: '{{.values.namespace}}'
      syncPolicy:
        automated:
          prune: true
          selfHeal: true
"#;

const REGISTRY: &str = "--- README.md\nRegistry\n--- apps/web/config.yaml\nvalues:\n  repo: teams/web\n  branch: main\n  namespace: web\n--- apps/api/config.yaml\nvalues:\n  repo: teams/api\n  branch: release\n  namespace: api\n--- apps/api/notes.yaml\nnot: read\n";

fn case() -> Case {
    let url = "https://gitlab.internal/platform/app-registry";
    Case::of(argosy_yaml::from_str(SET).unwrap())
        .tree(url, "HEAD", REGISTRY)
        .cluster("eu-1", "https://eu-1", "environment=production,region=eu")
        .cluster("us-1", "https://us-1", "environment=production,region=us")
        .cluster("stage", "https://stage", "environment=staging,region=eu")
}

#[test]
fn mission_set_runs_as_it_stands() {
    let apps = case().apps();
    assert_eq!(
        names(&apps),
        ["api-eu-1", "api-us-1", "web-eu-1", "web-us-1"]
    );
    assert_eq!(
        *apps[1].value(),
        json!({
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {
                "name": "api-us-1",
                "namespace": "argocd",
                "finalizers": ["resources-finalizer.argocd.argoproj.io"],
            },
            "spec": {
                "project": "default",
                "source": {
                    "repoURL": "https://gitlab.internal/teams/api",
                    "targetRevision": "release",
                    "path": "deploy/",
                    "helm": {"valueFiles": ["values-us.yaml"]},
                },
                "destination": {"server": "https://us-1", "namespace": "api"},
                "syncPolicy": {"automated": {"prune": true, "selfHeal": true}},
            },
        })
    );
}

#[test]
fn mission_set_asks_for_all_it_needs_at_once() {
    let needs = Case::of(argosy_yaml::from_str(SET).unwrap())
        .without_clusters()
        .needs();
    assert_eq!(
        needs,
        [
            "Clusters",
            "Tree https://gitlab.internal/platform/app-registry HEAD"
        ]
    );
}

#[test]
fn large_fleet_is_generated_in_bounded_time() {
    let mut case = Case::of(argosy_yaml::from_str(SET).unwrap());
    let mut files = String::new();
    for n in 0..100 {
        files += &format!(
            "--- apps/a{n:03}/config.yaml\nvalues: {{repo: r, branch: main, namespace: n}}\n"
        );
    }
    case = case.tree(
        "https://gitlab.internal/platform/app-registry",
        "HEAD",
        &files,
    );
    for n in 0..50 {
        let server = format!("https://c{n}");
        case = case.cluster(
            &format!("c{n:02}"),
            &server,
            "environment=production,region=eu",
        );
    }
    assert_eq!(case.apps().len(), 5000);
}
