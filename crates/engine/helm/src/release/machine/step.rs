//! From event to event, as long as all goes well.

use super::super::hooks::{Closed, Closing, HookPass, Passed};
use super::super::record::{Release, Status};
use super::super::stamp::Stamp;
use super::super::waiter::WaitFor;
use super::{Applied, Command, Event, Job, Machine, Moment, Outcome, Plan, Run, Stage, Target};

impl Machine {
    /// A machine for a plan, and its first commands.
    pub fn start(plan: Plan, now: Stamp) -> (Self, Vec<Command>) {
        let mut machine = Self {
            plan,
            stage: Stage::Storing,
            faults: Vec::new(),
        };
        let commands = match machine.plan.job {
            Job::Install | Job::Upgrade | Job::Rollback => vec![Command::Store {
                release: Box::new(machine.plan.release.clone()),
                max: machine.plan.history_max,
            }],
            Job::Uninstall => {
                let info = &mut machine.plan.release.info;
                info.status = Status::Uninstalling;
                info.deleted = Some(now);
                "Deletion in progress (or silently failed)".clone_into(&mut info.description);
                machine.hooks(Moment::Before, now)
            }
            Job::Test => machine.hooks(Moment::After, now),
        };
        (machine, commands)
    }

    /// The revision as the machine has it.
    pub fn release(&self) -> &Release {
        &self.plan.release
    }

    /// Whether [`Event::Interrupted`] would end it now: what ends by itself and soon is awaited.
    pub fn can_stop(&self) -> bool {
        !matches!(
            self.stage,
            Stage::Storing
                | Stage::Recording
                | Stage::RecordingKept
                | Stage::Failing(..)
                | Stage::FailingPrevious(..)
                | Stage::Over
        )
    }

    /// Takes an event and says what to do.
    pub fn advance(&mut self, now: Stamp, event: Event) -> Vec<Command> {
        if event == Event::Interrupted {
            return self.interrupted(now);
        }
        match (std::mem::replace(&mut self.stage, Stage::Over), event) {
            (Stage::Storing, Event::Stored(Ok(()))) => self.hooks(Moment::Before, now),
            (Stage::Storing, Event::Stored(Err(error))) => self.finish(Some(error)),
            (Stage::Hooks(moment, mut pass), event) => {
                let run = self.run(now);
                let passed = pass.advance(event, &mut self.plan.release, &run);
                self.passed(moment, pass, passed)
            }
            (Stage::Closing(moment, mut closing, error), event) => {
                let closed = closing.advance(event, &self.plan.release, &self.run(now));
                self.closed(moment, closing, error, closed)
            }
            (Stage::Applying, Event::Applied(applied)) => self.applied(applied),
            (Stage::Waiting, Event::Waited(Ok(()))) => self.hooks(Moment::After, now),
            (Stage::Waiting, Event::Waited(Err(error))) => self.wait_failed(error),
            (Stage::ReadingDeployed, Event::Deployed(found)) => self.deployed(found),
            (Stage::Superseding(left), Event::Stored(_)) => self.supersede(left),
            (Stage::Recording, Event::Stored(outcome)) => self.recorded(outcome),
            (Stage::RecordingKept, Event::Stored(_)) => self.read_deployed(),
            (Stage::Showing(mut closing, error), Event::Shown) => {
                let closed = closing.start(&self.plan.release);
                self.closed(Moment::After, closing, error, closed)
            }
            (Stage::Marking, Event::Stored(_)) => self.delete_objects(),
            (Stage::Deleting, Event::Deleted(outcome)) => self.deleted(outcome),
            (Stage::WaitingGone, Event::Waited(outcome)) => {
                self.faults.extend(outcome.err());
                self.hooks(Moment::After, now)
            }
            (Stage::Forgetting(left), Event::Stored(outcome)) => self.forget(left, outcome),
            (stage, event) => self.fail_event(stage, event),
        }
    }

    pub(super) fn run(&self, now: Stamp) -> Run {
        Run {
            now,
            // Compat: hooks of an uninstall are always made by server-side apply.
            server_side: self.plan.choice.server_side || self.plan.job == Job::Uninstall,
            strategy: self.plan.wait,
            timeout: self.plan.timeout,
            first_hook: self.plan.first_hook,
        }
    }

    fn event_of(&self, moment: Moment) -> &'static str {
        match (self.plan.job, moment) {
            (Job::Install, Moment::Before) => "pre-install",
            (Job::Install, Moment::After) => "post-install",
            (Job::Upgrade, Moment::Before) => "pre-upgrade",
            (Job::Upgrade, Moment::After) => "post-upgrade",
            (Job::Rollback, Moment::Before) => "pre-rollback",
            (Job::Rollback, Moment::After) => "post-rollback",
            (Job::Uninstall, Moment::Before) => "pre-delete",
            (Job::Uninstall, Moment::After) => "post-delete",
            (Job::Test, _) => "test",
        }
    }

    fn hooks(&mut self, moment: Moment, now: Stamp) -> Vec<Command> {
        if self.plan.no_hooks {
            return self.hooks_done(moment);
        }
        let event = self.event_of(moment);
        let run = self.run(now);
        let (pass, passed) = HookPass::start(event, &mut self.plan.release, &run);
        self.passed(moment, pass, passed)
    }

    fn passed(&mut self, moment: Moment, pass: HookPass, passed: Passed) -> Vec<Command> {
        match passed {
            Passed::Goes(commands) => {
                self.stage = Stage::Hooks(moment, pass);
                commands
            }
            Passed::Over { error, closing } if self.plan.job == Job::Test => {
                // The record is stored before anybody looks at the tests' objects.
                self.stage = Stage::Showing(closing, error);
                self.record_tests()
            }
            Passed::Over { error, mut closing } => {
                let closed = closing.start(&self.plan.release);
                self.closed(moment, closing, error, closed)
            }
        }
    }

    fn closed(
        &mut self,
        moment: Moment,
        closing: Closing,
        error: Option<String>,
        closed: Closed,
    ) -> Vec<Command> {
        let fault = match closed {
            Closed::Goes(commands) => {
                self.stage = Stage::Closing(moment, closing, error);
                return commands;
            }
            Closed::Over(outcome) => outcome.err(),
        };
        // Compat: of a failed pass, the fault of cleaning up is told; a test's own comes first.
        let error = match self.plan.job {
            Job::Test => error.or(fault),
            _ => fault.or(error),
        };
        match error {
            None => self.hooks_done(moment),
            Some(error) => self.hooks_failed(moment, error),
        }
    }

    pub(super) fn hooks_done(&mut self, moment: Moment) -> Vec<Command> {
        match (self.plan.job, moment) {
            (Job::Test, _) => self.finish(None),
            (Job::Uninstall, Moment::Before) => {
                self.stage = Stage::Marking;
                vec![Command::Update(Box::new(self.plan.release.clone()))]
            }
            (Job::Uninstall, Moment::After) => self.uninstalled(),
            (_, Moment::Before) => self.apply(),
            (_, Moment::After) => self.succeed(),
        }
    }

    fn apply(&mut self) -> Vec<Command> {
        self.stage = Stage::Applying;
        let (targets, originals) = (self.plan.targets.clone(), self.plan.originals.clone());
        let choice = self.plan.choice;
        if self.plan.job != Job::Install || (!originals.is_empty() && !targets.is_empty()) {
            return vec![Command::Converge {
                originals,
                targets,
                choice,
            }];
        }
        if targets.is_empty() {
            return self.wait();
        }
        vec![Command::Create {
            target: Target::Objects(targets),
            server_side: choice.server_side,
            force_conflicts: false,
        }]
    }

    fn applied(&mut self, applied: Applied) -> Vec<Command> {
        match applied.fault {
            Some(fault) => self.apply_failed(fault.text, applied.created),
            None => self.wait(),
        }
    }

    fn wait(&mut self) -> Vec<Command> {
        self.stage = Stage::Waiting;
        let wait_for = if self.plan.wait_for_jobs {
            WaitFor::ReadyWithJobs
        } else {
            WaitFor::Ready
        };
        vec![Command::Wait {
            target: Target::Objects(self.plan.targets.clone()),
            wait_for,
            strategy: self.plan.wait,
            timeout: self.plan.timeout,
        }]
    }

    /// The objects are there: the revision becomes the deployed one.
    fn succeed(&mut self) -> Vec<Command> {
        match (self.plan.job, self.plan.previous.clone()) {
            (Job::Rollback, _) => self.read_deployed(),
            (Job::Upgrade, Some(mut previous)) => {
                previous.info.status = Status::Superseded;
                self.stage = Stage::Superseding(Vec::new());
                vec![Command::Update(Box::new(previous))]
            }
            _ => self.record(),
        }
    }

    fn read_deployed(&mut self) -> Vec<Command> {
        self.stage = Stage::ReadingDeployed;
        vec![Command::ReadDeployed(self.plan.release.name.clone())]
    }

    fn deployed(&mut self, found: Result<Vec<Release>, String>) -> Vec<Command> {
        match found {
            Ok(found) => self.supersede(found),
            Err(error) => self.finish(Some(error)),
        }
    }

    fn supersede(&mut self, mut left: Vec<Release>) -> Vec<Command> {
        let Some(mut next) = left.pop() else {
            return match self.plan.job {
                Job::Uninstall => self.uninstall_over(),
                _ => self.record(),
            };
        };
        next.info.status = Status::Superseded;
        self.stage = Stage::Superseding(left);
        vec![Command::Update(Box::new(next))]
    }

    fn record(&mut self) -> Vec<Command> {
        let given = self.plan.description.clone();
        let info = &mut self.plan.release.info;
        info.status = Status::Deployed;
        match self.plan.job {
            Job::Rollback => {}
            _ if !given.is_empty() => info.description = given,
            Job::Upgrade => "Upgrade complete".clone_into(&mut info.description),
            _ => "Install complete".clone_into(&mut info.description),
        }
        self.stage = Stage::Recording;
        vec![Command::Update(Box::new(self.plan.release.clone()))]
    }

    fn recorded(&mut self, outcome: Result<(), String>) -> Vec<Command> {
        match (outcome, self.plan.job) {
            // Compat: what is installed is installed, whether that can be recorded or not.
            (Err(error), Job::Install) => {
                let mut commands = vec![Command::Warn {
                    message: "failed to record the release".into(),
                    name: self.plan.release.name.clone(),
                    error,
                }];
                commands.extend(self.finish(None));
                commands
            }
            (outcome, _) => self.finish(outcome.err()),
        }
    }

    fn record_tests(&self) -> Vec<Command> {
        vec![Command::Update(Box::new(self.plan.release.clone()))]
    }

    fn delete_objects(&mut self) -> Vec<Command> {
        self.stage = Stage::Deleting;
        vec![Command::Delete {
            target: Target::Objects(self.plan.targets.clone()),
            cascade: self.plan.cascade,
        }]
    }

    fn deleted(&mut self, outcome: Result<(), String>) -> Vec<Command> {
        if let Err(error) = outcome {
            let name = &self.plan.release.name;
            let error = format!("failed to delete release: {name}: {error}");
            return self.finish(Some(error));
        }
        self.stage = Stage::WaitingGone;
        vec![Command::Wait {
            target: Target::Objects(self.plan.targets.clone()),
            wait_for: WaitFor::Gone,
            strategy: self.plan.wait,
            timeout: self.plan.timeout,
        }]
    }

    pub(super) fn uninstalled(&mut self) -> Vec<Command> {
        let given = &self.plan.description;
        let description = if given.is_empty() {
            "Uninstallation complete".to_owned()
        } else {
            given.clone()
        };
        self.plan
            .release
            .set_status(Status::Uninstalled, description);
        if !self.plan.keep_history {
            let mut left = self.plan.revisions.clone();
            left.reverse();
            return self.forget(left, Ok(()));
        }
        self.stage = Stage::RecordingKept;
        vec![Command::Update(Box::new(self.plan.release.clone()))]
    }

    fn forget(&mut self, mut left: Vec<i64>, outcome: Result<(), String>) -> Vec<Command> {
        if let Err(error) = outcome {
            let text = format!("uninstall: Failed to purge the release: {error}");
            self.faults.push(text);
            return self.uninstall_over();
        }
        let Some(version) = left.pop() else {
            return self.uninstall_over();
        };
        self.stage = Stage::Forgetting(left);
        vec![Command::Forget {
            name: self.plan.release.name.clone(),
            version,
        }]
    }

    fn uninstall_over(&mut self) -> Vec<Command> {
        let faults = std::mem::take(&mut self.faults);
        let error = (!faults.is_empty()).then(|| {
            let count = faults.len();
            let faults = faults.join("; ");
            format!("uninstallation completed with {count} error(s): {faults}")
        });
        self.finish(error)
    }

    pub(super) fn finish(&mut self, error: Option<String>) -> Vec<Command> {
        self.stage = Stage::Over;
        vec![Command::Finish(Box::new(Outcome {
            release: self.plan.release.clone(),
            error,
            kept: self.plan.kept.clone(),
        }))]
    }
}
