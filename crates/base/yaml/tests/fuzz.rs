//! YAML under mutation: read in both dialects, written again, and written as it was.

#[path = "../../../../conformance/mutation.rs"]
mod mutation;

use argosy_yaml::{
    Dialect, Limits, Written, from_slice, from_slice_strict, parse_documents_with, parse_stream,
    to_string,
};
use mutation::Grammar;

const DOCUMENTS: [&[u8]; 6] = [
    b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a # line\n  annotations: {x: 'y', \"z\": 1.50}\n# head\ndata:\n  text: |-\n    one\n      two\n\n  folded: >\n    a\n    b\n  # foot\n\n  list:\n    - 1\n    - [a, {b: c}]\n",
    b"a: &x {k: 1}\nb: *x\nc:\n  <<: *x\n  <<: [*x, {z: 2}]\n? complex\n: value\n",
    b"%YAML 1.1\n%TAG ! tag:x,2000:\n---\n!a b\n...\n--- # c\n- - a\n  - !!binary aGk=\n- !!int '1'\n",
    b"0x1F: 010\nyes: no\n1e3: .inf\n~: 2001-01-01 10:00:00Z\n'q''q': \"\\x41\\u263a\\n\\\n  x\"\n",
    b"{a: [1, 2, {b: c,}], \"d\": 'e', f: , ? g : h}\n",
    "x: \u{e9}\u{2028}\u{85}\n\u{1f600}: \"\\U0001F600\"\nlong: a b c d e f g h i j k l m n o p q r s t u v w x y z\n".as_bytes(),
];

const WORDS: [&str; 42] = [
    ": ",
    ":",
    "- ",
    "-",
    "? ",
    "#",
    " # c",
    "\n",
    "\n\n",
    "  ",
    "\t",
    "|",
    ">",
    "|2-",
    ">+",
    "'",
    "\"",
    "\\",
    "&x ",
    "*x",
    "!",
    "!!str ",
    "!<t> ",
    "%",
    "---\n",
    "...\n",
    "[",
    "]",
    "{",
    "}",
    ",",
    "<<: ",
    "~",
    "null",
    "1_000",
    "0b1",
    "190:20:30",
    "\r\n",
    "\u{feff}",
    "\u{7f}",
    "\u{0}",
    "\u{e9}",
];

const GRAMMAR: Grammar<'_> = Grammar {
    seeds: &DOCUMENTS,
    words: &WORDS,
};

#[test]
fn reader() {
    let limits = Limits {
        max_expanded: 100_000,
        ..Limits::default()
    };
    GRAMMAR.run(3_000, |bytes| {
        let _ = from_slice_strict("f", bytes);
        let _ = parse_stream("f", bytes, &limits);
        for dialect in [Dialect::V2, Dialect::V3] {
            let _ = parse_documents_with("f", bytes, &limits, dialect);
        }
    });
}

#[test]
fn what_is_read_is_written_and_read_again() {
    GRAMMAR.run(3_000, |bytes| {
        if let Ok(value) = from_slice(bytes) {
            let again = from_slice(to_string(&value).as_bytes());
            assert_eq!(again.as_ref(), Ok(&value));
        }
    });
}

#[test]
fn what_is_written_as_it_was_means_the_same() {
    let read = |text: &str| {
        let documents = parse_documents_with("", text.as_bytes(), &Limits::default(), Dialect::V3);
        documents.map(|documents| documents.into_iter().next().map(|first| first.value))
    };
    GRAMMAR.run(3_000, |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let Ok(Some(mut written)) = Written::read("", &text, &Limits::default()) else {
            return;
        };
        let out = written.to_string();
        // What has a meaning keeps it; but that, as with go-yaml, nothing within brackets becomes
        // empty text.
        let has_brackets = text.contains(['[', '{']);
        if let Ok(Some(value)) = read(&text).map(|value| value.filter(|_| !has_brackets)) {
            let again = read(&out);
            assert_eq!(again, Ok(Some(value)), "{out}");
        }
        written.set(&["metadata", "annotations", "x"], "it's");
        written.remove(&["metadata"], false);
        written.remove(&["data"], true);
        let _ = written.to_string();
    });
}
