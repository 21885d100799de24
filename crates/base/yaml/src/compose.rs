//! From tokens to the nodes of one document, with their places, before they mean anything.
//!
//! The grammar is libyaml's parser, its oddities included, so that what it refuses is refused
//! here in the same words.

use crate::pieces::Pieces;
use crate::reader::Mark;
use crate::scanner::{Fault, Scanner, Token, What};
use crate::{Limits, YamlError};
use std::collections::HashMap;

/// Index of a node within its document.
pub(crate) type NodeId = usize;

/// One node as it is written.
pub(crate) struct Node {
    pub(crate) kind: Kind,
    pub(crate) tag: Option<String>,
    /// From 0, as the scanner counts.
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// What a node is.
pub(crate) enum Kind {
    Scalar {
        text: String,
        /// Plain without a tag, or with the tag `!`.
        implicit: bool,
    },
    Sequence(Vec<NodeId>),
    Mapping(Vec<(NodeId, NodeId)>),
    Alias {
        name: String,
        target: NodeId,
    },
}

/// One document's nodes.
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

/// Reads documents one at a time.
pub(crate) struct Composer<'t> {
    file: String,
    scanner: Scanner<'t>,
    limits: Limits,
    total: usize,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
    tags: Vec<(String, String)>,
    started: bool,
    /// Who takes items of lists as they come.
    pub(crate) pieces: Option<Pieces<'t>>,
}

/// Where a node stands, which decides what may be one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Block,
    /// In a block mapping, where a list need not be indented.
    BlockOrIndentless,
    Flow,
}

/// Why composing stopped.
enum Stop {
    Fault(Fault),
    Error(YamlError),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// What stands before a node.
#[derive(Default)]
struct Properties {
    anchor: Option<String>,
    tag: Option<String>,
}

impl<'t> Composer<'t> {
    pub(crate) fn new(file: &str, text: &'t str, limits: &Limits) -> Self {
        Self {
            file: file.to_owned(),
            scanner: Scanner::new(text),
            limits: *limits,
            total: 0,
            nodes: Vec::new(),
            anchors: HashMap::new(),
            tags: Vec::new(),
            started: false,
            pieces: None,
        }
    }

    /// The next document, or nothing at the end of the stream.
    pub(crate) fn next(&mut self) -> Result<Option<Tree>, YamlError> {
        self.document().map_err(|stop| match stop {
            Stop::Error(error) => error,
            Stop::Fault(fault) => self.worded(&fault),
        })
    }

    fn worded(&self, fault: &Fault) -> YamlError {
        // go-yaml prints the mark's line as it is, from 0, and adds one for scanner errors only;
        // a problem on the first line falls back to where its context began.
        let line = match fault.at.line {
            0 => fault.context.line,
            line => line + usize::from(fault.scanner),
        };
        let problem = &fault.problem;
        let text = match line {
            0 => format!("yaml: {problem}"),
            line => format!("yaml: line {line}: {problem}"),
        };
        self.error(fault.at, text)
    }

    fn error(&self, mark: Mark, text: String) -> YamlError {
        YamlError::new(
            &self.file,
            mark.line as u32 + 1,
            mark.column as u32 + 1,
            text,
        )
    }

    fn document(&mut self) -> Result<Option<Tree>, Stop> {
        let implicit = !std::mem::replace(&mut self.started, true);
        if !implicit {
            while self.scanner.peek()?.what == What::DocumentEnd {
                self.scanner.take()?;
            }
        }
        let token = self.scanner.peek()?;
        if token.what == What::StreamEnd {
            return Ok(None);
        }
        let bare = !matches!(
            token.what,
            What::Version { .. } | What::TagDirective { .. } | What::DocumentStart
        );
        self.anchors.clear();
        self.directives()?;
        let root = if implicit && bare {
            self.node(Place::Block, 0)?
        } else {
            let token = self.scanner.peek()?;
            if token.what != What::DocumentStart {
                return fault("did not find expected <document start>", token.start, None);
            }
            self.scanner.take()?;
            let token = self.scanner.peek()?;
            let empty = matches!(
                token.what,
                What::Version { .. }
                    | What::TagDirective { .. }
                    | What::DocumentStart
                    | What::DocumentEnd
                    | What::StreamEnd
            );
            let mark = token.start;
            if empty {
                self.empty(mark)?
            } else {
                self.node(Place::Block, 0)?
            }
        };
        // What follows is checked only when it is read, as in Go: but the token itself is.
        if self.scanner.peek()?.what == What::DocumentEnd {
            self.scanner.take()?;
        }
        self.tags.clear();
        Ok(Some(Tree {
            nodes: std::mem::take(&mut self.nodes),
            root,
        }))
    }

    fn directives(&mut self) -> Result<(), Stop> {
        let mut versions = 0;
        loop {
            let token = self.scanner.peek()?;
            let start = token.start;
            match &token.what {
                What::Version { .. } if versions > 0 => {
                    return fault("found duplicate %YAML directive", start, None);
                }
                What::Version { major: 1, minor: 1 } => versions += 1,
                What::Version { .. } => {
                    return fault("found incompatible YAML document", start, None);
                }
                What::TagDirective { handle, prefix } => {
                    if self.tags.iter().any(|(known, _)| known == handle) {
                        return fault("found duplicate %TAG directive", start, None);
                    }
                    self.tags.push((handle.clone(), prefix.clone()));
                }
                _ => break,
            }
            self.scanner.take()?;
        }
        for (handle, prefix) in [("!", "!"), ("!!", "tag:yaml.org,2002:")] {
            if !self.tags.iter().any(|(known, _)| known == handle) {
                self.tags.push((handle.to_owned(), prefix.to_owned()));
            }
        }
        Ok(())
    }

    /// The anchor and the tag before a node, in either order, and where they begin.
    fn properties(&mut self) -> Result<(Properties, Mark), Stop> {
        let start = self.scanner.peek()?.start;
        let mut anchor = None;
        let mut tag = None;
        for _ in 0..2 {
            match &self.scanner.peek()?.what {
                What::Anchor(_) if anchor.is_none() => {}
                What::Tag { .. } if tag.is_none() => {}
                _ => break,
            }
            let Token {
                what, start: mark, ..
            } = self.scanner.take()?;
            match what {
                What::Anchor(name) => anchor = Some(name),
                What::Tag { handle, suffix } => tag = Some((handle, suffix, mark)),
                _ => {}
            }
        }
        let tag = match tag {
            None => None,
            Some((handle, suffix, _)) if handle.is_empty() => Some(suffix),
            Some((handle, suffix, mark)) => {
                let known = self.tags.iter().find(|(known, _)| *known == handle);
                let Some((_, prefix)) = known else {
                    return fault("found undefined tag handle", mark, Some(start));
                };
                Some(format!("{prefix}{suffix}"))
            }
        };
        Ok((
            Properties {
                anchor,
                tag: tag.filter(|t| !t.is_empty()),
            },
            start,
        ))
    }

    fn node(&mut self, place: Place, depth: usize) -> Result<NodeId, Stop> {
        let mark = self.scanner.peek()?.start;
        if depth > self.limits.max_depth {
            let text = format!("yaml: exceeded max depth of {}", self.limits.max_depth);
            return Err(Stop::Error(self.error(mark, text)));
        }
        if matches!(self.scanner.peek()?.what, What::Alias(_)) {
            return self.alias();
        }
        let (properties, start) = self.properties()?;
        let token = self.scanner.peek()?;
        let at = token.start;
        let block = place != Place::Flow;
        match &token.what {
            What::BlockEntry if place == Place::BlockOrIndentless => {
                self.indentless(properties, start, depth)
            }
            What::Scalar { .. } => self.scalar(properties, start),
            What::FlowSequenceStart => self.flow_sequence(properties, start, depth),
            What::FlowMappingStart => self.flow_mapping(properties, start, depth),
            What::BlockSequenceStart if block => self.block_sequence(properties, start, depth),
            What::BlockMappingStart if block => self.block_mapping(properties, start, depth),
            _ if properties.anchor.is_some() || properties.tag.is_some() => {
                let implicit = properties.tag.is_none();
                self.push(
                    Kind::Scalar {
                        text: String::new(),
                        implicit,
                    },
                    properties,
                    start,
                )
            }
            _ => fault("did not find expected node content", at, Some(start)),
        }
    }

    fn alias(&mut self) -> Result<NodeId, Stop> {
        let Token { what, start, .. } = self.scanner.take()?;
        let What::Alias(name) = what else {
            return fault("did not find expected node content", start, None);
        };
        let Some(target) = self.anchors.get(&name).copied() else {
            let text = format!("yaml: unknown anchor '{name}' referenced");
            return Err(Stop::Error(self.error(start, text)));
        };
        self.push(Kind::Alias { name, target }, Properties::default(), start)
    }

    fn scalar(&mut self, properties: Properties, start: Mark) -> Result<NodeId, Stop> {
        let Token { what, .. } = self.scanner.take()?;
        let What::Scalar { text, plain } = what else {
            return fault("did not find expected node content", start, None);
        };
        let implicit = match properties.tag.as_deref() {
            None => plain,
            Some(tag) => tag == "!",
        };
        self.push(Kind::Scalar { text, implicit }, properties, start)
    }

    fn empty(&mut self, mark: Mark) -> Result<NodeId, Stop> {
        let kind = Kind::Scalar {
            text: String::new(),
            implicit: true,
        };
        self.push(kind, Properties::default(), mark)
    }

    fn push(&mut self, kind: Kind, properties: Properties, mark: Mark) -> Result<NodeId, Stop> {
        self.total += 1;
        if self.total > self.limits.max_nodes {
            let text = format!("yaml: more than {} nodes", self.limits.max_nodes);
            return Err(Stop::Error(self.error(mark, text)));
        }
        let id = self.nodes.len();
        if let Some(name) = properties.anchor {
            if self.pieces.is_some() {
                let text = Pieces::ANCHORS.to_owned();
                return Err(Stop::Error(self.error(mark, text)));
            }
            self.anchors.insert(name, id);
        }
        let (line, column) = (mark.line as u32, mark.column as u32);
        self.nodes.push(Node {
            kind,
            tag: properties.tag,
            line,
            column,
        });
        Ok(id)
    }

    /// A value of a mapping begins.
    fn enter(&mut self, key: NodeId) {
        if let Some(pieces) = &mut self.pieces {
            pieces.enter(&self.nodes[key].kind);
        }
    }

    /// A value of a mapping has ended.
    fn leave(&mut self) {
        if let Some(pieces) = &mut self.pieces {
            pieces.leave();
        }
    }

    /// A list begins or has ended.
    fn list(&mut self, begins: bool) {
        if let Some(pieces) = &mut self.pieces {
            pieces.list(begins);
        }
    }

    /// An item of a list is there, with all nodes since `before`. A piece is handed over and
    /// forgotten.
    fn item(&mut self, items: &mut Vec<NodeId>, item: NodeId, before: usize) -> Result<(), Stop> {
        let Some(pieces) = self.pieces.as_mut().filter(|pieces| pieces.is_here()) else {
            items.push(item);
            return Ok(());
        };
        let mut tree = Tree {
            nodes: std::mem::take(&mut self.nodes),
            root: item,
        };
        pieces
            .hand_over(&self.file, &tree, &self.limits)
            .map_err(Stop::Error)?;
        self.total -= tree.nodes.len() - before;
        tree.nodes.truncate(before);
        self.nodes = tree.nodes;
        Ok(())
    }

    fn indentless(
        &mut self,
        properties: Properties,
        start: Mark,
        depth: usize,
    ) -> Result<NodeId, Stop> {
        let id = self.push(Kind::Sequence(Vec::new()), properties, start)?;
        self.list(true);
        let mut items = Vec::new();
        while self.scanner.peek()?.what == What::BlockEntry {
            let mark = self.scanner.take()?.end;
            let empty = matches!(
                self.scanner.peek()?.what,
                What::BlockEntry | What::Key | What::Value | What::BlockEnd
            );
            let before = self.nodes.len();
            let item = if empty {
                self.empty(mark)?
            } else {
                self.node(Place::Block, depth + 1)?
            };
            self.item(&mut items, item, before)?;
        }
        self.list(false);
        self.nodes[id].kind = Kind::Sequence(items);
        Ok(id)
    }

    fn block_sequence(
        &mut self,
        properties: Properties,
        start: Mark,
        depth: usize,
    ) -> Result<NodeId, Stop> {
        let id = self.push(Kind::Sequence(Vec::new()), properties, start)?;
        self.list(true);
        let context = self.scanner.take()?.start;
        let mut items = Vec::new();
        loop {
            let token = self.scanner.peek()?;
            match token.what {
                What::BlockEntry => {}
                What::BlockEnd => break,
                _ => {
                    let at = token.start;
                    return fault("did not find expected '-' indicator", at, Some(context));
                }
            }
            let mark = self.scanner.take()?.end;
            let empty = matches!(self.scanner.peek()?.what, What::BlockEntry | What::BlockEnd);
            let before = self.nodes.len();
            let item = if empty {
                self.empty(mark)?
            } else {
                self.node(Place::Block, depth + 1)?
            };
            self.item(&mut items, item, before)?;
        }
        self.scanner.take()?;
        self.list(false);
        self.nodes[id].kind = Kind::Sequence(items);
        Ok(id)
    }

    fn block_mapping(
        &mut self,
        properties: Properties,
        start: Mark,
        depth: usize,
    ) -> Result<NodeId, Stop> {
        let id = self.push(Kind::Mapping(Vec::new()), properties, start)?;
        let context = self.scanner.take()?.start;
        let mut entries = Vec::new();
        loop {
            let token = self.scanner.peek()?;
            match token.what {
                What::Key => {}
                What::BlockEnd => break,
                _ => return fault("did not find expected key", token.start, Some(context)),
            }
            let mark = self.scanner.take()?.end;
            let key = self.block_mapping_part(mark, depth)?;
            let token = self.scanner.peek()?;
            let mark = token.start;
            let value = if token.what == What::Value {
                let mark = self.scanner.take()?.end;
                self.enter(key);
                let value = self.block_mapping_part(mark, depth)?;
                self.leave();
                value
            } else {
                self.empty(mark)?
            };
            entries.push((key, value));
        }
        self.scanner.take()?;
        self.nodes[id].kind = Kind::Mapping(entries);
        Ok(id)
    }

    fn block_mapping_part(&mut self, mark: Mark, depth: usize) -> Result<NodeId, Stop> {
        if matches!(
            self.scanner.peek()?.what,
            What::Key | What::Value | What::BlockEnd
        ) {
            return self.empty(mark);
        }
        self.node(Place::BlockOrIndentless, depth + 1)
    }

    fn flow_sequence(
        &mut self,
        properties: Properties,
        start: Mark,
        depth: usize,
    ) -> Result<NodeId, Stop> {
        let id = self.push(Kind::Sequence(Vec::new()), properties, start)?;
        self.list(true);
        let context = self.scanner.take()?.start;
        let mut items = Vec::new();
        // Not whether `items` is empty: pieces are taken out of it.
        let mut is_first = true;
        loop {
            if self.scanner.peek()?.what == What::FlowSequenceEnd {
                break;
            }
            if !is_first {
                let token = self.scanner.peek()?;
                if token.what != What::FlowEntry {
                    let at = token.start;
                    return fault("did not find expected ',' or ']'", at, Some(context));
                }
                self.scanner.take()?;
            }
            match self.scanner.peek()?.what {
                What::Key => items.push(self.flow_pair(depth + 1)?),
                What::FlowSequenceEnd => break,
                _ => {
                    let before = self.nodes.len();
                    let item = self.node(Place::Flow, depth + 1)?;
                    self.item(&mut items, item, before)?;
                    is_first = false;
                    continue;
                }
            }
            is_first = false;
        }
        self.scanner.take()?;
        self.list(false);
        self.nodes[id].kind = Kind::Sequence(items);
        Ok(id)
    }

    /// A mapping of one pair within a flow sequence: `[a: b]`.
    fn flow_pair(&mut self, depth: usize) -> Result<NodeId, Stop> {
        let mark = self.scanner.take()?.start;
        let id = self.push(Kind::Mapping(Vec::new()), Properties::default(), mark)?;
        let ends = |what: &What| matches!(what, What::FlowEntry | What::FlowSequenceEnd);
        let token = self.scanner.peek()?;
        let key = if token.what == What::Value || ends(&token.what) {
            // libyaml passes over the token here, whatever it is.
            let mark = self.scanner.take()?.end;
            self.empty(mark)?
        } else {
            self.node(Place::Flow, depth + 1)?
        };
        let mut mark = self.scanner.peek()?.start;
        let mut value = None;
        if self.scanner.peek()?.what == What::Value {
            self.scanner.take()?;
            let token = self.scanner.peek()?;
            mark = token.start;
            if !ends(&token.what) {
                value = Some(self.node(Place::Flow, depth + 1)?);
            }
        }
        let value = match value {
            Some(value) => value,
            None => self.empty(mark)?,
        };
        self.nodes[id].kind = Kind::Mapping(vec![(key, value)]);
        Ok(id)
    }

    fn flow_mapping(
        &mut self,
        properties: Properties,
        start: Mark,
        depth: usize,
    ) -> Result<NodeId, Stop> {
        let id = self.push(Kind::Mapping(Vec::new()), properties, start)?;
        let context = self.scanner.take()?.start;
        let mut entries = Vec::new();
        loop {
            if self.scanner.peek()?.what == What::FlowMappingEnd {
                break;
            }
            if !entries.is_empty() {
                let token = self.scanner.peek()?;
                if token.what != What::FlowEntry {
                    let at = token.start;
                    return fault("did not find expected ',' or '}'", at, Some(context));
                }
                self.scanner.take()?;
            }
            match self.scanner.peek()?.what {
                What::FlowMappingEnd => break,
                What::Key => {
                    self.scanner.take()?;
                    let key = self.flow_part(depth)?;
                    self.enter(key);
                    let value = self.flow_value(depth)?;
                    self.leave();
                    entries.push((key, value));
                }
                _ => {
                    let key = self.node(Place::Flow, depth + 1)?;
                    let mark = self.scanner.peek()?.start;
                    entries.push((key, self.empty(mark)?));
                }
            }
        }
        self.scanner.take()?;
        self.nodes[id].kind = Kind::Mapping(entries);
        Ok(id)
    }

    fn flow_part(&mut self, depth: usize) -> Result<NodeId, Stop> {
        let token = self.scanner.peek()?;
        let mark = token.start;
        if matches!(
            token.what,
            What::Value | What::FlowEntry | What::FlowMappingEnd
        ) {
            return self.empty(mark);
        }
        self.node(Place::Flow, depth + 1)
    }

    fn flow_value(&mut self, depth: usize) -> Result<NodeId, Stop> {
        let token = self.scanner.peek()?;
        let mark = token.start;
        if token.what != What::Value {
            return self.empty(mark);
        }
        self.scanner.take()?;
        let token = self.scanner.peek()?;
        let mark = token.start;
        if matches!(token.what, What::FlowEntry | What::FlowMappingEnd) {
            return self.empty(mark);
        }
        self.node(Place::Flow, depth + 1)
    }
}

fn fault<T>(problem: &str, at: Mark, context: Option<Mark>) -> Result<T, Stop> {
    let context = context.unwrap_or_default();
    Err(Stop::Fault(Fault {
        problem: problem.to_owned(),
        at,
        context,
        scanner: false,
    }))
}
