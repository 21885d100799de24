//! The namespace of all objects.

use crate::error::KustomizeError;
use crate::fields::{self, Create, FieldSpec};
use crate::id::{meta_text, scalar_text, text};
use crate::resmap::ResMap;
use argosy_object::Value;

/// Which subjects of role bindings get the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subjects {
    /// Those named `default`.
    Default,
    /// All service accounts.
    Accounts,
    /// None.
    No,
}

/// What the transformer is told.
pub(crate) struct Namespace<'a> {
    pub(crate) name: &'a str,
    pub(crate) specs: &'a [FieldSpec],
    pub(crate) unset_only: bool,
    pub(crate) subjects: Subjects,
}

impl Namespace<'_> {
    pub(crate) fn apply(&self, map: &mut ResMap) -> Result<(), KustomizeError> {
        if self.name.is_empty() {
            return Ok(());
        }
        for resource in map
            .list
            .iter_mut()
            .filter(|r| !r.is_empty() && !r.from_chart)
        {
            map.budget.spend(self.name.len())?;
            resource.remember_id();
            let cluster_scoped = resource.gvk().is_cluster_scoped();
            self.apply_to(&mut resource.value, cluster_scoped)?;
        }
        map.check_unique("namespace transformation")
    }

    fn apply_to(&self, value: &mut Value, cluster_scoped: bool) -> Result<(), KustomizeError> {
        let mut set = |field: &mut Value| {
            if field.is_object() || field.is_array() {
                return Err("namespace field specs must target scalar nodes".to_owned());
            }
            if !self.unset_only || scalar_text(field).is_empty() {
                *field = self.name.into();
            }
            Ok(())
        };
        if !cluster_scoped {
            let path = "metadata/namespace".to_owned();
            let spec = FieldSpec {
                path,
                create: true,
                ..FieldSpec::default()
            };
            fields::each(value, &spec, Create::Text, &mut set)?;
        }
        let binding = matches!(text(value, "kind"), "RoleBinding" | "ClusterRoleBinding");
        if binding {
            self.set_subjects(value);
        }
        let core = text(value, "apiVersion") == "v1";
        for spec in self.specs {
            let skipped = spec.path == "metadata/namespace"
                || (spec.path == "metadata/name" && !core)
                || (binding
                    && spec.path == "subjects/namespace"
                    && matches!(spec.kind.as_str(), "RoleBinding" | "ClusterRoleBinding"));
            if !skipped {
                fields::each(value, spec, Create::Text, &mut set)?;
            }
        }
        Ok(())
    }

    fn set_subjects(&self, value: &mut Value) {
        let subjects = value.get_mut("subjects").and_then(Value::as_array_mut);
        for subject in subjects.into_iter().flatten() {
            let wanted = match self.subjects {
                Subjects::No => false,
                Subjects::Default => text(subject, "name") == "default",
                Subjects::Accounts => text(subject, "kind") == "ServiceAccount",
            };
            let set = subject
                .get("namespace")
                .is_some_and(|n| !scalar_text(n).is_empty());
            if let Value::Object(map) = subject
                && wanted
                && !(self.unset_only && set)
            {
                map.insert("namespace".into(), self.name.into());
            }
        }
    }
}

/// Drops objects that are for local use only.
pub(crate) fn drop_local(map: &mut ResMap) {
    map.list.retain(|resource| {
        let annotations = resource.texts("annotations");
        match annotations.get("config.kubernetes.io/local-config") {
            None => !meta_text(&resource.value, "name").is_empty() || !resource.is_empty(),
            Some(value) => scalar_text(value) == "false",
        }
    });
}
