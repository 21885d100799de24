//! Computing a strategic patch from two documents.

use super::meta::Cursor;
use super::order::{by_order, deduplicate, sort_by, sort_scalars};
use super::{
    DELETE_FROM_LIST, DIRECTIVE, GO_MAP, RETAIN_KEYS, SET_ORDER, bad_type, go_text, invalid,
    no_merge_key, same_type,
};
use crate::error::PatchError;
use argosy_object::{Map, Value};
use std::cmp::Ordering;

/// What a difference is to hold.
#[derive(Clone, Copy, Default)]
pub(crate) struct DiffOptions {
    /// Emit `$setElementOrder`.
    pub set_order: bool,
    /// Only deletions.
    pub ignore_changes: bool,
    /// No deletions.
    pub ignore_deletions: bool,
    /// Emit `$retainKeys`.
    pub retain_keys: bool,
}

/// The patch from `original` to `modified`.
pub(super) fn diff_maps(
    original: &Map<String, Value>,
    modified: &Map<String, Value>,
    cursor: Cursor<'_>,
    options: DiffOptions,
) -> Result<Map<String, Value>, PatchError> {
    let mut patch = Map::new();
    for (key, to) in modified {
        let Some(from) = original.get(key) else {
            if !options.ignore_changes {
                patch.insert(key.clone(), to.clone());
            }
            continue;
        };
        if key == DIRECTIVE {
            let (Value::String(from), Value::String(new)) = (from, to) else {
                return Err(invalid(format!(
                    "invalid value for special key: {DIRECTIVE}"
                )));
            };
            if from != new {
                patch.insert(key.clone(), to.clone());
            }
            continue;
        }
        match (from, to) {
            (Value::Object(from), Value::Object(to)) => {
                diff_field(key, from, to, &mut patch, cursor, options)?;
            }
            (Value::Array(from), Value::Array(to)) => {
                diff_list_field(key, from, to, &mut patch, cursor, options)?;
            }
            _ => replace_if_changed(key, from, to, &mut patch, options),
        }
    }
    if !options.ignore_deletions {
        for key in original.keys().filter(|key| !modified.contains_key(*key)) {
            patch.insert(key.clone(), Value::Null);
        }
    }
    if options.retain_keys {
        let mut kept: Vec<Value> = modified
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, _)| Value::String(key.clone()))
            .collect();
        let cleared = || {
            original
                .iter()
                .any(|(k, v)| !v.is_null() && !modified.contains_key(k))
        };
        if !kept.is_empty() && (!patch.is_empty() || cleared()) {
            sort_scalars(&mut kept);
            patch.insert(RETAIN_KEYS.into(), Value::Array(kept));
        }
    }
    Ok(patch)
}

fn diff_field(
    key: &str,
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    patch: &mut Map<String, Value>,
    cursor: Cursor<'_>,
    options: DiffOptions,
) -> Result<(), PatchError> {
    let (below, patching) = match cursor.below(key) {
        Ok(found) => found,
        Err(_) if from == to => return Ok(()),
        Err(error) => return Err(error),
    };
    if patching.replace {
        if !options.ignore_changes {
            patch.insert(key.to_owned(), Value::Object(to.clone()));
        }
        return Ok(());
    }
    let options = DiffOptions {
        retain_keys: patching.retain_keys,
        ..options
    };
    let inner = diff_maps(from, to, below, options)?;
    if !inner.is_empty() {
        patch.insert(key.to_owned(), Value::Object(inner));
    }
    Ok(())
}

fn diff_list_field(
    key: &str,
    from: &[Value],
    to: &[Value],
    patch: &mut Map<String, Value>,
    cursor: Cursor<'_>,
    options: DiffOptions,
) -> Result<(), PatchError> {
    let (items, patching) = match cursor.items(key) {
        Ok(found) => found,
        Err(_) if from == to => return Ok(()),
        Err(error) => return Err(error),
    };
    if !patching.merge {
        if !options.ignore_changes && from != to {
            patch.insert(key.to_owned(), Value::Array(to.to_vec()));
        }
        return Ok(());
    }
    let options = DiffOptions {
        retain_keys: patching.retain_keys,
        ..options
    };
    let merge_key = patching.merge_key.as_deref().unwrap_or_default();
    let found = diff_lists(from, to, items, merge_key, options)?;
    let mut set = |key: String, list: Vec<Value>| {
        if !list.is_empty() {
            patch.insert(key, Value::Array(list));
        }
    };
    set(key.to_owned(), found.patch);
    set(format!("{DELETE_FROM_LIST}/{key}"), found.deletions);
    set(format!("{SET_ORDER}/{key}"), found.order);
    Ok(())
}

fn replace_if_changed(
    key: &str,
    from: &Value,
    to: &Value,
    patch: &mut Map<String, Value>,
    options: DiffOptions,
) {
    if !options.ignore_changes && from != to {
        patch.insert(key.to_owned(), to.clone());
    }
}

#[derive(Default)]
struct ListDiff {
    patch: Vec<Value>,
    deletions: Vec<Value>,
    order: Vec<Value>,
}

fn diff_lists(
    original: &[Value],
    modified: &[Value],
    items: Cursor<'_>,
    merge_key: &str,
    options: DiffOptions,
) -> Result<ListDiff, PatchError> {
    if original.is_empty() {
        let patch = if options.ignore_changes {
            Vec::new()
        } else {
            modified.to_vec()
        };
        return Ok(ListDiff {
            patch,
            ..ListDiff::default()
        });
    }
    if element(&[original, modified])?.is_object() {
        diff_lists_of_maps(original, modified, items, merge_key, options)
    } else {
        diff_lists_of_scalars(original, modified, options)
    }
}

fn diff_lists_of_scalars(
    original: &[Value],
    modified: &[Value],
    options: DiffOptions,
) -> Result<ListDiff, PatchError> {
    let mut from = original.to_vec();
    let mut to = modified.to_vec();
    sort_scalars(&mut from);
    sort_scalars(&mut to);
    let mut found = ListDiff::default();
    let (mut i, mut j) = (0, 0);
    loop {
        let order = match (from.get(i), to.get(j)) {
            (None, None) => break,
            (None, Some(_)) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some(a), Some(b)) => go_text(a).cmp(&go_text(b)),
        };
        if order.is_lt() && !options.ignore_deletions {
            found.deletions.push(from[i].clone());
        }
        if order.is_gt() && !options.ignore_changes {
            found.patch.push(to[j].clone());
        }
        i += usize::from(order.is_le());
        j += usize::from(order.is_ge());
    }
    deduplicate(&mut found.deletions);
    found.patch = by_order(found.patch, modified, None)?;
    // Upstream compares with the original after it has sorted it in place.
    let changed = !options.ignore_changes && from != modified;
    if options.set_order && ((!options.ignore_deletions && !found.deletions.is_empty()) || changed)
    {
        found.order = modified.to_vec();
    }
    Ok(found)
}

fn diff_lists_of_maps(
    original: &[Value],
    modified: &[Value],
    items: Cursor<'_>,
    merge_key: &str,
    options: DiffOptions,
) -> Result<ListDiff, PatchError> {
    let from = sorted_by_key(original, merge_key);
    let to = sorted_by_key(modified, merge_key);
    let mut patch = Vec::new();
    let mut deletions = Vec::new();
    let (mut i, mut j) = (0, 0);
    loop {
        let a = from
            .get(i)
            .map(|item| key_of(item, merge_key))
            .transpose()?;
        let b = to.get(j).map(|item| key_of(item, merge_key)).transpose()?;
        match (a, b) {
            (None, None) => break,
            (Some((a_map, a_key, a_text)), Some((b_map, b_key, b_text))) if a_text == b_text => {
                let _ = a_key;
                let mut inner = diff_maps(a_map, b_map, items, options)?;
                if !inner.is_empty() {
                    inner.insert(merge_key.to_owned(), b_key.clone());
                    patch.push(Value::Object(inner));
                }
                i += 1;
                j += 1;
            }
            (Some((_, key, a_text)), b) if b.as_ref().is_none_or(|(_, _, b)| a_text < *b) => {
                if !options.ignore_deletions {
                    let mut deletion = Map::new();
                    deletion.insert(merge_key.to_owned(), key.clone());
                    deletion.insert(DIRECTIVE.to_owned(), "delete".into());
                    deletions.push(Value::Object(deletion));
                }
                i += 1;
            }
            _ => {
                if !options.ignore_changes {
                    patch.push(to[j].clone());
                }
                j += 1;
            }
        }
    }
    let mut found = ListDiff {
        patch: by_order(patch, modified, Some(merge_key))?,
        ..Default::default()
    };
    let same_order = is_order_same(original, modified, merge_key)?;
    found.patch.append(&mut deletions);
    let changed = !options.ignore_changes && (!found.patch.is_empty() || !same_order);
    let deleted = !options.ignore_deletions && !found.patch.is_empty();
    if options.set_order && (changed || deleted) {
        let key_only = |item: &Value| {
            let mut map = Map::new();
            map.insert(
                merge_key.to_owned(),
                item.get(merge_key).cloned().unwrap_or_default(),
            );
            Value::Object(map)
        };
        found.order = modified.iter().map(key_only).collect();
    }
    Ok(found)
}

fn sorted_by_key<'v>(items: &'v [Value], merge_key: &str) -> Vec<&'v Value> {
    let text = |item: &Value| {
        item.get(merge_key)
            .map_or_else(|| "<nil>".to_owned(), go_text)
    };
    let mut keyed: Vec<(String, &Value)> = items.iter().map(|item| (text(item), item)).collect();
    sort_by(&mut keyed, |a, b| a.0 <= b.0);
    keyed.into_iter().map(|(_, item)| item).collect()
}

type Keyed<'v> = (&'v Map<String, Value>, &'v Value, String);

fn key_of<'v>(item: &'v Value, merge_key: &str) -> Result<Keyed<'v>, PatchError> {
    let map = item.as_object().ok_or_else(|| bad_type(GO_MAP, item))?;
    let key = map
        .get(merge_key)
        .ok_or_else(|| no_merge_key(map, merge_key))?;
    Ok((map, key, go_text(key)))
}

fn is_order_same(a: &[Value], b: &[Value], merge_key: &str) -> Result<bool, PatchError> {
    if a.len() != b.len() {
        return Ok(false);
    }
    for (a, b) in a.iter().zip(b) {
        if key_of(a, merge_key)?.1 != key_of(b, merge_key)?.1 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// One item that stands for all of `lists`, whose items must have one type and be no lists.
pub(super) fn element<'v>(lists: &[&'v [Value]]) -> Result<&'v Value, PatchError> {
    let mut found: Option<&Value> = None;
    for item in lists.iter().copied().flatten() {
        match found {
            None if item.is_array() => return Err(invalid("lists of lists are not supported")),
            None => found = Some(item),
            Some(first) if !same_type(first, item) => {
                let lists: Vec<String> = lists
                    .iter()
                    .map(|l| go_text(&Value::Array(l.to_vec())))
                    .collect();
                return Err(invalid(format!(
                    "list element types are not identical: [{}]",
                    lists.join(" ")
                )));
            }
            Some(_) => {}
        }
    }
    found.ok_or_else(|| invalid("no elements in any of the given slices"))
}
