//! The tree of a written document: values with the style that they have.

use super::comments::{Pieces, Span};
use crate::compose::{self, NodeId, Tree};

/// A value and how it is written.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub kind: Kind,
    pub style: Style,
    pub tag: Option<String>,
    pub anchor: Option<String>,
    /// Where it stands, from 0; nothing for what was made.
    pub place: Option<Place>,
}

/// First and last line, and the column that it begins in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub first: usize,
    pub last: usize,
    pub column: usize,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Scalar(String),
    Alias(String),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
    Block,
    Flow,
}

impl Node {
    fn made(kind: Kind, style: Style) -> Self {
        Self {
            kind,
            style,
            tag: None,
            anchor: None,
            place: None,
        }
    }

    pub fn quoted(text: &str) -> Self {
        Self::made(Kind::Scalar(text.to_owned()), Style::Single)
    }

    pub fn mapping() -> Self {
        Self::made(Kind::Mapping(Vec::new()), Style::Block)
    }

    pub fn is(&self, key: &str) -> bool {
        matches!(&self.kind, Kind::Scalar(text) if text == key)
    }

    /// Whether it is an empty mapping or null.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Mapping(entries) => entries.is_empty(),
            Kind::Scalar(text) => {
                self.style == Style::Plain && matches!(text.as_str(), "" | "~" | "null")
            }
            _ => false,
        }
    }

    pub fn find(&self, path: &[&str]) -> Option<&Self> {
        let Some((key, rest)) = path.split_first() else {
            return Some(self);
        };
        match &self.kind {
            Kind::Mapping(entries) => {
                let (_, value) = entries.iter().find(|(name, _)| name.is(key))?;
                value.find(rest)
            }
            _ => None,
        }
    }

    pub fn find_mut(&mut self, path: &[&str]) -> Option<&mut Self> {
        let Some((key, rest)) = path.split_first() else {
            return Some(self);
        };
        match &mut self.kind {
            Kind::Mapping(entries) => {
                let (_, value) = entries.iter_mut().find(|(name, _)| name.is(key))?;
                value.find_mut(rest)
            }
            _ => None,
        }
    }

    /// The value at a key, made at the end of the mapping where it is not there; a null on the
    /// way is a mapping that is not there yet.
    pub fn entry(&mut self, key: &str, make: fn() -> Self) -> Option<&mut Self> {
        if self.is_empty() && !matches!(self.kind, Kind::Mapping(_)) {
            self.kind = Kind::Mapping(Vec::new());
            self.style = Style::Block;
        }
        let Kind::Mapping(entries) = &mut self.kind else {
            return None;
        };
        let at = entries.iter().position(|(name, _)| name.is(key));
        let at = at.unwrap_or_else(|| {
            let name = Self::made(Kind::Scalar(key.to_owned()), Style::Plain);
            entries.push((name, make()));
            entries.len() - 1
        });
        Some(&mut entries[at].1)
    }
}

/// The tree with styles, places and anchors, which the composer does not keep: they are found in
/// the tokens, whose order is that of the nodes.
pub(super) fn build(tree: &Tree, pieces: &Pieces<'_>) -> Node {
    let mut builder = Builder {
        tree,
        pieces,
        next: 0,
    };
    builder.node(tree.root)
}

struct Builder<'t> {
    tree: &'t Tree,
    pieces: &'t Pieces<'t>,
    /// The first span of a scalar that no node has taken.
    next: usize,
}

impl Builder<'_> {
    fn node(&mut self, id: NodeId) -> Node {
        let source = &self.tree.nodes[id];
        let (line, column) = (source.line as usize, source.column as usize);
        let mut place = Place {
            first: line,
            last: line,
            column,
        };
        let (anchor, opener) = self.pieces.properties(line, column);
        let is_flow = matches!(opener, Some('[' | '{'));
        let mut style = if is_flow { Style::Flow } else { Style::Block };
        let kind = match &source.kind {
            compose::Kind::Alias { name, .. } => {
                style = Style::Plain;
                Kind::Alias(name.clone())
            }
            compose::Kind::Scalar { text, implicit } => {
                style = Style::Plain;
                let is_absent = *implicit && text.is_empty();
                if let Some(span) = self.span(text).filter(|_| !is_absent) {
                    style = self.pieces.style(span);
                    place.last = span.last;
                }
                Kind::Scalar(text.clone())
            }
            compose::Kind::Sequence(items) => {
                let items: Vec<Node> = items.iter().map(|item| self.node(*item)).collect();
                place.last = last_of(items.iter()).max(line);
                Kind::Sequence(items)
            }
            compose::Kind::Mapping(entries) => {
                let pair = |(key, value): &(NodeId, NodeId)| (self.node(*key), self.node(*value));
                let entries: Vec<(Node, Node)> = entries.iter().map(pair).collect();
                place.last = last_of(entries.iter().flat_map(|(key, value)| [key, value]));
                place.last = place.last.max(line);
                Kind::Mapping(entries)
            }
        };
        if style == Style::Flow {
            place.last = place.last.max(self.pieces.flow_end(line, column));
        }
        let anchor = anchor.filter(|_| !matches!(kind, Kind::Alias(_)));
        Node {
            kind,
            style,
            tag: source.tag.clone(),
            anchor,
            place: Some(place),
        }
    }

    /// The next scalar's place, where its text is this one.
    fn span(&mut self, text: &str) -> Option<Span> {
        let span = self.pieces.scalar(self.next, text)?;
        self.next += 1;
        Some(span)
    }
}

fn last_of<'n>(nodes: impl Iterator<Item = &'n Node>) -> usize {
    let lasts = nodes.filter_map(|node| node.place).map(|place| place.last);
    lasts.max().unwrap_or(0)
}
