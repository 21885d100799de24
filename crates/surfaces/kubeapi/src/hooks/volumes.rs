//! PersistentVolumeClaims, PersistentVolumes and StorageClasses.
//!
//! Compat: `pkg/apis/core/validation` of claims and volumes, the DefaultStorageClass and
//! StorageObjectInUseProtection admission plugins.

use crate::hooks::config::seconds_of;
use crate::hooks::fields::{at, default, default_text, list, map, same, text};
use crate::hooks::quantity::Quantity;
use crate::{ApiError, FieldError, HookCx, KindHook};
use argosy_object::{Value, json};

/// `v1` PersistentVolumeClaim.
#[derive(Clone, Copy, Debug)]
pub struct Claim;

/// `v1` PersistentVolume.
#[derive(Clone, Copy, Debug)]
pub struct Volume;

/// `storage.k8s.io/v1` StorageClass.
#[derive(Clone, Copy, Debug)]
pub struct StorageClass;

const DEFAULT_CLASS: &str = "/metadata/annotations/storageclass.kubernetes.io~1is-default-class";
const MODES: [&str; 4] = [
    "ReadOnlyMany",
    "ReadWriteMany",
    "ReadWriteOnce",
    "ReadWriteOncePod",
];

fn add_finalizer(object: &mut Value, name: &str) {
    let metadata = map(object, "metadata");
    let finalizers = metadata.entry("finalizers").or_insert_with(|| json!([]));
    if let Value::Array(finalizers) = finalizers
        && !finalizers.iter().any(|f| f == name)
    {
        finalizers.push(name.into());
    }
}

impl KindHook for Claim {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        if let Some(spec) = new.get_mut("spec").filter(|s| s.is_object()) {
            default_text(spec, "volumeMode", "Filesystem");
        }
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        add_finalizer(new, "kubernetes.io/pvc-protection");
        new["status"] = json!({"phase": "Pending"});
        let old_way = "/metadata/annotations/volume.beta.kubernetes.io~1storage-class";
        let unset = new
            .pointer("/spec/storageClassName")
            .is_none_or(Value::is_null)
            && new.pointer(old_way).is_none();
        if unset {
            let mut classes = cx.reader.list("storage.k8s.io", "storageclasses", None);
            classes.retain(|class| text(class, DEFAULT_CLASS) == "true");
            classes.sort_by_key(|c| {
                std::cmp::Reverse(text(c, "/metadata/creationTimestamp").to_owned())
            });
            if let Some(class) = classes.first() {
                map(new, "spec").insert("storageClassName".into(), at(class, "/metadata/name"));
            }
        }
        Ok(())
    }

    fn validate(&self, cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if cx.info.subresource == "status" {
            return errors;
        }
        validate_modes(new, "at least 1 access mode is required", &mut errors);
        const FIELD: &str = "spec.resources[storage]";
        match new.pointer("/spec/resources/requests/storage") {
            None | Some(Value::Null) => errors.push(FieldError::required(FIELD, "")),
            Some(size) => {
                let zero = Quantity::parse("0");
                if Quantity::read(size).is_some_and(|q| Some(q) <= zero) {
                    let said = "must be greater than zero";
                    errors.push(FieldError::invalid(FIELD, size.clone(), said));
                }
            }
        }
        if let Some(old) = old {
            validate_claim_update(new, old, &mut errors);
        }
        errors
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &[]
    }
}

fn validate_modes(new: &Value, missing: &str, errors: &mut Vec<FieldError>) {
    let modes = list(new, "/spec/accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required("spec.accessModes", missing));
    }
    for mode in modes {
        if !mode.as_str().is_some_and(|m| MODES.contains(&m)) {
            errors.push(FieldError::not_supported(
                "spec.accessModes",
                mode.clone(),
                &MODES,
            ));
        }
    }
}

fn validate_claim_update(new: &Value, old: &Value, errors: &mut Vec<FieldError>) {
    let (mut new_spec, mut old_spec) = (at(new, "/spec"), at(old, "/spec"));
    if text(&old_spec, "/volumeName").is_empty() {
        old_spec["volumeName"] = at(&new_spec, "/volumeName");
        if new_spec.get("volumeName").is_none() {
            new_spec["volumeName"] = Value::Null;
        }
    }
    let bound = text(new, "/status/phase") == "Bound";
    if bound {
        for spec in [&mut new_spec, &mut old_spec] {
            if let Some(Value::Object(requests)) = spec.pointer_mut("/resources/requests") {
                requests.remove("storage");
            }
            if let Value::Object(spec) = spec {
                spec.remove("volumeAttributesClassName");
            }
        }
    }
    if old_spec.get("storageClassName").is_none_or(Value::is_null)
        && let Value::Object(spec) = &mut new_spec
    {
        // A claim without a class may be given one later.
        spec.remove("storageClassName");
        if let Value::Object(old_spec) = &mut old_spec {
            old_spec.remove("storageClassName");
        }
    }
    if new_spec != old_spec {
        errors.push(FieldError::forbidden(
            "spec",
            "spec is immutable after creation except resources.requests and \
             volumeAttributesClassName for bound claims",
        ));
    }
    let size = |object: &Value, pointer| object.pointer(pointer).and_then(Quantity::read);
    const SIZE: &str = "/spec/resources/requests/storage";
    let capacity = size(old, "/status/capacity/storage").or(Quantity::parse("0"));
    if size(new, SIZE) < size(old, SIZE) && size(new, SIZE) <= capacity {
        let said = "field can not be less than status.capacity";
        errors.push(FieldError::forbidden(
            "spec.resources.requests.storage",
            said,
        ));
    }
    if !same(new, old, "/spec/volumeMode") {
        let mode = at(new, "/spec/volumeMode");
        errors.push(FieldError::invalid(
            "volumeMode",
            mode,
            "field is immutable",
        ));
    }
}

impl KindHook for Volume {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        if let Some(spec) = new.get_mut("spec").filter(|s| s.is_object()) {
            default_text(spec, "volumeMode", "Filesystem");
            default_text(spec, "persistentVolumeReclaimPolicy", "Retain");
            if let Some(host) = spec.get_mut("hostPath").filter(|h| h.is_object()) {
                default(host, "type", "");
            }
        }
    }

    fn prepare_create(&self, cx: &HookCx<'_>, new: &mut Value) -> Result<(), ApiError> {
        add_finalizer(new, "kubernetes.io/pv-protection");
        new["status"] = json!({"phase": "Pending", "lastPhaseTransitionTime": seconds_of(cx.now)});
        Ok(())
    }

    fn prepare_update(
        &self,
        cx: &HookCx<'_>,
        new: &mut Value,
        old: &Value,
    ) -> Result<(), ApiError> {
        if cx.info.subresource == "status" && !same(new, old, "/status/phase") {
            let now = seconds_of(cx.now);
            map(new, "status").insert("lastPhaseTransitionTime".into(), now.into());
        }
        Ok(())
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        validate_modes(new, "", &mut errors);
        if new
            .pointer("/spec/capacity")
            .and_then(Value::as_object)
            .is_none_or(|c| c.is_empty())
        {
            errors.push(FieldError::required("spec.capacity", ""));
        }
        let capacity = at(new, "/spec/capacity");
        if capacity
            .as_object()
            .is_none_or(|c| c.len() != 1 || !c.contains_key("storage"))
        {
            errors.push(FieldError::not_supported(
                "spec.capacity",
                capacity,
                &["storage"],
            ));
        }
        let policy = text(new, "/spec/persistentVolumeReclaimPolicy");
        let known = ["Delete", "Recycle", "Retain"];
        if !known.contains(&policy) {
            let field = "spec.persistentVolumeReclaimPolicy";
            errors.push(FieldError::not_supported(field, policy, &known));
        }
        let plain = [
            "accessModes",
            "capacity",
            "claimRef",
            "mountOptions",
            "nodeAffinity",
            "volumeMode",
            "persistentVolumeReclaimPolicy",
            "storageClassName",
            "volumeAttributesClassName",
        ];
        let sources = new.get("spec").and_then(Value::as_object).map_or(0, |s| {
            s.keys().filter(|k| !plain.contains(&k.as_str())).count()
        });
        if sources == 0 {
            errors.push(FieldError::required("spec", "must specify a volume type"));
        }
        if old.is_some_and(|old| !same(new, old, "/spec/volumeMode")) {
            let mode = at(new, "/spec/volumeMode");
            errors.push(FieldError::invalid(
                "volumeMode",
                mode,
                "field is immutable",
            ));
        }
        errors
    }
}

impl KindHook for StorageClass {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        default_text(new, "reclaimPolicy", "Delete");
        default_text(new, "volumeBindingMode", "Immediate");
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if text(new, "/provisioner").is_empty() {
            errors.push(FieldError::required("provisioner", ""));
        }
        let Some(old) = old else { return errors };
        for field in [
            "parameters",
            "provisioner",
            "reclaimPolicy",
            "volumeBindingMode",
        ] {
            if !same(new, old, &format!("/{field}")) {
                let value = at(new, &format!("/{field}"));
                errors.push(FieldError::invalid(field, value, "field is immutable"));
            }
        }
        errors
    }
}
