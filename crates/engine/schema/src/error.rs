//! The errors of the schema's operations.

use argosy_object::{Class, Classified};
use std::fmt;

/// Why a patch could not be made or applied. Texts are those of Kubernetes' own libraries where
/// a client may see them.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PatchError {
    /// The patch or the patched value has the wrong shape; the text says where.
    #[error("{0}")]
    Invalid(String),
    /// Upstream has no status for it and answers 500 with the bare text.
    #[error("{0}")]
    Unclassified(String),
    /// A JSON patch `test` failed, or a path is missing: 422 upstream.
    #[error("{0}")]
    Failed(String),
    /// Strategic patches are for built-in kinds only: 415 upstream.
    #[error("strategic merge patch format is not supported for `{0}`")]
    Unsupported(String),
    /// The patch is deeper or larger than the limits allow.
    #[error("patch exceeds the limit of {0}")]
    TooLarge(&'static str),
}

impl Classified for PatchError {
    fn class(&self) -> Class {
        Class::Stalled
    }
}

/// One field that another manager owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldConflict {
    /// Who owns it, as upstream writes it: `"kubectl"`, `"kubectl" with subresource "status"`,
    /// `"kubectl" using apps/v1`.
    pub manager: String,
    /// The field's path, such as `.spec.replicas`.
    pub field: String,
    /// The cause's message, such as `conflict with "kubectl" using apps/v1`.
    pub message: String,
}

/// Why server-side apply or the bookkeeping of owners failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApplyError {
    /// Other managers own fields with other values; `force` would take them: 409 upstream.
    Conflicts(Vec<FieldConflict>),
    /// The object doesn't fit its schema, or its managedFields cannot be read.
    Invalid(String),
}

impl fmt::Display for ApplyError {
    /// As upstream's status message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(text) => f.write_str(text),
            Self::Conflicts(conflicts) => crate::managed::conflict_message(conflicts, f),
        }
    }
}

impl std::error::Error for ApplyError {}

impl Classified for ApplyError {
    fn class(&self) -> Class {
        match self {
            Self::Conflicts(_) => Class::Denied,
            Self::Invalid(_) => Class::Stalled,
        }
    }
}

/// The kind of a field error, as `metav1.CauseType` and `field.ErrorType` name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldErrorKind {
    /// `FieldValueRequired`.
    Required,
    /// `FieldValueInvalid`.
    Invalid,
    /// `FieldValueNotSupported`.
    NotSupported,
    /// `FieldValueDuplicate`.
    Duplicate,
    /// `FieldValueForbidden`.
    Forbidden,
    /// `FieldValueTooLong`.
    TooLong,
    /// `FieldValueTooMany`.
    TooMany,
    /// `FieldValueTypeInvalid`.
    TypeInvalid,
    /// `FieldValueNotFound`.
    NotFound,
    /// `InternalError`.
    Internal,
}

impl FieldErrorKind {
    /// The reason in a status' causes.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Required => "FieldValueRequired",
            Self::Invalid => "FieldValueInvalid",
            Self::NotSupported => "FieldValueNotSupported",
            Self::Duplicate => "FieldValueDuplicate",
            Self::Forbidden => "FieldValueForbidden",
            Self::TooLong => "FieldValueTooLong",
            Self::TooMany => "FieldValueTooMany",
            Self::TypeInvalid => "FieldValueTypeInvalid",
            Self::NotFound => "FieldValueNotFound",
            Self::Internal => "InternalError",
        }
    }
}

/// One thing that is wrong with a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    /// The path, such as `spec.containers[0].name`.
    pub path: String,
    /// What is wrong.
    pub kind: FieldErrorKind,
    /// The message without the path, as a status' cause carries it
    /// (`Required value: must be set`).
    pub message: String,
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.message)
    }
}

/// Why protobuf bytes could not be read.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum ProtobufError {
    /// The four bytes `k8s\0` are missing.
    #[error("provided data does not appear to be a protobuf message, expected prefix k8s\\0")]
    NoPrefix,
    /// The bytes end early or break the wire format.
    #[error("broken protobuf at byte {0} of `{1}`")]
    Broken(usize, String),
    /// The message says another kind than the one expected.
    #[error("protobuf message holds `{0}`, expected `{1}`")]
    OtherKind(String, String),
    /// The kind has no field numbers, as custom kinds have none.
    #[error("`{0}` cannot be read from protobuf")]
    Unsupported(String),
    /// Nesting or size beyond the limits.
    #[error("protobuf message exceeds the limit of {0}")]
    TooLarge(&'static str),
}

impl Classified for ProtobufError {
    fn class(&self) -> Class {
        Class::Stalled
    }
}
