//! The pod's row, whose status is gathered from all its containers.

use crate::cells::age;
use crate::hooks::fields::{int, is_true, list, text};
use argosy_object::{Value, meta};
use jiff::Timestamp;

struct Summary {
    reason: String,
    ready: usize,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

/// One cell for each column of a pod.
pub fn cells(now: Timestamp, pod: &Value) -> Vec<Value> {
    let init = list(pod, "/spec/initContainers");
    let sidecars = init.iter().filter(|c| is_sidecar(c)).count();
    let total = list(pod, "/spec/containers").len() + sidecars;
    let summary = summarize(pod);
    let restarts = match (summary.restarts, summary.last_restart) {
        (n, Some(at)) if n != 0 => {
            format!(
                "{n} ({} ago)",
                age::human_duration(now.duration_since(at).as_secs())
            )
        }
        (n, _) => n.to_string(),
    };
    let or_none = |text: &str| -> Value {
        if text.is_empty() {
            "<none>".into()
        } else {
            text.into()
        }
    };
    vec![
        meta(pod, "name").into(),
        format!("{}/{total}", summary.ready).into(),
        summary.reason.into(),
        restarts.into(),
        age::of(now, pod),
        or_none(text(pod, "/status/podIPs/0/ip")),
        or_none(text(pod, "/spec/nodeName")),
        or_none(text(pod, "/status/nominatedNodeName")),
        readiness_gates(pod).into(),
    ]
}

fn summarize(pod: &Value) -> Summary {
    let phase = text(pod, "/status/phase");
    let mut reason = Some(text(pod, "/status/reason"))
        .filter(|r| !r.is_empty())
        .unwrap_or(phase);
    let gated = list(pod, "/status/conditions")
        .iter()
        .any(|c| text(c, "/type") == "PodScheduled" && text(c, "/reason") == "SchedulingGated");
    if gated {
        reason = "SchedulingGated";
    }
    let mut summary = Summary {
        reason: reason.to_owned(),
        ready: 0,
        restarts: 0,
        last_restart: None,
    };
    let sidecars = initialize(pod, &mut summary);
    if sidecars.done || condition(pod, "Initialized") {
        summary.restarts = sidecars.restarts;
        summary.last_restart = sidecars.last_restart;
        run(pod, &mut summary);
    }
    let deleting = !meta(pod, "deletionTimestamp").is_empty();
    if deleting && text(pod, "/status/reason") == "NodeLost" {
        summary.reason = "Unknown".into();
    } else if deleting && !matches!(phase, "Failed" | "Succeeded") {
        summary.reason = "Terminating".into();
    }
    summary
}

struct Sidecars {
    done: bool,
    restarts: i64,
    last_restart: Option<Timestamp>,
}

/// Goes through the init containers up to the first that is still at work.
fn initialize(pod: &Value, summary: &mut Summary) -> Sidecars {
    let specs = list(pod, "/spec/initContainers");
    let mut sidecars = Sidecars {
        done: true,
        restarts: 0,
        last_restart: None,
    };
    for (index, status) in list(pod, "/status/initContainerStatuses")
        .iter()
        .enumerate()
    {
        let name = text(status, "/name");
        let sidecar = specs
            .iter()
            .any(|c| text(c, "/name") == name && is_sidecar(c));
        let restarts = int(status, "/restartCount").unwrap_or(0);
        summary.restarts += restarts;
        summary.last_restart = summary.last_restart.max(last_end(status));
        if sidecar {
            sidecars.restarts += restarts;
            sidecars.last_restart = sidecars.last_restart.max(last_end(status));
        }
        let terminated = status.pointer("/state/terminated").filter(|t| !t.is_null());
        let waiting = text(status, "/state/waiting/reason");
        if terminated.is_some_and(|t| int(t, "/exitCode").unwrap_or(0) == 0) {
            continue;
        }
        if sidecar && is_true(status, "/started") {
            summary.ready += usize::from(is_true(status, "/ready"));
            continue;
        }
        summary.reason = match terminated {
            Some(end) => format!("Init:{}", end_reason(end)),
            None if !waiting.is_empty() && waiting != "PodInitializing" => {
                format!("Init:{waiting}")
            }
            None => format!("Init:{index}/{}", specs.len()),
        };
        sidecars.done = false;
        break;
    }
    sidecars
}

fn run(pod: &Value, summary: &mut Summary) {
    let (mut running, mut failed) = (false, None);
    for status in list(pod, "/status/containerStatuses").iter().rev() {
        summary.restarts += int(status, "/restartCount").unwrap_or(0);
        summary.last_restart = summary.last_restart.max(last_end(status));
        let waiting = text(status, "/state/waiting/reason");
        if !waiting.is_empty() {
            waiting.clone_into(&mut summary.reason);
        } else if let Some(end) = status.pointer("/state/terminated").filter(|t| !t.is_null()) {
            summary.reason = end_reason(end);
            if int(end, "/exitCode").unwrap_or(0) != 0 {
                failed = Some(summary.reason.clone());
            }
        } else if is_true(status, "/ready") && status.pointer("/state/running").is_some() {
            running = true;
            summary.ready += 1;
        }
    }
    if summary.reason == "Completed" {
        if running && condition(pod, "Ready") {
            summary.reason = "Running".into();
        } else if let Some(failed) = failed {
            summary.reason = failed;
        } else if running {
            summary.reason = "NotReady".into();
        }
    }
}

fn end_reason(end: &Value) -> String {
    let reason = text(end, "/reason");
    let signal = int(end, "/signal").unwrap_or(0);
    if !reason.is_empty() {
        reason.to_owned()
    } else if signal != 0 {
        format!("Signal:{signal}")
    } else {
        format!("ExitCode:{}", int(end, "/exitCode").unwrap_or(0))
    }
}

fn last_end(status: &Value) -> Option<Timestamp> {
    text(status, "/lastState/terminated/finishedAt")
        .parse()
        .ok()
}

fn is_sidecar(container: &Value) -> bool {
    text(container, "/restartPolicy") == "Always"
}

fn condition(pod: &Value, kind: &str) -> bool {
    list(pod, "/status/conditions")
        .iter()
        .any(|c| text(c, "/type") == kind && text(c, "/status") == "True")
}

fn readiness_gates(pod: &Value) -> String {
    let gates = list(pod, "/spec/readinessGates");
    if gates.is_empty() {
        return "<none>".into();
    }
    let open = gates
        .iter()
        .filter(|g| condition(pod, text(g, "/conditionType")))
        .count();
    format!("{open}/{}", gates.len())
}
