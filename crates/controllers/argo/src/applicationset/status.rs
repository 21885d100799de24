//! The status of an ApplicationSet.

use super::{ApplicationSetController, owner};
use crate::resources::application_sets;
use argosy_crds::{ApplicationStatus, HealthCode, names};
use argosy_frame::EventKind;
use argosy_object::{Class, Classified as _, Object, Value, json};
use argosy_pipeline::now_text;

/// How many children `status.resources` lists.
/// Compat: `applicationsetcontroller.status.max.resources.count`.
const MAX_RESOURCES: usize = 5000;

struct Condition<'a> {
    kind: &'static str,
    is_true: bool,
    reason: &'static str,
    message: &'a str,
}

impl ApplicationSetController {
    /// Everything generated; `errors` are Applications that were left out or refused.
    pub(crate) async fn report(&self, set: &Object, errors: &[String]) -> Result<(), Class> {
        let done = "All applications have been generated successfully";
        let failures = errors.join("; ");
        let failed = !errors.is_empty();
        let reason = "ApplicationSetUpToDate";
        let generated_text = "Successfully generated parameters for all Applications";
        let conditions = [
            Condition {
                kind: "ErrorOccurred",
                is_true: failed,
                reason: if failed {
                    "ApplicationValidationError"
                } else {
                    reason
                },
                message: if failed { &failures } else { done },
            },
            Condition {
                kind: "ParametersGenerated",
                is_true: true,
                reason: "ParametersGenerated",
                message: generated_text,
            },
            Condition {
                kind: "ResourcesUpToDate",
                is_true: !failed,
                reason: if failed {
                    "ApplicationValidationError"
                } else {
                    reason
                },
                message: if failed { &failures } else { done },
            },
        ];
        self.write_status(set, &conditions, true).await
    }

    /// Nothing generated; the children are as they were.
    pub(crate) async fn report_failure(&self, set: &Object, sentence: &str) -> Result<(), Class> {
        let reason = "ApplicationGenerationFromParamsError";
        let condition = |kind, is_true| Condition {
            kind,
            is_true,
            reason,
            message: sentence,
        };
        let conditions = [
            condition("ErrorOccurred", true),
            condition("ParametersGenerated", false),
            condition("ResourcesUpToDate", false),
        ];
        self.write_status(set, &conditions, false).await
    }

    async fn write_status(
        &self,
        set: &Object,
        conditions: &[Condition<'_>],
        with_children: bool,
    ) -> Result<(), Class> {
        let now = now_text(self.hub.ports.clock.now());
        let old = set.pointer("/status/conditions").and_then(Value::as_array);
        let conditions: Vec<Value> = conditions
            .iter()
            .map(|condition| {
                let written = condition.value(&now);
                let same = old.into_iter().flatten().find(|old| condition.is_same(old));
                if same.is_none() && condition.kind == "ErrorOccurred" && condition.is_true {
                    let kind = EventKind::Warning;
                    self.hub
                        .events
                        .record(set, kind, condition.reason, condition.message);
                }
                same.cloned().unwrap_or(written)
            })
            .collect();
        let mut wanted = set.value().clone();
        if !wanted["status"].is_object() {
            wanted["status"] = json!({});
        }
        wanted["status"]["conditions"] = conditions.into();
        if with_children {
            let resources = self.children(set);
            wanted["status"]["resourcesCount"] = resources.len().into();
            wanted["status"]["resources"] = resources
                .into_iter()
                .take(MAX_RESOURCES)
                .collect::<Vec<_>>()
                .into();
        }
        match self
            .hub
            .status
            .write(&application_sets(), set, &wanted, true)
            .await
        {
            Ok(Some(written)) => {
                self.hub.store.note(&written, super::NAME);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => {
                tracing::debug!(set = set.name(), %error, "status is not written");
                Err(error.class())
            }
        }
    }

    /// One entry for each Application of the set, by name.
    fn children(&self, set: &Object) -> Vec<Value> {
        self.hub
            .store
            .list(names::ARGO_GROUP, "Application")
            .iter()
            .filter(|child| {
                owner(child) == Some(set.name()) && child.namespace() == set.namespace()
            })
            .map(entry)
            .collect()
    }
}

fn entry(child: &Object) -> Value {
    let status = ApplicationStatus::of(child).unwrap_or_default();
    let health = status.health.status.unwrap_or(HealthCode::Unknown).as_str();
    let mut entry = json!({
        "group": names::ARGO_GROUP,
        "version": "v1alpha1",
        "kind": "Application",
        "namespace": child.namespace().unwrap_or(""),
        "name": child.name(),
        "status": status.sync.status.as_str(),
        "health": {"status": health},
    });
    if let Some(at) = &status.health.last_transition_time {
        entry["health"]["lastTransitionTime"] = at.as_str().into();
    }
    if !status.health.message.is_empty() {
        entry["health"]["message"] = status.health.message.as_str().into();
    }
    entry
}

impl Condition<'_> {
    fn status(&self) -> &'static str {
        if self.is_true { "True" } else { "False" }
    }

    fn text(&self) -> String {
        self.message.chars().take(4096).collect()
    }

    fn value(&self, now: &str) -> Value {
        json!({
            "type": self.kind,
            "status": self.status(),
            "reason": self.reason,
            "message": self.text(),
            "lastTransitionTime": now,
        })
    }

    fn is_same(&self, old: &Value) -> bool {
        let is = |field: &str, text: &str| old.get(field).and_then(Value::as_str) == Some(text);
        is("type", self.kind)
            && is("status", self.status())
            && is("reason", self.reason)
            && is("message", &self.text())
    }
}
