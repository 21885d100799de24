//! What many kinds share, put around each one's hook: counting generations and table cells.

use crate::cells::Table;
use crate::{
    Answer, ApiError, Column, DeletePlan, Effect, FieldError, HookCx, KindHook, SubresourceCall,
};
use argosy_object::{Value, meta};
use jiff::Timestamp;

/// A kind's hook with what is common around it.
pub struct Kind<H> {
    hook: H,
    generation: bool,
    table: Option<&'static Table>,
}

/// Kinds whose `metadata.generation` counts changes of what is desired.
///
/// Compat: the `strategy.go` files that set `Generation = 1`.
const COUNTED: [(&str, &str); 25] = [
    ("", "Pod"),
    ("", "PodTemplate"),
    ("", "ReplicationController"),
    ("apps", "Deployment"),
    ("apps", "ReplicaSet"),
    ("apps", "StatefulSet"),
    ("apps", "DaemonSet"),
    ("batch", "Job"),
    ("batch", "CronJob"),
    ("networking.k8s.io", "Ingress"),
    ("networking.k8s.io", "IngressClass"),
    ("networking.k8s.io", "NetworkPolicy"),
    ("policy", "PodDisruptionBudget"),
    ("scheduling.k8s.io", "PriorityClass"),
    ("discovery.k8s.io", "EndpointSlice"),
    ("apiextensions.k8s.io", "CustomResourceDefinition"),
    (
        "admissionregistration.k8s.io",
        "MutatingWebhookConfiguration",
    ),
    (
        "admissionregistration.k8s.io",
        "ValidatingWebhookConfiguration",
    ),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"),
    (
        "admissionregistration.k8s.io",
        "ValidatingAdmissionPolicyBinding",
    ),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"),
    ("resource.k8s.io", "ResourceSlice"),
    ("resource.k8s.io", "DeviceClass"),
    ("resource.k8s.io", "DeviceTaintRule"),
];

impl<H: KindHook> Kind<H> {
    /// Wraps the hook of a kind.
    pub fn new(group: &str, kind: &str, hook: H) -> Self {
        let generation = COUNTED.contains(&(group, kind));
        Self {
            hook,
            generation,
            table: crate::cells::table(group, kind),
        }
    }
}

/// Everything but metadata and status is what is desired.
fn desired_differs(new: &Value, old: &Value) -> bool {
    let (Some(new), Some(old)) = (new.as_object(), old.as_object()) else {
        return false;
    };
    let counts = |name: &str| !matches!(name, "metadata" | "status" | "apiVersion" | "kind");
    let fields = new.keys().chain(old.keys()).filter(|name| counts(name));
    fields
        .into_iter()
        .any(|name| new.get(name) != old.get(name))
}

impl<H: KindHook> KindHook for Kind<H> {
    fn default(&self, cx: &HookCx<'_>, new: &mut Value, old: Option<&Value>) {
        self.hook.default(cx, new, old);
    }

    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        self.hook.validate(cx, new, old)
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        self.hook.prepare_create(cx, new)?;
        if self.generation {
            new["metadata"]["generation"] = 1.into();
        }
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        self.hook.prepare_update(cx, new, old)?;
        if self.generation {
            let was = old["metadata"]["generation"].as_i64().unwrap_or(1);
            let going = meta(old, "deletionTimestamp").is_empty()
                && !meta(new, "deletionTimestamp").is_empty();
            let counts = desired_differs(new, old) || going;
            let now = if counts && cx.info.subresource != "status" {
                was + 1
            } else {
                was
            };
            new["metadata"]["generation"] = now.into();
        }
        Ok(())
    }

    fn prepare_delete(
        &self,
        cx: &HookCx<'_>,
        object: &mut Value,
        grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        self.hook.prepare_delete(cx, object, grace)
    }

    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        self.hook.after_write(cx, old, new)
    }

    fn create_virtual(&self, cx: &HookCx<'_>, body: &Value) -> Option<Result<Answer, ApiError>> {
        self.hook.create_virtual(cx, body)
    }

    fn subresource(
        &self,
        cx: &HookCx<'_>,
        call: &SubresourceCall<'_>,
    ) -> Option<Result<Answer, ApiError>> {
        self.hook.subresource(cx, call)
    }

    fn convert(&self, object: &Value, to_version: &str) -> Option<Result<Value, ApiError>> {
        self.hook.convert(object, to_version)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        self.hook.selectable_fields()
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        self.hook.field_value(object, field)
    }

    fn columns(&self) -> Option<Vec<Column>> {
        self.table.map(Table::columns)
    }

    fn cells(&self, now: Timestamp, object: &Value) -> Option<Vec<Value>> {
        self.table.map(|table| (table.cells)(now, object))
    }
}
