//! Parameter sets: what a generator gives and a template takes.

use argosy_gotmpl::{Elem, GoStr, List, Map, MapRef, Value, gofmt};
use std::collections::BTreeMap;

/// One parameter set. In the default mode all keys are flat (`path.basename`).
pub(crate) type Params = MapRef;

/// A string value.
pub(crate) fn text(value: impl Into<String>) -> Value {
    Value::str(value.into())
}

/// A `map[string]string`.
pub(crate) fn strings(entries: &BTreeMap<String, String>) -> Value {
    let entries: Map = entries
        .iter()
        .map(|(k, v)| (GoStr::from(k.as_str()), text(v)))
        .collect();
    Value::Map(MapRef::strings(entries))
}

/// A `[]string`.
pub(crate) fn string_list<'t>(items: impl Iterator<Item = &'t str>) -> Value {
    Value::List(List::typed(items.map(Value::from).collect(), Elem::Str))
}

/// Sets a parameter.
pub(crate) fn set(params: &Params, key: &str, value: Value) {
    params.insert(GoStr::from(key), value);
}

/// What `%v` prints.
pub(crate) fn go_text(value: &Value) -> String {
    let mut out = Vec::new();
    gofmt::append_value(&mut out, value);
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

/// How deep parameters are followed; templates may make maps that hold themselves.
const MAX_DEPTH: usize = 200;

/// All leaves by dotted key: `values.repo`, `list.0`. Empty maps and lists vanish.
pub(crate) fn flatten(params: &Params) -> BTreeMap<String, Value> {
    let mut out = BTreeMap::new();
    flatten_into(&mut out, "", &Value::Map(params.clone()), MAX_DEPTH);
    out
}

fn flatten_into(out: &mut BTreeMap<String, Value>, prefix: &str, value: &Value, depth: usize) {
    let key = |name: &str| match prefix {
        "" => name.to_owned(),
        _ => format!("{prefix}.{name}"),
    };
    match value {
        _ if depth == 0 => {}
        Value::Map(map) => {
            for (name, item) in map.snapshot().iter() {
                flatten_into(out, &key(&name.lossy()), item, depth - 1);
            }
        }
        Value::List(list) if list.elem() == Elem::Any => {
            for (index, item) in list.iter().enumerate() {
                flatten_into(out, &key(&index.to_string()), item, depth - 1);
            }
        }
        leaf => {
            out.insert(prefix.to_owned(), leaf.clone());
        }
    }
}

/// A copy that shares no map with the original.
pub(crate) fn copy(params: &Params) -> Params {
    copy_map(params, MAX_DEPTH)
}

fn copy_map(map: &MapRef, depth: usize) -> MapRef {
    let entries = map
        .snapshot()
        .iter()
        .map(|(key, item)| (key.clone(), copy_value(item, depth)))
        .collect();
    if map.elem() == Elem::Str {
        MapRef::strings(entries)
    } else {
        MapRef::new(entries)
    }
}

fn copy_value(value: &Value, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Nil;
    };
    match value {
        Value::Map(map) => Value::Map(copy_map(map, depth)),
        Value::List(list) if list.elem() == Elem::Any && !list.is_nil_slice() => {
            Value::list(list.iter().map(|item| copy_value(item, depth)).collect())
        }
        other => other.clone(),
    }
}

/// Merges one set over another: maps below are united, anything else is replaced, by empty
/// values too.
pub(crate) fn merge_over(target: &Params, source: &Params) {
    merge_within(target, source, MAX_DEPTH);
}

fn merge_within(target: &MapRef, source: &MapRef, depth: usize) {
    let Some(depth) = depth.checked_sub(1) else {
        return;
    };
    for (key, theirs) in source.snapshot().iter() {
        match (target.get(key.as_bytes()), theirs) {
            (Some(Value::Map(ours)), Value::Map(theirs)) if !theirs.is_empty() => {
                merge_within(&ours, theirs, depth);
            }
            (Some(Value::Map(ours)), Value::Map(_)) if !ours.is_empty() => {}
            _ => target.insert(key.clone(), theirs.clone()),
        }
    }
}
