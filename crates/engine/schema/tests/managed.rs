//! Replays histories that Kubernetes' own field manager answered (`conformance/oracles/smd`).

use argosy_object::{Gvk, Value};
use argosy_schema::{ApplyCx, Schemas, UpdateCx, apply, default, update};

const NOW: &str = "2026-01-01T00:00:00Z";

/// The object without managedFields, and those without times, sorted.
fn split(mut object: Value, kind: &argosy_schema::KindSchema) -> (Value, Vec<Value>) {
    let entries = object
        .get_mut("metadata")
        .and_then(Value::as_object_mut)
        .and_then(|metadata| metadata.remove("managedFields"));
    let mut entries = entries
        .and_then(|e| e.as_array().cloned())
        .unwrap_or_default();
    for entry in &mut entries {
        if let Some(entry) = entry.as_object_mut() {
            entry.remove("time");
        }
    }
    entries.sort_by_key(ToString::to_string);
    default(kind, &mut object);
    (object, entries)
}

#[test]
fn owners_equal_upstreams() {
    let table = std::env::var("ARGOSY_MANAGED_TABLE").map_or_else(
        |_| include_str!("data/managed.jsonl").to_owned(),
        |path| std::fs::read_to_string(path).unwrap(),
    );
    let schemas = Schemas::builtin();
    let (mut failures, mut count, mut applied) = (Vec::new(), 0, 0);
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (api_version, kind) = case["kind"].as_str().unwrap().split_once(' ').unwrap();
        let kind = schemas
            .kind(&Gvk::from_api_version(api_version, kind))
            .unwrap();
        let live = case.get("live");
        let manager = case["manager"].as_str().unwrap();
        let got = if case["op"] == "update" {
            let cx = UpdateCx {
                kind,
                manager,
                now: NOW,
                subresource: "",
            };
            let mut new = case["object"].clone();
            update(&cx, live, &mut new).map(|()| new)
        } else {
            let force = case["force"] == true;
            let cx = ApplyCx {
                kind,
                manager,
                force,
                now: NOW,
                subresource: "",
            };
            apply(&cx, live, &case["object"])
        };
        count += 1;
        let difference = match (got, case.get("error").and_then(Value::as_str)) {
            (Ok(got), None) => {
                applied += usize::from(case["op"] == "apply");
                let (got, got_entries) = split(got, kind);
                let (want, want_entries) = split(case["result"].clone(), kind);
                if got_entries != want_entries {
                    let text = |entries: &[Value]| {
                        entries
                            .iter()
                            .map(ToString::to_string)
                            .collect::<Vec<_>>()
                            .join(
                                "
  ",
                            )
                    };
                    Some(format!(
                        "want\n{}got\n{}",
                        text(&want_entries),
                        text(&got_entries)
                    ))
                } else if got != want {
                    Some(format!("want {want}\n got {got}"))
                } else {
                    None
                }
            }
            // Several conflicts and errors come in the order of Go's maps.
            (Err(got), Some(want)) => {
                let lines = |text: &str| {
                    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
                    lines.sort();
                    lines
                };
                let got = got.to_string();
                let differ = want.contains("conflict") && lines(&got) != lines(want);
                differ.then(|| format!("want error {want}\n got error {got}"))
            }
            (Ok(_), Some(want)) => Some(format!("want error {want}")),
            (Err(got), None) => Some(format!("got error {got}")),
        };
        if let Some(difference) = difference {
            let live = live.cloned().unwrap_or_default();
            failures.push(format!(
                "{} by {manager} force={}\nlive={live}\nobject={}\n{difference}\n",
                case["op"], case["force"], case["object"]
            ));
        }
    }
    assert!(
        count > 100 && applied > 10,
        "only {count} cases, {applied} applied"
    );
    failures.sort_by_key(String::len);
    assert!(
        failures.is_empty(),
        "{} of {count} differ:\n{}",
        failures.len(),
        failures.iter().take(2).cloned().collect::<String>()
    );
}
