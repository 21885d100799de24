//! From nodes to values: types, merges, aliases and keys, as go-yaml and then Go's JSON have it.

use crate::compose::{Kind, NodeId, Tree};
use crate::goprint::{self, GoValue};
use crate::number::{format_f32_g, format_f64_json};
use crate::resolve::{Scalar, resolve_plain, resolve_tagged};
use crate::timestamp::normalized;
use crate::{Limits, YamlError};
use argosy_object::{Map, Value};
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{GeneralPurpose, GeneralPurposeConfig};
use std::collections::{HashMap, HashSet};

/// Which of go-yaml's resolvers reads the plain scalars.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Dialect {
    /// go-yaml v2, behind sigs.k8s.io/yaml: `yes`, `on`, `y` are booleans.
    #[default]
    V2,
    /// go-yaml v3, behind kyaml: they are text, timestamps are times, keys must be text, merges
    /// never override what stands beside them,
    /// and a key that is given twice is refused.
    V3,
}

/// Go's `base64.StdEncoding`: padding demanded, trailing bits not looked at.
const BINARY: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Reads one document.
pub(crate) struct Decoder<'t> {
    file: &'t str,
    tree: &'t Tree,
    limits: &'t Limits,
    dialect: Dialect,
    strict: bool,
    /// Alias nodes being expanded.
    open: HashSet<NodeId>,
    decoded: usize,
    aliased: usize,
    duplicates: Vec<(u32, String)>,
    /// Faults that Go finds only on the way to JSON, after all others: a key that JSON cannot
    /// have (with its mapping), and a number.
    bad_key: Option<(NodeId, YamlError)>,
    bad_number: Option<YamlError>,
}

/// A mapping under construction.
#[derive(Default)]
struct Entries {
    map: Map<String, Value>,
    /// Keys by type, so that `1` and `"1"` are two to the strict reader, and their lines.
    seen: HashMap<String, u32>,
}

impl<'t> Decoder<'t> {
    pub(crate) fn new(
        file: &'t str,
        tree: &'t Tree,
        limits: &'t Limits,
        dialect: Dialect,
        strict: bool,
    ) -> Self {
        Self {
            file,
            tree,
            limits,
            dialect,
            strict: strict || dialect == Dialect::V3,
            open: HashSet::new(),
            decoded: 0,
            aliased: 0,
            duplicates: Vec::new(),
            bad_key: None,
            bad_number: None,
        }
    }

    /// The document's value.
    pub(crate) fn document(mut self) -> Result<Value, YamlError> {
        let value = self.value(self.tree.root, 0)?;
        let Some((line, _)) = self.duplicates.first() else {
            let late = self.bad_key.map(|(_, error)| error).or(self.bad_number);
            return late.map_or(Ok(value), Err);
        };
        let lines: Vec<&str> = self
            .duplicates
            .iter()
            .map(|(_, text)| text.as_str())
            .collect();
        let text = format!("yaml: unmarshal errors:\n  {}", lines.join("\n  "));
        Err(YamlError::new(self.file, *line, 0, text))
    }

    fn fail<T>(&self, id: NodeId, text: impl Into<String>) -> Result<T, YamlError> {
        Err(self.error(id, text))
    }

    fn error(&self, id: NodeId, text: impl Into<String>) -> YamlError {
        let node = &self.tree.nodes[id];
        YamlError::new(self.file, node.line + 1, node.column + 1, text)
    }

    /// Counts one decoded node, and refuses a document that is mostly aliases.
    fn count(&mut self, id: NodeId, depth: usize) -> Result<(), YamlError> {
        self.decoded += 1;
        if !self.open.is_empty() {
            self.aliased += 1;
        }
        if self.aliased > 100
            && self.decoded > 1000
            && self.aliased as f64 / self.decoded as f64 > allowed_ratio(self.decoded)
        {
            return self.fail(id, "yaml: document contains excessive aliasing");
        }
        if self.decoded > self.limits.max_expanded {
            let most = self.limits.max_expanded;
            return self.fail(id, format!("yaml: more than {most} nodes after aliases"));
        }
        if depth > self.limits.max_depth {
            let most = self.limits.max_depth;
            return self.fail(id, format!("yaml: exceeded max depth of {most}"));
        }
        Ok(())
    }

    fn value(&mut self, id: NodeId, depth: usize) -> Result<Value, YamlError> {
        self.count(id, depth)?;
        match &self.tree.nodes[id].kind {
            Kind::Scalar { text, .. } => {
                let scalar = self.scalar(id)?;
                self.scalar_value(id, &scalar, text)
            }
            Kind::Sequence(items) => items
                .iter()
                .map(|item| self.value(*item, depth + 1))
                .collect::<Result<Vec<_>, _>>()
                .map(Value::Array),
            Kind::Mapping(_) => {
                let mut entries = Entries::default();
                self.mapping(id, &mut entries, depth)?;
                Ok(Value::Object(entries.map))
            }
            Kind::Alias { target, .. } => {
                self.enter(id)?;
                let value = self.value(*target, depth + 1)?;
                self.open.remove(&id);
                Ok(value)
            }
        }
    }

    fn enter(&mut self, id: NodeId) -> Result<(), YamlError> {
        if self.open.insert(id) {
            return Ok(());
        }
        match &self.tree.nodes[id].kind {
            Kind::Alias { name, .. } => {
                self.fail(id, format!("yaml: anchor '{name}' value contains itself"))
            }
            _ => Ok(()),
        }
    }

    fn scalar(&self, id: NodeId) -> Result<Scalar, YamlError> {
        let node = &self.tree.nodes[id];
        let Kind::Scalar { text, implicit } = &node.kind else {
            return Ok(Scalar::Text);
        };
        match &node.tag {
            None if *implicit => Ok(resolve_plain(text, self.dialect)),
            None => Ok(Scalar::Text),
            Some(tag) => resolve_tagged(tag, text, self.dialect)
                .or_else(|text| self.fail(id, format!("yaml: {text}"))),
        }
    }

    fn scalar_value(
        &mut self,
        id: NodeId,
        scalar: &Scalar,
        text: &str,
    ) -> Result<Value, YamlError> {
        Ok(match scalar {
            Scalar::Null => Value::Null,
            Scalar::Bool(value) => Value::Bool(*value),
            Scalar::Int(value) => (*value).into(),
            Scalar::Uint(value) => (*value).into(),
            Scalar::Float(value) => match json_number(*value) {
                Some(number) => number,
                None => {
                    let shown = goprint::float(*value);
                    let error = self.error(id, format!("json: unsupported value: {shown}"));
                    self.bad_number.get_or_insert(error);
                    Value::Null
                }
            },
            Scalar::Timestamp if self.dialect == Dialect::V3 => {
                Value::String(normalized(text).unwrap_or_else(|| text.to_owned()))
            }
            Scalar::Text | Scalar::Timestamp => Value::String(text.to_owned()),
            Scalar::Binary => Value::String(self.binary(id, text)?),
        })
    }

    fn binary(&self, id: NodeId, text: &str) -> Result<String, YamlError> {
        let packed: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
        match BINARY.decode(packed) {
            Ok(bytes) => Ok(goprint::lossy(&bytes)),
            Err(_) => self.fail(id, "yaml: !!binary value contains invalid base64 data"),
        }
    }

    fn mapping(
        &mut self,
        id: NodeId,
        entries: &mut Entries,
        depth: usize,
    ) -> Result<(), YamlError> {
        let tree = self.tree;
        let Kind::Mapping(pairs) = &tree.nodes[id].kind else {
            return Ok(());
        };
        let mut merges = Vec::new();
        for (key, value) in pairs {
            if self.is_merge(*key) {
                if self.dialect == Dialect::V2 {
                    self.merge(*value, entries, depth)?;
                } else {
                    merges.push(*value);
                }
                continue;
            }
            let (name, typed) = self.key((*key, *value), id, depth)?;
            let decoded = self.value(*value, depth + 1)?;
            self.set((*key, *value), entries, (name, typed), decoded);
        }
        for value in merges {
            let mut merged = Entries::default();
            let strict = std::mem::replace(&mut self.strict, false);
            self.merge(value, &mut merged, depth)?;
            self.strict = strict;
            for (name, value) in merged.map {
                entries.map.entry(name).or_insert(value);
            }
        }
        Ok(())
    }

    fn set(
        &mut self,
        (key, at): (NodeId, NodeId),
        entries: &mut Entries,
        (name, typed): (String, String),
        value: Value,
    ) {
        let key_line = self.tree.nodes[key].line + 1;
        if self.strict
            && let Some(first) = entries.seen.insert(typed.clone(), key_line)
        {
            let line = self.tree.nodes[at].line + 1;
            let text = match self.dialect {
                Dialect::V2 => format!("line {line}: key {typed} already set in map"),
                Dialect::V3 => {
                    let name = goprint::quote(&name);
                    format!("line {key_line}: mapping key {name} already defined at line {first}")
                }
            };
            self.duplicates.push((line, text));
            return;
        }
        entries.map.insert(name, value);
    }

    /// A key's text, and how Go prints it with its type.
    fn key(
        &mut self,
        (id, value): (NodeId, NodeId),
        mapping: NodeId,
        depth: usize,
    ) -> Result<(String, String), YamlError> {
        let tree = self.tree;
        let mut target = id;
        let mut hops = 0;
        while let Kind::Alias { target: next, .. } = &tree.nodes[target].kind {
            target = *next;
            hops += 1;
        }
        self.count(id, depth + 1 + hops)?;
        let Kind::Scalar { text, .. } = &tree.nodes[target].kind else {
            // Its own faults come first: of `{{ .x }}` Go names the inner mapping.
            self.value(target, depth + 1 + hops)?;
            let shown = self.go_value(target, 0);
            return self.fail(id, format!("yaml: invalid map key: {}", shown.sharp()));
        };
        let scalar = self.scalar(target)?;
        if self.dialect == Dialect::V3 && !matches!(scalar, Scalar::Text | Scalar::Binary) {
            return self.fail(id, "json: unsupported type: map[interface {}]interface {}");
        }
        let name = match &scalar {
            Scalar::Bool(value) => value.to_string(),
            Scalar::Int(value) => value.to_string(),
            Scalar::Float(value) => format_f32_g(*value),
            Scalar::Text | Scalar::Timestamp => text.clone(),
            Scalar::Binary => self.binary(target, text)?,
            Scalar::Null | Scalar::Uint(_) => {
                let (ty, typed) = match &scalar {
                    Scalar::Uint(value) => ("uint64", format!("{value:#x}")),
                    _ => ("%!s(<nil>)", "<nil>".to_owned()),
                };
                let shown = match self.go_value(value, 0) {
                    GoValue::Nil => "<nil>".to_owned(),
                    other => other.sharp(),
                };
                let text =
                    format!("unsupported map key of type: {ty}, key: {typed}, value: {shown}");
                // Of equal keys in one mapping the last is the one that is there.
                if self
                    .bad_key
                    .as_ref()
                    .is_none_or(|(known, _)| *known == mapping)
                {
                    self.bad_key = Some((mapping, self.error(id, text)));
                }
                return Ok((String::new(), typed));
            }
        };
        let typed = match &scalar {
            Scalar::Bool(_) | Scalar::Int(_) => name.clone(),
            Scalar::Float(value) => goprint::float(*value),
            _ => goprint::quote(&name),
        };
        Ok((name, typed))
    }

    /// A node as Go would print it, to a depth that an error can bear.
    fn go_value(&self, id: NodeId, depth: usize) -> GoValue {
        let node = &self.tree.nodes[id];
        match &node.kind {
            _ if depth > 8 => GoValue::Nil,
            Kind::Scalar { text, .. } => match self.scalar(id) {
                Ok(Scalar::Null) => GoValue::Nil,
                Ok(Scalar::Bool(value)) => GoValue::Shown(value.to_string()),
                Ok(Scalar::Int(value)) => GoValue::Shown(value.to_string()),
                Ok(Scalar::Uint(value)) => GoValue::Shown(format!("{value:#x}")),
                Ok(Scalar::Float(value)) => GoValue::Shown(goprint::float(value)),
                _ => GoValue::Shown(goprint::quote(text)),
            },
            Kind::Sequence(items) => {
                GoValue::List(items.iter().map(|i| self.go_value(*i, depth + 1)).collect())
            }
            Kind::Mapping(pairs) => GoValue::Map(
                pairs
                    .iter()
                    .map(|(k, v)| (self.go_value(*k, depth + 1), self.go_value(*v, depth + 1)))
                    .collect(),
            ),
            Kind::Alias { target, .. } => self.go_value(*target, depth + 1),
        }
    }

    fn is_merge(&self, id: NodeId) -> bool {
        let node = &self.tree.nodes[id];
        let Kind::Scalar { text, implicit } = &node.kind else {
            return false;
        };
        text == "<<" && (*implicit || node.tag.as_deref() == Some("tag:yaml.org,2002:merge"))
    }

    fn merge(&mut self, id: NodeId, entries: &mut Entries, depth: usize) -> Result<(), YamlError> {
        const WANT_MAP: &str = "yaml: map merge requires map or sequence of maps as the value";
        let tree = self.tree;
        let is_map = |id: NodeId| match &tree.nodes[id].kind {
            Kind::Mapping(_) => true,
            Kind::Alias { target, .. } => matches!(tree.nodes[*target].kind, Kind::Mapping(_)),
            _ => false,
        };
        if is_map(id) {
            return self.merge_one(id, entries, depth);
        }
        let Kind::Sequence(items) = &tree.nodes[id].kind else {
            return self.fail(id, WANT_MAP);
        };
        // Backwards, since earlier ones take precedence.
        for item in items.iter().rev() {
            if !is_map(*item) {
                return self.fail(*item, WANT_MAP);
            }
            self.merge_one(*item, entries, depth)?;
        }
        Ok(())
    }

    fn merge_one(
        &mut self,
        id: NodeId,
        entries: &mut Entries,
        depth: usize,
    ) -> Result<(), YamlError> {
        self.count(id, depth + 1)?;
        let Kind::Alias { target, .. } = &self.tree.nodes[id].kind else {
            return self.mapping(id, entries, depth + 1);
        };
        self.enter(id)?;
        self.count(*target, depth + 1)?;
        self.mapping(*target, entries, depth + 1)?;
        self.open.remove(&id);
        Ok(())
    }
}

/// A float after its way through Go's JSON, where `1.0` is `1`; none for what JSON cannot hold.
fn json_number(value: f64) -> Option<Value> {
    if !value.is_finite() {
        return None;
    }
    let text = format_f64_json(value);
    if let Ok(integer) = text.parse::<i64>() {
        return Some(integer.into());
    }
    if let Ok(integer) = text.parse::<u64>() {
        return Some(integer.into());
    }
    serde_json::Number::from_f64(value).map(Value::Number)
}

/// go-yaml's bound on how much of a document may come from aliases.
fn allowed_ratio(decoded: usize) -> f64 {
    const LOW: usize = 400_000;
    const HIGH: usize = 4_000_000;
    match decoded {
        ..=LOW => 0.99,
        HIGH.. => 0.10,
        _ => 0.99 - 0.89 * ((decoded - LOW) as f64 / (HIGH - LOW) as f64),
    }
}
