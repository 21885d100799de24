//! Namespaces: their finalizer, what every namespace starts with, and how they end.
//!
//! Compat: `pkg/registry/core/namespace`, the service account and root CA controllers.

use crate::hooks::fields::{list, map, text};
use crate::{ApiError, DeletePlan, Effect, FieldError, HookCx, KindHook};
use argosy_object::{Value, json, meta};

/// `v1` Namespace. Emptying a namespace that goes is the engine's work; here is what makes it
/// wait (`spec.finalizers`) and what it is given at its start.
#[derive(Clone, Copy, Debug)]
pub struct Namespace;

impl KindHook for Namespace {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        let name = meta(new, "name").to_owned();
        if name.is_empty() {
            return;
        }
        let mut metadata = Value::Object(std::mem::take(map(new, "metadata")));
        map(&mut metadata, "labels").insert("kubernetes.io/metadata.name".into(), name.into());
        new["metadata"] = metadata;
    }

    fn prepare_create(&self, _cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        let spec = map(new, "spec");
        let finalizers = spec.entry("finalizers").or_insert_with(|| json!([]));
        if let Value::Array(finalizers) = finalizers
            && !finalizers.iter().any(|f| f == "kubernetes")
        {
            finalizers.push("kubernetes".into());
        }
        new["status"] = json!({"phase": "Active"});
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        // Only the finalize subresource takes finalizers of the spec away.
        if cx.info.subresource != "finalize" {
            let kept = old.get("spec").cloned().unwrap_or_else(|| json!({}));
            new["spec"] = kept;
        } else if let Some(status) = old.get("status") {
            new["status"] = status.clone();
        }
        Ok(())
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (index, finalizer) in list(new, "/spec/finalizers").iter().enumerate() {
            let name = finalizer.as_str().unwrap_or("");
            if name != "kubernetes" && !name.contains('/') {
                let said = "name is neither a standard finalizer name nor is it fully qualified";
                let field = format!("spec.finalizers[{index}]");
                errors.push(FieldError::invalid(&field, name, said));
            }
        }
        errors
    }

    fn prepare_delete(
        &self,
        _cx: &HookCx<'_>,
        object: &mut Value,
        _grace: Option<i64>,
    ) -> Result<DeletePlan, ApiError> {
        let name = meta(object, "name");
        if matches!(name, "default" | "kube-system" | "kube-public") {
            let detail = "this namespace may not be deleted";
            return Err(ApiError::forbidden("", "namespaces", name, detail));
        }
        map(object, "status").insert("phase".into(), "Terminating".into());
        Ok(DeletePlan::default())
    }

    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        match (old, new) {
            (None, Some(namespace)) => starting_objects(cx, meta(namespace, "name")),
            _ => Vec::new(),
        }
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["status.phase"]
    }

    fn field_value(&self, object: &Value, field: &str) -> Option<String> {
        (field == "status.phase").then(|| {
            Some(text(object, "/status/phase"))
                .filter(|p| !p.is_empty())
                .unwrap_or("Active")
                .into()
        })
    }
}

/// What a namespace gets as soon as it stands: its default account and the API's CA.
fn starting_objects(cx: &HookCx<'_>, namespace: &str) -> Vec<Effect> {
    let mut effects = vec![default_account(namespace)];
    if !cx.facts.ca_pem.is_empty() {
        effects.push(Effect::Create {
            group: String::new(),
            resource: "configmaps".into(),
            object: json!({
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {
                    "name": "kube-root-ca.crt",
                    "namespace": namespace,
                    "annotations": {"kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters."},
                },
                "data": {"ca.crt": cx.facts.ca_pem},
            }),
        });
    }
    effects
}

/// Creates the `default` ServiceAccount of a namespace.
pub fn default_account(namespace: &str) -> Effect {
    Effect::Create {
        group: String::new(),
        resource: "serviceaccounts".into(),
        object: json!({
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": namespace},
        }),
    }
}
