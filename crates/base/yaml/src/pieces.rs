//! A document read piece by piece: what is too large to be held at once.
//!
//! The index of a chart repository may have 100 MB and a million nodes; of each it wants three
//! fields. So the items of its lists are handed over as they come, and forgotten.

use crate::compose::{Composer, Kind, Tree};
use crate::decode::Decoder;
use crate::reader::decode;
use crate::{Dialect, Limits, YamlError};
use argosy_object::Value;

/// Takes a piece: the name of its list, and its value.
type Take<'t> = &'t mut dyn FnMut(&str, Value);

/// Where the document is being read, and who takes the pieces.
pub(crate) struct Pieces<'t> {
    key: &'t str,
    path: Vec<String>,
    /// How deep the current value lies in mappings.
    depth: usize,
    /// How many lists are open two mappings deep.
    lists: usize,
    take: Take<'t>,
}

impl<'t> Pieces<'t> {
    /// The text of the error where a document has an anchor: an item that is forgotten could be
    /// asked for again.
    pub(crate) const ANCHORS: &'static str = "yaml: anchors are not read piece by piece";

    pub(crate) fn enter(&mut self, key: &Kind) {
        self.depth += 1;
        let name = match key {
            Kind::Scalar { text, .. } => text.as_str(),
            _ => "",
        };
        let is_on_the_way = match self.depth {
            1 => name == self.key,
            2 => self.path.len() == 1,
            _ => false,
        };
        if is_on_the_way {
            self.path.push(name.to_owned());
        }
    }

    pub(crate) fn leave(&mut self) {
        self.path.truncate(self.depth - 1);
        self.depth -= 1;
    }

    pub(crate) fn list(&mut self, begins: bool) {
        if self.depth == 2 {
            self.lists = if begins {
                self.lists + 1
            } else {
                self.lists.saturating_sub(1)
            };
        }
    }

    /// Whether an item that has ended is one of a list two mappings deep, under the key.
    pub(crate) fn is_here(&self) -> bool {
        self.depth == 2 && self.path.len() == 2 && self.lists == 1
    }

    pub(crate) fn hand_over(
        &mut self,
        file: &str,
        tree: &Tree,
        limits: &Limits,
    ) -> Result<(), YamlError> {
        let value = Decoder::new(file, tree, limits, Dialect::V2, false).document()?;
        (self.take)(&self.path[1], value);
        Ok(())
    }
}

/// Reads the first document of `bytes`, a mapping that has a mapping of lists under `key`. Each
/// item of these lists is given to `take` together with its list's name, in the order of the
/// document, and what is left is returned, the lists empty. `limits` bound what is held at once:
/// nodes of one item and of the rest.
///
/// # Errors
/// Broken YAML, with its place, after some pieces may have been taken; and a document with
/// anchors ([`is_about_anchors`]), which only a whole reading can follow.
pub fn from_slice_in_pieces(
    bytes: &[u8],
    limits: &Limits,
    key: &str,
    take: &mut dyn FnMut(&str, Value),
) -> Result<Value, YamlError> {
    let text = decode("", bytes, limits)?;
    let mut composer = Composer::new("", &text, limits);
    composer.pieces = Some(Pieces {
        key,
        path: Vec::new(),
        depth: 0,
        lists: 0,
        take,
    });
    match composer.next()? {
        Some(tree) => Decoder::new("", &tree, limits, Dialect::V2, false).document(),
        None => Ok(Value::Null),
    }
}

/// Whether reading in pieces failed because of an anchor only.
pub fn is_about_anchors(error: &YamlError) -> bool {
    error.text == Pieces::ANCHORS
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    fn pieces(text: &str) -> Result<(Vec<(String, Value)>, Value), YamlError> {
        let mut taken = Vec::new();
        let limits = Limits {
            max_nodes: 40,
            ..Limits::default()
        };
        let rest =
            from_slice_in_pieces(text.as_bytes(), &limits, "entries", &mut |name, value| {
                taken.push((name.to_owned(), value));
            })?;
        Ok((taken, rest))
    }

    #[test]
    fn items_of_the_lists_are_handed_over_and_the_rest_is_returned() {
        for text in [
            "v: 1\nentries:\n  a:\n  - k: [1, [2]]\n  - {k: [3]}\n  b:\n    - [x, [z]]\nother:\n  a:\n  - kept\n",
            "{v: 1, entries: {a: [{k: [1, [2]]}, {k: [3]}], b: [[x, [z]]]}, other: {a: [kept]}}",
        ] {
            let (taken, rest) = pieces(text).expect("it parses");
            assert_eq!(
                taken,
                [
                    ("a".to_owned(), json!({"k": [1, [2]]})),
                    ("a".to_owned(), json!({"k": [3]})),
                    ("b".to_owned(), json!(["x", ["z"]])),
                ]
            );
            assert_eq!(
                rest,
                json!({"v": 1, "entries": {"a": [], "b": []}, "other": {"a": ["kept"]}})
            );
        }
    }

    #[test]
    fn many_items_stay_within_a_limit_that_one_large_item_breaks() {
        let many = format!("entries:\n  a:\n{}", "  - {k: 1}\n".repeat(500));
        assert_eq!(pieces(&many).expect("it parses").0.len(), 500);
        let large = format!("entries:\n  a:\n  -\n{}", "    - 1\n".repeat(100));
        assert!(
            pieces(&large)
                .expect_err("too large")
                .text
                .contains("nodes")
        );
    }

    #[test]
    fn anchors_are_refused_as_such() {
        let error = pieces("entries:\n  a:\n  - &x {k: 1}\n  - *x\n").expect_err("refused");
        assert!(is_about_anchors(&error), "{error}");
    }
}
