//! Each option of `source.kustomize`.

use super::tree;
use crate::{
    Answers, Caches, ChartNeed, Need, RenderError, Request, Step, Tool, ToolSettings, render,
};
use argosy_crds::{KustomizeReplica, KustomizeSource, Source};
use argosy_object::{Value, json};
use std::sync::Arc;

const FILES: &str = "\
--- app/kustomization.yaml
resources: [web.yaml]
commonLabels: {owned: base}
commonAnnotations: {noted: base}
images: [{name: web, newTag: old}]
--- app/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {a: b}}
  template:
    metadata: {labels: {a: b}}
    spec: {containers: [{name: c, image: web}, {name: d, image: side:1}]}
--- app/patch.yaml
- {op: add, path: /spec/paused, value: true}
--- parts/one/kustomization.yaml
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
namePrefix: part-
--- app/inner/kustomization.yaml
kind: Component
nameSuffix: -inner
";

fn try_render(options: KustomizeSource) -> Result<Value, RenderError> {
    let request = Request {
        source: Source {
            path: "app".into(),
            kustomize: Some(options),
            ..Source::default()
        },
        app_name: "shop".into(),
        ..Request::default()
    };
    match render(
        &request,
        &tree(FILES),
        &Answers::default(),
        &Caches::default(),
    )? {
        Step::Done(rendered) => Ok(rendered.objects[0].0.value().clone()),
        Step::Needs(_) => panic!("needs nothing"),
    }
}

#[track_caller]
fn with(options: KustomizeSource) -> Value {
    try_render(options).unwrap()
}

#[track_caller]
fn has(value: &Value, pointer: &str, wanted: Value) {
    assert_eq!(
        value.pointer(pointer),
        Some(&wanted),
        "{pointer} of {value}"
    );
}

fn map(key: &str, value: &str) -> std::collections::BTreeMap<String, String> {
    [(key.to_owned(), value.to_owned())].into()
}

#[test]
fn names_and_namespace() {
    let object = with(KustomizeSource {
        name_prefix: "a-".into(),
        name_suffix: "-z".into(),
        namespace: "prod".into(),
        ..KustomizeSource::default()
    });
    has(&object, "/metadata/name", json!("a-web-z"));
    has(&object, "/metadata/namespace", json!("prod"));
}

#[test]
fn images_in_all_their_forms_take_the_place_of_the_kustomizations() {
    for (image, wanted) in [
        ("web:new", "web:new"),
        ("web=other", "other"),
        ("web=other:2", "other:2"),
        ("web@sha256:abc", "web@sha256:abc"),
        (
            "web=reg.io:5000/other@sha256:abc",
            "reg.io:5000/other@sha256:abc",
        ),
        ("web:$ARGOCD_APP_NAME", "web:shop"),
    ] {
        let object = with(KustomizeSource {
            images: vec![image.into()],
            ..KustomizeSource::default()
        });
        let containers = "/spec/template/spec/containers";
        has(&object, &format!("{containers}/0/image"), json!(wanted));
        has(&object, &format!("{containers}/1/image"), json!("side:1"));
    }
}

#[test]
fn replicas_are_numbers_or_their_text() {
    for count in [json!(4), json!("4")] {
        let object = with(KustomizeSource {
            replicas: vec![KustomizeReplica {
                name: "web".into(),
                count,
            }],
            ..KustomizeSource::default()
        });
        has(&object, "/spec/replicas", json!(4));
    }
    let error = try_render(KustomizeSource {
        replicas: vec![KustomizeReplica {
            name: "web".into(),
            count: json!("many"),
        }],
        ..KustomizeSource::default()
    });
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("replicas[web].count")
    );
}

#[test]
fn common_labels_go_everywhere_and_do_not_override_unless_forced() {
    let labels = |force| KustomizeSource {
        common_labels: map("app", "$ARGOCD_APP_NAME"),
        force_common_labels: force,
        ..KustomizeSource::default()
    };
    let object = with(labels(false));
    has(
        &object,
        "/metadata/labels",
        json!({"app": "shop", "owned": "base"}),
    );
    has(&object, "/spec/selector/matchLabels/app", json!("shop"));
    has(&object, "/spec/template/metadata/labels/app", json!("shop"));
    let owned = |force| KustomizeSource {
        common_labels: map("owned", "app"),
        ..labels(force)
    };
    let error = try_render(owned(false)).unwrap_err().to_string();
    assert!(
        error.contains("label owned already in kustomization file"),
        "{error}"
    );
    has(&with(owned(true)), "/metadata/labels/owned", json!("app"));
}

#[test]
fn labels_without_selector_may_include_templates() {
    let labels = |templates| KustomizeSource {
        common_labels: map("app", "shop"),
        label_without_selector: true,
        label_include_templates: templates,
        ..KustomizeSource::default()
    };
    for templates in [false, true] {
        let object = with(labels(templates));
        has(&object, "/metadata/labels/app", json!("shop"));
        assert_eq!(object.pointer("/spec/selector/matchLabels/app"), None);
        let template = object.pointer("/spec/template/metadata/labels/app");
        assert_eq!(template.is_some(), templates);
    }
    let alone = try_render(KustomizeSource {
        label_without_selector: false,
        ..labels(true)
    });
    let error = alone.unwrap_err().to_string();
    assert!(error.contains("--include-templates"), "{error}");
}

#[test]
fn common_annotations_are_expanded_where_asked_and_do_not_override_unless_forced() {
    let annotations = |key: &str, envsubst, force| KustomizeSource {
        common_annotations: map(key, "$ARGOCD_APP_NAME"),
        common_annotations_envsubst: envsubst,
        force_common_annotations: force,
        ..KustomizeSource::default()
    };
    let plain = with(annotations("x", false, false));
    has(&plain, "/metadata/annotations/x", json!("$ARGOCD_APP_NAME"));
    let expanded = with(annotations("x", true, false));
    has(&expanded, "/metadata/annotations/x", json!("shop"));
    let error = try_render(annotations("noted", true, false))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("annotation noted already in kustomization file"),
        "{error}"
    );
    let forced = with(annotations("noted", true, true));
    has(&forced, "/metadata/annotations/noted", json!("shop"));
}

#[test]
fn patches_are_inline_or_files_with_targets_and_options() {
    let object = with(KustomizeSource {
        patches: vec![
            json!({"path": "patch.yaml", "target": {"kind": "Deployment", "name": "web"}}),
            json!({"patch": "[{\"op\": \"add\", \"path\": \"/spec/replicas\", \"value\": 7}]",
                "target": {"group": "apps", "version": "v1", "labelSelector": "!none"}}),
            json!({"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other}\n",
                "target": {"kind": "Deployment"}, "options": {"allowNameChange": true}}),
            json!({"patch": "[{\"op\": \"remove\", \"path\": \"/spec\"}]",
                "target": {"kind": "Service", "annotationSelector": "a=b"}}),
        ],
        ..KustomizeSource::default()
    });
    has(&object, "/spec/paused", json!(true));
    has(&object, "/spec/replicas", json!(7));
    has(&object, "/metadata/name", json!("other"));
}

#[test]
fn components_are_added_and_missing_ones_may_be_left_out() {
    let components = |list: &[&str], ignore| KustomizeSource {
        components: list.iter().map(|path| (*path).to_owned()).collect(),
        ignore_missing_components: ignore,
        ..KustomizeSource::default()
    };
    let object = with(components(&["../parts/one", "inner"], false));
    has(&object, "/metadata/name", json!("part-web-inner"));
    let error = try_render(components(&["../parts/none"], false)).unwrap_err();
    assert!(error.to_string().contains("parts/none"), "{error}");
    let object = with(components(&["../parts/none", "inner"], true));
    has(&object, "/metadata/name", json!("web-inner"));
}

#[test]
fn versions_of_kubernetes_change_nothing_but_charts_and_another_kustomize_is_refused() {
    let object = with(KustomizeSource {
        kube_version: "1.30.0".into(),
        api_versions: vec!["example.com/v1".into()],
        ..KustomizeSource::default()
    });
    has(&object, "/metadata/name", json!("web"));
    let error = try_render(KustomizeSource {
        version: "v4.5.7".into(),
        ..KustomizeSource::default()
    });
    let error = error.unwrap_err().to_string();
    assert!(error.contains("spec.source.kustomize.version"), "{error}");
    let own = with(KustomizeSource {
        version: "v5.8.1".into(),
        ..KustomizeSource::default()
    });
    has(&own, "/metadata/name", json!("web"));
}

const CHART: &str = "\
--- app/kustomization.yaml
helmCharts: [{name: toy, repo: 'https://charts.example', version: 1.0.0, releaseName: r}]
--- app/charts/toy-1.0.0/toy/Chart.yaml
apiVersion: v2
name: toy
version: 1.0.0
--- app/charts/toy-1.0.0/toy/values.yaml
a: b
--- app/charts/toy-1.0.0/toy/templates/map.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: '{{ .Release.Name }}'}
data:
  kube: '{{ .Capabilities.KubeVersion.Version }}'
  own: '{{ .Capabilities.APIVersions.Has \"example.com/v1\" }}'
  cluster: '{{ .Capabilities.APIVersions.Has \"cluster.com/v1\" }}'
  a: '{{ .Values.a }}'
";

fn chart_request(flags: &str, options: KustomizeSource) -> Request {
    Request {
        source: Source {
            path: "app".into(),
            kustomize: Some(options),
            ..Source::default()
        },
        kube_version: "v1.31.2".into(),
        api_versions: vec!["cluster.com/v1".to_owned()].into(),
        tools: ToolSettings {
            kustomize_build_options: flags.into(),
            ..ToolSettings::default()
        },
        ..Request::default()
    }
}

fn data_of(request: &Request, files: &str, answers: &Answers) -> Result<Value, RenderError> {
    match render(request, &tree(files), answers, &Caches::default())? {
        Step::Done(rendered) => {
            assert!(rendered.facts.capabilities, "the cluster's versions count");
            Ok(rendered.objects[0].0.value()["data"].clone())
        }
        Step::Needs(needs) => panic!("needs {needs:?}"),
    }
}

#[test]
fn charts_are_rendered_for_the_clusters_versions_where_build_options_enable_helm() {
    let answers = Answers::default();
    let request = chart_request("", KustomizeSource::default());
    let error = data_of(&request, CHART, &answers).unwrap_err().to_string();
    assert!(error.contains("--enable-helm"), "{error}");
    let request = chart_request("--enable-helm", KustomizeSource::default());
    let data = data_of(&request, CHART, &answers).unwrap();
    let wanted = json!({"kube": "v1.31.2", "own": "false", "cluster": "true", "a": "b"});
    assert_eq!(data, wanted);
    let own = KustomizeSource {
        kube_version: "1.29.0".into(),
        api_versions: vec!["example.com/v1".into()],
        ..KustomizeSource::default()
    };
    let data = data_of(&chart_request("--enable-helm", own), CHART, &answers).unwrap();
    let wanted = json!({"kube": "v1.29.0", "own": "true", "cluster": "false", "a": "b"});
    assert_eq!(data, wanted);
}

#[test]
fn a_chart_that_is_not_there_is_asked_for_and_read_as_if_it_were() {
    let (own, chart) = CHART.split_once("--- app/charts").unwrap();
    let chart = format!("--- app/charts{chart}").replace("app/charts/toy-1.0.0/toy/", "");
    let request = chart_request("--enable-helm", KustomizeSource::default());
    let caches = Caches::default();
    let step = render(&request, &tree(own), &Answers::default(), &caches).unwrap();
    let need = ChartNeed {
        repository: "https://charts.example".into(),
        name: "toy".into(),
        version: "1.0.0".into(),
        pass_credentials: false,
    };
    assert!(matches!(step, Step::Needs(needs) if needs == [Need::Chart(need.clone())]));
    let mut answers = Answers::default();
    answers.charts.insert(need, Arc::new(tree(&chart)));
    assert_eq!(data_of(&request, own, &answers).unwrap()["a"], "b");
    let inline = own.replace(
        "releaseName: r",
        "releaseName: r, valuesInline: {a: inline}",
    );
    assert_eq!(data_of(&request, &inline, &answers).unwrap()["a"], "inline");
}

#[test]
fn build_options_change_what_may_be_loaded_and_wrong_ones_are_named() {
    let files = "--- app/kustomization.yaml\nresources: [../web.yaml]\n--- web.yaml\n\
                 apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n";
    let answers = Answers::default();
    let caches = Caches::default();
    let with = |flags: &str| {
        let request = chart_request(flags, KustomizeSource::default());
        render(&request, &tree(files), &answers, &caches)
    };
    let error = with("").unwrap_err().to_string();
    assert!(error.contains("is not in or below"), "{error}");
    assert!(with("--load-restrictor LoadRestrictionsNone").is_ok());
    let error = with("--enable-helmet").unwrap_err().to_string();
    assert!(error.contains("`kustomize.buildOptions`") && error.contains("--enable-helmet"));
}

#[test]
fn a_tool_that_is_switched_off_leaves_plain_manifests() {
    let files = "--- app/kustomization.yaml\nnamePrefix: x-\nresources: [m.yaml]\n\
                 --- app/m.yaml\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\n\
                 --- app/j.jsonnet\n{apiVersion: 'v1', kind: 'Secret', metadata: {name: 'j'}}\n";
    for named in [None, Some(KustomizeSource::default())] {
        let request = Request {
            source: Source {
                path: "app".into(),
                kustomize: named,
                ..Source::default()
            },
            tools: ToolSettings {
                disabled: vec![Tool::Kustomize, Tool::Directory],
                ..ToolSettings::default()
            },
            ..Request::default()
        };
        let files = files.replace(
            "namePrefix: x-\nresources: [m.yaml]\n",
            "# +argocd:skip-file-rendering\n",
        );
        let answers = Answers::default();
        let step = render(&request, &tree(&files), &answers, &Caches::default()).unwrap();
        let Step::Done(rendered) = step else {
            panic!("needs nothing")
        };
        let names = rendered.objects.iter().map(|(object, _)| object.name());
        assert_eq!(
            (rendered.tool, names.collect::<Vec<_>>()),
            (Tool::Directory, vec!["m"])
        );
    }
}

#[test]
fn every_variable_of_the_build_environment_is_filled_in() {
    let variables = [
        ("ARGOCD_APP_NAME", "shop"),
        ("ARGOCD_APP_NAMESPACE", "prod"),
        ("ARGOCD_APP_PROJECT_NAME", "team"),
        ("ARGOCD_APP_REVISION", "0123456789abcdef"),
        ("ARGOCD_APP_REVISION_SHORT", "0123456"),
        ("ARGOCD_APP_REVISION_SHORT_8", "01234567"),
        ("ARGOCD_APP_SOURCE_PATH", "app"),
        ("ARGOCD_APP_SOURCE_REPO_URL", "https://git.example/r"),
        ("ARGOCD_APP_SOURCE_TARGET_REVISION", "main"),
        ("KUBE_VERSION", "1.31.2"),
        ("KUBE_API_VERSIONS", "a/v1,b/v1"),
        ("NO_SUCH_VARIABLE", ""),
    ];
    let annotations = variables.map(|(name, _)| (name.to_owned(), format!("<${{{name}}}>")));
    let request = Request {
        source: Source {
            path: "app".into(),
            repo_url: "https://git.example/r".into(),
            target_revision: "main".into(),
            kustomize: Some(KustomizeSource {
                common_annotations: annotations.into(),
                common_annotations_envsubst: true,
                ..KustomizeSource::default()
            }),
            ..Source::default()
        },
        app_name: "shop".into(),
        namespace: "prod".into(),
        project: "team".into(),
        revision: "0123456789abcdef".into(),
        kube_version: "v1.31.2".into(),
        api_versions: vec!["a/v1".to_owned(), "b/v1".to_owned()].into(),
        ..Request::default()
    };
    let (answers, caches) = (Answers::default(), Caches::default());
    let step = render(&request, &tree(FILES), &answers, &caches).unwrap();
    let Step::Done(rendered) = step else {
        panic!("needs nothing")
    };
    for (name, wanted) in variables {
        let object = rendered.objects[0].0.value();
        let pointer = format!("/metadata/annotations/{name}");
        has(object, &pointer, json!(format!("<{wanted}>")));
    }
}
