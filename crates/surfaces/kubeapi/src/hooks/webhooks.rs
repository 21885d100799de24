//! Configurations of admission webhooks, which are kept but never called.
//!
//! Compat: `pkg/apis/admissionregistration/validation`.

use crate::hooks::fields::{list, text};
use crate::hooks::names;
use crate::{FieldError, HookCx, KindHook};
use argosy_object::Value;
use std::collections::HashSet;

/// `ValidatingWebhookConfiguration` and `MutatingWebhookConfiguration`.
#[derive(Clone, Copy, Debug)]
pub struct Webhooks;

impl KindHook for Webhooks {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, _old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let mut seen = HashSet::new();
        for (index, hook) in list(new, "/webhooks").iter().enumerate() {
            let field = format!("webhooks[{index}]");
            validate_name(text(hook, "/name"), &format!("{field}.name"), &mut errors);
            if !seen.insert(text(hook, "/name")) {
                let name = text(hook, "/name");
                errors.push(FieldError::duplicate(&format!("{field}.name"), name));
            }
            validate_hook(hook, &field, &mut errors);
        }
        errors
    }
}

fn validate_name(name: &str, field: &str, errors: &mut Vec<FieldError>) {
    if name.is_empty() {
        errors.push(FieldError::required(field, ""));
        return;
    }
    names::check(errors, field, name, names::subdomain(name));
    if name.split('.').count() < 3 {
        let said = "should be a domain with at least three segments separated by dots";
        errors.push(FieldError::invalid(field, name, said));
    }
}

fn validate_hook(hook: &Value, field: &str, errors: &mut Vec<FieldError>) {
    let versions = list(hook, "/admissionReviewVersions");
    if versions.is_empty() {
        let path = format!("{field}.admissionReviewVersions");
        let said = "must specify one of v1, v1beta1";
        errors.push(FieldError::required(&path, said));
    }
    let effects = text(hook, "/sideEffects");
    let known = ["None", "NoneOnDryRun"];
    let path = format!("{field}.sideEffects");
    if effects.is_empty() {
        let said = "must specify one of None, NoneOnDryRun";
        errors.push(FieldError::required(&path, said));
    } else if !known.contains(&effects) {
        errors.push(FieldError::not_supported(&path, effects, &known));
    }
    let set = |name: &str| {
        hook.pointer(&format!("/clientConfig/{name}"))
            .is_some_and(|v| !v.is_null())
    };
    if set("url") == set("service") {
        let path = format!("{field}.clientConfig");
        let said = "exactly one of url or service is required";
        errors.push(FieldError::required(&path, said));
    }
}
