//! Whatever a repository holds is built or refused, and never a panic.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{BuildOptions, build};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use proptest::prelude::*;

const FIELDS: [&str; 20] = [
    "namePrefix",
    "nameSuffix",
    "namespace",
    "commonLabels",
    "labels",
    "commonAnnotations",
    "patchesStrategicMerge",
    "patchesJson6902",
    "patches",
    "images",
    "replacements",
    "replicas",
    "vars",
    "sortOptions",
    "resources",
    "components",
    "configMapGenerator",
    "secretGenerator",
    "transformers",
    "configurations",
];

const VALUES: [&str; 24] = [
    "x",
    "[a.yaml]",
    "[b]",
    "{a: b}",
    "[{pairs: {a: b}, includeSelectors: true}]",
    "[{patch: '[{op: remove, path: /metadata/name}]', target: {kind: .*}}]",
    "[{patch: '[{op: add, path: /spec/-, value: 1}]', target: {kind: Pod}}]",
    "[{patch: '{kind: Pod, apiVersion: v1, metadata: {name: p}, spec: {containers: {a: b}}}'}]",
    "[{patch: '{kind: Pod, apiVersion: v1, metadata: {name: p}, $patch: delete}'}]",
    "[{path: a.yaml}]",
    "['{kind: Pod, apiVersion: v1, metadata: {name: p}, spec: null}']",
    "[{name: '(', newTag: x}]",
    "[{name: web, newName: '', digest: ':@'}]",
    "[{name: p, count: -1}]",
    "[{name: V, objref: {kind: Pod, name: p, apiVersion: v1}, fieldref: {fieldPath: 'spec[0].[a=b]..'}}]",
    "[{source: {kind: Pod}, targets: [{select: {kind: Pod}, fieldPaths: ['spec.0.*.[name=(]', ''], options: {create: true, delimiter: '', index: -9}}]}]",
    "[{source: {kind: Pod, fieldPath: spec.containers}, targets: [{select: {}, fieldPaths: [spec.containers.5.x]}]}]",
    "{order: legacy, legacySortOptions: {orderFirst: [Pod], orderLast: [Pod]}}",
    "[{name: g, literals: ['=', a=b], behavior: merge}]",
    "[{name: g, literals: [a=b], files: ['x=a.yaml'], envs: [a.yaml]}]",
    "['{apiVersion: builtin, kind: ValueAddTransformer, metadata: {name: v}, value: x, targets: [{fieldPath: metadata/name, filePathPosition: 9}]}']",
    "['{apiVersion: builtin, kind: NamespaceTransformer, metadata: {name: v, namespace: n}, fieldSpecs: [{path: \"//a[]/\", create: true}]}']",
    "null",
    "[[[]]]",
];

const OBJECT: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a, image: web, args: ['$(V)', 1]}, {image: x}, {}]}\n";

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_kustomization_is_built_or_refused(
        entries in prop::collection::btree_map(
            prop::sample::select(&FIELDS[..]), prop::sample::select(&VALUES[..]), 0..7),
        object in prop_oneof![Just(OBJECT.to_owned()), "[-a-z:{}\\[\\] \\n$]{0,60}"],
    ) {
        let mut text = String::from("resources: [a.yaml]\n");
        for (field, value) in &entries {
            text.push_str(&format!("{field}: {value}\n"));
        }
        let tree = MemoryTree::new([
            ("kustomization.yaml", text),
            ("a.yaml", object),
            ("b/kustomization.yaml", "namePrefix: b-\nresources: [../a.yaml]\n".to_owned()),
        ]);
        let rooted = Rooted::new(&tree, Limits::default());
        let options = BuildOptions { load_anywhere: true, ..BuildOptions::default() };
        let _ = build(&rooted, &RelPath::root(), &options);
    }
}
