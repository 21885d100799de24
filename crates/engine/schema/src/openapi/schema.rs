//! Types as OpenAPI schemas.

use crate::kind::KindSchema;
use crate::schemas::Schemas;
use crate::types::{Field, ListKind, ObjectType, Scalar, Shape, TypeId, Types};
use argosy_object::{Gvk, Map, Value, json};

/// The definition of a patch's body.
pub(super) const PATCH: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.Patch";
const LIST_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta";
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Which document a schema is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Flavour {
    V2,
    V3,
}

/// Collects the schemas a document refers to.
pub(super) struct Components<'s> {
    flavour: Flavour,
    schemas: &'s Schemas,
    all: Map<String, Value>,
}

impl<'s> Components<'s> {
    pub fn new(flavour: Flavour, schemas: &'s Schemas) -> Self {
        let mut components = Self {
            flavour,
            schemas,
            all: Map::new(),
        };
        components
            .all
            .insert(PATCH.into(), json!({"type": "object"}));
        components
    }

    pub fn finish(self) -> Value {
        Value::Object(self.all)
    }

    /// The definition's name of a kind.
    pub fn name_of(&self, gvk: &Gvk) -> String {
        match self.schemas.kind(gvk) {
            Some(kind) if !kind.is_custom() => kind.root_type().name.to_string(),
            // Options of connecting subresources have no body.
            None if gvk.kind.ends_with("Options") => PATCH.to_owned(),
            _ => {
                let group: Vec<&str> = gvk.group.rsplit('.').collect();
                format!("{}.{}.{}", group.join("."), gvk.version, gvk.kind)
            }
        }
    }

    /// Adds a kind, its list and all they use.
    pub fn add_kind(&mut self, kind: &KindSchema) {
        let name = self.name_of(&kind.gvk);
        if self.all.contains_key(&name) && self.all[&name].get(GVK).is_some() {
            return;
        }
        if kind.is_custom() {
            self.add_metadata();
            let schema = self.custom(kind);
            self.all.insert(name.clone(), schema);
        } else {
            self.add(&kind.types, kind.root);
        }
        if let Some(Value::Object(schema)) = self.all.get_mut(&name) {
            schema.insert(GVK.into(), json!([tag(&kind.gvk, &kind.gvk.kind)]));
        }
        if kind.verbs.iter().any(|verb| verb == "list") {
            self.add_list_meta();
            let item = self.reference(&name);
            let metadata = self.reference(LIST_META);
            let list = json!({
                "type": "object",
                "required": ["items"],
                "properties": {
                    "apiVersion": {"type": "string"},
                    "kind": {"type": "string"},
                    "metadata": metadata,
                    "items": {"type": "array", "items": item},
                },
                GVK: [tag(&kind.gvk, &kind.list_kind)],
            });
            self.all.insert(format!("{name}List"), list);
        }
    }

    fn add_list_meta(&mut self) {
        self.all.entry(LIST_META).or_insert_with(|| {
            json!({"type": "object", "properties": {
                "continue": {"type": "string"},
                "remainingItemCount": {"type": "integer", "format": "int64"},
                "resourceVersion": {"type": "string"},
                "selfLink": {"type": "string"},
            }})
        });
    }

    fn add_metadata(&mut self) {
        let builtin = Schemas::builtin();
        let types = builtin
            .kinds()
            .next()
            .map(|kind| kind.types.clone())
            .unwrap_or_default();
        if let Some(at) = types.all.iter().position(|ty| ty.name == OBJECT_META) {
            self.add(&types, TypeId(at as u32));
        }
    }

    /// Adds a named object type and all it uses.
    fn add(&mut self, types: &Types, id: TypeId) {
        let ty = types.get(id);
        let name = ty.name.to_string();
        if self.all.contains_key(&name) {
            return;
        }
        self.all.insert(name.clone(), Value::Null);
        let schema = match &ty.shape {
            Shape::Object(object) => self.object(types, object),
            _ => self.schema(types, id),
        };
        self.all.insert(name, schema);
    }

    fn object(&mut self, types: &Types, object: &ObjectType) -> Value {
        let mut properties = Map::new();
        for field in &object.fields {
            properties.insert(field.name.to_string(), self.field(types, field));
        }
        let required: Vec<&str> = object
            .fields
            .iter()
            .filter(|f| f.required)
            .map(|f| f.name.as_ref())
            .collect();
        let mut out = json!({"type": "object"});
        if !properties.is_empty() {
            out["properties"] = Value::Object(properties);
        }
        if !required.is_empty() {
            out["required"] = json!(required);
        }
        if object.atomic {
            out["x-kubernetes-map-type"] = json!("atomic");
        }
        if !object.unions.is_empty() {
            let unions: Vec<Value> = object
                .unions
                .iter()
                .map(|union| {
                    let fields: Map<String, Value> = union
                        .fields
                        .iter()
                        .map(|(field, value)| (field.to_string(), json!(value)))
                        .collect();
                    let mut out = json!({"fields-to-discriminateBy": fields});
                    if let Some(name) = &union.discriminator {
                        out["discriminator"] = json!(name);
                    }
                    out
                })
                .collect();
            out["x-kubernetes-unions"] = json!(unions);
        }
        out
    }

    fn field(&mut self, types: &Types, field: &Field) -> Value {
        let mut out = self.schema(types, field.ty);
        if let Some(default) = &field.default {
            out["default"] = (**default).clone();
        }
        if !field.values.is_empty() {
            out["enum"] = json!(field.values);
        }
        let patch = &field.patch;
        let strategies: Vec<&str> = [
            (patch.merge, "merge"),
            (patch.retain_keys, "retainKeys"),
            (patch.replace, "replace"),
        ]
        .iter()
        .filter_map(|(on, name)| on.then_some(*name))
        .collect();
        if !strategies.is_empty() {
            out["x-kubernetes-patch-strategy"] = json!(strategies.join(","));
        }
        if let Some(key) = &patch.merge_key {
            out["x-kubernetes-patch-merge-key"] = json!(key);
        }
        out
    }

    fn reference(&self, name: &str) -> Value {
        match self.flavour {
            Flavour::V2 => json!({"$ref": format!("#/definitions/{name}")}),
            Flavour::V3 => json!({"allOf": [{"$ref": format!("#/components/schemas/{name}")}]}),
        }
    }

    fn schema(&mut self, types: &Types, id: TypeId) -> Value {
        let ty = types.get(id);
        match &ty.shape {
            Shape::Object(_) if !ty.name.is_empty() => {
                self.add(types, id);
                self.reference(&ty.name)
            }
            Shape::Object(object) => self.object(types, object),
            Shape::Map { value, atomic } => {
                let mut out = json!({"type": "object"});
                out["additionalProperties"] = self.schema(types, *value);
                if *atomic {
                    out["x-kubernetes-map-type"] = json!("atomic");
                }
                out
            }
            Shape::List { item, list } => {
                let mut out = json!({"type": "array"});
                out["items"] = self.schema(types, *item);
                match list {
                    ListKind::Atomic => out["x-kubernetes-list-type"] = json!("atomic"),
                    ListKind::Set => out["x-kubernetes-list-type"] = json!("set"),
                    ListKind::Map { keys } => {
                        out["x-kubernetes-list-type"] = json!("map");
                        out["x-kubernetes-list-map-keys"] = json!(keys);
                    }
                }
                out
            }
            Shape::Scalar(scalar) => self.scalar(*scalar),
            Shape::Any => json!({}),
        }
    }

    fn scalar(&mut self, scalar: Scalar) -> Value {
        let (package, name) = match scalar {
            Scalar::String => return json!({"type": "string"}),
            Scalar::Int32 => return json!({"type": "integer", "format": "int32"}),
            Scalar::Int64 => return json!({"type": "integer", "format": "int64"}),
            Scalar::Integer => return json!({"type": "integer"}),
            Scalar::Bool => return json!({"type": "boolean"}),
            Scalar::Float => return json!({"type": "number", "format": "double"}),
            Scalar::Bytes => return json!({"type": "string", "format": "byte"}),
            Scalar::Json => return json!({}),
            Scalar::Quantity => ("api.resource", "Quantity"),
            Scalar::IntOrString => ("util.intstr", "IntOrString"),
            Scalar::Time => ("apis.meta.v1", "Time"),
            Scalar::MicroTime => ("apis.meta.v1", "MicroTime"),
            Scalar::Duration => ("apis.meta.v1", "Duration"),
            Scalar::RawExtension => ("runtime", "RawExtension"),
            Scalar::FieldsV1 => ("apis.meta.v1", "FieldsV1"),
        };
        let name = format!("io.k8s.apimachinery.pkg.{package}.{name}");
        let v3 = self.flavour == Flavour::V3;
        let schema = match scalar {
            Scalar::Quantity if v3 => json!({"oneOf": [{"type": "string"}, {"type": "number"}]}),
            Scalar::IntOrString if v3 => {
                json!({"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]})
            }
            Scalar::IntOrString => json!({"type": "string", "format": "int-or-string"}),
            Scalar::Time | Scalar::MicroTime => json!({"type": "string", "format": "date-time"}),
            Scalar::RawExtension | Scalar::FieldsV1 => json!({"type": "object"}),
            _ => json!({"type": "string"}),
        };
        self.all.insert(name.clone(), schema);
        self.reference(&name)
    }

    /// A custom kind's schema, as its CRD has it, with the fields that all objects have.
    fn custom(&self, kind: &KindSchema) -> Value {
        let declared = kind.custom.as_ref().and_then(|info| info.schema.clone());
        let mut schema = match declared {
            Some(declared) => (*declared).clone(),
            None => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        };
        if self.flavour == Flavour::V2 {
            to_v2(&mut schema);
        }
        let metadata = self.reference(OBJECT_META);
        if let Value::Object(map) = &mut schema {
            map.insert("type".into(), "object".into());
            let properties = map.entry("properties").or_insert_with(|| json!({}));
            if let Value::Object(properties) = properties {
                properties.insert("apiVersion".into(), json!({"type": "string"}));
                properties.insert("kind".into(), json!({"type": "string"}));
                properties.insert("metadata".into(), metadata);
            }
        }
        schema
    }
}

const GVK: &str = "x-kubernetes-group-version-kind";

fn tag(gvk: &Gvk, kind: &str) -> Value {
    json!({"group": &*gvk.group, "version": &*gvk.version, "kind": kind})
}

/// Leaves what OpenAPI v2 can say; kubectl's validation would refuse good objects otherwise.
fn to_v2(schema: &mut Value) {
    let Value::Object(map) = schema else { return };
    for gone in [
        "nullable",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "default",
        "x-kubernetes-validations",
    ] {
        if gone == "nullable" && map.get("nullable") == Some(&Value::Bool(true)) {
            for typed in [
                "type",
                "items",
                "properties",
                "additionalProperties",
                "format",
            ] {
                map.remove(typed);
            }
        }
        map.remove(gone);
    }
    if map.get("x-kubernetes-int-or-string") == Some(&Value::Bool(true)) {
        map.remove("type");
    }
    if map.get("x-kubernetes-preserve-unknown-fields") == Some(&Value::Bool(true)) {
        map.remove("items");
        map.remove("properties");
    }
    for (key, value) in map.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(to_v2),
            ("items" | "additionalProperties", value) => to_v2(value),
            _ => {}
        }
    }
}
