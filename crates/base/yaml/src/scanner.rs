//! From characters to tokens: libyaml's scanner as go-yaml v2 has it.
//!
//! Keys are found in hindsight: a token that may be a key is remembered, and a `:` behind it puts
//! a KEY token before it, for which tokens wait in a queue.

mod directives;
mod scalars;

use crate::reader::{Mark, Reader};
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// go-yaml's bound on open brackets and on levels of indentation.
const MAX_LEVELS: usize = 10_000;
/// How far behind a key its `:` may stand, in characters.
const KEY_REACH: usize = 1024;

/// A fault, before it has go-yaml's line.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) problem: String,
    pub(crate) at: Mark,
    pub(crate) context: Mark,
    /// Found by the scanner, not the parser: go-yaml counts its line differently.
    pub(crate) scanner: bool,
}

/// A token and its place.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) what: What,
    pub(crate) start: Mark,
    pub(crate) end: Mark,
}

/// What a token is.
#[derive(Debug, PartialEq)]
pub(crate) enum What {
    StreamEnd,
    Version { major: u32, minor: u32 },
    TagDirective { handle: String, prefix: String },
    DocumentStart,
    DocumentEnd,
    BlockSequenceStart,
    BlockMappingStart,
    BlockEnd,
    FlowSequenceStart,
    FlowSequenceEnd,
    FlowMappingStart,
    FlowMappingEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(String),
    Anchor(String),
    Tag { handle: String, suffix: String },
    Scalar { text: String, plain: bool },
}

/// A place where a key may turn out to begin.
#[derive(Clone, Copy, Default)]
struct SimpleKey {
    possible: bool,
    required: bool,
    token: usize,
    mark: Mark,
}

/// Hashes the running numbers of tokens, which nobody chooses: it need not be strong.
#[derive(Default)]
struct Numbering(u64);

impl Hasher for Numbering {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, number: usize) {
        // The golden ratio spreads neighbours over all bits.
        self.0 = (self.0 ^ number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

/// The scanner.
pub(crate) struct Scanner<'t> {
    reader: Reader<'t>,
    tokens: VecDeque<Token>,
    /// Tokens handed out so far: the number of the queue's first.
    parsed: usize,
    /// The column of the block that is open, -1 for none.
    indent: isize,
    indents: Vec<isize>,
    flow_level: usize,
    key_allowed: bool,
    /// One for each open bracket, and one for the block.
    keys: Vec<SimpleKey>,
    keys_by_token: HashMap<usize, usize, BuildHasherDefault<Numbering>>,
    /// Nothing but the indicator of a document has been seen of it: a file may be glued from
    /// others that each have a byte order mark.
    document_begins: bool,
}

impl<'t> Scanner<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            reader: Reader::new(text),
            tokens: VecDeque::new(),
            parsed: 0,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            key_allowed: true,
            keys: vec![SimpleKey::default()],
            keys_by_token: HashMap::default(),
            document_begins: true,
        }
    }

    /// The next token, left where it is.
    pub(crate) fn peek(&mut self) -> Result<&Token, Fault> {
        self.fill()?;
        Ok(self.tokens.front().expect("filled just above"))
    }

    /// The next token, taken.
    pub(crate) fn take(&mut self) -> Result<Token, Fault> {
        self.fill()?;
        // The end of the stream can be taken again and again.
        if self.tokens.len() == 1 && self.tokens[0].what == What::StreamEnd {
            let Token { start, end, .. } = self.tokens[0];
            return Ok(Token {
                what: What::StreamEnd,
                start,
                end,
            });
        }
        self.parsed += 1;
        Ok(self.tokens.pop_front().expect("filled just above"))
    }

    /// Scans on while the first token in the queue may still get a KEY before it.
    fn fill(&mut self) -> Result<(), Fault> {
        loop {
            if !self.tokens.is_empty() {
                let Some(key) = self.keys_by_token.get(&self.parsed).copied() else {
                    return Ok(());
                };
                if !self.key_is_valid(key)? {
                    return Ok(());
                }
            }
            self.fetch()?;
        }
    }

    fn fault<T>(&self, context: Mark, problem: &str) -> Result<T, Fault> {
        let problem = problem.to_owned();
        Err(Fault {
            problem,
            at: self.reader.mark,
            context,
            scanner: true,
        })
    }

    fn push(&mut self, what: What, start: Mark) {
        let end = self.reader.mark;
        self.tokens.push_back(Token { what, start, end });
    }

    /// Puts a token at the given place of the queue, or at its end.
    fn insert(&mut self, place: Option<usize>, what: What, mark: Mark) {
        let token = Token {
            what,
            start: mark,
            end: mark,
        };
        match place {
            Some(place) if place <= self.tokens.len() => self.tokens.insert(place, token),
            _ => self.tokens.push_back(token),
        }
    }

    fn fetch(&mut self) -> Result<(), Fault> {
        self.skip_to_token();
        self.document_begins = false;
        self.unroll_indent(self.reader.mark.column as isize);
        if self.reader.at_end() {
            return self.fetch_stream_end();
        }
        let first = self.reader.peek(0);
        if self.reader.mark.column == 0 && first == b'%' {
            return self.fetch_directive();
        }
        match self.reader.document_indicator() {
            Some(b'-') => return self.fetch_document(What::DocumentStart),
            Some(_) => return self.fetch_document(What::DocumentEnd),
            None => {}
        }
        let flow = self.flow_level > 0;
        let alone = self.reader.is_blankz(1);
        match first {
            b'[' => self.fetch_open(What::FlowSequenceStart),
            b'{' => self.fetch_open(What::FlowMappingStart),
            b']' => self.fetch_close(What::FlowSequenceEnd),
            b'}' => self.fetch_close(What::FlowMappingEnd),
            b',' => self.fetch_flow_entry(),
            b'-' if alone => self.fetch_block_entry(),
            b'?' if flow || alone => self.fetch_key(),
            b':' if flow || alone => self.fetch_value(),
            b'*' | b'&' => self.fetch_anchor(),
            b'!' => self.fetch_tag(),
            b'|' | b'>' if !flow => self.fetch_block_scalar(first == b'|'),
            b'\'' | b'"' => self.fetch_flow_scalar(first == b'\''),
            b'-' if !self.reader.is_blank(1) => self.fetch_plain(),
            b'?' | b':' if !flow => self.fetch_plain(),
            b'-' | b'?' | b':' | b'#' | b'|' | b'>' | b'%' | b'@' | b'`' | b' ' | b'\t' => self
                .fault(
                    self.reader.mark,
                    "found character that cannot start any token",
                ),
            _ => self.fetch_plain(),
        }
    }

    /// Passes over what separates tokens. Tabs may not begin a line of the block.
    fn skip_to_token(&mut self) {
        loop {
            if self.document_begins && self.reader.mark.column == 0 && self.reader.is_bom() {
                self.reader.skip();
            }
            let tabs = self.flow_level > 0 || !self.key_allowed;
            while self.reader.peek(0) == b' ' || (tabs && self.reader.peek(0) == b'\t') {
                self.reader.skip();
            }
            self.reader.skip_comment();
            if !self.reader.is_break(0) {
                return;
            }
            self.reader.skip_line();
            if self.flow_level == 0 {
                self.key_allowed = true;
            }
        }
    }

    fn key_is_valid(&mut self, key: usize) -> Result<bool, Fault> {
        let SimpleKey {
            possible,
            required,
            mark,
            ..
        } = self.keys[key];
        if !possible {
            return Ok(false);
        }
        let here = self.reader.mark;
        if mark.line >= here.line && mark.index + KEY_REACH >= here.index {
            return Ok(true);
        }
        if required {
            return self.fault(mark, "could not find expected ':'");
        }
        self.keys[key].possible = false;
        Ok(false)
    }

    fn last_key(&mut self) -> &mut SimpleKey {
        self.keys
            .last_mut()
            .expect("the block's own is never popped")
    }

    fn save_key(&mut self) -> Result<(), Fault> {
        if !self.key_allowed {
            return Ok(());
        }
        let required = self.flow_level == 0 && self.indent == self.reader.mark.column as isize;
        let token = self.parsed + self.tokens.len();
        let mark = self.reader.mark;
        self.remove_key()?;
        *self.last_key() = SimpleKey {
            possible: true,
            required,
            token,
            mark,
        };
        self.keys_by_token.insert(token, self.keys.len() - 1);
        Ok(())
    }

    fn remove_key(&mut self) -> Result<(), Fault> {
        let SimpleKey {
            possible,
            required,
            token,
            mark,
        } = *self.last_key();
        if possible {
            if required {
                return self.fault(mark, "could not find expected ':'");
            }
            self.last_key().possible = false;
            self.keys_by_token.remove(&token);
        }
        Ok(())
    }

    fn roll_indent(
        &mut self,
        column: usize,
        place: Option<usize>,
        what: What,
        mark: Mark,
    ) -> Result<(), Fault> {
        if self.flow_level > 0 || self.indent >= column as isize {
            return Ok(());
        }
        self.indents.push(self.indent);
        self.indent = column as isize;
        if self.indents.len() > MAX_LEVELS {
            let context = self.last_key().mark;
            return self.fault(context, "exceeded max depth of 10000");
        }
        self.insert(place, what, mark);
        Ok(())
    }

    fn unroll_indent(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.insert(None, What::BlockEnd, self.reader.mark);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn fetch_stream_end(&mut self) -> Result<(), Fault> {
        if self.reader.mark.column != 0 {
            self.reader.mark.column = 0;
            self.reader.mark.line += 1;
        }
        self.unroll_indent(-1);
        self.remove_key()?;
        self.key_allowed = false;
        self.push(What::StreamEnd, self.reader.mark);
        Ok(())
    }

    fn fetch_directive(&mut self) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_key()?;
        self.key_allowed = false;
        self.scan_directive()
    }

    fn fetch_document(&mut self, what: What) -> Result<(), Fault> {
        self.unroll_indent(-1);
        self.remove_key()?;
        self.key_allowed = false;
        let start = self.reader.mark;
        for _ in 0..3 {
            self.reader.skip();
        }
        self.push(what, start);
        self.document_begins = true;
        Ok(())
    }

    fn fetch_open(&mut self, what: What) -> Result<(), Fault> {
        self.save_key()?;
        let token = self.parsed + self.tokens.len();
        let mark = self.reader.mark;
        self.keys.push(SimpleKey {
            possible: false,
            required: false,
            token,
            mark,
        });
        self.flow_level += 1;
        if self.flow_level > MAX_LEVELS {
            return self.fault(mark, "exceeded max depth of 10000");
        }
        self.key_allowed = true;
        self.indicator(what);
        Ok(())
    }

    fn fetch_close(&mut self, what: What) -> Result<(), Fault> {
        self.remove_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            if let Some(key) = self.keys.pop() {
                // An empty pair of brackets shares its number with the key that it may be: that
                // one is forgotten too, as in go-yaml.
                self.keys_by_token.remove(&key.token);
            }
        }
        self.key_allowed = false;
        self.indicator(what);
        Ok(())
    }

    fn indicator(&mut self, what: What) {
        let start = self.reader.mark;
        self.reader.skip();
        self.push(what, start);
    }

    fn fetch_flow_entry(&mut self) -> Result<(), Fault> {
        self.remove_key()?;
        self.key_allowed = true;
        self.indicator(What::FlowEntry);
        Ok(())
    }

    fn fetch_block_entry(&mut self) -> Result<(), Fault> {
        let mark = self.reader.mark;
        if self.flow_level == 0 {
            if !self.key_allowed {
                let problem = "block sequence entries are not allowed in this context";
                return self.fault(mark, problem);
            }
            self.roll_indent(mark.column, None, What::BlockSequenceStart, mark)?;
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.indicator(What::BlockEntry);
        Ok(())
    }

    fn fetch_key(&mut self) -> Result<(), Fault> {
        let mark = self.reader.mark;
        if self.flow_level == 0 {
            if !self.key_allowed {
                return self.fault(mark, "mapping keys are not allowed in this context");
            }
            self.roll_indent(mark.column, None, What::BlockMappingStart, mark)?;
        }
        self.remove_key()?;
        self.key_allowed = self.flow_level == 0;
        self.indicator(What::Key);
        Ok(())
    }

    fn fetch_value(&mut self) -> Result<(), Fault> {
        let mark = self.reader.mark;
        if self.key_is_valid(self.keys.len() - 1)? {
            let key = *self.last_key();
            let place = key.token.checked_sub(self.parsed);
            self.insert(place, What::Key, key.mark);
            let column = key.mark.column;
            self.roll_indent(column, place, What::BlockMappingStart, key.mark)?;
            self.last_key().possible = false;
            self.keys_by_token.remove(&key.token);
            self.key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.key_allowed {
                    return self.fault(mark, "mapping values are not allowed in this context");
                }
                self.roll_indent(mark.column, None, What::BlockMappingStart, mark)?;
            }
            self.key_allowed = self.flow_level == 0;
        }
        self.indicator(What::Value);
        Ok(())
    }

    fn fetch_anchor(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        let alias = self.reader.peek(0) == b'*';
        let start = self.reader.mark;
        self.reader.skip();
        let mut name = String::new();
        while self.reader.is_alpha(0) {
            self.reader.read(&mut name);
        }
        let ends = self.reader.is_blankz(0)
            || matches!(
                self.reader.peek(0),
                b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`'
            );
        if name.is_empty() || !ends {
            return self.fault(
                start,
                "did not find expected alphabetic or numeric character",
            );
        }
        self.push(
            if alias {
                What::Alias(name)
            } else {
                What::Anchor(name)
            },
            start,
        );
        Ok(())
    }

    fn fetch_tag(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        self.scan_tag()
    }

    fn fetch_block_scalar(&mut self, literal: bool) -> Result<(), Fault> {
        self.remove_key()?;
        self.key_allowed = true;
        self.scan_block_scalar(literal)
    }

    fn fetch_flow_scalar(&mut self, single: bool) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        self.scan_flow_scalar(single)
    }

    fn fetch_plain(&mut self) -> Result<(), Fault> {
        self.save_key()?;
        self.key_allowed = false;
        self.scan_plain()
    }
}
