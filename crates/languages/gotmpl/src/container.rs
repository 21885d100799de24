//! Lists and maps: what a template can hold many values in, and why they are types of our own.
//!
//! A Go map is a reference: `set $d "k" 1` is seen through every other variable that holds the
//! same map. A Go list has an element type that `typeOf` and `%T` tell. And both may be nested
//! as deep as a template's loop likes, so that dropping them must not recurse.

use std::collections::HashSet;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

use crate::value::{GoStr, Map, Value};

/// The element type of a list or of a map, as far as Go code behind templates makes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Elem {
    /// `interface {}`
    #[default]
    Any,
    /// `string`
    Str,
    /// `int`
    Int,
    /// `[]interface {}`
    Lists,
}

impl Elem {
    /// The type as Go prints it.
    pub fn go_type(self) -> &'static str {
        match self {
            Self::Any => "interface {}",
            Self::Str => "string",
            Self::Int => "int",
            Self::Lists => "[]interface {}",
        }
    }
}

/// A Go slice. Cheap to clone; never changed in place, as sprig's functions all copy.
#[derive(Clone)]
pub struct List {
    items: Arc<Items>,
    elem: Elem,
    nil: bool,
}

#[derive(Clone, Default)]
struct Items(Vec<Value>);

impl List {
    /// A `[]interface {}`.
    pub fn new(items: Vec<Value>) -> Self {
        Self::typed(items, Elem::Any)
    }

    /// A list with an element type; the caller sees to it that the items are of that type.
    pub fn typed(items: Vec<Value>, elem: Elem) -> Self {
        Self {
            items: Arc::new(Items(items)),
            elem,
            nil: false,
        }
    }

    /// Go's nil slice: empty, false, `null` in JSON, yet not a nil interface.
    pub fn nil_slice(elem: Elem) -> Self {
        Self {
            items: Arc::default(),
            elem,
            nil: true,
        }
    }

    /// The element type.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// Whether this is a nil slice.
    pub fn is_nil_slice(&self) -> bool {
        self.nil
    }

    /// The items; copied where they are shared.
    pub fn into_vec(mut self) -> Vec<Value> {
        std::mem::take(&mut Arc::make_mut(&mut self.items).0)
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

impl Deref for List {
    type Target = [Value];

    fn deref(&self) -> &[Value] {
        &self.items.0
    }
}

impl From<Vec<Value>> for List {
    fn from(items: Vec<Value>) -> Self {
        Self::new(items)
    }
}

impl FromIterator<Value> for List {
    fn from_iter<I: IntoIterator<Item = Value>>(items: I) -> Self {
        Self::new(items.into_iter().collect())
    }
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One level: values may be cyclic.
        write!(f, "List({} of {})", self.len(), self.elem.go_type())
    }
}

impl Drop for Items {
    fn drop(&mut self) {
        drop_all(std::mem::take(&mut self.0));
    }
}

/// A Go `map[string]interface {}`: a handle. Clones share the entries, and a change is seen
/// through all of them.
#[derive(Clone)]
pub struct MapRef {
    entries: Arc<Entries>,
    elem: Elem,
}

/// The inner `Arc` makes a read a snapshot, which no later change disturbs, at the price of one
/// reference count.
struct Entries(RwLock<Arc<Map>>);

impl MapRef {
    /// A new map with these entries.
    pub fn new(entries: Map) -> Self {
        Self {
            entries: Arc::new(Entries(RwLock::new(Arc::new(entries)))),
            elem: Elem::Any,
        }
    }

    /// A `map[string]string`; the caller sees to it that all values are strings.
    pub fn strings(entries: Map) -> Self {
        Self {
            elem: Elem::Str,
            ..Self::new(entries)
        }
    }

    /// The type of the values.
    pub fn elem(&self) -> Elem {
        self.elem
    }

    /// The entries as they stand now. Iterate over this: what a loop's body changes is not seen
    /// by the loop, as in Go's templates.
    pub fn snapshot(&self) -> Arc<Map> {
        self.entries
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The value of a key.
    pub fn get(&self, key: &[u8]) -> Option<Value> {
        self.entries
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(key)
            .cloned()
    }

    /// Whether there is such a key.
    pub fn contains(&self, key: &[u8]) -> bool {
        self.entries
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(key)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries
            .0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets an entry, in this and in every clone.
    pub fn insert(&self, key: GoStr, value: Value) {
        let replaced = {
            let mut entries = self
                .entries
                .0
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            Arc::make_mut(&mut entries).insert(key, value)
        };
        // Dropped outside of the lock: it may hold the last clone of anything.
        drop_all(replaced.into_iter().collect());
    }

    /// Removes an entry, in this and in every clone.
    pub fn remove(&self, key: &[u8]) {
        let removed = {
            let mut entries = self
                .entries
                .0
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            if entries.contains_key(key) {
                Arc::make_mut(&mut entries).remove(key)
            } else {
                None
            }
        };
        drop_all(removed.into_iter().collect());
    }

    /// Whether both are the same map, not only equal ones.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.entries, &other.entries)
    }

    fn take(&self) -> Arc<Map> {
        let mut entries = self
            .entries
            .0
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *entries)
    }

    /// Empties this map and every map within reach, so that maps that hold each other in a circle
    /// are given back. To be called on the data of a render that is over.
    pub fn dissolve(&self) {
        let mut seen = HashSet::new();
        let mut waiting = vec![Value::Map(self.clone())];
        while let Some(value) = waiting.pop() {
            match value {
                Value::Map(map) if seen.insert(Arc::as_ptr(&map.entries).addr()) => {
                    waiting.extend(map.take().values().cloned());
                }
                Value::List(list) if seen.insert(Arc::as_ptr(&list.items).addr()) => {
                    waiting.extend(list.iter().cloned());
                }
                _ => {}
            }
        }
    }
}

impl Default for MapRef {
    fn default() -> Self {
        Self::new(Map::new())
    }
}

impl From<Map> for MapRef {
    fn from(entries: Map) -> Self {
        Self::new(entries)
    }
}

impl FromIterator<(GoStr, Value)> for MapRef {
    fn from_iter<I: IntoIterator<Item = (GoStr, Value)>>(entries: I) -> Self {
        Self::new(entries.into_iter().collect())
    }
}

impl fmt::Debug for MapRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // One level: values may be cyclic.
        f.debug_set().entries(self.snapshot().keys()).finish()
    }
}

impl Drop for Entries {
    fn drop(&mut self) {
        let entries = std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner));
        drop_all(values_of(entries));
    }
}

/// The values of a map, where nobody else holds it; else none, since nothing is dropped.
fn values_of(entries: Arc<Map>) -> Vec<Value> {
    Arc::try_unwrap(entries).map_or_else(|_| Vec::new(), |map| map.into_values().collect())
}

/// Drops values level by level, never by recursion.
fn drop_all(mut waiting: Vec<Value>) {
    while let Some(value) = waiting.pop() {
        match value {
            Value::List(list) => {
                if let Some(mut items) = Arc::into_inner(list.items) {
                    waiting.append(&mut items.0);
                }
            }
            Value::Map(map) => {
                if let Some(entries) = Arc::into_inner(map.entries) {
                    waiting.append(&mut values_of(entries.take_inner()));
                }
            }
            _ => {}
        }
    }
}

impl Entries {
    fn take_inner(self) -> Arc<Map> {
        std::mem::take(&mut *self.0.write().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn change_is_seen_through_every_clone_but_not_by_a_snapshot() {
        let map = MapRef::default();
        let (other, before) = (map.clone(), map.snapshot());
        map.insert("k".into(), Value::Int(1));
        assert!(matches!(other.get(b"k"), Some(Value::Int(1))));
        assert!(before.is_empty());
        other.remove(b"k");
        assert!(map.is_empty());
    }

    #[test]
    fn deep_nesting_is_dropped_without_recursion() {
        let mut list = Value::Nil;
        let mut map = Value::Nil;
        for _ in 0..300_000 {
            list = Value::List(List::new(vec![list]));
            map = Value::Map([(GoStr::from("k"), map)].into_iter().collect());
        }
        drop((list, map));
    }

    #[test]
    fn dissolve_frees_a_circle() {
        let map = MapRef::default();
        map.insert("self".into(), Value::Map(map.clone()));
        let alive = Arc::downgrade(&map.entries);
        map.dissolve();
        drop(map);
        assert!(alive.upgrade().is_none());
    }
}
