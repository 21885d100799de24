//! A cluster in a map, for tests: works change it at once, and time passes only when all is quiet.

use crate::kinds::{Id, Kind};
use crate::kubelet::{self, Now};
use crate::options::Options;
use crate::planner::{News, Planner};
use crate::tree;
use crate::work::Work;
use argosy_object::{Map, Value, json, meta};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::Instant;

/// The cluster and what plays it.
pub struct Harness {
    planner: Planner,
    objects: BTreeMap<Id, Value>,
    start: Instant,
    passed: Duration,
    revision: u64,
    /// All works done, spelled in short.
    pub log: Vec<String>,
}

const EPOCH: &str = "2026-11-23T12:00:30Z";

impl Harness {
    /// A cluster with the options' nodes and the simulator's storage class.
    pub fn new(options: Options) -> Self {
        let kinds = Kind::KUBELET.into_iter().chain(Kind::CONTROLLERS);
        let nodes = kubelet::node_objects(&options);
        let mut harness = Self {
            planner: Planner::new(options.clone(), []),
            objects: BTreeMap::new(),
            start: Instant::now(),
            passed: Duration::ZERO,
            revision: 0,
            log: Vec::new(),
        };
        for kind in kinds {
            harness.planner.take(News::All(kind, Vec::new()));
        }
        for mut node in nodes {
            node["status"] = kubelet::node_status(meta(&node, "name"), &options, harness.time());
            harness.put(Kind::Node, node);
        }
        harness.put(Kind::StorageClass, kubelet::storage_class());
        harness
    }

    /// The present.
    pub fn time(&self) -> Timestamp {
        let start: Timestamp = EPOCH.parse().unwrap();
        start + SignedDuration::try_from(self.passed).unwrap()
    }

    /// Creates an object as a user would.
    pub fn put(&mut self, kind: Kind, mut object: Value) -> Id {
        self.revision += 1;
        let now = tree::stamp(self.time());
        let metadata = tree::map(&mut object, "metadata");
        if let Some(prefix) = metadata.get("generateName").and_then(Value::as_str)
            && !metadata.contains_key("name")
        {
            let name = format!(
                "{prefix}{}",
                crate::hash::suffix(&self.revision.to_string(), 5)
            );
            metadata.insert("name".into(), name.into());
        }
        if kind.facts().3 {
            metadata.entry("namespace").or_insert("default".into());
        }
        metadata.insert("uid".into(), format!("uid-{}", self.revision).into());
        metadata.insert("creationTimestamp".into(), now);
        metadata.insert("generation".into(), 1.into());
        metadata.insert("resourceVersion".into(), self.revision.to_string().into());
        if kind == Kind::Pod {
            tree::map(&mut object, "spec")
                .entry("restartPolicy")
                .or_insert("Always".into());
            object["status"] = json!({"phase": "Pending"});
        }
        let id = Id::of(kind, &object);
        self.objects.insert(id.clone(), object.clone());
        self.planner.learn(kind, object);
        id
    }

    /// Changes an object by a merge patch, as a user would.
    pub fn patch(&mut self, id: &Id, patch: &Value) {
        let Some(mut object) = self.objects.get(id).cloned() else {
            return;
        };
        let before = object.get("spec").cloned();
        merge(&mut object, patch);
        self.revision += 1;
        if object.get("spec") != before.as_ref() {
            let generation = tree::int(&object, "/metadata/generation") + 1;
            object["metadata"]["generation"] = generation.into();
        }
        object["metadata"]["resourceVersion"] = self.revision.to_string().into();
        let finalized = tree::is_deleting(&object)
            && tree::list(&object, "/metadata/finalizers").is_empty()
            && id.kind != Kind::Pod;
        self.objects.insert(id.clone(), object.clone());
        self.planner.learn(id.kind, object);
        if finalized {
            self.remove(id);
        }
    }

    /// Deletes an object as a user would, with what it owns.
    pub fn delete(&mut self, id: &Id, grace: Option<i64>) {
        let Some(object) = self.objects.get(id) else {
            return;
        };
        let running = id.kind == Kind::Pod
            && grace != Some(0)
            && !tree::text(object, "/spec/nodeName").is_empty();
        if running || !tree::list(object, "/metadata/finalizers").is_empty() {
            if !tree::is_deleting(object) {
                let now = tree::stamp(self.time());
                self.patch(
                    id,
                    &json!({"metadata": {"deletionTimestamp": now,
                    "deletionGracePeriodSeconds": 30}}),
                );
            }
            return;
        }
        self.remove(id);
    }

    fn remove(&mut self, id: &Id) {
        let Some(object) = self.objects.remove(id) else {
            return;
        };
        let uid = meta(&object, "uid").to_owned();
        let owned: Vec<Id> = self
            .objects
            .iter()
            .filter(|(_, o)| tree::controller(o).is_some_and(|(_, _, owner)| owner == uid))
            .map(|(id, _)| id.clone())
            .collect();
        self.planner.take(News::Deleted(id.kind, object));
        for id in owned {
            self.delete(&id, None);
        }
    }

    /// Plays until `limit` has passed, or nothing is left to do.
    pub fn play(&mut self, limit: Duration) {
        let end = self.passed + limit;
        for _ in 0..100_000 {
            if self.planner.has_work() {
                let now = Now {
                    time: self.time(),
                    instant: self.start + self.passed,
                };
                for (_, work) in self.planner.works(now) {
                    self.perform(work);
                }
                continue;
            }
            let Some(at) = self.planner.next_timer() else {
                break;
            };
            let due = at.saturating_duration_since(self.start);
            if due > end {
                break;
            }
            self.passed = self.passed.max(due);
            self.planner.wake(at);
        }
        self.passed = end;
    }

    fn perform(&mut self, work: Work) {
        match work {
            Work::Create(kind, object) => {
                let id = Id::of(kind, &object);
                self.log.push(format!("create {kind:?} {}", id.name));
                if id.name.is_empty() || !self.objects.contains_key(&id) {
                    self.put(kind, object);
                }
            }
            Work::Patch(id, patch) => {
                self.log.push(format!("patch {:?} {}", id.kind, id.name));
                self.patch(&id, &patch);
            }
            Work::Status(id, status) => {
                self.log.push(format!("status {:?} {}", id.kind, id.name));
                self.patch(&id, &json!({"status": status}));
            }
            Work::Annotate(id, annotations) => {
                self.log.push(format!("annotate {:?} {}", id.kind, id.name));
                self.patch(&id, &json!({"metadata": {"annotations": annotations}}));
            }
            Work::Delete {
                id, grace_seconds, ..
            } => {
                self.log.push(format!("delete {:?} {}", id.kind, id.name));
                self.delete(&id, grace_seconds);
            }
            Work::Bind(id, node) => {
                self.log.push(format!("bind {}", id.name));
                self.patch(&id, &json!({"spec": {"nodeName": node}}));
            }
            Work::Wake(..) => unreachable!("the planner keeps its timers"),
        }
    }

    /// One object.
    pub fn get(&self, id: &Id) -> Option<&Value> {
        self.objects.get(id)
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> Vec<&Value> {
        self.objects
            .iter()
            .filter(|(id, _)| id.kind == kind)
            .map(|(_, o)| o)
            .collect()
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let target = target.as_object_mut().unwrap();
    for (name, value) in patch {
        if value.is_null() {
            target.remove(name);
        } else {
            merge(target.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}
