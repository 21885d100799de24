//! What the Go library said of these versions and ranges, recorded by
//! `conformance/oracles/semver`, must be what we say.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

use argosy_semver::{Constraint, Version};
use serde_json::Value;
use std::cmp::Ordering;

const GOLDEN: &str = include_str!("golden.jsonl");

fn rows(kind: &str) -> Vec<Value> {
    let rows: Vec<Value> = GOLDEN
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|row: &Value| row["kind"] == kind)
        .collect();
    assert!(rows.len() > 300, "the table is nearly empty");
    rows
}

fn shown<E: std::fmt::Display>(parsed: Result<Version, E>) -> String {
    parsed.map_or_else(|e| format!("error: {e}"), |v| v.to_string())
}

#[test]
fn versions_parse_as_recorded() {
    for row in rows("version") {
        let text = row["text"].as_str().unwrap();
        assert_eq!(
            shown(Version::parse(text)),
            row["coerced"],
            "coerced {text:?}"
        );
        assert_eq!(
            shown(Version::parse_strict(text)),
            row["strict"],
            "strict {text:?}"
        );
        if let Ok(version) = Version::parse(text) {
            assert_eq!(version.original(), row["original"]);
            let bumps = [
                version.inc_patch(),
                version.inc_minor(),
                version.inc_major(),
            ];
            let bumps: Vec<_> = bumps.iter().map(Version::original).collect();
            assert_eq!(Value::from(bumps), row["bumps"], "bumps of {text:?}");
        }
    }
}

#[test]
fn versions_are_ordered_as_recorded() {
    for row in rows("compare") {
        let version = |side: &str| Version::parse(row[side].as_str().unwrap()).unwrap();
        let order = match version("left").cmp(&version("right")) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        };
        assert_eq!(row["order"], order, "{row}");
    }
}

#[test]
fn ranges_hold_what_is_recorded() {
    for row in rows("range") {
        let text = row["text"].as_str().unwrap();
        let constraint = match Constraint::parse(text) {
            Ok(constraint) => constraint,
            Err(error) => {
                assert_eq!(
                    Some(error.to_string().as_str()),
                    row["error"].as_str(),
                    "{text:?}"
                );
                continue;
            }
        };
        assert_eq!(
            Some(constraint.to_string().as_str()),
            row["printed"].as_str(),
            "{text:?}"
        );
        let with_pre = constraint.clone().including_prereleases(true);
        for (version, expected) in row["checks"].as_object().unwrap() {
            let parsed = Version::parse(version).unwrap();
            assert_eq!(
                constraint.check(&parsed),
                *expected,
                "{version:?} in {text:?}"
            );
            let included = with_pre.check(&parsed);
            assert_eq!(
                included, row["withPre"][version],
                "{version:?} in {text:?} with pre"
            );
            if let Some(reasons) = row["reasons"].get(version) {
                let ours = constraint.validate(&parsed).err().unwrap_or_default();
                assert_eq!(
                    Value::from(ours),
                    *reasons,
                    "why {version:?} is not in {text:?}"
                );
            }
        }
    }
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
