//! Walks over values with their types: field sets, comparison, merge, removal.
//!
//! Compat: structured-merge-diff v6, whose names the functions carry.

use super::atom::{Atom, Cursor};
use super::set::{Set, Step};
use argosy_object::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The fields a value has.
pub(super) fn to_set(cursor: Cursor<'_>, value: &Value) -> Set {
    let mut set = Set::default();
    fill(cursor, value, &mut Vec::new(), &mut set);
    set
}

fn fill(cursor: Cursor<'_>, value: &Value, path: &mut Vec<Step>, set: &mut Set) {
    match (cursor.atom(Some(value)), value) {
        (Atom::List { atomic: false }, Value::Array(items)) => {
            let steps: Vec<Step> = items
                .iter()
                .filter_map(|i| cursor.identify(i).ok())
                .collect();
            let duplicates = duplicates(&steps);
            for item in items {
                let Ok(step) = cursor.identify(item) else {
                    continue;
                };
                path.push(step.clone());
                if !duplicates.contains(&step) {
                    fill(cursor.item(), item, path, set);
                }
                set.insert(path);
                path.pop();
            }
        }
        (Atom::Map { atomic: false }, Value::Object(map)) => {
            for (key, value) in map {
                path.push(Step::Field(key.clone()));
                fill(cursor.field(key), value, path, set);
                let empty = value.is_null() || value.as_object().is_some_and(Map::is_empty);
                if empty || !cursor.declares(key) {
                    set.insert(path);
                }
                path.pop();
            }
        }
        (Atom::List { atomic: false } | Atom::Map { atomic: false }, _) => {}
        _ => set.insert(path),
    }
}

fn duplicates(steps: &[Step]) -> BTreeSet<Step> {
    let mut seen = BTreeSet::new();
    steps
        .iter()
        .filter(|step| !seen.insert(*step))
        .cloned()
        .collect()
}

/// What differs between two values.
#[derive(Debug, Default)]
pub(super) struct Comparison {
    pub removed: Set,
    pub modified: Set,
    pub added: Set,
}

impl Comparison {
    pub fn new(cursor: Cursor<'_>, left: &Value, right: &Value) -> Self {
        let mut out = Self::default();
        out.walk(cursor, Some(left), Some(right), &mut Vec::new());
        out
    }

    /// Takes fields and all below them out.
    pub fn without(self, fields: &Set) -> Self {
        Self {
            removed: self.removed.without(fields),
            modified: self.modified.without(fields),
            added: self.added.without(fields),
        }
    }

    fn walk(
        &mut self,
        cursor: Cursor<'_>,
        left: Option<&Value>,
        right: Option<&Value>,
        path: &mut Vec<Step>,
    ) {
        let (a, b) = (cursor.atom(left), cursor.atom(right));
        let leaf = match (left, right) {
            (None, None) => return,
            (_, None) => self.visit(a, cursor, left, right, path),
            (None, _) => self.visit(b, cursor, left, right, path),
            _ if a == b => self.visit(b, cursor, left, right, path),
            // Both forms are visited: one side's fields go, the other's come.
            _ => {
                self.visit(a, cursor, left, right, path);
                self.visit(b, cursor, left, right, path)
            }
        };
        if !leaf {
            if left.is_none() {
                self.added.insert(path);
            } else if right.is_none() {
                self.removed.insert(path);
            }
        }
    }

    /// Visits as what the atom says; whether it was a leaf.
    fn visit(
        &mut self,
        atom: Atom,
        cursor: Cursor<'_>,
        left: Option<&Value>,
        right: Option<&Value>,
        path: &mut Vec<Step>,
    ) -> bool {
        match atom {
            Atom::Scalar => self.leaf(left, right, path),
            Atom::List { atomic } => {
                let (l, r) = (list(left), list(right));
                if atomic || (l.is_empty() && r.is_empty()) {
                    return self.leaf(left, right, path);
                }
                self.lists(cursor, l, r, path);
                false
            }
            Atom::Map { atomic } => {
                let (l, r) = (map(left), map(right));
                let empty = |m: Option<&Map<String, Value>>| m.is_none_or(Map::is_empty);
                if atomic || (empty(l) && empty(r)) {
                    return self.leaf(left, right, path);
                }
                let keys: BTreeSet<&String> = l.into_iter().chain(r).flat_map(Map::keys).collect();
                for key in keys {
                    path.push(Step::Field(key.clone()));
                    let left = l.and_then(|m| m.get(key));
                    let right = r.and_then(|m| m.get(key));
                    self.walk(cursor.field(key), left, right, path);
                    path.pop();
                }
                false
            }
        }
    }

    fn leaf(&mut self, left: Option<&Value>, right: Option<&Value>, path: &[Step]) -> bool {
        match (left, right) {
            (None, _) => self.added.insert(path),
            (_, None) => self.removed.insert(path),
            (Some(left), Some(right)) if !equal(left, right) => self.modified.insert(path),
            _ => {}
        }
        true
    }

    fn lists(&mut self, cursor: Cursor<'_>, left: &[Value], right: &[Value], path: &mut Vec<Step>) {
        let index = |items: &[Value]| -> BTreeMap<Step, Vec<usize>> {
            let mut found: BTreeMap<Step, Vec<usize>> = BTreeMap::new();
            for (at, item) in items.iter().enumerate() {
                if let Ok(step) = cursor.identify(item) {
                    found.entry(step).or_default().push(at);
                }
            }
            found
        };
        let (l, r) = (index(left), index(right));
        let steps: BTreeSet<&Step> = l.keys().chain(r.keys()).collect();
        for step in steps {
            let ls: Vec<&Value> = l
                .get(step)
                .into_iter()
                .flatten()
                .map(|at| &left[*at])
                .collect();
            let rs: Vec<&Value> = r
                .get(step)
                .into_iter()
                .flatten()
                .map(|at| &right[*at])
                .collect();
            path.push(step.clone());
            match (ls.len(), rs.len()) {
                (0 | 1, 0 | 1) => {
                    self.walk(
                        cursor.item(),
                        ls.first().copied(),
                        rs.first().copied(),
                        path,
                    );
                }
                (2.., 2..) => {
                    if ls.len() != rs.len() || ls.iter().zip(&rs).any(|(a, b)| !equal(a, b)) {
                        self.modified.insert(path);
                    }
                }
                (2.., _) => {
                    self.walk(cursor.item(), None, rs.first().copied(), path);
                    self.removed.insert(path);
                }
                _ => {
                    self.walk(cursor.item(), ls.first().copied(), None, path);
                    self.added.insert(path);
                }
            }
            path.pop();
        }
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
}

fn map(value: Option<&Value>) -> Option<&Map<String, Value>> {
    value.and_then(Value::as_object)
}

/// Equality as Go's: an integer equals the float of its value.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(x), Value::Number(y)) => x == y || x.as_f64() == y.as_f64(),
        (Value::Array(x), Value::Array(y)) => {
            x.len() == y.len() && x.iter().zip(y).all(|(x, y)| equal(x, y))
        }
        (Value::Object(x), Value::Object(y)) => {
            x.len() == y.len() && x.iter().all(|(k, x)| y.get(k).is_some_and(|y| equal(x, y)))
        }
        (a, b) => a == b,
    }
}

/// Merges `right` over `left`.
pub(super) fn merge(cursor: Cursor<'_>, left: &Value, right: &Value) -> Result<Value, String> {
    Ok(merge_values(cursor, Some(left), Some(right))?.unwrap_or(Value::Null))
}

type Merged = Result<Option<Value>, String>;

fn merge_values(cursor: Cursor<'_>, left: Option<&Value>, right: Option<&Value>) -> Merged {
    let keep = || right.or(left).cloned();
    let atom = match (left, right) {
        (_, Some(_)) => cursor.atom(right),
        _ => cursor.atom(left),
    };
    if is_leaf(atom, left, right) {
        return Ok(keep());
    }
    match atom {
        Atom::Scalar => Ok(keep()),
        Atom::Map { .. } => {
            let (l, r) = (map(left), map(right));
            let mut out = Map::new();
            let keys: BTreeSet<&String> = l.into_iter().chain(r).flat_map(Map::keys).collect();
            for key in keys {
                let (left, right) = (l.and_then(|m| m.get(key)), r.and_then(|m| m.get(key)));
                if let Some(value) = merge_values(cursor.field(key), left, right)? {
                    out.insert(key.clone(), value);
                }
            }
            Ok((!out.is_empty()).then_some(Value::Object(out)))
        }
        Atom::List { .. } => {
            let out = merge_lists(cursor, list(left), list(right))?;
            Ok((!out.is_empty()).then_some(Value::Array(out)))
        }
    }
}

fn is_leaf(atom: Atom, left: Option<&Value>, right: Option<&Value>) -> bool {
    match atom {
        Atom::Scalar => true,
        Atom::List { atomic } => atomic || (list(left).is_empty() && list(right).is_empty()),
        Atom::Map { atomic } => {
            let empty = |m: Option<&Map<String, Value>>| m.is_none_or(Map::is_empty);
            atomic || (empty(map(left)) && empty(map(right)))
        }
    }
}

/// Merges two associative lists: the right one's order, and the left one's own items as near to
/// their place as that allows.
fn merge_lists<'v>(
    cursor: Cursor<'_>,
    left: &'v [Value],
    right: &'v [Value],
) -> Result<Vec<Value>, String> {
    let (rights, on_right) = indexed(cursor, right, false)?;
    let (lefts, on_left) = indexed(cursor, left, true)?;
    let mut shared = rights.iter().filter(|step| on_left.contains_key(step));
    let mut next_shared = shared.next();
    let mut done: BTreeSet<&Step> = BTreeSet::new();
    let mut out = Vec::new();
    let mut put = |left: Option<&Value>, right: Option<&Value>| {
        merge_values(cursor.item(), left, right).map(|merged| out.extend(merged))
    };
    let value =
        |items: &BTreeMap<Step, Option<&'v Value>>, step: &Step| items.get(step).copied().flatten();
    let (mut l, mut r) = (0, 0);
    while l < lefts.len() || r < rights.len() {
        if l < lefts.len() && r < rights.len() {
            let step = &lefts[l];
            if *step == rights[r] {
                done.insert(step);
                put(value(&on_left, step), value(&on_right, step))?;
                l += 1;
                r += 1;
                next_shared = shared.next();
                continue;
            }
            if on_right.contains_key(step) && next_shared.is_some_and(|next| next != step) {
                l += 1;
                continue;
            }
        }
        if l < lefts.len() {
            let step = &lefts[l];
            if !on_right.contains_key(step) {
                put(left.get(l), None)?;
                l += 1;
                continue;
            } else if done.contains(step) {
                l += 1;
            }
        }
        if r < rights.len() {
            let step = &rights[r];
            done.insert(step);
            put(value(&on_left, step), value(&on_right, step))?;
            r += 1;
            if next_shared == Some(step) {
                next_shared = shared.next();
            }
        }
    }
    Ok(out)
}

type Indexed<'v> = (Vec<Step>, BTreeMap<Step, Option<&'v Value>>);

/// Each item's identity; a repeated one has no single value.
fn indexed<'v>(
    cursor: Cursor<'_>,
    items: &'v [Value],
    allow_duplicates: bool,
) -> Result<Indexed<'v>, String> {
    let mut steps = Vec::with_capacity(items.len());
    let mut found = BTreeMap::new();
    for (at, item) in items.iter().enumerate() {
        let step = cursor
            .identify(item)
            .map_err(|error| format!("element {at}: {error}"))?;
        if found.contains_key(&step) && !allow_duplicates {
            return Err(format!("duplicate entries for key {}", step.display()));
        }
        let value = if found.contains_key(&step) {
            None
        } else {
            Some(item)
        };
        found.insert(step.clone(), value);
        steps.push(step);
    }
    Ok((steps, found))
}

/// The value without the paths of `gone`; null where nothing is left.
pub(super) fn remove(cursor: Cursor<'_>, value: &Value, gone: &Set) -> Value {
    match (cursor.atom(Some(value)), value) {
        (Atom::List { atomic: false }, Value::Array(items)) => {
            let mut kept = Vec::with_capacity(items.len());
            for item in items {
                let Ok(step) = cursor.identify(item) else {
                    kept.push(item.clone());
                    continue;
                };
                if gone.members.contains(&step) {
                    continue;
                }
                match gone.children.get(&step).filter(|set| !set.is_empty()) {
                    Some(below) => kept.push(remove(cursor.item(), item, below)),
                    None => kept.push(item.clone()),
                }
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Array(kept)
            }
        }
        (Atom::Map { atomic: false }, Value::Object(map)) => {
            let mut kept = Map::new();
            for (key, value) in map {
                let step = Step::Field(key.clone());
                if gone.members.contains(&step) {
                    continue;
                }
                let value = match gone.children.get(&step).filter(|set| !set.is_empty()) {
                    Some(below) => remove(cursor.field(key), value, below),
                    None => value.clone(),
                };
                kept.insert(key.clone(), value);
            }
            if kept.is_empty() {
                Value::Null
            } else {
                Value::Object(kept)
            }
        }
        (Atom::Scalar, value) => value.clone(),
        _ => Value::Null,
    }
}

/// What is wrong with a configuration's types; `path: text`, in order.
pub(super) fn validate(cursor: Cursor<'_>, value: &Value) -> Vec<String> {
    let mut errors = Vec::new();
    check(cursor, value, false, &mut String::new(), &mut errors);
    errors
}

fn check(
    cursor: Cursor<'_>,
    value: &Value,
    preserve: bool,
    path: &mut String,
    errors: &mut Vec<String>,
) {
    let len = path.len();
    let preserve = preserve || cursor.preserves();
    let fault = |path: &str, text: &str| format!("{path}: {text}");
    match (cursor.atom(Some(value)), value) {
        (_, Value::Null) => {}
        (Atom::Scalar, value) => {
            if let Err(text) = cursor.scalar_fits(value) {
                errors.push(fault(path, &text));
            }
        }
        (Atom::List { atomic }, Value::Array(items)) => {
            let mut seen = BTreeSet::new();
            for (at, item) in items.iter().enumerate() {
                let step = if atomic {
                    Ok(Step::Index(at))
                } else {
                    cursor.identify(item)
                };
                let step = match step {
                    Ok(step) => step,
                    Err(text) => {
                        errors.push(fault(path, &format!("element {at}: {text}")));
                        return;
                    }
                };
                if !seen.insert(step.clone()) {
                    errors.push(format!(
                        "{path}: duplicate entries for key {}",
                        step.display()
                    ));
                }
                path.push_str(&step.display());
                check(cursor.item(), item, preserve, path, errors);
                path.truncate(len);
            }
        }
        (Atom::Map { .. }, Value::Object(map)) => {
            for (key, value) in map {
                path.push('.');
                path.push_str(key);
                let below = cursor.field(key);
                if below.is_undeclared() && !preserve {
                    errors.push(format!("{path}: field not declared in schema"));
                    return;
                }
                check(below, value, preserve, path, errors);
                path.truncate(len);
            }
        }
        (Atom::List { .. }, value) => {
            errors.push(fault(path, &format!("expected list, got {value}")));
        }
        (Atom::Map { .. }, value) => {
            errors.push(fault(path, &format!("expected map, got {value}")));
        }
    }
    path.truncate(len);
}

/// Brings a field set into line with a schema whose parts have become atomic.
pub(super) fn reconcile(cursor: Cursor<'_>, set: &Set) -> Set {
    let mut out = set.clone();
    for (step, below) in &set.children {
        let next = cursor.step(step);
        let atomic = match next.atom(None) {
            Atom::List { atomic } | Atom::Map { atomic } => atomic,
            Atom::Scalar => false,
        };
        if atomic && !below.is_empty() {
            out.children.remove(step);
            out.members.insert(step.clone());
        } else {
            out.children.insert(step.clone(), reconcile(next, below));
        }
    }
    out
}
