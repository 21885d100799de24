//! Prints how long the hot functions take: `cargo run -p argosy-schema --example speed`.
#![allow(clippy::print_stdout, clippy::disallowed_methods)]

use argosy_object::Value;
use argosy_schema::{ApplyCx, Schemas, apply, default, three_way};
use std::time::Instant;

fn main() {
    let start = Instant::now();
    let schemas = Schemas::builtin();
    println!("table: {:?}", start.elapsed());
    let table = include_str!("../tests/data/patches.jsonl");
    let case: Value = table
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .find(|case: &Value| case["op"] == "three_way" && case["kind"] == "apps/v1 Deployment")
        .unwrap_or_default();
    let Some(kind) = schemas.by_group_kind("apps", "Deployment") else {
        return;
    };
    let time = |name: &str, run: &dyn Fn()| {
        let start = Instant::now();
        for _ in 0..2000 {
            run();
        }
        println!("{name}: {:?}", start.elapsed() / 2000);
    };
    time("three_way", &|| {
        let _ = three_way(Some(kind), Some(&case["a"]), &case["b"], &case["c"]);
    });
    time("default", &|| default(kind, &mut case["b"].clone()));
    let now = "2026-01-01T00:00:00Z";
    let cx = ApplyCx {
        kind,
        manager: "m",
        force: true,
        now,
        subresource: "",
    };
    let live = apply(&cx, None, &case["b"]).unwrap_or_default();
    time("apply", &|| {
        let _ = apply(&cx, Some(&live), &case["b"]);
    });
}
