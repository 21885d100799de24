//! `kustomize edit`: files as the real program leaves them.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{
    Edit, GeneratorEdit, GeneratorKind, KustomizationFile, LabelPlace, ListField, MetadataKind,
};

const COMMENTED: &str = "# head\n\n# of resources\nresources:\n# inner\n- a.yaml  # tail\n- b.yaml\n\n# images here\nimages:\n- name: nginx\n  newTag: \"1.0\"\n# end\n\nnamespace: old # x\n# last\n";

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[track_caller]
fn check(before: &str, edit: Edit, after: &str) {
    let mut file = KustomizationFile::parse("kustomization.yaml", before.as_bytes()).unwrap();
    file.edit(&edit).unwrap();
    assert_eq!(file.to_text(), after);
}

#[test]
fn comments_stay_above_their_field_and_new_fields_go_to_the_end() {
    check(
        COMMENTED,
        Edit::SetImages(texts(&["nginx=foo/bar:3@sha256:abc", "a=*:9"])),
        "# head\n\n# of resources\n# inner\nresources:\n- a.yaml\n- b.yaml\n\n# images here\nimages:\n- name: a\n  newTag: \"9\"\n- digest: sha256:abc\n  name: nginx\n  newName: foo/bar\n  newTag: \"3\"\n# end\n\nnamespace: old\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n",
    );
}

#[test]
fn deprecated_fields_are_moved() {
    check(
        "bases:\n- ../base\nimageTags:\n- name: x\n  newTag: \"5\"\nNamePrefix: foo-\n",
        Edit::SetNamespace("prod".into()),
        "namePrefix: foo-\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n- ../base\nnamespace: prod\nimages:\n- name: x\n  newTag: \"5\"\n",
    );
    check(
        "commonLabels: {a: b}\npatchesStrategicMerge: [p.yaml, '{a: b}']\n",
        Edit::Fix(texts(&["p.yaml"])),
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nlabels:\n- includeSelectors: true\n  pairs:\n    a: b\npatches:\n- path: p.yaml\n- patch: '{a: b}'\n",
    );
}

#[test]
fn what_is_empty_is_left_out_and_what_is_free_is_kept() {
    check(
        "helmCharts: [{name: c, version: '', valuesInline: {a: {b: null, c: []}}}]\nreplicas: [{name: w, count: 0}]\nreplacements: [{source: {kind: A}, targets: [{select: {}, options: {index: 0, create: true}}]}]\n",
        Edit::SetNamePrefix("p-".into()),
        "helmCharts:\n- name: c\n  valuesInline:\n    a:\n      b: null\n      c: []\nreplicas:\n- count: 0\n  name: w\nreplacements:\n- source:\n    kind: A\n  targets:\n  - options:\n      create: true\n    select: {}\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamePrefix: p-\n",
    );
}

#[test]
fn edits_of_lists_labels_and_generators_add_set_and_remove() {
    let head = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n";
    let add = |edit, after: &str| check(head, edit, &format!("{head}{after}"));
    add(
        Edit::AddPaths(ListField::Resources, texts(&["a.yaml", "a.yaml", "b"])),
        "resources:\n- a.yaml\n- b\n",
    );
    add(
        Edit::AddMetadata {
            kind: MetadataKind::Label,
            pairs: texts(&["app:web", "k:\"q: r\""]),
            force: false,
            place: LabelPlace::Templates,
        },
        "labels:\n- includeTemplates: true\n  pairs:\n    app: web\n    k: 'q: r'\n",
    );
    add(
        Edit::SetReplicas(texts(&["web=3", "api=1"])),
        "replicas:\n- count: 1\n  name: api\n- count: 3\n  name: web\n",
    );
    let generator = GeneratorEdit {
        name: "cm".into(),
        literals: texts(&["a=b"]),
        disable_name_suffix_hash: true,
        ..GeneratorEdit::default()
    };
    add(
        Edit::AddGenerator(GeneratorKind::ConfigMap, generator),
        "configMapGenerator:\n- literals:\n  - a=b\n  name: cm\n  options:\n    disableNameSuffixHash: true\n",
    );
    let listed = format!("{head}resources:\n- a.yaml\n- x/b.yaml\n");
    check(
        &listed,
        Edit::RemovePaths(ListField::Resources, texts(&["*.yaml"])),
        &format!("{head}resources:\n- x/b.yaml\n"),
    );
}

#[test]
fn refused_edits_say_so_in_kustomizes_words() {
    for (edit, words) in [
        (Edit::SetImages(texts(&["foo"])), "invalid format of image"),
        (
            Edit::SetReplicas(texts(&["a=x"])),
            "invalid format of replica",
        ),
        (
            Edit::AddMetadata {
                kind: MetadataKind::Label,
                pairs: texts(&["a:c"]),
                force: false,
                place: LabelPlace::Common,
            },
            "label a already in kustomization file. Use --force to override.",
        ),
        (
            Edit::RemoveMetadata {
                kind: MetadataKind::Annotation,
                keys: texts(&["x"]),
                ignore_missing: false,
            },
            "commonAnnotations is not defined in kustomization file",
        ),
        (
            Edit::SetBuildMetadata(texts(&["foo"])),
            "invalid buildMetadata option: foo",
        ),
        (
            Edit::RemovePaths(ListField::Resources, texts(&["["])),
            "syntax error in pattern",
        ),
    ] {
        let before = b"commonLabels: {a: b}\n";
        let mut file = KustomizationFile::parse("kustomization.yaml", before).unwrap();
        let error = file.edit(&edit).unwrap_err().to_string();
        assert!(error.contains(words), "{error}\n  lacks {words}");
    }
}

/// Files by path, and what `fix --vars` makes of them and of the kustomization.
#[track_caller]
fn fixed(before: &str, files: &[(&str, &str)]) -> Result<(String, Vec<(String, String)>), String> {
    let mut file = KustomizationFile::parse("kustomization.yaml", before.as_bytes()).unwrap();
    let mut read = |path: &str| {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.as_bytes().to_vec())
    };
    let written = file.vars_to_replacements(&mut read);
    written
        .map(|written| (file.to_text(), written))
        .map_err(|error| error.to_string())
}

const VARS: &str = "vars:\n- name: V\n  objref: {apiVersion: apps/v1, kind: Deployment, name: web, namespace: ns}\n  fieldref: {fieldPath: spec.x}\n";

#[test]
fn vars_become_replacements_of_all_places_that_name_them() {
    let (text, written) = fixed(
        &format!("resources: [m.yaml, ../base, https://h/o/r]\npatches: [{{path: p.yaml, target: {{kind: Pod}}}}]\n{VARS}"),
        &[
            ("m.yaml", "# kept\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {all: $(V), 'a.b': x/$(V)/y}\n"),
            ("../base/kustomization.yaml", "resources: [s.yaml]\n"),
            ("../base/s.yaml", "kind: S\nmetadata: {name: s}\nlist: [a, $(V)-b, 'c:d:$(V)']\n"),
            ("p.yaml", "kind: Pod\nmetadata: {name: other}\nspec: {a: $(V)}\n"),
        ],
    )
    .unwrap();
    assert_eq!(
        text,
        "resources:\n- m.yaml\n- ../base\n- https://h/o/r\npatches:\n- path: p.yaml\n  target:\n    kind: Pod\napiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n\
         replacements:\n- source:\n    fieldPath: spec.x\n    group: apps\n    kind: Deployment\n    name: web\n    namespace: ns\n    version: v1\n  targets:\n  \
         - fieldPaths:\n    - data.[a.b]\n    options:\n      delimiter: /\n      index: 1\n    select:\n      kind: ConfigMap\n      name: m\n      version: v1\n  \
         - fieldPaths:\n    - data.all\n    select:\n      kind: ConfigMap\n      name: m\n      version: v1\n  \
         - fieldPaths:\n    - list.1\n    options:\n      delimiter: '-'\n    select:\n      kind: S\n      name: s\n  \
         - fieldPaths:\n    - list.2\n    options:\n      delimiter: ':'\n      index: 2\n    select:\n      kind: S\n      name: s\n  \
         - fieldPaths:\n    - spec.a\n    select:\n      kind: Pod\n"
    );
    let paths: Vec<&str> = written.iter().map(|(path, _)| path.as_str()).collect();
    assert_eq!(paths, ["m.yaml", "../base/s.yaml", "p.yaml"]);
    assert!(written[0].1.starts_with("# kept\n"));
    assert!(
        written[0]
            .1
            .contains("all: V_PLACEHOLDER, 'a.b': x/V_PLACEHOLDER/y")
    );
}

#[test]
fn vars_that_cannot_become_replacements_are_refused() {
    let error = fixed(
        &format!("resources: [m.yaml]\n{VARS}"),
        &[("m.yaml", "kind: A\nmetadata: {name: m}\na: x$(V)y\n")],
    );
    let error = error.unwrap_err();
    assert!(
        error.contains("m.yaml") && error.contains("$(V) is not delimited"),
        "{error}"
    );
    let (text, written) = fixed(&format!("resources: [m.yaml]\n{VARS}"), &[]).unwrap();
    assert!(
        text.contains("replacements:") && written.is_empty(),
        "{text}"
    );
    let (text, _) = fixed("resources: [m.yaml]\n", &[]).unwrap();
    assert!(!text.contains("replacements"), "{text}");
}

#[test]
fn bases_that_name_each_other_are_looked_at_once() {
    let cycle = [
        ("a/kustomization.yaml", "resources: [../b]\n"),
        ("b/kustomization.yaml", "resources: [../a, m.yaml]\n"),
        ("b/m.yaml", "kind: A\nmetadata: {name: m}\na: $(V)\n"),
    ];
    let (_, written) = fixed(&format!("resources: [a]\n{VARS}"), &cycle).unwrap();
    assert_eq!(written.len(), 1);
}
