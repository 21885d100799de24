//! What the Go library said of these versions and ranges, recorded by
//! `conformance/oracles/semver`, must be what we say.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use argosy_semver::{Constraint, Version};
use differential::Oracle;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

const GOLDEN: &str = include_str!("golden.jsonl");

fn shown<E: std::fmt::Display>(parsed: Result<Version, E>) -> String {
    parsed.map_or_else(|e| format!("error: {e}"), |v| v.to_string())
}

/// What is different about a row of the oracle's, in words.
fn difference(row: &Value) -> Option<String> {
    let (ours, go) = match row["kind"].as_str().unwrap() {
        "version" => version(row),
        "compare" => compare(row),
        _ => range(row),
    };
    (ours != go).then(|| format!("{row}\n ours {ours}\n   go {go}"))
}

fn version(row: &Value) -> (Value, Value) {
    let text = row["text"].as_str().unwrap();
    let version = Version::parse(text).ok();
    let bumps = version.as_ref().map(|version| {
        [
            version.inc_patch(),
            version.inc_minor(),
            version.inc_major(),
        ]
        .map(|bumped| bumped.original().to_owned())
    });
    let original = version.as_ref().map_or("", Version::original);
    let ours = json!([
        shown(Version::parse(text)),
        shown(Version::parse_strict(text)),
        original,
        bumps
    ]);
    let go = json!([row["coerced"], row["strict"], row["original"], row["bumps"]]);
    (ours, go)
}

fn compare(row: &Value) -> (Value, Value) {
    let version = |side: &str| Version::parse(row[side].as_str().unwrap()).unwrap();
    let order = match version("left").cmp(&version("right")) {
        Ordering::Less => -1,
        Ordering::Equal => 0,
        Ordering::Greater => 1,
    };
    (order.into(), row["order"].clone())
}

fn range(row: &Value) -> (Value, Value) {
    let constraint = match Constraint::parse(row["text"].as_str().unwrap()) {
        Ok(constraint) => constraint,
        Err(error) => return (error.to_string().into(), row["error"].clone()),
    };
    if !row["error"].is_null() {
        return (constraint.to_string().into(), row["error"].clone());
    }
    let with_pre = constraint.clone().including_prereleases(true);
    let versions = row["checks"].as_object().unwrap().keys();
    let checks = versions.map(|text| {
        let version = Version::parse(text).unwrap();
        let reasons = row["reasons"].get(text).map(|_| {
            let reasons = constraint.validate(&version).err();
            reasons.unwrap_or_default()
        });
        let is_in = constraint.check(&version);
        (text, json!([is_in, with_pre.check(&version), reasons]))
    });
    let ours: Map<String, Value> = checks
        .map(|(text, checked)| (text.clone(), checked))
        .collect();
    let theirs = ours.keys().map(|text| {
        let checked = json!([
            row["checks"][text],
            row["withPre"][text],
            row["reasons"].get(text)
        ]);
        (text.clone(), checked)
    });
    let theirs: Map<String, Value> = theirs.collect();
    (
        json!([constraint.to_string(), ours]),
        json!([row["printed"], theirs]),
    )
}

#[test]
fn versions_and_ranges_are_what_is_recorded() {
    let rows: Vec<Value> = GOLDEN
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for kind in ["version", "compare", "range"] {
        let count = rows.iter().filter(|row| row["kind"] == kind).count();
        assert!(count > 300, "the table is nearly empty");
    }
    let wrong: Vec<String> = rows.iter().filter_map(difference).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn made_up_versions_and_ranges_are_what_go_says() {
    let Some(oracle) = Oracle::build("semver", 6_000) else {
        return;
    };
    oracle.rounds(|line| difference(&serde_json::from_str(line).unwrap()));
}

#[test]
fn highest_version_in_range_is_chosen() {
    let tags: Vec<_> = ["v1.0.0", "v1.9.0", "v1.10.0", "v2.0.0-rc.1"]
        .map(|t| Version::parse(t).unwrap())
        .into();
    let chosen = |range: &str| {
        let constraint = Constraint::parse(range).unwrap();
        constraint.highest(&tags).map(|v| v.original().to_owned())
    };
    assert_eq!(chosen(">=1.0"), Some("v1.10.0".into()));
    assert_eq!(chosen(">=1.0-0"), Some("v2.0.0-rc.1".into()));
    assert_eq!(chosen(">=3"), None);
}

#[test]
fn endless_range_is_refused() {
    let error = Constraint::parse(&"1 ".repeat(40_000)).unwrap_err();
    assert!(
        error.to_string().starts_with("improper constraint: 1 1"),
        "{error}"
    );
}
