//! Deployments, ReplicaSets, StatefulSets, DaemonSets and ReplicationControllers.
//!
//! Compat: `pkg/apis/apps/v1/defaults.go` and `pkg/apis/apps/validation`.

use crate::hooks::fields::{at, default, default_text, int, map, same, text};
use crate::hooks::{label_selector, pod_spec};
use crate::{ApiError, DeletePlan, FieldError, HookCx, KindHook};
use argosy_object::{Value, json};

/// A workload with a pod template and a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// apps/v1
    Deployment,
    /// apps/v1
    ReplicaSet,
    /// apps/v1
    StatefulSet,
    /// apps/v1
    DaemonSet,
    /// v1, whose selector is a plain map
    ReplicationController,
}

use Workload::{DaemonSet, Deployment, ReplicaSet, ReplicationController, StatefulSet};

impl KindHook for Workload {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        if *self == ReplicationController {
            fill_controller(new);
        }
        let spec = Value::Object(std::mem::take(map(new, "spec")));
        let spec = self.fill(spec);
        new["spec"] = spec;
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(old) = old
            && *self == StatefulSet
        {
            forbid_other_changes(new, old, &mut errors);
        }
        if *self == StatefulSet {
            self.validate_strategy(new, &mut errors);
        }
        self.validate_selector(new, &mut errors);
        let template = at(new, "/spec/template/spec");
        errors.extend(pod_spec::validate(&template, "spec.template.spec"));
        let policy = text(&template, "/restartPolicy");
        if !matches!(policy, "Always" | "") {
            errors.push(FieldError::not_supported(
                "spec.template.spec.restartPolicy",
                policy,
                &["Always"],
            ));
        }
        if template
            .get("activeDeadlineSeconds")
            .is_some_and(|v| !v.is_null())
        {
            errors.push(FieldError::forbidden(
                "spec.template.spec.activeDeadlineSeconds",
                &format!("activeDeadlineSeconds in {} is not Supported", self.name()),
            ));
        }
        for field in ["replicas", "minReadySeconds", "revisionHistoryLimit"] {
            if let Some(value) = int(new, &format!("/spec/{field}")).filter(|v| *v < 0) {
                errors.push(pod_spec::negative(&format!("spec.{field}"), value));
            }
        }
        if *self != StatefulSet {
            self.validate_strategy(new, &mut errors);
        }
        let immutable = matches!(self, Deployment | ReplicaSet | DaemonSet);
        if let Some(old) = old
            && immutable
            && !same(new, old, "/spec/selector")
        {
            let selector = at(new, "/spec/selector");
            errors.push(FieldError::invalid(
                "spec.selector",
                selector,
                "field is immutable",
            ));
        }
        errors
    }

    fn prepare_delete(
        &self,
        _cx: &HookCx<'_>,
        _object: &mut Value,
        _grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        let orphan_by_default = *self == ReplicationController;
        Ok(DeletePlan {
            orphan_by_default,
            ..DeletePlan::default()
        })
    }
}

impl Workload {
    fn name(self) -> &'static str {
        match self {
            Deployment => "deployment",
            ReplicaSet => "ReplicaSet",
            StatefulSet => "StatefulSet",
            DaemonSet => "DaemonSet",
            ReplicationController => "ReplicationController",
        }
    }

    fn fill(self, mut spec: Value) -> Value {
        if let Some(template) = spec.get_mut("template").filter(|t| t.is_object()) {
            map(template, "metadata");
            if let Some(pod) = template.get_mut("spec") {
                pod_spec::fill(pod, false);
            }
        }
        if self != DaemonSet {
            default(&mut spec, "replicas", 1);
        }
        match self {
            Deployment => {
                default(&mut spec, "revisionHistoryLimit", 10);
                default(&mut spec, "progressDeadlineSeconds", 600);
                fill_strategy(
                    &mut spec,
                    "strategy",
                    &json!({"maxSurge": "25%", "maxUnavailable": "25%"}),
                );
            }
            DaemonSet => {
                default(&mut spec, "revisionHistoryLimit", 10);
                fill_strategy(
                    &mut spec,
                    "updateStrategy",
                    &json!({"maxSurge": 0, "maxUnavailable": 1}),
                );
            }
            StatefulSet => {
                default(&mut spec, "revisionHistoryLimit", 10);
                default_text(&mut spec, "podManagementPolicy", "OrderedReady");
                default_text(&mut spec, "serviceName", "");
                fill_strategy(&mut spec, "updateStrategy", &json!({"partition": 0}));
                let retention = Value::Object(std::mem::take(map(
                    &mut spec,
                    "persistentVolumeClaimRetentionPolicy",
                )));
                let mut retention = retention;
                default_text(&mut retention, "whenDeleted", "Retain");
                default_text(&mut retention, "whenScaled", "Retain");
                spec["persistentVolumeClaimRetentionPolicy"] = retention;
                for claim in crate::hooks::fields::list_mut(&mut spec, "/volumeClaimTemplates") {
                    default_text(claim, "apiVersion", "v1");
                    default_text(claim, "kind", "PersistentVolumeClaim");
                    if let Some(spec) = claim.get_mut("spec") {
                        default_text(spec, "volumeMode", "Filesystem");
                    }
                    map(claim, "status")
                        .entry("phase")
                        .or_insert("Pending".into());
                }
            }
            ReplicaSet | ReplicationController => {}
        }
        spec
    }

    fn validate_selector(self, new: &Value, errors: &mut Vec<FieldError>) {
        let labels = at(new, "/spec/template/metadata/labels");
        if self == ReplicationController {
            let selector = at(new, "/spec/selector");
            if selector.as_object().is_none_or(|s| s.is_empty()) {
                errors.push(FieldError::required("spec.selector", ""));
            } else if !label_selector::contained(&selector, &labels) {
                errors.push(mismatch(&labels));
            }
            if new.pointer("/spec/template").is_none_or(Value::is_null) {
                errors.push(FieldError::required("spec.template", ""));
            }
            return;
        }
        let selector = at(new, "/spec/selector");
        if selector.is_null() {
            if self != DaemonSet {
                errors.push(FieldError::required("spec.selector", ""));
            }
            // Upstream goes on with the missing selector, which matches no labels.
            errors.push(mismatch(&labels));
            return;
        }
        let empty = ["matchLabels", "matchExpressions"].iter().all(|field| {
            selector.get(field).is_none_or(|v| {
                v.is_null()
                    || v.as_object().is_some_and(|m| m.is_empty())
                    || v.as_array().is_some_and(Vec::is_empty)
            })
        });
        if empty {
            let said = format!(
                "empty selector is invalid for {}",
                self.name().to_lowercase()
            );
            errors.push(FieldError::invalid("spec.selector", selector, &said));
        } else if !label_selector::matches(&selector, &labels) {
            errors.push(mismatch(&labels));
        }
    }

    fn validate_strategy(self, new: &Value, errors: &mut Vec<FieldError>) {
        let (field, kinds): (&str, &[&str]) = match self {
            Deployment => ("strategy", &["Recreate", "RollingUpdate"]),
            DaemonSet | StatefulSet => ("updateStrategy", &["RollingUpdate", "OnDelete"]),
            _ => return,
        };
        let strategy = at(new, &format!("/spec/{field}"));
        let kind = text(&strategy, "/type");
        if !kinds.contains(&kind) {
            let path = format!("spec.{field}");
            let shown = json!({"Type": kind, "RollingUpdate": strategy.get("rollingUpdate")});
            if self == StatefulSet {
                let said = "must be 'RollingUpdate' or 'OnDelete'";
                errors.push(FieldError::invalid(&path, shown, said));
            } else {
                errors.push(FieldError::not_supported(&path, shown, kinds));
            }
        }
        let rolling = strategy.get("rollingUpdate").filter(|r| !r.is_null());
        if kind == "Recreate" && rolling.is_some() {
            errors.push(FieldError::forbidden(
                "spec.strategy.rollingUpdate",
                "may not be specified when strategy `type` is 'Recreate'",
            ));
        }
        let zero = |name: &str| {
            rolling
                .and_then(|r| r.get(name))
                .is_some_and(|v| *v == 0 || *v == "0" || *v == "0%")
        };
        if self == Deployment && zero("maxUnavailable") && zero("maxSurge") {
            errors.push(FieldError::invalid(
                "spec.strategy.rollingUpdate.maxUnavailable",
                rolling
                    .and_then(|r| r.get("maxUnavailable"))
                    .cloned()
                    .unwrap_or(Value::Null),
                "may not be 0 when `maxSurge` is 0",
            ));
        }
        let deadline = int(new, "/spec/progressDeadlineSeconds");
        let ready = int(new, "/spec/minReadySeconds").unwrap_or(0);
        if let Some(deadline) = deadline.filter(|d| self == Deployment && *d <= ready) {
            errors.push(FieldError::invalid(
                "spec.progressDeadlineSeconds",
                deadline,
                "must be greater than minReadySeconds",
            ));
        }
    }
}

fn mismatch(labels: &Value) -> FieldError {
    FieldError::invalid(
        "spec.template.metadata.labels",
        labels.clone(),
        "`selector` does not match template `labels`",
    )
}

fn fill_strategy(spec: &mut Value, field: &str, rolling: &Value) {
    let mut strategy = Value::Object(std::mem::take(map(spec, field)));
    default_text(&mut strategy, "type", "RollingUpdate");
    if strategy["type"] == "RollingUpdate" {
        let mut own = Value::Object(std::mem::take(map(&mut strategy, "rollingUpdate")));
        for (name, value) in rolling.as_object().into_iter().flatten() {
            default(&mut own, name, value.clone());
        }
        strategy["rollingUpdate"] = own;
    }
    spec[field] = strategy;
}

/// A ReplicationController takes labels and selector from its template.
fn fill_controller(new: &mut Value) {
    let labels = at(new, "/spec/template/metadata/labels");
    if labels.as_object().is_none_or(|l| l.is_empty()) {
        return;
    }
    let spec = map(new, "spec");
    if spec
        .get("selector")
        .is_none_or(|s| s.as_object().is_none_or(|s| s.is_empty()))
    {
        spec.insert("selector".into(), labels.clone());
    }
    let meta = map(new, "metadata");
    if meta
        .get("labels")
        .is_none_or(|l| l.as_object().is_none_or(|l| l.is_empty()))
    {
        meta.insert("labels".into(), labels);
    }
}

fn forbid_other_changes(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    const OPEN: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    let strip = |object: &Value| {
        let mut spec = at(object, "/spec");
        if let Value::Object(spec) = &mut spec {
            spec.retain(|name, value| !OPEN.contains(&name.as_str()) && !value.is_null());
        }
        spec
    };
    if strip(new) != strip(old) {
        errors.push(FieldError::forbidden(
            "spec",
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', \
             'template', 'updateStrategy', 'revisionHistoryLimit', \
             'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ));
    }
}
