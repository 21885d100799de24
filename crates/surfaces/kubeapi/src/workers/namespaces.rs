//! The end of a namespace: its content goes first.

use crate::cluster::Cluster;
use crate::crd::set_condition;
use crate::error::ApiError;
use crate::meta;
use crate::rest::{Actor, How, Propagation};
use crate::storage::Range;
use argosy_object::{Str, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is left in a namespace.
#[derive(Default)]
struct Left {
    /// Resource to number of objects.
    resources: BTreeMap<String, usize>,
    /// Finalizer to number of objects that have it.
    finalizers: BTreeMap<String, usize>,
    failed: Vec<String>,
}

/// Deletes what a terminating namespace holds, and then the namespace. Answers whether it still
/// waits for objects to go.
pub(super) async fn empty(cluster: &Arc<Cluster>, name: &Str) -> Result<bool, ApiError> {
    let key = format!("/core/namespaces/{name}");
    let Some(namespace) = cluster.load_key(&key) else {
        return Ok(false);
    };
    if !meta::is_deleting(&namespace) {
        return Ok(false);
    }
    let left = delete_content(cluster, name).await;
    let Some(actor) = Actor::of_key(cluster, &key) else {
        return Ok(false);
    };
    let actor = actor.named("kube-controller-manager");
    let done = left.resources.is_empty() && left.failed.is_empty();
    let now = meta::stamp(cluster.now());
    actor
        .update_owned(&key, "status", &|object: &mut Value| {
            object["status"]["phase"] = "Terminating".into();
            tell(object, &left, &now);
            Ok(())
        })
        .await?;
    actor
        .update(&key, &|object: &mut Value| {
            if done && let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
                finalized(spec);
            }
            Ok(())
        })
        .await?;
    match left.failed.first() {
        Some(failure) => Err(ApiError::internal(failure)),
        None => Ok(!done),
    }
}

/// Takes our own finalizer away; the others are other people's.
fn finalized(spec: &mut argosy_object::Map<String, Value>) {
    let Some(finalizers) = spec.get_mut("finalizers").and_then(Value::as_array_mut) else {
        return;
    };
    finalizers.retain(|finalizer| finalizer != "kubernetes");
    if finalizers.is_empty() {
        spec.remove("finalizers");
    }
}

async fn delete_content(cluster: &Arc<Cluster>, name: &str) -> Left {
    let mut left = Left::default();
    for served in cluster.catalog().all_stored() {
        if !served.namespaced() {
            continue;
        }
        let prefix = served.prefix(name);
        let Ok(page) = cluster.storage.range(Range {
            prefix: &prefix,
            ..Range::default()
        }) else {
            continue;
        };
        if page.items.is_empty() {
            continue;
        }
        let resource = format!("{}.{}", served.plural(), served.group());
        let actor = Actor::new(cluster, served, name);
        for (key, _) in &page.items {
            let how = How {
                propagation: Some(Propagation::Background),
                ..How::default()
            };
            match actor.delete(key, None, how).await {
                Ok(true) => {}
                Ok(false) => {
                    *left.resources.entry(resource.clone()).or_default() += 1;
                    let object = cluster.load_key(key).unwrap_or_default();
                    for finalizer in meta::texts(&object, "finalizers") {
                        *left.finalizers.entry(finalizer.into()).or_default() += 1;
                    }
                }
                Err(error) => left.failed.push(error.message),
            }
        }
    }
    left
}

/// Writes the conditions of a namespace that is going away.
fn tell(namespace: &mut Value, left: &Left, now: &str) {
    let count = |map: &BTreeMap<String, usize>, middle: &str, end: &str| {
        let parts: Vec<String> = map
            .iter()
            .map(|(name, count)| format!("{name}{middle}{count}{end}"))
            .collect();
        parts.join(", ")
    };
    let mut set = |kind: &str, status: &str, reason: &str, message: String| {
        set_condition(namespace, kind, (status, reason, message), now);
    };
    set(
        "NamespaceDeletionDiscoveryFailure",
        "False",
        "ResourcesDiscovered",
        "All resources successfully discovered".into(),
    );
    set(
        "NamespaceDeletionGroupVersionParsingFailure",
        "False",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed".into(),
    );
    if left.failed.is_empty() {
        let message = "All content successfully deleted, may be waiting on finalization";
        set(
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            message.into(),
        );
    } else {
        let message = left.failed.join(", ");
        set(
            "NamespaceDeletionContentFailure",
            "True",
            "ContentDeletionFailed",
            message,
        );
    }
    if left.resources.is_empty() {
        let message = "All content successfully removed";
        set(
            "NamespaceContentRemaining",
            "False",
            "ContentRemoved",
            message.into(),
        );
    } else {
        let message = format!(
            "Some resources are remaining: {}",
            count(&left.resources, " has ", " resource instances")
        );
        set(
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            message,
        );
    }
    if left.finalizers.is_empty() {
        let message = "All content-preserving finalizers finished";
        set(
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            message.into(),
        );
    } else {
        let message = format!(
            "Some content in the namespace has finalizers remaining: {}",
            count(&left.finalizers, " in ", " resource instances")
        );
        set(
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            message,
        );
    }
}
