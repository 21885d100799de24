//! What applying the desired objects would change.

use crate::ignore::IgnoreRules;
use crate::normalize::{fold_secret, is_equal, normalize};
use argosy_crds::{SyncCode, names};
use argosy_object::{Class, Classified, Key, Object, Origin, Value};
use argosy_schema::{
    KindSchema, PatchError, PatchKind, Schemas, merge_patch, strategic, three_way,
};
use std::collections::BTreeMap;

/// One desired object, stamped.
#[derive(Clone, Debug)]
pub struct Desired {
    /// Its identity.
    pub key: Key,
    /// The object.
    pub object: Object,
    /// Where it was rendered from.
    pub origin: Origin,
    /// Why the project forbids it, where it does.
    pub denied: Option<Forbidden>,
    /// What it needs that is not supported yet, where it does.
    pub unsupported: Option<String>,
}

/// Why a project forbids an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// For people, in Argo CD's words.
    pub sentence: String,
    /// It is the kind that is forbidden, and not the place.
    pub is_kind: bool,
}

/// One object of an application, desired or live or both.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its identity.
    pub key: Key,
    /// What Git says; `None`: it has left Git.
    pub desired: Option<Desired>,
    /// What the cluster has.
    pub live: Option<Object>,
    /// What the cluster would have after an apply; for a diff.
    pub predicted: Option<Value>,
    /// Whether the two agree; `None` for objects that take no part (hooks).
    pub code: Option<SyncCode>,
    /// Why the object could not be compared.
    pub error: Option<String>,
    /// Left Git, and its `compare-options: IgnoreExtraneous` says that this does not count.
    pub is_ignored: bool,
}

impl Row {
    /// The status as it is shown. Compat: an object of a forbidden kind is shown as `Unknown`,
    /// though it counts as what it is, so that a sync is tried and says why it fails.
    pub fn shown(&self) -> Option<SyncCode> {
        let is_forbidden = self
            .desired
            .as_ref()
            .and_then(|d| d.denied.as_ref())
            .is_some_and(|f| f.is_kind);
        if is_forbidden {
            self.code.map(|_| SyncCode::Unknown)
        } else {
            self.code
        }
    }

    /// Whether the object has left Git.
    pub fn is_extraneous(&self) -> bool {
        self.desired.is_none()
    }
}

/// All objects of an application, compared.
#[derive(Clone, Debug, Default)]
pub struct Comparison {
    /// Desired objects in the order of rendering, then extraneous ones by key.
    pub rows: Vec<Row>,
}

/// An object that could not be compared.
#[derive(Debug, thiserror::Error)]
#[error("`{key}` cannot be compared with its live state: {source}")]
pub struct CompareError {
    key: Key,
    source: PatchError,
}

impl Classified for CompareError {
    fn class(&self) -> Class {
        Class::Stalled
    }
}

impl Comparison {
    /// `OutOfSync` where any object is, `Unknown` where one could not be compared, else `Synced`.
    pub fn code(&self) -> SyncCode {
        let has = |code| {
            self.rows
                .iter()
                .any(|row| row.code == Some(code) && !row.is_ignored)
        };
        if has(SyncCode::OutOfSync) {
            SyncCode::OutOfSync
        } else if has(SyncCode::Unknown) {
            SyncCode::Unknown
        } else {
            SyncCode::Synced
        }
    }
}

/// Compares desired objects with live ones.
///
/// `live` holds the desired keys that exist and every object that the application tracks;
/// tracked ones that are not desired become extraneous rows. Costs one three-way merge for each
/// object; one object that cannot be compared does not stop the others.
pub fn compare(
    desired: Vec<Desired>,
    live: &BTreeMap<Key, Object>,
    is_tracked: &dyn Fn(&Object) -> bool,
    ignore: &IgnoreRules,
    schemas: &Schemas,
) -> Comparison {
    let mut rows: Vec<Row> = Vec::with_capacity(desired.len());
    let keys: std::collections::HashSet<Key> = desired.iter().map(|d| d.key.clone()).collect();
    for one in desired {
        let live = live.get(&one.key).cloned();
        rows.push(row(one, live, ignore, schemas));
    }
    for (key, object) in live.iter().filter(|(key, _)| !keys.contains(*key)) {
        if is_tracked(object) {
            rows.push(extraneous(key, object));
        }
    }
    Comparison { rows }
}

fn extraneous(key: &Key, object: &Object) -> Row {
    let options = object.annotation(names::COMPARE_OPTIONS).unwrap_or("");
    Row {
        key: key.clone(),
        desired: None,
        live: Some(object.clone()),
        predicted: None,
        code: Some(SyncCode::OutOfSync),
        error: None,
        is_ignored: options
            .split(',')
            .any(|option| option.trim() == "IgnoreExtraneous"),
    }
}

fn row(desired: Desired, live: Option<Object>, ignore: &IgnoreRules, schemas: &Schemas) -> Row {
    let key = desired.key.clone();
    let is_hook = desired.object.annotation(names::HOOK).is_some()
        || desired
            .object
            .annotation(names::HELM_HOOK)
            .is_some_and(|hook| hook.trim() != "crd-install");
    let (mut code, mut error, mut predicted) = (SyncCode::OutOfSync, None, None);
    if let Some(live) = &live {
        let kind = schemas.kind(&desired.object.gvk());
        match predict(kind, desired.object.value(), live.value()) {
            Ok(after) => {
                if agrees(kind, &key, &after, live.value(), ignore) {
                    code = SyncCode::Synced;
                }
                predicted = Some(after);
            }
            Err(source) => {
                code = SyncCode::Unknown;
                error = Some(
                    CompareError {
                        key: key.clone(),
                        source,
                    }
                    .to_string(),
                );
            }
        }
    }
    let code = (!is_hook).then_some(code);
    Row {
        key,
        desired: Some(desired),
        live,
        predicted,
        code,
        error,
        is_ignored: false,
    }
}

/// The live object as it would be after an apply.
fn predict(kind: Option<&KindSchema>, desired: &Value, live: &Value) -> Result<Value, PatchError> {
    let mut desired = desired.clone();
    fold_secret(&mut desired);
    let last = last_applied(live).map(|mut last| {
        fold_secret(&mut last);
        last
    });
    let patch = three_way(kind, last.as_ref(), &desired, live)?;
    match (patch.kind, kind) {
        (PatchKind::Strategic, Some(kind)) => strategic(kind, live, &patch.body),
        _ => {
            let mut after = live.clone();
            merge_patch(&mut after, &patch.body);
            Ok(after)
        }
    }
}

/// The configuration that was applied last, where the annotation holds one.
fn last_applied(live: &Value) -> Option<Value> {
    let text = live
        .pointer("/metadata/annotations")?
        .get(names::LAST_APPLIED)?
        .as_str()?;
    serde_json::from_str(text).ok()
}

fn agrees(
    kind: Option<&KindSchema>,
    key: &Key,
    after: &Value,
    live: &Value,
    ignore: &IgnoreRules,
) -> bool {
    let (mut after, mut live) = (after.clone(), live.clone());
    for value in [&mut after, &mut live] {
        ignore.strip(key, value);
        normalize(kind, value);
    }
    is_equal(&after, &live)
}

#[cfg(test)]
mod tests;
