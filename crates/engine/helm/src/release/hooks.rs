//! One pass over the hooks of an event: which runs when, and which is deleted when.

use super::machine::Cascade;
use super::machine::{Applied, Command, Event, Run, Target};
use super::record::{HookPhase, HookRecord, Release};
use super::stamp::Stamp;
use super::waiter::WaitFor;

/// The policy of hooks that name none.
const BEFORE_CREATION: &str = "before-hook-creation";
const SUCCEEDED: &str = "hook-succeeded";
const FAILED: &str = "hook-failed";

/// Where a pass stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// The last run's object is being deleted.
    Clearing,
    /// Its end is waited for.
    ClearingWait,
    /// The run is being recorded.
    Recording,
    /// The object is being made.
    Creating,
    /// The hook runs.
    Running,
}

/// A pass over the hooks of one event.
#[derive(Debug)]
pub(super) struct HookPass {
    event: &'static str,
    /// Indices into the release's hooks, in the order they run.
    order: Vec<usize>,
    place: usize,
    at: At,
}

/// What a pass comes to.
#[derive(Debug)]
pub(super) enum Passed {
    /// Not over: these commands are next.
    Goes(Vec<Command>),
    /// All hooks have run, or one has failed; [`Closing`] cleans up.
    Over {
        error: Option<String>,
        closing: Closing,
    },
}

impl HookPass {
    pub fn start(event: &'static str, release: &mut Release, run: &Run) -> (Self, Passed) {
        let mut order: Vec<usize> = (run.first_hook..release.hooks.len())
            .filter(|index| release.hooks[*index].runs_at(event))
            .collect();
        order.sort_by(|left, right| {
            let key = |index: &usize| {
                let hook = &release.hooks[*index];
                (hook.weight, hook.name.clone())
            };
            key(left).cmp(&key(right))
        });
        let mut pass = Self {
            event,
            order,
            place: 0,
            at: At::Clearing,
        };
        let next = pass.next(release, run);
        (pass, next)
    }

    /// Begins the hook at the current place.
    fn next(&mut self, release: &mut Release, run: &Run) -> Passed {
        let Some(index) = self.order.get(self.place) else {
            return self.over(None, Closing::after_success(&self.order));
        };
        let hook = &mut release.hooks[*index];
        if hook.delete_policies.is_empty() {
            hook.delete_policies = vec![BEFORE_CREATION.to_owned()];
        }
        self.at = At::Clearing;
        match deletion(hook, BEFORE_CREATION) {
            Some(command) => Passed::Goes(vec![command]),
            None => self.record(release, run),
        }
    }

    fn record(&mut self, release: &mut Release, run: &Run) -> Passed {
        let hook = &mut release.hooks[self.order[self.place]];
        hook.started_at = Some(run.now);
        hook.completed_at = None;
        hook.phase = HookPhase::Running;
        self.at = At::Recording;
        let record = Command::Update(Box::new(release.clone()));
        // Whoever reads the record later sees `Unknown` where nobody wrote how it ended.
        release.hooks[self.order[self.place]].phase = HookPhase::Unknown;
        Passed::Goes(vec![record])
    }

    pub fn advance(&mut self, event: Event, release: &mut Release, run: &Run) -> Passed {
        match (self.at, event) {
            (At::Clearing, Event::Deleted(Ok(()))) => {
                self.at = At::ClearingWait;
                let hook = &release.hooks[self.order[self.place]];
                Passed::Goes(vec![run.wait(WaitFor::Gone, hook_target(hook))])
            }
            (At::Clearing, Event::Deleted(Err(error)))
            | (At::ClearingWait, Event::Waited(Err(error))) => {
                self.over(Some(error), Closing::default())
            }
            (At::ClearingWait, Event::Waited(Ok(()))) => self.record(release, run),
            (At::Recording, Event::Stored(_)) => {
                self.at = At::Creating;
                let hook = &release.hooks[self.order[self.place]];
                Passed::Goes(vec![Command::Create {
                    target: hook_target(hook),
                    server_side: run.server_side,
                    force_conflicts: false,
                }])
            }
            (At::Creating, Event::Applied(applied)) => self.created(applied, release, run),
            (At::Running, Event::Waited(outcome)) => self.ran(outcome, release, run),
            // Nothing else is asked for at these places.
            (_, _) => Passed::Goes(vec![]),
        }
    }

    fn created(&mut self, applied: Applied, release: &mut Release, run: &Run) -> Passed {
        let hook = &mut release.hooks[self.order[self.place]];
        let (event, path) = (self.event, hook.path.clone());
        let error = match applied.fault {
            None => {
                self.at = At::Running;
                return Passed::Goes(vec![run.wait(WaitFor::Done, hook_target(hook))]);
            }
            Some(fault) if fault.is_of_building => {
                format!(
                    "unable to build kubernetes object for {event} hook {path}: {}",
                    fault.text
                )
            }
            Some(fault) => format!("warning: Hook {event} {path} failed: {}", fault.text),
        };
        end(hook, run.now, HookPhase::Failed);
        self.over(Some(error), Closing::default())
    }

    fn ran(&mut self, outcome: Result<(), String>, release: &mut Release, run: &Run) -> Passed {
        let hook = &mut release.hooks[self.order[self.place]];
        match outcome {
            Ok(()) => {
                end(hook, run.now, HookPhase::Succeeded);
                self.place += 1;
                self.next(release, run)
            }
            Err(error) => {
                end(hook, run.now, HookPhase::Failed);
                let closing = Closing::after_failure(&self.order[..=self.place]);
                self.over(Some(error), closing)
            }
        }
    }

    /// Ends the hook that is under way: somebody wants the operation to stop.
    pub fn interrupt(&self, release: &mut Release, now: Stamp) {
        let running = self
            .order
            .get(self.place)
            .map(|index| &mut release.hooks[*index]);
        if let Some(hook) = running.filter(|hook| hook.phase == HookPhase::Unknown) {
            end(hook, now, HookPhase::Failed);
        }
    }

    fn over(&self, error: Option<String>, closing: Closing) -> Passed {
        Passed::Over { error, closing }
    }
}

/// What is left to do once a pass is over: logs are shown, objects are deleted.
///
/// Compat: a failed pass deletes its failed hook and the ones that succeeded before it; faults of
/// that are only fatal where a succeeded one cannot be deleted.
#[derive(Debug, Default)]
pub(super) struct Closing {
    /// What is left, the next one last.
    left: Vec<Chore>,
    waits: bool,
}

#[derive(Clone, Copy, Debug)]
struct Chore {
    hook: usize,
    policy: &'static str,
    shows_logs: bool,
    deletes: bool,
    is_fatal: bool,
}

/// What closing comes to.
#[derive(Debug)]
pub(super) enum Closed {
    Goes(Vec<Command>),
    Over(Result<(), String>),
}

impl Closing {
    fn after_success(order: &[usize]) -> Self {
        let chores = order.iter().flat_map(|hook| {
            let chore = Chore {
                hook: *hook,
                policy: SUCCEEDED,
                shows_logs: false,
                deletes: true,
                is_fatal: true,
            };
            let logs = Chore {
                shows_logs: true,
                deletes: false,
                is_fatal: false,
                ..chore
            };
            [chore, logs]
        });
        // The last hook is first: `left` is taken from its end.
        Self {
            left: chores.collect(),
            waits: false,
        }
    }

    fn after_failure(order: &[usize]) -> Self {
        let Some((failed, before)) = order.split_last() else {
            return Self::default();
        };
        let chore = |hook: usize, policy: &'static str, is_fatal: bool| Chore {
            hook,
            policy,
            shows_logs: false,
            deletes: true,
            is_fatal,
        };
        let before = before
            .iter()
            .rev()
            .map(|hook| chore(*hook, SUCCEEDED, true));
        let mut left: Vec<Chore> = before.collect();
        left.push(chore(*failed, FAILED, false));
        left.push(Chore {
            shows_logs: true,
            deletes: false,
            ..chore(*failed, FAILED, false)
        });
        Self { left, waits: false }
    }

    pub fn start(&mut self, release: &Release) -> Closed {
        self.next(release)
    }

    fn next(&mut self, release: &Release) -> Closed {
        while let Some(chore) = self.left.last().copied() {
            let hook = &release.hooks[chore.hook];
            self.waits = false;
            let command = if chore.shows_logs {
                let shows = hook
                    .output_log_policies
                    .iter()
                    .any(|word| word == chore.policy);
                shows.then(|| Command::Logs {
                    hook: Box::new(hook.clone()),
                    namespace: release.namespace.clone(),
                })
            } else {
                deletion(hook, chore.policy).filter(|_| chore.deletes)
            };
            match command {
                Some(command) => return Closed::Goes(vec![command]),
                None => {
                    self.left.pop();
                }
            }
        }
        Closed::Over(Ok(()))
    }

    pub fn advance(&mut self, event: Event, release: &Release, run: &Run) -> Closed {
        let Some(chore) = self.left.last().copied() else {
            return Closed::Over(Ok(()));
        };
        let fault = match event {
            Event::Logged => None,
            Event::Deleted(Ok(())) if !self.waits => {
                self.waits = true;
                let target = hook_target(&release.hooks[chore.hook]);
                return Closed::Goes(vec![run.wait(WaitFor::Gone, target)]);
            }
            Event::Deleted(outcome) | Event::Waited(outcome) => outcome.err(),
            // Nothing else is asked for while closing.
            _ => return Closed::Goes(vec![]),
        };
        self.left.pop();
        match fault {
            Some(error) if chore.is_fatal => Closed::Over(Err(error)),
            Some(error) => {
                let text = format!("error deleting the hook resource on hook failure: {error}");
                match self.next(release) {
                    Closed::Goes(mut commands) => {
                        commands.insert(0, Command::Say(text));
                        Closed::Goes(commands)
                    }
                    over => over,
                }
            }
            None => self.next(release),
        }
    }
}

fn end(hook: &mut HookRecord, now: Stamp, phase: HookPhase) {
    hook.completed_at = Some(now);
    hook.phase = phase;
}

fn hook_target(hook: &HookRecord) -> Target {
    Target::Text {
        manifest: hook.manifest.clone(),
        path: hook.path.clone(),
    }
}

/// The deletion of a hook's object, where its policies ask for it. CRDs never go: all objects of
/// their kinds would go with them.
fn deletion(hook: &HookRecord, policy: &str) -> Option<Command> {
    let is_asked_for = hook.delete_policies.iter().any(|found| found == policy);
    (is_asked_for && hook.kind != "CustomResourceDefinition").then(|| Command::Delete {
        target: hook_target(hook),
        cascade: Cascade::Background,
    })
}
