//! Replays what Kubernetes' own patch functions answered (`conformance/oracles/smp`).

use argosy_object::{Gvk, Value};
use argosy_schema::{
    Schemas, merge_patch, merge_three_way, strategic, three_way, two_way_strategic,
};

#[test]
fn patches_equal_upstreams() {
    let table = std::env::var("ARGOSY_PATCH_TABLE").map_or_else(
        |_| include_str!("data/patches.jsonl").to_owned(),
        |path| std::fs::read_to_string(path).unwrap(),
    );
    let schemas = Schemas::builtin();
    let mut failures = Vec::new();
    let mut count = 0;
    for line in table.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let (a, b, c) = (&case["a"], &case["b"], &case["c"]);
        let kind = case["kind"].as_str().map(|text| {
            let (api_version, kind) = text.split_once(' ').unwrap();
            schemas
                .kind(&Gvk::from_api_version(api_version, kind))
                .unwrap()
        });
        let got = match case["op"].as_str().unwrap() {
            "three_way" => three_way(kind, Some(a), b, c).map(|patch| patch.body),
            "two_way" => two_way_strategic(kind.unwrap(), a, b),
            "strategic" => strategic(kind.unwrap(), a, b),
            "merge_three_way" => Ok(merge_three_way(Some(a), b, c)),
            "merge" => {
                let mut merged = a.clone();
                merge_patch(&mut merged, b);
                Ok(merged)
            }
            other => panic!("unknown operation {other}"),
        };
        let equal = match (&got, case.get("error")) {
            (Ok(got), None) => *got == case["result"],
            // Where several things are wrong, which one Go names first depends on map order.
            (Err(_), Some(_)) => true,
            _ => false,
        };
        count += 1;
        if !equal {
            failures.push(format!(
                "{}\na={a}\nb={b}\nc={c}\nwant={}{}\n got={got:?}\n",
                case["op"], case["result"], case["error"]
            ));
        }
    }
    assert!(count > 200, "only {count} cases");
    assert!(
        failures.is_empty(),
        "{} of {count} differ:\n{}",
        failures.len(),
        failures.iter().take(4).cloned().collect::<String>()
    );
}
