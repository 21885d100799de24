//! The end of a CRD: its objects go first.

use crate::catalog::group_part;
use crate::cluster::Cluster;
use crate::crd::{CLEANUP, PREFIX, condition, set_condition};
use crate::error::ApiError;
use crate::meta;
use crate::rest::{Actor, How, Propagation};
use crate::storage::Range;
use argosy_object::{Str, Value};
use std::sync::Arc;

/// Deletes the objects of a CRD that is going away, and then lets it go. Answers with the
/// resource whose objects it still waits for.
pub(super) async fn end(
    cluster: &Arc<Cluster>,
    name: &str,
) -> Result<Option<(Str, Str)>, ApiError> {
    let key = format!("{PREFIX}{name}");
    let Some(crd) = cluster.load_key(&key) else {
        return Ok(None);
    };
    if !meta::is_deleting(&crd) || !meta::texts(&crd, "finalizers").contains(&CLEANUP) {
        return Ok(None);
    }
    let Some(actor) = Actor::of_key(cluster, &key) else {
        return Ok(None);
    };
    let now = meta::stamp(cluster.now());
    let text = |pointer: &str| {
        crd.pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (group, plural) = (text("/spec/group"), text("/spec/names/plural"));
    let left = if condition(&crd, "Established") == Some("True") {
        delete_objects(cluster, group, plural).await?
    } else {
        0
    };
    actor
        .update(&key, &|object: &mut Value| {
            let (status, reason, message) = if left == 0 {
                (
                    "False",
                    "InstanceDeletionCompleted",
                    "removed all instances".to_owned(),
                )
            } else {
                let message = "CustomResource deletion is in progress".to_owned();
                ("True", "InstanceDeletionInProgress", message)
            };
            set_condition(object, "Terminating", (status, reason, message), &now);
            if left == 0 {
                let rest = meta::texts(object, "finalizers")
                    .into_iter()
                    .filter(|finalizer| *finalizer != CLEANUP)
                    .map(str::to_owned)
                    .collect();
                meta::set_finalizers(object, rest);
            }
            Ok(())
        })
        .await?;
    Ok((left > 0).then(|| (group.into(), plural.into())))
}

/// Deletes all objects of a resource and answers how many are still there.
async fn delete_objects(
    cluster: &Arc<Cluster>,
    group: &str,
    plural: &str,
) -> Result<usize, ApiError> {
    let prefix = format!("/{}/{plural}/", group_part(group));
    let range = Range {
        prefix: &prefix,
        ..Range::default()
    };
    let page = cluster
        .storage
        .range(range)
        .map_err(|error| ApiError::internal(&error.to_string()))?;
    let mut left = 0;
    for (key, _) in page.items {
        let Some(actor) = Actor::of_key(cluster, &key) else {
            continue;
        };
        let how = How {
            propagation: Some(Propagation::Background),
            ..How::default()
        };
        if !actor.delete(&key, None, how).await? {
            left += 1;
        }
    }
    Ok(left)
}
