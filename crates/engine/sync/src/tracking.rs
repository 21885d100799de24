//! The annotation that says which application manages an object.

use argosy_crds::names;
use argosy_object::{Key, Object};
use std::fmt;

/// `<app>:<group>/<kind>:<namespace>/<name>`.
///
/// Compat: Argo CD's annotation tracking. The core group is empty; a cluster-scoped object
/// carries the application's destination namespace; an application outside the control
/// namespace is named `<namespace>_<app>`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackingId {
    /// The application's tracking name.
    pub instance: String,
    /// API group.
    pub group: String,
    /// Kind.
    pub kind: String,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl TrackingId {
    /// The id of an object under an application.
    pub fn new(instance: &str, key: &Key, destination_namespace: &str) -> Self {
        Self {
            instance: instance.into(),
            group: key.group.to_string(),
            kind: key.kind.to_string(),
            namespace: key
                .namespace
                .as_deref()
                .unwrap_or(destination_namespace)
                .into(),
            name: key.name.to_string(),
        }
    }

    /// Reads an annotation's text; `None` where it does not have the form.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ':');
        let (instance, kind, object) = (parts.next()?, parts.next()?, parts.next()?);
        let (group, kind) = kind.split_once('/')?;
        let (namespace, name) = object.split_once('/')?;
        Some(Self {
            instance: instance.into(),
            group: group.into(),
            kind: kind.into(),
            namespace: namespace.into(),
            name: name.into(),
        })
    }

    /// The id that an object carries, where it is the object's own: a copied annotation, whose
    /// id names another object, does not count.
    pub fn of(object: &Object) -> Option<Self> {
        let id = Self::parse(object.annotation(names::TRACKING_ID)?)?;
        let key = object.key();
        let is_own = *id.group == *key.group
            && *id.kind == *key.kind
            && *id.name == *key.name
            && key
                .namespace
                .as_deref()
                .is_none_or(|namespace| *namespace == *id.namespace);
        is_own.then_some(id)
    }
}

impl fmt::Display for TrackingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}:{}/{}:{}/{}",
            self.instance, self.group, self.kind, self.namespace, self.name
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn core_group_is_empty_and_cluster_scope_takes_the_destination_namespace() {
        let config = TrackingId::new("app", &Key::new("", "ConfigMap", Some("ns"), "n"), "dest");
        assert_eq!(config.to_string(), "app:/ConfigMap:ns/n");
        let role = Key::new("rbac.authorization.k8s.io", "ClusterRole", None, "system:x");
        let id = TrackingId::new("app", &role, "dest");
        assert_eq!(
            id.to_string(),
            "app:rbac.authorization.k8s.io/ClusterRole:dest/system:x"
        );
        assert_eq!(TrackingId::parse(&id.to_string()), Some(id));
    }

    #[test]
    fn copied_id_does_not_count() {
        let object = |name: &str| {
            Object::new(
                json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
                "name": name, "namespace": "ns",
                "annotations": {names::TRACKING_ID: "app:/ConfigMap:ns/a"}}}),
            )
            .unwrap()
        };
        assert!(TrackingId::of(&object("a")).is_some());
        assert!(TrackingId::of(&object("b")).is_none());
    }
}
