//! JSON patches, side by side with Go's (`conformance/oracles/jsonpatch`).
//!
//! What is left: a null that a patch itself has set, and then tests. Whether Go's test of it holds,
//! fails or falls over depends on how the null came there; here it holds.

#![allow(clippy::unwrap_used)]

#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use argosy_object::Value;
use argosy_schema::json_patch;
use differential::Oracle;

/// What differs in one case, in words.
fn difference(line: &str) -> Option<String> {
    let case: Value = serde_json::from_str(line).unwrap();
    let got = json_patch(&case["doc"], &case["patch"]);
    let equal = match (&got, case.get("error")) {
        (Ok(got), None) => *got == case["result"],
        (Err(_), Some(_)) => true,
        _ => false,
    };
    let got = match got {
        Ok(got) => got.to_string(),
        Err(error) => error.to_string(),
    };
    (!equal && !tests_its_null(&case["patch"])).then(|| {
        format!(
            "{} of {}: {got}, and Go: {}{}",
            case["patch"], case["doc"], case["result"], case["error"]
        )
    })
}

fn tests_its_null(patch: &Value) -> bool {
    let operations = patch.as_array().into_iter().flatten();
    let is = |operation: &Value, names: &[&str]| {
        let name = operation["op"].as_str();
        name.is_some_and(|name| names.contains(&name))
    };
    let sets_null =
        |operation: &Value| is(operation, &["add", "replace"]) && operation["value"].is_null();
    let has_test = operations.clone().any(|operation| is(operation, &["test"]));
    has_test && operations.clone().any(sets_null)
}

#[test]
fn random_patches_come_out_as_gos() {
    let Some(oracle) = Oracle::build("jsonpatch", 3000) else {
        return;
    };
    oracle.rounds(difference);
}
