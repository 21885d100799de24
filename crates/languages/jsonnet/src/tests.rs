//! Hostile files: each ends in an error with its place, within its limits.

use super::*;

struct NoFiles;

impl Importer for NoFiles {
    fn import(&mut self, _: &str, path: &str) -> Result<Imported, String> {
        Err(format!("there is no `{path}`"))
    }
}

fn run(source: &str) -> Result<serde_json::Value, JsonnetError> {
    let options = Options {
        limits: Limits {
            steps: 3_000_000,
            memory_bytes: 64 << 20,
            calls: 500,
        },
        ..Options::default()
    };
    evaluate("x.jsonnet", source, &options, &mut NoFiles)
}

#[track_caller]
fn refused(source: &str, text: &str) {
    let error = run(source).expect_err(source);
    let shown = error.to_string();
    assert!(shown.contains(text), "{source}: {shown}");
    assert!(shown.starts_with("x.jsonnet:"), "{source}: {shown}");
}

#[test]
fn endless_recursion_ends() {
    refused("local f(x) = f(x); f(1)", "max stack frames exceeded");
    refused(
        "local f(x) = 1 + f(x + 1); f(1)",
        "max stack frames exceeded",
    );
    refused("local x = x; x", "max stack frames exceeded");
    refused("{ a: self.b, b: self.a }", "max stack frames exceeded");
    refused(
        "local f(x) = f(x + 1) tailstrict; f(1)",
        "steps to evaluate",
    );
    refused("local o = { a: o }; o", "max stack frames exceeded");
    refused("local a = [a]; a == a", "deep in each other");
    refused("local a = [a], b = [b]; a < b", "deep in each other");
    refused(
        "local a = [a]; std.toString(a)",
        "max stack frames exceeded",
    );
    refused(
        "local a = { b: a }; std.manifestYamlDoc(a)",
        "max stack frames exceeded",
    );
    refused("local a = [a]; std.prune(a)", "max stack frames exceeded");
}

#[test]
fn large_values_are_refused_before_they_are_made() {
    for source in [
        "std.repeat('x', 1e9)",
        "std.repeat([1], 1e9)",
        "std.range(1, 1e9)",
        "std.makeArray(1e9, function(i) i)",
        "std.foldl(function(a, x) a + a, std.range(1, 60), 'x')",
        "std.foldl(function(a, x) a + a, std.range(1, 60), [1])",
        "std.length(std.foldl(function(a, x) a + a, std.range(1, 60), { a+: 1 }))",
        "std.strReplace(std.repeat('x', 1e5), 'x', std.repeat('y', 1e5))",
        "std.join(std.repeat('y', 1e5), std.repeat(['x'], 1e5))",
        "local b = std.repeat('x', 1e6); [b + i for i in std.range(1, 1000)]",
        "local a = std.range(1, 10000); std.length([1 for x in a for y in a])",
        "std.parseJson(std.repeat('[', 1e5))",
        "std.parseYaml(std.repeat('[', 1e5))",
        "std.format('%1000000000d', 1)",
        "std.split(std.repeat('a', 3e7), 'a')",
        "std.manifestJson(std.repeat('\\u0001', 2e7))",
        "std.escapeStringXML(std.repeat('<', 2e7))",
        "local f(n, s) = if n == 0 then s else f(n - 1, [s]) tailstrict; std.manifestYamlDoc(\
         f(400, std.repeat('\n', 1e6)))",
        "std.sort(std.range(1, 1e7))",
        "std.flattenDeepArray(std.foldl(function(a, x) [a], std.range(1, 1e5), 1))",
        "local l = std.foldl(function(a, x) { a: a }, std.range(1, 1e5), 1); l",
        "std.deepJoin(std.foldl(function(a, x) [a], std.range(1, 1e5), 'x'))",
    ] {
        let error = run(source).expect_err(source).to_string();
        assert!(error.starts_with("x.jsonnet:1:"), "{source}: {error}");
    }
}

#[test]
fn deep_text_is_refused_or_read() {
    for (open, close) in [
        ("[", "]"),
        ("(", ")"),
        ("{a:", "}"),
        ("-", ""),
        ("if true then ", ""),
    ] {
        let source = format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
        refused(&source, "deep in each other");
    }
    refused(&["1"; 100_000].join("+"), "parts in a row");
    // Chains that begin with chains.
    let mut chain = "1".to_owned();
    for _ in 0..50 {
        chain = format!("({chain}){}", "+1".repeat(1000));
    }
    refused(&chain, "parts in a row");
    refused(&format!("x{}", ".a".repeat(100_000)), "parts in a row");
    assert_eq!(run(&["1"; 4_000].join("+")).unwrap(), 4_000);
    let nested = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert!(run(&nested).is_ok());
}

#[test]
fn deep_values_are_dropped_without_a_deep_stack() {
    let source = "std.length(std.foldl(function(a, x) [a], std.range(1, 200000), []))";
    assert_eq!(run(source).unwrap(), 1);
    let source = "std.length(std.foldl(function(a, x) function() a, std.range(1, 200000), []))";
    assert_eq!(run(source).unwrap(), 0);
}

#[test]
fn deep_evaluations_within_few_calls_fit_the_stack() {
    // 500 calls, each of which is the innermost part of a long sum.
    let sum = ["1"; 38].join(" + ");
    let source = format!("local f(n) = if n == 0 then 0 else {sum} + f(n - 1); f(490)");
    assert!(run(&source).is_ok());
    let sum = ["1"; 3000].join(" + ");
    let source = format!("local f(n) = if n == 0 then 0 else f(n - 1) + {sum}; f(490)");
    refused(&source, "");
}

#[test]
fn missing_imports_and_outside_values_name_the_place() {
    refused(
        "{\n  a: import 'y.libsonnet',\n}",
        "x.jsonnet:2:6: there is no `y.libsonnet`",
    );
    refused("std.extVar('a')", "Undefined external variable: a");
    refused("importbin 'x'", "there is no `x`");
}

#[test]
fn callers_are_named_after_the_place() {
    let error = run("local f(x) = error 'no';\nlocal g(x) = [f(x)][0];\n{ a: g(1) }").unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.jsonnet:1:14: no\n  from x.jsonnet:2:15\n  from x.jsonnet:3:6"
    );
}
