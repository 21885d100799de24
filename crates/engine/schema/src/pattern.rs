//! Regular expressions of schemas, which are Go's.

use regex_automata::meta::{Config, Regex};
use std::sync::OnceLock;

/// A `pattern` in Go's syntax, compiled when it is first used.
#[derive(Debug, Default)]
pub struct Pattern {
    source: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

/// A compiled pattern may take this many bytes.
const SIZE_LIMIT: usize = 2 << 20;

impl Pattern {
    /// Keeps a pattern; it is not compiled yet.
    pub fn new(source: &str) -> Self {
        Self {
            source: source.into(),
            compiled: OnceLock::new(),
        }
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// Whether `text` holds a match; `None` where the pattern cannot be compiled.
    pub fn is_match(&self, text: &str) -> Option<bool> {
        let regex = self.compiled.get_or_init(|| {
            let config = Config::new().nfa_size_limit(Some(SIZE_LIMIT)).dfa(false);
            let syntax = regex_automata::util::syntax::Config::new().nest_limit(100);
            Regex::builder()
                .configure(config)
                .syntax(syntax)
                .build(&from_go(&self.source))
                .ok()
        });
        regex.as_ref().map(|regex| regex.is_match(text))
    }
}

/// Rewrites what Go and Rust read differently: ASCII classes, literal braces, set operators.
fn from_go(source: &str) -> String {
    let chars: Vec<char> = source.chars().collect();
    let mut out = String::with_capacity(source.len() + 16);
    let mut in_class = false;
    let mut class_start = false;
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let next = chars.get(at + 1).copied();
        match c {
            '\\' => {
                at += 1;
                out.push_str(&escape(next, in_class));
                if next == Some('Q') {
                    let literal: Vec<char> = chars[at + 1..].to_vec();
                    let end = literal.windows(2).position(|w| w == ['\\', 'E']);
                    let end = end.unwrap_or(literal.len());
                    for c in &literal[..end] {
                        out.push_str(&literal_char(*c));
                    }
                    at += (end + 2).min(literal.len());
                }
            }
            '[' if in_class && next == Some(':') => out.push('['),
            '[' if in_class => out.push_str("\\["),
            '[' => {
                in_class = true;
                class_start = true;
                out.push('[');
                if next == Some('^') {
                    out.push('^');
                    at += 1;
                }
                at += 1;
                continue;
            }
            ']' if in_class && class_start => out.push_str("\\]"),
            ']' if in_class && at > 0 && chars[at - 1] == ':' && closes_named(&chars, at) => {
                out.push(']');
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            '-' if in_class && next == Some('-') => out.push_str("\\-"),
            '{' if !in_class && !is_repetition(&chars[at..]) => out.push_str("\\{"),
            c => out.push(c),
        }
        class_start = false;
        at += 1;
    }
    out
}

fn closes_named(chars: &[char], at: usize) -> bool {
    chars[..at - 1].iter().rev().take(12).any(|c| *c == ':')
}

fn escape(c: Option<char>, in_class: bool) -> String {
    let (inner, negated) = match c {
        Some('d') => ("0-9", false),
        Some('D') => ("0-9", true),
        Some('w') => ("0-9A-Za-z_", false),
        Some('W') => ("0-9A-Za-z_", true),
        Some('s') => ("\\t\\n\\x0c\\r\\x20", false),
        Some('S') => ("\\t\\n\\x0c\\r\\x20", true),
        Some('Q') => return String::new(),
        Some('b') if !in_class => return "(?-u:\\b)".into(),
        Some('B') if !in_class => return "(?-u:\\B)".into(),
        Some('C') => return ".".into(),
        Some(c) => return format!("\\{c}"),
        None => return "\\".into(),
    };
    match (in_class, negated) {
        (true, false) => inner.to_owned(),
        (_, true) => format!("[^{inner}]"),
        (false, false) => format!("[{inner}]"),
    }
}

fn literal_char(c: char) -> String {
    if c.is_ascii_punctuation() {
        format!("\\{c}")
    } else {
        c.to_string()
    }
}

/// Whether `{` starts `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(chars: &[char]) -> bool {
    let Some(end) = chars.iter().position(|c| *c == '}') else {
        return false;
    };
    let inner: String = chars[1..end].iter().collect();
    let (low, high) = inner.split_once(',').unwrap_or((&inner, ""));
    let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit());
    !low.is_empty() && digits(low) && digits(high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn go_patterns_match_as_in_go() {
        for (pattern, text, matches) in [
            (r"^\d+$", "12", true),
            (r"^\d+$", "١٢", false),
            (r"^[\w.-]+$", "a_b.c-d", true),
            (r"^[^\s]+$", "a b", false),
            (r"^\${x}$", "${x}", true),
            (r"^[a&&b]+$", "&", true),
            (r"^[]a]$", "]", true),
            (r"^[[:alpha:]]+$", "abc", true),
            (r"^[^[:space:]]+$", "a b", false),
            (r"\Qa.b\E+", "a.bb", true),
            (r"^(\d{1,3}\.){3}\d{1,3}$", "10.0.0.1", true),
            (r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "web-1", true),
        ] {
            assert_eq!(
                Pattern::new(pattern).is_match(text),
                Some(matches),
                "{pattern} {text}"
            );
        }
        assert_eq!(Pattern::new("(").is_match(""), None);
    }
}
