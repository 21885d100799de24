//! Replays what go-jsonnet made of `data/cases.txt` (`conformance/oracles/jsonnet`).

use argosy_jsonnet::{Imported, Importer, Input, JsonnetError, Options, evaluate};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Default)]
struct Case {
    name: String,
    main: String,
    files: BTreeMap<String, String>,
    options: Options,
}

#[derive(Deserialize)]
struct Golden {
    name: String,
    #[serde(default)]
    output: serde_json::Value,
    #[serde(default)]
    error: Option<String>,
    #[serde(default)]
    line: u32,
}

struct Files<'a>(&'a BTreeMap<String, String>);

impl Importer for Files<'_> {
    fn import(&mut self, _: &str, path: &str) -> Result<Imported, String> {
        let content = self
            .0
            .get(path)
            .ok_or(format!("import not available {path}"))?;
        Ok(Imported {
            path: path.into(),
            content: content.clone().into_bytes(),
        })
    }
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    let (mut each, mut count) = (String::new(), 0);
    let mut file: Option<String> = None;
    for line in include_str!("data/cases.txt").lines() {
        let Some(words) = line.strip_prefix("//// ") else {
            if !each.is_empty() {
                if !line.is_empty() {
                    count += 1;
                    cases.push(Case {
                        name: format!("{each}:{count}"),
                        main: format!("{line}\n"),
                        ..Case::default()
                    });
                }
                continue;
            }
            let case = cases.last_mut().unwrap();
            let text = match &file {
                None => &mut case.main,
                Some(path) => case.files.get_mut(path).unwrap(),
            };
            text.push_str(line);
            text.push('\n');
            continue;
        };
        let parts: Vec<&str> = words.splitn(3, ' ').collect();
        match parts.as_slice() {
            ["each", name] => (each, count) = ((*name).to_owned(), 0),
            ["file", path] => {
                file = Some((*path).to_owned());
                let files = &mut cases.last_mut().unwrap().files;
                files.insert((*path).to_owned(), String::new());
            }
            [kind, name, value] => {
                let options = &mut cases.last_mut().unwrap().options;
                let input = if kind.ends_with("code") {
                    Input::Code((*value).to_owned())
                } else {
                    Input::Text((*value).to_owned())
                };
                let values = if kind.starts_with("tla") {
                    &mut options.top_level
                } else {
                    &mut options.ext_vars
                };
                values.insert((*name).to_owned(), input);
            }
            _ => {
                (each, file) = (String::new(), None);
                cases.push(Case {
                    name: words.to_owned(),
                    ..Case::default()
                });
            }
        }
    }
    cases
}

fn run(case: &Case) -> Result<serde_json::Value, JsonnetError> {
    evaluate(
        "main.jsonnet",
        &case.main,
        &case.options,
        &mut Files(&case.files),
    )
}

/// Numbers as both sides would send them to a cluster.
fn equal(ours: &serde_json::Value, theirs: &serde_json::Value) -> bool {
    match (ours, theirs) {
        (serde_json::Value::Number(a), serde_json::Value::Number(b)) => {
            a == b || a.as_f64() == b.as_f64()
        }
        (serde_json::Value::Array(a), serde_json::Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (serde_json::Value::Object(a), serde_json::Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|((ka, a), (kb, b))| ka == kb && equal(a, b))
        }
        (a, b) => a == b,
    }
}

#[test]
fn outputs_and_errors_equal_go_jsonnets() {
    let golden = include_str!("data/golden.jsonl").lines();
    let golden: Vec<Golden> = golden
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let cases = cases();
    assert_eq!(cases.len(), golden.len(), "run the oracle again");
    let mut failures = Vec::new();
    let (mut errors, mut texts) = (0, 0);
    for (case, golden) in cases.iter().zip(&golden) {
        assert_eq!(case.name, golden.name);
        let ours = run(case);
        let problem = match (&ours, &golden.error) {
            (Ok(ours), None) if equal(ours, &golden.output) => None,
            (Err(error), Some(theirs)) => {
                errors += 1;
                texts += usize::from(error.text.to_lowercase() == theirs.to_lowercase());
                // A syntax error's place is where each parser noticed it.
                let lines: Vec<u32> = error
                    .places
                    .iter()
                    .filter(|place| place.file == "main.jsonnet")
                    .map(|place| place.line)
                    .collect();
                let has_place = !error.places.is_empty();
                (!has_place || golden.line > 0 && !lines.contains(&golden.line))
                    .then(|| format!("{error} is not in line {}: {theirs}", golden.line))
            }
            (ours, theirs) => {
                let ours = match ours {
                    Ok(value) => value.to_string(),
                    Err(error) => error.to_string(),
                };
                Some(format!(
                    "ours {ours}\n  theirs {} {theirs:?}",
                    golden.output
                ))
            }
        };
        if let Some(problem) = problem {
            failures.push(format!(
                "{}: {}\n  {problem}\n",
                case.name,
                case.main.trim_end()
            ));
        }
    }
    println!(
        "{} cases, {errors} errors, {texts} of them in the same words",
        cases.len()
    );
    assert!(
        failures.is_empty(),
        "{} differ\n{}",
        failures.len(),
        failures.join("\n")
    );
}
