//! Defaults, emptiness, and what a value is.

use crate::args::{Outcome, any, rest, string, text};
use crate::equal::{MAX_DEPTH, TOO_DEEP, deep_equal};
use crate::text::kind;
use argosy_gotmpl::{CallCx, FuncError, FuncTable, List, MapRef, Value};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let table = table
        .with_typed("default", "any, ...any", |_, a| {
            let given = rest(a, 1).first().filter(|given| !is_empty(given));
            Ok(given.unwrap_or(any(a, 0)).clone())
        })
        .with_typed("empty", "any", |_, a| Ok(Value::Bool(is_empty(any(a, 0)))))
        .with_typed("coalesce", "...any", |_, a| {
            Ok(a.iter().find(|v| !is_empty(v)).cloned().unwrap_or_default())
        })
        .with_typed("all", "...any", |_, a| {
            Ok(Value::Bool(!a.iter().any(is_empty)))
        })
        .with_typed("any", "...any", |_, a| {
            Ok(Value::Bool(!a.iter().all(is_empty)))
        })
        .with_typed("ternary", "any, any, bool", |_, a| {
            let holds = matches!(any(a, 2), Value::Bool(true));
            Ok(any(a, usize::from(!holds)).clone())
        })
        .with_typed("fail", "string", |_, a| {
            Err(FuncError::new(crate::args::utf8(a, 0)))
        })
        .with_typed("typeOf", "any", |_, a| string(type_of(any(a, 0))))
        .with_typed("typeIs", "string, any", |_, a| {
            Ok(Value::Bool(type_of(any(a, 1)).as_bytes() == text(a, 0)))
        })
        .with_typed("typeIsLike", "string, any", |_, a| {
            let name = type_of(any(a, 1));
            let plain = name.strip_prefix('*').unwrap_or(&name);
            Ok(Value::Bool(
                name.as_bytes() == text(a, 0) || plain.as_bytes() == text(a, 0),
            ))
        })
        .with_typed("kindOf", "any", |_, a| string(kind(any(a, 0))))
        .with_typed("kindIs", "string, any", |_, a| {
            Ok(Value::Bool(kind(any(a, 1)).as_bytes() == text(a, 0)))
        })
        .with_typed("deepEqual", "any, any", |cx, a| {
            deep_equal(cx, any(a, 0), any(a, 1)).map(Value::Bool)
        });
    ["deepCopy", "mustDeepCopy"]
        .into_iter()
        .fold(table, |table, name| {
            table.with_typed(name, "any", |cx, a| match any(a, 0) {
                Value::Nil => Err(FuncError::new(
                    "reflect: call of reflect.Value.Type on zero Value",
                )),
                value => deep_copy(cx, value, MAX_DEPTH),
            })
        })
}

fn type_of(value: &Value) -> String {
    argosy_gotmpl::gofmt::type_name(value).to_string()
}

/// `empty`: the zero value of its type; structs never are.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nil => true,
        Value::Bool(flag) => !flag,
        Value::Int(int) | Value::Int64(int) | Value::Duration(int) => *int == 0,
        Value::Float(float) => *float == 0.0,
        Value::Str(text) => text.is_empty(),
        Value::Bytes(bytes) => bytes.is_empty(),
        Value::List(list) => list.is_empty(),
        Value::Map(map) => map.is_empty(),
        Value::Time(_) => false,
        Value::Host(host) => match (kind(value), host.plain()) {
            ("slice" | "map" | "string", Some(plain)) => is_empty(&plain),
            _ => false,
        },
    }
}

fn deep_copy(cx: &mut CallCx<'_>, value: &Value, depth: usize) -> Outcome {
    let depth = depth
        .checked_sub(1)
        .ok_or_else(|| FuncError::limit(TOO_DEEP))?;
    Ok(match value {
        Value::List(list) if list.is_nil_slice() => value.clone(),
        Value::List(list) => {
            cx.charge(list.len() as u64 * crate::args::VALUE_BYTES)?;
            let items = list.iter().map(|item| deep_copy(cx, item, depth));
            Value::List(List::typed(items.collect::<Result<_, _>>()?, list.elem()))
        }
        Value::Map(map) => {
            let entries = map.snapshot();
            cx.charge(entries.len() as u64 * 2 * crate::args::VALUE_BYTES)?;
            let copied = entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), deep_copy(cx, item, depth)?)))
                .collect::<Result<_, FuncError>>()?;
            let strings = map.elem() == argosy_gotmpl::Elem::Str;
            Value::Map(if strings {
                MapRef::strings(copied)
            } else {
                MapRef::new(copied)
            })
        }
        other => other.clone(),
    })
}
