//! ControllerRevisions: the templates that StatefulSets and DaemonSets have had.

use crate::cache::Cache;
use crate::hash;
use crate::kinds::{Id, Kind};
use crate::tree::{self, int};
use crate::work::Work;
use argosy_object::{Value, json, meta};
use std::sync::Arc;

/// The revision of the present template, and what must be done for it to stand.
pub struct Current {
    /// The name of the ControllerRevision.
    pub name: String,
    /// The hash in it.
    pub hash: String,
    /// The works that make it stand and take old ones away.
    pub works: Vec<Work>,
}

/// Finds or makes the revision of an owner's template.
pub fn current(cache: &Cache, owner: &Value, kind: &str) -> Current {
    let template = tree::at(owner, "/spec/template");
    let mut data_template = template.clone();
    data_template["$patch"] = "replace".into();
    let data = json!({"spec": {"template": data_template}});
    let mut known = cache.owned(Kind::Revision, owner);
    known.sort_by_key(|revision| int(revision, "/revision"));
    let hash = hash::of(&template, int(owner, "/status/collisionCount"));
    let name = format!("{}-{hash}", meta(owner, "name"));
    let newest = known
        .last()
        .map_or(0, |revision| int(revision, "/revision"));
    let mut works = Vec::new();
    match known.iter().find(|revision| meta(revision, "name") == name) {
        None => works.push(Work::Create(
            Kind::Revision,
            json!({
                "apiVersion": "apps/v1",
                "kind": "ControllerRevision",
                "metadata": {
                    "name": name,
                    "namespace": meta(owner, "namespace"),
                    "labels": labels(owner, &hash),
                    "ownerReferences": [tree::owner_reference(owner, "apps/v1", kind)],
                },
                "data": data,
                "revision": newest + 1,
            }),
        )),
        Some(own) if int(own, "/revision") < newest => {
            let patch = json!({"revision": newest + 1});
            works.push(Work::Patch(Id::of(Kind::Revision, own), patch));
        }
        Some(_) => {}
    }
    works.extend(outdated(owner, &known, &name));
    Current { name, hash, works }
}

/// The template that a revision recorded.
pub fn template(cache: &Cache, owner: &Value, name: &str) -> Option<Value> {
    let revision = cache.get(Kind::Revision, meta(owner, "namespace"), name)?;
    let mut template = tree::at(&revision, "/data/spec/template");
    template.as_object_mut()?.remove("$patch");
    Some(template)
}

fn labels(owner: &Value, hash: &str) -> Value {
    let mut labels = tree::at(owner, "/spec/template/metadata/labels");
    if !labels.is_object() {
        labels = json!({});
    }
    labels["controller-revision-hash"] = hash.into();
    labels
}

fn outdated(owner: &Value, known: &[Arc<Value>], name: &str) -> Vec<Work> {
    let limit = owner
        .pointer("/spec/revisionHistoryLimit")
        .and_then(Value::as_u64);
    let limit = limit.unwrap_or(10) as usize;
    let current = tree::text(owner, "/status/currentRevision");
    let old: Vec<&Arc<Value>> = known
        .iter()
        .filter(|r| meta(r, "name") != name && meta(r, "name") != current)
        .collect();
    old.iter()
        .take(old.len().saturating_sub(limit))
        .map(|revision| Work::Delete {
            id: Id::of(Kind::Revision, revision),
            uid: meta(revision, "uid").to_owned(),
            grace_seconds: None,
        })
        .collect()
}
