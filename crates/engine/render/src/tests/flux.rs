//! Each field of a Flux Kustomization that says what is rendered.

use super::tree;
use crate::{Answers, FluxRequest, Need, RenderError, Rendered, Step, render_flux};
use argosy_crds::FluxKustomizationSpec;
use argosy_object::{Classified as _, Object, Redacted, Value, json};
use std::collections::BTreeMap;

const FILES: &str = "\
--- app/web.yaml
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    team: ${team:=none}
spec:
  template:
    spec: {containers: [{name: c, image: web}]}
--- app/sub/map.yaml
apiVersion: v1
kind: ConfigMap
metadata: {name: map}
data: {region: \"${region}\", literal: \"$${region}\", size: \"x${size:-small}\"}
--- app/off.yaml
apiVersion: v1
kind: ConfigMap
metadata:
  name: off
  annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}
data: {region: \"${region}\"}
--- part/kustomization.yaml
kind: Component
apiVersion: kustomize.config.k8s.io/v1alpha1
commonAnnotations: {part: added}
--- own/kustomization.yaml
resources: [../app/web.yaml]
images: [{name: web, newName: base, newTag: old}]
";

fn request(spec: Value) -> FluxRequest {
    let kustomization = Object::from_trusted(json!({
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization",
        "metadata": {"name": "apps", "namespace": "flux-system"}, "spec": spec,
    }));
    FluxRequest {
        name: "apps".into(),
        namespace: "flux-system".into(),
        spec: FluxKustomizationSpec::of(&kustomization).unwrap(),
        ..FluxRequest::default()
    }
}

fn done(request: &FluxRequest) -> Result<Rendered, RenderError> {
    match render_flux(request, &tree(FILES), &Answers::default())? {
        Step::Done(rendered) => Ok(rendered),
        Step::Needs(needs) => panic!("needs {needs:?}"),
    }
}

fn try_object(request: &FluxRequest, kind: &str) -> Result<Value, RenderError> {
    let objects = done(request)?.objects;
    let mut objects = objects.iter().map(|(object, _)| object);
    let object = objects.find(|object| object.kind() == kind);
    Ok(object.unwrap().value().clone())
}

/// The object of a kind that a spec renders to.
#[track_caller]
fn object(spec: Value, kind: &str) -> Value {
    try_object(&request(spec), kind).unwrap()
}

#[track_caller]
fn has(value: &Value, pointer: &str, wanted: &str) {
    let found = value.pointer(pointer).and_then(Value::as_str);
    assert_eq!(found, Some(wanted), "{pointer} of {value}");
}

const OWNER: &str = "/metadata/labels/kustomize.toolkit.fluxcd.io~1";
const IMAGE: &str = "/spec/template/spec/containers/0/image";

#[test]
fn objects_carry_their_owners_labels() {
    for path in ["./app", "app/", "/app"] {
        let object = object(json!({"path": path}), "Deployment");
        has(&object, &format!("{OWNER}name"), "apps");
        has(&object, &format!("{OWNER}namespace"), "flux-system");
        has(&object, "/metadata/labels/team", "${team:=none}");
    }
}

#[test]
fn target_namespace_prefix_and_suffix_are_set() {
    let spec = json!({"path": "app", "targetNamespace": "prod", "namePrefix": "a-",
        "nameSuffix": "-z"});
    let object = object(spec, "Deployment");
    has(&object, "/metadata/namespace", "prod");
    has(&object, "/metadata/name", "a-web-z");
}

#[test]
fn common_metadata_goes_over_what_objects_and_owner_say() {
    let spec = json!({"path": "app", "commonMetadata": {
        "labels": {"team": "core", "kustomize.toolkit.fluxcd.io/name": "other"},
        "annotations": {"note": "x"}}});
    let object = object(spec, "Deployment");
    has(&object, "/metadata/labels/team", "core");
    has(&object, &format!("{OWNER}name"), "other");
    has(&object, "/metadata/annotations/note", "x");
    assert_eq!(object.pointer("/spec/template/metadata"), None);
}

#[test]
fn images_are_merged_field_by_field_with_the_folders_own() {
    for (image, wanted) in [
        (json!({"name": "web", "newTag": "v2"}), "base:v2"),
        (json!({"name": "web", "newName": "other"}), "other:old"),
        (
            json!({"name": "web", "newName": "o", "digest": "sha256:1"}),
            "o@sha256:1",
        ),
    ] {
        let object = object(json!({"path": "own", "images": [image]}), "Deployment");
        has(&object, IMAGE, wanted);
    }
}

#[test]
fn patches_with_and_without_a_target_are_appended() {
    let spec = json!({"path": "app", "patches": [
        {"patch": "[{op: add, path: /metadata/annotations, value: {a: b}}]",
            "target": {"kind": "Deployment", "labelSelector": "team"}},
        {"patch": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 3}\n"},
    ]});
    let object = object(spec, "Deployment");
    has(&object, "/metadata/annotations/a", "b");
    assert_eq!(object["spec"]["replicas"], 3);
}

#[test]
fn components_are_local_and_may_be_missing_where_it_is_said() {
    let with = |list: Value, ignore: bool| {
        request(json!({"path": "app", "components": list, "ignoreMissingComponents": ignore}))
    };
    let object = try_object(&with(json!(["../part", "../none"]), true), "Deployment").unwrap();
    has(&object, "/metadata/annotations/part", "added");
    let missing = done(&with(json!(["../none"]), false)).unwrap_err();
    assert!(missing.to_string().contains("none"), "{missing}");
    let remote = done(&with(json!(["https://h/o/r"]), false)).unwrap_err();
    assert!(
        remote.to_string().contains("must be local and relative"),
        "{remote}"
    );
}

#[test]
fn build_metadata_notes_where_objects_come_from() {
    let spec = json!({"path": "app", "buildMetadata": ["originAnnotations"]});
    let object = object(spec, "Deployment");
    has(
        &object,
        "/metadata/annotations/config.kubernetes.io~1origin",
        "path: web.yaml\n",
    );
}

fn vars(pairs: &[(&str, &str)]) -> Redacted<BTreeMap<String, String>> {
    let pairs = pairs.iter();
    Redacted::new(
        pairs
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect(),
    )
}

#[test]
fn variables_come_from_objects_in_their_order_and_inline_over_them() {
    let mut request = request(json!({"path": "app", "postBuild": {
    "substitute": {"size": "big"},
    "substituteFrom": [
        {"kind": "ConfigMap", "name": "one"},
        {"kind": "Secret", "name": "two"},
        {"kind": "ConfigMap", "name": "three", "optional": true},
    ]}}));
    let missing = done(&request).unwrap_err();
    assert!(
        missing
            .to_string()
            .contains("ConfigMap `one` does not exist"),
        "{missing}"
    );
    assert!(missing.hint().unwrap().contains("optional"));
    let one = vars(&[("region", "east"), ("team", "a"), ("size", "tiny")]);
    request
        .variables
        .insert(("ConfigMap".into(), "one".into()), one);
    let two = vars(&[("region", "west\n")]);
    request
        .variables
        .insert(("Secret".into(), "two".into()), two);
    let deployment = try_object(&request, "Deployment").unwrap();
    has(&deployment, "/metadata/labels/team", "a");
    let objects = done(&request).unwrap().objects;
    let data = |name: &str| {
        let mut objects = objects.iter().map(|(object, _)| object);
        let object = objects.find(|object| object.name() == name).unwrap();
        object.value()["data"].clone()
    };
    assert_eq!(
        data("map"),
        json!({"region": "west", "literal": "${region}", "size": "xbig"})
    );
    assert_eq!(data("off"), json!({"region": "${region}"}));
    assert!(
        !format!("{request:?}").contains("west"),
        "a secret is shown"
    );
}

#[test]
fn defaults_hold_without_variables_only_where_always_is_said() {
    let with = |build: Value| object(json!({"path": "app", "postBuild": build}), "Deployment");
    let team = "/metadata/labels/team";
    has(&with(json!({})), team, "${team:=none}");
    has(
        &with(json!({"substituteStrategy": "WithVariables"})),
        team,
        "${team:=none}",
    );
    has(&with(json!({"substituteStrategy": "Always"})), team, "none");
    has(&with(json!({"substitute": {"x": "y"}})), team, "none");
}

#[test]
fn strict_mode_names_the_object_and_the_variable_without_value() {
    let mut request = request(json!({"path": "app", "postBuild": {"substitute": {"x": "y"}}}));
    assert!(done(&request).is_ok());
    request.strict = true;
    let error = done(&request).unwrap_err().to_string();
    assert!(
        error.contains("ConfigMap") && error.contains("map") && error.contains("\"region\""),
        "{error}"
    );
}

#[test]
fn names_of_variables_that_are_none_are_refused() {
    let spec = json!({"path": "app", "postBuild": {"substitute": {"a-b": "c"}}});
    let error = done(&request(spec)).unwrap_err().to_string();
    assert!(error.contains("'a-b' var name is invalid"), "{error}");
}

#[test]
fn bases_elsewhere_are_asked_for_unless_they_are_forbidden() {
    let files = "--- app/kustomization.yaml\nresources: ['https://h/o/r//x?ref=v1']\n";
    let mut request = request(json!({"path": "app"}));
    let step = render_flux(&request, &tree(files), &Answers::default()).unwrap();
    assert!(matches!(step, Step::Needs(needs) if matches!(&needs[..], [Need::Remote(_)])));
    request.no_remote_bases = true;
    let error = render_flux(&request, &tree(files), &Answers::default()).unwrap_err();
    assert!(error.to_string().contains("is not supported"), "{error}");
}

#[test]
fn what_is_encrypted_is_shown_as_it_is_with_a_finding() {
    let files = "--- app/s.yaml\napiVersion: v1\nkind: Secret\nmetadata: {name: s}\n\
                 data: {k: 'ENC[AES256_GCM,data:x]'}\nsops: {mac: x}\n";
    let request = request(json!({"path": "app", "decryption": {"provider": "sops"}}));
    let step = render_flux(&request, &tree(files), &Answers::default()).unwrap();
    let Step::Done(rendered) = step else {
        panic!("needs nothing")
    };
    assert_eq!(rendered.findings[0].reason, "Encrypted");
}

#[test]
fn a_path_that_is_missing_or_outside_is_named() {
    for (path, words) in [("none", "does not exist"), ("../app", "leads out")] {
        let error = done(&request(json!({"path": path})))
            .unwrap_err()
            .to_string();
        assert!(error.contains(words), "{error}");
    }
}
