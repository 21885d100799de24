//! Each option of `source.helm`.

use super::tree;
use crate::{
    Answers, Caches, ChartNeed, Need, Remote, RemoteFile, RenderError, Rendered, Request, Step,
    render,
};
use argosy_crds::{HelmFileParameter, HelmParameter, HelmSource, Source};
use argosy_object::{Value, json};

const FILES: &str = "\
--- chart/Chart.yaml
apiVersion: v2
name: toy
version: 1.0.0
--- chart/values.yaml
a: chart
b: chart
count: 0
list: []
text: ''
--- chart/values.schema.json
{\"properties\": {\"count\": {\"type\": \"integer\"}}}
--- chart/crds/crd.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: toys.example.com}
--- chart/templates/map.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}
  namespace: {{ .Release.Namespace }}
data:
  a: {{ .Values.a | quote }}
  b: {{ .Values.b | quote }}
  count: {{ printf \"%v %T\" .Values.count .Values.count | quote }}
  list: {{ join \" \" .Values.list | quote }}
  text: {{ .Values.text | quote }}
  kube: {{ .Capabilities.KubeVersion.Version }}
  has: {{ .Capabilities.APIVersions.Has \"example.com/v1\" | quote }}
--- chart/templates/test.yaml
apiVersion: v1
kind: Pod
metadata:
  name: probe
  annotations: {helm.sh/hook: test}
--- chart/one.yaml
a: one
b: one
--- chart/two.yaml
a: two
--- chart/envs/a.yaml
a: env-a
--- chart/envs/b.yaml
a: env-b
--- chart/envs/deep/c.yaml
a: env-c
--- chart/shop.yaml
a: of the app
--- shared/all.yaml
a: shared
";

fn step(helm: HelmSource, answers: &Answers) -> Result<Step, RenderError> {
    let request = Request {
        source: Source {
            repo_url: "https://git.example/shop".into(),
            path: "chart".into(),
            helm: Some(helm),
            ..Source::default()
        },
        app_name: "shop".into(),
        namespace: "prod".into(),
        kube_version: "v1.31.2".into(),
        api_versions: vec!["apps/v1".to_owned()].into(),
        ..Request::default()
    };
    render(&request, &tree(FILES), answers, &Caches::default())
}

fn try_render(helm: HelmSource) -> Result<Rendered, RenderError> {
    match step(helm, &Answers::default())? {
        Step::Done(rendered) => Ok(rendered),
        Step::Needs(needs) => panic!("needs {needs:?}"),
    }
}

/// The ConfigMap of the chart.
#[track_caller]
fn with(helm: HelmSource) -> Value {
    let rendered = try_render(helm).unwrap();
    let mut objects = rendered.objects.iter();
    let map = objects.find(|(object, _)| object.kind() == "ConfigMap");
    map.unwrap().0.value().clone()
}

#[track_caller]
fn has(value: &Value, pointer: &str, wanted: &str) {
    let found = value.pointer(pointer).and_then(Value::as_str);
    assert_eq!(found, Some(wanted), "{pointer} of {value}");
}

fn names(helm: HelmSource) -> Vec<String> {
    let rendered = try_render(helm).unwrap();
    let objects = rendered.objects.iter();
    objects
        .map(|(object, _)| object.name().to_owned())
        .collect()
}

fn files(list: &[&str]) -> HelmSource {
    HelmSource {
        value_files: list.iter().map(|file| (*file).to_owned()).collect(),
        ..HelmSource::default()
    }
}

fn parameter(name: &str, value: &str, force_string: bool) -> HelmParameter {
    HelmParameter {
        name: name.into(),
        value: value.into(),
        force_string,
    }
}

#[test]
fn parameters_win_over_values_object_values_value_files_and_the_charts_own() {
    let mut helm = HelmSource::default();
    has(&with(helm.clone()), "/data/a", "chart");
    helm.value_files = vec!["one.yaml".into(), "two.yaml".into()];
    has(&with(helm.clone()), "/data/a", "two");
    has(&with(helm.clone()), "/data/b", "one");
    helm.values = "a: inline\n".into();
    has(&with(helm.clone()), "/data/a", "inline");
    helm.values_object = Some(json!({"a": "object"}));
    has(&with(helm.clone()), "/data/a", "object");
    helm.parameters = vec![parameter("a", "parameter", false)];
    has(&with(helm.clone()), "/data/a", "parameter");
    has(&with(helm), "/data/b", "one");
}

#[test]
fn values_object_makes_values_count_for_nothing() {
    let object = with(HelmSource {
        values: "b: inline\n".into(),
        values_object: Some(json!({"a": "object"})),
        ..HelmSource::default()
    });
    has(&object, "/data/b", "chart");
}

#[test]
fn parameters_are_typed_unless_forced_and_take_commas_braces_and_variables() {
    let object = with(HelmSource {
        parameters: vec![
            parameter("count", "7", false),
            parameter("a", "x,y", false),
            parameter("b", "$ARGOCD_APP_NAME in $ARGOCD_APP_NAMESPACE", false),
            parameter("list", "{p,q}", false),
            parameter("text", "007", true),
        ],
        ..HelmSource::default()
    });
    has(&object, "/data/count", "7 int64");
    has(&object, "/data/a", "x,y");
    has(&object, "/data/b", "shop in prod");
    has(&object, "/data/list", "p q");
    has(&object, "/data/text", "007");
}

#[test]
fn file_parameters_hold_a_files_text() {
    let from = |path: &str| HelmSource {
        file_parameters: vec![HelmFileParameter {
            name: "text".into(),
            path: path.into(),
        }],
        ..HelmSource::default()
    };
    has(&with(from("two.yaml")), "/data/text", "a: two\n");
    has(&with(from("/shared/all.yaml")), "/data/text", "a: shared\n");
    has(
        &with(from("$ARGOCD_APP_NAME.yaml")),
        "/data/text",
        "a: of the app\n",
    );
    let error = try_render(from("none.yaml")).unwrap_err().to_string();
    assert!(
        error.contains("`chart/none.yaml` does not exist"),
        "{error}"
    );
}

#[test]
fn value_files_are_patterns_in_their_order_with_explicit_ones_in_their_own_place() {
    has(&with(files(&["envs/*.yaml"])), "/data/a", "env-b");
    has(&with(files(&["envs/**/*.yaml"])), "/data/a", "env-c");
    let explicit = files(&["envs/b.yaml", "envs/*.yaml"]);
    has(&with(explicit), "/data/a", "env-a");
    has(&with(files(&["envs/none-*.yaml"])), "/data/a", "chart");
    has(&with(files(&["/shared/*.yaml"])), "/data/a", "shared");
}

#[test]
fn value_files_are_expanded_and_may_be_missing_where_it_is_said() {
    has(
        &with(files(&["$ARGOCD_APP_NAME.yaml"])),
        "/data/a",
        "of the app",
    );
    has(&with(files(&["../shared/all.yaml"])), "/data/a", "shared");
    let error = try_render(files(&["none.yaml"])).unwrap_err().to_string();
    assert!(
        error.contains("`chart/none.yaml` does not exist"),
        "{error}"
    );
    let outside = try_render(files(&["../../etc/passwd"])).unwrap_err();
    assert!(
        matches!(outside, RenderError::PathOutside { .. }),
        "{outside}"
    );
    let lenient = HelmSource {
        ignore_missing_value_files: true,
        ..files(&["none.yaml", "one.yaml"])
    };
    has(&with(lenient), "/data/a", "one");
}

#[test]
fn value_files_of_the_web_are_asked_for_and_other_schemes_refused() {
    let url = "https://files.example/values.yaml";
    let need = RemoteFile(url.into());
    let asked = step(files(&[url]), &Answers::default()).unwrap();
    let Step::Needs(needs) = asked else {
        panic!("nothing is asked for")
    };
    assert_eq!(needs, [Need::Remote(Remote::File(need.clone()))]);
    let mut answers = Answers::default();
    answers.remote_files.insert(need.clone(), "a: web\n".into());
    let Step::Done(rendered) = step(files(&["one.yaml", url]), &answers).unwrap() else {
        panic!("needs nothing more")
    };
    let data = rendered.objects.iter();
    let map = data
        .map(|(o, _)| o.value())
        .find(|o| o["kind"] == "ConfigMap");
    has(map.unwrap(), "/data/a", "web");
    has(map.unwrap(), "/data/b", "one");
    assert!(rendered.remote_files.contains_key(&need));
    let error = try_render(files(&["file:///etc/passwd"])).unwrap_err();
    assert!(error.to_string().contains("file:///etc/passwd"), "{error}");
}

#[test]
fn release_and_namespace_are_the_applications_unless_named() {
    let own = with(HelmSource::default());
    has(&own, "/metadata/name", "shop");
    has(&own, "/metadata/namespace", "prod");
    let named = with(HelmSource {
        release_name: "web".into(),
        namespace: "other".into(),
        ..HelmSource::default()
    });
    has(&named, "/metadata/name", "web");
    has(&named, "/metadata/namespace", "other");
}

#[test]
fn versions_of_kubernetes_are_the_clusters_unless_named() {
    let own = with(HelmSource::default());
    has(&own, "/data/kube", "v1.31.2");
    has(&own, "/data/has", "false");
    let named = with(HelmSource {
        kube_version: "1.29.0".into(),
        api_versions: vec!["example.com/v1".into()],
        ..HelmSource::default()
    });
    has(&named, "/data/kube", "v1.29.0");
    has(&named, "/data/has", "true");
}

#[test]
fn crds_and_tests_are_there_unless_they_are_skipped() {
    let all = names(HelmSource::default());
    assert!(all.contains(&"toys.example.com".to_owned()), "{all:?}");
    assert!(all.contains(&"probe".to_owned()), "{all:?}");
    let fewer = names(HelmSource {
        skip_crds: true,
        skip_tests: true,
        ..HelmSource::default()
    });
    assert_eq!(fewer, ["shop"]);
}

#[test]
fn values_are_held_against_the_schema_unless_it_is_skipped() {
    let wrong = |skip| HelmSource {
        values: "count: many\n".into(),
        skip_schema_validation: skip,
        ..HelmSource::default()
    };
    assert!(try_render(wrong(false)).is_err());
    has(&with(wrong(true)), "/data/count", "many string");
}

#[test]
fn the_old_field_version_changes_nothing() {
    let old = HelmSource {
        version: "v2".into(),
        ..HelmSource::default()
    };
    assert_eq!(with(old), with(HelmSource::default()));
}

#[test]
fn credentials_go_to_other_hosts_where_it_is_said() {
    let files = FILES.replace(
        "version: 1.0.0\n",
        "version: 1.0.0\ndependencies: [{name: sub, version: 2.x, repository: 'https://charts.example'}]\n",
    );
    for pass_credentials in [false, true] {
        let request = Request {
            source: Source {
                path: "chart".into(),
                helm: Some(HelmSource {
                    pass_credentials,
                    ..HelmSource::default()
                }),
                ..Source::default()
            },
            ..Request::default()
        };
        let (answers, caches) = (Answers::default(), Caches::default());
        let asked = render(&request, &tree(&files), &answers, &caches).unwrap();
        let wanted = ChartNeed {
            repository: "https://charts.example".into(),
            name: "sub".into(),
            version: "2.x".into(),
            pass_credentials,
        };
        assert!(matches!(asked, Step::Needs(needs) if needs == [Need::Chart(wanted.clone())]));
    }
}
