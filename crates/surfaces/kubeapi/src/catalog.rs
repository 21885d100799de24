//! The resources of one cluster, as requests name them.

use crate::crd;
use argosy_object::{Gvk, Object, Str, Value};
use argosy_schema::{KindSchema, Schemas};
use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

/// The kinds a cluster serves at one moment, with what is derived from them.
pub(crate) struct Catalog {
    pub schemas: Arc<Schemas>,
    /// The CRDs that are part of it, by name.
    pub crds: BTreeMap<String, Value>,
    /// Discovery and OpenAPI documents, made when first asked for.
    pub documents: crate::documents::Documents,
    /// Kinds by storage group and plural, as keys name them; the preferred version.
    by_storage: OnceLock<BTreeMap<(Str, Str), Gvk>>,
}

/// A resource in one version, and where its objects are kept.
#[derive(Clone)]
pub(crate) struct Served {
    pub kind: Arc<KindSchema>,
    /// Group of the keys: that of the kind, but core for `events.k8s.io`.
    pub storage_group: Str,
    /// Group, version and kind of stored objects.
    pub stored: Gvk,
}

impl Served {
    fn new(kind: Arc<KindSchema>) -> Self {
        let gvk = &kind.gvk;
        if &*gvk.group == "events.k8s.io" {
            let stored = Gvk::new("", "v1", "Event");
            return Self {
                storage_group: "".into(),
                stored,
                kind,
            };
        }
        let stored = Gvk::new(&gvk.group, &kind.storage_version, &gvk.kind);
        Self {
            storage_group: gvk.group.clone(),
            stored,
            kind,
        }
    }

    pub(crate) fn group(&self) -> &str {
        &self.kind.gvk.group
    }

    pub(crate) fn plural(&self) -> &str {
        &self.kind.plural
    }

    pub(crate) fn namespaced(&self) -> bool {
        self.kind.is_namespaced()
    }

    /// The prefix of all keys, or of those of one namespace.
    pub(crate) fn prefix(&self, namespace: &str) -> String {
        let group = group_part(&self.storage_group);
        if namespace.is_empty() || !self.namespaced() {
            format!("/{group}/{}/", self.plural())
        } else {
            format!("/{group}/{}/{namespace}/", self.plural())
        }
    }

    /// The key of an object.
    pub(crate) fn key(&self, namespace: &str, name: &str) -> String {
        format!("{}{name}", self.prefix(namespace))
    }
}

/// How a group stands in keys.
pub(crate) fn group_part(group: &str) -> &str {
    if group.is_empty() { "core" } else { group }
}

/// A key, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyParts<'k> {
    pub group: &'k str,
    pub plural: &'k str,
    pub namespace: &'k str,
    pub name: &'k str,
}

impl<'k> KeyParts<'k> {
    pub(crate) fn of(key: &'k str) -> Option<Self> {
        let mut parts = key.split('/').skip(1);
        let (group, plural) = (parts.next()?, parts.next()?);
        let group = if group == "core" { "" } else { group };
        let (first, second) = (parts.next()?, parts.next());
        let (namespace, name) = match second {
            Some(name) => (first, name),
            None => ("", first),
        };
        Some(Self {
            group,
            plural,
            namespace,
            name,
        })
    }
}

impl Catalog {
    /// The built-in kinds and those of the CRDs that are established.
    pub(crate) fn new(base: &Arc<Schemas>, crds: BTreeMap<String, Value>) -> Self {
        let active: Vec<Object> = crds
            .values()
            .filter(|crd| crd::condition(crd, "Established") == Some("True"))
            .map(|crd| Object::from_trusted(crd.clone()))
            .collect();
        let schemas = if active.is_empty() {
            base.clone()
        } else {
            base.with_crds(&active)
        };
        Self {
            schemas,
            crds,
            documents: crate::documents::Documents::default(),
            by_storage: OnceLock::new(),
        }
    }

    /// A resource by the words of its URL.
    pub(crate) fn resource(&self, group: &str, version: &str, plural: &str) -> Option<Served> {
        let gvk = &self.schemas.by_resource(group, version, plural)?.gvk;
        self.schemas.kind_arc(gvk).map(Served::new)
    }

    /// The resource of a kind.
    pub(crate) fn kind(&self, gvk: &Gvk) -> Option<Served> {
        self.schemas
            .kind_arc(gvk)
            .filter(|kind| !kind.plural.is_empty())
            .map(Served::new)
    }

    /// The resource whose objects are kept under this group and plural, in the version they are
    /// kept in where that is served.
    pub(crate) fn stored(&self, group: &str, plural: &str) -> Option<Served> {
        let index = self.by_storage.get_or_init(|| self.index());
        self.kind(index.get(&(Str::from(group), Str::from(plural)))?)
    }

    fn index(&self) -> BTreeMap<(Str, Str), Gvk> {
        let mut index = BTreeMap::new();
        for kind in self.schemas.kinds().filter(|kind| !kind.plural.is_empty()) {
            let key = (kind.gvk.group.clone(), Str::from(&*kind.plural));
            if *kind.gvk.version == *kind.storage_version || !index.contains_key(&key) {
                index.insert(key, kind.gvk.clone());
            }
        }
        index
    }

    /// All resources that are kept, each in one version.
    pub(crate) fn all_stored(&self) -> Vec<Served> {
        let index = self.by_storage.get_or_init(|| self.index());
        index
            .iter()
            .filter(|((group, _), _)| &**group != "events.k8s.io")
            .filter_map(|(_, gvk)| self.kind(gvk))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_taken_apart() {
        let parts = KeyParts::of("/core/pods/ns/web").unwrap();
        assert_eq!(
            (parts.group, parts.namespace, parts.name),
            ("", "ns", "web")
        );
        let parts = KeyParts::of("/apps.x/things/web").unwrap();
        assert_eq!(
            (parts.group, parts.namespace, parts.name),
            ("apps.x", "", "web")
        );
        assert_eq!(KeyParts::of("/x"), None);
    }
}
