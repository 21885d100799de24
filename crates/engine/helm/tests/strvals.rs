//! Random lines of `--set` and its kin against helm's own parser (`conformance/oracles/strvals`).

#[path = "../../../../conformance/oracles/differential.rs"]
mod differential;

use argosy_helm::{Layer, merge_layers};
use argosy_object::{Value as Json, json};
use differential::Oracle;

/// Numbers marked as the oracle marks them.
fn marked(value: &Json) -> Json {
    match value {
        Json::Number(number) if number.is_f64() => {
            let float = number.as_f64().unwrap_or_default();
            json!({"$float": argosy_gotmpl::format_float(float, b'g', None)})
        }
        Json::Number(number) => json!({"$int": number.to_string()}),
        Json::Array(items) => items.iter().map(marked).collect(),
        Json::Object(map) => Json::Object(
            map.iter()
                .map(|(key, value)| (key.clone(), marked(value)))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The table that the lines make, or the error without Helm's words before it.
fn ours(kind: &str, lines: &[String]) -> Result<Json, String> {
    let layer = match kind {
        "set" => Layer::Set,
        "string" => Layer::SetString,
        "json" => Layer::SetJson,
        "literal" => Layer::SetLiteral,
        _ => Layer::SetFile,
    };
    let layers: Vec<Layer> = lines.iter().cloned().map(layer).collect();
    let read = |path: &str| {
        if path.contains("no") {
            return Err(format!("open {path}: no such file"));
        }
        Ok(format!("<{path}>").into_bytes())
    };
    let table = merge_layers(&layers, &read).map_err(|error| {
        let text = error.to_string();
        let cut = text.find(" data: ").map(|at| at + " data: ".len());
        text[cut.unwrap_or(0)..].to_owned()
    })?;
    Ok(marked(&Json::Object(table)))
}

fn difference(line: &str) -> Option<String> {
    let row: Json = line.parse().expect("a JSON object a line");
    let kind = row["kind"].as_str().unwrap_or_default();
    let lines = row["lines"].as_array().into_iter().flatten();
    let lines: Vec<String> = lines
        .filter_map(|line| line.as_str().map(str::to_owned))
        .collect();
    // A line that is an object as a whole never comes to the parser.
    if kind == "json" && lines.iter().any(|line| line.trim().starts_with('{')) {
        return None;
    }
    let theirs = match row["error"].as_str() {
        Some(error) => Err(error.to_owned()),
        None => Ok(row["out"].clone()),
    };
    let ours = ours(kind, &lines);
    let agree = match (&ours, &theirs) {
        // helm does not show what its JSON lines say.
        (Err(_), Err(_)) if kind == "json" => true,
        (ours, theirs) => ours == theirs,
    };
    (!agree).then(|| format!("{kind} {lines:?}\n ours {ours:?}\n helm {theirs:?}"))
}

#[test]
fn random_lines_parse_as_helm_parses_them() {
    let Some(oracle) = Oracle::build("strvals", 20_000) else {
        return;
    };
    oracle.rounds(difference);
}
