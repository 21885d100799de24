//! Stage `live`: what the cluster has of an application.

use crate::error::StageError;
use argosy_crds::ResourceStatus;
use argosy_diff::Desired;
use argosy_object::{Gvk, Key, Object};
use argosy_ports::{Cluster, LiveWant};
use std::collections::{BTreeMap, BTreeSet};

/// What to ask the cache for: desired objects, and those that the last status names, so that a
/// kind that has left Git altogether is still looked at after a restart.
pub fn live_want(instance: &str, desired: &[Desired], last: &[ResourceStatus]) -> LiveWant {
    let mut keys: Vec<(Gvk, Key)> = desired
        .iter()
        .map(|one| (one.object.gvk(), one.key.clone()))
        .collect();
    keys.extend(last.iter().map(|resource| {
        (
            Gvk::new(&resource.group, &resource.version, &resource.kind),
            Key::new(
                &resource.group,
                &resource.kind,
                Some(&resource.namespace),
                &resource.name,
            ),
        )
    }));
    LiveWant {
        instance: instance.into(),
        keys,
        present: Vec::new(),
    }
}

/// What was found.
#[derive(Debug)]
pub struct Live {
    /// The application's objects.
    pub objects: BTreeMap<Key, Object>,
    /// Which of [`LiveWant::present`] are there.
    pub present: BTreeSet<Key>,
}

/// Reads the live objects from the cluster's cache.
///
/// # Errors
/// [`StageError::Live`] where the cluster cannot be read: then nothing is known, and nothing may
/// be deleted.
pub async fn live(cluster: &dyn Cluster, want: &LiveWant) -> Result<Live, StageError> {
    let set = cluster.live(want).await.map_err(StageError::Live)?;
    let objects = set
        .objects
        .into_iter()
        .map(|(key, live)| (key, live.object))
        .collect();
    Ok(Live {
        objects,
        present: set.present,
    })
}
