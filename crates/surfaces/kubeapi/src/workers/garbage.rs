//! Garbage collection by owner references.

use super::Head;
use crate::catalog::KeyParts;
use crate::cluster::Cluster;
use crate::error::ApiError;
use crate::meta;
use crate::rest::{Actor, FOREGROUND, How, ORPHAN, Propagation};
use argosy_object::{Gvk, Str, Value};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// Who owns whom. Only objects with owner references are in it.
#[derive(Debug, Default)]
pub(super) struct Owners {
    /// UID of an owner to the keys of its dependents.
    dependents: HashMap<Str, BTreeSet<Str>>,
    /// Key of a dependent to the UIDs of its owners.
    uids: HashMap<Str, Vec<Str>>,
    /// UID to key of owners that wait for their dependents.
    waiting: HashMap<Str, Str>,
}

impl Owners {
    /// Takes the new state of the object under a key, `None` where it is gone.
    pub(super) fn update(&mut self, key: &Str, head: Option<&Head>) {
        for uid in self.uids.remove(key).unwrap_or_default() {
            if let Some(keys) = self.dependents.get_mut(&uid) {
                keys.remove(key);
                if keys.is_empty() {
                    self.dependents.remove(&uid);
                }
            }
        }
        let Some(head) = head else {
            self.waiting.retain(|_, waiting| waiting != key);
            return;
        };
        let uids: Vec<Str> = head.owners().map(Str::from).collect();
        for uid in &uids {
            self.dependents
                .entry(uid.clone())
                .or_default()
                .insert(key.clone());
        }
        if !uids.is_empty() {
            self.uids.insert(key.clone(), uids);
        }
        if head.deleting() && (head.has_finalizer(FOREGROUND) || head.has_finalizer(ORPHAN)) {
            self.waiting
                .insert(head.metadata.uid.as_str().into(), key.clone());
        }
    }

    /// The keys of an owner's dependents.
    pub(super) fn dependents(&self, uid: &str) -> Vec<Str> {
        self.dependents
            .get(uid)
            .into_iter()
            .flatten()
            .cloned()
            .collect()
    }

    /// The key of an owner that waits for its dependents.
    pub(super) fn waiting(&self, uid: &str) -> Option<Str> {
        self.waiting.get(uid).cloned()
    }
}

/// What an owner reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// It is there.
    Solid,
    /// It is there, and deletes its dependents before it goes.
    Waiting,
    /// It is gone.
    Absent,
    /// Its kind is not known, or it cannot own this object: nothing may follow from that.
    Unknown,
}

fn owner_references(object: &Value) -> Vec<Value> {
    meta::field(object, "ownerReferences")
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default()
}

fn look_up(cluster: &Cluster, reference: &Value, namespace: &str) -> Owner {
    let text = |field: &str| reference[field].as_str().unwrap_or_default();
    let gvk = Gvk::from_api_version(text("apiVersion"), text("kind"));
    let Some(served) = cluster.catalog().kind(&gvk) else {
        return Owner::Unknown;
    };
    if served.namespaced() && namespace.is_empty() {
        return Owner::Unknown;
    }
    match cluster.load(&served, namespace, text("name")) {
        Some(owner) if meta::text(&owner, "uid") == text("uid") => {
            let waits = meta::is_deleting(&owner)
                && meta::texts(&owner, "finalizers").contains(&FOREGROUND);
            if waits { Owner::Waiting } else { Owner::Solid }
        }
        _ => Owner::Absent,
    }
}

/// Deletes an object whose owners are all gone, and drops references to those that are.
pub(super) async fn check_owners(
    cluster: &Arc<Cluster>,
    owners: &Owners,
    key: &Str,
) -> Result<(), ApiError> {
    let (Some(object), Some(parts)) = (cluster.load_key(key), KeyParts::of(key)) else {
        return Ok(());
    };
    let references = owner_references(&object);
    if references.is_empty() {
        return Ok(());
    }
    let found: Vec<(Value, Owner)> = references
        .into_iter()
        .map(|reference| {
            let owner = look_up(cluster, &reference, parts.namespace);
            (reference, owner)
        })
        .collect();
    let any = |wanted: Owner| found.iter().any(|(_, owner)| *owner == wanted);
    let Some(actor) = Actor::of_key(cluster, key) else {
        return Ok(());
    };
    if any(Owner::Solid) || any(Owner::Unknown) {
        let stale: Vec<String> = found
            .iter()
            .filter(|(_, owner)| matches!(owner, Owner::Absent | Owner::Waiting))
            .filter_map(|(reference, _)| Some(reference["uid"].as_str()?.to_owned()))
            .collect();
        // Where nothing is known of an owner, nothing is dropped.
        if stale.is_empty() || !any(Owner::Solid) {
            return Ok(());
        }
        return drop_references(&actor, key, stale).await;
    }
    if meta::is_deleting(&object) && !any(Owner::Waiting) {
        return Ok(());
    }
    let uid = meta::text(&object, "uid");
    let blocks = any(Owner::Waiting) && !owners.dependents(uid).is_empty();
    let finalizers = meta::texts(&object, "finalizers");
    let propagation = if blocks || finalizers.contains(&FOREGROUND) {
        Propagation::Foreground
    } else if finalizers.contains(&ORPHAN) {
        Propagation::Orphan
    } else {
        Propagation::Background
    };
    if meta::is_deleting(&object) && propagation != Propagation::Foreground {
        return Ok(());
    }
    let how = How {
        propagation: Some(propagation),
        ..How::default()
    };
    actor.delete(key, Some(uid), how).await.map(|_| ())
}

async fn drop_references(actor: &Actor<'_>, key: &str, uids: Vec<String>) -> Result<(), ApiError> {
    actor
        .update(key, &move |object: &mut Value| {
            let mut references = owner_references(object);
            references.retain(|reference| {
                reference["uid"]
                    .as_str()
                    .is_none_or(|uid| !uids.iter().any(|u| u == uid))
            });
            if references.is_empty() {
                meta::remove(object, "ownerReferences");
            } else {
                meta::meta_mut(object).insert("ownerReferences".into(), references.into());
            }
            Ok(())
        })
        .await
        .map(|_| ())
}

/// Lets an owner go that waits: orphans its dependents, or deletes those that block it.
pub(super) async fn release(
    cluster: &Arc<Cluster>,
    owners: &mut Owners,
    key: &Str,
) -> Result<(), ApiError> {
    let Some(object) = cluster.load_key(key) else {
        return Ok(());
    };
    let Some(actor) = Actor::of_key(cluster, key) else {
        return Ok(());
    };
    if !meta::is_deleting(&object) {
        return Ok(());
    }
    let uid = meta::text(&object, "uid").to_owned();
    let finalizers = meta::texts(&object, "finalizers");
    let finalizer = if finalizers.contains(&ORPHAN) {
        for dependent in owners.dependents(&uid) {
            if let Some(actor) = Actor::of_key(cluster, &dependent) {
                drop_references(&actor, &dependent, vec![uid.clone()]).await?;
            }
        }
        ORPHAN
    } else if finalizers.contains(&FOREGROUND) {
        let mut blocked = false;
        for dependent in owners.dependents(&uid) {
            blocked |= blocks(cluster, &dependent, &uid);
            check_owners(cluster, owners, &dependent).await?;
        }
        let blocked = blocked
            && owners
                .dependents(&uid)
                .iter()
                .any(|dependent| blocks(cluster, dependent, &uid));
        if blocked {
            return Ok(());
        }
        FOREGROUND
    } else {
        return Ok(());
    };
    let outcome = actor
        .update(key, &move |object: &mut Value| {
            let rest = meta::texts(object, "finalizers")
                .into_iter()
                .filter(|f| *f != finalizer)
                .map(str::to_owned)
                .collect();
            meta::set_finalizers(object, rest);
            Ok(())
        })
        .await?;
    if outcome.is_none() {
        owners.waiting.remove(uid.as_str());
    }
    Ok(())
}

/// Whether the object under a key exists and blocks its owner's end.
fn blocks(cluster: &Cluster, key: &str, owner: &str) -> bool {
    let Some(object) = cluster.load_key(key) else {
        return false;
    };
    owner_references(&object)
        .iter()
        .any(|reference| reference["uid"] == owner && reference["blockOwnerDeletion"] == true)
}
