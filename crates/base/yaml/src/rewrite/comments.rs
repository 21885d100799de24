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
    pub column: usize,
    pub text: Vec<String>,
}

impl Comments {
    /// The comments inside a node.
    pub fn within(&self, node: &Node) -> Self {
        let Some(place) = node.place else {
            return Self::default();
        };
        let inside = |line: usize| (place.first..=place.last).contains(&line);
        Self {
            heads: self
                .heads
                .iter()
                .filter(|(line, _)| inside(*line) && *line > place.first)
                .cloned()
                .collect(),
            lines: self
                .lines
                .iter()
                .filter(|(line, _)| inside(**line))
                .map(|(line, text)| (*line, text.clone()))
                .collect(),
            feet: self
                .feet
                .iter()
                .filter(|foot| inside(foot.after))
                .cloned()
                .collect(),
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
    lines: Vec<&'t str>,
    scalars: Vec<(Span, String)>,
    /// Last lines of brackets by where they open.
    flows: BTreeMap<(usize, usize), usize>,
    comments: Comments,
}

impl<'t> Pieces<'t> {
    /// Reads a text that the composer has read; at a fault it ends, as the composer did.
    pub fn of(text: &'t str) -> Self {
        let mut pieces = Self {
            lines: text.lines().collect(),
            scalars: Vec::new(),
            flows: BTreeMap::new(),
            comments: Comments::default(),
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
            let next = Next {
                line: token.start.line,
                column: token.start.column,
                is_end,
            };
            pieces.gap(before.as_ref(), &next);
            if is_end || token.what == What::DocumentStart && !pieces.scalars.is_empty() {
                break;
            }
            before = Some(Before {
                line: token.end.line,
                column: token.end.column,
                indent: indents.last().copied().unwrap_or(0),
                is_value: token.what == What::Value,
                is_entry: token.what == What::BlockEntry,
            });
        }
        pieces
    }

    pub fn into_comments(self) -> Comments {
        self.comments
    }

    fn scalar_token(&mut self, token: &Token, text: &str, plain: bool) {
        let (line, column) = (token.start.line, token.start.column);
        let last = match token.end.column {
            0 if token.end.line > line => token.end.line - 1,
            _ => token.end.line,
        };
        let span = Span {
            line,
            column,
            plain,
            last,
        };
        if matches!(self.style(span), Style::Literal | Style::Folded) {
            let header: String = self.from(line, column).collect();
            if let Some(at) = header.find(" #") {
                let text = header[at + 1..].to_owned();
                self.comments.lines.insert(line, text);
            }
        }
        self.scalars.push((span, text.to_owned()));
    }

    fn from(&self, line: usize, column: usize) -> impl Iterator<Item = char> + '_ {
        let line = self.lines.get(line).copied().unwrap_or_default();
        line.chars().skip(column)
    }

    pub fn style(&self, span: Span) -> Style {
        match self.from(span.line, span.column).next() {
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
        let mut rest = self.from(line, column).peekable();
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

    /// Files the comments between two tokens.
    fn gap(&mut self, before: Option<&Before>, next: &Next) {
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
            let blanks = self
                .from(line, start)
                .take_while(|unit| matches!(unit, ' ' | '\t'))
                .count();
            let text: String = self.from(line, start + blanks).collect();
            let column = start + blanks;
            if text.starts_with('#') {
                found.push(Found { line, column, text });
            }
        }
        let mut found = found.as_slice();
        if let (Some(before), Some(comment)) = (before, found.first())
            && before.line == comment.line
            && before.column > 0
        {
            if !before.is_entry {
                self.comments
                    .lines
                    .insert(comment.line, comment.text.clone());
                found = &found[1..];
            }
        }
        if found.is_empty() {
            return;
        }
        let feet = before.map_or(0, |before| feet(before, found, next));
        if let Some(before) = before.filter(|_| feet > 0) {
            self.comments.feet.push(Foot {
                after: before.last(),
                column: found[0].column,
                text: joined(&found[..feet]),
            });
        }
        let heads = &found[feet..];
        if heads.is_empty() {
            return;
        }
        if next.is_end {
            self.comments.end.extend(joined(heads));
        } else {
            self.comments.heads.push((next.line, joined(heads)));
        }
    }
}

/// The token before a gap.
struct Before {
    line: usize,
    column: usize,
    /// Where the block that it is in begins.
    indent: usize,
    is_value: bool,
    is_entry: bool,
}

impl Before {
    /// The last line that it has anything on.
    fn last(&self) -> usize {
        match self.column {
            0 => self.line.saturating_sub(1),
            _ => self.line,
        }
    }
}

/// The token after a gap.
struct Next {
    line: usize,
    column: usize,
    is_end: bool,
}

struct Found {
    line: usize,
    column: usize,
    text: String,
}

/// How many comments at the beginning of a gap are the foot of what is before it.
fn feet(before: &Before, found: &[Found], next: &Next) -> usize {
    let follows = |at: usize| at + 1 < found.len() && found[at + 1].line == found[at].line + 1;
    let mut count = 1;
    while count < found.len()
        && follows(count - 1)
        && !(found[count].column < before.indent && found[count].column != found[0].column)
    {
        count += 1;
    }
    let (first, last) = (&found[0], &found[count - 1]);
    let is_right_below = first.line == before.last() + 1;
    let is_dedented = first.column < before.indent;
    let (below, column) = match found.get(count) {
        Some(comment) => (comment.line, comment.column),
        None if next.is_end => (last.line + 2, 0),
        None => (next.line, next.column),
    };
    let has_gap = below > last.line + 1;
    let is_foot = if has_gap {
        is_right_below && (!before.is_value || is_dedented)
    } else {
        column < before.indent && column != first.column
    };
    if is_foot { count } else { 0 }
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
