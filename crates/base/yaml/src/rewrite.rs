//! A document as it is written: the order of its keys, its quotes and its comments are kept, so
//! that one entry can be changed and the rest comes out as kyaml (go-yaml v3) writes it.
//!
//! What tools do to YAML on its way through them is seen by people who compare texts, so a
//! post-renderer must be given, and must be able to give back, what it would see from helm.

mod comments;
mod node;
mod print;
mod scalar;

use crate::compose::Composer;
use crate::{Limits, YamlError, reader};
use comments::Comments;
use node::{Kind, Node, Style};

/// One document, its order, styles and comments kept.
#[derive(Clone, Debug)]
pub struct Written {
    root: Node,
    comments: Comments,
}

impl Written {
    /// Reads the first document of a text; nothing where there is none, or where it is null.
    ///
    /// # Errors
    /// What go-yaml refuses, in its words, and what goes beyond the limits.
    pub fn read(file: &str, text: &str, limits: &Limits) -> Result<Option<Self>, YamlError> {
        let text = reader::decode(file, text.as_bytes(), limits)?;
        let Some(tree) = Composer::new(file, &text, limits).next()? else {
            return Ok(None);
        };
        let pieces = comments::Pieces::of(&text);
        let root = node::build(&tree, &pieces);
        let is_null = matches!(&root.kind, Kind::Scalar(text) if root.style == Style::Plain
            && matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL"));
        let comments = pieces.into_comments();
        Ok((!is_null).then_some(Self { root, comments }))
    }

    /// Whether the document is a mapping.
    pub fn is_mapping(&self) -> bool {
        matches!(self.root.kind, Kind::Mapping(_))
    }

    /// The text at a path of keys.
    pub fn get(&self, path: &[&str]) -> Option<&str> {
        match &self.root.find(path)?.kind {
            Kind::Scalar(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of the list at a key, each as a document of its own without its comments;
    /// nothing where there is no list.
    pub fn items(&self, key: &str) -> Option<Vec<Self>> {
        let Kind::Sequence(items) = &self.root.find(&[key])?.kind else {
            return None;
        };
        let alone = |root: &Node| Self {
            root: root.clone(),
            comments: self.comments.within(root),
        };
        Some(items.iter().map(alone).collect())
    }

    /// Sets the text at a path of keys, in single quotes; mappings on the way are made. Nothing
    /// happens where something that is no mapping is in the way.
    pub fn set(&mut self, path: &[&str], text: &str) {
        let Some((last, above)) = path.split_last() else {
            return;
        };
        let mut at = &mut self.root;
        for key in above {
            let Some(next) = at.entry(key, Node::mapping) else {
                return;
            };
            at = next;
        }
        if let Some(place) = at.entry(last, Node::mapping) {
            *place = Node::quoted(text);
        }
    }

    /// Takes the entry at a path of keys away; with `only_empty`, only where it is an empty
    /// mapping or null.
    pub fn remove(&mut self, path: &[&str], only_empty: bool) {
        let Some((last, above)) = path.split_last() else {
            return;
        };
        let Some(Node {
            kind: Kind::Mapping(entries),
            ..
        }) = self.root.find_mut(above)
        else {
            return;
        };
        entries.retain(|(key, value)| !key.is(last) || (only_empty && !value.is_empty()));
    }
}

impl std::fmt::Display for Written {
    /// The document as kyaml writes it, with the final line break.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&print::print(&self.root, &self.comments))
    }
}
