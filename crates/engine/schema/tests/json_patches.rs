//! JSON patches, side by side with Go's (`conformance/oracles/jsonpatch`).

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
    (!equal).then(|| {
        format!(
            "{} of {}: {got}, and Go: {}{}",
            case["patch"], case["doc"], case["result"], case["error"]
        )
    })
}

#[test]
fn random_patches_come_out_as_gos() {
    let Some(oracle) = Oracle::build("jsonpatch", 3000) else {
        return;
    };
    oracle.rounds(difference);
}
