//! The one error of reading YAML: a place and the sentence that Go's parser gives.

use argosy_object::{Class, Classified};

/// Why an input could not be read, and where.
///
/// `text` is what go-yaml or sigs.k8s.io/yaml would say (`yaml: line 3: mapping values are not
/// allowed in this context`), its own line numbers included; `line` and `column` are the true
/// ones.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}{text}", place(file, *line, *column))]
pub struct YamlError {
    /// The file's name as given by the caller; empty where there is none.
    pub file: String,
    /// Line from 1; 0 where unknown.
    pub line: u32,
    /// Column from 1; 0 where unknown.
    pub column: u32,
    /// The sentence, as Go gives it.
    pub text: String,
}

impl YamlError {
    pub(crate) fn new(file: &str, line: u32, column: u32, text: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            line,
            column,
            text: text.into(),
        }
    }
}

impl Classified for YamlError {
    fn class(&self) -> Class {
        Class::Stalled
    }
}

fn place(file: &str, line: u32, column: u32) -> String {
    let mut out = String::new();
    if !file.is_empty() {
        out.push_str(file);
        out.push(':');
    }
    if line > 0 {
        out.push_str(&format!("{line}:"));
        if column > 0 {
            out.push_str(&format!("{column}:"));
        }
    }
    if !out.is_empty() {
        out.push(' ');
    }
    out
}
