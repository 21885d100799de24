//! Custom kinds: a CRD's versions as the same schema that built-in kinds have.

use crate::cel::CelRules;
use crate::kind::{Column, CrdInfo, KindSchema, ScalePaths, Scope, Subresource};
use crate::pattern::Pattern;
use crate::schemas::Schemas;
use crate::types::{
    CelRule, Field, ListKind, Logic, Name, ObjectType, Patching, Rules, Scalar, Shape, Type,
    TypeId, Types,
};
use argosy_object::{Gvk, Map, Object, Value};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

/// Schemas nested deeper than this are taken as free-form from there on.
const MAX_DEPTH: usize = 100;

/// The served versions of a CRD; versions whose schema cannot be read are left out.
pub(crate) fn kinds(crd: &Object) -> Vec<KindSchema> {
    let spec = &crd.value()["spec"];
    let versions: Vec<&Value> = spec["versions"].as_array().into_iter().flatten().collect();
    let storage = versions
        .iter()
        .find(|v| v["storage"] == true)
        .map_or("", |v| text(v, "name"));
    let preferred = versions
        .iter()
        .filter(|v| v["served"] == true)
        .map(|v| text(v, "name"))
        .min_by(|a, b| version_order(a, b));
    versions
        .iter()
        .filter(|version| version["served"] == true)
        .filter_map(|version| kind(crd, spec, version, storage, preferred))
        .collect()
}

/// Kubernetes' order of versions: GA before beta before alpha, newer first.
pub(crate) fn version_order(a: &str, b: &str) -> std::cmp::Ordering {
    let rank = |version: &str| -> Option<(u8, u64, u64)> {
        let rest = version.strip_prefix('v')?;
        let end = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let major: u64 = rest[..end].parse().ok()?;
        let (stage, minor) = match &rest[end..] {
            "" => (0, ""),
            rest if rest.starts_with("beta") => (1, &rest[4..]),
            rest if rest.starts_with("alpha") => (2, &rest[5..]),
            _ => return None,
        };
        let minor: u64 = if stage == 0 { 0 } else { minor.parse().ok()? };
        Some((stage, u64::MAX - major, u64::MAX - minor))
    };
    match (rank(a), rank(b)) {
        (Some(left), Some(right)) => left.cmp(&right),
        (Some(_), None) => std::cmp::Ordering::Less,
        (None, Some(_)) => std::cmp::Ordering::Greater,
        (None, None) => a.cmp(b),
    }
}

fn kind(
    crd: &Object,
    spec: &Value,
    version: &Value,
    storage: &str,
    preferred: Option<&str>,
) -> Option<KindSchema> {
    let names = &spec["names"];
    let (group, name) = (text(spec, "group"), text(version, "name"));
    let kind = text(names, "kind");
    if group.is_empty() || name.is_empty() || kind.is_empty() || text(names, "plural").is_empty() {
        return None;
    }
    let schema = version["schema"]["openAPIV3Schema"].as_object();
    let mut builder = Builder::default();
    let mut root = match schema {
        Some(schema) if spec["preserveUnknownFields"] != true => builder.node(schema, 0),
        _ => free_form(),
    };
    builder.make_object(&mut root, true);
    let root = builder.types.push(root);
    let gvk = Gvk::new(group, name, kind);
    let owned = |text: &str| -> Name { Cow::Owned(text.to_owned()) };
    let words = |value: &Value| -> Vec<Name> {
        value
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(owned)
            .collect()
    };
    let or = |text: &str, default: String| -> Name {
        Cow::Owned(if text.is_empty() {
            default
        } else {
            text.to_owned()
        })
    };
    let list = |text: &str| text.split(',').map(owned).collect::<Vec<_>>();
    Some(KindSchema {
        plural: owned(text(names, "plural")),
        singular: or(text(names, "singular"), kind.to_lowercase()),
        short_names: words(&names["shortNames"]),
        categories: words(&names["categories"]),
        scope: if spec["scope"] == "Cluster" {
            Scope::Cluster
        } else {
            Scope::Namespaced
        },
        list_kind: or(text(names, "listKind"), format!("{kind}List")),
        verbs: list("delete,deletecollection,get,list,patch,create,update,watch"),
        subresources: subresources(&version["subresources"], &gvk),
        columns: columns(&version["additionalPrinterColumns"]),
        types: Arc::new(builder.types),
        root,
        custom: Some(Box::new(info(crd, spec, version, schema))),
        preferred: preferred == Some(name),
        storage_version: owned(storage),
        gvk,
    })
}

fn info(
    crd: &Object,
    spec: &Value,
    version: &Value,
    schema: Option<&Map<String, Value>>,
) -> CrdInfo {
    let scale = &version["subresources"]["scale"];
    let deprecated = version["deprecated"] == true;
    let name = text(version, "name");
    let warning = version["deprecationWarning"]
        .as_str()
        .map_or_else(|| deprecation(spec, name), str::to_owned);
    CrdInfo {
        crd: crd.name().to_owned(),
        served: version["served"] == true,
        storage: version["storage"] == true,
        preserve_unknown: spec["preserveUnknownFields"] == true,
        status: version["subresources"]["status"].is_object(),
        scale: scale.is_object().then(|| ScalePaths {
            spec_replicas: text(scale, "specReplicasPath").to_owned(),
            status_replicas: text(scale, "statusReplicasPath").to_owned(),
            label_selector: scale["labelSelectorPath"].as_str().map(str::to_owned),
        }),
        selectable_fields: version["selectableFields"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|field| text(field, "jsonPath").to_owned())
            .collect(),
        conversion: match text(&spec["conversion"], "strategy") {
            "" => "None".to_owned(),
            strategy => strategy.to_owned(),
        },
        deprecation_warning: deprecated.then_some(warning),
        schema: schema.map(|schema| Arc::new(Value::Object(schema.clone()))),
        rules: CelRules::default(),
    }
}

/// The warning of a deprecated version that has no words of its own; it names the best newer one.
fn deprecation(spec: &Value, name: &str) -> String {
    let (group, kind) = (text(spec, "group"), text(&spec["names"], "kind"));
    let better = spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|v| v["served"] == true && v["deprecated"] != true)
        .map(|v| text(v, "name"))
        .filter(|other| version_order(other, name).is_lt())
        .min_by(|a, b| version_order(a, b));
    match better {
        Some(better) => {
            format!("{group}/{name} {kind} is deprecated; use {group}/{better} {kind}")
        }
        None => format!("{group}/{name} {kind} is deprecated"),
    }
}

fn subresources(spec: &Value, gvk: &Gvk) -> Vec<Subresource> {
    let verbs = || ["get", "patch", "update"].map(Cow::Borrowed).to_vec();
    let mut found = Vec::new();
    if spec["status"].is_object() {
        found.push(Subresource {
            name: "status".into(),
            kind: gvk.clone(),
            verbs: verbs(),
        });
    }
    if spec["scale"].is_object() {
        let kind = Gvk::new("autoscaling", "v1", "Scale");
        found.push(Subresource {
            name: "scale".into(),
            kind,
            verbs: verbs(),
        });
    }
    found
}

fn columns(declared: &Value) -> Vec<Column> {
    let column = |name: &str, ty: &str, format: &str, path: &str| Column {
        name: Cow::Owned(name.to_owned()),
        ty: Cow::Owned(ty.to_owned()),
        format: Cow::Owned(format.to_owned()),
        json_path: Cow::Owned(path.to_owned()),
        priority: 0,
        description: Cow::Borrowed(""),
    };
    let mut columns = vec![column("Name", "string", "name", "")];
    match declared.as_array().filter(|declared| !declared.is_empty()) {
        Some(declared) => columns.extend(declared.iter().map(|c| Column {
            priority: c["priority"].as_i64().unwrap_or_default() as i32,
            description: Cow::Owned(text(c, "description").to_owned()),
            ..column(
                text(c, "name"),
                text(c, "type"),
                text(c, "format"),
                text(c, "jsonPath"),
            )
        })),
        None => columns.push(column("Age", "date", "", ".metadata.creationTimestamp")),
    }
    columns
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value.get(field).and_then(Value::as_str).unwrap_or_default()
}

fn free_form() -> Type {
    Type {
        name: "".into(),
        shape: Shape::Any,
        rules: None,
    }
}

#[derive(Default)]
struct Builder {
    types: Types,
    metadata: Option<TypeId>,
}

impl Builder {
    fn add(&mut self, schema: &Value, depth: usize) -> TypeId {
        let ty = match schema.as_object() {
            Some(schema) if depth < MAX_DEPTH => self.node(schema, depth),
            _ => free_form(),
        };
        self.types.push(ty)
    }

    fn node(&mut self, schema: &Map<String, Value>, depth: usize) -> Type {
        let shape = self.shape(schema, depth);
        let rules = self.rules(schema, depth);
        let mut ty = Type {
            name: "".into(),
            shape,
            rules,
        };
        if schema.get("x-kubernetes-embedded-resource") == Some(&Value::Bool(true)) {
            self.make_object(&mut ty, false);
        }
        ty
    }

    fn shape(&mut self, schema: &Map<String, Value>, depth: usize) -> Shape {
        let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        let word = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default();
        if flag("x-kubernetes-int-or-string") {
            return Shape::Scalar(Scalar::IntOrString);
        }
        match (word("type"), word("format")) {
            ("string", _) => Shape::Scalar(Scalar::String),
            ("integer", "int32") => Shape::Scalar(Scalar::Int32),
            ("integer", "int64") => Shape::Scalar(Scalar::Int64),
            ("integer", _) => Shape::Scalar(Scalar::Integer),
            ("number", _) => Shape::Scalar(Scalar::Float),
            ("boolean", _) => Shape::Scalar(Scalar::Bool),
            ("array", _) => {
                let item = self.add(schema.get("items").unwrap_or(&Value::Null), depth + 1);
                let keys = schema
                    .get("x-kubernetes-list-map-keys")
                    .and_then(Value::as_array);
                let keys = keys.into_iter().flatten().filter_map(Value::as_str);
                let list = match word("x-kubernetes-list-type") {
                    "set" => ListKind::Set,
                    "map" => ListKind::Map {
                        keys: keys.map(|k| Cow::Owned(k.to_owned())).collect(),
                    },
                    _ => ListKind::Atomic,
                };
                Shape::List { item, list }
            }
            ("object", _) => self.object(schema, depth),
            _ if schema.contains_key("properties") || schema.contains_key("required") => {
                let mut shape = self.object(schema, depth);
                if let Shape::Object(object) = &mut shape {
                    object.preserve_unknown = true;
                }
                shape
            }
            _ => Shape::Any,
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Shape {
        let atomic = schema.get("x-kubernetes-map-type").and_then(Value::as_str) == Some("atomic");
        let preserve =
            schema.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true));
        let additional = schema.get("additionalProperties");
        let properties = schema.get("properties").and_then(Value::as_object);
        let open = additional == Some(&Value::Bool(true));
        let additional = additional
            .filter(|schema| schema.is_object())
            .map(|schema| self.add(schema, depth + 1));
        let Some(properties) = properties.filter(|p| !p.is_empty()) else {
            return match additional {
                Some(value) => Shape::Map { value, atomic },
                None => {
                    let preserve_unknown = preserve || open;
                    Shape::Object(ObjectType {
                        atomic,
                        preserve_unknown,
                        ..ObjectType::default()
                    })
                }
            };
        };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut fields: Vec<Field> = properties
            .iter()
            .map(|(name, schema)| {
                let ty = self.add(schema, depth + 1);
                let mut field = field(name, ty);
                field.required = required.contains(&name.as_str());
                field.default = schema
                    .get("default")
                    .map(|default| Arc::new(default.clone()));
                field
            })
            .collect();
        fields.sort_by(|a, b| a.name.cmp(&b.name));
        let preserve_unknown = preserve || open;
        Shape::Object(ObjectType {
            fields,
            atomic,
            preserve_unknown,
            additional,
            ..Default::default()
        })
    }

    /// Gives a node the fields that every Kubernetes object has.
    fn make_object(&mut self, ty: &mut Type, root: bool) {
        if matches!(ty.shape, Shape::Any) {
            let object = ObjectType {
                preserve_unknown: true,
                ..ObjectType::default()
            };
            ty.shape = Shape::Object(object);
        }
        let Shape::Object(object) = &mut ty.shape else {
            return;
        };
        let metadata = match self.metadata {
            Some(id) => id,
            None => {
                let id = copy_metadata(&mut self.types);
                self.metadata = Some(id);
                id
            }
        };
        let string = Type {
            name: "".into(),
            shape: Shape::Scalar(Scalar::String),
            rules: None,
        };
        let string = self.types.push(string);
        for (name, id) in [
            ("apiVersion", string),
            ("kind", string),
            ("metadata", metadata),
        ] {
            let required = !root && name != "metadata";
            match object.fields.iter_mut().find(|f| f.name == name) {
                // What a CRD says of metadata can only narrow names; its type is always ours.
                Some(field) if name == "metadata" => field.ty = id,
                Some(_) => {}
                None => object.fields.push(Field {
                    required,
                    ..field(name, id)
                }),
            }
        }
        object.fields.sort_by(|a, b| a.name.cmp(&b.name));
        object.embedded = !root;
    }

    fn rules(&mut self, schema: &Map<String, Value>, depth: usize) -> Option<Box<Rules>> {
        let flag = |name: &str| schema.get(name) == Some(&Value::Bool(true));
        let number = |name: &str| schema.get(name).and_then(Value::as_f64);
        let count = |name: &str| schema.get(name).and_then(Value::as_u64);
        let word = |name: &str| schema.get(name).and_then(Value::as_str);
        let branches = |builder: &mut Self, name: &str| -> Vec<TypeId> {
            let found = schema.get(name).and_then(Value::as_array);
            found
                .into_iter()
                .flatten()
                .map(|schema| builder.add(schema, depth + 1))
                .collect()
        };
        let logic = Logic {
            all: branches(self, "allOf"),
            any: branches(self, "anyOf"),
            one: branches(self, "oneOf"),
            not: schema.get("not").map(|schema| self.add(schema, depth + 1)),
        };
        let has_logic = !(logic.all.is_empty() && logic.any.is_empty() && logic.one.is_empty())
            || logic.not.is_some();
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let undescribed = required
            .filter_map(Value::as_str)
            .filter(|name| properties.is_none_or(|p| !p.contains_key(*name)))
            .map(|name| Cow::Owned(name.to_owned()))
            .collect();
        let validations = schema
            .get("x-kubernetes-validations")
            .and_then(Value::as_array);
        let rules = Rules {
            nullable: flag("nullable"),
            minimum: number("minimum").map(|min| (min, flag("exclusiveMinimum"))),
            maximum: number("maximum").map(|max| (max, flag("exclusiveMaximum"))),
            multiple_of: number("multipleOf"),
            min_length: count("minLength"),
            max_length: count("maxLength"),
            pattern: word("pattern").map(Pattern::new),
            format: word("format").map(Into::into),
            values: schema
                .get("enum")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
            min_items: count("minItems"),
            max_items: count("maxItems"),
            unique_items: flag("uniqueItems"),
            typed: schema.contains_key("type") || flag("x-kubernetes-int-or-string"),
            required: undescribed,
            min_properties: count("minProperties"),
            max_properties: count("maxProperties"),
            default: schema.get("default").cloned(),
            logic: has_logic.then(|| Box::new(logic)),
            validations: validations.into_iter().flatten().map(cel_rule).collect(),
        };
        Some(Box::new(rules))
    }
}

fn cel_rule(rule: &Value) -> CelRule {
    let word = |name: &str| text(rule, name).to_owned();
    CelRule {
        rule: word("rule"),
        message: word("message"),
        message_expression: word("messageExpression"),
        reason: word("reason"),
        field_path: word("fieldPath"),
        optional_old_self: rule["optionalOldSelf"] == true,
    }
}

fn field(name: &str, ty: TypeId) -> Field {
    Field {
        name: Cow::Owned(name.to_owned()),
        ty,
        proto: 0,
        required: false,
        patch: Patching::default(),
        default: None,
        values: Vec::new(),
        drop_zero: false,
        always: false,
        always_null: false,
    }
}

/// Copies `ObjectMeta` and what it uses out of the built-in arena.
fn copy_metadata(types: &mut Types) -> TypeId {
    let schemas = Schemas::builtin();
    let source = schemas
        .kinds()
        .next()
        .map(|kind| kind.types.clone())
        .unwrap_or_default();
    let name = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";
    match source.all.iter().position(|ty| ty.name == name) {
        Some(at) => copy(&source, TypeId(at as u32), types, &mut HashMap::new()),
        None => types.push(Type {
            name: "".into(),
            shape: Shape::Any,
            rules: None,
        }),
    }
}

fn copy(
    source: &Types,
    id: TypeId,
    types: &mut Types,
    known: &mut HashMap<TypeId, TypeId>,
) -> TypeId {
    if let Some(copied) = known.get(&id) {
        return *copied;
    }
    let ty = source.get(id);
    let place = types.push(Type {
        name: ty.name.clone(),
        shape: Shape::Any,
        rules: None,
    });
    known.insert(id, place);
    let shape = match &ty.shape {
        Shape::Object(object) => Shape::Object(ObjectType {
            fields: object
                .fields
                .iter()
                .map(|f| Field {
                    ty: copy(source, f.ty, types, known),
                    required: f.required,
                    ..field(&f.name, place)
                })
                .collect(),
            atomic: object.atomic,
            ..ObjectType::default()
        }),
        Shape::Map { value, atomic } => Shape::Map {
            value: copy(source, *value, types, known),
            atomic: *atomic,
        },
        Shape::List { item, list } => Shape::List {
            item: copy(source, *item, types, known),
            list: list.clone(),
        },
        Shape::Scalar(scalar) => Shape::Scalar(*scalar),
        Shape::Any => Shape::Any,
    };
    types.all[place.0 as usize].shape = shape;
    place
}

#[cfg(test)]
pub(crate) mod tests;
