//! The type graph: what a kind's fields are, in one arena with small ids.
//!
//! Every consumer walks the same graph: merges ask for merge keys and list kinds, validation and
//! defaulting for rules, the protobuf decoder for numbers. Built-in kinds share one arena; each
//! version of a custom kind has its own, so loading a CRD copies nothing.

use crate::pattern::Pattern;
use argosy_object::Value;
use std::borrow::Cow;
use std::sync::Arc;

/// A name in the graph: borrowed from the built-in table, owned where it comes from a CRD.
pub type Name = Cow<'static, str>;

/// The index of a [`Type`] in its [`Types`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TypeId(pub u32);

/// An arena of types.
#[derive(Debug, Default)]
pub struct Types {
    pub(crate) all: Vec<Type>,
}

impl Types {
    /// The type of an id; ids are only valid in the arena they come from.
    pub fn get(&self, id: TypeId) -> &Type {
        &self.all[id.0 as usize]
    }

    /// How many types there are.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    pub(crate) fn push(&mut self, ty: Type) -> TypeId {
        self.all.push(ty);
        TypeId(u32::try_from(self.all.len() - 1).expect("fewer than 2^32 types"))
    }
}

/// One type: its shape, its name in OpenAPI, and the rules CRDs add.
#[derive(Debug)]
pub struct Type {
    /// The OpenAPI definition's name (`io.k8s.api.core.v1.Container`), empty for inline types.
    pub name: Name,
    /// What values look like.
    pub shape: Shape,
    /// Validation rules of an OpenAPI v3 schema, for custom kinds.
    pub rules: Option<Box<Rules>>,
}

/// What values of a type look like.
#[derive(Debug)]
pub enum Shape {
    /// Named fields.
    Object(ObjectType),
    /// Any keys, one type of values.
    Map {
        /// The type of the values.
        value: TypeId,
        /// `x-kubernetes-map-type: atomic`: owned and replaced as a whole.
        atomic: bool,
    },
    /// A list.
    List {
        /// The type of the items.
        item: TypeId,
        /// How appliers share it.
        list: ListKind,
    },
    /// Text, a number, a boolean or one of Kubernetes' special scalars.
    Scalar(Scalar),
    /// Anything: no schema, or unknown fields preserved without further types.
    Any,
}

/// An object with named fields.
#[derive(Debug, Default)]
pub struct ObjectType {
    /// The fields, sorted by name.
    pub fields: Vec<Field>,
    /// `x-kubernetes-map-type: atomic`: owned and replaced as a whole.
    pub atomic: bool,
    /// Fields beyond those named are kept (`x-kubernetes-preserve-unknown-fields`).
    pub preserve_unknown: bool,
    /// The value is a whole Kubernetes object (`x-kubernetes-embedded-resource`).
    pub embedded: bool,
    /// The type of values of fields not named (`additionalProperties` beside `properties`).
    pub additional: Option<TypeId>,
    /// Exclusive alternatives (`x-kubernetes-unions`): discriminator and fields.
    pub unions: Vec<Union>,
}

/// One `x-kubernetes-unions` entry.
#[derive(Debug, Clone)]
pub struct Union {
    /// The field that names the chosen alternative.
    pub discriminator: Option<Name>,
    /// Field name and its discriminator value.
    pub fields: Vec<(Name, Name)>,
}

impl ObjectType {
    /// A field by name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by(|f| f.name.as_ref().cmp(name))
            .ok()?;
        Some(&self.fields[at])
    }
}

/// One field of an object.
#[derive(Debug)]
pub struct Field {
    /// The JSON name.
    pub name: Name,
    /// The type of its value.
    pub ty: TypeId,
    /// The protobuf field number, or for fields of an inlined message the numbers on the way to
    /// it, lowest byte first (`2 | 1 << 8` is field 1 of message 2); 0 where there is none.
    pub proto: u32,
    /// Whether it must be there.
    pub required: bool,
    /// How strategic merge treats a list or a mapping.
    pub patch: Patching,
    /// The default, of the schema or of the built-in rule table's unconditional part.
    pub default: Option<Arc<Value>>,
    /// The allowed values of a text; empty where any is allowed.
    pub values: Vec<Name>,
    /// A zero value is dropped, as Go's `omitempty` does.
    pub drop_zero: bool,
    /// A missing field is written as its zero value, as Go writes structs.
    pub always: bool,
    /// A missing field is written as null, as Go writes nil pointers without `omitempty`.
    pub always_null: bool,
}

/// Strategic merge's strategy for a field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patching {
    /// Lists are merged, not replaced (`merge`).
    pub merge: bool,
    /// Only keys that the patch names are kept (`retainKeys`).
    pub retain_keys: bool,
    /// A mapping is replaced as a whole (`replace`).
    pub replace: bool,
    /// The key that identifies items of a merged list of objects.
    pub merge_key: Option<Name>,
}

/// How the items of a list are shared between appliers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListKind {
    /// The list is one value.
    Atomic,
    /// Each distinct item is owned apart.
    Set,
    /// Items are objects, identified by these fields.
    Map {
        /// The identifying fields.
        keys: Vec<Name>,
    },
}

/// A scalar, or a value that is opaque to the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scalar {
    /// Text.
    String,
    /// A 32 bit integer.
    Int32,
    /// A 64 bit integer.
    Int64,
    /// An integer of no declared size.
    Integer,
    /// A boolean.
    Bool,
    /// A floating point number.
    Float,
    /// Base64 text.
    Bytes,
    /// A resource quantity.
    Quantity,
    /// An integer or text.
    IntOrString,
    /// RFC 3339, whole seconds.
    Time,
    /// RFC 3339, microseconds.
    MicroTime,
    /// A Go duration, such as `1m30s`.
    Duration,
    /// An embedded object of any kind (`runtime.RawExtension`).
    RawExtension,
    /// Ownership of fields (`FieldsV1`).
    FieldsV1,
    /// Any JSON (`apiextensions.JSON` and its relatives).
    Json,
}

/// Rules of an OpenAPI v3 schema node that its shape doesn't say.
#[derive(Debug, Default)]
pub struct Rules {
    /// `nullable`.
    pub nullable: bool,
    /// `minimum` and whether it is exclusive.
    pub minimum: Option<(f64, bool)>,
    /// `maximum` and whether it is exclusive.
    pub maximum: Option<(f64, bool)>,
    /// `multipleOf`.
    pub multiple_of: Option<f64>,
    /// `minLength`, in characters.
    pub min_length: Option<u64>,
    /// `maxLength`, in characters.
    pub max_length: Option<u64>,
    /// `pattern`, in Go's syntax.
    pub pattern: Option<Pattern>,
    /// `format`.
    pub format: Option<Box<str>>,
    /// `enum`.
    pub values: Vec<Value>,
    /// `minItems`.
    pub min_items: Option<u64>,
    /// `maxItems`.
    pub max_items: Option<u64>,
    /// `uniqueItems`.
    pub unique_items: bool,
    /// Whether the node says its type; branches of `anyOf` and the like mostly don't.
    pub typed: bool,
    /// Required fields that the node doesn't describe.
    pub required: Vec<Name>,
    /// `minProperties`.
    pub min_properties: Option<u64>,
    /// `maxProperties`.
    pub max_properties: Option<u64>,
    /// The default of items or values of this type where they are null.
    pub default: Option<Value>,
    /// `allOf`, `anyOf`, `oneOf` and `not`, as written.
    pub logic: Option<Box<Logic>>,
    /// `x-kubernetes-validations`.
    pub validations: Vec<CelRule>,
}

/// Value validations under `allOf`, `anyOf`, `oneOf` and `not`: types of their own arena part.
#[derive(Debug, Default)]
pub struct Logic {
    /// `allOf`.
    pub all: Vec<TypeId>,
    /// `anyOf`.
    pub any: Vec<TypeId>,
    /// `oneOf`.
    pub one: Vec<TypeId>,
    /// `not`.
    pub not: Option<TypeId>,
}

/// One rule of `x-kubernetes-validations`.
#[derive(Debug, Clone, Default)]
pub struct CelRule {
    /// The expression.
    pub rule: String,
    /// What is said where it doesn't hold.
    pub message: String,
    /// An expression for the message.
    pub message_expression: String,
    /// `FieldValueInvalid` and its relatives; empty is `FieldValueInvalid`.
    pub reason: String,
    /// A path below the node, such as `.spec.x`.
    pub field_path: String,
    /// `optionalOldSelf`.
    pub optional_old_self: bool,
}
