//! Dictionaries. `set`, `unset` and the merges change the map that was given, as in Go: every
//! other variable that holds it sees the change.

use crate::args::{Outcome, VALUE_BYTES, any, map, rest, string, strings, text};
use crate::defaults::is_empty;
use crate::equal::{MAX_DEPTH, TOO_DEEP};
use crate::text::{charge_text, strval};
use argosy_gotmpl::{CallCx, FuncError, FuncTable, GoStr, Map, MapRef, Value};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let table = table
        .with_typed("dict", "...any", dict)
        .with_typed("get", "map, string", |_, a| {
            Ok(map(a, 0)
                .and_then(|m| m.get(text(a, 1)))
                .unwrap_or_else(|| Value::str("")))
        })
        .with_typed("set", "map, string, any", set)
        .with_typed("unset", "map, string", |_, a| {
            let map = map(a, 0).cloned().unwrap_or_default();
            map.remove(text(a, 1));
            Ok(Value::Map(map))
        })
        .with_typed("hasKey", "map, string", |_, a| {
            Ok(Value::Bool(
                map(a, 0).is_some_and(|m| m.contains(text(a, 1))),
            ))
        })
        .with_typed("pluck", "string, ...map", |_, a| {
            let key = text(a, 0);
            let maps = rest(a, 1)
                .iter()
                .enumerate()
                .filter_map(|(index, _)| map(a, index + 1));
            Ok(Value::list(maps.filter_map(|m| m.get(key)).collect()))
        })
        .with_typed("keys", "...map", |cx, a| {
            let maps: Vec<_> = (0..a.len()).filter_map(|index| map(a, index)).collect();
            let keys: Vec<GoStr> = maps
                .iter()
                .flat_map(|m| m.snapshot().keys().cloned().collect::<Vec<_>>())
                .collect();
            strings(cx, keys.into_iter())
        })
        .with_typed("values", "map", |cx, a| {
            let entries = entries(map(a, 0));
            cx.charge(entries.len() as u64 * VALUE_BYTES)?;
            Ok(Value::list(entries.into_values().collect()))
        })
        .with_typed("pick", "map, ...string", |_, a| {
            let keys = (1..a.len()).map(|index| text(a, index));
            let picked =
                keys.filter_map(|key| Some((GoStr::from(key.to_vec()), map(a, 0)?.get(key)?)));
            Ok(Value::map(picked.collect()))
        })
        .with_typed("omit", "map, ...string", |cx, a| {
            let mut entries = entries(map(a, 0));
            cx.charge(entries.len() as u64 * 2 * VALUE_BYTES)?;
            for index in 1..a.len() {
                entries.remove(text(a, index));
            }
            Ok(Value::map(entries))
        })
        .with("dig", |_, a| dig(a));
    [
        ("merge", false),
        ("mustMerge", false),
        ("mergeOverwrite", true),
        ("mustMergeOverwrite", true),
    ]
    .into_iter()
    .fold(table, |table, (name, overwrite)| {
        table.with_typed(name, "map, ...map", move |cx, a| merged(cx, a, overwrite))
    })
}

fn entries(map: Option<&MapRef>) -> Map {
    map.map(|m| (*m.snapshot()).clone()).unwrap_or_default()
}

fn dict(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    cx.charge(args.len() as u64 * VALUE_BYTES)?;
    for key in args.iter().step_by(2) {
        charge_text(cx, std::slice::from_ref(key))?;
    }
    let entry = |pair: &[Value]| {
        let value = pair.get(1).cloned().unwrap_or_else(|| Value::str(""));
        (GoStr::from(strval(&pair[0])), value)
    };
    Ok(Value::map(args.chunks(2).map(entry).collect()))
}

fn set(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let Some(map) = map(args, 0) else {
        return Err(FuncError::new("assignment to entry in nil map"));
    };
    cx.charge(2 * VALUE_BYTES + text(args, 1).len() as u64)?;
    map.insert(text(args, 1).to_vec().into(), any(args, 2).clone());
    Ok(Value::Map(map.clone()))
}

fn merged(cx: &mut CallCx<'_>, args: &[Value], overwrite: bool) -> Outcome {
    let target = map(args, 0).cloned();
    let target = target.unwrap_or_default();
    for index in 1..args.len() {
        if let Some(source) = map(args, index) {
            merge(cx, &target, source, overwrite, MAX_DEPTH)?;
        }
    }
    Ok(Value::Map(target))
}

/// Merges one map into another.
///
/// Compat: mergo v1.0.1. Maps below are merged in place where both sides have one, and shared
/// where only the source has: a later merge then changes the source's too.
fn merge(
    cx: &mut CallCx<'_>,
    target: &MapRef,
    source: &MapRef,
    overwrite: bool,
    depth: usize,
) -> Result<(), FuncError> {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| FuncError::limit(TOO_DEEP))?;
    for (key, theirs) in source.snapshot().iter() {
        cx.charge(2 * VALUE_BYTES)?;
        let ours = target.get(key.as_bytes());
        match (&ours, theirs) {
            (_, Value::Nil) => {
                if overwrite {
                    target.insert(key.clone(), Value::Nil);
                }
                continue;
            }
            (Some(Value::Map(ours)), Value::Map(theirs)) => {
                merge(cx, ours, theirs, overwrite, depth)?;
                if !ours.is_empty() {
                    continue;
                }
            }
            (Some(ours), Value::List(_) | Value::Bytes(_)) if !is_zero(ours) => {
                if overwrite || target.is_empty() {
                    target.insert(key.clone(), theirs.clone());
                }
                continue;
            }
            _ => {}
        }
        if overwrite || ours.as_ref().is_none_or(is_zero) {
            target.insert(key.clone(), theirs.clone());
        }
    }
    Ok(())
}

/// What mergo takes for unset.
fn is_zero(value: &Value) -> bool {
    !matches!(value, Value::Host(_)) && is_empty(value)
}

fn dig(args: &[Value]) -> Outcome {
    let [keys @ .., default, dict] = args else {
        return Err(FuncError::new("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(FuncError::new("dig needs at least three arguments"));
    }
    let mut current = as_dict(dict)?;
    let mut names = Vec::with_capacity(keys.len());
    for key in keys {
        match key {
            Value::Str(name) => names.push(name),
            other => return Err(conversion(other, "string")),
        }
    }
    for (index, name) in names.iter().enumerate() {
        let Some(step) = current.and_then(|map| map.get(name.as_bytes())) else {
            return Ok(default.clone());
        };
        if index + 1 == names.len() {
            return Ok(step);
        }
        current = as_dict(&step)?;
    }
    string("")
}

fn as_dict(value: &Value) -> Result<Option<MapRef>, FuncError> {
    match value {
        Value::Map(map) if map.elem() == argosy_gotmpl::Elem::Any => Ok(Some(map.clone())),
        other => Err(conversion(other, "map[string]interface {}")),
    }
}

fn conversion(value: &Value, wanted: &str) -> FuncError {
    let found = match value {
        Value::Nil => "nil".to_owned(),
        other => argosy_gotmpl::gofmt::type_name(other).to_string(),
    };
    FuncError::new(format!(
        "interface conversion: interface {{}} is {found}, not {wanted}"
    ))
}
