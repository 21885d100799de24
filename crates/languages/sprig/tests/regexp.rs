//! What Go's regexp said of these expressions, recorded by `conformance/oracles/regexp`, must be
//! what we say.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

use argosy_sprig::regexp::Regexp;
use serde_json::{Value as Json, json};

const GOLDEN: &str = include_str!("regexp.jsonl");
const REPLACEMENTS: [&str; 7] = ["<$0>", "$1", "${n}-$2", "$$", "$1x", "${", "$"];

fn texts<B: AsRef<[u8]>>(items: impl IntoIterator<Item = B>) -> Json {
    items
        .into_iter()
        .map(|b| String::from_utf8_lossy(b.as_ref()).into_owned())
        .collect()
}

#[test]
fn expressions_do_as_recorded() {
    let (mut total, mut wrong) = (0, Vec::new());
    for line in GOLDEN.lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let expression = row["re"].as_str().unwrap();
        total += 1;
        let regexp = match Regexp::new(expression) {
            Ok(regexp) => regexp,
            Err(error) => {
                if Some(error.to_string().as_str()) != row["err"].as_str() {
                    wrong.push(format!(
                        "{expression:?}\n  go: {}\nours: {error}",
                        row["err"]
                    ));
                }
                continue;
            }
        };
        if let Some(error) = row["err"].as_str() {
            wrong.push(format!("{expression:?}\n  go: {error}\nours: compiles"));
            continue;
        }
        for found in row["found"].as_array().unwrap() {
            let subject = found["s"].as_str().unwrap().as_bytes();
            let all = regexp.find_all(subject, -1);
            let all = match all.is_empty() {
                true => Json::Null,
                false => all.iter().map(|r| json!([r.start, r.end])).collect(),
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
            if ours != *found {
                wrong.push(format!("{expression:?}\n  go: {found}\nours: {ours}"));
            }
        }
    }
    assert!(total > 1000, "the table is nearly empty");
    assert!(
        wrong.is_empty(),
        "{} of {total} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}
