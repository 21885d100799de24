//! A store for tests: objects by group, resource, namespace and name.

use crate::Reader;
use argosy_object::{Value, meta};
use std::collections::BTreeMap;

/// Objects that tests put there.
#[derive(Default)]
pub struct FakeStore(BTreeMap<(String, String, String, String), Value>);

impl FakeStore {
    /// Puts an object, replacing an older one.
    pub fn put(&mut self, group: &str, resource: &str, object: Value) {
        let (namespace, name) = (
            meta(&object, "namespace").into(),
            meta(&object, "name").into(),
        );
        self.0
            .insert((group.into(), resource.into(), namespace, name), object);
    }

    /// Removes an object.
    pub fn remove(&mut self, group: &str, resource: &str, namespace: &str, name: &str) {
        self.0
            .remove(&(group.into(), resource.into(), namespace.into(), name.into()));
    }
}

impl Reader for FakeStore {
    fn get(&self, group: &str, resource: &str, namespace: &str, name: &str) -> Option<Value> {
        self.0
            .get(&(group.into(), resource.into(), namespace.into(), name.into()))
            .cloned()
    }

    fn list(&self, group: &str, resource: &str, namespace: Option<&str>) -> Vec<Value> {
        self.0
            .iter()
            .filter(|((g, r, n, _), _)| {
                g == group && r == resource && namespace.is_none_or(|wanted| wanted == n)
            })
            .map(|(_, object)| object.clone())
            .collect()
    }
}
