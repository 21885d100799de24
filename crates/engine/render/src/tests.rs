//! Fixtures: one text, cut by `--- path` lines.

mod charts;
mod directories;
mod flux;
mod kustomizations;

use super::*;
use argosy_crds::{DirectorySource, HelmSource, KustomizeSource, Source};
use argosy_object::Classified as _;
use argosy_tree::MemoryTree;

fn tree(fixture: &str) -> MemoryTree {
    let mut files: Vec<(String, String)> = vec![];
    for line in fixture.lines() {
        if let Some(path) = line.strip_prefix("--- ") {
            files.push((path.into(), String::new()));
        } else if let Some((_, content)) = files.last_mut() {
            content.push_str(line);
            content.push('\n');
        }
    }
    MemoryTree::new(files)
}

fn run(fixture: &str, source: Source) -> Result<Vec<String>, RenderError> {
    let request = Request {
        source,
        app_name: "app".into(),
        ..Request::default()
    };
    let step = render(
        &request,
        &tree(fixture),
        &Answers::default(),
        &Caches::default(),
    )?;
    let Step::Done(rendered) = step else {
        panic!("needs nothing")
    };
    Ok(rendered
        .objects
        .iter()
        .map(|(o, at)| format!("{} {at}", o.key()))
        .collect())
}

fn directory(options: DirectorySource) -> Source {
    Source {
        path: "app".into(),
        directory: Some(options),
        ..Source::default()
    }
}

const FILES: &str = "\
--- app/a.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
# nothing
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Secret
  metadata: {name: s}
--- app/sub/b.yml
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
--- app/c.json
{\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"c\"}}
--- app/readme.md
hello
--- app/skipped.yaml
# +argocd:skip-file-rendering
not: [kubernetes
";

#[test]
fn directory_reads_manifests_flattens_lists_and_skips_what_says_so() {
    let objects = run(FILES, directory(DirectorySource::default())).unwrap();
    assert_eq!(
        objects
            .iter()
            .map(|o| o.split(' ').next().unwrap())
            .collect::<Vec<_>>(),
        ["ConfigMap:a", "Secret:s", "ConfigMap:c"]
    );
    assert!(objects[0].ends_with("app/a.yaml:1"), "{objects:?}");
}

#[test]
fn recurse_include_and_exclude_cross_slashes() {
    let with = |include: &str, exclude: &str| {
        let options = DirectorySource {
            recurse: true,
            include: include.into(),
            exclude: exclude.into(),
            ..DirectorySource::default()
        };
        run(FILES, directory(options)).unwrap().len()
    };
    assert_eq!(with("", ""), 4);
    assert_eq!(with("*.yml", ""), 1);
    assert_eq!(with("{*.yml,c.json}", ""), 2);
    assert_eq!(with("", "sub/*"), 3);
}

#[test]
fn broken_yaml_names_file_line_and_column() {
    let error = run(
        "--- app/x.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\nb: [1\nc: 2\n",
        directory(DirectorySource::default()),
    )
    .unwrap_err()
    .to_string();
    assert!(
        error.contains("app/x.yaml:5:2: yaml: line 4: did not find expected ',' or ']'"),
        "{error}"
    );
    let error = run(
        "--- app/x.yaml\napiVersion: v1\nkind:\nmetadata: {name: x}\n",
        directory(DirectorySource::default()),
    )
    .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("app/x.yaml:1: not a Kubernetes object"),
        "{error}"
    );
    let error = run(
        "--- app/x.json\n{\"a\": 1}\n",
        directory(DirectorySource::default()),
    );
    assert!(error.unwrap_err().to_string().contains("app/x.json:1"));
}

#[test]
fn yaml_that_is_no_manifest_is_an_error_with_place_and_way_out() {
    for content in ["replicas: 3\n", "a: {{ .Values.a }}\n", "- 1\n- 2\n"] {
        let fixture = format!("--- app/values.yaml\n{content}");
        let request = Request {
            source: directory(DirectorySource::default()),
            ..Request::default()
        };
        let answers = Answers::default();
        let error = render(&request, &tree(&fixture), &answers, &Caches::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("app/values.yaml:1"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("directory.exclude"));
    }
}

#[test]
fn wide_text_is_read_and_may_be_skipped() {
    let wide = |text: &str| {
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        bytes
    };
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: é}\n";
    let files = MemoryTree::new([
        ("app/a.yaml", wide(object)),
        (
            "app/b.yaml",
            wide(&format!("# +argocd:skip-file-rendering\n{object}")),
        ),
    ]);
    let request = Request {
        source: directory(DirectorySource::default()),
        ..Request::default()
    };
    let step = render(&request, &files, &Answers::default(), &Caches::default()).unwrap();
    let Step::Done(rendered) = step else {
        panic!("needs nothing")
    };
    assert_eq!(rendered.objects.len(), 1);
    assert_eq!(rendered.objects[0].0.name(), "é");
}

#[test]
fn kustomization_wins_over_chart_and_takes_the_sources_options() {
    let fixture = "\
--- app/Chart.yaml
name: c
version: 1.0.0
--- app/kustomization.yaml
resources: [../base/pod.yaml, ../base]
--- base/pod.yaml
--- base/kustomization.yaml
resources: [pod.yaml]
";
    let fixture = fixture.replace("../base/pod.yaml, ", "").replace(
        "--- base/pod.yaml\n",
        "--- base/pod.yaml\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\n\
         spec: {containers: [{name: c, image: web}]}\n",
    );
    let source = Source {
        path: "app".into(),
        ..Source::default()
    };
    assert!(run(&fixture, source.clone()).unwrap()[0].starts_with("Pod:p base/pod.yaml:1"));
    let options = KustomizeSource {
        name_prefix: "x-".into(),
        images: vec!["web=shop/$ARGOCD_APP_NAME:1".into()],
        common_labels: [("app".to_owned(), "${ARGOCD_APP_NAME}".to_owned())].into(),
        ..KustomizeSource::default()
    };
    let request = Request {
        source: Source {
            kustomize: Some(options),
            ..source.clone()
        },
        app_name: "shop".into(),
        ..Request::default()
    };
    let answers = Answers::default();
    let step = render(&request, &tree(&fixture), &answers, &Caches::default()).unwrap();
    let Step::Done(rendered) = step else {
        panic!("needs nothing")
    };
    let (object, _) = &rendered.objects[0];
    assert_eq!(object.name(), "x-p");
    assert_eq!(object.label("app"), Some("shop"));
    let image = object
        .pointer("/spec/containers/0/image")
        .and_then(|i| i.as_str());
    assert_eq!(image, Some("shop/shop:1"));
    let both = Source {
        kustomize: Some(KustomizeSource::default()),
        directory: Some(DirectorySource::default()),
        ..source
    };
    let error = run(&fixture, both).unwrap_err().to_string();
    assert_eq!(
        error,
        "multiple application sources defined: Kustomize,Directory"
    );
}

#[test]
fn path_that_is_missing_a_file_or_outside_is_told_apart() {
    let at = |path: &str| {
        let source = Source {
            path: path.into(),
            ..Source::default()
        };
        run("--- app/x.yaml\n\n", source).unwrap_err().to_string()
    };
    assert_eq!(at("nope"), "app path `nope` does not exist");
    assert_eq!(at("app/x.yaml"), "app path `app/x.yaml` is not a directory");
    assert_eq!(
        at("../app"),
        "app path `../app` leads out of the repository"
    );
}

#[test]
fn reference_to_a_sibling_is_asked_for_and_a_wrong_one_is_an_error() {
    let source = Source {
        path: "chart".into(),
        helm: Some(HelmSource {
            value_files: vec!["$values/x.yaml".into()],
            ..HelmSource::default()
        }),
        ..Source::default()
    };
    let request = Request {
        source,
        ..Request::default()
    };
    let files = tree("--- chart/Chart.yaml\nname: c\nversion: 1.0.0\n");
    let first = render(&request, &files, &Answers::default(), &Caches::default()).unwrap();
    assert!(matches!(first, Step::Needs(needs) if needs == [Need::Reference("values".into())]));
    let mut answers = Answers::default();
    answers.references.insert("values".into(), None);
    let error = render(&request, &files, &answers, &Caches::default()).unwrap_err();
    assert!(matches!(error, RenderError::NoReference { .. }), "{error}");
}

#[test]
fn overrides_are_merged_and_cannot_change_the_path() {
    let fixture = "\
--- app/.argocd-source.yaml
directory: {recurse: true}
path: elsewhere
--- app/sub/b.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: b}
";
    let source = Source {
        path: "app".into(),
        ..Source::default()
    };
    assert_eq!(run(fixture, source).unwrap().len(), 1);
}

#[test]
fn overrides_of_the_application_itself_come_last_and_those_of_others_not_at_all() {
    let fixture = "\
--- app/.argocd-source.yaml
kustomize: {namePrefix: all-, images: [a, b]}
--- app/.argocd-source-app.yaml
kustomize: {namePrefix: own-, images: ['web:2']}
--- app/.argocd-source-other.yaml
kustomize: {namePrefix: other-}
--- app/kustomization.yaml
resources: [m.yaml]
--- app/m.yaml
apiVersion: v1
kind: Pod
metadata: {name: m}
spec: {containers: [{name: c, image: web}]}
";
    let source = Source {
        path: "app".into(),
        kustomize: Some(KustomizeSource {
            name_suffix: "-s".into(),
            ..KustomizeSource::default()
        }),
        ..Source::default()
    };
    assert!(run(fixture, source).unwrap()[0].starts_with("Pod:own-m-s "));
}
