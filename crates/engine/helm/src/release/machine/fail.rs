//! What becomes of an operation that fails.
//!
//! Compat: helm 4.1.4's rules, state by state. A rollback whose hook fails stays pending, and so
//! does an uninstall; both are what `helm` leaves behind.

use super::super::record::Status;
use super::super::stamp::Stamp;
use super::{Cascade, Command, Event, FollowFault, Followed, Job, Machine, Moment, Stage, Target};
use argosy_object::Object;

impl Machine {
    pub(super) fn hooks_failed(&mut self, moment: Moment, error: String) -> Vec<Command> {
        match (self.plan.job, moment) {
            (Job::Install, Moment::Before) => {
                self.fail(format!("failed pre-install: {error}"), vec![])
            }
            (Job::Install, Moment::After) => {
                self.fail(format!("failed post-install: {error}"), vec![])
            }
            (Job::Upgrade, Moment::Before) => {
                self.fail(format!("pre-upgrade hooks failed: {error}"), vec![])
            }
            (Job::Upgrade, Moment::After) => {
                self.fail(format!("post-upgrade hooks failed: {error}"), vec![])
            }
            (Job::Uninstall, Moment::After) => {
                self.faults.push(error);
                self.hooks_done(moment)
            }
            (Job::Rollback | Job::Uninstall | Job::Test, _) => self.finish(Some(error)),
        }
    }

    pub(super) fn apply_failed(&mut self, error: String, created: Vec<Object>) -> Vec<Command> {
        if self.plan.job != Job::Rollback {
            return self.fail(error, created);
        }
        let name = &self.plan.release.name;
        let text = format!("Rollback {name:?} failed: {error}");
        let warning = Command::Warn {
            message: text.clone(),
            name: String::new(),
            error: String::new(),
        };
        self.plan.release.set_status(Status::Failed, text);
        let mut commands = vec![warning];
        match self.plan.previous.clone() {
            Some(mut previous) => {
                previous.info.status = Status::Superseded;
                self.stage = Stage::FailingPrevious(created, error);
                commands.push(Command::Update(Box::new(previous)));
            }
            None => commands.extend(self.record_failure(created, error)),
        }
        commands
    }

    pub(super) fn wait_failed(&mut self, error: String) -> Vec<Command> {
        if self.plan.job != Job::Rollback {
            return self.fail(error, vec![]);
        }
        let name = self.plan.release.name.clone();
        let text = format!("Release {name:?} failed: {error}");
        self.plan.release.set_status(Status::Failed, text);
        self.plan.cleanup_on_fail = false;
        self.record_failure(vec![], format!("release {name} failed: {error}"))
    }

    /// Notes the failure in the record, and makes good for it where the user wants that.
    fn fail(&mut self, error: String, created: Vec<Object>) -> Vec<Command> {
        let name = self.plan.release.name.clone();
        if self.plan.job == Job::Install {
            let text = format!("Release {name:?} failed: {error}");
            self.plan.release.set_status(Status::Failed, text);
            if self.plan.rollback_on_failure {
                self.stage = Stage::Following(error);
                return vec![Command::Follow(name, Followed::Uninstall)];
            }
            return self.record_failure(vec![], error);
        }
        let text = format!("Upgrade {name:?} failed: {error}");
        self.plan.release.set_status(Status::Failed, text);
        let mut commands = vec![Command::Warn {
            message: "upgrade failed".into(),
            name,
            error: error.clone(),
        }];
        commands.extend(self.record_failure(created, error));
        commands
    }

    fn record_failure(&mut self, created: Vec<Object>, error: String) -> Vec<Command> {
        self.stage = Stage::Failing(created, error);
        vec![Command::Update(Box::new(self.plan.release.clone()))]
    }

    /// Events of the stages of failing.
    pub(super) fn fail_event(&mut self, stage: Stage, event: Event) -> Vec<Command> {
        match (stage, event) {
            (Stage::FailingPrevious(created, error), Event::Stored(_)) => {
                self.record_failure(created, error)
            }
            (Stage::Failing(created, error), Event::Stored(_)) => {
                if self.plan.cleanup_on_fail && !created.is_empty() {
                    self.stage = Stage::Cleaning(error);
                    return vec![Command::Delete {
                        target: Target::Objects(created),
                        cascade: Cascade::Background,
                    }];
                }
                self.make_good(error)
            }
            (Stage::Cleaning(error), Event::Deleted(Ok(()))) => self.make_good(error),
            (Stage::Cleaning(error), Event::Deleted(Err(fault))) => {
                let cause = match self.plan.job {
                    Job::Rollback => "original rollback error:".to_owned(),
                    _ => format!("original upgrade error: {error}:"),
                };
                self.finish(Some(format!(
                    "an error occurred while cleaning up resources. {cause} unable to cleanup \
                     resources: {fault}"
                )))
            }
            (Stage::Following(error), Event::Followed(outcome)) => {
                let text = self.followed(&error, outcome);
                self.finish(Some(text))
            }
            (Stage::Showing(closing, error), Event::Stored(outcome)) => {
                let error = error.or(outcome.err());
                self.stage = Stage::Showing(closing, error);
                vec![Command::Show(Box::new(self.plan.release.clone()))]
            }
            // An event that nobody asked for changes nothing.
            (stage, _) => {
                self.stage = stage;
                vec![]
            }
        }
    }

    fn make_good(&mut self, error: String) -> Vec<Command> {
        if self.plan.rollback_on_failure && self.plan.job == Job::Upgrade {
            self.stage = Stage::Following(error);
            let name = self.plan.release.name.clone();
            return vec![Command::Follow(name, Followed::Rollback)];
        }
        self.finish(Some(error))
    }

    fn followed(&self, error: &str, outcome: Result<(), FollowFault>) -> String {
        let name = &self.plan.release.name;
        let is_install = self.plan.job == Job::Install;
        match outcome {
            Ok(()) => {
                let what = if is_install {
                    "uninstalled"
                } else {
                    "rolled back"
                };
                format!(
                    "release {name} failed, and has been {what} due to rollback-on-failure being \
                     set: {error}"
                )
            }
            Err(FollowFault::Failed(fault)) => {
                let (doing, job) = if is_install {
                    ("uninstalling", "install")
                } else {
                    ("rolling back", "upgrade")
                };
                format!(
                    "an error occurred while {doing} the release. original {job} error: {error}: \
                     {fault}"
                )
            }
            Err(FollowFault::History(fault)) => format!(
                "an error occurred while finding last successful release. original upgrade error: \
                 {error}: {fault}"
            ),
            Err(FollowFault::NoneGood) => format!(
                "unable to find a previously successful release when attempting to rollback. \
                 original upgrade error: {error}"
            ),
        }
    }

    /// Somebody wants the operation to end.
    pub(super) fn interrupted(&mut self, now: Stamp) -> Vec<Command> {
        const CANCELED: &str = "context canceled";
        if !self.can_stop() {
            return vec![];
        }
        if let Stage::Hooks(_, pass) = std::mem::replace(&mut self.stage, Stage::Over) {
            pass.interrupt(&mut self.plan.release, now);
        }
        match self.plan.job {
            Job::Install | Job::Upgrade => self.fail(CANCELED.to_owned(), vec![]),
            Job::Rollback => self.wait_failed(CANCELED.to_owned()),
            Job::Uninstall | Job::Test => self.finish(Some(CANCELED.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests;
