//! The nodes of one document, with their places, before they mean anything.

use crate::scan::Events;
use crate::{Limits, YamlError};
use libyaml_safer::{Event, EventData, Mark};
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

/// One document's nodes; the first is the root.
pub(crate) struct Tree {
    pub(crate) nodes: Vec<Node>,
    pub(crate) root: NodeId,
}

/// Reads documents one at a time.
pub(crate) struct Composer<'b> {
    file: String,
    events: Events<'b>,
    limits: Limits,
    total: usize,
    nodes: Vec<Node>,
    anchors: HashMap<String, NodeId>,
}

impl<'b> Composer<'b> {
    pub(crate) fn new(file: &str, bytes: &'b [u8], limits: &Limits) -> Self {
        Self {
            file: file.to_owned(),
            events: Events::new(file, bytes),
            limits: *limits,
            total: 0,
            nodes: Vec::new(),
            anchors: HashMap::new(),
        }
    }

    /// The next document, or nothing at the end of the stream.
    pub(crate) fn next(&mut self) -> Result<Option<Tree>, YamlError> {
        loop {
            match self.events.next()?.data {
                EventData::StreamEnd => return Ok(None),
                EventData::DocumentStart { .. } => break,
                _ => {}
            }
        }
        self.anchors.clear();
        let first = self.events.next()?;
        let root = self.node(first, 0)?;
        // The document's end: what follows it is checked only when it is read, as in Go.
        self.events.next()?;
        Ok(Some(Tree { nodes: std::mem::take(&mut self.nodes), root }))
    }

    fn node(&mut self, event: Event, depth: usize) -> Result<NodeId, YamlError> {
        let mark = event.start_mark;
        self.total += 1;
        if self.total > self.limits.max_nodes {
            let text = format!("yaml: more than {} nodes", self.limits.max_nodes);
            return Err(self.error(mark, text));
        }
        if depth > self.limits.max_depth {
            let text = format!("yaml: exceeded max depth of {}", self.limits.max_depth);
            return Err(self.error(mark, text));
        }
        match event.data {
            EventData::Alias { anchor } => {
                let Some(target) = self.anchors.get(&anchor).copied() else {
                    let text = format!("yaml: unknown anchor '{anchor}' referenced");
                    return Err(self.error(mark, text));
                };
                Ok(self.push(Kind::Alias { name: anchor, target }, None, mark))
            }
            EventData::Scalar { anchor, tag, value, plain_implicit, .. } => {
                let kind = Kind::Scalar { text: value, implicit: plain_implicit };
                let id = self.push(kind, tag, mark);
                self.anchor(anchor, id);
                Ok(id)
            }
            EventData::SequenceStart { anchor, tag, .. } => {
                let id = self.push(Kind::Sequence(Vec::new()), tag, mark);
                self.anchor(anchor, id);
                let mut items = Vec::new();
                loop {
                    let event = self.events.next()?;
                    if matches!(event.data, EventData::SequenceEnd) {
                        break;
                    }
                    items.push(self.node(event, depth + 1)?);
                }
                self.nodes[id].kind = Kind::Sequence(items);
                Ok(id)
            }
            EventData::MappingStart { anchor, tag, .. } => {
                let id = self.push(Kind::Mapping(Vec::new()), tag, mark);
                self.anchor(anchor, id);
                let mut entries = Vec::new();
                loop {
                    let event = self.events.next()?;
                    if matches!(event.data, EventData::MappingEnd) {
                        break;
                    }
                    let key = self.node(event, depth + 1)?;
                    let event = self.events.next()?;
                    entries.push((key, self.node(event, depth + 1)?));
                }
                self.nodes[id].kind = Kind::Mapping(entries);
                Ok(id)
            }
            _ => Err(self.error(mark, "yaml: a node was expected here".to_owned())),
        }
    }

    fn push(&mut self, kind: Kind, tag: Option<String>, mark: Mark) -> NodeId {
        let tag = tag.filter(|t| !t.is_empty());
        self.nodes.push(Node { kind, tag, line: mark.line as u32, column: mark.column as u32 });
        self.nodes.len() - 1
    }

    fn anchor(&mut self, name: Option<String>, id: NodeId) {
        if let Some(name) = name {
            self.anchors.insert(name, id);
        }
    }

    fn error(&self, mark: Mark, text: String) -> YamlError {
        YamlError::new(&self.file, mark.line as u32 + 1, mark.column as u32 + 1, text)
    }
}
