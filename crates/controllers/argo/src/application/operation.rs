//! Starting, resuming, retrying and completing an Application's operation.

mod stored;

use super::ApplicationController;
use super::compare::Compared;
use super::instance_name;
use super::record::Record;
use super::validate::{Valid, validate_spec};
use argosy_crds::{
    Operation, OperationPhase, OperationState, SyncOperation, SyncResult, condition,
};
use argosy_frame::{EventKind, Verdict};
use argosy_object::{Class, Classified as _, Key, Object};
use argosy_pipeline::{
    OperationDriver, Report, StageError, completed_history, now_text, plan_operation,
    split_operation,
};
use argosy_ports::Identity;
use argosy_sync::{AutoSync, AutoSyncInput, SyncMachine, SyncOptions, auto_sync, retry_delay};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use stored::HubOperations;

impl ApplicationController {
    /// plan and apply: reports a finished operation, or starts, resumes or leaves alone.
    pub(crate) async fn operate(
        &self,
        key: &Key,
        application: &Object,
        valid: &Valid,
        compared: Compared,
        record: &Arc<Record>,
        report: &mut Report,
    ) -> Verdict {
        if let Some(state) = record.finished() {
            return self.complete(application, valid, &compared, record, report, state);
        }
        let last = report.status.operation_state.clone();
        let is_terminating = last
            .as_ref()
            .is_some_and(|state| state.phase == OperationPhase::Terminating);
        if record.is_running() {
            if is_terminating {
                record.terminate();
            }
            return Verdict::done();
        }
        if let Some(state) = last.clone().filter(|state| !state.phase.is_completed()) {
            if is_terminating {
                self.end(application, report, state, "Operation terminated");
                return Verdict::done();
            }
            return self
                .go_on(key, application, valid, compared, record, report, state)
                .await;
        }
        match Operation::of(application) {
            Err(error) => {
                report.condition(condition::SYNC_ERROR, error.to_string());
                report.clears_operation = true;
                return Verdict::done();
            }
            Ok(Some(operation)) => {
                let state = self.new_state(operation);
                return self
                    .launch(key, application, valid, compared, record, report, state)
                    .await;
            }
            Ok(None) => {}
        }
        self.automate(key, application, valid, compared, record, report, last)
            .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one pass's facts, handed on unchanged"
    )]
    async fn automate(
        &self,
        key: &Key,
        application: &Object,
        valid: &Valid,
        compared: Compared,
        record: &Arc<Record>,
        report: &mut Report,
        last: Option<OperationState>,
    ) -> Verdict {
        let now = self.hub.ports.clock.now();
        let decision = auto_sync(&AutoSyncInput {
            spec: &valid.spec,
            comparison: &compared.comparison,
            revisions: &compared.revisions,
            last: last.as_ref(),
            now,
        });
        match decision {
            AutoSync::No => Verdict::done(),
            AutoSync::WaitUntil(at) => Verdict::again(until(now, at)),
            AutoSync::Refused(message) => {
                report.condition(condition::SYNC_ERROR, message);
                Verdict::done()
            }
            AutoSync::Start(operation) => {
                if let Err(denied) = valid.project.permit_sync() {
                    report.condition(condition::SYNC_ERROR, denied.to_string());
                    return Verdict::done();
                }
                let state = self.new_state(*operation);
                self.launch(key, application, valid, compared, record, report, state)
                    .await
            }
        }
    }

    fn new_state(&self, operation: Operation) -> OperationState {
        OperationState {
            operation,
            phase: OperationPhase::Running,
            started_at: now_text(self.hub.ports.clock.now()),
            ..OperationState::default()
        }
    }

    /// A stored operation that no task of this process carries out: it waits for its retry, or a
    /// restart has interrupted it.
    #[expect(
        clippy::too_many_arguments,
        reason = "one pass's facts, handed on unchanged"
    )]
    async fn go_on(
        &self,
        key: &Key,
        application: &Object,
        valid: &Valid,
        compared: Compared,
        record: &Arc<Record>,
        report: &mut Report,
        state: OperationState,
    ) -> Verdict {
        let now = self.hub.ports.clock.now();
        if let Some(at) = record.retry_at().filter(|at| *at > now) {
            if !is_overtaken(&state, &compared.revisions) {
                return Verdict::again(until(now, at));
            }
            let message = format!("{} A newer revision is there.", state.message);
            self.end(application, report, state, &message);
            return Verdict::again(Duration::from_millis(10));
        }
        self.launch(key, application, valid, compared, record, report, state)
            .await
    }

    /// Plans the operation and hands it to a task of its own.
    #[expect(
        clippy::too_many_arguments,
        reason = "one pass's facts, handed on unchanged"
    )]
    async fn launch(
        &self,
        key: &Key,
        application: &Object,
        valid: &Valid,
        compared: Compared,
        record: &Arc<Record>,
        report: &mut Report,
        mut state: OperationState,
    ) -> Verdict {
        let Some(sync) = state.operation.sync.clone() else {
            self.end(
                application,
                report,
                state,
                "Invalid operation request: no operation specified",
            );
            return Verdict::done();
        };
        if let Some(complaint) = refusal(valid, &sync) {
            self.end(application, report, state, &complaint);
            return Verdict::done();
        }
        let is_retry = record.retry_at().is_some();
        let asked = match &state.sync_result {
            Some(begun) if !is_retry => begun_at(&state.operation, begun),
            _ => state.operation.clone(),
        };
        let target = match self.target(key, valid, compared, &asked, report).await {
            Ok(target) => target,
            // What cannot be read now may be read a moment later.
            Err(error) if matches!(error.class(), Class::Transient | Class::Waiting) => {
                report.condition(condition::SYNC_ERROR, error.sentence());
                return Verdict::failed(error.class());
            }
            Err(error) => {
                self.end(application, report, state, &error.sentence());
                return Verdict::failed(Class::Stalled);
            }
        };
        let (target_valid, compared) = (target.0.as_ref().unwrap_or(valid), target.1);
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
        let Some(terminate) = record.begin() else {
            return Verdict::done();
        };
        let to = compared.revisions.join(", ");
        self.hub.events.record(
            application,
            EventKind::Normal,
            "OperationStarted",
            &format!("Initiated{} sync to '{to}'", automated(&state.operation)),
        );
        let (machine, first) = SyncMachine::start(planned.plan, SyncOptions::default(), state);
        let driver = OperationDriver {
            cluster: compared.cluster,
            identity: Identity::default(),
            clock: self.hub.ports.clock.clone(),
            instance: instance_name(key, &self.hub.ports.namespace),
            dry_run: sync.dry_run,
        };
        let store = HubOperations {
            hub: self.hub.clone(),
            key: key.clone(),
            uid: application.uid().to_owned(),
        };
        let (record, queue, key) = (record.clone(), self.queue.clone(), key.clone());
        self.spawn(async move {
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
        });
        // The task writes the state; what this pass learned of it is what it was before.
        Verdict::done()
    }

    /// What the operation works on: this pass's comparison, or one at its own revision.
    async fn target(
        &self,
        key: &Key,
        valid: &Valid,
        compared: Compared,
        operation: &Operation,
        report: &Report,
    ) -> Result<(Option<Valid>, Compared), StageError> {
        let spec = split_operation(&valid.spec, operation);
        let asked: Vec<&str> = spec
            .all_sources()
            .iter()
            .map(|s| s.target_revision.as_str())
            .collect();
        let own: Vec<&str> = valid
            .spec
            .all_sources()
            .iter()
            .map(|s| s.target_revision.as_str())
            .collect();
        let mut same = valid.spec.clone();
        for (source, asked) in sources_mut(&mut same).iter_mut().zip(&asked) {
            source.target_revision = (*asked).to_owned();
        }
        let is_resolved = |(index, asked): (usize, &&str)| {
            *asked == own[index] || *asked == compared.revisions[index]
        };
        let is_same_revision =
            asked.len() == own.len() && asked.iter().enumerate().all(is_resolved);
        if same == spec && is_same_revision {
            return Ok((None, compared));
        }
        let other = validate_spec(&self.hub, spec)
            .map_err(|complaints| StageError::Invalid(complaints.join("; ")))?;
        let fresh = Record::default();
        let compared = self
            .compare(key, &other, &fresh, &report.status.resources)
            .await?;
        Ok((Some(other), compared))
    }

    /// A finished operation: it is reported, or a retry is.
    fn complete(
        &self,
        application: &Object,
        valid: &Valid,
        compared: &Compared,
        record: &Record,
        report: &mut Report,
        mut state: OperationState,
    ) -> Verdict {
        let now = self.hub.ports.clock.now();
        let is_failed = state.phase != OperationPhase::Succeeded;
        let retry = state.operation.retry.clone().filter(|_| {
            is_failed
                && state.message != "Operation terminated"
                && !is_overtaken(&state, &compared.revisions)
        });
        if let Some(delay) = retry.and_then(|retry| retry_delay(&retry, state.retry_count)) {
            let at = now.checked_add(delay).unwrap_or(now);
            state.retry_count += 1;
            state.phase = OperationPhase::Running;
            state.finished_at = None;
            state.message = format!(
                "{}. Retrying attempt #{} at {}.",
                state.message,
                state.retry_count,
                at.strftime("%-I:%M%p")
            );
            record.set_retry_at(at);
            report.status.operation_state = Some(state);
            return Verdict::again(delay);
        }
        if is_failed && state.retry_count > 0 {
            state.message = format!("{} (retried {} times).", state.message, state.retry_count);
        }
        let (kind, outcome) = if is_failed {
            (EventKind::Warning, format!("failed: {}", state.message))
        } else {
            (EventKind::Normal, "succeeded".to_owned())
        };
        let revision = compared.revisions.join(", ");
        self.hub.events.record(
            application,
            kind,
            "OperationCompleted",
            &format!("Sync operation to {revision} {outcome}"),
        );
        let sync = state.operation.sync.as_ref();
        let is_whole = sync.is_some_and(|sync| sync.resources.is_empty() && !sync.dry_run);
        if !is_failed && is_whole {
            report.status.history = completed_history(&report.status.history, &valid.spec, &state);
        }
        report.clears_operation = is_asked(application, &state.operation);
        report.status.operation_state = Some(state);
        Verdict::done()
    }

    /// Ends an operation that does not run.
    fn end(
        &self,
        application: &Object,
        report: &mut Report,
        mut state: OperationState,
        message: &str,
    ) {
        state.phase = if state.sync_result.is_some() {
            OperationPhase::Failed
        } else {
            OperationPhase::Error
        };
        message.clone_into(&mut state.message);
        state.finished_at = Some(now_text(self.hub.ports.clock.now()));
        report.clears_operation = is_asked(application, &state.operation);
        report.status.operation_state = Some(state);
    }

    /// An operation on an Application that is not valid ends at once.
    pub(crate) fn refuse_operation(&self, application: &Object, report: &mut Report) {
        if let Ok(Some(operation)) = Operation::of(application) {
            let state = self.new_state(operation);
            self.end(
                application,
                report,
                state,
                "application spec is invalid; see the conditions",
            );
        }
    }
}

/// What makes an operation impossible, whatever the cluster holds.
fn refusal(valid: &Valid, sync: &SyncOperation) -> Option<String> {
    if let Err(denied) = valid.project.permit_sync() {
        return Some(denied.to_string());
    }
    (!sync.manifests.is_empty())
        .then(|| "`operation.sync.manifests` is not supported yet".to_owned())
}

/// Whether this is the operation that somebody asked for. Another one, which came while this one
/// was about to begin, is still to run.
fn is_asked(application: &Object, operation: &Operation) -> bool {
    Operation::of(application).is_ok_and(|asked| asked.as_ref() == Some(operation))
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

/// An automated operation whose revision is no longer the newest is not tried again: the newest
/// is.
fn is_overtaken(state: &OperationState, revisions: &[String]) -> bool {
    let is_automated = state
        .operation
        .initiated_by
        .as_ref()
        .is_some_and(|by| by.automated);
    let Some(sync) = &state.operation.sync else {
        return false;
    };
    let asked = if sync.revisions.is_empty() {
        std::slice::from_ref(&sync.revision)
    } else {
        sync.revisions.as_slice()
    };
    is_automated && asked != revisions
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

fn until(now: Timestamp, at: Timestamp) -> Duration {
    Duration::try_from(at.duration_since(now)).unwrap_or_default()
}
