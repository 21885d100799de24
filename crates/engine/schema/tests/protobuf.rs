//! Replays objects that Kubernetes' own codec wrote (`conformance/oracles/proto`).

use argosy_object::{Gvk, Value};
use argosy_schema::{Schemas, decode_protobuf, default};
use base64::Engine;

#[test]
fn protobuf_and_json_are_the_same_object() {
    let table = std::env::var("ARGOSY_PROTOBUF_TABLE").map_or_else(
        |_| include_str!("data/protobuf.jsonl").to_owned(),
        |path| std::fs::read_to_string(path).unwrap(),
    );
    let schemas = Schemas::builtin();
    let (mut failures, mut count, mut unknown) = (Vec::new(), 0, Vec::new());
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let text = |name: &str| case[name].as_str().unwrap();
        let gvk = Gvk::from_api_version(text("apiVersion"), text("kind"));
        let Some(kind) = schemas.kind(&gvk) else {
            unknown.push(gvk.to_string());
            continue;
        };
        count += 1;
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(text("protobuf"))
            .unwrap();
        let mut decoded = match decode_protobuf(kind, &bytes) {
            Ok(decoded) => decoded,
            Err(error) => {
                failures.push(format!("{gvk}: {error}"));
                continue;
            }
        };
        let mut json = case["json"].clone();
        // Both pass through Go's structs, which drop and add the same zeros.
        default(kind, &mut decoded);
        default(kind, &mut json);
        if decoded != json {
            failures.push(format!("{gvk}\nwant={json}\n got={decoded}\n"));
        }
    }
    assert!(unknown.is_empty(), "kinds without schema: {unknown:?}");
    assert!(count > 50, "only {count} cases");
    let shown = failures.iter().take(3).cloned().collect::<String>();
    assert!(
        failures.is_empty(),
        "{} of {count} differ:\n{shown}",
        failures.len()
    );
}

#[test]
fn broken_bytes_are_errors() {
    let schemas = Schemas::builtin();
    let kind = schemas.by_group_kind("", "Pod").unwrap();
    assert!(decode_protobuf(kind, b"{}").is_err());
    for line in include_str!("data/protobuf.jsonl").lines().take(20) {
        let case: Value = serde_json::from_str(line).unwrap();
        let bytes = base64::engine::general_purpose::STANDARD
            .decode(case["protobuf"].as_str().unwrap())
            .unwrap();
        for cut in (0..bytes.len()).step_by(7) {
            let _ = decode_protobuf(kind, &bytes[..cut]);
            let mut flipped = bytes.clone();
            flipped[cut] ^= 0xff;
            let _ = decode_protobuf(kind, &flipped);
        }
    }
}
