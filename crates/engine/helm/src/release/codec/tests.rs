//! Records that Helm could have written, and those that nobody should have.

use super::*;
use argosy_object::json;

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(plain).unwrap();
    STANDARD.encode(packer.finish().unwrap()).into_bytes()
}

fn sample() -> Release {
    let stamp = Stamp::parse("2024-01-02T03:04:05.6Z");
    Release {
        name: "web".into(),
        namespace: "shop".into(),
        version: 3,
        info: Info {
            first_deployed: stamp,
            last_deployed: stamp,
            deleted: None,
            description: "a <b> & c".into(),
            status: Status::Deployed,
            notes: "hello\n".into(),
        },
        chart: json!({"values": {"n": 3.0}, "metadata": {"version": "1", "name": "web", "maintainers": [{"email": "e", "name": "n"}]}, "lock": null}),
        config: Some([("a".to_owned(), json!(1.5))].into_iter().collect()),
        manifest: "---\na: 1\n".into(),
        hooks: vec![HookRecord {
            name: "h".into(),
            kind: "Job".into(),
            events: vec!["test".into()],
            started_at: stamp,
            phase: HookPhase::Running,
            weight: -5,
            ..HookRecord::default()
        }],
        labels: std::collections::BTreeMap::new(),
        apply_method: "ssa".into(),
    }
}

#[test]
fn a_record_is_written_in_the_order_of_gos_structs() {
    assert_eq!(
        sample().to_go_json(None),
        "{\"name\":\"web\",\"info\":{\"first_deployed\":\"2024-01-02T03:04:05.6Z\",\
         \"last_deployed\":\"2024-01-02T03:04:05.6Z\",\"description\":\"a \\u003cb\\u003e \\u0026 c\",\
         \"status\":\"deployed\",\"notes\":\"hello\\n\"},\"chart\":{\"metadata\":{\"name\":\"web\",\
         \"version\":\"1\",\"maintainers\":[{\"name\":\"n\",\"email\":\"e\"}]},\"lock\":null,\
         \"values\":{\"n\":3}},\"config\":{\"a\":1.5},\"manifest\":\"---\\na: 1\\n\",\
         \"hooks\":[{\"name\":\"h\",\"kind\":\"Job\",\"events\":[\"test\"],\
         \"last_run\":{\"started_at\":\"2024-01-02T03:04:05.6Z\",\"phase\":\"Running\"},\
         \"weight\":-5}],\"version\":3,\"namespace\":\"shop\",\"apply_method\":\"ssa\"}"
    );
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let text = encode_release(&sample());
    assert_eq!(decode_release(text.as_bytes()), Ok(sample()));
}

#[test]
fn an_unpacked_record_of_old_is_read() {
    let text =
        STANDARD.encode(r#"{"name":"old","info":{"status":"deployed","deleted":""},"version":1}"#);
    let release = decode_release(text.as_bytes()).unwrap();
    assert_eq!(
        (release.name.as_str(), release.config, release.chart),
        ("old", None, Json::Null)
    );
    assert_eq!(release.info.deleted, None);
}

#[test]
fn what_strangers_put_there_is_refused() {
    let bomb = packed(&vec![b' '; usize::try_from(MAX_RECORD_BYTES).unwrap() + 1]);
    assert!(bomb.len() < 128 << 10, "it is small, packed");
    assert_eq!(decode_release(&bomb), Err(DecodeError::TooLarge));
    assert_eq!(decode_release(b"%%%"), Err(DecodeError::Base64));
    let mut torn = STANDARD
        .decode(packed(br#"{"name":"a","info":{}}"#))
        .unwrap();
    torn.truncate(torn.len() - 12);
    let torn = STANDARD.encode(torn);
    assert!(matches!(
        decode_release(torn.as_bytes()),
        Err(DecodeError::Gzip(_))
    ));
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for plain in [
        "",
        "null",
        "[]",
        "{}",
        "{\"name\":1}",
        "{\"name\":\"a\"}",
        "{\"name\":\"a\",\"info\":[]}",
        "{\"name\":\"a\",\"info\":{},\"hooks\":[1]}",
        "{\"name\":\"a\",\"info\":{},\"chart\":\"x\"}",
        "{\"name\":\"a\",\"info\":{},\"config\":[]}",
        "\u{0}",
        &deep,
    ] {
        let error = decode_release(&packed(plain.as_bytes())).unwrap_err();
        assert!(
            matches!(error, DecodeError::Json(_)),
            "{plain:.40}: {error}"
        );
    }
}
