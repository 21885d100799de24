//! What Go's regexp said of these expressions, recorded by `conformance/oracles/regexp`, must be
//! what we say.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use argosy_sprig::regexp::Regexp;
use differential::Oracle;
use serde_json::{Value as Json, json};

const GOLDEN: &str = include_str!("regexp.jsonl");
const REPLACEMENTS: [&str; 7] = ["<$0>", "$1", "${n}-$2", "$$", "$1x", "${", "$"];

fn texts<B: AsRef<[u8]>>(items: impl IntoIterator<Item = B>) -> Json {
    items
        .into_iter()
        .map(|b| String::from_utf8_lossy(b.as_ref()).into_owned())
        .collect()
}

/// What is different about a row of the oracle's, in words.
fn difference(row: &Json) -> Option<String> {
    let expression = row["re"].as_str().unwrap();
    let regexp = match Regexp::new(expression) {
        Ok(regexp) => regexp,
        Err(error) => {
            let error = error.to_string();
            let differs = Some(error.as_str()) != row["err"].as_str();
            return differs.then(|| format!("{expression:?}\n  go: {}\nours: {error}", row["err"]));
        }
    };
    if let Some(error) = row["err"].as_str() {
        return Some(format!("{expression:?}\n  go: {error}\nours: compiles"));
    }
    row["found"].as_array().unwrap().iter().find_map(|found| {
        let subject = found["s"].as_str().unwrap().as_bytes();
        let all = regexp.find_all(subject, -1);
        let all = if all.is_empty() {
            Json::Null
        } else {
            all.iter().map(|r| json!([r.start, r.end])).collect()
        };
        let ours = json!({
            "s": found["s"],
            "m": regexp.is_match(subject),
            "all": all,
            "two": regexp.find_all(subject, 2).len(),
            "new": texts(REPLACEMENTS.map(|r| regexp.replace_all(subject, r.as_bytes()))),
            "lit": texts([regexp.replace_all_literal(subject, b"$1")])[0],
            "split": texts(regexp.split(subject, -1)),
            "split2": texts(regexp.split(subject, 2)),
        });
        (ours != *found).then(|| format!("{expression:?}\n  go: {found}\nours: {ours}"))
    })
}

#[test]
fn expressions_do_as_recorded() {
    let rows = GOLDEN
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let rows: Vec<Json> = rows.collect();
    assert!(rows.len() > 1000, "the table is nearly empty");
    let wrong: Vec<String> = rows.iter().filter_map(difference).collect();
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        rows.len(),
        wrong.join("\n")
    );
}

#[test]
fn made_up_expressions_do_as_go_does() {
    let Some(oracle) = Oracle::build("regexp", 4_000) else {
        return;
    };
    oracle.rounds(|line| difference(&serde_json::from_str(line).unwrap()));
}
