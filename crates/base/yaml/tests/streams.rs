//! Streams of documents and of objects, with their places.

#![allow(clippy::unwrap_used)]

use argosy_object::{Value, json};
use argosy_yaml::{Dialect, Limits, from_slice_with, parse_documents, parse_stream};

fn places(text: &str) -> Vec<String> {
    parse_stream("m.yaml", text.as_bytes(), &Limits::default())
        .unwrap()
        .iter()
        .map(|(object, origin)| format!("{} {origin} {}", object.key(), origin.doc))
        .collect()
}

#[test]
fn objects_know_their_lines_and_lists_are_flattened() {
    let text = "\
# a comment
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
---
# nothing
---

apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Secret, metadata: {name: b}}
- apiVersion: v1
  kind: ConfigMapList
  items:
  - {apiVersion: v1, kind: ConfigMap, metadata: {name: c}}
";
    let places = places(text);
    assert_eq!(places.len(), 3);
    assert!(places[0].ends_with("m.yaml:2 0"), "{places:?}");
    assert!(places[1].ends_with("m.yaml:10 3"), "{places:?}");
    assert!(places[2].ends_with("m.yaml:10 3"), "{places:?}");
}

#[test]
fn empty_documents_are_kept_by_documents_alone() {
    let documents = parse_documents("f", b"---\n---\na: 1\n---\n", &Limits::default()).unwrap();
    let values: Vec<&Value> = documents.iter().map(|d| &d.value).collect();
    assert_eq!(values, [&Value::Null, &json!({"a": 1}), &Value::Null]);
    assert!(
        parse_documents("f", b"", &Limits::default())
            .unwrap()
            .is_empty()
    );
}

#[test]
fn broken_documents_name_file_line_and_column() {
    let error = parse_stream("a/b.yaml", b"a: 1\n---\nb: c: d\n", &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "a/b.yaml:3:5: yaml: line 3: mapping values are not allowed in this context"
    );
    let error = parse_stream("b.yaml", b"a: 1\n", &Limits::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "b.yaml:1: not a Kubernetes object: `apiVersion` is missing or no text"
    );
}

#[test]
fn wide_texts_and_marks_are_read() {
    let text = "a: é😀\n";
    let mut little = vec![0xff, 0xfe];
    let mut big = vec![0xfe, 0xff];
    for unit in text.encode_utf16() {
        little.extend(unit.to_le_bytes());
        big.extend(unit.to_be_bytes());
    }
    let marked = [b"\xef\xbb\xbf", text.as_bytes()].concat();
    for bytes in [little, big, marked, text.as_bytes().to_vec()] {
        assert_eq!(
            argosy_yaml::from_slice(&bytes).unwrap(),
            json!({"a": "é😀"})
        );
    }
}

#[test]
fn third_dialect_keeps_words_and_what_stands_beside_a_merge() {
    let text = b"a: yes\nb: 010\nc: {x: 1, <<: {x: 2, z: 3}}\n";
    let read = |dialect| from_slice_with("", text, &Limits::default(), dialect).unwrap();
    let refused = |text: &[u8]| from_slice_with("", text, &Limits::default(), Dialect::V3).is_err();
    assert!(
        refused(b"1: a") && refused(b"true: a") && refused(b"a: 1\na: 2") && !refused(b"'1': a")
    );
    let time = from_slice_with("", b"2001-1-2", &Limits::default(), Dialect::V3).unwrap();
    assert_eq!(time, json!("2001-01-02T00:00:00Z"));
    assert_eq!(
        read(Dialect::V3),
        json!({"a": "yes", "b": 8, "c": {"x": 1, "z": 3}})
    );
    assert_eq!(
        read(Dialect::V2),
        json!({"a": true, "b": 8, "c": {"x": 2, "z": 3}})
    );
}
