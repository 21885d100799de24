//! The built-in kinds, read from the derived table `data/kinds.txt`.
//!
//! The table is text, a line a fact, so that a new Kubernetes release shows as a readable
//! difference. `cargo xtask schema-table` writes it:
//!
//! - `K|group|version|Kind|plural|singular|N or C|short names|categories|verbs|root type`, then
//!   its `S|subresource|group|version|Kind|verbs` and `C|column|type|format|priority`; an empty
//!   plural marks a kind that is only ever a body;
//! - `T|name|a if atomic|unions`, then one line a field: `name|protobuf numbers|type|marks|default`.
//!
//! A field's type is a letter for a scalar or the number of a `T` line, after any of `[` (atomic
//! list), `=` (set), `:key,key:` (list of objects), `{` (map), `@` (atomic map), `g` (the same
//! type, not atomic here). Marks: `!` required, `m` merge, `k` retainKeys, `r` replace, `=key`,
//! `z` zero values are dropped, `a` always written, `n` written as null.

use crate::kind::{Column, KindSchema, Scope, Subresource};
use crate::schemas::Schemas;
use crate::types::{
    Field, ListKind, Name, ObjectType, Patching, Scalar, Shape, Type, TypeId, Types, Union,
};
use argosy_object::Gvk;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

const TABLE: &str = include_str!("../data/kinds.txt");
/// Fields with a closed set of values: `DEFINITION|field|JSON list`.
const ENUMS: &str = include_str!("../data/enums.txt");

/// Reads the table; called once in a process.
///
/// The table is part of the program, so what cannot be read is a fault of ours, which the tests
/// find: a broken line is left out rather than panicking.
pub(crate) fn load() -> Schemas {
    let mut reader = Reader::default();
    let objects = TABLE.lines().filter(|line| line.starts_with("T|")).count();
    // Objects come first, so that the table's numbers are the arena's.
    for _ in 0..objects {
        reader.types.push(Type {
            name: Cow::Borrowed(""),
            shape: Shape::Any,
            rules: None,
        });
    }
    let mut kinds: Vec<(KindSchema, u32)> = Vec::new();
    let mut lines = TABLE.lines().peekable();
    let mut object = 0;
    while let Some(line) = lines.next() {
        let mut parts = line.split('|');
        match parts.next() {
            Some("K") => kinds.extend(kind(parts)),
            Some("S") => {
                if let Some((kind, _)) = kinds.last_mut() {
                    kind.subresources.extend(subresource(parts));
                }
            }
            Some("C") => {
                if let Some((kind, _)) = kinds.last_mut() {
                    kind.columns.push(column(parts));
                }
            }
            Some("T") => {
                let name = parts.next().unwrap_or_default();
                let atomic = parts.next() == Some("a");
                let unions = parts.next().map(unions).unwrap_or_default();
                let mut fields = Vec::new();
                while let Some(line) = lines.next_if(|line| !line.starts_with("T|")) {
                    fields.extend(reader.field(line));
                }
                fields.sort_by(|a, b| a.name.cmp(&b.name));
                let shape = ObjectType {
                    fields,
                    atomic,
                    unions,
                    ..ObjectType::default()
                };
                reader.types.all[object] = Type {
                    name: Cow::Borrowed(name),
                    shape: Shape::Object(shape),
                    rules: None,
                };
                object += 1;
            }
            _ => {}
        }
    }
    reader.add_values();
    reader.resolve_granular();
    let types = Arc::new(reader.types);
    let mut schemas = Schemas::default();
    for (mut kind, root) in kinds {
        kind.types = types.clone();
        kind.root = TypeId(root);
        kind.preferred = schemas.versions(&kind.gvk.group, &kind.gvk.kind).is_empty();
        let stored = schemas.by_group_kind(&kind.gvk.group, &kind.gvk.kind);
        kind.storage_version = stored.map_or_else(
            || Cow::Owned(kind.gvk.version.to_string()),
            |k| k.storage_version.clone(),
        );
        schemas.insert(kind);
    }
    schemas
}

/// Fills the arena; composite types are shared by their text.
#[derive(Default)]
struct Reader {
    types: Types,
    composite: HashMap<&'static str, TypeId>,
    granular: Vec<(TypeId, u32)>,
}

impl Reader {
    fn field(&mut self, line: &'static str) -> Option<Field> {
        let mut parts = line.splitn(5, '|');
        let name = parts.next()?;
        let mut proto = 0;
        for (at, number) in parts
            .next()?
            .split('.')
            .filter(|n| !n.is_empty())
            .enumerate()
        {
            proto |= number.parse::<u32>().ok()? << (8 * at);
        }
        let ty = self.expression(parts.next()?)?;
        let marks = parts.next()?;
        let default = parts
            .next()
            .and_then(|text| serde_json::from_str(text).ok());
        let (letters, merge_key) = match marks.split_once('=') {
            Some((letters, key)) => (letters, Some(Cow::Borrowed(key))),
            None => (marks, None),
        };
        Some(Field {
            name: Cow::Borrowed(name),
            ty,
            proto,
            required: letters.contains('!'),
            patch: Patching {
                merge: letters.contains('m'),
                retain_keys: letters.contains('k'),
                replace: letters.contains('r'),
                merge_key,
            },
            default: default.map(Arc::new),
            values: Vec::new(),
            drop_zero: letters.contains('z'),
            always: letters.contains('a'),
            always_null: letters.contains('n'),
        })
    }

    fn expression(&mut self, text: &'static str) -> Option<TypeId> {
        if let Ok(object) = text.parse() {
            return Some(TypeId(object));
        }
        if let Some(known) = self.composite.get(text) {
            return Some(*known);
        }
        let shape = if let Some(item) = text.strip_prefix('[') {
            Shape::List {
                item: self.expression(item)?,
                list: ListKind::Atomic,
            }
        } else if let Some(item) = text.strip_prefix('=') {
            Shape::List {
                item: self.expression(item)?,
                list: ListKind::Set,
            }
        } else if let Some((keys, item)) = text.strip_prefix(':').and_then(|t| t.split_once(':')) {
            let keys = keys.split(',').map(Cow::Borrowed).collect();
            Shape::List {
                item: self.expression(item)?,
                list: ListKind::Map { keys },
            }
        } else if let Some(value) = text.strip_prefix('{') {
            Shape::Map {
                value: self.expression(value)?,
                atomic: false,
            }
        } else if let Some(value) = text.strip_prefix('@') {
            Shape::Map {
                value: self.expression(value)?,
                atomic: true,
            }
        } else if let Some(object) = text.strip_prefix('g') {
            let object = object.parse().ok()?;
            let id = self.types.push(Type {
                name: "".into(),
                shape: Shape::Any,
                rules: None,
            });
            self.granular.push((id, object));
            self.composite.insert(text, id);
            return Some(id);
        } else {
            Shape::Scalar(scalar(text)?)
        };
        let id = self.types.push(Type {
            name: Cow::Borrowed(""),
            shape,
            rules: None,
        });
        self.composite.insert(text, id);
        Some(id)
    }

    /// Gives fields the values that they may have.
    fn add_values(&mut self) {
        let mut values: HashMap<&str, Vec<(&str, Vec<String>)>> = HashMap::new();
        for line in ENUMS.lines() {
            let mut parts = line.splitn(3, '|');
            let (Some(definition), Some(field), Some(list)) =
                (parts.next(), parts.next(), parts.next())
            else {
                continue;
            };
            let list = serde_json::from_str(list).unwrap_or_default();
            values.entry(definition).or_default().push((field, list));
        }
        for ty in &mut self.types.all {
            let (Some(given), Shape::Object(object)) =
                (values.remove(ty.name.as_ref()), &mut ty.shape)
            else {
                continue;
            };
            for (name, list) in given {
                if let Some(field) = object.fields.iter_mut().find(|f| f.name == name) {
                    field.values = list.into_iter().map(Cow::Owned).collect();
                }
            }
        }
    }

    /// Copies the types that are atomic elsewhere and shared field by field here.
    fn resolve_granular(&mut self) {
        for (id, object) in std::mem::take(&mut self.granular) {
            let source = &self.types.all[object as usize];
            let Shape::Object(shape) = &source.shape else {
                continue;
            };
            let fields = shape.fields.iter().map(copy_field).collect();
            let shape = ObjectType {
                fields,
                ..ObjectType::default()
            };
            let name = source.name.clone();
            self.types.all[id.0 as usize] = Type {
                name,
                shape: Shape::Object(shape),
                rules: None,
            };
        }
    }
}

fn copy_field(field: &Field) -> Field {
    Field {
        name: field.name.clone(),
        ty: field.ty,
        proto: field.proto,
        required: field.required,
        patch: field.patch.clone(),
        default: field.default.clone(),
        values: field.values.clone(),
        drop_zero: field.drop_zero,
        always: field.always,
        always_null: field.always_null,
    }
}

fn scalar(code: &str) -> Option<Scalar> {
    Some(match code {
        "s" => Scalar::String,
        "i" => Scalar::Int32,
        "l" => Scalar::Int64,
        "b" => Scalar::Bool,
        "f" => Scalar::Float,
        "y" => Scalar::Bytes,
        "q" => Scalar::Quantity,
        "x" => Scalar::IntOrString,
        "t" => Scalar::Time,
        "u" => Scalar::MicroTime,
        "d" => Scalar::Duration,
        "r" => Scalar::RawExtension,
        "F" => Scalar::FieldsV1,
        "j" => Scalar::Json,
        _ => return None,
    })
}

fn words(text: &'static str) -> Vec<Name> {
    text.split(',')
        .filter(|w| !w.is_empty())
        .map(Cow::Borrowed)
        .collect()
}

fn kind(mut parts: std::str::Split<'static, char>) -> Option<(KindSchema, u32)> {
    let (group, version, kind) = (parts.next()?, parts.next()?, parts.next()?);
    let schema = KindSchema {
        gvk: Gvk::new(group, version, kind),
        plural: Cow::Borrowed(parts.next()?),
        singular: Cow::Borrowed(parts.next()?),
        scope: if parts.next()? == "N" {
            Scope::Namespaced
        } else {
            Scope::Cluster
        },
        short_names: words(parts.next()?),
        categories: words(parts.next()?),
        list_kind: Cow::Owned(format!("{kind}List")),
        verbs: words(parts.next()?),
        subresources: Vec::new(),
        columns: Vec::new(),
        types: Arc::default(),
        root: TypeId(0),
        custom: None,
        preferred: true,
        storage_version: Cow::Borrowed(version),
    };
    Some((schema, parts.next()?.parse().ok()?))
}

fn subresource(mut parts: std::str::Split<'static, char>) -> Option<Subresource> {
    let name = Cow::Borrowed(parts.next()?);
    let kind = Gvk::new(parts.next()?, parts.next()?, parts.next()?);
    Some(Subresource {
        name,
        kind,
        verbs: words(parts.next()?),
    })
}

fn column(mut parts: std::str::Split<'static, char>) -> Column {
    let mut next = || Cow::Borrowed(parts.next().unwrap_or_default());
    Column {
        name: next(),
        ty: next(),
        format: next(),
        priority: next().parse().unwrap_or_default(),
        json_path: Cow::Borrowed(""),
        description: Cow::Borrowed(""),
    }
}

fn unions(text: &'static str) -> Vec<Union> {
    let one = |union: &'static str| {
        let (discriminator, fields) = union.split_once(':')?;
        let pair = |f: &'static str| f.split_once('=').map(|(a, b)| (a.into(), b.into()));
        Some(Union {
            discriminator: (!discriminator.is_empty()).then_some(Cow::Borrowed(discriminator)),
            fields: fields.split(',').filter_map(pair).collect(),
        })
    };
    text.split(';').filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let schemas = load();
        let kinds = TABLE.lines().filter(|l| l.starts_with("K|")).count();
        let resources = TABLE
            .lines()
            .filter(|l| l.starts_with("K|") && !l.contains("|||N||||"));
        assert_eq!(schemas.bodies_and_kinds().count(), kinds);
        assert_eq!(schemas.kinds().count(), resources.count());
        let types = &schemas.by_group_kind("apps", "Deployment").unwrap().types;
        let fields: usize = types
            .all
            .iter()
            .filter(|t| !t.name.is_empty())
            .map(|t| match &t.shape {
                Shape::Object(object) => object.fields.len(),
                _ => 0,
            })
            .sum();
        let granular = 7; // PersistentVolumeSpec.claimRef is the one copied type.
        let lines = TABLE
            .lines()
            .filter(|l| !l.starts_with(['K', 'S', 'C', 'T', '#']))
            .count();
        assert_eq!(fields, lines + granular);
    }

    #[test]
    fn deployment_has_names_subresources_and_merge_keys() {
        let schemas = load();
        let kind = schemas.by_resource("apps", "v1", "deployments").unwrap();
        assert_eq!(kind.short_names, ["deploy"]);
        assert_eq!(kind.categories, ["all"]);
        assert!(kind.is_namespaced());
        assert_eq!(
            kind.subresource("scale").unwrap().kind,
            Gvk::new("autoscaling", "v1", "Scale")
        );
        assert_eq!(kind.columns[3].name, "Available");
        let pod = schemas.kind(&Gvk::new("", "v1", "Pod")).unwrap();
        let Shape::Object(root) = &pod.root_type().shape else {
            panic!()
        };
        let Shape::Object(spec) = &pod.types.get(root.field("spec").unwrap().ty).shape else {
            panic!()
        };
        let containers = spec.field("containers").unwrap();
        assert_eq!(containers.patch.merge_key.as_deref(), Some("name"));
        assert!(containers.required && containers.proto == 2);
        let Shape::List { item, .. } = pod.types.get(containers.ty).shape else {
            panic!()
        };
        assert_eq!(pod.types.get(item).name, "io.k8s.api.core.v1.Container");
    }

    #[test]
    fn preferred_version_is_discoverys_first() {
        let schemas = load();
        let hpa = schemas
            .by_group_kind("autoscaling", "HorizontalPodAutoscaler")
            .unwrap();
        assert_eq!(&*hpa.gvk.version, "v2");
        assert_eq!(
            schemas
                .versions("autoscaling", "HorizontalPodAutoscaler")
                .len(),
            2
        );
    }
}
