//! Each option of `source.directory`, Jsonnet's included.

use super::{directory, run, tree};
use crate::{Answers, Caches, Facts, RenderError, Rendered, Request, Step, render};
use argosy_crds::{DirectorySource, JsonnetSource, JsonnetVar, Source};
use argosy_object::Classified as _;
use argosy_tree::{MemoryTree, RelPath};

fn rendered(fixture: &str, options: DirectorySource) -> Result<Rendered, RenderError> {
    let request = Request {
        source: directory(options),
        app_name: "shop".into(),
        namespace: "prod".into(),
        revision: "0123456789012345678901234567890123456789".into(),
        ..Request::default()
    };
    let (answers, caches) = (Answers::default(), Caches::default());
    match render(&request, &tree(fixture), &answers, &caches)? {
        Step::Done(rendered) => Ok(rendered),
        Step::Needs(_) => panic!("needs nothing"),
    }
}

fn names(fixture: &str, options: DirectorySource) -> Vec<String> {
    let rendered = rendered(fixture, options).unwrap();
    let names = rendered
        .objects
        .iter()
        .map(|(object, _)| object.name().to_owned());
    names.collect()
}

fn refused(fixture: &str, options: DirectorySource) -> String {
    rendered(fixture, options).unwrap_err().to_string()
}

fn with(jsonnet: JsonnetSource) -> DirectorySource {
    DirectorySource {
        jsonnet: Some(jsonnet),
        ..DirectorySource::default()
    }
}

fn variable(name: &str, value: &str, code: bool) -> JsonnetVar {
    JsonnetVar {
        name: name.into(),
        value: value.into(),
        code,
    }
}

const MAP: &str = "{apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: 'NAME'}}";

fn map(name: &str) -> String {
    MAP.replace("NAME", name)
}

#[test]
fn jsonnet_is_one_object_an_array_or_a_list() {
    let fixture = format!(
        "--- app/a.jsonnet\n{}\n--- app/b.jsonnet\n[{}, null, {}]\n--- app/c.jsonnet\n\
         {{apiVersion: 'v1', kind: 'List', items: [{}]}}\n--- app/lib.libsonnet\nnot read\n",
        map("a"),
        map("b1"),
        map("b2"),
        map("c")
    );
    assert_eq!(
        names(&fixture, DirectorySource::default()),
        ["a", "b1", "b2", "c"]
    );
}

#[test]
fn jsonnet_that_gives_no_object_names_the_file() {
    for (text, problem) in [
        ("5", "element 0 of what it evaluates to is no object"),
        ("[[]]", "element 0 of what it evaluates to is no object"),
        ("{a: 1}", "element 0 of what it evaluates to"),
        ("[{kind: 'A', apiVersion: 'v1'}, 'x']", "element 1"),
    ] {
        let fixture = format!("--- app/x.jsonnet\n{text}\n");
        let error = refused(&fixture, DirectorySource::default());
        assert!(error.starts_with("jsonnet: app/x.jsonnet:1:1: "), "{error}");
        assert!(error.contains(problem), "{error}");
    }
}

#[test]
fn outside_variables_and_arguments_are_expanded_and_evaluated() {
    let fixture = "--- app/x.jsonnet\nfunction(name, count, labels={}) [\n  \
         {apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: name + i, namespace: \
         std.extVar('ns'), labels: labels}, data: {rev: std.extVar('rev')}}\n  \
         for i in std.range(1, count)\n]\n";
    let options = with(JsonnetSource {
        ext_vars: vec![
            variable("ns", "$ARGOCD_APP_NAMESPACE", false),
            variable("rev", "'${ARGOCD_APP_REVISION_SHORT}' + '!'", true),
        ],
        tlas: vec![
            variable("name", "$ARGOCD_APP_NAME-", false),
            variable("count", "1 + 1", true),
            variable("labels", "{app: '$ARGOCD_APP_NAME'}", true),
        ],
        libs: vec![],
    });
    let rendered = rendered(fixture, options).unwrap();
    let (object, _) = &rendered.objects[1];
    assert_eq!(object.name(), "shop-2");
    assert_eq!(object.namespace(), Some("prod"));
    assert_eq!(object.label("app"), Some("shop"));
    assert_eq!(object.pointer("/data/rev").unwrap(), "0123456!");
    let error = refused(fixture, DirectorySource::default());
    assert!(error.contains("Missing argument: name"), "{error}");
    let error = refused(
        "--- app/x.jsonnet\n{\n  a: std.extVar('nope'),\n}\n",
        DirectorySource::default(),
    );
    let place = "jsonnet: app/x.jsonnet:2:6: Undefined external variable: nope";
    assert!(error.starts_with(place), "{error}");
}

#[test]
fn imports_are_found_beside_the_file_in_the_last_library_and_in_the_folder() {
    let body = "apiVersion: 'v1', kind: 'ConfigMap', metadata: {name: import 'n.libsonnet'}";
    let fixture = format!(
        "--- app/x.jsonnet\n{{{body}}}\n--- vendor/n.libsonnet\n'from-vendor'\n\
         --- other/n.libsonnet\nimport 'deeper/m.libsonnet'\n--- other/deeper/m.libsonnet\n\
         (import '../../names.libsonnet').it\n--- names.libsonnet\n{{it: 'from-other'}}\n"
    );
    let libs = |libs: &[&str]| {
        with(JsonnetSource {
            libs: libs.iter().map(|lib| (*lib).to_owned()).collect(),
            ..JsonnetSource::default()
        })
    };
    assert_eq!(names(&fixture, libs(&["vendor"])), ["from-vendor"]);
    assert_eq!(names(&fixture, libs(&["/vendor"])), ["from-vendor"]);
    assert_eq!(names(&fixture, libs(&["vendor", "other"])), ["from-other"]);
    let error = refused(&fixture, libs(&[]));
    assert!(
        error.contains("no match locally or in the Jsonnet library paths"),
        "{error}"
    );
    let error = refused(&fixture, libs(&["../vendor"]));
    assert!(error.contains("leads out of the repository"), "{error}");
    let own = format!("{fixture}--- app/n.libsonnet\n'own'\n");
    assert_eq!(names(&own, libs(&["vendor"])), ["own"]);
}

#[test]
fn imports_stay_in_the_repository_and_stand_in_the_read_set() {
    for (path, problem) in [
        ("../../x", "leads out of the repository"),
        ("/etc/passwd", "absolute path"),
        ("../lib", "is a folder"),
    ] {
        let fixture =
            format!("--- app/x.jsonnet\n{{a: importstr '{path}'}}\n--- lib/l.libsonnet\n1\n");
        let error = refused(&fixture, DirectorySource::default());
        assert!(error.contains(problem), "{error}");
    }
    let fixture = format!(
        "--- app/x.jsonnet\n{} + {{data: {{t: importstr '../lib/t.txt'}}}}\n\
         --- lib/t.txt\ntext\n",
        map("x")
    );
    let reads = rendered(&fixture, DirectorySource::default())
        .unwrap()
        .reads;
    let paths: Vec<String> = reads.iter().map(|(path, _)| path.to_string()).collect();
    assert!(paths.contains(&"lib/t.txt".to_owned()), "{paths:?}");
}

#[test]
fn endless_jsonnet_ends_with_its_place_and_a_way_out() {
    for text in [
        "local f(x) = f(x); f(1)",
        "std.repeat('x', 1e9)",
        "local f(x) = f(x + 1) tailstrict; f(1)",
    ] {
        let fixture = format!("--- app/x.jsonnet\n{text}\n");
        let error = rendered(&fixture, DirectorySource::default()).unwrap_err();
        assert!(
            error.to_string().starts_with("jsonnet: app/x.jsonnet:1:"),
            "{error}"
        );
        assert!(error.hint().unwrap().contains("make less of it"));
    }
}

#[test]
fn skip_marker_and_filters_hold_for_jsonnet_too() {
    let fixture = format!(
        "--- app/a.jsonnet\n// +argocd:skip-file-rendering\nerror 'never'\n\
         --- app/b.jsonnet\nerror 'never'\n--- app/c.jsonnet\n{}\n",
        map("c")
    );
    let options = DirectorySource {
        exclude: "b.*".into(),
        ..DirectorySource::default()
    };
    assert_eq!(names(&fixture, options), ["c"]);
}

#[test]
fn extension_filter_may_be_switched_off() {
    let manifest = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n";
    let fixture = format!(
        "--- app/a.yaml\n{}--- app/b.manifest\n{}--- app/c\n{}",
        manifest.replace("NAME", "a"),
        manifest.replace("NAME", "b"),
        manifest.replace("NAME", "c")
    );
    assert_eq!(names(&fixture, DirectorySource::default()), ["a"]);
    let all = DirectorySource {
        disable_extension_filter: true,
        ..DirectorySource::default()
    };
    assert_eq!(names(&fixture, all.clone()), ["a", "b", "c"]);
    let some = DirectorySource {
        include: "{*.yaml,*.manifest}".into(),
        ..all
    };
    assert_eq!(names(&fixture, some), ["a", "b"]);
}

#[test]
fn files_come_in_the_order_of_a_walk() {
    let manifest =
        |name: &str| format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n");
    let fixture = format!(
        "--- app/a.yaml\n{}--- app/a/z.yaml\n{}--- app/B.yaml\n{}",
        manifest("file"),
        manifest("below"),
        manifest("upper")
    );
    let recurse = DirectorySource {
        recurse: true,
        ..DirectorySource::default()
    };
    assert_eq!(names(&fixture, recurse), ["upper", "below", "file"]);
}

#[test]
fn include_and_exclude_match_the_path_below_the_folder() {
    let manifest = |name: &str| {
        format!("--- app/{name}\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: n}}\n")
    };
    let fixture = ["one.yaml", "two.yaml", "sub/one.yaml", "sub/deep/two.yml"].map(manifest);
    let fixture = fixture.concat();
    let count = |include: &str, exclude: &str| {
        let options = DirectorySource {
            recurse: true,
            include: include.into(),
            exclude: exclude.into(),
            ..DirectorySource::default()
        };
        rendered(&fixture, options).unwrap().objects.len()
    };
    assert_eq!(count("*one.yaml", ""), 2);
    assert_eq!(count("one.yaml", ""), 1);
    assert_eq!(count("{one,two}.yaml", ""), 2);
    assert_eq!(count("sub/*", ""), 2);
    assert_eq!(count("**/two.*", ""), 1);
    assert_eq!(count("[ot]*.yaml", ""), 2);
    assert_eq!(count("", "{sub/*,two.yaml}"), 1);
    assert_eq!(count("*.yaml", "sub/*"), 2);
    assert_eq!(count("nothing", ""), 0);
}

#[test]
fn links_are_followed_inside_skipped_when_dangling_and_refused_outside() {
    let object = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: shared}\n";
    let request = Request {
        source: directory(DirectorySource::default()),
        ..Request::default()
    };
    let render = |files: &MemoryTree| {
        let step = render(&request, files, &Answers::default(), &Caches::default())?;
        let Step::Done(rendered) = step else {
            panic!("needs nothing")
        };
        Ok::<usize, RenderError>(rendered.objects.len())
    };
    let files = MemoryTree::new([("shared/x.yaml", object), ("app/readme.md", "")])
        .with_link("app/a.yaml", "../shared/x.yaml")
        .with_link("app/b.yaml", "../shared/none.yaml")
        .with_link("app/c.yaml", "../shared");
    assert_eq!(render(&files).unwrap(), 1);
    let files = MemoryTree::new([("app/readme.md", "")]).with_link("app/a.yaml", "../../x.yaml");
    let error = render(&files).unwrap_err().to_string();
    assert!(error.contains("app/a.yaml"), "{error}");
}

#[test]
fn lists_are_flattened_and_a_list_of_nothing_is_nothing() {
    let fixture = "\
--- app/a.yaml
apiVersion: v1
kind: List
items: []
---
apiVersion: v1
kind: List
items:
---
apiVersion: v1
kind: ConfigMapList
items:
- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}
- apiVersion: v1
  kind: List
  items: [{apiVersion: v1, kind: ConfigMap, metadata: {name: b}}]
--- app/b.json
{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [
  {\"apiVersion\": \"v1\", \"kind\": \"ConfigMap\", \"metadata\": {\"name\": \"c\"}}]}
";
    assert_eq!(names(fixture, DirectorySource::default()), ["a", "b", "c"]);
}

#[test]
fn facts_of_the_cluster_do_not_matter_to_manifests() {
    let fixture = "--- app/a.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";
    let rendered = rendered(fixture, DirectorySource::default()).unwrap();
    assert_eq!(rendered.facts, Facts::default());
    assert!(
        rendered
            .reads
            .iter()
            .any(|(path, _)| *path == RelPath::new("app").unwrap())
    );
    assert_eq!(
        run(
            fixture,
            Source {
                path: "app".into(),
                ..Source::default()
            }
        )
        .unwrap()
        .len(),
        1
    );
}
