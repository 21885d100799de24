//! What sprig said of these templates, recorded by `conformance/oracles/sprig`, must be what we
//! say: outputs and errors, to the byte.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use argosy_gotmpl::{Delims, FixedEnv, Limits, Set, Value};
use differential::Oracle;
use serde_json::Value as Json;

const GOLDEN: &str = include_str!("golden.jsonl");

/// Where we differ, and why that stays.
const DIFFERENCES: [&str; 2] = [
    // Go's copy loses the private fields of a version and prints 0.0.0.
    r#"{{ deepCopy (semver "1.2.3-beta+x") }}"#,
    // A nil map of its own type is no value of ours: it becomes an empty map.
    r#"{{ unset .missing "s" | toJson }}"#,
];

fn run(template: &str, data: &Json) -> Result<String, String> {
    let delims = Delims {
        left: "{{",
        right: "}}",
    };
    let set =
        Set::parse("t", template, argosy_sprig::functions(), delims).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    let data = Value::from_json_floats(data);
    set.execute(
        "t",
        &data,
        &mut FixedEnv::default(),
        &Limits::default(),
        &mut out,
    )
    .map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn every_function_is_there_and_no_other() {
    let head: Json = serde_json::from_str(GOLDEN.lines().next().unwrap()).unwrap();
    let expected: Vec<&str> = head["names"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Json::as_str)
        .collect();
    let mut ours: Vec<&str> = argosy_sprig::functions().names().collect();
    ours.sort_unstable();
    assert!(expected.len() > 200);
    assert_eq!(ours, expected);
}

#[test]
fn templates_render_as_recorded() {
    let mut rows = GOLDEN
        .lines()
        .map(|line| serde_json::from_str::<Json>(line).unwrap());
    let data = rows.next().unwrap()["data"].take();
    let (mut total, mut wrong) = (0, Vec::new());
    for row in rows {
        total += 1;
        wrong.extend(difference(&row, &data));
    }
    assert!(total > 4000, "the table is nearly empty");
    assert!(
        wrong.is_empty(),
        "{} of {total} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The ledger of known differences between random calls: bytes that are no UTF-8, private fields
/// that Go's copy loses, maps that are nil, slices within a capacity that we do not have, time since
/// a date, limits, and Go's syntax (`%#v`) of a time's location and a version's private fields.
fn is_known(template: &str, ours: &Result<String, String>, go: &Result<String, String>) -> bool {
    if [ours, go]
        .iter()
        .any(|said| format!("{said:?}").contains('\u{fffd}'))
    {
        return true;
    }
    let without_nil = |text: &str| text.replace("null", "{}");
    match (ours, go) {
        (Ok(ours), Ok(go)) => {
            (template.contains("eepCopy") && template.contains("semver"))
                || (template.contains("%#v")
                    && (go.contains("time.Date(") || go.contains("semver.Version")))
                || (template.contains("durationRound") && template.contains("toDate"))
                || without_nil(ours) == without_nil(go)
        }
        (Err(ours), _) => {
            ours.contains("slice index out of bounds") || ours.contains("exceeded the limit")
        }
        _ => false,
    }
}

/// What is different about a row of the oracle's, in words.
fn difference(row: &Json, data: &Json) -> Option<String> {
    let template = row["t"].as_str().unwrap();
    let expected = match row["o"].as_str() {
        Some(output) => Ok(output.to_owned()),
        None => Err(row["e"].as_str().unwrap().to_owned()),
    };
    let ours = run(template, data);
    let differs = ours != expected
        && !DIFFERENCES.contains(&template)
        && !is_known(template, &ours, &expected);
    differs.then(|| format!("{template}\n   go: {expected:?}\n ours: {ours:?}"))
}

#[test]
fn random_calls_agree_with_sprig() {
    let Some(oracle) = Oracle::build("sprig", 4_000) else {
        return;
    };
    let head: Json = serde_json::from_str(GOLDEN.lines().next().unwrap()).unwrap();
    oracle.rounds(|line| difference(&serde_json::from_str(line).unwrap(), &head["data"]));
}
