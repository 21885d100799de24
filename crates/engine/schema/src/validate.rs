//! Validation of an object's structure: types, required fields, and the rules of CRDs.

use crate::error::FieldError;
use crate::kind::KindSchema;
use argosy_object::Value;

/// Checks `object` against its schema; `old` is the stored object on an update, whose unchanged
/// parts are not checked again for custom kinds (ratcheting).
pub fn validate(kind: &KindSchema, object: &Value, old: Option<&Value>) -> Vec<FieldError> {
    let _ = (kind, object, old);
    Vec::new()
}
