//! Pods.

use crate::{Health, conditions, field, text};
use argosy_crds::HealthCode;
use argosy_object::{Object, Value};

/// The annotation of a hook: a pod that is one is expected to end.
const HOOK: &str = "argocd.argoproj.io/hook";

pub(crate) fn pod(object: &Object) -> Health {
    let always = matches!(text(object, "/spec/restartPolicy"), "" | "Always");
    if always {
        let reasons: Vec<&str> = statuses(object).filter_map(waiting_failure).collect();
        if !reasons.is_empty() {
            return Health::degraded(reasons.join(", "));
        }
    }
    let message = text(object, "/status/message");
    match text(object, "/status/phase") {
        "Pending" => Health::progressing(message),
        "Succeeded" => Health::new(HealthCode::Healthy, message),
        "Failed" => failed(object, message),
        "Running" if always => running(object, message),
        "Running" if object.annotation(HOOK).is_some() => Health::progressing(message),
        "Running" => Health::new(HealthCode::Healthy, message),
        _ => Health::new(HealthCode::Unknown, message),
    }
}

fn failed(object: &Object, message: &str) -> Health {
    if !message.is_empty() {
        return Health::degraded(message);
    }
    let reason = statuses(object).filter_map(exit_failure).next();
    Health::degraded(reason.unwrap_or_default())
}

fn running(object: &Object, message: &str) -> Health {
    let ready =
        conditions(object).any(|c| field(c, "type") == "Ready" && field(c, "status") == "True");
    if ready {
        return Health::new(HealthCode::Healthy, message);
    }
    let restarted = containers(object, "containerStatuses").any(|c| {
        c.pointer("/lastState/terminated")
            .is_some_and(|t| !t.is_null())
    });
    if restarted {
        Health::degraded(message)
    } else {
        Health::progressing(message)
    }
}

fn statuses(object: &Object) -> impl Iterator<Item = &Value> {
    containers(object, "initContainerStatuses").chain(containers(object, "containerStatuses"))
}

fn containers<'o>(object: &'o Object, list: &str) -> impl Iterator<Item = &'o Value> {
    object
        .pointer("/status")
        .and_then(|status| status.get(list))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

/// The message of a container that waits because it cannot run, or its reason.
fn waiting_failure(container: &Value) -> Option<&str> {
    let waiting = container.pointer("/state/waiting")?;
    let reason = field(waiting, "reason");
    let fails =
        reason.starts_with("Err") || reason.ends_with("Error") || reason.ends_with("BackOff");
    let message = field(waiting, "message");
    fails.then_some(if message.is_empty() { reason } else { message })
}

fn exit_failure(container: &Value) -> Option<String> {
    let ended = container.pointer("/state/terminated")?;
    let (message, reason) = (field(ended, "message"), field(ended, "reason"));
    let code = ended.get("exitCode").and_then(Value::as_i64).unwrap_or(0);
    if !message.is_empty() {
        Some(message.into())
    } else if reason == "OOMKilled" {
        Some(reason.into())
    } else if code != 0 {
        Some(format!(
            "container {:?} failed with exit code {code}",
            field(container, "name")
        ))
    } else {
        None
    }
}
