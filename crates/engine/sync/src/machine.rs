//! The machine that decides when each step of a plan runs.
//!
//! It never performs a step: it answers events with commands, and a driver carries them out. The
//! first command is always [`SyncCommand::Record`], which the driver has stored before it goes
//! on, so that a restart finds a running operation and resumes it.

use crate::order::kind_rank;
use crate::plan::{Action, Plan, PlanStep};
use argosy_crds::{
    HealthCode, OperationPhase, OperationState, ResourceResult, ResultCode, SyncResult,
};
use argosy_health::Health;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::time::Duration;

/// How a machine runs.
#[derive(Clone, Copy, Debug)]
pub struct SyncOptions {
    /// Pause between two waves.
    pub wave_delay: Duration,
}

impl Default for SyncOptions {
    /// 2 s between waves, as Argo CD.
    fn default() -> Self {
        Self {
            wave_delay: Duration::from_secs(2),
        }
    }
}

/// The outcome of one step.
pub type StepEvent = Result<String, String>;

/// What happened.
#[derive(Clone, Debug)]
pub enum SyncEvent {
    /// The last `Record` is stored.
    Recorded,
    /// An apply ended: kubectl's sentence (`configmap/x created`), or what failed.
    Applied {
        /// Index of the step.
        step: usize,
        /// The outcome.
        outcome: StepEvent,
    },
    /// A delete ended.
    Deleted {
        /// Index of the step.
        step: usize,
        /// The outcome.
        outcome: StepEvent,
    },
    /// The health of an object that the machine observes; `None` where its kind has none.
    Health {
        /// Index of the step.
        step: usize,
        /// The health.
        health: Option<Health>,
    },
    /// An object that the machine observes is not there any more.
    Missing {
        /// Index of the step.
        step: usize,
    },
    /// The moment of the last `Wake` has come.
    Tick,
    /// Somebody wants the operation to end.
    Terminate,
}

/// What the driver does next.
#[derive(Clone, Debug, PartialEq)]
pub enum SyncCommand {
    /// Store this state, then send [`SyncEvent::Recorded`].
    Record(Box<OperationState>),
    /// Apply the object of a step.
    Apply(usize),
    /// Delete the object of a step.
    Delete(usize),
    /// Send [`SyncEvent::Health`] for these steps, now and whenever it changes.
    Observe(Vec<usize>),
    /// Send [`SyncEvent::Tick`] at this moment.
    Wake(Timestamp),
    /// The operation is over.
    Finish(Box<OperationState>),
}

/// Runs one plan.
#[derive(Debug)]
pub struct SyncMachine {
    plan: Plan,
    options: SyncOptions,
    state: OperationState,
    results: Vec<Option<ResourceResult>>,
    stage: Stage,
    failures: Vec<String>,
    terminated: bool,
}

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Waits for the first record.
    Recording,
    /// Steps of one group are under way.
    Running {
        pending: BTreeSet<usize>,
    },
    /// The wave's objects are to become healthy.
    Settling {
        wave: i64,
        pending: BTreeSet<usize>,
    },
    /// Between two waves.
    Pausing,
    Over,
}

impl SyncMachine {
    /// A machine for a plan. `state` is the operation as it starts, with its phase `Running`.
    /// The first commands are those of the returned list.
    pub fn start(
        plan: Plan,
        options: SyncOptions,
        state: OperationState,
    ) -> (Self, Vec<SyncCommand>) {
        let results = plan.steps.iter().map(|_| None).collect();
        let machine = Self {
            plan,
            options,
            state,
            results,
            stage: Stage::Recording,
            failures: vec![],
            terminated: false,
        };
        let record = SyncCommand::Record(Box::new(machine.state.clone()));
        (machine, vec![record])
    }

    /// Takes up an operation that a restart interrupted. The plan is made anew from the live
    /// state: what was applied before is in sync now, so its step costs nothing, and what was
    /// pruned has no step. Objects that earlier results name keep their message.
    pub fn resume(
        plan: Plan,
        options: SyncOptions,
        state: OperationState,
    ) -> (Self, Vec<SyncCommand>) {
        Self::start(plan, options, state)
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Takes an event and says what to do.
    pub fn advance(&mut self, now: Timestamp, event: SyncEvent) -> Vec<SyncCommand> {
        match event {
            SyncEvent::Recorded if self.stage == Stage::Recording => self.begin(now),
            SyncEvent::Applied { step, outcome } => {
                self.note(step, outcome, ResultCode::Synced);
                self.step_done(now, step)
            }
            SyncEvent::Deleted { step, outcome } => {
                self.note(step, outcome, ResultCode::Pruned);
                self.step_done(now, step)
            }
            SyncEvent::Health { step, health } => self.observed(now, step, health.as_ref()),
            SyncEvent::Missing { step } => self.missing(now, step),
            SyncEvent::Tick if self.stage == Stage::Pausing => self.next_group(now),
            SyncEvent::Terminate => self.terminate(now),
            _ => vec![],
        }
    }

    fn begin(&mut self, now: Timestamp) -> Vec<SyncCommand> {
        let mut is_refused = false;
        for index in 0..self.plan.steps.len() {
            if let Action::Refuse(reason) = &self.plan.steps[index].action {
                let reason = reason.clone();
                self.result(
                    index,
                    ResultCode::SyncFailed,
                    reason,
                    OperationPhase::Failed,
                );
                is_refused = true;
            }
        }
        if is_refused {
            return self.finish(
                now,
                OperationPhase::Failed,
                "one or more synchronization tasks are not valid",
            );
        }
        self.next_group(now)
    }

    /// Starts the next group of steps: the prunes of a wave, or its applies of one kind rank.
    fn next_group(&mut self, now: Timestamp) -> Vec<SyncCommand> {
        if self.terminated {
            return self.finish(now, OperationPhase::Failed, "Operation terminated");
        }
        if !self.failures.is_empty() {
            let reasons = self.failures.join(",");
            let message = format!("one or more objects failed to apply, reason: {reasons}");
            return self.finish(now, OperationPhase::Failed, &message);
        }
        let place = |step: &PlanStep| (step.wave, !step.is_prune(), step.rank);
        let open = |index: &usize| self.results[*index].is_none();
        let Some(first) = (0..self.plan.steps.len()).find(open) else {
            return self.finish(now, OperationPhase::Succeeded, "");
        };
        let group = place(&self.plan.steps[first]);
        let steps: Vec<usize> = (first..self.plan.steps.len())
            .filter(|index| place(&self.plan.steps[*index]) == group && open(index))
            .collect();
        let mut commands = Vec::new();
        let mut pending = BTreeSet::new();
        for index in steps {
            match &self.plan.steps[index].action {
                Action::Apply { .. } => {
                    pending.insert(index);
                    commands.push(SyncCommand::Apply(index));
                }
                Action::Prune { .. } => {
                    pending.insert(index);
                    commands.push(SyncCommand::Delete(index));
                }
                Action::SkipPrune(why) => {
                    let why = (*why).to_owned();
                    self.result(
                        index,
                        ResultCode::PruneSkipped,
                        why,
                        OperationPhase::Succeeded,
                    );
                }
                Action::Refuse(_) => {}
            }
        }
        if pending.is_empty() {
            return self.group_done(now, group.0);
        }
        self.stage = Stage::Running { pending };
        commands
    }

    fn step_done(&mut self, now: Timestamp, step: usize) -> Vec<SyncCommand> {
        let Stage::Running { pending } = &mut self.stage else {
            return vec![];
        };
        if !pending.remove(&step) || !pending.is_empty() {
            return vec![];
        }
        self.group_done(now, self.plan.steps[step].wave)
    }

    /// After a group: the next one of the wave, or, where another wave follows, health first.
    fn group_done(&mut self, now: Timestamp, wave: i64) -> Vec<SyncCommand> {
        let steps = || self.plan.steps.iter().enumerate();
        let wave_is_open =
            steps().any(|(index, step)| step.wave == wave && self.results[index].is_none());
        let another_follows =
            steps().any(|(index, step)| step.wave > wave && self.results[index].is_none());
        if wave_is_open || !another_follows || !self.failures.is_empty() || self.terminated {
            return self.next_group(now);
        }
        let pending: BTreeSet<usize> = steps()
            .filter(|(_, step)| step.wave == wave && matches!(step.action, Action::Apply { .. }))
            .map(|(index, _)| index)
            .collect();
        if pending.is_empty() {
            return self.pause(now);
        }
        let observe = pending.iter().copied().collect();
        self.stage = Stage::Settling { wave, pending };
        self.state.message = "waiting for healthy state of the wave's resources".into();
        vec![SyncCommand::Observe(observe)]
    }

    fn observed(
        &mut self,
        now: Timestamp,
        step: usize,
        health: Option<&Health>,
    ) -> Vec<SyncCommand> {
        let Stage::Settling { wave, pending } = &mut self.stage else {
            return vec![];
        };
        if !pending.contains(&step) {
            return vec![];
        }
        let (phase, is_failed) = match health.map(|h| h.code) {
            None | Some(HealthCode::Healthy | HealthCode::Suspended) => {
                (OperationPhase::Succeeded, false)
            }
            Some(HealthCode::Degraded) => (OperationPhase::Failed, true),
            Some(_) => {
                let key = &self.plan.steps[step].key;
                self.state.message = format!("waiting for healthy state of {key}");
                return vec![];
            }
        };
        pending.remove(&step);
        let (is_settled, wave) = (pending.is_empty(), *wave);
        if let Some(result) = &mut self.results[step] {
            result.hook_phase = Some(phase);
            if let (true, Some(health)) = (is_failed, health) {
                result.message.clone_from(&health.message);
            }
        }
        if is_failed {
            return self.finish(
                now,
                OperationPhase::Failed,
                "one or more synchronization tasks completed unsuccessfully",
            );
        }
        if is_settled {
            debug_assert!(
                self.plan.steps[step].wave == wave,
                "only the wave's steps are observed"
            );
            return self.pause(now);
        }
        vec![]
    }

    /// Compat: gitops-engine does not wait for an object that somebody deletes meanwhile.
    fn missing(&mut self, now: Timestamp, step: usize) -> Vec<SyncCommand> {
        let is_awaited =
            matches!(&self.stage, Stage::Settling { pending, .. } if pending.contains(&step));
        if !is_awaited {
            return vec![];
        }
        let key = &self.plan.steps[step].key;
        let message = format!(
            "Resource {}/{}/{} is missing, it might have been deleted",
            key.group, key.kind, key.name
        );
        self.result(step, ResultCode::SyncFailed, message, OperationPhase::Error);
        self.finish(
            now,
            OperationPhase::Failed,
            "one or more synchronization tasks completed unsuccessfully",
        )
    }

    fn pause(&mut self, now: Timestamp) -> Vec<SyncCommand> {
        self.stage = Stage::Pausing;
        if self.options.wave_delay.is_zero() {
            return self.next_group(now);
        }
        let until = now.checked_add(self.options.wave_delay).unwrap_or(now);
        vec![SyncCommand::Wake(until)]
    }

    fn terminate(&mut self, now: Timestamp) -> Vec<SyncCommand> {
        self.terminated = true;
        match self.stage {
            // What is under way cannot be called back: its outcome is noted first.
            Stage::Recording | Stage::Running { .. } | Stage::Over => vec![],
            Stage::Settling { .. } | Stage::Pausing => self.next_group(now),
        }
    }

    fn note(&mut self, step: usize, outcome: StepEvent, code: ResultCode) {
        match outcome {
            Ok(message) => {
                let phase = match code {
                    ResultCode::Pruned => OperationPhase::Succeeded,
                    _ => OperationPhase::Running,
                };
                self.result(step, code, message, phase);
            }
            Err(message) => {
                self.failures.push(message.clone());
                self.result(
                    step,
                    ResultCode::SyncFailed,
                    message,
                    OperationPhase::Failed,
                );
            }
        }
    }

    fn result(&mut self, index: usize, code: ResultCode, message: String, phase: OperationPhase) {
        let step = &self.plan.steps[index];
        self.results[index] = Some(ResourceResult {
            group: step.key.group.to_string(),
            version: step.gvk.version.to_string(),
            kind: step.key.kind.to_string(),
            namespace: step.key.namespace_or_empty().into(),
            name: step.key.name.to_string(),
            status: Some(code),
            message,
            hook_type: String::new(),
            hook_phase: Some(phase),
            sync_phase: if step.is_namespace_creation() {
                "PreSync"
            } else {
                "Sync"
            }
            .into(),
            images: images(step),
        });
    }

    fn finish(&mut self, now: Timestamp, phase: OperationPhase, message: &str) -> Vec<SyncCommand> {
        self.stage = Stage::Over;
        self.state.phase = phase;
        self.state.finished_at = Some(rfc3339(now));
        self.state.message = if phase == OperationPhase::Succeeded {
            "successfully synced (all tasks run)".into()
        } else {
            message.into()
        };
        let result = self
            .state
            .sync_result
            .get_or_insert_with(SyncResult::default);
        result.resources = self.results.iter().flatten().cloned().collect();
        vec![SyncCommand::Finish(Box::new(self.state.clone()))]
    }
}

impl PlanStep {
    /// Whether the step creates the destination's namespace (`CreateNamespace=true`).
    fn is_namespace_creation(&self) -> bool {
        self.wave == i64::MIN && self.rank == kind_rank("Namespace")
    }
}

/// Images of the pod templates that the step applies.
fn images(step: &PlanStep) -> Vec<String> {
    let Action::Apply { desired, .. } = &step.action else {
        return vec![];
    };
    let mut found: Vec<String> = [
        "/spec/template/spec",
        "/spec",
        "/spec/jobTemplate/spec/template/spec",
    ]
    .iter()
    .filter_map(|pointer| desired.pointer(pointer))
    .flat_map(|spec| {
        ["initContainers", "containers"]
            .into_iter()
            .filter_map(|list| spec.get(list)?.as_array())
    })
    .flatten()
    .filter_map(|container| Some(container.get("image")?.as_str()?.to_owned()))
    .collect();
    found.dedup();
    found
}

/// RFC 3339 in whole seconds, as `metav1.Time` is written.
fn rfc3339(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
