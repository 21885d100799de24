//! Builds of whole trees, with what kustomize 5.8.1 prints for them.
//!
//! A fixture is cut by `--- PATH` lines into files; behind `=== FOLDER` stands what `kustomize
//! build FOLDER` printed. With `ARGOSY_KUSTOMIZE` naming the real program it is asked again.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{BuildOptions, Edits, KustomizeError, build, to_yaml};
use argosy_object::json;
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::process::Command;

const FIXTURES: [(&str, &str); 4] = [
    ("overlay", include_str!("fixtures/overlay.txt")),
    ("replacements", include_str!("fixtures/replacements.txt")),
    ("variables", include_str!("fixtures/variables.txt")),
    ("hashes", include_str!("fixtures/hashes.txt")),
];

/// The files, the folder that is built, and what is printed.
fn cut(fixture: &str) -> (Vec<(String, String)>, &str, &str) {
    let (files, rest) = fixture.split_once("=== ").unwrap_or((fixture, ".\n"));
    let (folder, expected) = rest.split_once('\n').unwrap();
    let mut found: Vec<(String, String)> = Vec::new();
    for line in files.lines() {
        match (line.strip_prefix("--- "), found.last_mut()) {
            (Some(path), _) => found.push((path.to_owned(), String::new())),
            (None, Some((_, text))) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => panic!("a fixture begins with a file"),
        }
    }
    (found, folder, expected)
}

fn run(fixture: &str, edits: Edits) -> Result<String, KustomizeError> {
    let (files, folder, _) = cut(fixture);
    let tree = MemoryTree::new(files);
    let rooted = Rooted::new(&tree, Limits::default());
    let options = BuildOptions {
        edits,
        ..BuildOptions::default()
    };
    let built = build(&rooted, &RelPath::new(folder).unwrap(), &options)?;
    Ok(to_yaml(
        built.objects.iter().map(|(object, _)| object.value()),
    ))
}

#[test]
fn fixtures_build_as_kustomize_builds_them() {
    for (name, fixture) in FIXTURES {
        let (files, folder, expected) = cut(fixture);
        assert_eq!(run(fixture, Edits::default()).unwrap(), expected, "{name}");
        let Ok(real) = std::env::var("ARGOSY_KUSTOMIZE") else {
            continue;
        };
        let home = std::env::temp_dir().join(format!("argosy-{}-{name}", std::process::id()));
        for (path, text) in files {
            let path = home.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let output = Command::new(real)
            .arg("build")
            .arg(home.join(folder))
            .output()
            .unwrap();
        std::fs::remove_dir_all(home).unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{name}");
    }
}

#[track_caller]
fn refuses(fixture: &str, words: &[&str]) {
    let error = run(fixture, Edits::default()).unwrap_err().to_string();
    for word in words {
        assert!(error.contains(word), "{error}\n  lacks {word}");
    }
}

#[test]
fn bad_kustomizations_name_file_and_fault() {
    refuses("--- x/a.yaml\n", &["unable to find one of"]);
    refuses(
        "--- kustomization.yaml\nresorces: []\n",
        &["kustomization.yaml", "unknown field \"resorces\""],
    );
    refuses("--- kustomization.yaml\n\n", &["is empty"]);
    refuses(
        "--- kustomization.yaml\nresources: [a\n",
        &["kustomization.yaml:", "yaml: line"],
    );
    refuses(
        "--- kustomization.yaml\nresources: [a.yaml]\n",
        &["`a.yaml` does not exist"],
    );
    refuses(
        "--- kustomization.yaml\nresources: [a.yaml]\n--- a.yaml\na: 1\n",
        &["a.yaml:1", "missing kind"],
    );
    refuses(
        "--- kustomization.yaml\nresources: [a.yaml]\n--- a.yaml\nkind: A\nkind: B\n",
        &["a.yaml:2", "already defined"],
    );
    refuses(
        "--- kustomization.yaml\nnamePrefix: a\n--- kustomization.yml\nnamePrefix: b\n",
        &["multiple kustomization files"],
    );
}

#[test]
fn what_is_not_done_here_is_refused_by_name() {
    refuses(
        "--- kustomization.yaml\nhelmCharts: [{name: x}]\n",
        &["helmCharts[0]", "must specify --enable-helm"],
    );
    refuses(
        "--- kustomization.yaml\nresources: ['https://example.com/a.yaml']\n",
        &["https://example.com/a.yaml", "not supported"],
    );
    refuses(
        "--- kustomization.yaml\ntransformers:\n- |-\n  apiVersion: example.com/v1\n  kind: Own\n  metadata: {name: x}\n",
        &["unable to load external plugin 'Own'", "program"],
    );
}

#[test]
fn cycles_and_files_outside_are_refused() {
    refuses(
        "--- kustomization.yaml\nresources: [a]\n--- a/kustomization.yaml\nresources: [..]\n",
        &["cycle"],
    );
    refuses(
        "--- a/kustomization.yaml\nresources: [../b.yaml]\n--- b.yaml\nkind: A\n=== a\n",
        &["security", "not in or below"],
    );
    refuses(
        "--- kustomization.yaml\nresources: [../../etc]\n",
        &["../../etc"],
    );
}

#[test]
fn conflicts_are_named() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let twice = format!(
        "--- kustomization.yaml\nresources: [a.yaml, b.yaml]\n--- a.yaml\n{object}--- b.yaml\n{object}"
    );
    refuses(
        &twice,
        &["already registered id: ConfigMap.v1.[noGrp]/a.[noNs]"],
    );
    let patched = format!(
        "--- kustomization.yaml\nresources: [a.yaml]\npatches:\n- patch: |-\n    apiVersion: v1\n    \
         kind: Secret\n    metadata: {{name: a}}\n--- a.yaml\n{object}"
    );
    refuses(&patched, &["no matches for Id Secret.v1.[noGrp]/a.[noNs]"]);
}

#[test]
fn layers_that_double_each_other_come_to_an_end() {
    let mut fixture = String::from("--- l0/kustomization.yaml\nconfigMapGenerator: [{name: a}]\n");
    for level in 1..25 {
        let below = level - 1;
        for side in ["a", "b"] {
            fixture.push_str(&format!(
                "--- l{level}{side}/kustomization.yaml\nnamePrefix: {side}\nresources: [../l{below}]\n"
            ));
        }
        fixture.push_str(&format!(
            "--- l{level}/kustomization.yaml\nresources: [../l{level}a, ../l{level}b]\n"
        ));
    }
    fixture.push_str("=== l24\n");
    let (files, folder, _) = cut(&fixture);
    let tree = MemoryTree::new(files);
    let limits = Limits {
        looks: 2000,
        ..Limits::default()
    };
    let rooted = Rooted::new(&tree, limits);
    let error = build(
        &rooted,
        &RelPath::new(folder).unwrap(),
        &BuildOptions::default(),
    );
    assert!(error.unwrap_err().to_string().contains("limit"));
}

#[test]
fn multiplied_inputs_are_refused() {
    let mut fixture = String::from(
        "--- kustomization.yaml\nresources: [a.yaml]\nvars:\n- name: V\n  objref: {kind: ConfigMap, name: c0, apiVersion: v1}\n  fieldref: {fieldPath: data.big}\n",
    );
    let big = "x".repeat(1 << 20);
    fixture.push_str("--- a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c0}\n");
    let uses = "$(V)".repeat(1000);
    fixture.push_str(&format!(
        "data: {{big: {big}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\n"
    ));
    fixture.push_str(&format!(
        "spec: {{containers: [{{name: a, args: ['{uses}']}}]}}\n"
    ));
    refuses(&fixture, &["writes more than"]);
}

#[test]
fn edits_change_the_kustomization_first() {
    let fixture = "--- kustomization.yaml\nresources: [a.yaml]\ncommonLabels: {a: b}\nimages: [{name: web, newTag: old}]\n--- a.yaml\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec: {template: {spec: {containers: [{name: c, image: web}]}}}\n";
    let edits = Edits {
        name_prefix: "p-".into(),
        namespace: "ns".into(),
        images: vec!["web=other:1".into()],
        replicas: vec![("d".into(), 4)],
        common_annotations: [("k".to_owned(), "v".to_owned())].into(),
        patches: vec![
            json!({"patch": "[{\"op\": \"add\", \"path\": \"/spec/paused\", \"value\": true}]",
            "target": {"kind": "Deployment"}}),
        ],
        components: vec!["nowhere".into()],
        ignore_missing_components: true,
        ..Edits::default()
    };
    let text = run(fixture, edits).unwrap();
    for line in [
        "  name: p-d",
        "  namespace: ns",
        "image: other:1",
        "replicas: 4",
        "k: v",
        "paused: true",
    ] {
        assert!(text.contains(line), "{text}\n  lacks {line}");
    }
    let labels = Edits {
        common_labels: [("a".to_owned(), "c".to_owned())].into(),
        ..Edits::default()
    };
    let error = run(fixture, labels.clone()).unwrap_err().to_string();
    assert_eq!(
        error,
        "label a already in kustomization file. Use --force to override."
    );
    let forced = run(
        fixture,
        Edits {
            force_common_labels: true,
            ..labels
        },
    )
    .unwrap();
    assert!(forced.contains("a: c"), "{forced}");
}

#[test]
fn versions_newer_than_kustomize_knows_are_namespaced_and_their_lists_replaced() {
    let fixture = "--- kustomization.yaml\nresources: [a.yaml]\nnamespace: ns\npatches:\n- patch: |-\n    apiVersion: batch/v1beta1\n    kind: CronJob\n    metadata: {name: c}\n    spec: {jobTemplate: {spec: {template: {spec: {containers: [{name: x, image: y}]}}}}}\n- patch: |-\n    apiVersion: v1\n    kind: Pod\n    metadata: {name: p}\n    spec: {schedulingGates: [{name: b}]}\n--- a.yaml\napiVersion: flowcontrol.apiserver.k8s.io/v1\nkind: FlowSchema\nmetadata: {name: f}\n---\napiVersion: flowcontrol.apiserver.k8s.io/v1beta1\nkind: FlowSchema\nmetadata: {name: g}\n---\napiVersion: batch/v1beta1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{name: z}]}}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {schedulingGates: [{name: a}]}\n";
    let text = run(fixture, Edits::default()).unwrap();
    assert!(text.contains("name: f\n  namespace: ns\n"), "{text}");
    assert!(
        text.contains("name: g\n---") || text.ends_with("name: g\n"),
        "{text}"
    );
    assert!(
        text.contains("name: x\n") && text.contains("- name: z\n"),
        "{text}"
    );
    assert!(!text.contains("- name: a\n"), "{text}");
}

#[test]
fn charts_of_the_tree_are_rendered_where_it_is_asked_for() {
    let tree = MemoryTree::new([
        (
            "kustomization.yaml",
            "namespace: outer\nhelmCharts:\n- name: c\n  releaseName: r\n  valuesInline: {a: {b: new}, gone: null}\n  additionalValuesFiles: [more.yaml]\n",
        ),
        ("more.yaml", "c: 3\n"),
        (
            "charts/c/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\n",
        ),
        ("charts/c/values.yaml", "a: {b: old, k: kept}\nc: 1\n"),
        (
            "charts/c/templates/cm.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}, namespace: own}\ndata: {v: '{{ .Values.a.b }} {{ .Values.a.k }} {{ .Values.c }} {{ .Release.Namespace }}'}\n",
        ),
    ]);
    let rooted = Rooted::new(&tree, Limits::default());
    let options = BuildOptions {
        helm: Some(argosy_kustomize::HelmOptions::default()),
        ..BuildOptions::default()
    };
    let built = build(&rooted, &RelPath::root(), &options).unwrap();
    assert_eq!(
        to_yaml(built.objects.iter().map(|(object, _)| object.value())),
        "apiVersion: v1\ndata:\n  v: new kept 3 outer\nkind: ConfigMap\nmetadata:\n  name: r\n  namespace: own\n"
    );
}
