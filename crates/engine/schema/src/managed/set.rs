//! Sets of field paths, as structured-merge-diff has them.

use super::atom::Cursor;
use crate::three_way::go_json;
use argosy_object::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// One step of a path. Keys and values are kept as canonical JSON text, so that they compare and
/// hash cheaply; the order of the variants is upstream's.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Step {
    /// A field of an object or a key of a map.
    Field(String),
    /// The keys of an item of a list of objects.
    Key(String),
    /// An item of a set.
    Item(String),
    /// An item by position.
    Index(usize),
}

impl Step {
    pub fn item(value: &Value) -> Self {
        Self::Item(go_json(&canonical(value)))
    }

    pub fn key(key: Map<String, Value>) -> Self {
        Self::Key(go_json(&canonical(&Value::Object(key))))
    }

    /// As `FieldsV1` names it.
    pub fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Key(json) => format!("k:{json}"),
            Self::Item(json) => format!("v:{json}"),
            Self::Index(at) => format!("i:{at}"),
        }
    }

    /// Reads a name of `FieldsV1`; `Ok(None)` for kinds of steps that are not known.
    pub fn decode(text: &str) -> Result<Option<Self>, String> {
        let (kind, rest) = text
            .split_once(':')
            .ok_or_else(|| format!("missing colon: {text}"))?;
        let json = || serde_json::from_str::<Value>(rest).map_err(|error| error.to_string());
        Ok(Some(match kind {
            "f" => Self::Field(rest.to_owned()),
            "v" => Self::item(&json()?),
            "k" => match json()? {
                Value::Object(key) => Self::key(key),
                _ => return Err(format!("key is no object: {rest}")),
            },
            "i" => Self::Index(rest.parse().map_err(|_| format!("bad index: {rest}"))?),
            _ => return Ok(None),
        }))
    }

    /// As messages name it.
    pub fn display(&self) -> String {
        let parse = |json: &str| serde_json::from_str::<Value>(json).unwrap_or_default();
        match self {
            Self::Field(name) => format!(".{name}"),
            Self::Key(json) => {
                let key = parse(json);
                let parts: Vec<String> = key
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| format!("{name}={}", go_value(value)))
                    .collect();
                format!("[{}]", parts.join(","))
            }
            Self::Item(json) => format!("[={}]", go_value(&parse(json))),
            Self::Index(at) => format!("[{at}]"),
        }
    }
}

fn go_value(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        other => other.to_string(),
    }
}

/// Numbers that are equal must read equal.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                Value::from(float as i64)
            }
            _ => value.clone(),
        },
        Value::Object(map) => {
            Value::Object(map.iter().map(|(k, v)| (k.clone(), canonical(v))).collect())
        }
        other => other.clone(),
    }
}

/// A set of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Set {
    /// Paths that end here.
    pub members: BTreeSet<Step>,
    /// Paths that go on.
    pub children: BTreeMap<Step, Set>,
}

impl Set {
    pub fn insert(&mut self, path: &[Step]) {
        let Some((last, parents)) = path.split_last() else {
            return;
        };
        let mut at = self;
        for step in parents {
            if !at.children.contains_key(step) {
                at.children.insert(step.clone(), Set::default());
            }
            at = at.children.get_mut(step).expect("inserted just above");
        }
        at.members.insert(last.clone());
    }

    /// A set of paths of field names.
    pub fn of(paths: &[&[&str]]) -> Self {
        let mut set = Self::default();
        for path in paths {
            let steps: Vec<Step> = path
                .iter()
                .map(|name| Step::Field((*name).into()))
                .collect();
            set.insert(&steps);
        }
        set
    }

    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.children.values().all(Set::is_empty)
    }

    pub fn union(&self, other: &Self) -> Self {
        let mut out = self.clone();
        out.absorb(other);
        out
    }

    pub fn absorb(&mut self, other: &Self) {
        self.members.extend(other.members.iter().cloned());
        for (step, set) in &other.children {
            match self.children.get_mut(step) {
                Some(own) => own.absorb(set),
                None => {
                    self.children.insert(step.clone(), set.clone());
                }
            }
        }
    }

    pub fn intersection(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(step, set)| {
            let both = set.intersection(other.children.get(step)?);
            (!both.is_empty()).then(|| (step.clone(), both))
        });
        Self {
            members: self.members.intersection(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    pub fn difference(&self, other: &Self) -> Self {
        let children = self.children.iter().filter_map(|(step, set)| {
            let rest = match other.children.get(step) {
                Some(other) => set.difference(other),
                None => return Some((step.clone(), set.clone())),
            };
            (!rest.is_empty()).then(|| (step.clone(), rest))
        });
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    /// As [`Set::difference`], and a member of `other` takes all below it away.
    pub fn without(&self, other: &Self) -> Self {
        let children = self
            .children
            .iter()
            .filter(|(step, _)| !other.members.contains(step));
        let children = children.filter_map(|(step, set)| {
            let rest = match other.children.get(step) {
                Some(other) => set.without(other),
                None => return Some((step.clone(), set.clone())),
            };
            (!rest.is_empty()).then(|| (step.clone(), rest))
        });
        Self {
            members: self.members.difference(&other.members).cloned().collect(),
            children: children.collect(),
        }
    }

    /// Makes declared fields that lead to members members themselves.
    pub fn with_named_fields(&self, cursor: Cursor<'_>) -> Self {
        let mut out = Self {
            members: self.members.clone(),
            children: BTreeMap::new(),
        };
        for (step, set) in &self.children {
            if let Step::Field(name) = step
                && cursor.declares(name)
            {
                out.members.insert(step.clone());
            }
            out.children
                .insert(step.clone(), set.with_named_fields(cursor.step(step)));
        }
        out
    }

    /// Every path, in order.
    pub fn paths(&self) -> Vec<Vec<Step>> {
        let mut out = Vec::new();
        self.collect(&mut Vec::new(), &mut out);
        out
    }

    fn collect(&self, prefix: &mut Vec<Step>, out: &mut Vec<Vec<Step>>) {
        for step in &self.members {
            let mut path = prefix.clone();
            path.push(step.clone());
            out.push(path);
        }
        for (step, set) in &self.children {
            prefix.push(step.clone());
            set.collect(prefix, out);
            prefix.pop();
        }
    }

    /// The set as `fieldsV1`.
    pub fn encode(&self) -> Value {
        let mut map = Map::new();
        for step in &self.members {
            map.insert(step.encode(), Value::Object(Map::new()));
        }
        for (step, set) in &self.children {
            if set.is_empty() {
                continue;
            }
            let mut inner = set.encode();
            if self.members.contains(step)
                && let Value::Object(inner) = &mut inner
            {
                inner.insert(".".into(), Value::Object(Map::new()));
            }
            map.insert(step.encode(), inner);
        }
        Value::Object(map)
    }

    /// Reads `fieldsV1`.
    pub fn decode(value: &Value) -> Result<Self, String> {
        let Value::Object(map) = value else {
            return Err("fieldsV1 is no object".into());
        };
        let mut out = Self::default();
        for (name, inner) in map {
            if name == "." {
                continue;
            }
            let Some(step) = Step::decode(name)? else {
                continue;
            };
            let Value::Object(fields) = inner else {
                return Err(format!("`{name}` is no object"));
            };
            if fields.is_empty() || fields.contains_key(".") {
                out.members.insert(step.clone());
            }
            let set = Self::decode(inner)?;
            if !set.is_empty() {
                out.children.insert(step, set);
            }
        }
        Ok(out)
    }
}
