//! Bad input is refused with the file and the field that are at fault.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{BuildOptions, HelmOptions, build};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: a}]}\n";

fn error_of(tree: &MemoryTree, folder: &str, limits: Limits) -> String {
    let rooted = Rooted::new(tree, limits);
    let options = BuildOptions {
        helm: Some(HelmOptions::default()),
        ..BuildOptions::default()
    };
    build(&rooted, &RelPath::new(folder).unwrap(), &options)
        .unwrap_err()
        .to_string()
}

#[track_caller]
fn contains(error: &str, words: &[&str]) {
    for word in words {
        assert!(error.contains(word), "{error}\n  lacks {word}");
    }
}

/// Every field that names a file, with `PATH` where the name goes.
const FILE_FIELDS: [(&str, &str); 17] = [
    ("resources[0]", "resources: [PATH]"),
    ("resources[", "bases: [PATH]"),
    ("crds[0]", "crds: [PATH]"),
    ("configurations[0]", "configurations: [PATH]"),
    ("openapi", "openapi: {path: PATH}"),
    ("patches[0]", "patches: [{path: PATH, target: {kind: Pod}}]"),
    ("patchesStrategicMerge", "patchesStrategicMerge: [PATH]"),
    (
        "patchesJson6902[0]",
        "patchesJson6902: [{path: PATH, target: {kind: Pod, name: p}}]",
    ),
    ("replacements", "replacements: [{path: PATH}]"),
    (
        "configMapGenerator[0]",
        "configMapGenerator: [{name: c, files: [PATH]}]",
    ),
    (
        "configMapGenerator[0]",
        "configMapGenerator: [{name: c, files: [k=PATH]}]",
    ),
    (
        "configMapGenerator[0]",
        "configMapGenerator: [{name: c, envs: [PATH]}]",
    ),
    (
        "secretGenerator[0]",
        "secretGenerator: [{name: c, files: [PATH]}]",
    ),
    ("transformers[0]", "transformers: [PATH]"),
    ("generators[0]", "generators: [PATH]"),
    ("validators[0]", "validators: [PATH]"),
    ("helmCharts[0]", "helmCharts: [{name: c, valuesFile: PATH}]"),
];

fn tree_with(line: &str) -> MemoryTree {
    let own = if line.contains("resources:") {
        ""
    } else {
        "resources: [pod.yaml]\n"
    };
    let mut tree = MemoryTree::new([
        ("app/kustomization.yaml", format!("{line}\n{own}")),
        ("app/pod.yaml", POD.to_owned()),
        (
            "app/charts/c/Chart.yaml",
            "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned(),
        ),
        ("secret.yaml", POD.to_owned()),
    ]);
    tree = tree.with_link("app/link.yaml", "../secret.yaml");
    tree.with_link("app/gone.yaml", "../../../etc/passwd")
}

#[test]
fn files_outside_are_refused_in_every_field() {
    for (field, line) in FILE_FIELDS {
        for (path, word) in [
            (
                "../secret.yaml",
                "security; file 'secret.yaml' is not in or below 'app'",
            ),
            (
                "link.yaml",
                "security; file 'secret.yaml' is not in or below 'app'",
            ),
            ("../../etc/passwd", "../../etc/passwd"),
            ("/etc/passwd", "absolute"),
            ("gone.yaml", "gone.yaml"),
            ("missing.yaml", "`app/missing.yaml` does not exist"),
        ] {
            let error = error_of(
                &tree_with(&line.replace("PATH", path)),
                "app",
                Limits::default(),
            );
            contains(&error, &["app/kustomization.yaml", field, word]);
        }
    }
}

#[test]
fn folders_outside_are_refused_in_every_field() {
    for (field, line) in [
        ("resources[0]", "resources: [PATH]"),
        ("components[0]", "components: [PATH]"),
        (
            "helmCharts[0]",
            "helmGlobals: {chartHome: PATH}\nhelmCharts: [{name: c}]",
        ),
    ] {
        for path in ["../../..", "/etc", "https://example.com/x"] {
            let error = error_of(
                &tree_with(&line.replace("PATH", path)),
                "app",
                Limits::default(),
            );
            contains(&error, &["app/kustomization.yaml", field]);
        }
    }
}

#[test]
fn bases_without_end_are_refused() {
    let files = (0..10_000).map(|level| {
        let text = format!("resources: [../b{}]\n", level + 1);
        (format!("b{level}/kustomization.yaml"), text)
    });
    let error = error_of(&MemoryTree::new(files), "b0", Limits::default());
    contains(
        &error,
        &[
            "b63/kustomization.yaml",
            "resources[0]",
            "nested deeper than 64",
        ],
    );
    let cycle = MemoryTree::new([
        ("a/kustomization.yaml", "resources: [../b]\n"),
        ("b/kustomization.yaml", "components: [../a]\n"),
    ]);
    let error = error_of(&cycle, "a", Limits::default());
    contains(&error, &["b/kustomization.yaml", "components[0]", "cycle"]);
}

#[track_caller]
fn refuses(line: &str, words: &[&str]) {
    contains(&error_of(&tree_with(line), "app", Limits::default()), words);
}

#[test]
fn patches_without_a_target_are_refused() {
    let patch = "patches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: q}}'}]";
    let words = [
        "app/kustomization.yaml",
        "patches[0]",
        "no matches for Id Pod.v1.[noGrp]/q.[noNs]",
    ];
    refuses(patch, &words);
    refuses(
        "patches: [{patch: '[{op: remove, path: /a}]'}]",
        &["patches[0]", "must specify a target for JSON patch"],
    );
    refuses(
        "patches: [{patch: '[{op: remove, path: /a}]', target: {kind: Pod}}]",
        &["patches[0]", "/a"],
    );
    refuses(
        "patches: [{target: {kind: Pod}}]",
        &["must specify one of patch and path"],
    );
    refuses(
        "patches: [{patch: a, path: b}]",
        &["patch and path can't be set at the same time"],
    );
    refuses(
        "patches: [{patch: '[{op: add, path: /a, value: 1}]', target: {name: '('}}]",
        &["patches[0]"],
    );
}

#[test]
fn fields_are_refused_in_kustomizes_words() {
    for (line, words) in [
        (
            "resorces: []",
            "invalid Kustomization: json: unknown field \"resorces\"",
        ),
        ("images: [{nme: x}]", "json: unknown field \"nme\""),
        (
            "images: [{name: a, newTag: 1.0}]",
            "json: cannot unmarshal number into Go struct field Image.images.newTag of type string",
        ),
        (
            "resources: a",
            "json: cannot unmarshal string into Go struct field Kustomization.resources of type \
             []string",
        ),
        (
            "replicas: [{name: a, count: 1.5}]",
            "json: cannot unmarshal number 1.5 into Go struct field Replica.replicas.count of type \
             int64",
        ),
        (
            "patches: [{target: {kind: 5}}]",
            "json: cannot unmarshal number into Go struct field \
             Selector.patches.target.ResId.Gvk.kind of type string",
        ),
        (
            "patches: [{target: [x]}]",
            "json: cannot unmarshal array into Go struct field Patch.patches.target of type \
             types.Selector",
        ),
        (
            "patchesStrategicMerge: {a: b}",
            "json: cannot unmarshal object into Go struct field \
             Kustomization.patchesStrategicMerge of type []types.PatchStrategicMerge",
        ),
        ("kind: Foo", "kind should be Kustomization or Component"),
        (
            "apiVersion: v9",
            "apiVersion for Kustomization should be kustomize.config.k8s.io/v1beta1",
        ),
        (
            "openapi: {version: v1.0.0}",
            "the specified OpenAPI version is not built in",
        ),
        ("helmCharts: [{repo: x}]", "chart name cannot be empty"),
        (
            "helmCharts: [{name: nope, valuesInline: {a: b}, valuesMerge: replace}]",
            "no chart found",
        ),
        (
            "helmCharts: [{name: c, valuesMerge: x}]",
            "valuesMerge must be one of",
        ),
    ] {
        refuses(line, &["app/kustomization.yaml", words]);
    }
}

#[test]
fn validators_may_not_change_anything() {
    refuses(
        "validators: ['{apiVersion: builtin, kind: PrefixTransformer, metadata: {name: x}, \
         prefix: a-, fieldSpecs: [{path: metadata/name}]}']",
        &[
            "validator shouldn't modify the resource map",
            "PrefixTransformer",
        ],
    );
}

#[test]
fn files_that_are_too_large_are_refused() {
    let tree = MemoryTree::new([
        (
            "app/kustomization.yaml",
            "configMapGenerator: [{name: c, files: [big]}]\n".to_owned(),
        ),
        ("app/big", "x".repeat(1 << 20)),
    ]);
    let limits = Limits {
        file_bytes: 1 << 16,
        ..Limits::default()
    };
    let error = error_of(&tree, "app", limits);
    contains(
        &error,
        &[
            "app/kustomization.yaml",
            "configMapGenerator[0]",
            "app/big",
            "65536",
        ],
    );
}

#[test]
fn paths_of_a_disk_are_held_to_the_folder_too() {
    for (field, line) in FILE_FIELDS {
        for path in ["/secret.yaml", "/app/../secret.yaml"] {
            let tree = tree_with(&line.replace("PATH", path));
            let rooted = Rooted::new(&tree, Limits::default());
            let options = BuildOptions {
                shown_root: "/".into(),
                helm: Some(HelmOptions::default()),
                ..BuildOptions::default()
            };
            let error = build(&rooted, &RelPath::new("app").unwrap(), &options).unwrap_err();
            let error = error.to_string();
            contains(&error, &["/app/kustomization.yaml", field, "/secret.yaml"]);
            assert!(
                error.contains("security") || error.contains("absolute"),
                "{error}"
            );
        }
    }
}

#[test]
fn folders_that_links_lead_out_of_the_tree_are_refused_in_every_field() {
    for (field, line) in [
        ("resources[0]", "resources: [out]"),
        ("components[0]", "components: [out]"),
        ("resources[0]", "resources: [out/pod.yaml]"),
        (
            "configMapGenerator[0]",
            "configMapGenerator: [{name: c, files: [out/passwd]}]",
        ),
        (
            "helmCharts[0]",
            "helmGlobals: {chartHome: out}\nhelmCharts: [{name: c}]",
        ),
    ] {
        for target in ["../../etc", "/etc"] {
            let tree = tree_with(line).with_link("app/out", target);
            let error = error_of(&tree, "app", Limits::default());
            contains(&error, &["app/kustomization.yaml", field, "app/out"]);
        }
    }
}

#[test]
fn a_patch_without_target_must_fit_one_object_and_one_with_a_target_may_fit_many() {
    let twins = "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: NS}\nspec: {}\n";
    let tree = |patch: &str| {
        MemoryTree::new([
            (
                "app/kustomization.yaml",
                format!("resources: [a.yaml, b.yaml]\npatches: [{patch}]\n"),
            ),
            ("app/a.yaml", twins.replace("NS", "a")),
            ("app/b.yaml", twins.replace("NS", "b")),
        ])
    };
    let own = "{patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {hostname: x}}'}";
    let error = error_of(&tree(own), "app", Limits::default());
    contains(
        &error,
        &["app/kustomization.yaml", "patches[0]", "p.[noNs]"],
    );
    let many = "{patch: '[{op: add, path: /spec/hostname, value: x}]', target: {kind: Pod}}";
    let tree = tree(many);
    let rooted = Rooted::new(&tree, Limits::default());
    let folder = RelPath::new("app").unwrap();
    let built = build(&rooted, &folder, &BuildOptions::default()).unwrap();
    let patched = built.objects.iter().filter(|(object, _)| {
        let hostname = object.pointer("/spec/hostname");
        hostname.and_then(|name| name.as_str()) == Some("x")
    });
    assert_eq!(patched.count(), 2);
}

#[test]
fn duplicate_keys_are_refused_where_kustomize_refuses_them() {
    let patch =
        "patches: [{patch: '{apiVersion: v1, kind: Pod, metadata: {name: p}, a: b, a: c}'}]";
    refuses(patch, &["patches[0]", "mapping key \"a\" already defined"]);
    refuses(
        "configMapGenerator: [{name: c, literals: [a=b, a=c]}]",
        &["configMapGenerator[0]", "illegally repeats the key `a`"],
    );
    refuses(
        "secretGenerator: [{name: c, literals: [a=b], files: [a=pod.yaml]}]",
        &["secretGenerator[0]", "illegally repeats the key `a`"],
    );
    // Of the kustomization's own fields the last one counts, as upstream.
    let tree = tree_with("namePrefix: a-\nnamePrefix: b-");
    let rooted = Rooted::new(&tree, Limits::default());
    let folder = RelPath::new("app").unwrap();
    let built = build(&rooted, &folder, &BuildOptions::default()).unwrap();
    assert_eq!(built.objects[0].0.name(), "b-p");
}
