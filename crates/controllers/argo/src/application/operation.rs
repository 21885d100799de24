//! Starting, resuming, retrying and completing an Application's operation.

mod launch;
mod stored;

pub(crate) use launch::Launch;

use super::ApplicationController;
use super::compare::Compared;
use super::record::Record;
use super::validate::Valid;
use argosy_crds::{Operation, OperationPhase, OperationState, condition};
use argosy_frame::{EventKind, Verdict};
use argosy_object::{Key, Object};
use argosy_pipeline::{Report, StageError, completed_history, now_text};
use argosy_sync::{AutoSync, AutoSyncInput, auto_sync, retry_delay};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// When an Application is looked at again whose operation has made room for the next.
const SOON: Duration = Duration::from_millis(10);

/// One reconcile's facts, which every step of an operation needs.
pub(crate) struct Pass<'a> {
    pub(crate) key: &'a Key,
    pub(crate) application: &'a Object,
    pub(crate) valid: &'a Valid,
    pub(crate) record: &'a Arc<Record>,
    pub(crate) report: &'a mut Report,
    /// The operation that begins once the report, which says so, is stored.
    pub(crate) launch: &'a mut Option<Launch>,
}

/// The comparison with what the spec names, or why there is none: an operation for another
/// revision runs all the same.
pub(crate) type Current = Result<Compared, StageError>;

impl ApplicationController {
    /// plan and apply: reports a finished operation, or starts, resumes or leaves alone.
    pub(crate) async fn operate(&self, mut pass: Pass<'_>, current: Current) -> Verdict {
        if let Some(state) = pass.record.finished() {
            let revisions = current.as_ref().ok().map(|compared| &*compared.revisions);
            let is_synced =
                |compared: &Compared| compared.comparison.code() == argosy_crds::SyncCode::Synced;
            let verdict = self.complete(&mut pass, revisions, state);
            // What came while it ran is for the next operation.
            return match (verdict.again, &current) {
                (None, Ok(compared)) if !is_synced(compared) => Verdict::again(SOON),
                _ => verdict,
            };
        }
        let last = pass.report.status.operation_state.clone();
        let is_terminating = last
            .as_ref()
            .is_some_and(|state| state.phase == OperationPhase::Terminating);
        if pass.record.is_running() {
            if is_terminating {
                pass.record.terminate();
            }
            return Verdict::done();
        }
        if let Some(state) = last.clone().filter(|state| !state.phase.is_completed()) {
            if is_terminating {
                end(&mut pass, state, self.now(), "Operation terminated");
                return Verdict::again(SOON);
            }
            return self.go_on(pass, current, state).await;
        }
        match Operation::of(pass.application) {
            Err(error) => {
                pass.report
                    .condition(condition::SYNC_ERROR, error.to_string());
                pass.report.clears_operation = true;
                return Verdict::done();
            }
            Ok(Some(operation)) => {
                let state = self.new_state(operation);
                return self.launch(pass, current, state).await;
            }
            Ok(None) => {}
        }
        match current {
            Ok(compared) => self.automate(pass, compared, last).await,
            Err(_) => Verdict::done(),
        }
    }

    async fn automate(
        &self,
        pass: Pass<'_>,
        compared: Compared,
        last: Option<OperationState>,
    ) -> Verdict {
        let now = self.now();
        let decision = auto_sync(&AutoSyncInput {
            spec: &pass.valid.spec,
            comparison: &compared.comparison,
            revisions: &compared.revisions,
            last: last.as_ref(),
            now,
        });
        match decision {
            AutoSync::No => Verdict::done(),
            AutoSync::WaitUntil(at) => {
                Verdict::again(Duration::try_from(at.duration_since(now)).unwrap_or_default())
            }
            AutoSync::Refused(message) => {
                pass.report.condition(condition::SYNC_ERROR, message);
                Verdict::done()
            }
            AutoSync::Start(operation) => {
                if let Err(denied) = pass.valid.project.permit_sync() {
                    pass.report
                        .condition(condition::SYNC_ERROR, denied.to_string());
                    return Verdict::done();
                }
                let state = self.new_state(*operation);
                self.launch(pass, Ok(compared), state).await
            }
        }
    }

    fn now(&self) -> Timestamp {
        self.hub.ports.clock.now()
    }

    fn new_state(&self, operation: Operation) -> OperationState {
        OperationState {
            operation,
            phase: OperationPhase::Running,
            started_at: now_text(self.now()),
            ..OperationState::default()
        }
    }

    /// A stored operation that no task of this process carries out: it waits for its retry, or a
    /// restart has interrupted it.
    async fn go_on(&self, mut pass: Pass<'_>, current: Current, state: OperationState) -> Verdict {
        let now = Instant::now();
        if let Some(at) = pass.record.retry_at().filter(|at| *at > now) {
            let revisions = current.as_ref().ok().map(|compared| &*compared.revisions);
            if !is_overtaken(&state, revisions) {
                return Verdict::again(at - now);
            }
            let message = format!("{} A newer revision is there.", state.message);
            end(&mut pass, state, self.now(), &message);
            return Verdict::again(SOON);
        }
        self.launch(pass, current, state).await
    }

    /// A finished operation: it is reported, or a retry is. `revisions` are those that the spec
    /// names now, as far as they are known.
    fn complete(
        &self,
        pass: &mut Pass<'_>,
        revisions: Option<&[String]>,
        mut state: OperationState,
    ) -> Verdict {
        let is_failed = state.phase != OperationPhase::Succeeded;
        let retry = state.operation.retry.clone().filter(|_| {
            is_failed && state.message != "Operation terminated" && !is_overtaken(&state, revisions)
        });
        if let Some(delay) = retry.and_then(|retry| retry_delay(&retry, state.retry_count)) {
            let at = self.now().checked_add(delay).unwrap_or(self.now());
            state.retry_count += 1;
            state.phase = OperationPhase::Running;
            state.finished_at = None;
            state.message = format!(
                "{}. Retrying attempt #{} at {}.",
                state.message,
                state.retry_count,
                at.strftime("%-I:%M%p")
            );
            pass.record.set_retry_at(Instant::now() + delay);
            pass.report.status.operation_state = Some(state);
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
        self.hub.events.record(
            pass.application,
            kind,
            "OperationCompleted",
            &format!("Sync operation to {} {outcome}", begun_for(&state)),
        );
        let sync = state.operation.sync.as_ref();
        let is_whole = sync.is_some_and(|sync| sync.resources.is_empty() && !sync.dry_run);
        let status = &mut pass.report.status;
        if !is_failed && is_whole {
            status.history = completed_history(&status.history, &pass.valid.spec, &state);
        }
        status.operation_state = Some(state.clone());
        pass.report.clears_operation = is_asked(pass.application, &state.operation);
        Verdict::done()
    }

    /// An operation on an Application that is not valid ends at once.
    pub(crate) fn refuse_operation(&self, application: &Object, report: &mut Report) {
        if let Ok(Some(operation)) = Operation::of(application) {
            let mut state = self.new_state(operation);
            "application spec is invalid; see the conditions".clone_into(&mut state.message);
            put_end(application, report, state, self.now());
        }
    }
}

/// Ends an operation that does not run.
fn end(pass: &mut Pass<'_>, mut state: OperationState, now: Timestamp, message: &str) {
    message.clone_into(&mut state.message);
    put_end(pass.application, pass.report, state, now);
}

fn put_end(application: &Object, report: &mut Report, mut state: OperationState, now: Timestamp) {
    state.phase = if state.sync_result.is_some() {
        OperationPhase::Failed
    } else {
        OperationPhase::Error
    };
    state.finished_at = Some(now_text(now));
    report.clears_operation = is_asked(application, &state.operation);
    report.status.operation_state = Some(state);
}

/// The revisions that an operation was for.
fn begun_for(state: &OperationState) -> String {
    match &state.sync_result {
        Some(result) if result.revisions.is_empty() => result.revision.clone(),
        Some(result) => result.revisions.join(", "),
        None => String::new(),
    }
}

/// Whether this is the operation that somebody asked for. Another one, which came while this one
/// was about to begin, is still to run.
fn is_asked(application: &Object, operation: &Operation) -> bool {
    Operation::of(application).is_ok_and(|asked| asked.as_ref() == Some(operation))
}

/// An automated operation whose revision is no longer the newest is not tried again: the newest
/// is.
fn is_overtaken(state: &OperationState, revisions: Option<&[String]>) -> bool {
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
    is_automated && revisions.is_some_and(|revisions| asked != revisions)
}
