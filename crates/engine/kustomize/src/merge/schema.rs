//! Which lists are merged, and by what keys: kustomize's built-in document, or a person's own.

use crate::id::Gvk;
use argosy_object::{Map, Value};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// How deep the types of a document may be nested.
const MAX_DEPTH: usize = 64;

/// The lists of all kinds that one document describes.
#[derive(Debug, Default)]
pub(crate) struct MergeSchema {
    kinds: HashMap<(String, String), usize>,
    types: Vec<Type>,
}

#[derive(Debug, Default)]
struct Type {
    fields: HashMap<String, Rule>,
    /// Fields that are not named.
    others: Option<Rule>,
}

/// What is known of a field.
#[derive(Clone, Debug, Default)]
struct Rule {
    /// The type of its value, or of its value's elements.
    to: Option<usize>,
    list: bool,
    /// The keys of a list that is merged; empty for a list of scalars.
    keys: Option<Vec<String>>,
}

static BUILTIN: LazyLock<Arc<MergeSchema>> =
    LazyLock::new(|| Arc::new(MergeSchema::builtin_copy()));

/// The built-in document: its lines are `kind VERSION KIND TYPE`, `type TYPE`, and of each type
/// `NAME field|list|merge TYPE [KEYS]`.
fn table(text: &str) -> MergeSchema {
    let mut schema = MergeSchema::default();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').collect();
        let number = |text: &str| text.parse().ok();
        match (words.as_slice(), schema.types.last_mut()) {
            (["kind", version, kind, to], _) => {
                if let Some(to) = number(to) {
                    let key = ((*version).to_owned(), (*kind).to_owned());
                    schema.kinds.insert(key, to);
                }
            }
            (["type", _], _) => schema.types.push(Type::default()),
            ([name, what, to, keys @ ..], Some(last)) => {
                let keys = keys.first().map(|keys| keys.split(','));
                let keys = keys.map(|keys| keys.filter(|k| !k.is_empty()).map(str::to_owned));
                let rule = Rule {
                    to: number(to),
                    list: *what != "field",
                    keys: keys.map(Iterator::collect),
                };
                last.fields.insert((*name).to_owned(), rule);
            }
            _ => {}
        }
    }
    schema
}

impl MergeSchema {
    /// The document that kustomize has built in.
    pub(crate) fn builtin() -> Arc<Self> {
        BUILTIN.clone()
    }

    /// The document that kustomize has built in, to add to.
    pub(crate) fn builtin_copy() -> Self {
        table(include_str!("../../data/merge.txt"))
    }

    /// These kinds, and those of an OpenAPI document, which win.
    pub(crate) fn with(self, document: &Value) -> Self {
        let first = self.types.len();
        let mut reader = Reader {
            schema: self,
            names: HashMap::new(),
        };
        let empty = Map::new();
        let definitions = document
            .get("definitions")
            .and_then(Value::as_object)
            .unwrap_or(&empty);
        for (at, name) in definitions.keys().enumerate() {
            reader.names.insert(name, first + at);
            reader.schema.types.push(Type::default());
        }
        for (at, definition) in definitions.values().enumerate() {
            let at = first + at;
            reader.fill(at, definition, 0);
            let gvks = definition.get("x-kubernetes-group-version-kind");
            for gvk in gvks.and_then(Value::as_array).into_iter().flatten() {
                let text = |field| crate::id::text(gvk, field);
                let gvk = Gvk::new(text("group"), text("version"), text("kind"));
                reader
                    .schema
                    .kinds
                    .insert((gvk.api_version(), gvk.kind), at);
            }
        }
        reader.schema
    }

    /// The place of a whole object.
    pub(super) fn kind(&self, gvk: &Gvk) -> Option<Cursor<'_>> {
        let ty = *self.kinds.get(&(gvk.api_version(), gvk.kind.clone()))?;
        Some(Cursor {
            schema: self,
            ty: Some(ty),
            rule: None,
        })
    }
}

/// A place in a kind's types.
#[derive(Clone, Copy)]
pub(super) struct Cursor<'s> {
    schema: &'s MergeSchema,
    ty: Option<usize>,
    rule: Option<&'s Rule>,
}

impl<'s> Cursor<'s> {
    pub(super) fn field(&self, name: &str) -> Option<Self> {
        if self.rule.is_some_and(|rule| rule.list) {
            return None;
        }
        let ty = self.schema.types.get(self.ty?)?;
        let rule = ty.fields.get(name).or(ty.others.as_ref())?;
        Some(Self {
            ty: rule.to,
            rule: Some(rule),
            ..*self
        })
    }

    pub(super) fn items(&self) -> Option<Self> {
        self.rule.filter(|rule| rule.list).map(|_| Self {
            rule: None,
            ..*self
        })
    }

    /// The merge keys of a list that is merged; none for one that is replaced.
    pub(super) fn merge_keys(&self) -> Option<Vec<&'s str>> {
        let rule = self.rule.filter(|rule| rule.list)?;
        Some(rule.keys.as_ref()?.iter().map(String::as_str).collect())
    }
}

/// A document on its way in.
struct Reader<'d> {
    schema: MergeSchema,
    names: HashMap<&'d str, usize>,
}

impl<'d> Reader<'d> {
    fn fill(&mut self, at: usize, schema: &'d Value, depth: usize) {
        if depth > MAX_DEPTH {
            return;
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            let rule = self.rule(property, depth);
            self.schema.types[at].fields.insert(name.clone(), rule);
        }
        if let Some(others) = schema.get("additionalProperties").filter(|o| o.is_object()) {
            let rule = self.rule(others, depth);
            self.schema.types[at].others = Some(rule);
        }
    }

    fn rule(&mut self, property: &'d Value, depth: usize) -> Rule {
        let text = |field| crate::id::text(property, field);
        let items = property.get("items");
        let merged = text("x-kubernetes-patch-strategy")
            .split(',')
            .any(|strategy| strategy == "merge");
        let keys = match property.get("x-kubernetes-list-map-keys") {
            Some(Value::Array(keys)) => keys
                .iter()
                .filter_map(|key| key.as_str().map(str::to_owned))
                .collect(),
            _ => Some(text("x-kubernetes-patch-merge-key").to_owned())
                .filter(|key| !key.is_empty())
                .into_iter()
                .collect(),
        };
        Rule {
            to: self.type_of(items.unwrap_or(property), depth),
            list: items.is_some(),
            keys: merged.then_some(keys),
        }
    }

    fn type_of(&mut self, schema: &'d Value, depth: usize) -> Option<usize> {
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let name = reference.strip_prefix("#/definitions/")?;
            return self.names.get(name).copied();
        }
        if schema.get("properties").is_none() && schema.get("additionalProperties").is_none() {
            return None;
        }
        let at = self.schema.types.len();
        self.schema.types.push(Type::default());
        self.fill(at, schema, depth + 1);
        Some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::{Gvk, MergeSchema};
    use argosy_object::json;

    #[test]
    fn builtin_lists_have_their_keys() {
        let builtin = MergeSchema::builtin();
        let deployment = builtin.kind(&Gvk::new("apps", "v1", "Deployment")).unwrap();
        let pod = ["spec", "template", "spec"]
            .iter()
            .fold(deployment, |at, field| at.field(field).unwrap());
        let containers = pod.field("containers").unwrap();
        assert_eq!(containers.merge_keys(), Some(vec!["name"]));
        let ports = containers.items().unwrap().field("ports").unwrap();
        assert_eq!(ports.merge_keys(), Some(vec!["containerPort", "protocol"]));
        assert!(pod.field("tolerations").is_none());
        assert!(
            builtin
                .kind(&Gvk::new("apps", "v9", "Deployment"))
                .is_none()
        );
    }

    #[test]
    fn own_documents_are_read_with_references_and_inline_types() {
        let schema = MergeSchema::default().with(&json!({"definitions": {
            "X": {"x-kubernetes-group-version-kind": [{"group": "e.com", "version": "v1", "kind": "X"}],
                "properties": {"spec": {"properties": {"parts": {
                    "items": {"$ref": "#/definitions/Part"},
                    "x-kubernetes-patch-strategy": "merge", "x-kubernetes-patch-merge-key": "id"}}}}},
            "Part": {"properties": {"tags": {"items": {"type": "string"},
                "x-kubernetes-patch-strategy": "merge"}, "self": {"$ref": "#/definitions/Part"}}}}}));
        let kind = schema.kind(&Gvk::new("e.com", "v1", "X")).unwrap();
        let parts = kind.field("spec").unwrap().field("parts").unwrap();
        assert_eq!(parts.merge_keys(), Some(vec!["id"]));
        let tags = parts
            .items()
            .unwrap()
            .field("self")
            .unwrap()
            .field("tags")
            .unwrap();
        assert_eq!(tags.merge_keys(), Some(vec![]));
    }
}
