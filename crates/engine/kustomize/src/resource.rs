//! An object under construction, with what kustomize remembers of it.

use crate::id::{CLUSTER, Gvk, ResId, meta_text};
use crate::provenance::Provenance;
use argosy_object::{Map, Origin, Value};

/// What a generated object does with one that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

impl Behavior {
    pub(crate) fn parse(text: &str) -> Self {
        match text {
            "replace" => Self::Replace,
            "merge" => Self::Merge,
            "create" => Self::Create,
            _ => Self::Unspecified,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Replace => "replace",
            Self::Merge => "merge",
            Self::Create => "create",
            Self::Unspecified => "unspecified",
        }
    }
}

/// A name that an object had before.
#[derive(Clone, Debug, PartialEq)]
struct Previous {
    kind: String,
    name: String,
    namespace: String,
}

/// An object and its history. Upstream keeps the history in annotations; here it stands beside.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    previous: Vec<Previous>,
    pub(crate) prefixes: Vec<String>,
    pub(crate) suffixes: Vec<String>,
    pub(crate) behavior: Behavior,
    pub(crate) needs_hash: bool,
    pub(crate) allow_name_change: bool,
    pub(crate) allow_kind_change: bool,
    /// A chart's templates made it, and gave it its namespace.
    pub(crate) from_chart: bool,
    /// Names of the variables that read this object.
    pub(crate) variables: Vec<String>,
    /// `buildMetadata`'s record of where it came from and what changed it.
    pub(crate) source: Option<Provenance>,
    pub(crate) changes: Vec<Provenance>,
}

impl Resource {
    pub(crate) fn new(value: Value, origin: Origin) -> Self {
        Self {
            value,
            origin,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::default(),
            needs_hash: false,
            allow_name_change: false,
            allow_kind_change: false,
            from_chart: false,
            variables: Vec::new(),
            source: None,
            changes: Vec::new(),
        }
    }

    pub(crate) fn gvk(&self) -> Gvk {
        Gvk::of_value(&self.value)
    }

    pub(crate) fn name(&self) -> String {
        meta_text(&self.value, "name")
    }

    pub(crate) fn namespace(&self) -> String {
        meta_text(&self.value, "namespace")
    }

    pub(crate) fn id(&self) -> ResId {
        ResId::of_value(&self.value)
    }

    /// What it was called before, the oldest first.
    pub(crate) fn previous_ids(&self) -> Vec<ResId> {
        let gvk = self.gvk();
        self.previous
            .iter()
            .map(|p| ResId {
                gvk: Gvk {
                    kind: p.kind.clone(),
                    ..gvk.clone()
                },
                name: p.name.clone(),
                namespace: p.namespace.clone(),
            })
            .collect()
    }

    pub(crate) fn original_id(&self) -> ResId {
        self.previous_ids()
            .into_iter()
            .next()
            .unwrap_or_else(|| self.id())
    }

    /// All ids, the current one last.
    pub(crate) fn any_ids(&self) -> Vec<ResId> {
        let mut ids = self.previous_ids();
        ids.push(self.id());
        ids
    }

    pub(crate) fn remember_id(&mut self) {
        let id = self.id();
        let namespace = id.effective_namespace().to_owned();
        self.previous.push(Previous {
            kind: id.gvk.kind,
            name: id.name,
            namespace,
        });
    }

    pub(crate) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Null => true,
            Value::Object(map) => map.is_empty(),
            _ => false,
        }
    }

    pub(crate) fn set_name(&mut self, name: &str) {
        self.metadata().insert("name".into(), name.into());
    }

    /// Sets the namespace; an empty one is taken away.
    pub(crate) fn set_namespace(&mut self, namespace: &str) {
        if namespace.is_empty() || namespace == CLUSTER {
            if let Some(metadata) = self
                .value
                .get_mut("metadata")
                .and_then(Value::as_object_mut)
            {
                metadata.remove("namespace");
            }
        } else {
            self.metadata().insert("namespace".into(), namespace.into());
        }
    }

    pub(crate) fn metadata(&mut self) -> &mut Map<String, Value> {
        child(&mut self.value, "metadata")
    }

    /// A text mapping of `metadata`, such as its labels.
    pub(crate) fn texts(&self, field: &str) -> Map<String, Value> {
        let found = self.value.get("metadata").and_then(|m| m.get(field));
        found
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    }

    pub(crate) fn set_texts(&mut self, field: &str, texts: Map<String, Value>) {
        if texts.is_empty() {
            self.metadata().remove(field);
        } else {
            self.metadata().insert(field.into(), Value::Object(texts));
        }
    }

    /// Takes over all but the content of `other`, which this one replaces or is merged into.
    pub(crate) fn take_metadata_of(&mut self, other: &Self) {
        for field in ["labels", "annotations"] {
            let mut merged = other.texts(field);
            merged.extend(self.texts(field));
            self.set_texts(field, merged);
        }
        self.set_name(&other.name());
        self.set_namespace(&other.namespace());
        self.previous.clone_from(&other.previous);
        self.prefixes.clone_from(&other.prefixes);
        self.suffixes.clone_from(&other.suffixes);
        self.behavior = other.behavior;
        self.needs_hash = self.needs_hash && other.needs_hash;
        self.variables.clone_from(&other.variables);
        self.changes.clone_from(&other.changes);
    }
}

/// A mapping below a mapping, made where it is missing.
pub(crate) fn child<'v>(value: &'v mut Value, field: &str) -> &'v mut Map<String, Value> {
    if !value.is_object() {
        *value = Value::Object(Map::new());
    }
    let map = value.as_object_mut().expect("made a mapping just above");
    let inner = map.entry(field).or_insert(Value::Null);
    if !inner.is_object() {
        *inner = Value::Object(Map::new());
    }
    inner.as_object_mut().expect("made a mapping just above")
}
