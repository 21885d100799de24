//! Paths as printer columns and events use them.

use super::*;
use argosy_object::json;

fn pod() -> Value {
    json!({"metadata": {"name": "p", "annotations": {"a.b/c": "x"}},
        "spec": {"containers": [{"name": "a", "ports": [1, 2]}, {"name": "b"}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"},
            {"type": "Other", "status": "False", "n": 3}]}})
}

#[test]
fn columns_find_their_values() {
    for (path, found) in [
        (".metadata.name", json!(["p"])),
        (".spec.containers[0].name", json!(["a"])),
        (".spec.containers[-1].name", json!(["b"])),
        (".spec.containers[*].name", json!(["a", "b"])),
        (".spec.containers[0:1].name", json!(["a"])),
        (
            ".status.conditions[?(@.type==\"Ready\")].status",
            json!(["True"]),
        ),
        (".status.conditions[?(@.n>2)].type", json!(["Other"])),
        (".status.conditions[?(@.n)].type", json!(["Other"])),
        (".metadata.annotations.a\\.b/c", json!(["x"])),
        (".metadata.annotations['a.b/c']", json!(["x"])),
        ("..name", json!(["p", "a", "b"])),
        (".spec.containers[0]['name','ports']", json!(["a", [1, 2]])),
        (".missing.at.all", json!([])),
        (".spec.none[0]", json!([])),
    ] {
        let value = pod();
        let got = JsonPath::column(path).unwrap();
        let got: Vec<Value> = got.find(&value).unwrap().into_iter().cloned().collect();
        assert_eq!(Value::Array(got), found, "{path}");
    }
}

#[test]
fn templates_render_as_kubectl_does() {
    for (template, text) in [
        ("{.metadata.name}", "p"),
        ("name: {.metadata.name}{\"\\n\"}", "name: p\n"),
        ("{range .spec.containers[*]}{.name}{\",\"}{end}", "a,b,"),
        ("{.spec.containers[*].name}", "a b"),
        ("{.spec.containers[0].ports}", "[1,2]"),
    ] {
        assert_eq!(
            JsonPath::parse(template).unwrap().render(&pod()).unwrap(),
            text,
            "{template}"
        );
    }
}

#[test]
fn broken_paths_are_errors() {
    for path in [".a[", ".a[x]", ".a[?(@.b==)]", ".a[?(@.b", ".a[1", ".a]"] {
        assert!(JsonPath::column(path).is_err(), "{path}");
    }
    let value = json!({"a": [1]});
    let error = JsonPath::column(".a[3]").unwrap().find(&value).unwrap_err();
    assert_eq!(
        error.to_string(),
        "array index out of bounds: index 3, length 1"
    );
}
