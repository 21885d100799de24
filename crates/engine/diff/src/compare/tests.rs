//! Rows of desired and live, and whether they agree.

use super::*;
use argosy_object::json;

fn check(desired: Value, live: Option<Value>, expected: SyncCode) -> Row {
    let object = Object::new(desired).unwrap();
    let one = Desired {
        key: object.key(),
        object,
        origin: Origin::default(),
        denied: None,
        unsupported: None,
    };
    let live: BTreeMap<Key, Object> = live
        .into_iter()
        .map(|v| Object::new(v).unwrap())
        .map(|o| (o.key(), o))
        .collect();
    let comparison = compare(
        vec![one],
        &live,
        &|_| true,
        &IgnoreRules::default(),
        &Schemas::builtin(),
    );
    assert_eq!(comparison.code(), expected, "{comparison:#?}");
    comparison.rows.into_iter().next().unwrap()
}

fn config(data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "c", "namespace": "ns"}, "data": data})
}

fn applied(mut live: Value, last: &Value) -> Value {
    live["metadata"]["annotations"][names::LAST_APPLIED] = last.to_string().into();
    live["metadata"]["resourceVersion"] = "7".into();
    live["metadata"]["uid"] = "u".into();
    live
}

#[test]
fn absent_object_is_out_of_sync() {
    check(config(json!({"a": "1"})), None, SyncCode::OutOfSync);
}

#[test]
fn just_applied_object_is_in_sync() {
    let desired = config(json!({"a": "1"}));
    check(
        desired.clone(),
        Some(applied(desired.clone(), &desired)),
        SyncCode::Synced,
    );
}

#[test]
fn field_that_left_git_is_a_difference_and_a_foreign_one_is_not() {
    let before = config(json!({"a": "1", "b": "2"}));
    let live = applied(config(json!({"a": "1", "b": "2"})), &before);
    check(config(json!({"a": "1"})), Some(live), SyncCode::OutOfSync);
    let last = config(json!({"a": "1"}));
    let live = applied(config(json!({"a": "1", "foreign": "x"})), &last);
    check(last, Some(live), SyncCode::Synced);
}

#[test]
fn quantities_are_compared_in_canonical_form() {
    let pod = |cpu: Value| {
        json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "ns"},
            "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": cpu}}}]}})
    };
    check(
        pod(json!("1000m")),
        Some(applied(pod(json!("1")), &pod(json!("1000m")))),
        SyncCode::Synced,
    );
    check(
        pod(json!(0.5)),
        Some(applied(pod(json!("500m")), &pod(json!(0.5)))),
        SyncCode::Synced,
    );
}

#[test]
fn secret_text_equals_its_stored_form() {
    let secret = |field: &str, value: &str| {
        json!({"apiVersion": "v1", "kind": "Secret", "type": "Opaque",
            "metadata": {"name": "s", "namespace": "ns"}, field: {"k": value}})
    };
    let desired = secret("stringData", "v1");
    check(
        desired.clone(),
        Some(applied(secret("data", "djE="), &desired)),
        SyncCode::Synced,
    );
    check(
        desired.clone(),
        Some(applied(secret("data", "djI="), &desired)),
        SyncCode::OutOfSync,
    );
}

#[test]
fn tracked_object_that_left_git_is_extraneous_unless_it_says_otherwise() {
    let live = |option: &str| {
        let mut value = config(json!({}));
        value["metadata"]["annotations"] = json!({names::COMPARE_OPTIONS: option});
        let object = Object::new(value).unwrap();
        BTreeMap::from([(object.key(), object)])
    };
    let run = |live: &BTreeMap<Key, Object>, tracked: bool| {
        compare(
            vec![],
            live,
            &|_| tracked,
            &IgnoreRules::default(),
            &Schemas::builtin(),
        )
    };
    assert_eq!(run(&live(""), true).code(), SyncCode::OutOfSync);
    assert_eq!(
        run(&live("IgnoreExtraneous"), true).code(),
        SyncCode::Synced
    );
    assert!(run(&live(""), false).rows.is_empty());
}
