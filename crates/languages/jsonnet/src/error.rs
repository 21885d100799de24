//! Why a file does not evaluate, and where.

use std::fmt;
use std::rc::Rc;

/// How many callers an error names.
const MAX_CALLERS: usize = 6;

/// A place in a file, counted from one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: String,
    /// Its line.
    pub line: u32,
    /// The column, in characters.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// A file that does not evaluate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct JsonnetError {
    /// What is wrong. Compat: go-jsonnet's words where it has some.
    pub text: String,
    /// Where: innermost first, then from where that was called.
    pub places: Vec<Place>,
    /// Whether a limit was reached.
    pub is_limit: bool,
}

impl JsonnetError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            places: Vec::new(),
            is_limit: false,
        }
    }

    pub(crate) fn limit(text: impl Into<String>) -> Self {
        Self {
            is_limit: true,
            ..Self::new(text)
        }
    }

    /// Adds the place where the failing code stands or was called from.
    pub(crate) fn at(mut self, loc: &Loc) -> Self {
        if self.places.len() < MAX_CALLERS {
            let place = loc.place();
            if self.places.last() != Some(&place) {
                self.places.push(place);
            }
        }
        self
    }

    /// Adds the place only where there is none yet.
    pub(crate) fn at_first(self, loc: &Loc) -> Self {
        if self.places.is_empty() {
            self.at(loc)
        } else {
            self
        }
    }
}

impl fmt::Display for JsonnetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut places = self.places.iter();
        if let Some(place) = places.next() {
            write!(f, "{place}: ")?;
        }
        f.write_str(&self.text)?;
        for place in places {
            write!(f, "\n  from {place}")?;
        }
        Ok(())
    }
}

/// A place as the syntax tree keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Loc {
    pub(crate) file: Rc<str>,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Loc {
    fn place(&self) -> Place {
        Place {
            file: self.file.to_string(),
            line: self.line,
            column: self.column,
        }
    }
}
