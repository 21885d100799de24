//! The built-in kinds, read from the derived table.

use crate::schemas::Schemas;

/// Reads the table; called once in a process.
pub(crate) fn load() -> Schemas {
    Schemas::default()
}
