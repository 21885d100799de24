//! What is known of kinds: types, merges, defaults, validation, field ownership.
//!
//! One table serves the embedded API, the three-way patch, the diff and kustomize. Built-in kinds
//! come from a table derived from Kubernetes' own documents (`data/kinds.txt`), custom kinds from
//! their CRDs, and all functions here treat both alike.
#![warn(missing_docs)]

mod cel;
mod crd;
mod default;
mod error;
mod json_patch;
mod jsonpath;
mod kind;
mod managed;
mod openapi;
mod pattern;
mod protobuf;
mod prune;
mod quantity;
mod schemas;
mod strategic;
mod table;
mod three_way;
mod time;
mod types;
mod validate;

pub use cel::CelRules;
pub use default::{default, normalize};
pub use error::{ApplyError, FieldConflict, FieldError, FieldErrorKind, PatchError, ProtobufError};
pub use json_patch::{json_patch, merge_patch};
pub use jsonpath::{JsonPath, JsonPathError};
pub use kind::{Column, CrdInfo, KindSchema, ScalePaths, Scope, Subresource};
pub use managed::{ApplyCx, Operation, UpdateCx, adopt_updates, apply, update};
pub use openapi::{openapi_v2, openapi_v2_protobuf, openapi_v3, openapi_v3_paths};
pub use pattern::Pattern;
pub use protobuf::{Envelope, decode_protobuf, envelope};
pub use prune::prune;
pub use quantity::{Quantity, QuantityError};
pub use schemas::Schemas;
pub use strategic::{go_text, strategic, two_way_strategic};
pub use three_way::{
    LAST_APPLIED, Patch, PatchKind, merge_three_way, three_way, two_way_merge, with_last_applied,
};
pub use types::{
    CelRule, Field, ListKind, Logic, Name, ObjectType, Patching, Rules, Scalar, Shape, Type,
    TypeId, Types, Union,
};
pub use validate::{undecodable, validate};
