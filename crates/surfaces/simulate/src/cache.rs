//! What is known of a cluster: the watched objects, with the few ways in that are needed.

use crate::kinds::{Id, Kind};
use crate::lean::Head;
use crate::tree;
use argosy_object::{Value, meta};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The watched objects of one cluster.
#[derive(Debug, Default)]
pub struct Cache {
    objects: BTreeMap<Id, Arc<Value>>,
    /// Objects by the UID of their controller.
    owned: HashMap<String, BTreeSet<Id>>,
}

impl Cache {
    /// Takes in an object unless a newer state is known; says whether it did.
    pub fn apply(&mut self, kind: Kind, mut object: Value) -> Option<Id> {
        strip(&mut object);
        let id = Id::of(kind, &object);
        if let Some(old) = self.objects.get(&id) {
            let same = meta(old, "uid") == meta(&object, "uid");
            if same && revision(old) >= revision(&object) {
                return None;
            }
            self.disown(&id);
        }
        if let Some((_, _, uid)) = tree::controller(&object) {
            self.owned
                .entry(uid.to_owned())
                .or_default()
                .insert(id.clone());
        }
        self.objects.insert(id.clone(), Arc::new(object));
        Some(id)
    }

    /// Whether this state of an object, or a newer one, is known.
    pub fn knows(&self, kind: Kind, head: &Head) -> bool {
        self.get(kind, &head.namespace, &head.name)
            .is_some_and(|known| {
                meta(known, "uid") == head.uid
                    && revision(known) >= head.resource_version.parse().unwrap_or(0)
            })
    }

    /// Forgets an object; gives its last state.
    pub fn delete(&mut self, id: &Id, uid: &str) -> Option<Arc<Value>> {
        let known = self.objects.get(id)?;
        if !uid.is_empty() && meta(known, "uid") != uid {
            return None;
        }
        self.disown(id);
        self.objects.remove(id)
    }

    fn disown(&mut self, id: &Id) {
        let Some(object) = self.objects.get(id) else {
            return;
        };
        let Some((_, _, uid)) = tree::controller(object) else {
            return;
        };
        if let Some(ids) = self.owned.get_mut(uid) {
            ids.remove(id);
            if ids.is_empty() {
                self.owned.remove(uid);
            }
        }
    }

    /// Replaces all objects of a kind; gives what is new, changed or gone.
    pub fn replace(&mut self, kind: Kind, objects: Vec<Value>) -> Vec<(Id, Option<Arc<Value>>)> {
        let mut gone: BTreeSet<Id> = self.ids(kind).cloned().collect();
        let mut changed = Vec::new();
        for object in objects {
            gone.remove(&Id::of(kind, &object));
            if let Some(id) = self.apply(kind, object) {
                changed.push((id, None));
            }
        }
        for id in gone {
            let last = self.delete(&id, "");
            changed.push((id, last));
        }
        changed
    }

    /// One object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Arc<Value>> {
        let id = Id {
            kind,
            namespace: namespace.into(),
            name: name.into(),
        };
        self.objects.get(&id)
    }

    /// One object by its identity.
    pub fn at(&self, id: &Id) -> Option<&Arc<Value>> {
        self.objects.get(id)
    }

    /// The identities of a kind.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = &Id> {
        self.range(kind, "")
            .map(|(id, _)| id)
            .take_while(move |id| id.kind == kind)
    }

    /// The objects of a kind in a namespace, sorted by name.
    pub fn list<'c>(
        &'c self,
        kind: Kind,
        namespace: &'c str,
    ) -> impl Iterator<Item = &'c Arc<Value>> {
        self.range(kind, namespace)
            .take_while(move |(id, _)| id.kind == kind && id.namespace == namespace)
            .map(|(_, object)| object)
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = &Arc<Value>> {
        self.range(kind, "")
            .take_while(move |(id, _)| id.kind == kind)
            .map(|(_, o)| o)
    }

    /// The objects of a kind that one object controls.
    pub fn owned(&self, kind: Kind, owner: &Value) -> Vec<Arc<Value>> {
        let ids = self.owned.get(meta(owner, "uid"));
        ids.into_iter()
            .flatten()
            .filter(|id| id.kind == kind)
            .filter_map(|id| self.objects.get(id).cloned())
            .collect()
    }

    fn range(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = (&Id, &Arc<Value>)> {
        let start = Id {
            kind,
            namespace: namespace.into(),
            name: String::new(),
        };
        self.objects.range(start..)
    }
}

/// What nobody here reads costs memory.
fn strip(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
}

fn revision(object: &Value) -> u64 {
    meta(object, "resourceVersion").parse().unwrap_or(0)
}
