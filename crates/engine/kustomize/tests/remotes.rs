//! Bases and files elsewhere: asked for, all that can be known at once, and read by their own rules.

#![allow(clippy::unwrap_used)]

use argosy_kustomize::{
    BuildOptions, KustomizeError, Remote, RemoteFile, Remotes, RepoSpec, build, build_with, to_yaml,
};
use argosy_tree::{Limits, MemoryTree, RelPath, Rooted};
use std::collections::BTreeMap;

const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: NAME}\nspec: {containers: [{name: a}]}\n";

fn pod(name: &str) -> String {
    POD.replace("NAME", name)
}

/// Repositories by the entry that names them, and files by URL.
#[derive(Default)]
struct World {
    trees: BTreeMap<&'static str, MemoryTree>,
    files: BTreeMap<&'static str, String>,
}

impl World {
    fn remotes(&self) -> Remotes<'_> {
        let tree = |entry: &str| RepoSpec::parse(entry).unwrap().tree;
        Remotes {
            trees: self
                .trees
                .iter()
                .map(|(entry, found)| (tree(entry), Rooted::new(found, Limits::default())))
                .collect(),
            files: self
                .files
                .iter()
                .map(|(url, text)| (RemoteFile((*url).into()), text.clone().into()))
                .collect(),
            charts: BTreeMap::new(),
            allowed: true,
        }
    }

    fn build(&self, local: &MemoryTree) -> Result<String, KustomizeError> {
        let rooted = Rooted::new(local, Limits::default());
        let folder = RelPath::new("app").unwrap();
        let options = BuildOptions::default();
        let built = build_with(&rooted, &folder, &options, &self.remotes())?;
        Ok(to_yaml(
            built.objects.iter().map(|(object, _)| object.value()),
        ))
    }
}

fn names(needs: &[Remote]) -> Vec<String> {
    let mut names: Vec<String> = needs
        .iter()
        .map(|need| match need {
            Remote::Tree(tree) => format!("{}@{}", tree.repo, tree.revision),
            Remote::File(file) => file.0.clone(),
            Remote::Chart(chart) => format!("{}/{}@{}", chart.repo, chart.name, chart.version),
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

#[test]
fn bases_of_all_local_folders_are_asked_for_at_once() {
    let local = MemoryTree::new([
        (
            "app/kustomization.yaml",
            "resources: [a, 'https://h/o/one//x?ref=v1', 'https://h/p.yaml', b]\n\
             components: ['https://h/o/parts']\n",
        ),
        (
            "app/a/kustomization.yaml",
            "resources: ['https://h/o/two']\n",
        ),
        ("app/b/kustomization.yaml", "resources: ['git@h:o/three']\n"),
    ]);
    let error = World::default().build(&local).unwrap_err();
    assert_eq!(
        names(error.needs().unwrap()),
        [
            "git@h:o/three@",
            "https://h/o/one@v1",
            "https://h/o/parts@",
            "https://h/o/two@",
            "https://h/p.yaml"
        ]
    );
}

#[test]
fn bases_elsewhere_are_built_and_changed_as_local_ones_are() {
    let local = MemoryTree::new([(
        "app/kustomization.yaml",
        "namePrefix: x-\nresources: ['https://h/o/r//over?ref=v1', 'https://h/p.yaml']\n\
         patches: [{path: 'https://h/patch.yaml', target: {kind: Pod}}]\n",
    )]);
    let world = World {
        trees: BTreeMap::from([(
            "https://h/o/r?ref=v1",
            MemoryTree::new([
                (
                    "over/kustomization.yaml",
                    "resources: [../base]\nnameSuffix: -s\n".to_owned(),
                ),
                (
                    "base/kustomization.yaml",
                    "resources: [pod.yaml]\n".to_owned(),
                ),
                ("base/pod.yaml", pod("p")),
            ]),
        )]),
        files: BTreeMap::from([
            ("https://h/p.yaml", pod("q")),
            (
                "https://h/patch.yaml",
                "[{op: add, path: /spec/hostname, value: patched}]".to_owned(),
            ),
        ]),
    };
    let text = world.build(&local).unwrap();
    assert!(
        text.contains("name: x-p-s") && text.contains("name: x-q"),
        "{text}"
    );
    assert_eq!(text.matches("hostname: patched").count(), 2, "{text}");
}

#[test]
fn what_is_looked_at_elsewhere_is_recorded_there() {
    let local = MemoryTree::new([(
        "app/kustomization.yaml",
        "resources: ['https://h/o/r//d']\n",
    )]);
    let elsewhere = MemoryTree::new([
        ("d/kustomization.yaml", "resources: [pod.yaml]\n".to_owned()),
        ("d/pod.yaml", pod("p")),
        ("unread/x", String::new()),
    ]);
    let world = World {
        trees: BTreeMap::from([("https://h/o/r", elsewhere)]),
        ..World::default()
    };
    let rooted = Rooted::new(&local, Limits::default());
    let remotes = world.remotes();
    let folder = RelPath::new("app").unwrap();
    build_with(&rooted, &folder, &BuildOptions::default(), &remotes).unwrap();
    let reads = remotes.trees.values().next().unwrap().reads();
    let paths: Vec<String> = reads.iter().map(|(path, _)| path.to_string()).collect();
    assert!(paths.contains(&"d/pod.yaml".to_owned()), "{paths:?}");
    assert!(
        !paths.iter().any(|path| path.starts_with("unread")),
        "{paths:?}"
    );
    assert!(
        !rooted
            .reads()
            .iter()
            .any(|(path, _)| path.as_str().starts_with('d'))
    );
}

#[test]
fn a_base_elsewhere_cannot_leave_its_repository_nor_read_the_local_one() {
    let local = MemoryTree::new([
        (
            "app/kustomization.yaml",
            "resources: ['https://h/o/r//d']\n".to_owned(),
        ),
        ("secret.yaml", pod("secret")),
    ]);
    for entry in [
        "../../secret.yaml",
        "../secret.yaml",
        "/secret.yaml",
        "../../app",
    ] {
        let text = format!("resources: ['{entry}']\n");
        let world = World {
            trees: BTreeMap::from([(
                "https://h/o/r",
                MemoryTree::new([("d/kustomization.yaml", text)]),
            )]),
            ..World::default()
        };
        let error = world.build(&local).unwrap_err();
        assert!(error.needs().is_none(), "{entry}: {error}");
    }
    let linked = MemoryTree::new([("d/kustomization.yaml", "resources: [pod.yaml]\n")])
        .with_link("d/pod.yaml", "../../secret.yaml");
    let world = World {
        trees: BTreeMap::from([("https://h/o/r", linked)]),
        ..World::default()
    };
    let error = world.build(&local).unwrap_err().to_string();
    assert!(error.contains("pod.yaml"), "{error}");
}

#[test]
fn repositories_that_name_each_other_are_a_cycle() {
    let local = MemoryTree::new([("app/kustomization.yaml", "resources: ['https://h/o/a']\n")]);
    let base = |entry: &str| {
        MemoryTree::new([("kustomization.yaml", format!("resources: ['{entry}']\n"))])
    };
    let world = World {
        trees: BTreeMap::from([
            ("https://h/o/a", base("https://h/o/b")),
            ("https://h/o/b", base("https://h/o/a")),
        ]),
        ..World::default()
    };
    let error = world.build(&local).unwrap_err();
    assert!(
        error.to_string().contains("cycle: `https://h/o/a//.`"),
        "{error}"
    );
}

#[test]
fn folders_of_one_repository_may_use_the_same_base() {
    let local = MemoryTree::new([(
        "app/kustomization.yaml",
        "resources: ['https://h/o/r//a', 'https://h/o/r//b']\n",
    )]);
    let tree = MemoryTree::new([
        (
            "a/kustomization.yaml",
            "resources: [../base]\nnamePrefix: a-\n".to_owned(),
        ),
        (
            "b/kustomization.yaml",
            "resources: [../base]\nnamePrefix: b-\n".to_owned(),
        ),
        (
            "base/kustomization.yaml",
            "resources: [pod.yaml]\n".to_owned(),
        ),
        ("base/pod.yaml", pod("p")),
    ]);
    let world = World {
        trees: BTreeMap::from([("https://h/o/r", tree)]),
        ..World::default()
    };
    let text = world.build(&local).unwrap();
    assert!(
        text.contains("name: a-p") && text.contains("name: b-p"),
        "{text}"
    );
}

#[test]
fn errors_name_the_place_elsewhere() {
    let local = MemoryTree::new([(
        "app/kustomization.yaml",
        "resources: ['https://h/o/r//d?ref=v1']\n",
    )]);
    let with = |files: &[(&'static str, &'static str)]| World {
        trees: BTreeMap::from([("https://h/o/r?ref=v1", MemoryTree::new(files.to_vec()))]),
        ..World::default()
    };
    let error = with(&[("x", "")]).build(&local).unwrap_err().to_string();
    assert!(error.contains("https://h/o/r?ref=v1//d"), "{error}");
    let error = with(&[("d/kustomization.yaml", "resources: [nope.yaml]\n")]);
    let error = error.build(&local).unwrap_err().to_string();
    assert!(
        error.contains("https://h/o/r?ref=v1//d/nope.yaml"),
        "{error}"
    );
}

#[test]
fn nothing_is_asked_for_where_nothing_may_be_fetched() {
    let local = MemoryTree::new([("app/kustomization.yaml", "resources: ['https://h/o/a']\n")]);
    let rooted = Rooted::new(&local, Limits::default());
    let folder = RelPath::new("app").unwrap();
    let error = build(&rooted, &folder, &BuildOptions::default()).unwrap_err();
    assert!(error.needs().is_none());
    assert!(error.to_string().contains("is not supported"), "{error}");
}
