//! Applying a strategic patch, to a document or to another patch.
//!
//! Compat: Go's, even where it overwrites its own input because a list's memory happens to have
//! room: see `server_order` and `scalar_order`.

use super::diff::element;
use super::meta::Cursor;
use super::order::{deduplicate, interleave};
use super::{
    DELETE_FROM_LIST, DIRECTIVE, GO_MAP, GO_SLICE, RETAIN_KEYS, SET_ORDER, bad_type, go_text,
    invalid, no_merge_key, same_type,
};
use crate::error::PatchError;
use crate::types::Patching;
use argosy_object::{Map, Value};

/// Whether a patch meets a document or another patch.
#[derive(Clone, Copy)]
pub(super) struct MergeOptions {
    /// Perform the parallel lists (`$deleteFromPrimitiveList`); else keep them.
    pub merge_parallel_list: bool,
    /// Nulls without a counterpart vanish; else they are kept.
    pub ignore_unmatched_nulls: bool,
}

type Merged<T> = Result<T, PatchError>;

/// Merges `patch` into `original`.
pub(super) fn merge_map(
    mut original: Map<String, Value>,
    mut patch: Map<String, Value>,
    cursor: Cursor<'_>,
    options: MergeOptions,
) -> Merged<Map<String, Value>> {
    if let Some(directive) = patch.get(DIRECTIVE) {
        return match directive.as_str() {
            Some("replace") => {
                patch.remove(DIRECTIVE);
                Ok(patch)
            }
            Some("delete") => Ok(Map::new()),
            _ => Err(bad_directive(directive, &patch)),
        };
    }
    apply_retain_keys(&mut original, &mut patch, options)?;
    merge_ordered_lists(&mut original, &mut patch, cursor, options)?;
    for (key, value) in patch {
        let mut name = key.as_str();
        let mut is_deletion_list = false;
        if key.starts_with(DELETE_FROM_LIST) {
            if !options.merge_parallel_list {
                original.insert(key, value);
                continue;
            }
            name = after_prefix(
                &key,
                DELETE_FROM_LIST,
                "invalid patch format of primitive list",
            )?;
            is_deletion_list = true;
        }
        if value.is_null() {
            original.remove(name);
            if options.ignore_unmatched_nulls {
                continue;
            }
        }
        match original.get_mut(name) {
            Some(present) if same_type(present, &value) => {
                let present = present.take();
                match merge_value(name, present, value, cursor, is_deletion_list, options)? {
                    Some(merged) => original.insert(name.to_owned(), merged),
                    None => original.remove(name),
                };
            }
            _ if is_deletion_list => {}
            _ => match cleaned(value, options) {
                Some(value) => {
                    original.insert(name.to_owned(), value);
                }
                None => {
                    original.remove(name);
                }
            },
        }
    }
    Ok(original)
}

/// Merges two values of one type; `None` where the patch was nothing but a directive.
fn merge_value(
    key: &str,
    original: Value,
    patch: Value,
    cursor: Cursor<'_>,
    is_deletion_list: bool,
    options: MergeOptions,
) -> Merged<Option<Value>> {
    match (original, patch) {
        (Value::Object(original), Value::Object(patch)) => {
            let (below, patching) = cursor.below(key)?;
            if patching.replace {
                return Ok(Some(Value::Object(patch)));
            }
            merge_map(original, patch, below, options).map(|map| Some(Value::Object(map)))
        }
        (Value::Array(original), Value::Array(patch)) => {
            let (items, patching) = cursor.items(key)?;
            merge_list(original, patch, items, patching, is_deletion_list, options)
                .map(|list| Some(Value::Array(list)))
        }
        (_, patch) => Ok(without_directives(patch)),
    }
}

fn merge_list(
    original: Vec<Value>,
    patch: Vec<Value>,
    items: Cursor<'_>,
    patching: &Patching,
    is_deletion_list: bool,
    options: MergeOptions,
) -> Merged<Vec<Value>> {
    if !(patching.merge || is_deletion_list) {
        return Ok(patch);
    }
    if original.is_empty() && patch.is_empty() {
        return Ok(original);
    }
    let merge_key = patching.merge_key.as_deref();
    if !element(&[&original, &patch])?.is_object() {
        if options.merge_parallel_list && is_deletion_list {
            return Ok(original
                .into_iter()
                .filter(|item| !patch.contains(item))
                .collect());
        }
        let order = scalar_order(&original, &patch);
        let merged = joined(original, &patch);
        return enforce_order(merged, &patch, &order, merge_key);
    }
    let Some(key) = merge_key else {
        return Err(invalid("cannot merge lists without merge key for struct"));
    };
    let (original, patch) = perform_item_directives(original, patch, key)?;
    let server_order: Vec<Value> = original.iter().map(|item| key_only(item, key)).collect();
    let patch_order: Vec<Value> = patch.iter().map(|item| key_only(item, key)).collect();
    let merged = merge_items(original, patch, key, items, options)?;
    enforce_order(merged, &patch_order, &server_order, merge_key)
}

fn key_only(item: &Value, key: &str) -> Value {
    let Value::Object(map) = item else {
        return item.clone();
    };
    let pair = map.get_key_value(key).map(|(k, v)| (k.clone(), v.clone()));
    Value::Object(pair.into_iter().collect())
}

fn enforce_order(
    merged: Vec<Value>,
    patch_order: &[Value],
    server_order: &[Value],
    merge_key: Option<&str>,
) -> Merged<Vec<Value>> {
    let (patch, server_only) = partition(merged, patch_order, merge_key)?;
    interleave(patch, server_only, patch_order, server_order, merge_key)
}

/// Splits a list into what `present` holds and the rest.
fn partition(
    items: Vec<Value>,
    present: &[Value],
    merge_key: Option<&str>,
) -> Merged<(Vec<Value>, Vec<Value>)> {
    let Some(key) = merge_key else {
        return Ok(items.into_iter().partition(|item| present.contains(item)));
    };
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for item in items {
        let value = key_value(&item, key)?;
        let found = find(present, key, value)?.is_some();
        if found { &mut inside } else { &mut outside }.push(item);
    }
    Ok((inside, outside))
}

fn key_value<'v>(item: &'v Value, key: &str) -> Merged<&'v Value> {
    let map = item.as_object().ok_or_else(|| bad_type(GO_MAP, item))?;
    map.get(key).ok_or_else(|| no_merge_key(map, key))
}

fn find(items: &[Value], key: &str, value: &Value) -> Merged<Option<usize>> {
    for (at, item) in items.iter().enumerate() {
        let map = item
            .as_object()
            .ok_or_else(|| invalid(format!("value for key {at} is not a map")))?;
        if map.get(key) == Some(value) {
            return Ok(Some(at));
        }
    }
    Ok(None)
}

/// Performs `$patch: delete` and `$patch: replace` of a list's items.
fn perform_item_directives(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
) -> Merged<(Vec<Value>, Vec<Value>)> {
    let mut rest = Vec::with_capacity(patch.len());
    let mut replace = false;
    for item in patch {
        let map = item.as_object().ok_or_else(|| bad_type(GO_MAP, &item))?;
        match map.get(DIRECTIVE) {
            None => rest.push(item),
            Some(directive) => match directive.as_str() {
                Some("delete") => {
                    let value = map.get(key).ok_or_else(|| no_merge_key(map, key))?;
                    while let Some(at) = find(&original, key, value)? {
                        original.remove(at);
                    }
                }
                Some("replace") => replace = true,
                Some("merge") => {
                    return Err(invalid(
                        "merging lists cannot yet be specified in the patch",
                    ));
                }
                _ => return Err(bad_directive(directive, map)),
            },
        }
    }
    Ok(if replace {
        (rest, Vec::new())
    } else {
        (original, rest)
    })
}

fn merge_items(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    items: Cursor<'_>,
    options: MergeOptions,
) -> Merged<Vec<Value>> {
    for item in patch {
        let value = key_value(&item, key)?;
        match find(&original, key, value)? {
            Some(at) => {
                let (Value::Object(present), Value::Object(item)) = (original[at].take(), item)
                else {
                    return Err(invalid("invalid JSON document"));
                };
                original[at] = Value::Object(merge_map(present, item, items, options)?);
            }
            None => original.push(item),
        }
    }
    Ok(original)
}

/// `$retainKeys`: drops what the list doesn't name.
fn apply_retain_keys(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    options: MergeOptions,
) -> Merged<()> {
    let Some(kept) = patch.remove(RETAIN_KEYS) else {
        return Ok(());
    };
    if !options.merge_parallel_list {
        match original.get(RETAIN_KEYS) {
            Some(present) if *present != kept => {
                return Err(invalid(format!(
                    "{} and {} are not deep equal: this may happen when calculating the 3-way diff patch",
                    go_text(present),
                    go_text(&kept)
                )));
            }
            Some(_) => {}
            None => {
                original.insert(RETAIN_KEYS.to_owned(), kept);
            }
        }
        return Ok(());
    }
    let bad = || invalid("invalid patch format of retainKeys");
    let Value::Array(kept) = kept else {
        return Err(bad());
    };
    let names = |key: &str| kept.iter().any(|k| k.as_str() == Some(key));
    let is_parallel = |key: &str| key.starts_with(DELETE_FROM_LIST) || key.starts_with(SET_ORDER);
    for (key, value) in patch.iter() {
        if !value.is_null() && !is_parallel(key) && !names(key) {
            return Err(bad());
        }
    }
    original.retain(|key, _| names(key));
    Ok(())
}

/// `$setElementOrder`: merges the lists it names and puts them in its order.
fn merge_ordered_lists(
    original: &mut Map<String, Value>,
    patch: &mut Map<String, Value>,
    cursor: Cursor<'_>,
    options: MergeOptions,
) -> Merged<()> {
    let keys: Vec<String> = patch
        .keys()
        .filter(|k| k.starts_with(SET_ORDER))
        .cloned()
        .collect();
    let bad = "invalid patch format of setElementOrder list";
    for key in keys {
        let Some(order) = patch.remove(&key) else {
            continue;
        };
        if !options.merge_parallel_list {
            match original.get(&key) {
                Some(present) if *present != order => return Err(invalid(bad)),
                Some(_) => {}
                None => {
                    original.insert(key.clone(), order.clone());
                }
            }
        }
        let Value::Array(order) = order else {
            return Err(bad_type(GO_SLICE, &order));
        };
        let name = after_prefix(&key, SET_ORDER, bad)?;
        let (items, patching) = cursor.items(name)?;
        let merge_key = patching.merge_key.as_deref();
        let present = list(original.get(name))?;
        let patched = list(patch.get(name))?;
        check_order(patched.unwrap_or_default(), &order, merge_key)?;
        let server_order = match (present, patched, merge_key) {
            (Some(present), Some(patched), Some(key)) => server_order(present, patched, key),
            (Some(present), Some(patched), None) => scalar_order(present, patched),
            _ => present.map(<[Value]>::to_vec).unwrap_or_default(),
        };
        let first = element(&[present.unwrap_or_default(), patched.unwrap_or_default()]);
        let merged = match (present, patched) {
            (None, None) => continue,
            (Some(present), None) => present.to_vec(),
            (None, Some(patched)) => patched
                .iter()
                .cloned()
                .filter_map(without_directives)
                .collect(),
            (Some(present), Some(patched)) => merge_list(
                present.to_vec(),
                patched.to_vec(),
                items,
                patching,
                false,
                options,
            )?,
        };
        let (inside, outside) = partition(merged, &order, merge_key)?;
        first?;
        let both = interleave(inside, outside, &order, &server_order, merge_key)?;
        original.insert(name.to_owned(), Value::Array(both));
        patch.remove(name);
    }
    Ok(())
}

/// The order of the server's list that upstream goes by: it merges in the list's own memory, so
/// deletions move items to the front, and added items appear in the places set free.
fn server_order(present: &[Value], patched: &[Value], key: &str) -> Vec<Value> {
    let mut order: Vec<Value> = present.iter().map(|item| key_only(item, key)).collect();
    let directive = |item: &Value| {
        item.get(DIRECTIVE)
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    let mut len = order.len();
    for item in patched
        .iter()
        .filter(|item| directive(item).as_deref() == Some("delete"))
    {
        while let Some(at) = order[..len]
            .iter()
            .position(|o| o.get(key) == item.get(key))
        {
            for slot in at..len - 1 {
                order[slot] = order[slot + 1].clone();
            }
            len -= 1;
        }
    }
    if patched
        .iter()
        .any(|item| directive(item).as_deref() == Some("replace"))
    {
        return order;
    }
    for item in patched.iter().filter(|item| directive(item).is_none()) {
        if len == order.len() {
            break;
        }
        if !order[..len].iter().any(|o| o.get(key) == item.get(key)) {
            order[len] = key_only(item, key);
            len += 1;
        }
    }
    order
}

/// As [`server_order`], of scalars: added to the list in its own memory, where there is room, and
/// repeated ones taken out there. Go's lists grow to powers of two.
fn scalar_order(present: &[Value], patched: &[Value]) -> Vec<Value> {
    let len = present.len();
    if len + patched.len() > len.next_power_of_two() {
        return present.to_vec();
    }
    let mut order = joined(present.to_vec(), patched);
    order.truncate(len);
    order
}

/// Scalars of two lists, each once.
fn joined(mut present: Vec<Value>, patched: &[Value]) -> Vec<Value> {
    present.extend_from_slice(patched);
    deduplicate(&mut present);
    present
}

fn list(value: Option<&Value>) -> Merged<Option<&[Value]>> {
    match value {
        None => Ok(None),
        Some(Value::Array(items)) => Ok(Some(items)),
        Some(other) => Err(bad_type(GO_SLICE, other)),
    }
}

/// The patch's items must stand in `$setElementOrder`, in its order.
fn check_order(patch: &[Value], order: &[Value], merge_key: Option<&str>) -> Merged<()> {
    if order.is_empty() || patch.is_empty() {
        return Ok(());
    }
    let mut at = 0;
    for item in patch {
        if merge_key.is_some() && !item.is_object() {
            return Err(bad_type(GO_MAP, item));
        }
        if item.get(DIRECTIVE).is_some() {
            continue;
        }
        let matches = |other: &Value| match merge_key {
            Some(key) => Ok(key_value(item, key)? == key_value(other, key)?),
            None => Ok(item == other),
        };
        loop {
            let Some(other) = order.get(at) else {
                return Err(invalid(format!(
                    "The order in patch list:\n{}\n doesn't match {SET_ORDER} list:\n{}\n",
                    go_text(&Value::Array(patch.to_vec())),
                    go_text(&Value::Array(order.to_vec()))
                )));
            };
            at += 1;
            if matches(other)? {
                break;
            }
        }
    }
    Ok(())
}

fn after_prefix<'k>(key: &'k str, prefix: &str, error: &str) -> Merged<&'k str> {
    key.split_once('/')
        .filter(|(before, _)| *before == prefix)
        .map(|(_, name)| name)
        .ok_or_else(|| invalid(error))
}

fn bad_directive(directive: &Value, map: &Map<String, Value>) -> PatchError {
    let map = go_text(&Value::Object(map.clone()));
    invalid(format!(
        "unknown patch type: {} in map: {map}",
        go_text(directive)
    ))
}

/// A patch's value as it goes into a document that had none.
fn cleaned(mut value: Value, options: MergeOptions) -> Option<Value> {
    if options.ignore_unmatched_nulls {
        discard_nulls(&mut value);
    }
    without_directives(value)
}

fn discard_nulls(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|_, v| !v.is_null());
            map.values_mut().for_each(discard_nulls);
        }
        Value::Array(items) => items.iter_mut().for_each(discard_nulls),
        _ => {}
    }
}

/// The value less all mappings that carry a directive; `None` where it is one itself.
fn without_directives(value: Value) -> Option<Value> {
    match value {
        Value::Object(map) if map.contains_key(DIRECTIVE) => None,
        Value::Object(map) => Some(Value::Object(
            map.into_iter()
                .filter_map(|(k, v)| Some((k, without_directives(v)?)))
                .collect(),
        )),
        Value::Array(items) => Some(Value::Array(
            items.into_iter().filter_map(without_directives).collect(),
        )),
        other => Some(other),
    }
}
