//! Claims find a volume, and volumes go with their claims.

use crate::cache::Cache;
use crate::kinds::{Id, Kind};
use crate::tree::{self, list, text};
use crate::work::{self, Work};
use argosy_object::{Value, json, meta};
use std::sync::Arc;

/// The provisioner of the class that the simulator brings.
pub const PROVISIONER: &str = "simulate.argosy.dev/volumes";
const CLAIM_GUARD: &str = "kubernetes.io/pvc-protection";
const VOLUME_GUARD: &str = "kubernetes.io/pv-protection";

/// The class that claims get where they name none.
pub fn class() -> Value {
    json!({
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {
            "name": "standard",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": PROVISIONER,
        "reclaimPolicy": "Delete",
        "volumeBindingMode": "Immediate",
        "allowVolumeExpansion": true,
    })
}

/// Plans for a claim.
pub fn claim(cache: &Cache, claim: &Value) -> Vec<Work> {
    let id = Id::of(Kind::Claim, claim);
    if tree::is_deleting(claim) {
        return release_claim(cache, claim, id);
    }
    let bound = text(claim, "/spec/volumeName");
    let volume = if bound.is_empty() {
        match waiting_volume(cache, claim) {
            Some(found) => found,
            None => return provision(cache, claim),
        }
    } else {
        match cache.get(Kind::Volume, "", bound) {
            Some(found) => found,
            None => return Vec::new(),
        }
    };
    let mut works = Vec::new();
    if bound.is_empty() {
        let patch = json!({"metadata": {"annotations": {
            "pv.kubernetes.io/bind-completed": "yes",
            "pv.kubernetes.io/bound-by-controller": "yes"}},
            "spec": {"volumeName": meta(&volume, "name")}});
        works.push(Work::Patch(id.clone(), patch));
    }
    // A claim that asks for more than it had is grown at once.
    let size = tree::at(claim, "/spec/resources/requests/storage");
    let status = json!({"phase": "Bound", "accessModes": tree::at(claim, "/spec/accessModes"),
        "capacity": {"storage": size}});
    works.extend(work::status(id, claim, status));
    if text(&volume, "/status/phase") != "Bound" {
        let status = json!({"phase": "Bound"});
        works.extend(work::status(Id::of(Kind::Volume, &volume), &volume, status));
    }
    if tree::at(&volume, "/spec/capacity/storage") != size
        && text(
            &volume,
            "/metadata/annotations/pv.kubernetes.io~1provisioned-by",
        ) == PROVISIONER
    {
        let patch = json!({"spec": {"capacity": {"storage": size}}});
        works.push(Work::Patch(Id::of(Kind::Volume, &volume), patch));
    }
    works
}

/// A volume that is reserved for the claim, or made by hand and fits it.
fn waiting_volume(cache: &Cache, claim: &Value) -> Option<Arc<Value>> {
    let (namespace, name) = (meta(claim, "namespace"), meta(claim, "name"));
    let reserved = |volume: &Value| {
        text(volume, "/spec/claimRef/namespace") == namespace
            && text(volume, "/spec/claimRef/name") == name
            && matches!(text(volume, "/spec/claimRef/uid"), uid if uid.is_empty() || uid == meta(claim, "uid"))
    };
    let free = |volume: &Value| {
        volume.pointer("/spec/claimRef").is_none_or(Value::is_null)
            && text(volume, "/spec/storageClassName") == text(claim, "/spec/storageClassName")
            && list(claim, "/spec/accessModes")
                .iter()
                .all(|mode| list(volume, "/spec/accessModes").contains(mode))
    };
    cache
        .all(Kind::Volume)
        .filter(|volume| !tree::is_deleting(volume))
        .find(|volume| reserved(volume) || free(volume))
}

fn provision(cache: &Cache, claim: &Value) -> Vec<Work> {
    let class = text(claim, "/spec/storageClassName");
    let Some(found) = cache.get(Kind::StorageClass, "", class) else {
        return Vec::new();
    };
    let reclaim = Some(text(&found, "/reclaimPolicy"))
        .filter(|p| !p.is_empty())
        .unwrap_or("Delete");
    let (namespace, name, uid) = (
        meta(claim, "namespace"),
        meta(claim, "name"),
        meta(claim, "uid"),
    );
    let volume = format!("pvc-{uid}");
    let mode = text(claim, "/spec/volumeMode");
    let volume = json!({
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": volume,
            "annotations": {"pv.kubernetes.io/provisioned-by": PROVISIONER},
        },
        "spec": {
            "accessModes": tree::at(claim, "/spec/accessModes"),
            "capacity": {"storage": tree::at(claim, "/spec/resources/requests/storage")},
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim",
                "namespace": namespace, "name": name, "uid": uid},
            "hostPath": {"path": format!("/simulated/{volume}"), "type": "DirectoryOrCreate"},
            "persistentVolumeReclaimPolicy": reclaim,
            "storageClassName": class,
            "volumeMode": if mode.is_empty() { "Filesystem" } else { mode },
        },
    });
    vec![Work::Create(Kind::Volume, volume)]
}

fn without(object: &Value, guard: &str) -> Option<Value> {
    let finalizers = list(object, "/metadata/finalizers");
    if !finalizers.iter().any(|f| f == guard) {
        return None;
    }
    let left: Vec<Value> = finalizers.iter().filter(|f| *f != guard).cloned().collect();
    let left = if left.is_empty() {
        Value::Null
    } else {
        Value::Array(left)
    };
    Some(json!({"metadata": {"finalizers": left, "uid": meta(object, "uid")}}))
}

/// A claim goes when no pod uses it any more.
fn release_claim(cache: &Cache, claim: &Value, id: Id) -> Vec<Work> {
    let name = meta(claim, "name");
    let used = cache.list(Kind::Pod, meta(claim, "namespace")).any(|pod| {
        let done = matches!(text(&pod, "/status/phase"), "Succeeded" | "Failed");
        !done
            && list(&pod, "/spec/volumes")
                .iter()
                .any(|v| text(v, "/persistentVolumeClaim/claimName") == name)
    });
    if used {
        return Vec::new();
    }
    without(claim, CLAIM_GUARD)
        .map(|patch| Work::Patch(id, patch))
        .into_iter()
        .collect()
}

/// Plans for a volume: without its claim it is released and, where it says so, goes.
pub fn volume(cache: &Cache, volume: &Value) -> Vec<Work> {
    let id = Id::of(Kind::Volume, volume);
    let (namespace, name, uid) = (
        text(volume, "/spec/claimRef/namespace"),
        text(volume, "/spec/claimRef/name"),
        text(volume, "/spec/claimRef/uid"),
    );
    let claim = cache.get(Kind::Claim, namespace, name);
    let claimed = claim.is_some_and(|c| uid.is_empty() || meta(&c, "uid") == uid);
    if tree::is_deleting(volume) {
        if claimed && text(volume, "/status/phase") == "Bound" {
            return Vec::new();
        }
        let patch = without(volume, VOLUME_GUARD);
        return patch
            .map(|patch| Work::Patch(id, patch))
            .into_iter()
            .collect();
    }
    if name.is_empty() {
        return work::status(id, volume, json!({"phase": "Available"}))
            .into_iter()
            .collect();
    }
    if claimed || uid.is_empty() {
        return Vec::new();
    }
    let policy = text(volume, "/spec/persistentVolumeReclaimPolicy");
    let ours = text(
        volume,
        "/metadata/annotations/pv.kubernetes.io~1provisioned-by",
    ) == PROVISIONER;
    if policy == "Delete" && ours {
        return vec![Work::Delete {
            id,
            uid: meta(volume, "uid").into(),
            grace_seconds: None,
        }];
    }
    work::status(id, volume, json!({"phase": "Released"}))
        .into_iter()
        .collect()
}
