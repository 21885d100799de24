//! All kinds of one cluster: the built-in ones, shared, and those of its CRDs.

use crate::kind::KindSchema;
use argosy_object::{Gvk, Object, Str};
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

/// The kinds of one cluster. Cheap to share and to extend: built-in kinds are decoded once in a
/// process.
#[derive(Debug, Clone, Default)]
pub struct Schemas {
    kinds: BTreeMap<Gvk, Arc<KindSchema>>,
    by_resource: BTreeMap<(Str, Str, Str), Gvk>,
    groups: Vec<(Str, Vec<Str>)>,
}

static BUILTIN: LazyLock<Arc<Schemas>> = LazyLock::new(|| Arc::new(crate::table::load()));

impl Schemas {
    /// The built-in kinds of Kubernetes 1.36.
    pub fn builtin() -> Arc<Schemas> {
        BUILTIN.clone()
    }

    /// These kinds and all served versions of `crds`. A CRD that defines a kind already known
    /// replaces it; parts of a CRD that cannot be read are left out, so that one bad CRD harms
    /// only itself.
    pub fn with_crds(self: &Arc<Self>, crds: &[Object]) -> Arc<Schemas> {
        let mut schemas = Schemas::clone(self);
        for crd in crds {
            for kind in crate::crd::kinds(crd) {
                schemas.insert(kind);
            }
        }
        Arc::new(schemas)
    }

    /// A kind by group, version and kind.
    pub fn kind(&self, gvk: &Gvk) -> Option<&KindSchema> {
        self.kinds.get(gvk).map(Arc::as_ref)
    }

    /// A kind, to keep.
    pub fn kind_arc(&self, gvk: &Gvk) -> Option<Arc<KindSchema>> {
        self.kinds.get(gvk).cloned()
    }

    /// All kinds that have a resource, sorted by group, version and kind.
    pub fn kinds(&self) -> impl Iterator<Item = &KindSchema> {
        self.bodies_and_kinds().filter(|k| !k.plural.is_empty())
    }

    /// As [`Schemas::kinds`], and the kinds that are only ever a body: Eviction, TokenRequest,
    /// Scale, DeleteOptions, Status.
    pub fn bodies_and_kinds(&self) -> impl Iterator<Item = &KindSchema> {
        self.kinds.values().map(Arc::as_ref)
    }

    /// Groups and their versions in discovery's order, the preferred version first.
    pub fn groups(&self) -> &[(Str, Vec<Str>)] {
        &self.groups
    }

    /// A kind by the words of its URL.
    pub fn by_resource(&self, group: &str, version: &str, plural: &str) -> Option<&KindSchema> {
        let key = (Str::from(group), Str::from(version), Str::from(plural));
        self.kind(self.by_resource.get(&key)?)
    }

    /// All versions of a group and kind, the preferred one first.
    pub fn versions(&self, group: &str, kind: &str) -> Vec<&KindSchema> {
        let mut found: Vec<_> = self
            .bodies_and_kinds()
            .filter(|k| &*k.gvk.group == group && &*k.gvk.kind == kind)
            .collect();
        found.sort_by_key(|k| !k.preferred);
        found
    }

    /// The preferred version of a group and kind.
    pub fn by_group_kind(&self, group: &str, kind: &str) -> Option<&KindSchema> {
        self.versions(group, kind).into_iter().next()
    }

    pub(crate) fn insert(&mut self, kind: KindSchema) {
        let gvk = kind.gvk.clone();
        let resource = (
            gvk.group.clone(),
            gvk.version.clone(),
            Str::from(kind.plural.as_ref()),
        );
        if !kind.plural.is_empty() {
            self.by_resource.insert(resource, gvk.clone());
            let at = self
                .groups
                .iter()
                .position(|(g, _)| *g == gvk.group)
                .unwrap_or_else(|| {
                    self.groups.push((gvk.group.clone(), Vec::new()));
                    self.groups.len() - 1
                });
            let versions = &mut self.groups[at].1;
            if !versions.contains(&gvk.version) {
                versions.push(gvk.version.clone());
            }
        }
        self.kinds.insert(gvk, Arc::new(kind));
    }
}
