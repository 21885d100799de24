//! Lists: each function with a `must` twin, which in Go returns the error that the plain one
//! panics with. A template tells them apart only by the text, which is the same.

use crate::args::{NIL_POINTER, Outcome, VALUE_BYTES, any, int, rest};
use crate::cast::to_int;
use crate::defaults::is_empty;
use crate::equal::{Seen, deep_equal};
use crate::text::kind;
use argosy_gotmpl::{CallCx, Elem, FuncError, FuncTable, List, Value};
use std::borrow::Cow;

type Function = fn(&mut CallCx<'_>, &[Value]) -> Outcome;

/// Names, signature and code.
const FUNCTIONS: &[(&[&str], &str, Function)] = &[
    (&["list", "tuple"], "...any", |cx, a| made(cx, a.to_vec())),
    (
        &["append", "push", "mustAppend", "mustPush"],
        "any, any",
        |cx, a| {
            let mut items = items(any(a, 0), "Cannot push on type")?.into_owned();
            items.push(any(a, 1).clone());
            made(cx, items)
        },
    ),
    (&["prepend", "mustPrepend"], "any, any", |cx, a| {
        let items = items(any(a, 0), "Cannot prepend on type")?;
        made(cx, [&[any(a, 1).clone()], &items[..]].concat())
    }),
    (&["first", "mustFirst"], "any", |_, a| {
        Ok(items(any(a, 0), "Cannot find first on type")?
            .first()
            .cloned()
            .unwrap_or_default())
    }),
    (&["last", "mustLast"], "any", |_, a| {
        Ok(items(any(a, 0), "Cannot find last on type")?
            .last()
            .cloned()
            .unwrap_or_default())
    }),
    (&["rest", "mustRest"], "any", |cx, a| {
        match items(any(a, 0), "Cannot find rest on type")?.split_first() {
            Some((_, rest)) => made(cx, rest.to_vec()),
            None => Ok(Value::List(List::nil_slice(Elem::Any))),
        }
    }),
    (&["initial", "mustInitial"], "any", |cx, a| {
        match items(any(a, 0), "Cannot find initial on type")?.split_last() {
            Some((_, rest)) => made(cx, rest.to_vec()),
            None => Ok(Value::List(List::nil_slice(Elem::Any))),
        }
    }),
    (&["reverse", "mustReverse"], "any", |cx, a| {
        let mut items = items(any(a, 0), "Cannot find reverse on type")?.into_owned();
        items.reverse();
        made(cx, items)
    }),
    (&["compact", "mustCompact"], "any", |cx, a| {
        let items = items(any(a, 0), "Cannot compact on type")?;
        made(cx, items.iter().filter(|v| !is_empty(v)).cloned().collect())
    }),
    (&["uniq", "mustUniq"], "any", uniq),
    (&["without", "mustWithout"], "any, ...any", without),
    (&["has", "mustHas"], "any, any", has),
    (&["slice", "mustSlice"], "any, ...any", slice),
    (&["concat"], "...any", concat),
    (&["chunk", "mustChunk"], "int, any", chunk),
];

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let names = FUNCTIONS
        .iter()
        .flat_map(|(names, signature, code)| names.iter().map(move |n| (n, signature, code)));
    names.fold(table, |table, (name, signature, code)| {
        table.with_typed(name, signature, *code)
    })
}

fn made(cx: &mut CallCx<'_>, items: Vec<Value>) -> Outcome {
    cx.charge(items.len() as u64 * VALUE_BYTES)?;
    Ok(Value::list(items))
}

/// The items of a list; anything else is refused with its kind, nil as Go's reflection does.
fn items<'v>(value: &'v Value, refusal: &str) -> Result<Cow<'v, [Value]>, FuncError> {
    match value {
        Value::List(list) => Ok(Cow::Borrowed(list)),
        Value::Bytes(bytes) => Ok(Cow::Owned(
            bytes.iter().map(|b| Value::Int(i64::from(*b))).collect(),
        )),
        Value::Host(host) => match host.plain() {
            Some(Value::List(list)) => Ok(Cow::Owned(list.to_vec())),
            _ => Err(FuncError::new(format!("{refusal} {}", kind(value)))),
        },
        Value::Nil => Err(FuncError::new(NIL_POINTER)),
        other => Err(FuncError::new(format!("{refusal} {}", kind(other)))),
    }
}

fn uniq(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let items = items(any(args, 0), "Cannot find uniq on type")?;
    let mut seen = Seen::default();
    let mut kept = Vec::new();
    for item in items.iter() {
        if seen.insert(cx, item)? {
            kept.push(item.clone());
        }
    }
    made(cx, kept)
}

fn without(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let items = items(any(args, 0), "Cannot find without on type")?;
    let omitted = Seen::of(cx, rest(args, 1))?;
    let mut kept = Vec::new();
    for item in items.iter() {
        if !omitted.contains(cx, item)? {
            kept.push(item.clone());
        }
    }
    made(cx, kept)
}

fn has(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    if any(args, 1).is_nil() {
        return Ok(Value::Bool(false));
    }
    for item in items(any(args, 1), "Cannot find has on type")?.iter() {
        if deep_equal(cx, any(args, 0), item)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

fn slice(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let items = items(any(args, 0), "list should be type of slice or array but")?;
    if items.is_empty() {
        return Ok(Value::Nil);
    }
    let start = args.get(1).map_or(0, to_int);
    let end = args.get(2).map_or(items.len() as i64, to_int);
    let range = usize::try_from(start).ok().zip(usize::try_from(end).ok());
    let part = range
        .and_then(|(start, end)| items.get(start..end))
        .ok_or_else(|| FuncError::new("reflect.Value.Slice: slice index out of bounds"))?;
    cx.charge(part.len() as u64 * VALUE_BYTES)?;
    Ok(match any(args, 0) {
        Value::List(list) => Value::List(List::typed(part.to_vec(), list.elem())),
        Value::Bytes(bytes) => Value::Bytes(bytes[start as usize..end as usize].into()),
        _ => Value::list(part.to_vec()),
    })
}

fn concat(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let mut joined = Vec::new();
    for list in args {
        let refused = || {
            let text = format!("Cannot concat type {} as list", kind(list));
            FuncError::new(text)
        };
        let items = match list {
            Value::Host(_) => items(list, "").map_err(|_| refused()),
            Value::List(_) | Value::Bytes(_) | Value::Nil => items(list, ""),
            _ => Err(refused()),
        };
        joined.extend_from_slice(&items?);
    }
    if joined.is_empty() {
        return Ok(Value::List(List::nil_slice(Elem::Any)));
    }
    made(cx, joined)
}

fn chunk(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let items = items(any(args, 1), "Cannot chunk type")?;
    let size = int(args, 0);
    if size <= 0 {
        // Compat: Go counts the chunks by dividing: 0 of them where the size is no less than the
        // steps between the items, one of a single item, else a number that it cannot make a
        // list of.
        if items.len() == 1 && size < -1 {
            let only = vec![Value::list(items.to_vec())];
            return Ok(Value::List(List::typed(only, Elem::Lists)));
        }
        let steps = items.len().saturating_sub(1) as u64;
        if (1..=size.unsigned_abs()).contains(&steps) {
            return Ok(Value::List(List::typed(Vec::new(), Elem::Lists)));
        }
        return Err(FuncError::new("runtime error: makeslice: len out of range"));
    }
    cx.charge(items.len() as u64 * 2 * VALUE_BYTES)?;
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let chunks = items
        .chunks(size)
        .map(|part| Value::list(part.to_vec()))
        .collect();
    Ok(Value::List(List::typed(chunks, Elem::Lists)))
}
