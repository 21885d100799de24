//! Compares the crate with Go's text/template and fmt, case by case, output and error text.
//!
//! `data/golden.jsonl` is what the oracle in `conformance/oracles/gotmpl` printed. Where Go is
//! there, the oracle is built and must still print the same, and a run of random cases follows
//! (`conformance/oracles/differential.rs` says how many and which).

#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use argosy_gotmpl::{
    Delims, FixedEnv, FuncError, FuncTable, Limits, Map, MissingKey, SetBuilder, Value, gofmt,
};
use argosy_object::Value as Json;
use differential::Oracle;

/// The functions that the oracle gives its templates.
fn functions() -> FuncTable {
    let text = |value: &Value| match value {
        Value::Str(text) => text.clone(),
        other => panic!("not a string: {other:?}"),
    };
    FuncTable::new()
        .with("list", |_, args| Ok(Value::list(args.to_vec())))
        .with_typed("upper", "string", move |_, args| {
            Ok(Value::str(text(&args[0]).to_string().to_uppercase()))
        })
        .with_typed("trunc", "int, string", move |_, args| {
            let bytes = text(&args[1]).as_bytes().to_vec();
            let Value::Int(length) = args[0] else {
                panic!("not an int")
            };
            match usize::try_from(length) {
                Ok(length) => Ok(Value::str(bytes[..length.min(bytes.len())].to_vec())),
                Err(_) => Err(FuncError::new(format!(
                    "runtime error: slice bounds out of range [:{length}]"
                ))),
            }
        })
        .with_typed("half", "float64", |_, args| match args[0] {
            Value::Float(value) => Ok(Value::Float(value / 2.0)),
            _ => panic!("not a float"),
        })
        .with_typed("keys", "map", |_, args| match &args[0] {
            Value::Map(map) => Ok(Value::Int(map.len() as i64)),
            _ => Ok(Value::Int(0)),
        })
        .with_typed("int", "float64", |_, args| match args[0] {
            Value::Float(value) => Ok(Value::Int(value as i64)),
            _ => panic!("not a float"),
        })
        .with_typed("int64", "int", |_, args| match args[0] {
            Value::Int(value) => Ok(Value::Int64(value)),
            _ => panic!("not an int"),
        })
        .with_typed("bytes", "string", move |_, args| {
            Ok(Value::Bytes(text(&args[0]).as_bytes().into()))
        })
        .with_typed("same", "any", |_, args| Ok(args[0].clone()))
        .with_typed("yes", "bool", |_, args| Ok(args[0].clone()))
        .with_typed("count", "string, ...int", move |_, args| {
            Ok(Value::str(format!("{}{}", text(&args[0]), args.len() - 1)))
        })
        .with_typed("fail", "string", move |_, args| {
            Err(FuncError::new(text(&args[0]).to_string()))
        })
        .with("dict", |_, args| {
            let pairs = args.chunks_exact(2);
            Ok(Value::map(
                pairs
                    .map(|pair| (gofmt::sprint(&pair[..1]), pair[1].clone()))
                    .collect(),
            ))
        })
        .with_typed("include", "string, any", move |cx, args| {
            cx.execute(&text(&args[0]).lossy(), &args[1])
                .map(Value::Str)
        })
}

fn operand(spec: &str) -> Value {
    let (kind, text) = spec.split_once(':').expect("operands are KIND:TEXT");
    match kind {
        "string" => Value::str(text),
        "bytes" => Value::Bytes(text.as_bytes().into()),
        "int" => Value::Int(text.parse().expect("an int")),
        "int64" => Value::Int64(text.parse().expect("an int")),
        _ => Value::from_json_floats(&text.parse().expect("JSON")),
    }
}

/// The output of a case and its error.
fn run(case: &Json, sample: &Json) -> (String, Option<String>) {
    if let Some(format) = case["format"].as_str() {
        let specs = case["args"].as_array().cloned().unwrap_or_default();
        let args: Vec<Value> = specs.iter().filter_map(Json::as_str).map(operand).collect();
        return (gofmt::sprintf(format, &args).to_string(), None);
    }
    let data = if case["sample"] == true {
        sample
    } else {
        &case["data"]
    };
    let data = if case["ints"] == true {
        Value::from_json(data)
    } else {
        Value::from_json_floats(data)
    };
    let missing = match case["missingkey"].as_str() {
        Some("zero") => MissingKey::Zero,
        Some("error") => MissingKey::Error,
        _ => MissingKey::Default,
    };
    let delims = Delims {
        left: case["left"].as_str().unwrap_or_default(),
        right: case["right"].as_str().unwrap_or_default(),
    };
    let mut builder = SetBuilder::new("main", Arc::new(functions()))
        .missing_key(missing)
        .delims(delims);
    let more: BTreeMap<String, Json> = case["more"]
        .as_object()
        .cloned()
        .unwrap_or_default()
        .into_iter()
        .collect();
    let main = ("main".to_owned(), case["template"].clone());
    for (name, source) in more.into_iter().chain([main]) {
        if let Err(error) = builder.add(&name, source.as_str().unwrap_or_default()) {
            return (String::new(), Some(error.to_string()));
        }
    }
    let mut out = Vec::new();
    let result = builder.build().execute(
        "main",
        &data,
        &mut FixedEnv::default(),
        &Limits::default(),
        &mut out,
    );
    (
        String::from_utf8_lossy(&out).into_owned(),
        result.err().map(|error| error.to_string()),
    )
}

/// The ledger of known differences: complex constants are refused, and a byte of a string or of
/// bytes is an `int` here, which only the name of its type shows.
fn is_known(ours: Option<&str>, theirs: Option<&str>) -> bool {
    let has = |error: Option<&str>, text| error.is_some_and(|error| error.contains(text));
    has(ours, "complex constants") || (has(theirs, "uint8") && has(ours, "int"))
}

/// What is different about a line of the oracle's, in words.
fn difference(line: &str, sample: &Json) -> Option<String> {
    let case: Json = line.parse().expect("a JSON object a line");
    let (output, error) = run(&case, sample);
    let mut want_output = case["output"].as_str().unwrap_or_default().to_owned();
    let want_error = case["error"].as_str().map(str::to_owned);
    // Addresses are the machine's own.
    if want_output.contains("%!p") || want_output.contains("0xc0") {
        want_output.clone_from(&output);
    }
    if (output == want_output && error == want_error)
        || is_known(error.as_deref(), want_error.as_deref())
    {
        return None;
    }
    let what = if case["format"].is_null() {
        format!("template {} {}", case["template"], case["missingkey"])
    } else {
        format!("format {} {}", case["format"], case["args"])
    };
    Some(format!(
        "{what}\n  ours {output:?} {error:?}\n    Go {want_output:?} {want_error:?}"
    ))
}

/// Compares every line of the oracle's with ours; returns how many there were.
fn compare(answers: &str, sample: &Json) -> usize {
    let lines = answers.lines();
    let wrong: Vec<String> = lines.filter_map(|line| difference(line, sample)).collect();
    let count = answers.lines().count();
    let shown: Vec<_> = wrong.iter().take(40).cloned().collect();
    assert!(
        wrong.is_empty(),
        "{} of {count} differ:\n{}",
        wrong.len(),
        shown.join("\n")
    );
    count
}

fn golden() -> (String, Json) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/golden.jsonl");
    let text = std::fs::read_to_string(path).expect("the golden table is in the repository");
    let first: Json = text
        .lines()
        .next()
        .and_then(|line| line.parse().ok())
        .expect("JSON");
    (text, first["data"].clone())
}

#[test]
fn recorded_answers_of_go_are_ours() {
    let (golden, sample) = golden();
    assert!(compare(&golden, &sample) > 1000);
}

#[test]
fn go_still_answers_as_recorded_and_random_templates_agree() {
    let Some(oracle) = Oracle::build("gotmpl", 2_000) else {
        return;
    };
    let (golden, sample) = golden();
    let now = oracle.ask(&["-generate"]);
    compare(&now, &sample);
    assert_eq!(golden.lines().count(), now.lines().count());
    oracle.rounds(|line| difference(line, &sample));
}

#[test]
fn limits_end_what_would_not_end() {
    let loops = [
        ("{{range 1000000000}}{{end}}", "steps"),
        (
            "{{range 1000000000}}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx{{end}}",
            "bytes",
        ),
        (
            "{{define \"t\"}}{{template \"t\"}}{{end}}{{template \"t\"}}",
            "depth",
        ),
        (
            "{{define \"t\"}}{{include \"t\" .}}{{end}}{{include \"t\" .}}",
            "depth",
        ),
        (
            "{{$x := list 1}}{{range 60}}{{$x = list $x $x}}{{end}}{{print $x}}",
            "steps",
        ),
        ("{{range 1000}}{{printf \"%1000000d\" 1}}{{end}}", "bytes"),
    ];
    for (source, what) in loops {
        let mut builder = SetBuilder::new("main", Arc::new(functions()));
        builder.add("main", source).expect("it parses");
        let limits = Limits {
            steps: 1_000_000,
            output: 1 << 20,
            ..Limits::default()
        };
        let mut out = Vec::new();
        let result = builder.build().execute(
            "main",
            &Value::map(Map::new()),
            &mut FixedEnv::default(),
            &limits,
            &mut out,
        );
        let error = result.expect_err(source);
        assert!(
            error.limit && error.text.contains(what),
            "{source}: {error}"
        );
    }
}

#[test]
fn hostile_sources_fail_and_do_not_overflow_the_stack() {
    let deep =
        |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    for source in [
        deep("{{if true}}", "{{end}}"),
        format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000)),
        deep("{{block \"x\" .}}", "{{end}}"),
        "{{if 1}}{{else if 1}}".to_owned() + &"{{else if 1}}".repeat(100_000) + "{{end}}",
    ] {
        let mut builder = SetBuilder::new("main", Arc::new(functions()));
        let error = builder.add("main", &source).expect_err("too deep");
        assert!(error.text.contains("depth exceeded"), "{error}");
    }
}
