//! Flux's generated kustomization and its build.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{FluxFields, KustomizeError, flux_build, flux_kustomization, to_yaml};
use argosy_object::json;
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: web}]}\n";

fn manifest(tree: &MemoryTree, fields: &FluxFields) -> Result<String, KustomizeError> {
    let rooted = Rooted::new(tree, Limits::default());
    flux_kustomization(&rooted, &RelPath::new("app").unwrap(), fields)
}

fn built(tree: &MemoryTree, fields: &FluxFields) -> String {
    let rooted = Rooted::new(tree, Limits::default());
    let built = flux_build(&rooted, &RelPath::new("app").unwrap(), fields).unwrap();
    to_yaml(built.objects.iter().map(|(object, _)| object.value()))
}

#[test]
fn a_folder_without_kustomization_gets_one_of_all_its_manifests() {
    let tree = MemoryTree::new([
        ("app/b.yaml", POD),
        ("app/a/c.yml", POD),
        ("app/a/readme.md", "x"),
        ("app/k/kustomization.yml", "resources: [x.yaml]\n"),
        ("app/k/x.yaml", POD),
        ("app/k/deep/kustomization.yaml", "namePrefix: x\n"),
    ]);
    let fields = FluxFields {
        target_namespace: Some("ns".into()),
        images: vec![json!({"name": "web", "newTag": "v2"})],
        patches: vec![json!({"patch": "a: b", "target": {"kind": "Pod"}})],
        ..FluxFields::default()
    };
    assert_eq!(
        manifest(&tree, &fields).unwrap(),
        "apiVersion: kustomize.config.k8s.io/v1beta1\nimages:\n- name: web\n  newTag: v2\nkind: Kustomization\nnamespace: ns\npatches:\n- patch: 'a: b'\n  target:\n    kind: Pod\nresources:\n- ./a/c.yml\n- ./b.yaml\n- ./k\n"
    );
}

#[test]
fn a_folder_without_manifests_builds_to_nothing() {
    let tree = MemoryTree::new([("app/readme.md", "x")]);
    assert!(
        manifest(&tree, &FluxFields::default())
            .unwrap()
            .contains("namespace: _placeholder")
    );
    assert_eq!(built(&tree, &FluxFields::default()), "");
}

#[test]
fn yaml_that_is_no_manifest_fails_the_folder() {
    let tree = MemoryTree::new([("app/values.yaml", "a: b\n")]);
    let error = manifest(&tree, &FluxFields::default())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("failed to decode Kubernetes YAML from app/values.yaml"),
        "{error}"
    );
}

#[test]
fn fields_go_on_top_of_the_folders_own_kustomization() {
    let tree = MemoryTree::new([
        (
            "app/kustomization.yaml",
            "resources: [../pod.yaml]\nunknown: ignored\nimages: [{name: web, newName: other, digest: 'sha256:1'}]\n",
        ),
        ("pod.yaml", POD),
        (
            "app/c/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnameSuffix: -c\n",
        ),
    ]);
    let fields = FluxFields {
        name_prefix: Some("p-".into()),
        components: vec!["c".into(), "missing".into()],
        ignore_missing_components: true,
        images: vec![json!({"name": "web", "newTag": "v2"})],
        ..FluxFields::default()
    };
    let text = built(&tree, &fields);
    assert!(
        text.contains("image: other:v2\n") && text.contains("  name: p-p-c\n"),
        "{text}"
    );
    let remote = FluxFields {
        components: vec!["https://example.com/x".into()],
        ..FluxFields::default()
    };
    let error = manifest(&tree, &remote).unwrap_err().to_string();
    assert!(error.contains("must be local and relative"), "{error}");
}

#[test]
fn an_openapi_document_adds_to_the_built_in_one() {
    let tree = MemoryTree::new([
        (
            "app/kustomization.yaml",
            "resources: [pod.yaml]\nopenapi: {path: s.json}\npatches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: b}]}}'}]\n",
        ),
        ("app/pod.yaml", POD),
        ("app/s.json", "{\"definitions\": {}}"),
    ]);
    assert!(built(&tree, &FluxFields::default()).contains("name: a"));
    let rooted = Rooted::new(&tree, Limits::default());
    let folder = RelPath::new("app").unwrap();
    let plain = argosy_kustomize::build(&rooted, &folder, &Default::default()).unwrap();
    assert!(!to_yaml(plain.objects.iter().map(|(o, _)| o.value())).contains("name: a"));
}
