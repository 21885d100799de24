//! How a generator's own template is laid over the set's.

use argosy_object::Value;

/// Fills what `own` leaves open from `base`: maps are united key by key, anything else that is
/// set and not zero stays, lists and `valuesObject` as a whole.
///
/// Compat: mergo over upstream's types.
pub(crate) fn fill(own: &mut Value, base: &Value) {
    fill_within(own, base, 100);
}

fn fill_within(own: &mut Value, base: &Value, depth: usize) {
    if is_zero(own) {
        *own = base.clone();
        return;
    }
    let (Value::Object(own), Value::Object(base)) = (own, base) else {
        return;
    };
    for (key, theirs) in base {
        match own.get_mut(key) {
            None => {
                own.insert(key.clone(), theirs.clone());
            }
            Some(ours) if key == "valuesObject" && !is_zero(ours) => {}
            Some(ours) if depth > 0 => fill_within(ours, theirs, depth - 1),
            Some(_) => {}
        }
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(flag) => !flag,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn own_fields_win_maps_are_united_and_lists_are_not() {
        let mut own = json!({"metadata": {"labels": {"a": "own"}, "name": ""},
            "spec": {"source": {"helm": {"valueFiles": ["own"]}}, "project": ""}});
        let base = json!({"metadata": {"labels": {"a": "base", "b": "base"}, "name": "n"},
            "spec": {"source": {"helm": {"valueFiles": ["a", "b"], "releaseName": "r"},
                "path": "p"}, "project": "default"}});
        fill(&mut own, &base);
        assert_eq!(
            own,
            json!({"metadata": {"labels": {"a": "own", "b": "base"}, "name": "n"},
            "spec": {"source": {"helm": {"valueFiles": ["own"], "releaseName": "r"}, "path": "p"},
                "project": "default"}})
        );
    }
}
