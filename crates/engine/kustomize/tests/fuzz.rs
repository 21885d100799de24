//! Readers that take bytes from repositories, under mutated input: an outcome or an error, never a
//! panic, and never for long.
//!
//! A short run is a test. `ARGOSY_FUZZ_MINUTES` goes on for as long for each target, with another
//! seed each time (`ARGOSY_FUZZ_SEED` says where to begin); a panic prints its input.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{BuildOptions, KustomizationFile, Substitution, build, substitute, to_yaml};
use argosy_object::Object;
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::time::{Duration, Instant};

/// What no single input may take.
const SLOWEST: Duration = Duration::from_secs(20);

const OBJECTS: &str = "\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {a: b}, annotations: {n: '1'}}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - {name: c, image: 'web:1', args: [x, y], ports: [{containerPort: 80}], env: [{name: A, value: b}]}
      volumes: [{name: v, configMap: {name: m}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {name: m, namespace: n}
data: {k: 'v.w', text: \"a\\nb\"}
";

const KUSTOMIZATIONS: [&str; 3] = [
    "resources: [objects.yaml]\nnamePrefix: a-\nnamespace: ns\ncommonLabels: {l: m}\nimages: [{name: web, newTag: '2'}]\nreplicas: [{name: web, count: 3}]\nconfigMapGenerator:\n- {name: g, literals: [a=b], behavior: create, options: {labels: {x: y}}}\n",
    "resources:\n- objects.yaml\nlabels:\n- {pairs: {a: c}, includeSelectors: true, fields: [{path: x/y, create: true}]}\nvars:\n- {name: V, objref: {kind: ConfigMap, name: m, apiVersion: v1}, fieldref: {fieldPath: data.k}}\nsortOptions: {order: legacy, legacySortOptions: {orderFirst: [ConfigMap], orderLast: [Deployment]}}\nbuildMetadata: [originAnnotations]\n",
    "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [objects.yaml]\ntransformers:\n- |-\n  apiVersion: builtin\n  kind: PrefixTransformer\n  metadata: {name: p}\n  prefix: x-\n  fieldSpecs: [{path: metadata/name}]\ngeneratorOptions: {disableNameSuffixHash: true}\nsecretGenerator: [{name: s, envs: [e.env], type: Opaque}]\n",
];

const PATCHES: [&str; 3] = [
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      $setElementOrder/containers: [{name: d}, {name: c}]\n      containers:\n      - {name: c, $patch: delete}\n      - {name: d, image: x, env: [{name: A, $patch: replace}]}\n      volumes: null\n",
    "- {op: test, path: /spec/replicas, value: 2}\n- {op: move, from: /metadata/labels, path: /metadata/x}\n- {op: add, path: /spec/template/spec/containers/-, value: {name: z}}\n- {op: copy, from: /spec, path: /status}\n- {op: remove, path: /spec/template/spec/containers/0/args/1}\n- {op: replace, path: /metadata/annotations/n~1m, value: 'x'}\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"m\", \"namespace\": \"n\"}, \"data\": {\"k\": null, \"$retainKeys\": [\"text\"]}}\n",
];

const REPLACEMENTS: [&str; 2] = [
    "- source: {kind: ConfigMap, name: m, fieldPath: data.k, options: {delimiter: '.', index: 1}}\n  targets:\n  - select: {kind: Deployment, name: web}\n    reject: [{name: other}]\n    fieldPaths: ['spec.template.spec.containers.[name=c].image', spec.replicas, 'metadata.labels.x-y']\n    options: {delimiter: ':', index: 1, create: true, encoding: base64}\n",
    "- sourceValue: text\n  targets:\n  - select: {group: apps, version: v1}\n    fieldPaths: [spec.template.spec.containers.*.image, 'spec.template.spec.containers.0.args.1', 'metadata.annotations.[a.b/c]']\n    options: {index: -1}\n",
];

const NAMING: &str = "kind: A\nmetadata: {name: x}\na: [$(V), 'x/$(V)/y', $(V)-z]\n";

const TEXTS: [&str; 3] = [
    "${A} ${B:=c} ${C:-d} ${A:+e} ${A:?no} $A $$ ${A/b/c} ${A//x/y} ${A:1:2} ${#A} ${A^^} ${A,} ${A%b} ${A##c}",
    "a: ${A}\nb: \"${B:-\\\"}\"\nc: ${C:-${A:-${B}}}\n",
    "${A:=${B:=${C:=${D:=e}}}} ${ } ${} ${1} ${A ${ $",
];

/// Numbers that are the same for the same seed.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % end.max(1)
    }
}

/// Changes bytes, cuts, doubles and moves parts, and puts in words of the grammar.
fn mutated(seeds: &[&str], numbers: &mut Numbers) -> Vec<u8> {
    const WORDS: [&str; 24] = [
        "null",
        "[]",
        "{}",
        "- ",
        ": ",
        "\n",
        "  ",
        "'",
        "\"",
        "*",
        ".",
        "/",
        "~1",
        "[name=",
        "]",
        "$patch: replace",
        "$patch: merge",
        "-1",
        "99999999999999999999",
        "&a ",
        "*a",
        "<<: ",
        "é",
        "${",
    ];
    let mut bytes = seeds[numbers.below(seeds.len())].as_bytes().to_vec();
    for _ in 0..=numbers.below(6) {
        let at = numbers.below(bytes.len() + 1);
        let end = at + numbers.below((bytes.len() - at).min(40) + 1);
        match numbers.below(7) {
            0 => {
                bytes.drain(at..end);
            }
            1 => {
                let part = bytes[at..end].to_vec();
                let to = numbers.below(bytes.len() + 1);
                bytes.splice(to..to, part);
            }
            2 => {
                let word = WORDS[numbers.below(WORDS.len())];
                bytes.splice(at..at, word.bytes());
            }
            3 => {
                let word = WORDS[numbers.below(WORDS.len())];
                bytes.splice(at..end, word.bytes());
            }
            4 if at < bytes.len() => bytes[at] = numbers.below(256) as u8,
            5 => {
                let other = seeds[numbers.below(seeds.len())].as_bytes();
                let from = numbers.below(other.len());
                let part = &other[from..(from + 60).min(other.len())];
                bytes.splice(at..end, part.iter().copied());
            }
            _ => bytes.truncate(at.max(1)),
        }
    }
    bytes
}

fn run(target: fn(&[u8]), seeds: &[&str]) {
    let setting = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let minutes = setting("ARGOSY_FUZZ_MINUTES");
    let seed = setting("ARGOSY_FUZZ_SEED").unwrap_or(1);
    let begin = Instant::now();
    let mut numbers = Numbers(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    let mut count = 0_u64;
    let goes_on = |count: u64| match minutes {
        Some(minutes) => begin.elapsed() < Duration::from_secs(minutes * 60),
        None => count < 400,
    };
    while goes_on(count) {
        let input = mutated(seeds, &mut numbers);
        let at = Instant::now();
        let outcome = catch_unwind(|| target(&input));
        let shown = String::from_utf8_lossy(&input);
        assert!(outcome.is_ok(), "it panics at:\n{shown}");
        assert!(
            at.elapsed() < SLOWEST,
            "it takes {:?}:\n{shown}",
            at.elapsed()
        );
        count += 1;
    }
    println!("{count} inputs in {:?}", begin.elapsed());
}

/// Builds a folder, and reads what comes out again.
fn folder(kustomization: &[u8], file: &[u8]) {
    let tree = MemoryTree::new([
        ("kustomization.yaml", kustomization.to_vec()),
        ("objects.yaml", OBJECTS.as_bytes().to_vec()),
        ("file.yaml", file.to_vec()),
        ("e.env", b"A=b\n".to_vec()),
    ]);
    let reader = Rooted::new(&tree, Limits::default());
    if let Ok(built) = build(&reader, &RelPath::root(), &BuildOptions::default()) {
        let _ = to_yaml(built.objects.iter().map(|(object, _)| object.value()));
    }
}

#[test]
fn kustomizations() {
    run(|bytes| folder(bytes, b""), &KUSTOMIZATIONS);
}

#[test]
fn edits() {
    let target = |bytes: &[u8]| {
        let Ok(mut file) = KustomizationFile::parse("kustomization.yaml", bytes) else {
            return;
        };
        // Each folder holds the same again, so that bases have no end.
        let mut read = |path: &str| match path.rsplit('/').next() {
            Some("kustomization.yaml") => Some(bytes.to_vec()),
            _ => Some(NAMING.as_bytes().to_vec()),
        };
        let _ = file.vars_to_replacements(&mut read);
        let _ = file.to_text();
    };
    run(target, &KUSTOMIZATIONS);
}

#[test]
fn patches() {
    let target = |bytes: &[u8]| {
        for field in [
            "patches: [{path: file.yaml}]",
            "patches: [{path: file.yaml, target: {kind: .*}}]",
            "patchesStrategicMerge: [file.yaml]",
        ] {
            folder(
                format!("resources: [objects.yaml]\n{field}\n").as_bytes(),
                bytes,
            );
        }
    };
    run(target, &PATCHES);
}

#[test]
fn replacements() {
    let target = |bytes: &[u8]| {
        folder(
            b"resources: [objects.yaml]\nreplacements: [{path: file.yaml}]\n",
            bytes,
        );
        let mut inline = b"resources: [objects.yaml]\nreplacements:\n".to_vec();
        inline.extend_from_slice(bytes);
        folder(&inline, b"");
    };
    run(target, &REPLACEMENTS);
}

#[test]
fn substitution() {
    let target = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let variables = BTreeMap::from([
            ("A".to_owned(), "value".to_owned()),
            ("B".to_owned(), text.chars().take(50).collect()),
        ]);
        let Ok(mut with) = Substitution::new([], &variables) else {
            return;
        };
        let object = Object::new(argosy_object::json!({
            "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"},
            "data": {"text": text},
        }));
        let Ok(object) = object else { return };
        for strict in [false, true] {
            with.strict = strict;
            let _ = substitute(&object, &with);
        }
    };
    run(target, &TEXTS);
}
