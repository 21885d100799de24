//! Laws that hold for any input: nothing panics, and what is written reads back the same.

#![allow(clippy::unwrap_used)]

use argosy_object::{Value, json};
use argosy_yaml::{Dialect, Limits, from_slice, from_str, parse_documents_with, to_string};
use proptest::prelude::*;

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|n| json!(n)),
        any::<u64>().prop_map(|n| json!(n)),
        (-1e9..1e9f64).prop_map(|n| json!(n)),
        "[ -~\\n\\té漢]{0,90}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            prop::collection::btree_map("[ -~]{0,20}", inner, 0..5)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

/// Floats that are whole numbers read back as integers, as in Go.
fn settled(value: &Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => from_str(&n.to_string()).unwrap(),
        Value::Array(items) => items.iter().map(settled).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), settled(v))).collect())
        }
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..Default::default() })]

    #[test]
    fn written_values_read_back_the_same(value in value()) {
        let text = to_string(&value);
        prop_assert_eq!(from_str(&text).unwrap(), settled(&value), "{}", text);
        prop_assert_eq!(to_string(&from_str(&text).unwrap()), text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = from_slice(&bytes);
    }

    #[test]
    fn any_tokens_are_read_or_refused(tokens in prop::collection::vec(
        prop::sample::select(vec!["a", ":", ": ", "- ", "\n", " ", "  ", "[", "]", "{", "}", ",",
            "&a ", "*a", "!", "|", ">", "'", "\"", "%", "?", "? ", "\t", "---", "...", "#", "\\",
            "<<: ", "~", "1", "\u{85}", "\u{2028}", "\u{feff}", "%YAML 1.1\n", "%TAG ! a\n", "!<"]),
        0..40)) {
        for dialect in [Dialect::V2, Dialect::V3] {
            let _ = parse_documents_with("f", tokens.concat().as_bytes(), &Limits::default(), dialect);
        }
    }
}

#[test]
fn deep_nesting_is_refused_with_its_place() {
    for open in ["[", "{a: ", "- ", "? "] {
        let error = from_str(&open.repeat(100_000)).unwrap_err();
        assert!(error.text.contains("max depth"), "{open}: {error}");
        assert_eq!(error.line, 1);
    }
}

#[test]
fn alias_bombs_are_refused() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let alias = format!("*a{}, ", level - 1).repeat(10);
        text.push_str(&format!("a{level}: &a{level} [{alias}]\n"));
    }
    let error = from_str(&text).unwrap_err();
    assert_eq!(error.text, "yaml: document contains excessive aliasing");
}

#[test]
fn limits_are_named() {
    let limits = Limits {
        max_bytes: 10,
        max_documents: 2,
        max_nodes: 4,
        ..Limits::default()
    };
    let refuse = |text: &str| {
        argosy_yaml::parse_documents("f.yaml", text.as_bytes(), &limits)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refuse("12345678901"),
        "f.yaml: yaml: input of 11 bytes is larger than the limit of 10"
    );
    assert_eq!(refuse("[1,2,3,4]"), "f.yaml:1:8: yaml: more than 4 nodes");
    let limits = Limits {
        max_documents: 1,
        ..Limits::default()
    };
    let error = argosy_yaml::parse_documents("f.yaml", b"1\n--- 2\n", &limits).unwrap_err();
    assert_eq!(error.to_string(), "f.yaml:2: yaml: more than 1 documents");
}
