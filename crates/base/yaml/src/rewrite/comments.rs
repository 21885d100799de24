//! Comments, which the scanner passes over: found between the tokens, and told by what they
//! belong to.
//!
//! Compat: go-yaml v3's rules, by their outcome. A comment on the line of a value is that value's;
//! one above an entry, at its indentation, is that entry's; one right below a value, with an empty
//! line or something less indented after it, is the foot of what stands above it.

use super::node::{Node, Style};
use crate::scanner::{Scanner, Token, What};
use std::collections::BTreeMap;

/// Comments by what they belong to.
#[derive(Clone, Debug, Default)]
pub(super) struct Comments {
    /// By the line of the entry below; `None` in a list for an empty line.
    pub heads: Vec<(usize, Vec<String>)>,
    /// By the line that they stand on.
    pub lines: BTreeMap<usize, String>,
    pub feet: Vec<Foot>,
    /// What stands below everything.
    pub end: Vec<String>,
}

/// A comment below an entry.
#[derive(Clone, Debug)]
pub(super) struct Foot {
    /// The last line of what it is below.
    pub after: usize,
    /// Where the block begins that it belongs to; the innermost where that is far to the right.
    pub column: usize,
    pub text: Vec<String>,
}

impl Comments {
    /// The comments inside a node.
    pub fn within(&self, node: &Node) -> Self {
        let Some(place) = node.place else {
            return Self::default();
        };
        let (first, last) = (place.first, place.last);
        let after = |line: usize| self.heads.partition_point(|(at, _)| *at <= line);
        let heads = after(first)..after(last);
        let from = |line: usize| self.feet.partition_point(|foot| foot.after < line);
        let feet = from(first)..from(last + 1);
        let lines = self.lines.range(first..=last);
        Self {
            heads: self.heads[heads].to_vec(),
            lines: lines.map(|(line, text)| (*line, text.clone())).collect(),
            feet: self.feet[feet].to_vec(),
            end: Vec::new(),
        }
    }
}

/// Where a scalar stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    line: usize,
    column: usize,
    plain: bool,
    /// Its last line.
    pub last: usize,
}

/// What the tokens of a text tell beside its nodes.
pub(super) struct Pieces<'t> {
    lines: Vec<Line<'t>>,
    scalars: Vec<(Span, String)>,
    /// Last lines of brackets by where they open.
    flows: BTreeMap<(usize, usize), usize>,
    comments: Comments,
    /// A foot that go-yaml gives to the next entry of a list, and the column of the list.
    late: Option<(Vec<String>, usize)>,
}

impl<'t> Pieces<'t> {
    /// Reads a text that the composer has read; at a fault it ends, as the composer did.
    pub fn of(text: &'t str) -> Self {
        let mut pieces = Self {
            lines: text.lines().map(Line::new).collect(),
            scalars: Vec::new(),
            flows: BTreeMap::new(),
            comments: Comments::default(),
            late: None,
        };
        let mut scanner = Scanner::new(text);
        let (mut open, mut indents) = (Vec::new(), Vec::new());
        let mut before: Option<Before> = None;
        while let Ok(token) = scanner.take() {
            let is_end = matches!(token.what, What::StreamEnd | What::DocumentEnd);
            match &token.what {
                What::Scalar { text, plain } => pieces.scalar_token(&token, text, *plain),
                What::FlowSequenceStart | What::FlowMappingStart => {
                    open.push((token.start.line, token.start.column));
                }
                What::FlowSequenceEnd | What::FlowMappingEnd => {
                    if let Some(start) = open.pop() {
                        pieces.flows.insert(start, token.end.line);
                    }
                }
                What::BlockSequenceStart | What::BlockMappingStart => {
                    indents.push(token.start.column);
                    pieces.settle(&token, Some(token.start.column));
                    continue;
                }
                What::BlockEnd => {
                    indents.pop();
                    continue;
                }
                // Zero wide where a key is found in hindsight.
                What::Key if token.start == token.end => continue,
                _ => {}
            }
            if token.what != What::BlockEntry {
                pieces.settle(&token, None);
            }
            let next = Next {
                line: token.start.line,
                column: token.start.column,
                is_end,
                is_entry: token.what == What::BlockEntry,
            };
            pieces.gap(before.as_ref(), &next);
            if is_end || token.what == What::DocumentStart && !pieces.scalars.is_empty() {
                break;
            }
            before = Some(Before {
                line: token.end.line,
                column: token.end.column,
                last: pieces.last_line(token.end.line, token.end.column),
                indent: indents.last().copied().unwrap_or(0),
                is_value: token.what == What::Value,
                is_entry: token.what == What::BlockEntry,
                is_plain: matches!(token.what, What::Scalar { plain: true, .. }),
                is_start: token.what == What::DocumentStart,
            });
        }
        pieces
    }

    pub fn into_comments(self) -> Comments {
        self.comments
    }

    /// The last line with anything on it before a place: a block's text goes on to the line below it.
    fn last_line(&self, line: usize, column: usize) -> usize {
        let is_blank = |line: usize| self.from(line, 0).trim().is_empty();
        let mut last = line;
        if column == 0 {
            last = last.saturating_sub(1);
            while last > 0 && is_blank(last) {
                last -= 1;
            }
        }
        last
    }

    fn scalar_token(&mut self, token: &Token, text: &str, plain: bool) {
        let (line, column) = (token.start.line, token.start.column);
        let last = self.last_line(token.end.line, token.end.column).max(line);
        let span = Span {
            line,
            column,
            plain,
            last,
        };
        if matches!(self.style(span), Style::Literal | Style::Folded) {
            let header = self.from(line, column);
            if let Some(at) = header.find(" #") {
                let text = header[at + 1..].to_owned();
                self.comments.lines.insert(line, text);
            }
        }
        self.scalars.push((span, text.to_owned()));
    }

    /// A line from a column on.
    fn from(&self, line: usize, column: usize) -> &'t str {
        self.lines.get(line).map_or("", |line| line.from(column))
    }

    pub fn style(&self, span: Span) -> Style {
        match self.from(span.line, span.column).chars().next() {
            _ if span.plain => Style::Plain,
            Some('\'') => Style::Single,
            Some('|') => Style::Literal,
            Some('>') => Style::Folded,
            _ => Style::Double,
        }
    }

    /// The scalar with this number, where its text is this one.
    pub fn scalar(&self, number: usize, text: &str) -> Option<Span> {
        let (span, found) = self.scalars.get(number)?;
        (found == text).then_some(*span)
    }

    pub fn flow_end(&self, line: usize, column: usize) -> usize {
        let end = self.flows.range((line, column)..).next();
        end.map_or(line, |(_, end)| *end)
    }

    /// The anchor before a node, and the first character of the node itself.
    pub fn properties(&self, line: usize, column: usize) -> (Option<String>, Option<char>) {
        let mut anchor = None;
        let mut rest = self.from(line, column).chars().peekable();
        while let Some(first) = rest.peek().copied() {
            match first {
                ' ' | '\t' => {
                    rest.next();
                }
                '&' | '!' => {
                    rest.next();
                    let mut word = String::new();
                    while let Some(unit) = rest.next_if(|unit| !matches!(unit, ' ' | '\t')) {
                        word.push(unit);
                    }
                    if first == '&' {
                        anchor = Some(word);
                    }
                }
                other => return (anchor, Some(other)),
            }
        }
        (anchor, None)
    }

    /// Gives a late foot to the entry that this token begins: to the first key of a mapping.
    fn settle(&mut self, token: &Token, key: Option<usize>) {
        if let Some((text, list)) = self.late.take() {
            self.comments.feet.push(Foot {
                after: token.start.line,
                column: key.unwrap_or(list),
                text,
            });
        }
    }

    /// Files the comments between two tokens.
    fn gap(&mut self, before: Option<&Before>, next: &Next) {
        // A comment goes on to the end of its line.
        if !next.is_end && before.is_some_and(|before| before.line == next.line) {
            return;
        }
        let mut found: Vec<Found> = Vec::new();
        let first = before.map_or(0, |before| before.line);
        for line in first..=next.line {
            let start = match before {
                Some(before) if line == first => before.column,
                _ => 0,
            };
            if line == next.line && !next.is_end && start >= next.column {
                break;
            }
            let rest = self.from(line, start);
            let text = rest.trim_start_matches([' ', '\t']);
            let column = start + rest.len() - text.len();
            if text.starts_with('#') {
                let text = text.to_owned();
                found.push(Found { line, column, text });
            }
        }
        let mut found = found.as_slice();
        let mut has_line = false;
        if let (Some(before), Some(comment)) = (before, found.first())
            && before.line == comment.line
            && before.column > 0
        {
            if !before.is_entry && !before.is_start {
                self.comments
                    .lines
                    .insert(comment.line, comment.text.clone());
                found = &found[1..];
                has_line = true;
            }
        }
        if found.is_empty() {
            return;
        }
        let (feet, column) = match before {
            // Compat: the first line has a foot only where it ends in plain text alone.
            Some(before) if before.line > 0 || (before.is_plain && !has_line) => {
                feet(before, found, next)
            }
            _ => (0, 0),
        };
        if let Some(before) = before.filter(|_| feet > 0) {
            let text = joined(&found[..feet]);
            if column < before.indent && next.is_entry {
                self.late = Some((text, next.column));
            } else {
                self.comments.feet.push(Foot {
                    after: before.last,
                    column,
                    text,
                });
            }
        }
        let heads = &found[feet..];
        if heads.is_empty() {
            return;
        }
        let mut lines = joined(heads);
        if next.is_end {
            self.comments.end.append(&mut lines);
            return;
        }
        // Only what stands above a whole document keeps its distance.
        let is_apart = heads.last().is_some_and(|last| next.line > last.line + 1);
        if is_apart && before.is_none_or(|before| before.is_start) {
            lines.push(String::new());
        }
        self.comments.heads.push((next.line, lines));
    }
}

/// A line, and where its characters begin if they are not all of one byte.
struct Line<'t> {
    text: &'t str,
    offsets: Option<Vec<u32>>,
}

impl<'t> Line<'t> {
    fn new(text: &'t str) -> Self {
        let offsets = || text.char_indices().map(|(at, _)| at as u32).collect();
        Self {
            text,
            offsets: (!text.is_ascii()).then(offsets),
        }
    }

    fn from(&self, column: usize) -> &'t str {
        let at = match &self.offsets {
            None => Some(column),
            Some(offsets) => offsets.get(column).map(|at| *at as usize),
        };
        at.and_then(|at| self.text.get(at..)).unwrap_or_default()
    }
}

/// The token before a gap.
struct Before {
    line: usize,
    column: usize,
    /// The last line that it has anything on.
    last: usize,
    /// Where the block that it is in begins.
    indent: usize,
    is_value: bool,
    is_entry: bool,
    is_plain: bool,
    /// Nothing of the document stands before it.
    is_start: bool,
}

/// The token after a gap.
struct Next {
    line: usize,
    column: usize,
    is_end: bool,
    is_entry: bool,
}

struct Found {
    line: usize,
    column: usize,
    text: String,
}

/// How many comments at the beginning of a gap are the foot of what is before it, and the column of
/// the block that they belong to: the innermost, but for one that an empty line follows.
fn feet(before: &Before, found: &[Found], next: &Next) -> (usize, usize) {
    let follows = |at: usize| at + 1 < found.len() && found[at + 1].line == found[at].line + 1;
    let mut count = 1;
    while count < found.len()
        && follows(count - 1)
        && !(found[count].column < before.indent && found[count].column != found[0].column)
    {
        count += 1;
    }
    let (first, last) = (&found[0], &found[count - 1]);
    let is_right_below = first.line == before.last + 1;
    let is_dedented = first.column < before.indent;
    let (below, next_column) = match found.get(count) {
        Some(comment) => (comment.line, comment.column),
        None if next.is_end => (last.line + 2, 0),
        None => (next.line, next.column),
    };
    let has_gap = below > last.line + 1;
    let is_foot = if has_gap {
        is_right_below && (!before.is_value || is_dedented)
    } else {
        next_column < before.indent && next_column != first.column
    };
    let column = if has_gap && is_dedented {
        first.column
    } else {
        usize::MAX
    };
    (if is_foot { count } else { 0 }, column)
}

/// The lines of comments, with an empty one for empty lines between them.
fn joined(found: &[Found]) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for comment in found {
        if last.is_some_and(|last| comment.line > last + 1) {
            lines.push(String::new());
        }
        lines.push(comment.text.clone());
        last = Some(comment.line);
    }
    lines
}
