//! CEL rules of custom kinds (`x-kubernetes-validations`).

use crate::error::FieldError;
use crate::types::{TypeId, Types};
use argosy_object::Value;

/// Checks all rules below a node.
pub(crate) fn check(
    types: &Types,
    id: TypeId,
    value: &Value,
    old: Option<&Value>,
    errors: &mut Vec<FieldError>,
) {
    let _ = (types, id, value, old, errors);
}
