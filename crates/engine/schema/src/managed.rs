//! Server-side apply: who owns which field.
//!
//! Compat: apimachinery's field manager and structured-merge-diff v6. Entries of other versions
//! of a kind are read as if they were of the version at hand, which is true of every custom kind
//! without a conversion webhook and of the fields that versions of built-in kinds share.

mod adopt;
mod atom;
mod entries;
mod set;
mod typed;

pub use adopt::adopt_updates;

use crate::error::{ApplyError, FieldConflict};
use crate::kind::KindSchema;
use crate::three_way::{LAST_APPLIED, go_json};
use argosy_object::{Map, Value, json, meta};
use atom::Cursor;
use entries::{Entry, ManagerId, Managers};
use set::Set;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use typed::Comparison;

/// More entries of updates than this, and the oldest are merged.
const MAX_UPDATE_MANAGERS: usize = 10;
/// What all annotations together may hold.
const MAX_ANNOTATIONS: usize = 256 << 10;

/// What one apply request says beside its body.
#[derive(Debug, Clone, Copy)]
pub struct ApplyCx<'a> {
    /// The kind of the live object and of the configuration.
    pub kind: &'a KindSchema,
    /// `fieldManager`.
    pub manager: &'a str,
    /// Take fields from other managers.
    pub force: bool,
    /// The time, RFC 3339 in whole seconds.
    pub now: &'a str,
    /// The subresource, or empty.
    pub subresource: &'a str,
}

/// What a create, update or patch says beside its body.
#[derive(Debug, Clone, Copy)]
pub struct UpdateCx<'a> {
    /// The kind of both objects.
    pub kind: &'a KindSchema,
    /// `fieldManager`, or the part of the user agent before `/`.
    pub manager: &'a str,
    /// The time, RFC 3339 in whole seconds.
    pub now: &'a str,
    /// The subresource, or empty.
    pub subresource: &'a str,
}

/// The `operation` of a managedFields entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Operation {
    /// Server-side apply.
    Apply,
    /// Everything else.
    Update,
}

/// Server-side apply: merges `config` into `live` and keeps the owners.
///
/// The result is not defaulted yet: the caller does that, so that defaults are not owned. Where
/// nothing changes, the object and the times in managedFields stay as they are, so that the
/// caller sees an equal object and bumps nothing. `live` is `None` where the object is new.
///
/// # Errors
/// [`ApplyError::Conflicts`] without `force`, [`ApplyError::Invalid`] where the configuration
/// doesn't fit the schema.
pub fn apply(cx: &ApplyCx<'_>, live: Option<&Value>, config: &Value) -> Result<Value, ApplyError> {
    let applied = argosy_object::Object::new(config.clone())
        .map_err(|error| ApplyError::Invalid(error.to_string()))?;
    if applied.gvk() != cx.kind.gvk {
        return Err(ApplyError::Invalid(format!(
            "invalid object type: {}",
            applied.gvk()
        )));
    }
    if applied
        .metadata()
        .is_some_and(|m| m.get("managedFields").is_some_and(|f| !f.is_null()))
    {
        return Err(ApplyError::Invalid(
            "metadata.managedFields must be nil".into(),
        ));
    }
    let mut applier = Applier::new(cx, live)?;
    let mut result = applier.run(config, cx.force);
    if cx.manager == "kubectl"
        && let Err(ApplyError::Conflicts(_)) = &result
    {
        result = applier.upgrade(config, result);
    }
    let (mut object, managers) = result?;
    if cx.manager == "kubectl" {
        sync_last_applied(&mut object, config);
    }
    entries::encode(&mut object, &managers);
    Ok(object)
}

/// Bookkeeping after a create, update or patch: sets `new`'s managedFields from what changed
/// since `old`. `new` is complete, defaults included; `old` is `None` on a create.
///
/// # Errors
/// [`ApplyError::Invalid`] where the objects cannot be compared.
pub fn update(cx: &UpdateCx<'_>, old: Option<&Value>, new: &mut Value) -> Result<(), ApplyError> {
    let managers = if !cx.subresource.is_empty() {
        old.map(entries::decode)
            .and_then(Result::ok)
            .unwrap_or_default()
    } else if entries::is_reset(new) {
        Managers::new()
    } else {
        let sent = entries::decode(new).unwrap_or_default();
        if sent.is_empty() {
            old.map(entries::decode)
                .and_then(Result::ok)
                .unwrap_or_default()
        } else {
            sent
        }
    };
    entries::strip(new);
    // An object that nobody has ever tracked stays so until it is first applied.
    if managers.is_empty() && old.is_some_and(|old| !meta(old, "uid").is_empty()) {
        return Ok(());
    }
    let old = without_managers(cx.kind, old);
    let managers = track(cx, &old, new, managers);
    entries::encode(new, &cap(managers));
    Ok(())
}

/// The object without managedFields; a new one as its kind starts out.
fn without_managers<'v>(kind: &KindSchema, object: Option<&'v Value>) -> Cow<'v, Value> {
    match object {
        Some(object) if object.pointer("/metadata/managedFields").is_none() => {
            Cow::Borrowed(object)
        }
        Some(object) => {
            let mut object = object.clone();
            entries::strip(&mut object);
            Cow::Owned(object)
        }
        None => Cow::Owned(empty_object(kind)),
    }
}

fn empty_object(kind: &KindSchema) -> Value {
    let mut object = json!({"apiVersion": kind.gvk.api_version(), "kind": &*kind.gvk.kind});
    if !kind.is_custom() {
        crate::default::complete(kind, &mut object);
    }
    object
}

fn cursor(kind: &KindSchema) -> Cursor<'_> {
    Cursor::new(&kind.types, kind.root)
}

/// Fields that a request cannot set, so that it doesn't own them either.
fn reset_fields(kind: &KindSchema, subresource: &str) -> Set {
    match subresource {
        "" if kind.subresource("status").is_some() => Set::of(&[&["status"]]),
        "status" => match (&*kind.gvk.group, &*kind.gvk.kind) {
            _ if kind.is_custom() => Set::of(&[&["metadata"], &["spec"]]),
            ("apps", "Deployment") => Set::of(&[&["spec"], &["metadata", "labels"]]),
            ("", "Pod") => Set::of(&[
                &["spec"],
                &["metadata", "deletionTimestamp"],
                &["metadata", "ownerReferences"],
            ]),
            ("apiextensions.k8s.io" | "apiregistration.k8s.io", _) => {
                Set::of(&[&["metadata"], &["spec"]])
            }
            _ => Set::of(&[&["spec"]]),
        },
        _ => Set::default(),
    }
}

/// What no manager owns.
fn identity_fields() -> Set {
    let metadata = [
        "name",
        "namespace",
        "creationTimestamp",
        "selfLink",
        "uid",
        "clusterName",
        "generation",
        "managedFields",
        "resourceVersion",
    ];
    let mut set = Set::of(&[&["apiVersion"], &["kind"], &["metadata"]]);
    for field in metadata {
        set.absorb(&Set::of(&[&["metadata", field]]));
    }
    set
}

/// The owners after an update.
fn track(cx: &UpdateCx<'_>, old: &Value, new: &Value, managers: Managers) -> Managers {
    let cursor = cursor(cx.kind);
    let reset = reset_fields(cx.kind, cx.subresource);
    let mut managers = reconciled(cursor, managers);
    let comparison = Comparison::new(cursor, old, new).without(&reset);
    let set = comparison.modified.union(&comparison.added);
    for entry in managers.values_mut() {
        entry.set = entry.set.difference(&set).difference(&comparison.removed);
    }
    managers.retain(|_, entry| !entry.set.is_empty());
    let set = set.without(&reset).difference(&identity_fields());
    if !set.is_empty() {
        let api_version = cx.kind.gvk.api_version();
        let id = ManagerId::new(cx.manager, Operation::Update, &api_version, cx.subresource);
        let time = Some(cx.now.to_owned());
        match managers.get_mut(&id) {
            Some(entry) => {
                entry.set.absorb(&set);
                entry.time = time;
            }
            None => {
                managers.insert(
                    id,
                    Entry {
                        set,
                        api_version,
                        time,
                    },
                );
            }
        }
    }
    managers
}

fn reconciled(cursor: Cursor<'_>, managers: Managers) -> Managers {
    managers
        .into_iter()
        .map(|(id, entry)| {
            let set = typed::reconcile(cursor, &entry.set);
            (id, Entry { set, ..entry })
        })
        .collect()
}

/// Merges the oldest updates of each version until few enough are left.
fn cap(mut managers: Managers) -> Managers {
    let seconds = |entry: &Entry| {
        entry
            .time
            .as_deref()
            .and_then(crate::time::parse)
            .map_or(0, |(seconds, _)| seconds)
    };
    let mut updaters: Vec<(i64, ManagerId)> = managers
        .iter()
        .filter(|(id, _)| id.operation == Operation::Update)
        .map(|(id, entry)| (seconds(entry), id.clone()))
        .collect();
    if updaters.len() <= MAX_UPDATE_MANAGERS {
        return managers;
    }
    updaters.sort();
    let mut left = updaters.len();
    let mut firsts: BTreeMap<String, ManagerId> = BTreeMap::new();
    for (_, id) in updaters {
        if left <= MAX_UPDATE_MANAGERS {
            break;
        }
        let version = managers[&id].api_version.clone();
        let bucket = ManagerId::new("ancient-changes", Operation::Update, &version, "");
        let Some(first) = firsts.get(&version) else {
            firsts.insert(version, id);
            continue;
        };
        if !managers.contains_key(&bucket)
            && let Some(entry) = managers.remove(first)
        {
            managers.insert(bucket.clone(), entry);
        }
        if let Some(entry) = managers.remove(&id)
            && let Some(merged) = managers.get_mut(&bucket)
        {
            merged.set.absorb(&entry.set);
            merged.time = entry.time;
            left -= 1;
        }
    }
    managers
}

struct Applier<'a> {
    cx: &'a ApplyCx<'a>,
    cursor: Cursor<'a>,
    live: Cow<'a, Value>,
    managers: Managers,
    reset: Set,
    is_new: bool,
}

type Outcome = Result<(Value, Managers), ApplyError>;

impl<'a> Applier<'a> {
    fn new(cx: &'a ApplyCx<'a>, live: Option<&'a Value>) -> Result<Self, ApplyError> {
        let mut managers = live.map(entries::decode).transpose().map_err(|error| {
            ApplyError::Invalid(format!("failed to decode managed fields: {error}"))
        })?;
        let object = without_managers(cx.kind, live);
        if managers.as_ref().is_some_and(BTreeMap::is_empty) {
            let cx = UpdateCx {
                kind: cx.kind,
                manager: "before-first-apply",
                now: cx.now,
                subresource: cx.subresource,
            };
            managers = Some(track(&cx, &empty_object(cx.kind), &object, Managers::new()));
        }
        Ok(Self {
            cx,
            cursor: cursor(cx.kind),
            live: object,
            managers: managers.unwrap_or_default(),
            reset: reset_fields(cx.kind, cx.subresource),
            is_new: live.is_none(),
        })
    }

    fn run(&mut self, config: &Value, force: bool) -> Outcome {
        let errors = typed::validate(self.cursor, config);
        if !errors.is_empty() {
            let text = match &errors[..] {
                [one] => one.clone(),
                many => format!("errors:\n  {}", many.join("\n  ")),
            };
            let gvk = &self.cx.kind.gvk;
            return Err(ApplyError::Invalid(format!(
                "failed to create typed patch object ({}/{}; {}/{}, Kind={}): {text}",
                meta(config, "namespace"),
                meta(config, "name"),
                gvk.group,
                gvk.version,
                gvk.kind,
            )));
        }
        let failed = |error| ApplyError::Invalid(format!("failed to merge config: {error}"));
        let merged = typed::merge(self.cursor, &self.live, config).map_err(failed)?;
        let api_version = self.cx.kind.gvk.api_version();
        let id = ManagerId::new(
            self.cx.manager,
            Operation::Apply,
            &api_version,
            self.cx.subresource,
        );
        let mut managers = reconciled(self.cursor, self.managers.clone());
        let last = managers.remove(&id);
        let set = typed::to_set(self.cursor, config).without(&self.reset);
        let time = last.as_ref().and_then(|entry| entry.time.clone());
        managers.insert(
            id.clone(),
            Entry {
                set,
                api_version,
                time,
            },
        );
        let object = self.prune(merged, &managers, last.as_ref());
        let comparison = Comparison::new(self.cursor, &self.live, &object).without(&self.reset);
        let changed = comparison.modified.union(&comparison.added);
        let mut conflicts = Vec::new();
        for (other, entry) in managers.iter_mut().filter(|(other, _)| **other != id) {
            let conflict = entry.set.intersection(&changed);
            if !conflict.is_empty() {
                conflicts.push((other.clone(), conflict.clone()));
            }
            entry.set = entry
                .set
                .difference(&conflict)
                .difference(&comparison.removed);
        }
        if !force && !conflicts.is_empty() {
            return Err(ApplyError::Conflicts(described(&conflicts)));
        }
        let stripped = managers
            .get(&id)
            .map(|e| e.set.difference(&identity_fields()));
        if let (Some(entry), Some(set)) = (managers.get_mut(&id), stripped) {
            entry.set = set;
        }
        managers.retain(|_, entry| !entry.set.is_empty());
        if !self.is_new && typed::equal(&self.live, &object) {
            return Ok((self.live.clone().into_owned(), managers));
        }
        if let Some(entry) = managers.get_mut(&id) {
            entry.time = Some(self.cx.now.to_owned());
        }
        Ok((object, managers))
    }

    /// Removes what this manager applied before, applies no longer, and nobody else owns.
    fn prune(&self, merged: Value, managers: &Managers, last: Option<&Entry>) -> Value {
        let Some(last) = last.filter(|last| !last.set.is_empty()) else {
            return merged;
        };
        let named = |set: &Set| set.with_named_fields(self.cursor);
        let last = named(&last.set);
        let pruned = typed::remove(self.cursor, &merged, &last);
        let merged_set = named(&typed::to_set(self.cursor, &merged));
        let mut owned = Set::default();
        for entry in managers.values() {
            owned.absorb(&entry.set);
        }
        let kept = named(&typed::to_set(self.cursor, &pruned)).union(&named(&owned));
        let pruned = typed::remove(self.cursor, &merged, &merged_set.difference(&kept));
        let kept = named(&typed::to_set(self.cursor, &pruned));
        let gone = merged_set.difference(&kept).intersection(&last);
        typed::remove(self.cursor, &merged, &gone)
    }

    /// kubectl's first server-side apply takes over what its client-side apply owned.
    fn upgrade(&mut self, config: &Value, refused: Outcome) -> Outcome {
        let Err(ApplyError::Conflicts(conflicts)) = &refused else {
            return refused;
        };
        let Some(allowed) = self.last_applied_fields() else {
            return refused;
        };
        let allowed: Vec<String> = allowed
            .paths()
            .iter()
            .map(|path| path.iter().map(set::Step::display).collect())
            .collect();
        let rest: Vec<FieldConflict> = conflicts
            .iter()
            .filter(|c| !allowed.contains(&c.field))
            .cloned()
            .collect();
        if rest.is_empty() {
            self.run(config, true)
        } else {
            Err(ApplyError::Conflicts(rest))
        }
    }

    /// The fields that the last-applied annotation names and that are still as it says.
    fn last_applied_fields(&self) -> Option<Set> {
        let annotations = self.live.pointer("/metadata/annotations")?;
        let last: Value = serde_json::from_str(annotations.get(LAST_APPLIED)?.as_str()?).ok()?;
        let api_version = last.get("apiVersion").and_then(Value::as_str)?;
        if api_version != self.cx.kind.gvk.api_version()
            || !typed::validate(self.cursor, &last).is_empty()
            || !typed::validate(self.cursor, &self.live).is_empty()
        {
            return None;
        }
        let comparison = Comparison::new(self.cursor, &last, &self.live);
        let fields = typed::to_set(self.cursor, &last);
        Some(
            fields
                .difference(&comparison.modified)
                .difference(&comparison.added)
                .difference(&comparison.removed),
        )
    }
}

fn described(conflicts: &[(ManagerId, Set)]) -> Vec<FieldConflict> {
    let mut out = Vec::new();
    for (id, set) in conflicts {
        let manager = id.display();
        out.extend(set.paths().iter().map(|path| FieldConflict {
            manager: manager.clone(),
            field: path.iter().map(set::Step::display).collect(),
            message: format!("conflict with {manager}"),
        }));
    }
    out
}

/// Keeps the annotation of client-side apply true after kubectl's server-side apply.
fn sync_last_applied(object: &mut Value, config: &Value) {
    let Some(annotations) = object
        .pointer_mut("/metadata/annotations")
        .and_then(Value::as_object_mut)
    else {
        return;
    };
    let held = annotations
        .get(LAST_APPLIED)
        .and_then(Value::as_str)
        .unwrap_or_default();
    if held.is_empty() {
        return;
    }
    let mut config = config.clone();
    if let Some(metadata) = config.get_mut("metadata").and_then(Value::as_object_mut)
        && let Some(Value::Object(own)) = metadata.get_mut("annotations")
    {
        own.remove(LAST_APPLIED);
    }
    let text = go_json(&config) + "\n";
    annotations.insert(LAST_APPLIED.into(), Value::String(text));
    if annotation_size(annotations) > MAX_ANNOTATIONS {
        annotations.remove(LAST_APPLIED);
    }
}

fn annotation_size(annotations: &Map<String, Value>) -> usize {
    annotations
        .iter()
        .map(|(k, v)| k.len() + v.as_str().map_or(0, str::len))
        .sum()
}

/// The message of a 409.
pub(crate) fn conflict_message(
    conflicts: &[FieldConflict],
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    if let [one] = conflicts {
        return write!(
            f,
            "Apply failed with 1 conflict: {}: {}",
            one.message, one.field
        );
    }
    let mut lines = Vec::new();
    let mut last = "";
    for conflict in conflicts {
        if conflict.manager != last {
            lines.push(format!("conflicts with {}:", conflict.manager));
        }
        last = &conflict.manager;
        lines.push(format!("- {}", conflict.field));
    }
    write!(
        f,
        "Apply failed with {} conflicts: {}",
        conflicts.len(),
        lines.join("\n")
    )
}

#[cfg(test)]
mod tests;
