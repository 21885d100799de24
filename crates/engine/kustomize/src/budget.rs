//! A bound on how far a build may multiply its inputs.
//!
//! What is read is bounded by the tree. But a patch of a megabyte for ten thousand objects, or a
//! variable used as often, is far more than was read: everything that copies says so here first.

use crate::error::KustomizeError;
use argosy_object::Value;
use std::cell::Cell;

/// Bytes that the transformers of one layer may write.
const MOST: usize = 256 << 20;

/// What has been spent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Budget(Cell<usize>);

impl Budget {
    /// Refuses what would be too much by itself.
    pub(crate) fn check(&self, bytes: usize) -> Result<(), KustomizeError> {
        Self(self.0.clone()).spend(bytes)
    }

    /// Takes `bytes` off.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), KustomizeError> {
        let spent = self.0.get().saturating_add(bytes);
        self.0.set(spent);
        if spent <= MOST {
            return Ok(());
        }
        let text = format!("the kustomization writes more than {MOST} bytes into its objects");
        Err(KustomizeError::failed(text))
    }
}

/// About how many bytes a value takes.
pub(crate) fn size(value: &Value) -> usize {
    const NODE: usize = 32;
    NODE + match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(map) => map.iter().map(|(k, v)| k.len() + NODE + size(v)).sum(),
        _ => 0,
    }
}
