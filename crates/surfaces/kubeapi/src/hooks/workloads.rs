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

    fn prepare_create(&self, _cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        if *self == DaemonSet {
            set_template_generation(new, 1);
        }
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        if *self == DaemonSet && cx.info.subresource.is_empty() {
            let was: i64 = old
                .pointer("/metadata/annotations")
                .and_then(|a| a.get(TEMPLATE_GENERATION))
                .and_then(Value::as_str)
                .and_then(|g| g.parse().ok())
                .unwrap_or(1);
            let moved = !same(new, old, "/spec/template");
            set_template_generation(new, was + i64::from(moved));
        }
        Ok(())
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
        label_selector::validate(&selector, "spec.selector", errors);
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
            errors.push(FieldError::invalid(
                "spec.selector",
                selector.clone(),
                &said,
            ));
        }
        if !label_selector::is_valid(&selector) {
            let shown = label_selector::go_json(&selector);
            let said = "invalid label selector";
            errors.push(FieldError::invalid_as("spec.selector", &shown, said));
        } else if !empty && !label_selector::matches(&selector, &labels) {
            errors.push(mismatch(&labels));
        }
    }

    /// A strategy as upstream prints its internal type.
    fn shown_strategy(self, kind: &str, strategy: &Value) -> String {
        let rolling = strategy.get("rollingUpdate").filter(|r| r.is_object());
        let part = |name: &str| {
            rolling
                .and_then(|r| r.get(name))
                .cloned()
                .unwrap_or(Value::Null)
        };
        let rolling = match (rolling, self) {
            (None, _) => "null".to_owned(),
            (Some(_), StatefulSet) => format!(
                "{{\"Partition\":{},\"MaxUnavailable\":{}}}",
                part("partition"),
                part("maxUnavailable")
            ),
            (Some(_), _) => format!(
                "{{\"MaxUnavailable\":{},\"MaxSurge\":{}}}",
                part("maxUnavailable"),
                part("maxSurge")
            ),
        };
        format!("{{\"Type\":{},\"RollingUpdate\":{rolling}}}", json!(kind))
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
            let shown = self.shown_strategy(kind, &strategy);
            if self == StatefulSet {
                let said = "must be 'RollingUpdate' or 'OnDelete'";
                errors.push(FieldError::invalid_as(&path, &shown, said));
            } else {
                errors.push(FieldError::not_supported_as(&path, &shown, kinds));
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
        for name in ["maxUnavailable", "maxSurge"] {
            if let Some(value) = rolling.and_then(|r| r.get(name)) {
                let path = format!("spec.{field}.rollingUpdate.{name}");
                let whole = self != Deployment || name == "maxUnavailable";
                check_portion(&path, value, whole, errors);
            }
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

/// Adds what is wrong with a number of pods or a share of them; `whole`: no more than all.
pub(super) fn check_portion(path: &str, value: &Value, whole: bool, errors: &mut Vec<FieldError>) {
    match value {
        Value::Number(number) => {
            if let Some(number) = number.as_i64().filter(|n| *n < 0) {
                errors.push(crate::hooks::pod_spec::negative(path, number));
            }
        }
        Value::String(text) => {
            let number = text.strip_suffix('%').filter(|n| !n.is_empty());
            let number = number.filter(|n| n.bytes().all(|b| b.is_ascii_digit()));
            let said = match number {
                None => {
                    "a valid percent string must be a numeric string followed by an ending '%' \
                     (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
                }
                Some(number) if whole && number.parse::<u64>().is_ok_and(|n| n > 100) => {
                    "must not be greater than 100%"
                }
                Some(_) => return,
            };
            errors.push(FieldError::invalid(path, text.as_str(), said));
        }
        _ => {}
    }
}

/// What is left of a field that only internal DaemonSets have.
const TEMPLATE_GENERATION: &str = "deprecated.daemonset.template.generation";

fn set_template_generation(set: &mut Value, generation: i64) {
    let mut metadata = Value::Object(std::mem::take(map(set, "metadata")));
    map(&mut metadata, "annotations")
        .insert(TEMPLATE_GENERATION.into(), generation.to_string().into());
    set["metadata"] = metadata;
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
