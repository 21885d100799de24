//! Each option of `source.kustomize`.

use super::tree;
use crate::{Answers, Caches, RenderError, Request, Step, render};
use argosy_crds::{KustomizeReplica, KustomizeSource, Source};
use argosy_object::{Value, json};

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
fn versions_of_kubernetes_matter_to_charts_only_and_another_kustomize_is_refused() {
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
}
