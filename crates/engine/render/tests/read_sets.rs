//! The law of read sets: two trees that agree on what was read render the same bytes.

#![allow(clippy::unwrap_used)]

use argosy_crds::{DirectorySource, HelmSource, JsonnetSource, Source};
use argosy_render::{Answers, Caches, Rendered, Request, Step, render};
use argosy_tree::{MemoryTree, Probe, touched};
use std::collections::BTreeMap;

type Files = BTreeMap<String, String>;

/// A repository with something for each tool, and much that none of them reads.
fn files() -> Files {
    let text = "\
--- chart/Chart.yaml
apiVersion: v2
name: web
version: 1.0.0
--- chart/values.yaml
size: 1
--- chart/templates/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: {{ .Release.Name }}}
data: {size: '{{ .Values.size }}', text: '{{ .Files.Get \"files/t.txt\" }}'}
--- chart/files/t.txt
text
--- values/prod.yaml
size: 2
--- values/unused.yaml
size: 3
--- overlay/kustomization.yaml
resources: [../base]
namePrefix: x-
configMapGenerator:
- name: made
  files: [data.txt]
patches: [{path: patch.yaml}]
--- overlay/data.txt
data
--- overlay/patch.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data: {k: w}
--- overlay/unused.yaml
not: read
--- base/kustomization.yaml
resources: [map.yaml]
--- base/map.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
data: {k: v}
--- base/readme.md
nothing
--- plain/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
--- plain/sub/b.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
--- plain/notes.md
nothing
--- jsonnet/x.jsonnet
(import 'lib.libsonnet').map('x') + { data: { t: importstr '../other/t.txt' } }
--- jsonnet/unused.libsonnet
error 'never'
--- vendor/lib.libsonnet
{ map(name): { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: name } } }
--- other/t.txt
text
--- other/unused.txt
nothing
";
    let mut files = Files::new();
    let mut name = String::new();
    for line in text.lines() {
        if let Some(path) = line.strip_prefix("--- ") {
            name = path.into();
            files.insert(name.clone(), String::new());
        } else {
            let file = files.get_mut(&name).unwrap();
            file.push_str(line);
            file.push('\n');
        }
    }
    files
}

fn tree(files: &Files) -> MemoryTree {
    MemoryTree::new(files.iter().map(|(path, text)| (path, text.clone())))
}

fn sources() -> Vec<Source> {
    let at = |path: &str| Source {
        path: path.into(),
        ..Source::default()
    };
    let jsonnet = JsonnetSource {
        libs: vec!["vendor".into()],
        ..JsonnetSource::default()
    };
    vec![
        Source {
            helm: Some(HelmSource {
                value_files: vec!["../values/prod.yaml".into()],
                ..HelmSource::default()
            }),
            ..at("chart")
        },
        at("overlay"),
        at("plain"),
        Source {
            directory: Some(DirectorySource {
                recurse: true,
                ..DirectorySource::default()
            }),
            ..at("plain")
        },
        Source {
            directory: Some(DirectorySource {
                jsonnet: Some(jsonnet),
                ..DirectorySource::default()
            }),
            ..at("jsonnet")
        },
    ]
}

fn run(source: &Source, tree: &MemoryTree) -> Result<Rendered, String> {
    let request = Request {
        source: source.clone(),
        app_name: "app".into(),
        kube_version: "v1.36.0".into(),
        ..Request::default()
    };
    match render(&request, tree, &Answers::default(), &Caches::default()) {
        Ok(Step::Done(rendered)) => Ok(rendered),
        Ok(Step::Needs(_)) => panic!("needs nothing"),
        Err(error) => Err(error.to_string()),
    }
}

fn bytes(rendered: &Rendered) -> String {
    let objects = rendered.objects.iter();
    objects
        .map(|(object, at)| format!("{at}\n{}\n", object.value()))
        .collect()
}

/// A sequence of numbers that is the same each time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// Changes, adds or removes a file, or puts a folder in a file's place.
fn mutate(files: &mut Files, numbers: &mut Numbers) {
    let names: Vec<String> = files.keys().cloned().collect();
    let name = &names[numbers.below(names.len())];
    match numbers.below(5) {
        0 => {
            files.remove(name);
        }
        1 => {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            let added = [
                "new.yaml",
                "new.txt",
                ".argocd-source.yaml",
                ".helmignore",
                "lib.libsonnet",
            ];
            let added = added[numbers.below(added.len())];
            files.insert(format!("{folder}/{added}"), "# nothing\n".into());
        }
        2 => {
            let text = files.remove(name).unwrap();
            files.insert(format!("{name}/inner"), text);
        }
        _ => {
            files.get_mut(name).unwrap().push_str("# changed\n");
        }
    }
}

#[test]
fn trees_that_agree_on_the_read_set_render_the_same_bytes() {
    let original = files();
    let before = tree(&original);
    let mut numbers = Numbers(7);
    let (mut agreed, mut differed) = (0, 0);
    for source in sources() {
        let rendered = run(&source, &before).unwrap();
        let text = bytes(&rendered);
        assert!(!text.is_empty());
        for _ in 0..600 {
            let mut changed = original.clone();
            for _ in 0..=numbers.below(3) {
                mutate(&mut changed, &mut numbers);
            }
            let after = tree(&changed);
            let holds = rendered.reads.holds(&after).unwrap();
            let hit = touched(&before, &after).unwrap().hits(&rendered.reads);
            // The index may wake one too many, and never one too few.
            assert!(holds || hit, "{changed:?}");
            if holds {
                agreed += 1;
                let again = run(&source, &after).unwrap();
                assert_eq!(bytes(&again), text, "{} with {changed:?}", source.path);
                assert_eq!(again.reads.digest(), rendered.reads.digest());
            } else {
                differed += 1;
            }
        }
    }
    assert!(agreed > 300 && differed > 300, "{agreed} {differed}");
}

#[test]
fn a_change_of_each_file_that_was_read_is_noticed() {
    let original = files();
    let before = tree(&original);
    let mut count = 0;
    for source in sources() {
        let rendered = run(&source, &before).unwrap();
        for (path, probe) in rendered.reads.iter() {
            let mut changed = original.clone();
            match probe {
                Probe::File(_) => changed.get_mut(path.as_str()).unwrap().push('#'),
                Probe::Absent => {
                    changed.insert(path.to_string(), "#".into());
                }
                _ => continue,
            }
            let after = tree(&changed);
            assert!(!rendered.reads.holds(&after).unwrap(), "{path}");
            assert!(
                touched(&before, &after).unwrap().hits(&rendered.reads),
                "{path}"
            );
            count += 1;
        }
    }
    assert!(count > 30, "{count}");
}

#[test]
fn files_of_each_tool_are_in_its_read_set() {
    let before = tree(&files());
    let wanted: [&[&str]; 5] = [
        &["chart/values.yaml", "chart/files/t.txt", "values/prod.yaml"],
        &["overlay/data.txt", "overlay/patch.yaml", "base/map.yaml"],
        &["plain/a.yaml"],
        &["plain/a.yaml", "plain/sub/b.yaml"],
        &["jsonnet/x.jsonnet", "vendor/lib.libsonnet", "other/t.txt"],
    ];
    for (source, wanted) in sources().iter().zip(wanted) {
        let rendered = run(source, &before).unwrap();
        let paths: Vec<String> = rendered
            .reads
            .iter()
            .map(|(path, _)| path.to_string())
            .collect();
        for path in wanted {
            assert!(paths.contains(&(*path).to_owned()), "{path}: {paths:?}");
        }
        assert!(
            !paths.iter().any(|path| path.contains("unused")),
            "{paths:?}"
        );
    }
}
