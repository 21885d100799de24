//! Templates under mutation: read by the lexer and the parser, and executed within limits.

#[path = "../../../../conformance/mutation.rs"]
mod mutation;

use argosy_gotmpl::{Delims, FixedEnv, FuncTable, Limits, MissingKey, SetBuilder, Value, gofmt};
use argosy_object::json;
use mutation::Grammar;
use std::sync::Arc;

const TEMPLATES: [&[u8]; 7] = [
    b"{{ if and .a (not .b) }}x{{ else if eq .n 1 2.5 }}y{{ else }}z{{ end }}",
    b"{{- range $i, $e := .l -}}{{ $i }}={{ $e }}{{ if gt $i 2 }}{{ break }}{{ end }}{{ continue }}{{- else -}}none{{ end }}",
    b"{{ define \"t\" }}{{ $x := .k }}{{ with $y := .m.k }}{{ $x = $y }}{{ else with .a }}{{ . }}{{ end }}{{ end }}{{ template \"t\" .m }}{{ block \"b\" . }}{{ . }}{{ end }}",
    b"{{ printf \"%-8.3f|%q|%v|%#v|%T|%x|%08d\" .f \"a\" .m .l .n 255 42 | print (len .l) (index .l 1) (slice .s 1 2) }}",
    b"{{/* a comment */ -}}  {{ \"a\\tb\\u00e9\" }}{{ 'x' }}{{ 0x1F }}{{ 1e3 }}{{ `raw` }}{{ nil | print }}",
    b"{{ (list 1 (dict \"a\" .b).a).x }}{{ .m.k.z }}{{ $.a.b }}{{ html .s }}{{ js .s }}{{ urlquery .s }}",
    b"{{ range 5 }}{{ range .m }}{{ call .f 1 }}{{ end }}{{ end }}{{ include \"t\" . }}{{ lt 1 \"a\" }}",
];

const WORDS: [&str; 40] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    "{{ end }}",
    "{{ else }}",
    "if ",
    "range ",
    "with ",
    "define ",
    "template ",
    "block ",
    "$",
    "$x",
    ":=",
    "=",
    "|",
    "(",
    ")",
    ".",
    ".m",
    ",",
    "\"",
    "`",
    "'",
    "\\",
    "/*",
    "*/",
    "%!",
    "%[1]*d",
    "nil",
    "true",
    "-1",
    "1_0",
    "0x",
    "99999999999999999999",
    "1i",
    "é",
    "\u{0}",
    "\n",
];

const GRAMMAR: Grammar<'_> = Grammar {
    seeds: &TEMPLATES,
    words: &WORDS,
};

fn functions() -> FuncTable {
    FuncTable::new()
        .with("list", |_, args| Ok(Value::list(args.to_vec())))
        .with("dict", |_, args| {
            let pairs = args.chunks_exact(2);
            let pairs = pairs.map(|pair| (gofmt::sprint(&pair[..1]), pair[1].clone()));
            Ok(Value::map(pairs.collect()))
        })
        .with_typed("include", "string, any", |cx, args| {
            let name = gofmt::sprint(&args[..1]).to_string();
            cx.execute(&name, &args[1]).map(Value::Str)
        })
}

fn parsed(source: &[u8], left: &str, right: &str) -> Option<SetBuilder> {
    let source = String::from_utf8_lossy(source);
    let mut builder = SetBuilder::new("t", Arc::new(functions()))
        .missing_key(MissingKey::Zero)
        .delims(Delims { left, right });
    builder.add("t", &source).is_ok().then_some(builder)
}

#[test]
fn lexer_and_parser() {
    GRAMMAR.run(3_000, |bytes| {
        parsed(bytes, "", "");
        parsed(bytes, "{", "}");
    });
}

#[test]
fn evaluator() {
    let data = json!({
        "a": 1, "b": false, "n": 2, "f": 1.5, "s": "a<b&\"", "l": [1, "x", null, [2], {"k": 3}],
        "m": {"k": {"z": null}, "": "empty"}, "k": "v",
    });
    let limits = Limits {
        steps: 100_000,
        output: 1 << 20,
        ..Limits::default()
    };
    GRAMMAR.run(3_000, |bytes| {
        let Some(builder) = parsed(bytes, "", "") else {
            return;
        };
        let (mut out, data) = (Vec::new(), Value::from_json_floats(&data));
        let env = &mut FixedEnv::default();
        let _ = builder.build().execute("t", &data, env, &limits, &mut out);
        assert!(out.len() <= limits.output + (1 << 16), "{}", out.len());
    });
}
