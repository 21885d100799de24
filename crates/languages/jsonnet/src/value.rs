//! Values, and the names they go by.

use crate::ast::{FunctionNode, Sym};
use crate::heap::{EnvId, ObjectId, ThunkId};
use crate::stdlib::Builtin;
use std::collections::HashMap;
use std::rc::Rc;

/// A value. What it holds of others are places in the heap, so that dropping one never drops
/// others, however deep they stand in each other.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(Rc<Text>),
    Array(List),
    Object(ObjectId),
    Function(Rc<Function>),
}

pub(crate) type List = Rc<Vec<ThunkId>>;

/// A string with its length in characters, by which Jsonnet counts.
#[derive(Debug)]
pub(crate) struct Text {
    text: String,
    chars: usize,
}

impl Text {
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    pub(crate) fn chars(&self) -> usize {
        self.chars
    }

    /// The characters `from..to`, which may lie beyond the end.
    pub(crate) fn slice(&self, from: usize, to: usize) -> &str {
        let (from, to) = (from.min(self.chars), to.min(self.chars));
        if from >= to {
            return "";
        }
        if self.chars == self.text.len() {
            return &self.text[from..to];
        }
        let mut ends = self
            .text
            .char_indices()
            .map(|(at, _)| at)
            .chain([self.text.len()]);
        let begin = ends.nth(from).expect("it is within");
        let end = ends.nth(to - from - 1).expect("it is within");
        &self.text[begin..end]
    }
}

#[derive(Debug)]
pub(crate) enum Function {
    Closure(Rc<FunctionNode>, EnvId),
    Builtin(&'static Builtin),
}

impl Value {
    pub(crate) fn text(text: &str) -> Self {
        Self::from(text.to_owned())
    }

    /// The type's name, as `std.type` gives it.
    pub(crate) fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "boolean",
            Self::Number(_) => "number",
            Self::Text(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
            Self::Function(_) => "function",
        }
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        let chars = text.chars().count();
        Self::Text(Rc::new(Text { text, chars }))
    }
}

impl From<Vec<ThunkId>> for Value {
    fn from(elements: Vec<ThunkId>) -> Self {
        Self::Array(Rc::new(elements))
    }
}

/// Names as small numbers.
pub(crate) struct Names {
    known: HashMap<Rc<str>, Sym>,
    texts: Vec<Rc<str>>,
}

impl Names {
    /// `$`
    pub(crate) const ROOT: Sym = Sym(0);
    /// `std`
    pub(crate) const STD: Sym = Sym(1);

    pub(crate) fn new() -> Self {
        let mut names = Self {
            known: HashMap::new(),
            texts: Vec::new(),
        };
        names.intern("$");
        names.intern("std");
        names
    }

    pub(crate) fn intern(&mut self, text: &str) -> Sym {
        if let Some(known) = self.known.get(text) {
            return *known;
        }
        let name = Sym(self.texts.len() as u32);
        let text: Rc<str> = text.into();
        self.texts.push(text.clone());
        self.known.insert(text, name);
        name
    }

    /// The number of a name that was met before.
    pub(crate) fn known(&self, text: &str) -> Option<Sym> {
        self.known.get(text).copied()
    }

    pub(crate) fn text(&self, name: Sym) -> Rc<str> {
        self.texts[name.0 as usize].clone()
    }
}
