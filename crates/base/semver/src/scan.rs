//! Where version-shaped text begins and ends: the lexical rules that versions and ranges share.

/// One version-shaped piece of text, cut into its parts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape<'t> {
    /// All of it, a leading `v` included.
    pub text: &'t str,
    /// Digits or wildcards before the first dot.
    pub major: &'t str,
    /// Digits or wildcards, empty where absent.
    pub minor: &'t str,
    /// Digits or wildcards, empty where absent.
    pub patch: &'t str,
    /// Pre-release without its hyphen, empty where absent.
    pub pre: &'t str,
    /// Build metadata without its plus, empty where absent.
    pub metadata: &'t str,
}

/// Which characters may stand for a number.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Digits only: a version.
    Digits,
    /// Digits, `x`, `X`, `*` and, as upstream's character class has it, `|`: a range.
    Wildcards,
}

impl Numbers {
    fn allows(self, byte: u8) -> bool {
        byte.is_ascii_digit()
            || (self == Self::Wildcards && matches!(byte, b'x' | b'X' | b'*' | b'|'))
    }
}

/// Reads the longest version-shaped text at the start of `text`.
pub(crate) fn shape(text: &str, numbers: Numbers) -> Option<Shape<'_>> {
    let mut at = usize::from(text.starts_with('v'));
    let major = run(text, at, |b| numbers.allows(b));
    if major.is_empty() {
        return None;
    }
    at += major.len();
    let minor = after_dot(text, at, numbers);
    at += dotted(minor);
    let patch = if minor.is_empty() {
        ""
    } else {
        after_dot(text, at, numbers)
    };
    at += dotted(patch);
    let pre = identifiers(text, at, b'-');
    at += dotted(pre);
    let metadata = identifiers(text, at, b'+');
    at += dotted(metadata);
    Some(Shape {
        text: &text[..at],
        major,
        minor,
        patch,
        pre,
        metadata,
    })
}

/// White space as Go's regular expressions know it.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0c)
}

/// How many bytes of white space `text` starts with.
pub(crate) fn spaces(text: &str) -> usize {
    text.bytes().take_while(|b| is_space(*b)).count()
}

fn dotted(part: &str) -> usize {
    if part.is_empty() { 0 } else { part.len() + 1 }
}

fn after_dot(text: &str, at: usize, numbers: Numbers) -> &str {
    if text.as_bytes().get(at) == Some(&b'.') {
        run(text, at + 1, |b| numbers.allows(b))
    } else {
        ""
    }
}

/// Dot-separated identifiers behind `mark`; the last dot is left where nothing follows it.
fn identifiers(text: &str, at: usize, mark: u8) -> &str {
    if text.as_bytes().get(at) != Some(&mark) {
        return "";
    }
    let is_identifier = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    let start = at + 1;
    let mut end = start + run(text, start, is_identifier).len();
    if end == start {
        return "";
    }
    while text.as_bytes().get(end) == Some(&b'.') {
        let next = run(text, end + 1, is_identifier).len();
        if next == 0 {
            break;
        }
        end += 1 + next;
    }
    &text[start..end]
}

fn run(text: &str, start: usize, allows: impl Fn(u8) -> bool) -> &str {
    let rest = text.get(start..).unwrap_or("");
    let len = rest.bytes().take_while(|b| allows(*b)).count();
    &rest[..len]
}
