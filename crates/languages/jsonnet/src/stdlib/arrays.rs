//! Arrays.

use super::{Args, Table, eager, elements, fail, int};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome, wrong_type};
use crate::heap::{Thunk, ThunkId};
use crate::value::{Function, List, Value};
use std::rc::Rc;

pub(super) const TABLE: Table = &[
    eager("makeArray", &["sz", "func"], make_array),
    eager("range", &["from", "to"], range),
    eager("map", &["func", "arr"], |cx, a| {
        let (function, list) = (a.function(0)?, elements(cx, a.value(1))?);
        lazily(cx, function, &list)
    }),
    eager("mapWithIndex", &["func", "arr"], map_with_index),
    eager("filter", &["func", "arr"], |cx, a| {
        let list = filtered(cx, a.function(0)?, a.array(1)?)?;
        cx.heap.list(list)
    }),
    eager("filterMap", &["filter_func", "map_func", "arr"], |cx, a| {
        let list = filtered(cx, a.function(0)?, a.array(2)?)?;
        lazily(cx, a.function(1)?, &list)
    }),
    eager("flatMap", &["func", "arr"], flat_map),
    eager("foldl", &["func", "arr", "init"], foldl),
    eager("foldr", &["func", "arr", "init"], foldr),
    eager("join", &["sep", "arr"], join),
    eager("lines", &["arr"], lines),
    eager("deepJoin", &["arr"], |cx, a| {
        let mut out = String::new();
        deep_join(cx, a.value(0), &mut out)?;
        cx.heap.text(out)
    }),
    eager("flattenArrays", &["arrs"], |cx, a| {
        let mut all = Vec::new();
        for element in a.array(0)?.iter() {
            match cx.force(*element)? {
                Value::Array(list) => extend(cx, &mut all, &list)?,
                other => return Err(wrong_type(&other, "array")),
            }
        }
        cx.heap.list(all)
    }),
    eager("flattenDeepArray", &["value"], |cx, a| {
        let mut all = Vec::new();
        flatten_deep(cx, a.value(0), &mut all)?;
        cx.heap.list(all)
    }),
    eager("reverse", &["arr"], |cx, a| {
        let list = elements(cx, a.value(0))?;
        cx.heap.list(list.iter().rev().copied().collect())
    }),
    eager("find", &["value", "arr"], find),
    eager("count", &["arr", "x"], |cx, a| {
        let mut count = 0;
        for element in a.array(0)?.iter() {
            let element = cx.force(*element)?;
            count += u32::from(cx.equal(&element, a.value(1))?);
        }
        Ok(Value::Number(f64::from(count)))
    }),
    eager("member", &["arr", "x"], |cx, a| {
        is_member(cx, a.value(0), a.value(1)).map(Value::Bool)
    }),
    eager("contains", &["arr", "elem"], |cx, a| {
        Ok(Value::Bool(
            position(cx, a.array(0)?, a.value(1))?.is_some(),
        ))
    }),
    eager("remove", &["arr", "elem"], |cx, a| {
        match position(cx, a.array(0)?, a.value(1))? {
            Some(at) => without(cx, a.array(0)?, at),
            None => Ok(a.value(0).clone()),
        }
    }),
    eager("removeAt", &["arr", "at"], |cx, a| {
        let (list, at) = (a.array(0)?, a.int(1)?);
        match usize::try_from(at) {
            Ok(at) if at < list.len() => without(cx, list, at),
            _ => fail(format!(
                "Index {at} out of bounds, not within [0, {})",
                list.len()
            )),
        }
    }),
    eager("all", &["arr"], |cx, a| every(cx, a.array(0)?, true)),
    eager("any", &["arr"], |cx, a| every(cx, a.array(0)?, false)),
    eager("sum", &["arr"], |cx, a| {
        sum(cx, a.array(0)?).map(Value::Number)
    }),
    eager("avg", &["arr"], |cx, a| {
        let list = a.array(0)?;
        if list.is_empty() {
            return fail("Cannot calculate average of an empty array.");
        }
        Ok(Value::Number(sum(cx, list)? / list.len() as f64))
    }),
    eager("minArray", &["arr", "keyF?", "onEmpty?"], |cx, a| {
        extreme(cx, a, false)
    }),
    eager("maxArray", &["arr", "keyF?", "onEmpty?"], |cx, a| {
        extreme(cx, a, true)
    }),
    eager("slice", &["indexable", "index", "end", "step"], |cx, a| {
        slice(
            cx,
            a.value(0),
            &[a.value(1).clone(), a.value(2).clone(), a.value(3).clone()],
        )
    }),
    eager("repeat", &["what", "count"], repeat),
];

fn extend(
    cx: &mut Interpreter<'_>,
    all: &mut Vec<ThunkId>,
    more: &[ThunkId],
) -> Result<(), JsonnetError> {
    cx.heap.take(more.len() as u64 * 4)?;
    cx.heap.step(more.len() as u64 / 16 + 1)?;
    all.extend_from_slice(more);
    Ok(())
}

fn make_array(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let (size, function) = (a.int(0)?, a.function(1)?);
    let mut list = Vec::new();
    for at in 0..size {
        let at = cx.heap.done(Value::Number(at as f64))?;
        list.push(cx.heap.thunk(Thunk::Call(function.clone(), at))?);
    }
    cx.heap.list(list)
}

fn range(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let mut list = Vec::new();
    for number in a.int(0)?..=a.int(1)? {
        list.push(cx.heap.done(Value::Number(number as f64))?);
    }
    cx.heap.list(list)
}

fn lazily(cx: &mut Interpreter<'_>, function: &Rc<Function>, list: &[ThunkId]) -> Outcome {
    let mut mapped = Vec::with_capacity(list.len());
    for element in list {
        mapped.push(cx.heap.thunk(Thunk::Call(function.clone(), *element))?);
    }
    cx.heap.list(mapped)
}

fn map_with_index(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let (function, list) = (a.function(0)?, elements(cx, a.value(1))?);
    let mut mapped = Vec::with_capacity(list.len());
    for (at, element) in list.iter().enumerate() {
        let at = cx.heap.done(Value::Number(at as f64))?;
        mapped.push(
            cx.heap
                .thunk(Thunk::CallPair(function.clone(), at, *element))?,
        );
    }
    cx.heap.list(mapped)
}

fn filtered(
    cx: &mut Interpreter<'_>,
    function: &Function,
    list: &[ThunkId],
) -> Result<Vec<ThunkId>, JsonnetError> {
    let mut kept = Vec::new();
    for element in list {
        match cx.call(function, &[*element])? {
            Value::Bool(true) => kept.push(*element),
            Value::Bool(false) => {}
            other => return Err(wrong_type(&other, "boolean")),
        }
    }
    Ok(kept)
}

fn flat_map(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let function = a.function(0)?;
    let list = elements(cx, a.value(1))?;
    if let Value::Text(_) = a.value(1) {
        let mut out = String::new();
        for c in list.iter() {
            match cx.call(function, &[*c])? {
                Value::Text(text) => {
                    cx.heap.take(text.as_str().len() as u64)?;
                    out.push_str(text.as_str());
                }
                other => return Err(wrong_type(&other, "string")),
            }
        }
        return cx.heap.text(out);
    }
    let mut all = Vec::new();
    for element in list.iter() {
        match cx.call(function, &[*element])? {
            Value::Array(list) => extend(cx, &mut all, &list)?,
            other => return Err(wrong_type(&other, "array")),
        }
    }
    cx.heap.list(all)
}

fn foldl(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let function = a.function(0)?;
    let mut value = a.value(2).clone();
    for element in elements(cx, a.value(1))?.iter() {
        let so_far = cx.heap.done(value)?;
        value = cx.call(function, &[so_far, *element])?;
    }
    Ok(value)
}

fn foldr(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let function = a.function(0)?;
    let mut value = a.value(2).clone();
    for element in elements(cx, a.value(1))?.iter().rev() {
        let so_far = cx.heap.done(value)?;
        value = cx.call(function, &[*element, so_far])?;
    }
    Ok(value)
}

/// Compat: `null` elements are left out, with their separators.
fn join(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let list = a.array(1)?;
    let mut is_first = true;
    match a.value(0) {
        Value::Text(separator) => {
            let mut out = String::new();
            for element in list.iter() {
                match cx.force(*element)? {
                    Value::Null => continue,
                    Value::Text(text) => {
                        let before = out.len();
                        if !is_first {
                            out.push_str(separator.as_str());
                        }
                        out.push_str(text.as_str());
                        cx.heap.take((out.len() - before) as u64)?;
                    }
                    other => return Err(wrong_type(&other, "string")),
                }
                is_first = false;
            }
            cx.heap.text(out)
        }
        Value::Array(separator) => {
            let mut all = Vec::new();
            for element in list.iter() {
                match cx.force(*element)? {
                    Value::Null => continue,
                    Value::Array(list) => {
                        if !is_first {
                            extend(cx, &mut all, separator)?;
                        }
                        extend(cx, &mut all, &list)?;
                    }
                    other => return Err(wrong_type(&other, "array")),
                }
                is_first = false;
            }
            cx.heap.list(all)
        }
        other => fail(format!(
            "join first parameter should be string or array, got {}",
            other.type_name()
        )),
    }
}

fn lines(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let mut out = String::new();
    for element in a.array(0)?.iter() {
        match cx.force(*element)? {
            Value::Null => continue,
            Value::Text(text) => {
                cx.heap.take(text.as_str().len() as u64 + 1)?;
                out.push_str(text.as_str());
            }
            other => return Err(wrong_type(&other, "string")),
        }
        out.push('\n');
    }
    cx.heap.text(out)
}

fn deep_join(
    cx: &mut Interpreter<'_>,
    value: &Value,
    out: &mut String,
) -> Result<(), JsonnetError> {
    match value {
        Value::Text(text) => {
            cx.heap.take(text.as_str().len() as u64)?;
            out.push_str(text.as_str());
            Ok(())
        }
        Value::Array(list) => cx.within(|cx| {
            for element in list.iter() {
                let element = cx.force(*element)?;
                deep_join(cx, &element, out)?;
            }
            Ok(())
        }),
        other => fail(format!(
            "Expected string or array, got {}",
            other.type_name()
        )),
    }
}

fn flatten_deep(
    cx: &mut Interpreter<'_>,
    value: &Value,
    all: &mut Vec<ThunkId>,
) -> Result<(), JsonnetError> {
    match value {
        Value::Array(list) => cx.within(|cx| {
            for element in list.iter() {
                let element = cx.force(*element)?;
                flatten_deep(cx, &element, all)?;
            }
            Ok(())
        }),
        other => {
            all.push(cx.heap.done(other.clone())?);
            Ok(())
        }
    }
}

fn find(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let mut found = Vec::new();
    for (at, element) in a.array(1)?.iter().enumerate() {
        let element = cx.force(*element)?;
        if cx.equal(&element, a.value(0))? {
            found.push(cx.heap.done(Value::Number(at as f64))?);
        }
    }
    cx.heap.list(found)
}

/// Whether an array has an element, or a string a part.
pub(super) fn is_member(
    cx: &mut Interpreter<'_>,
    all: &Value,
    value: &Value,
) -> Result<bool, JsonnetError> {
    match all {
        Value::Array(list) => Ok(position(cx, list, value)?.is_some()),
        Value::Text(text) => match value {
            Value::Text(part) => Ok(text.as_str().contains(part.as_str())),
            other => Err(wrong_type(other, "string")),
        },
        _ => fail("std.member first argument must be an array or a string"),
    }
}

fn position(
    cx: &mut Interpreter<'_>,
    list: &[ThunkId],
    value: &Value,
) -> Result<Option<usize>, JsonnetError> {
    for (at, element) in list.iter().enumerate() {
        let element = cx.force(*element)?;
        if cx.equal(&element, value)? {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

fn without(cx: &mut Interpreter<'_>, list: &List, at: usize) -> Outcome {
    let mut rest = list.to_vec();
    rest.remove(at);
    cx.heap.list(rest)
}

/// `all` where `wanted`, else `any`.
fn every(cx: &mut Interpreter<'_>, list: &[ThunkId], wanted: bool) -> Outcome {
    for element in list {
        match cx.force(*element)? {
            Value::Bool(value) if value == wanted => {}
            Value::Bool(value) => return Ok(Value::Bool(value)),
            other => {
                let name = if wanted { "all" } else { "any" };
                return fail(format!(
                    "std.{name}() input must be an array of booleans, got {}",
                    other.type_name()
                ));
            }
        }
    }
    Ok(Value::Bool(wanted))
}

fn sum(cx: &mut Interpreter<'_>, list: &[ThunkId]) -> Result<f64, JsonnetError> {
    let mut sum = 0.0;
    for element in list {
        match cx.force(*element)? {
            Value::Number(number) => sum += number,
            other => return Err(wrong_type(&other, "number")),
        }
    }
    Ok(sum)
}

fn extreme(cx: &mut Interpreter<'_>, a: Args<'_>, largest: bool) -> Outcome {
    let list = a.array(0)?;
    let mut best: Option<(Value, ThunkId)> = None;
    for element in list.iter() {
        let key = super::sets::key(cx, a, 1, *element)?;
        let is_better = match &best {
            None => true,
            Some((so_far, _)) => {
                let order = cx.compare(&key, so_far)?;
                if largest {
                    order.is_gt()
                } else {
                    order.is_lt()
                }
            }
        };
        if is_better {
            best = Some((key, *element));
        }
    }
    match (best, a.get(2)) {
        (Some((_, element)), _) => cx.force(element),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => fail("Expected at least one element in array. Got none"),
    }
}

/// `value[from:to:step]`; a bound that is null is the end on its side.
///
/// Compat: negative bounds count from the end, a negative step is refused.
pub(crate) fn slice(cx: &mut Interpreter<'_>, value: &Value, bounds: &[Value; 3]) -> Outcome {
    let len = match value {
        Value::Text(text) => text.chars(),
        Value::Array(list) => list.len(),
        other => {
            return fail(format!(
                "std.slice accepts a string or an array, but got: {}",
                other.type_name()
            ));
        }
    };
    let bound = |value: &Value, default: usize| match value {
        Value::Null => Ok(default),
        value => int(value).map(|at| {
            let at = if at < 0 { at + len as i64 } else { at };
            usize::try_from(at).unwrap_or(0).min(len)
        }),
    };
    let (from, to) = (bound(&bounds[0], 0)?, bound(&bounds[1], len)?);
    let step = match &bounds[2] {
        Value::Null => 1,
        value => int(value)?,
    };
    if step < 1 {
        return fail(format!(
            "got [{from}:{to}:{step}] but a step must be greater than 0"
        ));
    }
    match value {
        Value::Text(text) if step == 1 => cx.heap.text(text.slice(from, to).to_owned()),
        Value::Text(text) => cx.heap.text(
            text.slice(from, to)
                .chars()
                .step_by(step as usize)
                .collect(),
        ),
        Value::Array(list) if from < to => {
            let kept = list[from..to]
                .iter()
                .step_by(step as usize)
                .copied()
                .collect();
            cx.heap.list(kept)
        }
        _ => cx.heap.list(vec![]),
    }
}

fn repeat(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let count = a.int(1)?.max(0) as u64;
    match a.value(0) {
        Value::Text(text) => {
            // Counted before it is made.
            cx.heap.take(text.as_str().len() as u64 * count)?;
            cx.heap.text(text.as_str().repeat(count as usize))
        }
        Value::Array(list) => {
            cx.heap.take(list.len() as u64 * 4 * count)?;
            cx.heap.list(list.repeat(count as usize))
        }
        _ => fail("std.repeat first argument must be an array or a string"),
    }
}
