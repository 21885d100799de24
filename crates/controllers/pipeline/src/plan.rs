//! Stage `plan`: the steps of one operation.

use argosy_crds::{ApplicationSpec, ManagedNamespaceMetadata, SyncOperation, names};
use argosy_diff::Comparison;
use argosy_object::{Key, Object, json};
use argosy_sync::{Action, ObjectOptions, Plan, PlanInput, PlanStep, kind_rank, plan};

/// A plan and what the operation keeps of it.
#[derive(Debug)]
pub struct OperationPlan {
    /// The steps.
    pub plan: Plan,
    /// Metadata that the destination's namespace gets.
    pub namespace_metadata: Option<ManagedNamespaceMetadata>,
}

/// Plans an operation on a comparison. `namespace_exists` tells whether the destination's
/// namespace is live; with `CreateNamespace=true` its creation becomes the first step unless the
/// application brings the namespace itself.
pub fn plan_operation(
    spec: &ApplicationSpec,
    sync: &SyncOperation,
    comparison: &Comparison,
    namespace_exists: bool,
) -> OperationPlan {
    let input = PlanInput {
        prune: sync.prune,
        sync_options: &sync.sync_options,
        resources: &sync.resources,
    };
    let mut steps = plan(comparison, &input);
    let metadata = spec
        .sync_policy
        .as_ref()
        .and_then(|policy| policy.managed_namespace_metadata.clone());
    let creates = spec.has_sync_option("CreateNamespace=true") && sync.resources.is_empty();
    let namespace = &spec.destination.namespace;
    let key = Key::new("", "Namespace", None, namespace);
    let brings_it = comparison
        .rows
        .iter()
        .any(|row| row.key == key && row.desired.is_some());
    let is_needed = !namespace_exists || metadata.is_some();
    if creates && !namespace.is_empty() && !brings_it && is_needed {
        steps
            .steps
            .insert(0, namespace_step(namespace, metadata.as_ref()));
    }
    OperationPlan {
        plan: steps,
        namespace_metadata: metadata.filter(|_| creates),
    }
}

/// Compat: a plain namespace carries no tracking id and is applied client-side; with managed
/// metadata it is server-side apply.
fn namespace_step(name: &str, metadata: Option<&ManagedNamespaceMetadata>) -> PlanStep {
    let mut namespace = Object::from_trusted(
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}),
    );
    if let Some(metadata) = metadata {
        for (key, value) in &metadata.labels {
            namespace.set_label(key, value);
        }
        for (key, value) in &metadata.annotations {
            namespace.set_annotation(key, value);
        }
        namespace.set_annotation(names::SYNC_OPTIONS, "ServerSideApply=true");
    }
    PlanStep {
        wave: i64::MIN,
        rank: kind_rank("Namespace"),
        key: namespace.key(),
        gvk: namespace.gvk(),
        options: ObjectOptions::new(&namespace, &[]),
        action: Action::Apply {
            desired: namespace,
            live: None,
        },
    }
}
