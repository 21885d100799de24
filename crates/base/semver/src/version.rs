//! One version: parsing, order, and the text it is printed as.

use crate::scan::{Numbers, shape};
use std::cmp::Ordering;
use std::fmt;

/// A semantic version.
///
/// Equality and order follow precedence: build metadata and the original text don't count.
///
/// Compat: Masterminds/semver v3.4 `Version`.
#[derive(Clone, Debug)]
pub struct Version {
    major: u64,
    minor: u64,
    patch: u64,
    pre: String,
    metadata: String,
    original: String,
}

/// Why a text is no version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VersionError {
    /// The text has not the shape of a version.
    #[error("invalid semantic version")]
    Invalid,
    /// Nothing was given to the strict parser.
    #[error("version string empty")]
    Empty,
    /// A number holds something else than digits.
    #[error("invalid characters in version")]
    InvalidCharacters,
    /// A number starts with 0.
    #[error("version segment starts with 0")]
    SegmentStartsZero,
    /// The part behind `+` is malformed.
    #[error("invalid metadata string")]
    InvalidMetadata,
    /// The part behind `-` is malformed.
    #[error("invalid prerelease string")]
    InvalidPrerelease,
    /// A number that 64 bits do not hold, met by the strict parser.
    #[error("strconv.ParseUint: parsing {text:?}: {reason}")]
    Number {
        /// The number's text.
        text: String,
        /// What Go says of it.
        reason: &'static str,
    },
    /// A number that 64 bits do not hold, met by the coercing parser.
    #[error("error parsing version segment: {0}")]
    Segment(Box<VersionError>),
}

impl Version {
    /// Parses a version, coercing what is nearly one: `v1`, `1.2` and `01.2.3` are read as
    /// `1.0.0`, `1.2.0` and `1.2.3`.
    ///
    /// # Errors
    /// Where the text is not even nearly a version.
    pub fn parse(text: &str) -> Result<Self, VersionError> {
        let parts = shape(text, Numbers::Digits)
            .filter(|s| s.text.len() == text.len())
            .ok_or(VersionError::Invalid)?;
        let segment = |text: &str| match text {
            "" => Ok(0),
            _ => number(text).map_err(|e| VersionError::Segment(Box::new(e))),
        };
        let version = Self {
            major: segment(parts.major)?,
            minor: segment(parts.minor)?,
            patch: segment(parts.patch)?,
            pre: parts.pre.into(),
            metadata: parts.metadata.into(),
            original: text.into(),
        };
        if !version.pre.is_empty() {
            validate_pre(&version.pre)?;
        }
        if !version.metadata.is_empty() {
            validate_metadata(&version.metadata)?;
        }
        Ok(version)
    }

    /// Parses a version that keeps to semver 2.0 to the letter: three numbers, no `v`.
    ///
    /// # Errors
    /// At the first rule that is broken.
    pub fn parse_strict(text: &str) -> Result<Self, VersionError> {
        if text.is_empty() {
            return Err(VersionError::Empty);
        }
        let mut parts = text.splitn(3, '.');
        let (Some(major), Some(minor), Some(rest)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(VersionError::Invalid);
        };
        let (rest, metadata) = rest
            .split_once('+')
            .map_or((rest, None), |(r, m)| (r, Some(m)));
        if let Some(metadata) = metadata {
            validate_metadata(metadata)?;
        }
        let (patch, pre) = rest
            .split_once('-')
            .map_or((rest, None), |(p, e)| (p, Some(e)));
        if let Some(pre) = pre {
            validate_pre(pre)?;
        }
        for part in [major, minor, patch] {
            if !part.bytes().all(|b| b.is_ascii_digit()) {
                return Err(VersionError::InvalidCharacters);
            }
            if part.len() > 1 && part.starts_with('0') {
                return Err(VersionError::SegmentStartsZero);
            }
        }
        Ok(Self {
            major: number(major)?,
            minor: number(minor)?,
            patch: number(patch)?,
            pre: pre.unwrap_or("").into(),
            metadata: metadata.unwrap_or("").into(),
            original: text.into(),
        })
    }

    /// Makes a version from its parts; its original text is what it prints as.
    pub fn new(major: u64, minor: u64, patch: u64, pre: &str, metadata: &str) -> Self {
        Self {
            major,
            minor,
            patch,
            pre: pre.into(),
            metadata: metadata.into(),
            original: String::new(),
        }
        .with_original("")
    }

    /// The major number.
    pub fn major(&self) -> u64 {
        self.major
    }

    /// The minor number.
    pub fn minor(&self) -> u64 {
        self.minor
    }

    /// The patch number.
    pub fn patch(&self) -> u64 {
        self.patch
    }

    /// The pre-release without its hyphen, or the empty string.
    pub fn prerelease(&self) -> &str {
        &self.pre
    }

    /// The build metadata without its plus, or the empty string.
    pub fn metadata(&self) -> &str {
        &self.metadata
    }

    /// The text that was parsed, a leading `v` included.
    pub fn original(&self) -> &str {
        &self.original
    }

    /// The next patch release; a pre-release only loses its pre-release part.
    pub fn inc_patch(&self) -> Self {
        let patch = if self.pre.is_empty() {
            self.patch.wrapping_add(1)
        } else {
            self.patch
        };
        self.bumped(self.major, self.minor, patch)
    }

    /// The next minor release.
    pub fn inc_minor(&self) -> Self {
        self.bumped(self.major, self.minor.wrapping_add(1), 0)
    }

    /// The next major release.
    pub fn inc_major(&self) -> Self {
        self.bumped(self.major.wrapping_add(1), 0, 0)
    }

    /// The version with another pre-release part.
    ///
    /// # Errors
    /// Where the part is malformed.
    pub fn set_prerelease(&self, pre: &str) -> Result<Self, VersionError> {
        if !pre.is_empty() {
            validate_pre(pre)?;
        }
        let next = Self {
            pre: pre.into(),
            ..self.clone()
        };
        Ok(next.with_original(self.prefix()))
    }

    /// The version with other build metadata.
    ///
    /// # Errors
    /// Where the metadata is malformed.
    pub fn set_metadata(&self, metadata: &str) -> Result<Self, VersionError> {
        if !metadata.is_empty() {
            validate_metadata(metadata)?;
        }
        let next = Self {
            metadata: metadata.into(),
            ..self.clone()
        };
        Ok(next.with_original(self.prefix()))
    }

    fn bumped(&self, major: u64, minor: u64, patch: u64) -> Self {
        Self::new(major, minor, patch, "", "").with_original(self.prefix())
    }

    fn prefix(&self) -> &'static str {
        if self.original.starts_with('v') {
            "v"
        } else {
            ""
        }
    }

    fn with_original(mut self, prefix: &str) -> Self {
        self.original = format!("{prefix}{self}");
        self
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)?;
        if !self.pre.is_empty() {
            write!(f, "-{}", self.pre)?;
        }
        if !self.metadata.is_empty() {
            write!(f, "+{}", self.metadata)?;
        }
        Ok(())
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        let numbers = |v: &Self| (v.major, v.minor, v.patch);
        numbers(self).cmp(&numbers(other)).then_with(|| {
            match (self.pre.is_empty(), other.pre.is_empty()) {
                (true, true) => Ordering::Equal,
                (true, false) => Ordering::Greater,
                (false, true) => Ordering::Less,
                (false, false) => compare_pre(&self.pre, &other.pre),
            }
        })
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

/// Orders two pre-releases identifier by identifier; a missing one is the smallest.
pub(crate) fn compare_pre(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (l, r) => compare_identifier(l.unwrap_or(""), r.unwrap_or("")),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Numbers stand below words and are ordered as numbers. A number beyond 64 bits is a word, and
/// two spellings of one number are still told apart, both as upstream has it.
fn compare_identifier(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    if left.is_empty() || right.is_empty() {
        return left.len().cmp(&right.len());
    }
    match (number(left), number(right)) {
        (Err(_), Err(_)) => left.cmp(right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Ok(l), Ok(r)) if l > r => Ordering::Greater,
        (Ok(_), Ok(_)) => Ordering::Less,
    }
}

fn number(text: &str) -> Result<u64, VersionError> {
    let reason = if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        "invalid syntax"
    } else {
        match text.parse() {
            Ok(number) => return Ok(number),
            Err(_) => "value out of range",
        }
    };
    Err(VersionError::Number {
        text: text.into(),
        reason,
    })
}

fn is_identifier(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

fn validate_pre(pre: &str) -> Result<(), VersionError> {
    for part in pre.split('.') {
        if !is_identifier(part) {
            return Err(VersionError::InvalidPrerelease);
        }
        if part.len() > 1 && part.starts_with('0') && part.bytes().all(|b| b.is_ascii_digit()) {
            return Err(VersionError::SegmentStartsZero);
        }
    }
    Ok(())
}

fn validate_metadata(metadata: &str) -> Result<(), VersionError> {
    if metadata.split('.').all(is_identifier) {
        Ok(())
    } else {
        Err(VersionError::InvalidMetadata)
    }
}
