//! What sprig said of these templates, recorded by `conformance/oracles/sprig`, must be what we
//! say: outputs and errors, to the byte.

use argosy_gotmpl::{Delims, FixedEnv, Limits, Set, Value};
use serde_json::Value as Json;

const GOLDEN: &str = include_str!("golden.jsonl");

fn run(template: &str, data: &Json) -> Result<String, String> {
    let delims = Delims { left: "{{", right: "}}" };
    let set = Set::parse("t", template, argosy_sprig::functions(), delims)
        .map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    let data = Value::from_json_floats(data);
    set.execute("t", &data, &mut FixedEnv::default(), &Limits::default(), &mut out)
        .map_err(|e| e.to_string())?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn templates_render_as_recorded() {
    let mut rows = GOLDEN.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let data = rows.next().unwrap()["data"].take();
    let (mut total, mut wrong) = (0, Vec::new());
    for row in rows {
        total += 1;
        let template = row["t"].as_str().unwrap();
        let expected = match row["o"].as_str() {
            Some(output) => Ok(output.to_owned()),
            None => Err(row["e"].as_str().unwrap().to_owned()),
        };
        let ours = run(template, &data);
        if ours != expected {
            wrong.push(format!("{template}\n   go: {expected:?}\n ours: {ours:?}"));
        }
    }
    assert!(total > 4000, "the table is nearly empty");
    assert!(wrong.is_empty(), "{} of {total} differ:\n{}", wrong.len(), wrong.join("\n"));
}
