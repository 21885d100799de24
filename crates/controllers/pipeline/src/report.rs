//! Stage `report`: all that was learned becomes one status.

use crate::health::AppHealth;
use argosy_crds::{
    ApplicationCondition, ApplicationSpec, ApplicationStatus, ComparedTo, HealthCode, HealthStatus,
    Operation, OperationState, ResourceStatus, RevisionHistory, Source, SyncCode, SyncStatus,
};
use argosy_diff::{Comparison, Row};
use argosy_health::Health;
use argosy_object::{Object, Value};
use argosy_sync::wave;
use jiff::Timestamp;

/// What a reconcile learned. It starts from the last status; an early stop leaves what was not
/// learned as it was, except where the stop itself says otherwise.
#[derive(Clone, Debug)]
pub struct Report {
    /// The status to be written.
    pub status: ApplicationStatus,
    /// Whether `operation` is taken off the object.
    pub clears_operation: bool,
    /// Whether the refresh annotation is taken off the object.
    pub clears_refresh: bool,
    conditions: Vec<(&'static str, String)>,
    last: ApplicationStatus,
    now: Timestamp,
}

/// The time as `metav1.Time` writes it.
pub fn now_text(now: Timestamp) -> String {
    now.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

impl Report {
    /// A report that starts from the last status.
    pub fn new(last: ApplicationStatus, now: Timestamp) -> Self {
        Self {
            status: last.clone(),
            clears_operation: false,
            clears_refresh: false,
            conditions: vec![],
            last,
            now,
        }
    }

    /// Adds a condition; equal ones count once.
    pub fn condition(&mut self, kind: &'static str, message: impl Into<String>) {
        let entry = (kind, message.into());
        if !self.conditions.contains(&entry) {
            self.conditions.push(entry);
        }
    }

    /// Whether a condition of this type was added.
    pub fn has_condition(&self, kind: &str) -> bool {
        self.conditions.iter().any(|(own, _)| *own == kind)
    }

    /// Nothing could be compared: sync is `Unknown`, with the revision as the spec has it.
    pub fn not_compared(&mut self, spec: &ApplicationSpec, health: HealthCode) {
        let revisions: Vec<String> = spec
            .all_sources()
            .iter()
            .map(|s| s.target_revision.clone())
            .collect();
        self.status.sync = sync_status(spec, SyncCode::Unknown, &revisions);
        self.set_health(&Health::new(health, ""));
    }

    /// The outcome of a comparison.
    pub fn compared(
        &mut self,
        spec: &ApplicationSpec,
        comparison: &Comparison,
        revisions: &[String],
    ) {
        self.status.sync = sync_status(spec, comparison.code(), revisions);
        let mut resources: Vec<ResourceStatus> =
            comparison.rows.iter().map(resource_status).collect();
        resources.sort_by(|a, b| place(a).cmp(&place(b)));
        self.status.resources = resources;
    }

    /// The health of the application.
    pub fn health(&mut self, health: &AppHealth) {
        self.set_health(&health.overall);
        self.status.resource_health_source = "appTree".into();
    }

    fn set_health(&mut self, health: &Health) {
        let last = &self.last.health;
        let at = if last.status == Some(health.code) && last.last_transition_time.is_some() {
            last.last_transition_time.clone()
        } else {
            Some(now_text(self.now))
        };
        self.status.health = HealthStatus {
            status: Some(health.code),
            message: health.message.clone(),
            last_transition_time: at,
        };
    }

    /// The whole object as it should be: `status`, and without what is done. `None` where it is
    /// so already.
    pub fn apply_to(mut self, seen: &Object) -> Option<Value> {
        self.status.conditions = self.final_conditions();
        if self.status == self.last && !self.clears_refresh && !self.clears_operation {
            return None;
        }
        self.status.reconciled_at = Some(now_text(self.now));
        let mut wanted = seen.value().clone();
        wanted["status"] = serde_json::to_value(&self.status).expect("status is plain data");
        keep_unknown(&mut wanted["status"], seen.pointer("/status"));
        if self.clears_operation
            && let Some(map) = wanted.as_object_mut()
        {
            map.remove("operation");
        }
        if self.clears_refresh
            && let Some(Value::Object(annotations)) = wanted.pointer_mut("/metadata/annotations")
        {
            annotations.remove(argosy_crds::names::REFRESH);
        }
        Some(wanted)
    }

    /// Whether nothing is new but the words that say what health waits for.
    pub fn says_only_more(&self) -> bool {
        if self.clears_refresh || self.clears_operation || self.status == self.last {
            return false;
        }
        let mut same = self.status.clone();
        same.conditions = self.final_conditions();
        same.health.message.clone_from(&self.last.health.message);
        same == self.last
    }

    /// Whether nothing is new but how far the objects have come.
    pub fn says_only_progress(&self) -> bool {
        if self.clears_refresh || self.clears_operation {
            return false;
        }
        let mut same = self.last.clone();
        same.health.clone_from(&self.status.health);
        same.resources.clone_from(&self.status.resources);
        same.summary.clone_from(&self.status.summary);
        same.conditions.clone_from(&self.status.conditions);
        same == self.status && self.final_conditions() == self.last.conditions
    }

    /// Conditions keep the time at which they first said what they say.
    fn final_conditions(&self) -> Vec<ApplicationCondition> {
        let mut all: Vec<ApplicationCondition> = self
            .conditions
            .iter()
            .map(|(kind, message)| {
                let message: String = message.chars().take(4096).collect();
                let since = self
                    .last
                    .conditions
                    .iter()
                    .find(|old| old.kind == *kind && old.message == message)
                    .and_then(|old| old.last_transition_time.clone());
                ApplicationCondition {
                    kind: (*kind).to_owned(),
                    message,
                    last_transition_time: since.or_else(|| Some(now_text(self.now))),
                }
            })
            .collect();
        all.sort_by(|a, b| (&a.kind, &a.message).cmp(&(&b.kind, &b.message)));
        all
    }
}

/// Fields of the old status that the view does not know stay.
fn keep_unknown(status: &mut Value, old: Option<&Value>) {
    const FOREIGN: [&str; 2] = ["sourceHydrator", "observedAt"];
    for field in FOREIGN {
        if let Some(value) = old.and_then(|old| old.get(field)) {
            status[field] = value.clone();
        }
    }
}

fn sync_status(spec: &ApplicationSpec, status: SyncCode, revisions: &[String]) -> SyncStatus {
    let many = spec.has_multiple_sources();
    SyncStatus {
        status,
        compared_to: Some(ComparedTo {
            source: if many { None } else { spec.source.clone() },
            sources: if many { spec.sources.clone() } else { vec![] },
            destination: spec.destination.clone(),
            ignore_differences: spec.ignore_differences.clone(),
        }),
        revision: if many {
            String::new()
        } else {
            revisions.first().cloned().unwrap_or_default()
        },
        revisions: if many { revisions.to_vec() } else { vec![] },
    }
}

fn place(resource: &ResourceStatus) -> (&str, &str, &str, &str) {
    (
        &resource.group,
        &resource.kind,
        &resource.namespace,
        &resource.name,
    )
}

fn resource_status(row: &Row) -> ResourceStatus {
    let object = row
        .desired
        .as_ref()
        .map(|d| &d.object)
        .or(row.live.as_ref());
    ResourceStatus {
        group: row.key.group.to_string(),
        version: object
            .map(|o| o.gvk().version.to_string())
            .unwrap_or_default(),
        kind: row.key.kind.to_string(),
        namespace: row.key.namespace_or_empty().into(),
        name: row.key.name.to_string(),
        status: row.shown(),
        health: None,
        hook: row.code.is_none(),
        requires_pruning: row.is_extraneous(),
        sync_wave: object.map_or(0, wave),
        requires_deletion_confirmation: false,
    }
}

/// The history with a finished sync added, cut to the spec's limit (10 where it has none).
pub fn completed_history(
    history: &[RevisionHistory],
    spec: &ApplicationSpec,
    state: &OperationState,
) -> Vec<RevisionHistory> {
    let mut all = history.to_vec();
    let Some(result) = &state.sync_result else {
        return all;
    };
    all.push(RevisionHistory {
        id: history.last().map_or(0, |last| last.id + 1),
        revision: result.revision.clone(),
        revisions: result.revisions.clone(),
        source: result.source.clone(),
        sources: result.sources.clone(),
        deployed_at: state.finished_at.clone().unwrap_or_default(),
        deploy_started_at: Some(state.started_at.clone()),
        initiated_by: state.operation.initiated_by.clone(),
    });
    let limit = usize::try_from(spec.revision_history_limit.unwrap_or(10)).unwrap_or(0);
    let excess = all.len().saturating_sub(limit);
    all.drain(..excess);
    all
}

/// The spec that an operation works on: with its own sources and revisions where it names them.
pub fn split_operation(spec: &ApplicationSpec, operation: &Operation) -> ApplicationSpec {
    let mut spec = spec.clone();
    let Some(sync) = &operation.sync else {
        return spec;
    };
    if !sync.sources.is_empty() {
        spec.sources.clone_from(&sync.sources);
    } else if sync.source.is_some() {
        spec.source.clone_from(&sync.source);
    }
    let set = |source: &mut Source, revision: &str| {
        if !revision.is_empty() {
            source.target_revision = revision.into();
        }
    };
    if spec.has_multiple_sources() {
        for (source, revision) in spec.sources.iter_mut().zip(&sync.revisions) {
            set(source, revision);
        }
    } else if let Some(source) = &mut spec.source {
        set(source, &sync.revision);
    }
    spec
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_of_the_same_health_are_all_that_is_said() {
        let mut last = ApplicationStatus::default();
        last.health.status = Some(HealthCode::Progressing);
        last.health.message = "0 of 2".into();
        let report = || Report::new(last.clone(), Timestamp::UNIX_EPOCH);
        assert!(!report().says_only_more());
        let mut words = report();
        words.status.health.message = "1 of 2".into();
        assert!(words.says_only_more());
        words.clears_refresh = true;
        assert!(!words.says_only_more());
        let mut moved = report();
        moved.status.health.status = Some(HealthCode::Healthy);
        assert!(moved.says_only_progress() && !moved.says_only_more());
        moved.status.sync.revision = "new".into();
        assert!(!moved.says_only_progress());
        let mut complains = report();
        complains.condition("SyncError", "no");
        assert!(!complains.says_only_progress());
        let mut healthy = report();
        healthy.status.health.status = Some(HealthCode::Healthy);
        healthy.status.health.message.clear();
        assert!(!healthy.says_only_more());
        let mut complains = report();
        complains.status.health.message = "1 of 2".into();
        complains.condition("SyncError", "no");
        assert!(!complains.says_only_more());
    }
}
