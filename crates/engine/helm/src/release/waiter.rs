//! Waits for objects: to become what they declare, to end, or to be gone.
//!
//! A driver tells what it sees and what time it is; the waiter says when it is enough.

use argosy_health::{Kstatus, Progress, job_done, kstatus, pod_done};
use argosy_object::{Object, Value as Json};
use jiff::Timestamp;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitFor {
    /// `--wait`
    Ready,
    /// `--wait --wait-for-jobs`
    ReadyWithJobs,
    /// A hook's end: of pods and jobs; other kinds have none.
    Done,
    /// Deletion.
    Gone,
}

/// `--wait`
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WaitStrategy {
    /// Only for hooks.
    #[default]
    HookOnly,
    /// By kstatus, watching.
    Watcher,
    /// By Helm 3's rules, polling.
    Legacy,
}

impl WaitStrategy {
    /// Whether this is waited for at all.
    pub fn waits(self, wait_for: WaitFor) -> bool {
        self != Self::HookOnly || wait_for == WaitFor::Done
    }
}

/// How a wait stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not yet.
    Waiting,
    /// It is over, well or with Helm's sentences.
    Over(Result<(), String>),
}

/// A wait by kstatus.
///
/// Compat: what has failed is not waited for any more, while the others still are; paused
/// deployments are passed over.
#[derive(Clone, Debug)]
pub struct Waiter {
    wait_for: WaitFor,
    deadline: Timestamp,
    places: Vec<Place>,
}

#[derive(Clone, Debug)]
struct Place {
    /// `Kind/namespace/name`
    text: String,
    /// What was seen last; `None` before the first look.
    seen: Option<Seen>,
    is_passed: bool,
}

#[derive(Clone, Debug)]
enum Seen {
    There(Object),
    Absent,
}

impl Waiter {
    /// A wait for these objects until `deadline`.
    pub fn new(wait_for: WaitFor, objects: &[Object], deadline: Timestamp) -> Self {
        let places = objects.iter().map(|object| Place {
            text: format!(
                "{}/{}/{}",
                object.kind(),
                object.namespace().unwrap_or_default(),
                object.name()
            ),
            seen: None,
            is_passed: wait_for != WaitFor::Gone
                && object.kind() == "Deployment"
                && object.pointer("/spec/paused") == Some(&Json::Bool(true)),
        });
        Self {
            wait_for,
            deadline,
            places: places.collect(),
        }
    }

    /// Tells of an object as it is now; `None` where there is none.
    pub fn seen(&mut self, index: usize, object: Option<&Object>) {
        if let Some(place) = self.places.get_mut(index) {
            place.seen = Some(object.map_or(Seen::Absent, |object| Seen::There(object.clone())));
        }
    }

    /// Tells that all that is there was told: an object that nobody has seen is absent.
    pub fn complete(&mut self, index: usize) {
        if let Some(place) = self.places.get_mut(index) {
            place.seen.get_or_insert(Seen::Absent);
        }
    }

    /// How it stands at a moment.
    pub fn verdict(&self, now: Timestamp) -> Verdict {
        let places = || self.places.iter().filter(|place| !place.is_passed);
        let is_late = now >= self.deadline;
        if !is_late && !places().all(|place| self.is_settled(place, now)) {
            return Verdict::Waiting;
        }
        let mut faults: Vec<String> = places()
            .filter_map(|place| self.fault(place, now))
            .collect();
        if is_late {
            faults.push("context deadline exceeded".to_owned());
        }
        Verdict::Over(if faults.is_empty() {
            Ok(())
        } else {
            Err(faults.join("\n"))
        })
    }

    fn is_settled(&self, place: &Place, now: Timestamp) -> bool {
        let progress = self.status(place, now).progress;
        match self.wait_for {
            // What nobody has seen yet may be there still.
            WaitFor::Gone => place.seen.is_some() && is_gone(progress),
            _ => matches!(progress, Progress::Current | Progress::Failed),
        }
    }

    fn fault(&self, place: &Place, now: Timestamp) -> Option<String> {
        let status = self.status(place, now);
        let (progress, message) = (status.progress.as_str(), &status.message);
        let what = match self.wait_for {
            WaitFor::Gone if is_gone(status.progress) => return None,
            WaitFor::Gone => "still exists",
            _ if status.progress == Progress::Current => return None,
            _ => "not ready",
        };
        let text = &place.text;
        Some(format!(
            "resource {text} {what}. status: {progress}, message: {message}"
        ))
    }

    fn status(&self, place: &Place, now: Timestamp) -> Kstatus {
        match &place.seen {
            None => Kstatus::new(Progress::Unknown, ""),
            Some(Seen::Absent) => Kstatus::new(Progress::NotFound, "Resource not found"),
            Some(Seen::There(object)) => self.judge(object, now),
        }
    }

    fn judge(&self, object: &Object, now: Timestamp) -> Kstatus {
        let gvk = object.gvk();
        match (self.wait_for, &*gvk.group, &*gvk.kind) {
            (WaitFor::Done | WaitFor::ReadyWithJobs, "batch", "Job") => job_done(object),
            (WaitFor::Done, "", "Pod") => pod_done(object),
            (WaitFor::Done, ..) => Kstatus::new(Progress::Current, "Resource is current"),
            _ => kstatus(object, now),
        }
    }
}

fn is_gone(progress: Progress) -> bool {
    matches!(progress, Progress::NotFound | Progress::Unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn job(status: Json) -> Object {
        Object::from_trusted(json!({"apiVersion": "batch/v1", "kind": "Job",
            "metadata": {"name": "j", "namespace": "n"}, "status": status}))
    }

    #[test]
    fn a_hook_that_failed_ends_the_wait_with_its_message() {
        let objects = [job(json!({}))];
        let mut waiter = Waiter::new(WaitFor::Done, &objects, at(100));
        assert_eq!(waiter.verdict(at(0)), Verdict::Waiting);
        waiter.seen(0, Some(&objects[0]));
        assert_eq!(waiter.verdict(at(0)), Verdict::Waiting);
        let failed =
            job(json!({"failed": 1, "conditions": [{"type": "Failed", "status": "True"}]}));
        waiter.seen(0, Some(&failed));
        let text = "resource Job/n/j not ready. status: Failed, message: Job Failed. failed: 1/1";
        assert_eq!(waiter.verdict(at(0)), Verdict::Over(Err(text.to_owned())));
    }

    #[test]
    fn a_deadline_names_all_that_is_missing() {
        let objects = [job(json!({})), job(json!({}))];
        let mut waiter = Waiter::new(WaitFor::Ready, &objects, at(100));
        waiter.seen(0, Some(&objects[0]));
        let Verdict::Over(Err(text)) = waiter.verdict(at(100)) else {
            panic!("it is over");
        };
        assert_eq!(
            text,
            "resource Job/n/j not ready. status: InProgress, message: Job not started\n\
             resource Job/n/j not ready. status: Unknown, message: \n\
             context deadline exceeded"
        );
    }

    #[test]
    fn what_is_gone_is_not_waited_for() {
        let objects = [job(json!({})), job(json!({}))];
        let mut waiter = Waiter::new(WaitFor::Gone, &objects, at(100));
        waiter.seen(0, None);
        assert_eq!(waiter.verdict(at(0)), Verdict::Waiting);
        waiter.complete(0);
        waiter.complete(1);
        assert_eq!(waiter.verdict(at(0)), Verdict::Over(Ok(())));
    }

    #[test]
    fn a_paused_deployment_is_passed_over() {
        let paused = Object::from_trusted(
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "spec": {"paused": true}}),
        );
        let waiter = Waiter::new(WaitFor::Ready, &[paused], at(100));
        assert_eq!(waiter.verdict(at(0)), Verdict::Over(Ok(())));
    }
}
