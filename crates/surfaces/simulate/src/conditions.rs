//! Conditions as controllers keep them: a transition's time changes only with the status.

use crate::tree::{list, stamp, text};
use argosy_object::{Value, json};
use jiff::Timestamp;

/// One condition to hold.
#[derive(Clone, Debug)]
pub struct Condition<'a> {
    /// Type.
    pub kind: &'a str,
    /// `True`, `False` or `Unknown`.
    pub status: &'a str,
    /// Reason; may be empty.
    pub reason: &'a str,
    /// Message; may be empty.
    pub message: &'a str,
}

/// Which times a kind's conditions carry beside `lastTransitionTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    /// None.
    Transition,
    /// `lastUpdateTime`, as Deployments have it.
    Update,
    /// `lastProbeTime` at the present, as Jobs have it.
    Probed,
}

/// The conditions of an object with some of them set anew; others stay as they are.
pub fn set(object: &Value, wanted: &[Condition<'_>], times: Times, now: Timestamp) -> Value {
    let mut all = list(object, "/status/conditions").to_vec();
    for condition in wanted {
        let old = all.iter().position(|c| text(c, "/type") == condition.kind);
        let new = build(condition, old.map(|at| &all[at]), times, now);
        match old {
            Some(at) => all[at] = new,
            None => all.push(new),
        }
    }
    Value::Array(all)
}

fn build(c: &Condition<'_>, old: Option<&Value>, times: Times, now: Timestamp) -> Value {
    let same = |field: &str, value: &str| old.is_some_and(|o| text(o, field) == value);
    let unchanged = same("/status", c.status);
    let equal = unchanged && same("/reason", c.reason) && same("/message", c.message);
    let kept = |field: &str, keep: bool| {
        old.filter(|_| keep)
            .and_then(|o| o.get(field))
            .filter(|v| !v.is_null())
            .cloned()
            .unwrap_or_else(|| stamp(now))
    };
    let mut out = json!({"type": c.kind, "status": c.status,
        "lastTransitionTime": kept("lastTransitionTime", unchanged)});
    match times {
        Times::Transition => {}
        Times::Update => out["lastUpdateTime"] = kept("lastUpdateTime", equal),
        Times::Probed => out["lastProbeTime"] = kept("lastProbeTime", equal),
    }
    if !c.reason.is_empty() {
        out["reason"] = c.reason.into();
    }
    if !c.message.is_empty() {
        out["message"] = c.message.into();
    }
    out
}
