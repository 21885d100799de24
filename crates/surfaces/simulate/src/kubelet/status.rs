//! Pod statuses as a kubelet writes them.

use crate::hash;
use crate::kubelet::node;
use crate::tree::{self, int, list, stamp, text};
use argosy_object::{Map, Value, json, meta};
use jiff::Timestamp;

/// What a pod is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// All containers run and are ready.
    Running,
    /// All containers run, none is ready.
    NotReady,
    /// The images cannot be pulled.
    PullFailed,
    /// The containers start and end over and over.
    Crashing,
    /// All containers have ended well.
    Succeeded,
    /// The containers have ended with an error.
    Failed,
}

/// The status of a pod in a phase.
pub fn of(pod: &Value, phase: Phase, address: &str, now: Timestamp) -> Value {
    let started = text(pod, "/status/startTime");
    let started: Value = if started.is_empty() {
        stamp(now)
    } else {
        started.into()
    };
    let initialized = phase != Phase::PullFailed || list(pod, "/spec/initContainers").is_empty();
    let mut status = json!({
        "phase": match phase {
            Phase::PullFailed => "Pending",
            Phase::Succeeded => "Succeeded",
            Phase::Failed => "Failed",
            _ => "Running",
        },
        "observedGeneration": int(pod, "/metadata/generation"),
        "conditions": conditions(pod, phase, initialized, now),
        "hostIP": node::address(text(pod, "/spec/nodeName")),
        "hostIPs": [{"ip": node::address(text(pod, "/spec/nodeName"))}],
        "podIP": address,
        "podIPs": [{"ip": address}],
        "startTime": started,
        "containerStatuses": list(pod, "/spec/containers").iter()
            .map(|c| container(pod, c, phase, now)).collect::<Value>(),
    });
    let init = list(pod, "/spec/initContainers");
    if !init.is_empty() {
        status["initContainerStatuses"] = init
            .iter()
            .map(|c| init_container(pod, c, phase, now))
            .collect();
    }
    status
}

fn conditions(pod: &Value, phase: Phase, initialized: bool, now: Timestamp) -> Value {
    let names: Vec<&str> = list(pod, "/spec/containers")
        .iter()
        .map(|c| text(c, "/name"))
        .collect();
    let unready = format!("containers with unready status: [{}]", names.join(" "));
    let ready = match phase {
        Phase::Running => ("True", "", ""),
        Phase::Succeeded => ("False", "PodCompleted", ""),
        Phase::Failed => ("False", "PodFailed", ""),
        _ => ("False", "ContainersNotReady", unready.as_str()),
    };
    let gates_open = list(pod, "/spec/readinessGates")
        .iter()
        .all(|gate| tree::condition(pod, text(gate, "/conditionType")) == "True");
    let pod_ready = if phase == Phase::Running && !gates_open {
        (
            "False",
            "ReadinessGatesNotReady",
            "corresponding condition of a readiness gate is not true",
        )
    } else {
        ready
    };
    let done = matches!(phase, Phase::Succeeded | Phase::Failed);
    let initialized = match (initialized, phase) {
        (true, Phase::Succeeded) => ("True", "PodCompleted", ""),
        (true, _) => ("True", "", ""),
        (false, _) => ("False", "ContainersNotInitialized", ""),
    };
    let sandbox = if done {
        ("False", "", "")
    } else {
        ("True", "", "")
    };
    let generation = int(pod, "/metadata/generation");
    let old = list(pod, "/status/conditions");
    let mut out: Vec<Value> = [
        ("PodReadyToStartContainers", sandbox),
        ("Initialized", initialized),
        ("Ready", pod_ready),
        ("ContainersReady", ready),
        ("PodScheduled", ("True", "", "")),
    ]
    .into_iter()
    .map(|(kind, (status, reason, message))| {
        let was = old
            .iter()
            .find(|c| text(c, "/type") == kind && text(c, "/status") == status);
        let since = was
            .map(|c| tree::at(c, "/lastTransitionTime"))
            .filter(Value::is_string);
        let mut condition = json!({"type": kind, "status": status, "lastProbeTime": null,
            "lastTransitionTime": since.unwrap_or_else(|| stamp(now))});
        if generation > 0 {
            condition["observedGeneration"] = generation.into();
        }
        for (field, value) in [("reason", reason), ("message", message)] {
            if !value.is_empty() {
                condition[field] = value.into();
            }
        }
        condition
    })
    .collect();
    // Conditions of others, such as readiness gates', stay.
    let own: Vec<String> = out.iter().map(|c| text(c, "/type").to_owned()).collect();
    out.extend(
        old.iter()
            .filter(|c| !own.iter().any(|kind| text(c, "/type") == kind))
            .cloned(),
    );
    Value::Array(out)
}

fn container(pod: &Value, container: &Value, phase: Phase, now: Timestamp) -> Value {
    let was = previous(pod, "/status/containerStatuses", container);
    let running = json!({"running": {"startedAt": since(was, now)}});
    let id = container_id(pod, container);
    let ended = |code: i64, reason: &str| {
        json!({"containerID": id, "exitCode": code, "reason": reason,
            "startedAt": since(was, now), "finishedAt": stamp(now)})
    };
    let image = text(container, "/image");
    let (state, last, restarts) = match phase {
        Phase::Running | Phase::NotReady => (running, json!({}), 0),
        Phase::Succeeded => (json!({"terminated": ended(0, "Completed")}), json!({}), 0),
        Phase::Failed => (json!({"terminated": ended(1, "Error")}), json!({}), 0),
        Phase::PullFailed => {
            let message = format!(
                "Back-off pulling image \"{image}\": ErrImagePull: the simulator was told to fail it"
            );
            (
                json!({"waiting": {"reason": "ImagePullBackOff", "message": message}}),
                json!({}),
                0,
            )
        }
        Phase::Crashing => {
            let message = format!(
                "back-off 10s restarting failed container={} pod={}_{}({})",
                text(container, "/name"),
                meta(pod, "name"),
                meta(pod, "namespace"),
                meta(pod, "uid")
            );
            let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": message}});
            (waiting, json!({"terminated": ended(1, "Error")}), 1)
        }
    };
    let up = matches!(phase, Phase::Running | Phase::NotReady);
    let mut out = facts(pod, container, phase == Phase::PullFailed);
    out.insert("ready".into(), (phase == Phase::Running).into());
    out.insert("started".into(), up.into());
    out.insert("restartCount".into(), restarts.into());
    out.insert("state".into(), state);
    out.insert("lastState".into(), last);
    Value::Object(out)
}

fn init_container(pod: &Value, container: &Value, phase: Phase, now: Timestamp) -> Value {
    let was = previous(pod, "/status/initContainerStatuses", container);
    let sidecar = text(container, "/restartPolicy") == "Always";
    let mut out = facts(pod, container, phase == Phase::PullFailed);
    let done = matches!(phase, Phase::Succeeded | Phase::Failed);
    let (state, ready, started) = if phase == Phase::PullFailed {
        (
            json!({"waiting": {"reason": "PodInitializing"}}),
            false,
            false,
        )
    } else if sidecar && !done {
        (
            json!({"running": {"startedAt": since(was, now)}}),
            true,
            true,
        )
    } else {
        let end = json!({"terminated": {"containerID": container_id(pod, container),
            "exitCode": 0, "reason": "Completed", "startedAt": since(was, now),
            "finishedAt": since(was, now)}});
        (end, !sidecar, false)
    };
    out.insert("ready".into(), ready.into());
    out.insert("started".into(), started.into());
    out.insert("restartCount".into(), 0.into());
    out.insert("state".into(), state);
    out.insert("lastState".into(), json!({}));
    Value::Object(out)
}

fn facts(pod: &Value, container: &Value, unpulled: bool) -> Map<String, Value> {
    let image = text(container, "/image");
    let mut out = Map::new();
    out.insert("name".into(), text(container, "/name").into());
    out.insert("image".into(), image.into());
    let digest = format!("{:016x}", hash::fnv(image.as_bytes())).repeat(4);
    let bare = image.split('@').next().unwrap_or(image);
    let id = if unpulled {
        String::new()
    } else {
        format!("{bare}@sha256:{digest}")
    };
    out.insert("imageID".into(), id.into());
    if !unpulled {
        out.insert("containerID".into(), container_id(pod, container).into());
    }
    out
}

fn container_id(pod: &Value, container: &Value) -> String {
    let seed = format!("{}{}", meta(pod, "uid"), text(container, "/name"));
    format!(
        "containerd://{}",
        format!("{:016x}", hash::fnv(seed.as_bytes())).repeat(4)
    )
}

fn previous<'p>(pod: &'p Value, pointer: &str, container: &Value) -> Option<&'p Value> {
    let name = text(container, "/name");
    list(pod, pointer)
        .iter()
        .find(|status| text(status, "/name") == name)
}

/// When the container that ran until now was started, or the present.
fn since(was: Option<&Value>, now: Timestamp) -> Value {
    was.map(|status| tree::at(status, "/state/running/startedAt"))
        .filter(Value::is_string)
        .unwrap_or_else(|| stamp(now))
}
