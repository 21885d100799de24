//! Ranges: alternatives of conjunctions, parsed with upstream's tolerance and texts.

use crate::Version;
use crate::range::{Operator, Range};
use crate::scan::{Numbers, Shape, shape, spaces};
use std::fmt;

/// The longest text that is looked at; upstream has no limit and needs none this large.
const MAX_BYTES: usize = 4096;

/// A range of versions: `||` between alternatives, blanks or commas between conditions.
///
/// Compat: Masterminds/semver v3.4 `Constraints`.
#[derive(Clone, Debug)]
pub struct Constraint {
    alternatives: Vec<Alternative>,
    include_prerelease: bool,
}

#[derive(Clone, Debug)]
struct Alternative {
    ranges: Vec<Range>,
    /// Whether one of the ranges names a pre-release, which lets pre-releases into all of them.
    names_pre: bool,
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConstraintError {
    /// The text has not the shape of a range.
    #[error("improper constraint: {0}")]
    Improper(String),
    /// It has the shape, yet its version cannot be read.
    #[error("constraint parser error")]
    Parser,
}

impl Constraint {
    /// Parses a range.
    ///
    /// # Errors
    /// [`ConstraintError::Improper`] with the alternative that is none, or with the beginning of
    /// a text of more than 4096 bytes.
    pub fn parse(text: &str) -> Result<Self, ConstraintError> {
        if text.len() > MAX_BYTES {
            let start: String = text.chars().take(64).collect();
            return Err(ConstraintError::Improper(format!("{start}...")));
        }
        let rewritten = rewrite_hyphens(text);
        let alternatives = rewritten
            .split("||")
            .map(alternative)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            alternatives,
            include_prerelease: false,
        })
    }

    /// Lets pre-releases be considered even where no range names one.
    pub fn including_prereleases(mut self, include: bool) -> Self {
        self.include_prerelease = include;
        self
    }

    /// Whether a version lies in the range.
    pub fn check(&self, version: &Version) -> bool {
        self.alternatives.iter().any(|alternative| {
            let pre = self.include_prerelease || alternative.names_pre;
            alternative
                .ranges
                .iter()
                .all(|range| range.check(version, pre).is_ok())
        })
    }

    /// Whether a version lies in the range, and if not, every reason why.
    ///
    /// # Errors
    /// One sentence for each condition that failed, in the order they were written.
    pub fn validate(&self, version: &Version) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        let mut said_prerelease = false;
        for alternative in &self.alternatives {
            let pre = self.include_prerelease || alternative.names_pre;
            let mut holds = true;
            for range in &alternative.ranges {
                if !pre && !version.prerelease().is_empty() {
                    if !said_prerelease {
                        reasons.push(crate::range::prerelease_reason(version));
                        said_prerelease = true;
                    }
                    holds = false;
                } else if let Err(reason) = range.check(version, pre) {
                    reasons.push(reason);
                    holds = false;
                }
            }
            if holds {
                return Ok(());
            }
        }
        Err(reasons)
    }

    /// The highest of some versions that lies in the range; of equals the first.
    pub fn highest<'v>(
        &self,
        versions: impl IntoIterator<Item = &'v Version>,
    ) -> Option<&'v Version> {
        let mut best: Option<&Version> = None;
        for version in versions {
            if self.check(version) && best.is_none_or(|b| version > b) {
                best = Some(version);
            }
        }
        best
    }
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, alternative) in self.alternatives.iter().enumerate() {
            if index > 0 {
                f.write_str(" || ")?;
            }
            for (index, range) in alternative.ranges.iter().enumerate() {
                let blank = if index > 0 { " " } else { "" };
                write!(f, "{blank}{range}")?;
            }
        }
        Ok(())
    }
}

fn alternative(text: &str) -> Result<Alternative, ConstraintError> {
    let improper = || ConstraintError::Improper(text.into());
    let mut found = Vec::new();
    let mut at = spaces(text);
    loop {
        let (operator, version, end) = condition(text, at).ok_or_else(improper)?;
        found.push((operator, version));
        let blank = end + spaces(&text[end..]);
        if blank == text.len() {
            break;
        }
        at = match text.as_bytes()[blank] {
            b',' => blank + 1 + spaces(&text[blank + 1..]),
            _ if blank > end => blank,
            _ => return Err(improper()),
        };
    }
    let ranges = found
        .into_iter()
        .map(|(operator, version)| Range::new(operator, &version).ok_or(ConstraintError::Parser))
        .collect::<Result<Vec<_>, _>>()?;
    let names_pre = ranges.iter().any(Range::names_pre);
    Ok(Alternative { ranges, names_pre })
}

/// Reads an operator and the version behind it; gives back where they end.
fn condition(text: &str, at: usize) -> Option<(Operator, Shape<'_>, usize)> {
    let (operator, len) = Operator::read(&text[at..]);
    let start = at + len + spaces(&text[at + len..]);
    let version = shape(&text[start..], Numbers::Wildcards)?;
    Some((operator, version, start + version.text.len()))
}

/// Turns `1.2 - 2.3` into `>= 1.2, <= 2.3 `.
fn rewrite_hyphens(text: &str) -> String {
    let mut rewritten = text.to_owned();
    let mut at = 0;
    while at < text.len() {
        if !text.is_char_boundary(at) {
            at += 1;
            continue;
        }
        match hyphen_range(&text[at..]) {
            Some((low, high, len)) => {
                let conditions = format!(">= {low}, <= {high} ");
                rewritten = rewritten.replacen(&text[at..at + len], &conditions, 1);
                at += len;
            }
            None => at += 1,
        }
    }
    rewritten
}

fn hyphen_range(text: &str) -> Option<(&str, &str, usize)> {
    let mut at = spaces(text);
    let low = shape(&text[at..], Numbers::Wildcards)?.text;
    at += low.len();
    let blank = spaces(&text[at..]);
    at += blank;
    if blank == 0 || text.as_bytes().get(at) != Some(&b'-') {
        return None;
    }
    at += 1;
    let blank = spaces(&text[at..]);
    at += blank;
    if blank == 0 {
        return None;
    }
    let high = shape(&text[at..], Numbers::Wildcards)?.text;
    at += high.len();
    Some((low, high, at + spaces(&text[at..])))
}
