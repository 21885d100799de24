//! What is known of a cluster: the watched objects, with the few ways in that are needed.

use crate::kinds::{Id, Kind};
use crate::lean::Head;
use crate::tree;
use argosy_object::{Value, meta};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The watched objects of one cluster.
#[derive(Debug, Default)]
pub struct Cache {
    objects: BTreeMap<Id, Body>,
    /// Objects by the UID of their controller.
    owned: HashMap<String, BTreeSet<Id>>,
}

/// An object in the form that its use asks for: a tree costs ten times its JSON, and reading it
/// again some microseconds.
#[derive(Debug)]
enum Body {
    /// Looked at with each change of a neighbour.
    Open(Arc<Value>),
    /// Looked at when it changes itself, or what it owns does.
    Packed {
        uid: Box<str>,
        revision: u64,
        json: Box<[u8]>,
    },
}

impl Body {
    fn of(kind: Kind, object: Value) -> Self {
        if !is_packed(kind) {
            return Self::Open(Arc::new(object));
        }
        let json = serde_json::to_vec(&object).expect("a value with string keys is always JSON");
        Self::Packed {
            uid: meta(&object, "uid").into(),
            revision: revision(&object),
            json: json.into(),
        }
    }

    fn open(&self) -> Arc<Value> {
        match self {
            Self::Open(object) => object.clone(),
            Self::Packed { json, .. } => {
                Arc::new(serde_json::from_slice(json).expect("it was written by `of`"))
            }
        }
    }

    fn uid(&self) -> &str {
        match self {
            Self::Open(object) => meta(object, "uid"),
            Self::Packed { uid, .. } => uid,
        }
    }

    fn revision(&self) -> u64 {
        match self {
            Self::Open(object) => revision(object),
            Self::Packed { revision, .. } => *revision,
        }
    }
}

/// Kinds with a pod template or a list of addresses in them, which nothing goes through in search
/// of something else.
fn is_packed(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Deployment
            | Kind::ReplicaSet
            | Kind::StatefulSet
            | Kind::DaemonSet
            | Kind::Job
            | Kind::CronJob
            | Kind::Revision
            | Kind::EndpointSlice
            | Kind::Endpoints
    )
}

impl Cache {
    /// Takes in an object unless a newer state is known; says whether it did.
    pub fn apply(&mut self, kind: Kind, mut object: Value) -> Option<Id> {
        strip(&mut object);
        if kind == Kind::Pod {
            strip_pod(&mut object);
        }
        let id = Id::of(kind, &object);
        if let Some(old) = self.objects.get(&id) {
            let same = old.uid() == meta(&object, "uid");
            if same && old.revision() >= revision(&object) {
                return None;
            }
            self.disown(&id);
        }
        if let Some((_, _, uid)) = tree::controller(&object) {
            self.owned
                .entry(uid.to_owned())
                .or_default()
                .insert(id.clone());
        }
        let body = Body::of(kind, object);
        self.objects.insert(id.clone(), body);
        Some(id)
    }

    /// Whether this state of an object, or a newer one, is known.
    pub fn knows(&self, kind: Kind, head: &Head) -> bool {
        let id = id(kind, &head.namespace, &head.name);
        self.objects.get(&id).is_some_and(|known| {
            known.uid() == head.uid
                && known.revision() >= head.resource_version.parse().unwrap_or(0)
        })
    }

    /// Forgets an object; gives its last state.
    pub fn delete(&mut self, id: &Id, uid: &str) -> Option<Arc<Value>> {
        let known = self.objects.get(id)?;
        if !uid.is_empty() && known.uid() != uid {
            return None;
        }
        self.disown(id);
        self.objects.remove(id).map(|body| body.open())
    }

    fn disown(&mut self, id: &Id) {
        let Some(object) = self.objects.get(id) else {
            return;
        };
        let object = object.open();
        let Some((_, _, uid)) = tree::controller(&object) else {
            return;
        };
        if let Some(ids) = self.owned.get_mut(uid) {
            ids.remove(id);
            if ids.is_empty() {
                self.owned.remove(uid);
            }
        }
    }

    /// Replaces all objects of a kind; gives what is new, changed or gone.
    pub fn replace(&mut self, kind: Kind, objects: Vec<Value>) -> Vec<(Id, Option<Arc<Value>>)> {
        let mut gone: BTreeSet<Id> = self.ids(kind).cloned().collect();
        let mut changed = Vec::new();
        for object in objects {
            gone.remove(&Id::of(kind, &object));
            if let Some(id) = self.apply(kind, object) {
                changed.push((id, None));
            }
        }
        for id in gone {
            let last = self.delete(&id, "");
            changed.push((id, last));
        }
        changed
    }

    /// One object.
    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<Arc<Value>> {
        self.at(&id(kind, namespace, name))
    }

    /// Whether there is such an object.
    pub fn has(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.objects.contains_key(&id(kind, namespace, name))
    }

    /// One object by its identity.
    pub fn at(&self, id: &Id) -> Option<Arc<Value>> {
        self.objects.get(id).map(Body::open)
    }

    /// How many objects of a kind a namespace has.
    pub fn count(&self, kind: Kind, namespace: &str) -> usize {
        self.range(kind, namespace)
            .take_while(|(id, _)| id.kind == kind && id.namespace == namespace)
            .count()
    }

    /// The identities of a kind.
    pub fn ids(&self, kind: Kind) -> impl Iterator<Item = &Id> {
        self.range(kind, "")
            .map(|(id, _)| id)
            .take_while(move |id| id.kind == kind)
    }

    /// The objects of a kind in a namespace, sorted by name.
    pub fn list<'c>(
        &'c self,
        kind: Kind,
        namespace: &'c str,
    ) -> impl Iterator<Item = Arc<Value>> + 'c {
        self.range(kind, namespace)
            .take_while(move |(id, _)| id.kind == kind && id.namespace == namespace)
            .map(|(_, body)| body.open())
    }

    /// All objects of a kind.
    pub fn all(&self, kind: Kind) -> impl Iterator<Item = Arc<Value>> + '_ {
        self.range(kind, "")
            .take_while(move |(id, _)| id.kind == kind)
            .map(|(_, body)| body.open())
    }

    /// The objects of a kind that one object controls.
    pub fn owned(&self, kind: Kind, owner: &Value) -> Vec<Arc<Value>> {
        let ids = self.owned.get(meta(owner, "uid"));
        ids.into_iter()
            .flatten()
            .filter(|id| id.kind == kind)
            .filter_map(|id| self.at(id))
            .collect()
    }

    fn range(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = (&Id, &Body)> {
        self.objects.range(id(kind, namespace, "")..)
    }
}

fn id(kind: Kind, namespace: &str, name: &str) -> Id {
    Id {
        kind,
        namespace: namespace.into(),
        name: name.into(),
    }
}

/// What nobody here reads costs memory.
fn strip(object: &mut Value) {
    if let Some(Value::Object(metadata)) = object.get_mut("metadata") {
        metadata.remove("managedFields");
        if let Some(Value::Object(annotations)) = metadata.get_mut("annotations") {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
    }
}

/// What a pod's specification has that only a real kubelet reads: two thirds of it, and pods are
/// most of what a cluster has.
fn strip_pod(pod: &mut Value) {
    let Some(Value::Object(spec)) = pod.get_mut("spec") else {
        return;
    };
    for field in [
        "affinity",
        "dnsConfig",
        "dnsPolicy",
        "enableServiceLinks",
        "hostAliases",
        "imagePullSecrets",
        "preemptionPolicy",
        "priority",
        "securityContext",
        "serviceAccount",
        "serviceAccountName",
        "terminationGracePeriodSeconds",
        "tolerations",
        "topologySpreadConstraints",
    ] {
        spec.remove(field);
    }
    if let Some(Value::Array(volumes)) = spec.get_mut("volumes") {
        // Claims come with what uses them.
        volumes.retain(|volume| {
            volume.get("persistentVolumeClaim").is_some() || volume.get("ephemeral").is_some()
        });
    }
    for field in ["containers", "initContainers"] {
        let Some(Value::Array(containers)) = spec.get_mut(field) else {
            continue;
        };
        for container in containers.iter_mut().filter_map(Value::as_object_mut) {
            container.retain(|field, _| {
                matches!(
                    field.as_str(),
                    "name" | "image" | "ports" | "resources" | "restartPolicy" | "readinessProbe"
                )
            });
        }
    }
}

fn revision(object: &Value) -> u64 {
    meta(object, "resourceVersion").parse().unwrap_or(0)
}
