//! Where an object came from, and what was noticed on the way.

use crate::Str;
use std::fmt;

/// The place of a document in the tree that rendered it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub struct Origin {
    /// Path of the file, relative to the tree's root.
    pub file: Str,
    /// Line of the document's first content, from 1; 0 where unknown.
    pub line: u32,
    /// Index of the document within its file, from 0.
    pub doc: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line == 0 {
            f.write_str(&self.file)
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}

/// Something a person should know of, which stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A reason in CamelCase, such as `RepeatedResource`.
    pub reason: &'static str,
    /// The sentence.
    pub message: String,
    /// Where it was noticed.
    pub origin: Option<Origin>,
}
