//! What becomes of an Application that a set generates, owns or no longer wants.

use crate::ignore::IgnoreRules;
use crate::normalize::normalize_spec;
use crate::policy::Policy;
use argosy_object::{Map, Object, Value};
use std::collections::BTreeSet;

/// Annotations that are never overwritten.
const PRESERVED_ANNOTATIONS: [&str; 3] = [
    "notified.notifications.argoproj.io",
    "argocd.argoproj.io/refresh",
    "argocd.argoproj.io/hydrate",
];

/// Finalizers that are never taken away, by how they start.
const PRESERVED_FINALIZERS: [&str; 2] = [
    "pre-delete-finalizer.argocd.argoproj.io",
    "post-delete-finalizer.argocd.argoproj.io",
];

/// What is to be done for one generated Application.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// Create it.
    Create(Object),
    /// Change it by this merge patch. `adopts` where it had no owner before.
    Update {
        /// A JSON merge patch of the live Application.
        patch: Value,
        /// Whether it had no owner.
        adopts: bool,
    },
    /// It is as it should be.
    Unchanged,
    /// The policy keeps it as it is.
    Kept,
    /// It belongs to somebody else and is not touched.
    Foreign {
        /// The condition's sentence.
        message: String,
    },
}

/// Labels and annotations that are kept on Applications beside those that a set names itself.
#[derive(Clone, Debug, Default)]
pub struct Preserved {
    /// Names of annotations.
    pub annotations: Vec<String>,
    /// Names of labels.
    pub labels: Vec<String>,
}

/// Decides what to do about a generated Application.
///
/// `live` is the Application of that name in that namespace, whoever owns it. `operation` and
/// `status` are never part of what comes out.
///
/// Compat: upstream's `createOrUpdateInCluster`: an unowned Application is adopted and
/// overwritten under every policy; one that another controller owns is refused.
pub fn decide(
    set: &Object,
    generated: &Object,
    live: Option<&Object>,
    policy: Policy,
    ignore: &IgnoreRules,
    preserved: &Preserved,
) -> Decision {
    let Some(live) = live else {
        let mut app = generated.clone();
        set_owner(&mut app, set);
        return Decision::Create(app);
    };
    let owner = controller(live);
    if let Some(owner) = owner
        && !is_set(owner, set)
    {
        let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
        return Decision::Foreign {
            message: format!(
                "Object {}/{} is already owned by another {} controller {}",
                live.namespace().unwrap_or_default(),
                live.name(),
                text("kind"),
                text("name")
            ),
        };
    }
    if owner.is_some() && !policy.allows_update() {
        return Decision::Kept;
    }
    update(set, generated, live, ignore, preserved, owner.is_none())
}

fn update(
    set: &Object,
    generated: &Object,
    live: &Object,
    ignore: &IgnoreRules,
    preserved: &Preserved,
    adopts: bool,
) -> Decision {
    let mut desired = live.clone();
    let spec = generated.pointer("/spec").cloned().unwrap_or_default();
    if let Some(object) = desired.value_mut().as_object_mut() {
        object.insert("spec".into(), spec);
    }
    let annotations = listed(set, "annotations")
        .into_iter()
        .chain(preserved.annotations.iter().map(String::as_str))
        .chain(PRESERVED_ANNOTATIONS);
    keep(&mut desired, "annotations", generated, live, annotations);
    let labels = listed(set, "labels")
        .into_iter()
        .chain(preserved.labels.iter().map(String::as_str));
    keep(&mut desired, "labels", generated, live, labels);
    keep_finalizers(&mut desired, generated, live);
    set_owner(&mut desired, set);

    let (mut before, mut after) = (live.value().clone(), desired.into_value());
    for side in [&mut before, &mut after] {
        if let Some(spec) = side.get_mut("spec") {
            normalize_spec(spec);
        }
        if !ignore.is_empty() {
            ignore.strip(live.name(), side);
            if let Some(spec) = side.get_mut("spec") {
                normalize_spec(spec);
            }
        }
    }
    match difference(&before, &after) {
        None => Decision::Unchanged,
        Some(patch) => Decision::Update { patch, adopts },
    }
}

/// Names that `spec.preservedFields` lists.
fn listed<'s>(set: &'s Object, field: &str) -> Vec<&'s str> {
    let names = set
        .pointer("/spec/preservedFields")
        .and_then(|p| p.get(field));
    names
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn metadata_map(object: &Object, field: &str) -> Map<String, Value> {
    let map = object
        .metadata()
        .and_then(|m| m.get(field))
        .and_then(Value::as_object);
    map.cloned().unwrap_or_default()
}

fn keep<'n>(
    desired: &mut Object,
    field: &str,
    generated: &Object,
    live: &Object,
    names: impl Iterator<Item = &'n str>,
) {
    let mut map = metadata_map(generated, field);
    let ours = metadata_map(live, field);
    for name in names {
        if let Some(value) = ours.get(name) {
            map.insert(name.into(), value.clone());
        }
    }
    put(desired, field, map.is_empty(), Value::Object(map));
}

fn keep_finalizers(desired: &mut Object, generated: &Object, live: &Object) {
    let mut finalizers: Vec<&str> = generated.finalizers().collect();
    for start in PRESERVED_FINALIZERS {
        let kept = live.finalizers().filter(|f| f.starts_with(start));
        for finalizer in kept {
            if !finalizers.contains(&finalizer) {
                finalizers.push(finalizer);
            }
        }
    }
    put(
        desired,
        "finalizers",
        finalizers.is_empty(),
        finalizers.clone().into(),
    );
}

fn put(desired: &mut Object, field: &str, absent: bool, value: Value) {
    if absent {
        desired.metadata_mut().remove(field);
    } else {
        desired.metadata_mut().insert(field.into(), value);
    }
}

/// The owner reference that controls an object.
fn controller(object: &Object) -> Option<&Value> {
    let owners = object.metadata()?.get("ownerReferences")?.as_array()?;
    owners
        .iter()
        .find(|owner| owner.get("controller").and_then(Value::as_bool) == Some(true))
}

fn is_set(owner: &Value, set: &Object) -> bool {
    owner.get("uid").and_then(Value::as_str) == Some(set.uid())
}

fn is_same_kind(owner: &Value, set: &Object) -> bool {
    let text = |field: &str| owner.get(field).and_then(Value::as_str).unwrap_or_default();
    text("kind") == "ApplicationSet"
        && text("apiVersion").starts_with("argoproj.io/")
        && text("name") == set.name()
}

fn set_owner(app: &mut Object, set: &Object) {
    let mut reference = Map::new();
    reference.insert("apiVersion".into(), "argoproj.io/v1alpha1".into());
    reference.insert("blockOwnerDeletion".into(), true.into());
    reference.insert("controller".into(), true.into());
    reference.insert("kind".into(), "ApplicationSet".into());
    reference.insert("name".into(), set.name().into());
    reference.insert("uid".into(), set.uid().into());
    let reference = Value::Object(reference);
    let metadata = app.metadata_mut();
    let owners = metadata
        .entry("ownerReferences")
        .or_insert_with(|| Value::Array(Vec::new()));
    if !owners.is_array() {
        *owners = Value::Array(Vec::new());
    }
    let Some(owners) = owners.as_array_mut() else {
        return;
    };
    match owners.iter_mut().find(|owner| is_same_kind(owner, set)) {
        Some(owner) => *owner = reference,
        None => owners.push(reference),
    }
}

/// The merge patch that makes `after` of `before`; `None` where they are equal.
fn difference(before: &Value, after: &Value) -> Option<Value> {
    let (Value::Object(old), Value::Object(new)) = (before, after) else {
        return (before != after).then(|| after.clone());
    };
    let mut patch = Map::new();
    for key in old.keys().filter(|key| !new.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, value) in new {
        let change = match old.get(key) {
            None => Some(value.clone()),
            Some(previous) => difference(previous, value),
        };
        if let Some(change) = change {
            patch.insert(key.clone(), change);
        }
    }
    (!patch.is_empty()).then_some(Value::Object(patch))
}

/// The Applications to delete: those that the set owns and no longer generates. `names` are the
/// names of all that it generates, invalid ones included.
pub fn deletions<'a>(
    set: &Object,
    names: &BTreeSet<String>,
    live: impl IntoIterator<Item = &'a Object>,
    policy: Policy,
) -> Vec<&'a Object> {
    if !policy.allows_delete() {
        return Vec::new();
    }
    let mut gone: Vec<&Object> = live
        .into_iter()
        .filter(|app| controller(app).is_some_and(|owner| is_set(owner, set)))
        .filter(|app| !names.contains(app.name()))
        .collect();
    gone.sort_by(|left, right| left.name().cmp(right.name()));
    gone
}

/// The merge patch that lets go of an Application whose set is deleted under a policy that does
/// not delete: its owner references without that of the set. `None` where it has none.
pub fn release(set: &Object, app: &Object) -> Option<Value> {
    let owners = app.metadata()?.get("ownerReferences")?.as_array()?;
    let kept: Vec<Value> = owners
        .iter()
        .filter(|owner| !is_set(owner, set))
        .cloned()
        .collect();
    if kept.len() == owners.len() {
        return None;
    }
    let owners = if kept.is_empty() {
        Value::Null
    } else {
        kept.into()
    };
    let mut metadata = Map::new();
    metadata.insert("ownerReferences".into(), owners);
    let mut patch = Map::new();
    patch.insert("metadata".into(), Value::Object(metadata));
    Some(Value::Object(patch))
}
