//! Beginning an operation, or going on with one that was interrupted.

use super::stored::HubOperations;
use super::{Current, Pass, end};
use crate::application::compare::Compared;
use crate::application::record::Record;
use crate::application::validate::{Valid, validate_spec};
use crate::application::{ApplicationController, instance_name};
use argosy_crds::{
    ApplicationSpec, Operation, OperationPhase, OperationState, ResourceStatus, SyncOperation,
    SyncResult, condition,
};
use argosy_frame::{EventKind, Verdict};
use argosy_object::{Class, Classified as _, Key};
use argosy_pipeline::{OperationDriver, StageError, plan_operation, split_operation};
use argosy_ports::Identity;
use argosy_sync::{SyncMachine, SyncOptions};
use std::pin::Pin;
use std::sync::Arc;

/// An operation that is planned and has not begun. Dropped, it does not begin.
pub(crate) struct Launch {
    record: Arc<Record>,
    task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

impl Drop for Launch {
    fn drop(&mut self) {
        if self.task.is_some() {
            self.record.abandon();
        }
    }
}

impl ApplicationController {
    /// Plans the operation, which begins in a task of its own once the report of this pass is
    /// stored.
    pub(super) async fn launch(
        &self,
        mut pass: Pass<'_>,
        current: Current,
        mut state: OperationState,
    ) -> Verdict {
        let Some(sync) = state.operation.sync.clone() else {
            let complaint = "Invalid operation request: no operation specified";
            end(&mut pass, state, self.now(), complaint);
            return Verdict::done();
        };
        if let Some(complaint) = refusal(pass.valid, &sync) {
            end(&mut pass, state, self.now(), &complaint);
            return Verdict::done();
        }
        let is_retry = pass.record.retry_at().is_some();
        let asked = match &state.sync_result {
            Some(begun) if !is_retry => begun_at(&state.operation, begun),
            _ => state.operation.clone(),
        };
        let last = &pass.report.status.resources;
        let target = self.target(pass.key, pass.valid, last, current, &asked);
        let (other, compared) = match target.await {
            Ok(target) => target,
            // What cannot be read now may be read a moment later.
            Err(error) if is_passing(&error) => {
                pass.report
                    .condition(condition::SYNC_ERROR, error.sentence());
                return Verdict::failed(Class::Waiting);
            }
            Err(error) => {
                end(&mut pass, state, self.now(), &error.sentence());
                return Verdict::failed(Class::Stalled);
            }
        };
        let target_valid = other.as_ref().unwrap_or(pass.valid);
        state.phase = OperationPhase::Running;
        state.finished_at = None;
        state.sync_result = Some(sync_result(target_valid, &compared.revisions));
        let planned = self.hub.stage_times.measure_now("plan", || {
            plan_operation(
                &target_valid.spec,
                &with_force(&sync),
                &compared.comparison,
                compared.namespace_exists,
            )
        });
        if let Some(result) = &mut state.sync_result {
            result.managed_namespace_metadata = planned.namespace_metadata;
        }
        let Some(terminate) = pass.record.begin() else {
            return Verdict::done();
        };
        let to = compared.revisions.join(", ");
        self.hub.events.record(
            pass.application,
            EventKind::Normal,
            "OperationStarted",
            &format!("Initiated{} sync to '{to}'", automated(&state.operation)),
        );
        // The report carries it: one write tells of the comparison and of the beginning.
        pass.report.status.operation_state = Some(state.clone());
        let (machine, first) = SyncMachine::start(planned.plan, SyncOptions::default(), state);
        let driver = OperationDriver {
            cluster: compared.cluster,
            identity: Identity::default(),
            clock: self.hub.ports.clock.clone(),
            instance: instance_name(pass.key, &self.hub.ports.namespace),
            dry_run: sync.dry_run,
            turns: self.gate.turns(&target_valid.destination.server),
        };
        let store = HubOperations {
            hub: self.hub.clone(),
            key: pass.key.clone(),
            uid: pass.application.uid().to_owned(),
        };
        let (record, queue, key) = (pass.record.clone(), self.queue.clone(), pass.key.clone());
        let task = async move {
            let applied = driver.run(machine, first, &store, terminate);
            match store.hub.stage_times.measure("apply", applied).await {
                Ok(state) => record.finish(state),
                Err(error) => {
                    tracing::debug!(%key, error, "operation did not begin and is tried again");
                    record.abandon();
                    return queue.add_failed(key);
                }
            }
            queue.add(key);
        };
        *pass.launch = Some(Launch {
            record: pass.record.clone(),
            task: Some(Box::pin(task)),
        });
        Verdict::done()
    }

    /// Begins what was planned.
    pub(crate) fn begin(&self, mut launch: Launch) {
        if let Some(task) = launch.task.take() {
            self.spawn(task);
        }
    }

    /// What the operation works on: this pass's comparison, or one at its own revision.
    async fn target(
        &self,
        key: &Key,
        valid: &Valid,
        last: &[ResourceStatus],
        current: Current,
        operation: &Operation,
    ) -> Result<(Option<Valid>, Compared), StageError> {
        let spec = split_operation(&valid.spec, operation);
        let resolved = current.as_ref().ok().map(|compared| &*compared.revisions);
        if is_same(&valid.spec, &spec, resolved) {
            return Ok((None, current?));
        }
        let other = validate_spec(&self.hub, spec, valid.born)
            .map_err(|complaints| StageError::Invalid(complaints.join("; ")))?;
        let fresh = Record::default();
        let compared = self.compare(key, &other, &fresh, last).await?;
        Ok((Some(other), compared))
    }
}

/// Whether an operation's spec means what the Application's means, by the same words or because
/// its revisions are what those were resolved to.
fn is_same(own: &ApplicationSpec, asked: &ApplicationSpec, resolved: Option<&[String]>) -> bool {
    let revisions = |spec: &ApplicationSpec| -> Vec<String> {
        let sources = spec.all_sources().iter();
        sources
            .map(|source| source.target_revision.clone())
            .collect()
    };
    let (owns, asks) = (revisions(own), revisions(asked));
    let mut renamed = own.clone();
    for (source, asks) in sources_mut(&mut renamed).iter_mut().zip(&asks) {
        source.target_revision.clone_from(asks);
    }
    let means_own = |(index, asks): (usize, &String)| {
        *asks == owns[index] || resolved.is_some_and(|resolved| *asks == resolved[index])
    };
    renamed == *asked && asks.len() == owns.len() && asks.iter().enumerate().all(means_own)
}

/// Whether trying again can help without a change of the operation or of what it names.
fn is_passing(error: &StageError) -> bool {
    let class = error.class();
    matches!(class, Class::Transient | Class::Waiting)
        || matches!(error, StageError::Live(_)) && class != Class::Bug
}

/// What makes an operation impossible, whatever the cluster holds.
fn refusal(valid: &Valid, sync: &SyncOperation) -> Option<String> {
    if let Err(denied) = valid.project.permit_sync() {
        return Some(denied.to_string());
    }
    (!sync.manifests.is_empty())
        .then(|| "`operation.sync.manifests` is not supported yet".to_owned())
}

/// An operation that was begun is ended where it began: a newer commit is for the next one.
/// Compat: Argo CD's `SyncAppState` takes revision and source of a stored `syncResult`.
fn begun_at(operation: &Operation, begun: &SyncResult) -> Operation {
    let mut operation = operation.clone();
    if let Some(sync) = &mut operation.sync {
        sync.revision.clone_from(&begun.revision);
        sync.revisions.clone_from(&begun.revisions);
        if sync.source.is_none() && sync.sources.is_empty() {
            sync.source.clone_from(&begun.source);
            sync.sources.clone_from(&begun.sources);
        }
    }
    operation
}

/// `syncStrategy.{apply,hook}.force` holds for every object.
fn with_force(sync: &SyncOperation) -> SyncOperation {
    let mut sync = sync.clone();
    let is_forced = sync.sync_strategy.as_ref().is_some_and(|strategy| {
        [&strategy.apply, &strategy.hook]
            .into_iter()
            .flatten()
            .any(|one| one.force)
    });
    if is_forced {
        sync.sync_options.push("Force=true".into());
    }
    sync
}

fn sync_result(valid: &Valid, revisions: &[String]) -> SyncResult {
    let many = valid.spec.has_multiple_sources();
    SyncResult {
        revision: if many {
            String::new()
        } else {
            revisions.first().cloned().unwrap_or_default()
        },
        revisions: if many { revisions.to_vec() } else { vec![] },
        source: if many {
            None
        } else {
            valid.spec.source.clone()
        },
        sources: if many {
            valid.spec.sources.clone()
        } else {
            vec![]
        },
        ..SyncResult::default()
    }
}

fn automated(operation: &Operation) -> &'static str {
    match &operation.initiated_by {
        Some(by) if by.automated => " automated",
        _ => "",
    }
}

fn sources_mut(spec: &mut argosy_crds::ApplicationSpec) -> &mut [argosy_crds::Source] {
    if spec.sources.is_empty() {
        spec.source.as_mut_slice()
    } else {
        &mut spec.sources
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_crds::Source;

    fn spec(revision: &str) -> ApplicationSpec {
        ApplicationSpec {
            source: Some(Source {
                repo_url: "https://git/a".into(),
                path: "app".into(),
                target_revision: revision.into(),
                ..Source::default()
            }),
            ..ApplicationSpec::default()
        }
    }

    #[test]
    fn interrupted_operation_goes_on_at_the_revision_where_it_began() {
        let operation = Operation {
            sync: Some(SyncOperation::default()),
            ..Operation::default()
        };
        let begun = SyncResult {
            revision: "old".into(),
            source: spec("main").source,
            ..SyncResult::default()
        };
        let asked = split_operation(&spec("main"), &begun_at(&operation, &begun));
        assert_eq!(asked, spec("old"));
        assert!(!is_same(&spec("main"), &asked, Some(&["new".into()])));
        assert!(is_same(&spec("main"), &asked, Some(&["old".into()])));
    }

    #[test]
    fn head_that_cannot_be_had_stands_for_its_own_words_alone() {
        assert!(is_same(&spec("main"), &spec("main"), None));
        assert!(!is_same(&spec("main"), &spec("abc"), None));
    }
}
