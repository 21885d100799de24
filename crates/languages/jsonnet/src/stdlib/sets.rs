//! Order, and sets, which are sorted arrays without doubles.

use super::{Args, Table, eager, elements};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome};
use crate::heap::ThunkId;
use crate::value::Value;
use std::cmp::Ordering;

pub(super) const TABLE: Table = &[
    eager("sort", &["arr", "keyF?"], |cx, a| {
        let list = sorted(cx, a)?;
        cx.heap
            .list(list.into_iter().map(|(_, element)| element).collect())
    }),
    eager("uniq", &["arr", "keyF?"], |cx, a| {
        let list = elements(cx, a.value(0))?;
        let keyed = keyed(cx, a, 1, &list)?;
        uniq(cx, keyed)
    }),
    eager("set", &["arr", "keyF?"], |cx, a| {
        let keyed = sorted(cx, a)?;
        uniq(cx, keyed)
    }),
    eager("setMember", &["x", "arr", "keyF?"], member),
    eager("setUnion", &["a", "b", "keyF?"], |cx, a| {
        merge(cx, a, [true, true, true])
    }),
    eager("setInter", &["a", "b", "keyF?"], |cx, a| {
        merge(cx, a, [false, true, false])
    }),
    eager("setDiff", &["a", "b", "keyF?"], |cx, a| {
        merge(cx, a, [true, false, false])
    }),
];

type Keyed = Vec<(Value, ThunkId)>;

/// An element's key: itself, or what the function at argument `at` makes of it.
pub(super) fn key(cx: &mut Interpreter<'_>, a: Args<'_>, at: usize, element: ThunkId) -> Outcome {
    match a.get(at) {
        None => cx.force(element),
        Some(_) => cx.call(a.function(at)?, &[element]),
    }
}

fn keyed(
    cx: &mut Interpreter<'_>,
    a: Args<'_>,
    at: usize,
    list: &[ThunkId],
) -> Result<Keyed, JsonnetError> {
    cx.heap.take(list.len() as u64 * 40)?;
    list.iter()
        .map(|element| Ok((key(cx, a, at, *element)?, *element)))
        .collect()
}

/// A stable sort by merging runs of growing length. A comparison may fail, which ends it.
fn sorted(cx: &mut Interpreter<'_>, a: Args<'_>) -> Result<Keyed, JsonnetError> {
    let list = elements(cx, a.value(0))?;
    let mut keyed = keyed(cx, a, 1, &list)?;
    let mut width = 1;
    while width < keyed.len() {
        let mut merged = Vec::with_capacity(keyed.len());
        for pair in keyed.chunks(width * 2) {
            let (left, right) = pair.split_at(width.min(pair.len()));
            let (mut i, mut j) = (0, 0);
            while i < left.len() && j < right.len() {
                if cx.compare(&left[i].0, &right[j].0)?.is_le() {
                    merged.push(left[i].clone());
                    i += 1;
                } else {
                    merged.push(right[j].clone());
                    j += 1;
                }
            }
            merged.extend_from_slice(&left[i..]);
            merged.extend_from_slice(&right[j..]);
        }
        keyed = merged;
        width *= 2;
    }
    Ok(keyed)
}

fn uniq(cx: &mut Interpreter<'_>, keyed: Keyed) -> Outcome {
    let mut kept: Keyed = Vec::new();
    for (key, element) in keyed {
        let is_new = match kept.last() {
            Some((last, _)) => !cx.equal(last, &key)?,
            None => true,
        };
        if is_new {
            kept.push((key, element));
        }
    }
    cx.heap
        .list(kept.into_iter().map(|(_, element)| element).collect())
}

fn member(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let list = a.array(1)?;
    let value = cx.heap.done(a.value(0).clone())?;
    let wanted = key(cx, a, 2, value)?;
    let (mut low, mut high) = (0, list.len());
    while low < high {
        let middle = low.midpoint(high);
        let found = key(cx, a, 2, list[middle])?;
        match cx.compare(&found, &wanted)? {
            Ordering::Equal => return Ok(Value::Bool(true)),
            Ordering::Less => low = middle + 1,
            Ordering::Greater => high = middle,
        }
    }
    Ok(Value::Bool(false))
}

/// Goes through two sets at once and keeps what is in the first alone, in both, in the second
/// alone.
fn merge(cx: &mut Interpreter<'_>, a: Args<'_>, keep: [bool; 3]) -> Outcome {
    let left = keyed(cx, a, 2, a.array(0)?)?;
    let right = keyed(cx, a, 2, a.array(1)?)?;
    let (mut i, mut j) = (0, 0);
    let mut kept = Vec::new();
    while i < left.len() || j < right.len() {
        let order = match (left.get(i), right.get(j)) {
            (Some((left, _)), Some((right, _))) => cx.compare(left, right)?,
            (Some(_), None) => Ordering::Less,
            _ => Ordering::Greater,
        };
        let is_kept = match order {
            Ordering::Less => keep[0],
            Ordering::Equal => keep[1],
            Ordering::Greater => keep[2],
        };
        if is_kept {
            kept.push(if order.is_gt() { right[j].1 } else { left[i].1 });
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    cx.heap.list(kept)
}
