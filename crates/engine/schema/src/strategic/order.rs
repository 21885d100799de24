//! The order of merged lists.
//!
//! Upstream sorts with comparisons that are no strict order, so what comes out depends on the
//! steps of Go's sort functions; they are followed here step by step.

use super::{DIRECTIVE, GO_MAP, bad_type, go_text, no_merge_key};
use crate::error::PatchError;
use argosy_object::Value;

/// `sort.Sort`: insertion sort for up to twelve items, as Go does it. For longer lists Go's
/// pattern-defeating quicksort and a stable sort agree wherever keys differ.
pub(super) fn sort_by<T>(items: &mut [T], less: impl Fn(&T, &T) -> bool) {
    if items.len() <= 12 {
        insertion(items, &less);
        return;
    }
    items.sort_by(|a, b| match (less(a, b), less(b, a)) {
        (true, false) => std::cmp::Ordering::Less,
        (false, true) => std::cmp::Ordering::Greater,
        _ => std::cmp::Ordering::Equal,
    });
}

fn insertion<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for i in 1..items.len() {
        let mut j = i;
        while j > 0 && less(&items[j], &items[j - 1]) {
            items.swap(j, j - 1);
            j -= 1;
        }
    }
}

/// `sort.SliceStable`: blocks of twenty, then merges in place.
fn stable_by<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    let mut block = 20;
    for chunk in items.chunks_mut(block) {
        insertion(chunk, less);
    }
    while block < items.len() {
        let (mut a, mut b) = (0, 2 * block);
        while b <= items.len() {
            sym_merge(items, a, a + block, b, less);
            a = b;
            b += 2 * block;
        }
        if a + block < items.len() {
            let end = items.len();
            sym_merge(items, a, a + block, end, less);
        }
        block *= 2;
    }
}

/// Merges two sorted neighbours, `a..m` and `m..b` (SymMerge of Kim and Kutzner, as Go has it).
#[allow(clippy::many_single_char_names)] // the paper's names, and Go's
fn sym_merge<T>(items: &mut [T], a: usize, m: usize, b: usize, less: &impl Fn(&T, &T) -> bool) {
    if m - a == 1 {
        let (mut i, mut j) = (m, b);
        while i < j {
            let h = usize::midpoint(i, j);
            if less(&items[h], &items[a]) {
                i = h + 1;
            } else {
                j = h;
            }
        }
        items[a..i].rotate_left(1);
        return;
    }
    if b - m == 1 {
        let (mut i, mut j) = (a, m);
        while i < j {
            let h = usize::midpoint(i, j);
            if less(&items[m], &items[h]) {
                j = h;
            } else {
                i = h + 1;
            }
        }
        items[i..=m].rotate_right(1);
        return;
    }
    let mid = usize::midpoint(a, b);
    let n = mid + m;
    let (mut start, mut r) = if m > mid { (n - b, mid) } else { (a, m) };
    let p = n - 1;
    while start < r {
        let c = usize::midpoint(start, r);
        if less(&items[p - c], &items[c]) {
            r = c;
        } else {
            start = c + 1;
        }
    }
    let end = n - start;
    if start < m && m < end {
        items[start..end].rotate_left(m - start);
    }
    if a < start && start < mid {
        sym_merge(items, a, start, mid, less);
    }
    if mid < end && end < b {
        sym_merge(items, mid, end, b, less);
    }
}

/// Sorts scalars by their text.
pub(super) fn sort_scalars<T: std::borrow::Borrow<Value>>(items: &mut [T]) {
    sort_by(items, |a, b| go_text(a.borrow()) <= go_text(b.borrow()));
}

/// Removes repeated scalars; the last item takes a removed one's place.
pub(super) fn deduplicate(items: &mut Vec<Value>) {
    let mut i = 0;
    while i < items.len() {
        let mut j = i + 1;
        while j < items.len() {
            if items[i] == items[j] {
                items.swap_remove(j);
            } else {
                j += 1;
            }
        }
        i += 1;
    }
}

/// What identifies an item: its merge key's value, or itself where it is a scalar.
fn identity<'v>(item: &'v Value, merge_key: Option<&str>) -> Option<&'v Value> {
    match merge_key {
        Some(key) => item.as_object().and_then(|map| map.get(key)),
        None => Some(item),
    }
}

fn position<T: std::borrow::Borrow<Value>>(
    order: &[T],
    item: &Value,
    merge_key: Option<&str>,
) -> Option<usize> {
    let wanted = identity(item, merge_key);
    order
        .iter()
        .position(|o| identity(o.borrow(), merge_key) == wanted)
}

/// Sorts `items` as `order` has them, deletions last.
pub(super) fn by_order(
    items: Vec<Value>,
    order: &[Value],
    merge_key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    let (mut items, mut deletions) = match merge_key {
        Some(key) => {
            require_merge_key(key, &items)?;
            require_merge_key(key, order)?;
            items.into_iter().partition(|item| !is_delete(item))
        }
        None => (items, Vec::new()),
    };
    if items.len() > 1 {
        let mut placed: Vec<(Option<usize>, Value)> = items
            .into_iter()
            .map(|item| (position(order, &item, merge_key), item))
            .collect();
        stable_by(&mut placed, &|a, b| match (a.0, b.0) {
            (Some(a), Some(b)) => a < b,
            _ => true,
        });
        items = placed.into_iter().map(|(_, item)| item).collect();
    }
    items.append(&mut deletions);
    Ok(items)
}

fn is_delete(item: &Value) -> bool {
    item.get(DIRECTIVE).and_then(Value::as_str) == Some("delete")
}

fn require_merge_key(key: &str, items: &[Value]) -> Result<(), PatchError> {
    for item in items {
        let Value::Object(map) = item else {
            return Err(bad_type(GO_MAP, item));
        };
        if !map.contains_key(key) {
            return Err(no_merge_key(map, key));
        }
    }
    Ok(())
}

/// Brings the patch's items and the server's own together: each keeps its order, and they are
/// interleaved as the live list had them.
pub(super) fn interleave(
    patch: Vec<Value>,
    server_only: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    merge_key: Option<&str>,
) -> Result<Vec<Value>, PatchError> {
    let patch = by_order(patch, patch_order, merge_key)?;
    let server_only = by_order(server_only, server_order, merge_key)?;
    let place = |item: &Value| position(server_order, item, merge_key);
    let mut merged = Vec::with_capacity(patch.len() + server_only.len());
    let mut left = server_only.into_iter().map(|i| (place(&i), i)).peekable();
    let mut right = patch.into_iter().map(|i| (place(&i), i)).peekable();
    loop {
        match (left.peek(), right.peek()) {
            (Some((l, _)), Some((r, _))) => {
                let less = matches!((l, r), (Some(l), Some(r)) if l < r);
                let next = if less { left.next() } else { right.next() };
                merged.extend(next.map(|(_, item)| item));
            }
            (Some(_), None) => merged.extend(left.next().map(|(_, item)| item)),
            (None, Some(_)) => merged.extend(right.next().map(|(_, item)| item)),
            (None, None) => return Ok(merged),
        }
    }
}
