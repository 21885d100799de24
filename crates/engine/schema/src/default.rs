//! Defaults: what an API server fills in.

use crate::kind::KindSchema;
use argosy_object::Value;

/// Fills in the defaults of `kind` where `object` is silent.
///
/// Idempotent. Compat: the defaulting functions of Kubernetes 1.36 for built-in kinds, the
/// schema's `default` for custom ones.
pub fn default(kind: &KindSchema, object: &mut Value) {
    let _ = (kind, object);
}
