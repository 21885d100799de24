//! Go's regular expressions: its syntax, its error texts, its replacement templates.
//!
//! The syntax is RE2's as Go's `regexp` reads it, which the regex crate's parser differs from in
//! both directions: Go takes `\Q..\E`, `a{,2}`, `\123` and bare braces, refuses `a**` and
//! `x{1001}`, gives `[a&&b]` no meaning, and its `\d \w \s \b` are ASCII. So the parser is ours;
//! the matching is regex-automata's, which has the same leftmost-first rule and linear time.

mod class;
mod parse;

use regex_automata::Input;
use regex_automata::meta;
use regex_automata::util::captures::Captures;
use regex_syntax::hir::Hir;
use std::cell::RefCell;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// How large a compiled program may become.
const MAX_PROGRAM_BYTES: usize = 10 << 20;

/// How many compiled expressions a thread keeps.
const MEMO: usize = 64;

/// Once it met so many bytes, an expression is worth the tables of a quicker matcher.
const LONG: usize = 16 << 10;

/// A compiled expression. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Regexp(Arc<Programs>);

#[derive(Debug)]
struct Programs {
    names: parse::Names,
    is_empty_expression: bool,
    hir: Hir,
    /// Compiled in a moment: most expressions meet a name or two and nothing else.
    plain: meta::Regex,
    /// With tables, where long subjects asked for them.
    quick: OnceLock<meta::Regex>,
    /// Bytes of all subjects so far.
    met: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tables {
    None,
    All,
}

fn build(hir: &Hir, tables: Tables) -> Result<meta::Regex, Box<meta::BuildError>> {
    let has_tables = tables == Tables::All;
    let config = meta::Config::new()
        .nfa_size_limit(Some(MAX_PROGRAM_BYTES))
        .onepass_size_limit(Some(1 << 20))
        .hybrid_cache_capacity(2 << 20)
        .hybrid(has_tables)
        .dfa(has_tables)
        .onepass(has_tables);
    Ok(meta::Builder::new().configure(config).build_from_hir(hir)?)
}

/// Why an expression cannot be compiled; the text is Go's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegexpError {
    pub(crate) code: &'static str,
    pub(crate) expression: String,
}

impl std::fmt::Display for RegexpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "error parsing regexp: {}: `{}`",
            self.code, self.expression
        )
    }
}

impl std::error::Error for RegexpError {}

thread_local! {
    static COMPILED: RefCell<HashMap<String, Regexp>> = RefCell::default();
}

impl Regexp {
    /// Compiles an expression. A thread remembers the last few.
    ///
    /// # Errors
    /// With Go's text, where Go would refuse it; and where the program grows beyond 10 MiB.
    pub fn new(expression: &str) -> Result<Self, RegexpError> {
        if let Some(known) = COMPILED.with_borrow(|known| known.get(expression).cloned()) {
            return Ok(known);
        }
        let (hir, names) = parse::parse(expression)?;
        let too_large = |_| RegexpError {
            code: "expression too large",
            expression: expression.into(),
        };
        let compiled = Self(Arc::new(Programs {
            plain: build(&hir, Tables::None).map_err(too_large)?,
            quick: OnceLock::new(),
            names,
            met: AtomicUsize::new(0),
            is_empty_expression: expression.is_empty(),
            hir,
        }));
        COMPILED.with_borrow_mut(|known| {
            if known.len() >= MEMO {
                known.clear();
            }
            known.insert(expression.to_owned(), compiled.clone());
        });
        Ok(compiled)
    }

    /// The matcher for a subject. All of them find the same.
    fn regex(&self, text: &[u8]) -> &meta::Regex {
        let before = self.0.met.fetch_add(text.len(), Ordering::Relaxed);
        if before.saturating_add(text.len()) <= LONG {
            return &self.0.plain;
        }
        let quick = || build(&self.0.hir, Tables::All).unwrap_or_else(|_| self.0.plain.clone());
        self.0.quick.get_or_init(quick)
    }

    /// Whether the expression matches anywhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex(text).is_match(text)
    }

    /// The leftmost match.
    pub fn find<'t>(&self, text: &'t [u8]) -> Option<&'t [u8]> {
        self.regex(text).find(text).map(|m| &text[m.range()])
    }

    /// Successive matches, at most `limit` of them; all where it is negative.
    pub fn find_all(&self, text: &[u8], limit: i64) -> Vec<Range<usize>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let regex = self.regex(text);
        let mut captures = regex.create_captures();
        let mut at = 0;
        let mut last_end = None;
        while found.len() < limit && at <= text.len() {
            let Some(range) = next(regex, text, at, &mut captures) else {
                break;
            };
            let accepted = !(range.is_empty() && last_end == Some(range.end));
            at = if range.end > at {
                range.end
            } else {
                at + rune_len(&text[at..]).max(1)
            };
            last_end = Some(range.end);
            if accepted {
                found.push(range);
            }
        }
        found
    }

    /// Replaces every match; in the replacement `$1`, `$name` and `${name}` stand for groups and
    /// `$$` for a dollar.
    pub fn replace_all(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.replace(text, |captures, out| {
            self.expand(text, replacement, captures, out);
        })
    }

    /// Replaces every match by the replacement as it stands.
    pub fn replace_all_literal(&self, text: &[u8], replacement: &[u8]) -> Vec<u8> {
        self.replace(text, |_, out| out.extend_from_slice(replacement))
    }

    /// Cuts a text at the matches into at most `limit` pieces: none at 0, all where negative.
    pub fn split<'t>(&self, text: &'t [u8], limit: i64) -> Vec<&'t [u8]> {
        if limit == 0 {
            return Vec::new();
        }
        if text.is_empty() && !self.0.is_empty_expression {
            return vec![text];
        }
        let most = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut pieces = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for found in self.find_all(text, limit) {
            if pieces.len() == most - 1 {
                break;
            }
            end = found.start;
            if found.end != 0 {
                pieces.push(&text[begin..end]);
            }
            begin = found.end;
        }
        if end != text.len() {
            pieces.push(&text[begin..]);
        }
        pieces
    }

    fn replace(&self, text: &[u8], mut write: impl FnMut(&Captures, &mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let regex = self.regex(text);
        let mut captures = regex.create_captures();
        let (mut copied, mut at) = (0, 0);
        while at <= text.len() {
            let Some(range) = next(regex, text, at, &mut captures) else {
                break;
            };
            out.extend_from_slice(&text[copied..range.start]);
            // Not for an empty match right behind another match.
            if range.end > copied || range.start == 0 {
                write(&captures, &mut out);
            }
            copied = range.end;
            let width = rune_len(&text[at..]);
            at = if at + width > range.end {
                at + width
            } else if at + 1 > range.end {
                at + 1
            } else {
                range.end
            };
        }
        out.extend_from_slice(&text[copied.min(text.len())..]);
        out
    }
}

fn next(
    regex: &meta::Regex,
    text: &[u8],
    at: usize,
    captures: &mut Captures,
) -> Option<Range<usize>> {
    regex.search_captures(&Input::new(text).range(at..), captures);
    captures.get_match().map(|m| m.range())
}

impl Regexp {
    /// Fills a replacement's references in.
    fn expand(&self, text: &[u8], template: &[u8], captures: &Captures, out: &mut Vec<u8>) {
        let mut rest = template;
        while let Some(dollar) = rest.iter().position(|b| *b == b'$') {
            out.extend_from_slice(&rest[..dollar]);
            rest = &rest[dollar..];
            if rest.get(1) == Some(&b'$') {
                out.push(b'$');
                rest = &rest[2..];
                continue;
            }
            let Some((name, len)) = reference(rest) else {
                out.push(b'$');
                rest = &rest[1..];
                continue;
            };
            if let Some(span) = self.group(&name, captures) {
                out.extend_from_slice(&text[span]);
            }
            rest = &rest[len..];
        }
        out.extend_from_slice(rest);
    }

    /// What a group took, by number or by name: of several with one name the first that took
    /// anything.
    fn group(&self, name: &str, captures: &Captures) -> Option<Range<usize>> {
        let digits = name.bytes().all(|b| b.is_ascii_digit());
        if digits && (name.len() == 1 || !name.starts_with('0')) {
            let index = name.parse().ok()?;
            return captures.get_group(index).map(|span| span.range());
        }
        let mut named = self.0.names.iter().filter(|(_, group)| **group == *name);
        named
            .find_map(|(index, _)| captures.get_group(*index as usize))
            .map(|span| span.range())
    }
}

/// Reads `$name` or `${name}` at the start of a template: the name, and how long all of it is.
fn reference(template: &[u8]) -> Option<(String, usize)> {
    let braced = template.get(1) == Some(&b'{');
    let start = if braced { 2 } else { 1 };
    let rest = String::from_utf8_lossy(&template[start..]);
    let name: String = rest
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    let end = start + name.len();
    match (name.is_empty(), braced) {
        (true, _) => None,
        (false, false) => Some((name, end)),
        (false, true) => (template.get(end) == Some(&b'}')).then_some((name, end + 1)),
    }
}

/// Escapes what has a meaning in expressions.
pub fn quote_meta(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if b"\\.+*?()|[]{}^$".contains(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out
}

/// Bytes of the first character; 1 for a byte that starts none, 0 at the end.
fn rune_len(text: &[u8]) -> usize {
    let Some(first) = text.first() else { return 0 };
    let len = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => 1,
    };
    if text
        .get(..len)
        .is_some_and(|start| std::str::from_utf8(start).is_ok())
    {
        len
    } else {
        1
    }
}
