//! The identity of an object within one cluster.

use crate::gvk::GroupKind;
use std::fmt;
use std::sync::Arc;

/// A shared string: names and namespaces are repeated in every index.
pub type Str = Arc<str>;

/// Group, kind, namespace and name: what identifies an object, whatever its version.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    /// API group, empty for core.
    pub group: Str,
    /// Kind.
    pub kind: Str,
    /// Namespace, `None` for cluster-scoped objects.
    pub namespace: Option<Str>,
    /// Name.
    pub name: Str,
}

impl Key {
    /// Makes a key; an empty namespace counts as none.
    pub fn new(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> Self {
        Self {
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.filter(|n| !n.is_empty()).map(Into::into),
            name: name.into(),
        }
    }

    /// The group and kind of the key.
    pub fn group_kind(&self) -> GroupKind {
        GroupKind {
            group: self.group.clone(),
            kind: self.kind.clone(),
        }
    }

    /// The namespace, or the empty string.
    pub fn namespace_or_empty(&self) -> &str {
        self.namespace.as_deref().unwrap_or("")
    }
}

impl fmt::Display for Key {
    /// `apps/Deployment:shop/web`, as Argo CD's messages write it; `Namespace:shop` without one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.group.is_empty() {
            write!(f, "{}/", self.group)?;
        }
        write!(f, "{}:", self.kind)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "{namespace}/")?;
        }
        f.write_str(&self.name)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
