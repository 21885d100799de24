//! Paths that cannot leave their root.

use std::fmt;
use std::sync::Arc;

/// A normalised path relative to a tree's root: no `.`, no `..`, no leading or trailing slash.
/// The empty path is the root itself.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelPath(Arc<str>);

/// Why text is no path inside a tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// `..` climbs over the root.
    #[error("path `{0}` climbs out of the root")]
    Climbs(String),
    /// A NUL byte, or longer than 4,096 bytes.
    #[error("path `{0}` is not a valid file path")]
    Invalid(String),
}

impl RelPath {
    /// The root.
    pub fn root() -> Self {
        Self("".into())
    }

    /// Normalises `text`, read from the root; a leading slash means the root as well.
    ///
    /// # Errors
    /// [`PathError`] where `..` climbs over the root.
    pub fn new(text: &str) -> Result<Self, PathError> {
        Self::root().join(text)
    }

    /// Resolves `text` from this folder; a leading slash starts at the root.
    ///
    /// # Errors
    /// [`PathError`] where `..` climbs over the root.
    pub fn join(&self, text: &str) -> Result<Self, PathError> {
        if text.contains('\0') || text.len() + self.0.len() > 4096 {
            return Err(PathError::Invalid(text.chars().take(80).collect()));
        }
        let mut parts: Vec<&str> = if text.starts_with('/') {
            vec![]
        } else {
            self.parts().collect()
        };
        for part in text.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop().ok_or_else(|| PathError::Climbs(text.into()))?;
                }
                part => parts.push(part),
            }
        }
        Ok(Self(parts.join("/").into()))
    }

    /// Appends one name that is known to be a plain file name.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        if self.0.is_empty() {
            Self(name.into())
        } else {
            Self(format!("{}/{name}", self.0).into())
        }
    }

    /// The folder that holds this path; the root's is the root.
    #[must_use]
    pub fn parent(&self) -> Self {
        match self.0.rsplit_once('/') {
            Some((dir, _)) => Self(dir.into()),
            None => Self::root(),
        }
    }

    /// The last part, empty for the root.
    pub fn name(&self) -> &str {
        self.0.rsplit_once('/').map_or(&*self.0, |(_, name)| name)
    }

    /// The parts from the root.
    pub fn parts(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `self` is `dir` or lies below it.
    pub fn is_within(&self, dir: &Self) -> bool {
        dir.is_root()
            || self
                .0
                .strip_prefix(&*dir.0)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The path below `dir`, where it is within.
    pub fn strip(&self, dir: &Self) -> Option<&str> {
        if dir.is_root() {
            return Some(&self.0);
        }
        let rest = self.0.strip_prefix(&*dir.0)?;
        if rest.is_empty() {
            Some("")
        } else {
            rest.strip_prefix('/')
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "." } else { &self.0 })
    }
}

impl fmt::Debug for RelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dots_are_folded_and_climbing_is_refused() {
        let path = RelPath::new("./a/b/../c//d/").unwrap();
        assert_eq!(path.as_str(), "a/c/d");
        assert_eq!(path.join("../x").unwrap().as_str(), "a/c/x");
        assert_eq!(path.join("/x").unwrap().as_str(), "x");
        assert!(RelPath::new("a/../..").is_err());
    }

    #[test]
    fn within_respects_part_borders() {
        let dir = RelPath::new("a/b").unwrap();
        assert!(RelPath::new("a/b/c").unwrap().is_within(&dir));
        assert!(!RelPath::new("a/bc").unwrap().is_within(&dir));
        assert_eq!(RelPath::new("a/b/c").unwrap().strip(&dir), Some("c"));
    }
}
