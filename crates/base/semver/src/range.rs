//! One condition of a range, and the sentence said of a version that breaks it.

use crate::Version;
use crate::scan::Shape;
use crate::version::compare_pre;
use std::cmp::Ordering;
use std::fmt;

/// How a version is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Implied,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterEqual,
    EqualGreater,
    LessEqual,
    EqualLess,
    Tilde,
    TildeGreater,
    Caret,
}

/// Operators by text, the longer ones first.
const OPERATORS: [(&str, Operator); 11] = [
    ("!=", Operator::NotEqual),
    (">=", Operator::GreaterEqual),
    ("=>", Operator::EqualGreater),
    ("<=", Operator::LessEqual),
    ("=<", Operator::EqualLess),
    ("~>", Operator::TildeGreater),
    ("=", Operator::Equal),
    (">", Operator::Greater),
    ("<", Operator::Less),
    ("~", Operator::Tilde),
    ("^", Operator::Caret),
];

impl Operator {
    /// Reads the operator at the start of `text`, with its length.
    pub(crate) fn read(text: &str) -> (Self, usize) {
        OPERATORS
            .iter()
            .find(|(spelling, _)| text.starts_with(spelling))
            .map_or((Self::Implied, 0), |(spelling, operator)| {
                (*operator, spelling.len())
            })
    }

    fn spelling(self) -> &'static str {
        OPERATORS
            .iter()
            .find(|(_, o)| *o == self)
            .map_or("", |(spelling, _)| spelling)
    }
}

/// One operator and one version, whose numbers may be wildcards or absent.
#[derive(Clone, Debug)]
pub(crate) struct Range {
    operator: Operator,
    version: Version,
    /// The version as written.
    written: String,
    /// Some number is open.
    dirty: bool,
    /// The minor number is open, with the major one given.
    minor_dirty: bool,
    /// Only the patch number is open.
    patch_dirty: bool,
}

type Verdict = Result<(), String>;

impl Range {
    /// Makes a condition; `None` where the version's numbers mix digits and wildcards.
    pub(crate) fn new(operator: Operator, shape: &Shape<'_>) -> Option<Self> {
        let open = |part: &str| matches!(part, "" | "x" | "X" | "*");
        let pre = if shape.pre.is_empty() {
            String::new()
        } else {
            format!("-{}", shape.pre)
        };
        let (mut minor_dirty, mut patch_dirty, mut dirty) = (false, false, true);
        let text = if open(shape.major) {
            format!("0.0.0{pre}")
        } else if open(shape.minor) {
            minor_dirty = true;
            format!("{}.0.0{pre}", shape.major)
        } else if open(shape.patch) {
            patch_dirty = true;
            format!("{}.{}.0{pre}", shape.major, shape.minor)
        } else {
            dirty = false;
            shape.text.to_owned()
        };
        let version = Version::parse(&text).ok()?;
        let written = shape.text.to_owned();
        Some(Self {
            operator,
            version,
            written,
            dirty,
            minor_dirty,
            patch_dirty,
        })
    }

    pub(crate) fn names_pre(&self) -> bool {
        !self.version.prerelease().is_empty()
    }

    /// Whether a version meets the condition; if not, why.
    pub(crate) fn check(&self, version: &Version, include_pre: bool) -> Verdict {
        if !version.prerelease().is_empty() && !include_pre {
            return Err(prerelease_reason(version));
        }
        match self.operator {
            Operator::Implied | Operator::Equal if self.dirty => self.tilde(version),
            Operator::Implied | Operator::Equal => {
                self.demand(*version == self.version, version, "is not equal to")
            }
            Operator::NotEqual => self.demand(self.differs(version), version, "is equal to"),
            Operator::Greater => {
                self.demand(self.is_below(version), version, "is less than or equal to")
            }
            Operator::Less => self.demand(
                *version < self.version,
                version,
                "is greater than or equal to",
            ),
            Operator::GreaterEqual | Operator::EqualGreater => {
                self.demand(*version >= self.version, version, "is less than")
            }
            Operator::LessEqual | Operator::EqualLess => {
                self.demand(self.reaches(version), version, "is greater than")
            }
            Operator::Tilde | Operator::TildeGreater => self.tilde(version),
            Operator::Caret => self.caret(version),
        }
    }

    fn demand(&self, holds: bool, version: &Version, relation: &str) -> Verdict {
        if holds {
            Ok(())
        } else {
            Err(format!("{version} {relation} {}", self.written))
        }
    }

    fn differs(&self, version: &Version) -> bool {
        if !self.dirty {
            return *version != self.version;
        }
        if version.major() != self.version.major() {
            return true;
        }
        if self.minor_dirty {
            return false;
        }
        if version.minor() != self.version.minor() {
            return true;
        }
        if self.patch_dirty {
            return compare_pre(version.prerelease(), self.version.prerelease()) != Ordering::Equal;
        }
        *version != self.version
    }

    /// Whether a version lies above the whole of what an open number stands for.
    fn is_below(&self, version: &Version) -> bool {
        if !self.dirty || version.major() != self.version.major() {
            return *version > self.version;
        }
        if self.minor_dirty {
            return false;
        }
        if self.patch_dirty {
            return version.minor() > self.version.minor();
        }
        *version > self.version
    }

    /// Whether a version lies below the end of what an open number stands for.
    fn reaches(&self, version: &Version) -> bool {
        if !self.dirty {
            return *version <= self.version;
        }
        match version.major().cmp(&self.version.major()) {
            Ordering::Greater => false,
            Ordering::Equal => self.minor_dirty || version.minor() <= self.version.minor(),
            Ordering::Less => true,
        }
    }

    fn tilde(&self, version: &Version) -> Verdict {
        self.demand(*version >= self.version, version, "is less than")?;
        let zero =
            self.version.major() == 0 && self.version.minor() == 0 && self.version.patch() == 0;
        if zero && !self.minor_dirty && !self.patch_dirty {
            return Ok(());
        }
        let same_major = version.major() == self.version.major();
        self.demand(same_major, version, "does not have same major version as")?;
        let same_minor = self.minor_dirty || version.minor() == self.version.minor();
        self.demand(
            same_minor,
            version,
            "does not have same major and minor version as",
        )
    }

    fn caret(&self, version: &Version) -> Verdict {
        const MAJOR: &str = "does not have same major version as";
        const MINOR: &str = "does not have same minor version as";
        let mine = &self.version;
        self.demand(version >= mine, version, "is less than")?;
        if mine.major() > 0 || self.minor_dirty {
            return self.demand(version.major() == mine.major(), version, MAJOR);
        }
        self.demand(version.major() == 0, version, MAJOR)?;
        if mine.minor() > 0 || self.patch_dirty {
            return self
                .demand(version.minor() == mine.minor(), version, MINOR)
                .map_err(|text| {
                    text + ". Expected minor versions to match when constraint major version is 0"
                });
        }
        self.demand(version.minor() == 0, version, MINOR)?;
        self.demand(version.patch() == mine.patch(), version, "does not equal").map_err(|text| {
            text + ". Expect version and constraint to equal when major and minor versions are 0"
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.operator.spelling(), self.written)
    }
}

/// What is said of a pre-release where none was asked for.
pub(crate) fn prerelease_reason(version: &Version) -> String {
    format!(
        "{version} is a prerelease version and the constraint is only looking for release versions"
    )
}
