//! Deleting everything that an application manages, one reverse wave at a time.

use argosy_object::{Key, Object};
use argosy_ports::{ApiError, Cluster, DeleteOptions, Identity, Propagation};
use argosy_sync::{ObjectOptions, wave};
use std::collections::BTreeMap;

/// How far a cascading delete has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteOutcome {
    /// Nothing is left.
    Done,
    /// These are still there.
    Waiting(Vec<Key>),
}

/// Deletes the objects of the highest wave that still has any, and says what is left.
///
/// Objects with `Delete=false` or Helm's keep policy stay and do not count; objects that are
/// being deleted already are waited for.
///
/// # Errors
/// The first refusal of the cluster.
pub async fn delete_all(
    cluster: &dyn Cluster,
    live: &BTreeMap<Key, Object>,
    propagation: Propagation,
) -> Result<DeleteOutcome, ApiError> {
    let mut left: Vec<&Object> = live
        .values()
        .filter(|object| !ObjectOptions::new(object, &[]).keeps_on_delete(object))
        .collect();
    let Some(highest) = left.iter().map(|object| wave(object)).max() else {
        return Ok(DeleteOutcome::Done);
    };
    left.retain(|object| wave(object) == highest);
    for object in &left {
        if object.is_deleting() {
            continue;
        }
        let options = DeleteOptions {
            propagation,
            uid: Some(object.uid().into()).filter(|uid: &String| !uid.is_empty()),
            resource_version: None,
        };
        cluster
            .remove(&Identity::default(), &object.gvk(), &object.key(), &options)
            .await?;
    }
    Ok(DeleteOutcome::Waiting(
        left.iter().map(|object| object.key()).collect(),
    ))
}
