//! One Application as it is now, for whoever looks: the stages up to health, and nothing written.

use super::ApplicationController;
use super::validate::validate;
use argosy_diff::{Comparison, Row};
use argosy_object::{Gvk, Key, Object};
use argosy_pipeline::{AppHealth, StageError, app_health};
use argosy_ports::{ApiError, Cluster, LiveWant};
use std::sync::Arc;

/// Objects below the managed ones that are looked at, at most.
const BELOW_MAX: usize = 2_000;

/// What an inspection sees.
pub struct Inspected {
    /// The cluster that the Application is on.
    pub cluster: Arc<dyn Cluster>,
    /// Desired and live objects.
    pub comparison: Comparison,
    /// Health of the whole and of its objects.
    pub health: AppHealth,
    /// What the live objects own, directly or not: pods and what stands between, with bodies.
    pub below: Vec<Object>,
    /// Whether there is more below than is looked at.
    pub is_cut: bool,
}

/// Why there is nothing to see.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The spec says nothing that can be done, or may not be.
    #[error("{}", .0.join("; "))]
    Invalid(Vec<String>),
    /// A stage ended early.
    #[error("{}", .0.sentence())]
    Stage(#[from] StageError),
    /// What lies below the managed objects cannot be read.
    #[error("the cluster cannot be read: {0}")]
    Below(ApiError),
}

impl ApplicationController {
    /// Compares an Application with its cluster as a reconcile would, from the same caches.
    ///
    /// # Errors
    /// [`InspectError`] of the first stage that ends early.
    pub async fn inspect(&self, application: &Object) -> Result<Inspected, InspectError> {
        let key = application.key();
        let valid = validate(&self.hub, application).map_err(InspectError::Invalid)?;
        let status = argosy_crds::ApplicationStatus::of(application).unwrap_or_default();
        let record = self.records.of(&key);
        let compared = self
            .compare(&key, &valid, &record, &status.resources)
            .await?;
        let health = app_health(&compared.comparison);
        let (keys, is_cut) = below(&*compared.cluster, &compared.comparison.rows);
        let below = if keys.is_empty() {
            Vec::new()
        } else {
            let want = LiveWant {
                instance: String::new(),
                keys,
                ..LiveWant::default()
            };
            let set = compared
                .cluster
                .live(&want)
                .await
                .map_err(InspectError::Below)?;
            set.objects.into_values().map(|live| live.object).collect()
        };
        Ok(Inspected {
            cluster: compared.cluster,
            comparison: compared.comparison,
            health,
            below,
            is_cut,
        })
    }
}

/// Keys of what the rows' live objects own and are not rows themselves.
fn below(cluster: &dyn Cluster, rows: &[Row]) -> (Vec<(Gvk, Key)>, bool) {
    let managed: std::collections::BTreeSet<&Key> = rows.iter().map(|row| &row.key).collect();
    let mut keys = Vec::new();
    for live in rows.iter().filter_map(|row| row.live.as_ref()) {
        for node in cluster.descendants(live.uid()) {
            if managed.contains(&node.key) {
                continue;
            }
            if keys.len() == BELOW_MAX {
                return (keys, true);
            }
            let gvk = Gvk::new(&node.key.group, &node.version, &node.key.kind);
            keys.push((gvk, node.key));
        }
    }
    (keys, false)
}
