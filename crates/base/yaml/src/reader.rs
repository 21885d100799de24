//! The characters of an input, from any of YAML's encodings, and where the pen stands.

use crate::{Limits, YamlError};
use std::borrow::Cow;

/// A place in the text. Lines and columns count from 0, columns and the index in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) index: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The input as text, its byte order mark cut.
///
/// # Errors
/// Too large an input, octets that are no text, and control characters, in go-yaml's words.
///
/// Compat: go-yaml notices a bad character when it reads up to it, so that another fault before
/// it may win there; here the bad character always does.
pub(crate) fn decode<'b>(
    file: &str,
    bytes: &'b [u8],
    limits: &Limits,
) -> Result<Cow<'b, str>, YamlError> {
    if bytes.len() > limits.max_bytes {
        let text = format!(
            "yaml: input of {} bytes is larger than the limit of {}",
            bytes.len(),
            limits.max_bytes
        );
        return Err(YamlError::new(file, 0, 0, text));
    }
    let text = match bytes {
        [0xff, 0xfe, rest @ ..] => Cow::Owned(wide(file, rest, u16::from_le_bytes)?),
        [0xfe, 0xff, rest @ ..] => Cow::Owned(wide(file, rest, u16::from_be_bytes)?),
        [0xef, 0xbb, 0xbf, rest @ ..] => Cow::Borrowed(narrow(file, rest)?),
        _ => Cow::Borrowed(narrow(file, bytes)?),
    };
    match first_forbidden(&text) {
        Some(at) => Err(error_at(
            file,
            &text[..at],
            "control characters are not allowed",
        )),
        None => Ok(text),
    }
}

fn narrow<'b>(file: &str, bytes: &'b [u8]) -> Result<&'b str, YamlError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let (valid, broken) = bytes.split_at(error.valid_up_to());
        let before = std::str::from_utf8(valid).unwrap_or_default();
        match before.char_indices().find(|(_, c)| !allowed(*c)) {
            Some((at, _)) => error_at(file, &before[..at], "control characters are not allowed"),
            None => error_at(file, before, octet_problem(broken)),
        }
    })
}

fn wide(file: &str, body: &[u8], unit: fn([u8; 2]) -> u16) -> Result<String, YamlError> {
    let units = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut text = String::with_capacity(body.len());
    for decoded in char::decode_utf16(units) {
        match decoded {
            Ok(c) => text.push(c),
            Err(error) if error.unpaired_surrogate() >= 0xDC00 => {
                return Err(error_at(file, &text, "unexpected low surrogate area"));
            }
            Err(_) => return Err(error_at(file, &text, "expected low surrogate area")),
        }
    }
    if body.len() % 2 == 1 {
        return Err(error_at(file, &text, "incomplete UTF-16 character"));
    }
    Ok(text)
}

/// Go's reader names no line; ours is where the text before ends.
fn error_at(file: &str, before: &str, problem: &str) -> YamlError {
    let line = before.matches('\n').count() as u32 + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) as u32 + 1;
    YamlError::new(file, line, column, format!("yaml: {problem}"))
}

/// Where the first character stands that may not. Most texts are plain ASCII throughout, and that
/// is seen byte by byte.
fn first_forbidden(text: &str) -> Option<usize> {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r');
    let start = text.bytes().position(|byte| !plain(&byte))?;
    let rest = text[start..].char_indices();
    rest.into_iter()
        .find(|(_, c)| !allowed(*c))
        .map(|(at, _)| start + at)
}

/// The characters that YAML lets stand unescaped.
fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn octet_problem(rest: &[u8]) -> &'static str {
    let width = match rest.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    if rest.len() < width {
        return "incomplete UTF-8 octet sequence";
    }
    if rest[1..width].iter().any(|b| b & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    let overlong = match (rest[0], rest[1]) {
        (0xc0 | 0xc1, _) => true,
        (0xe0, second) => second < 0xa0,
        (0xf0, second) => second < 0x90,
        _ => false,
    };
    if overlong {
        "invalid length of a UTF-8 sequence"
    } else {
        "invalid Unicode character"
    }
}

/// Whether an ASCII character stays within a line.
fn is_inline(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t')
}

/// A text with a position. Beyond its end stand zeros, as in libyaml; no zero stands within.
pub(crate) struct Reader<'t> {
    text: &'t str,
    at: usize,
    pub(crate) mark: Mark,
}

impl<'t> Reader<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            mark: Mark::default(),
        }
    }

    /// The byte `ahead` bytes from here.
    pub(crate) fn peek(&self, ahead: usize) -> u8 {
        self.text
            .as_bytes()
            .get(self.at + ahead)
            .copied()
            .unwrap_or(0)
    }

    pub(crate) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }

    /// Whether a byte order mark stands here.
    pub(crate) fn is_bom(&self) -> bool {
        self.text.as_bytes()[self.at.min(self.text.len())..].starts_with(b"\xef\xbb\xbf")
    }

    /// Length of the line break `ahead` bytes from here, 0 where there is none.
    fn break_width(&self, ahead: usize) -> usize {
        match self.peek(ahead) {
            b'\n' => 1,
            b'\r' if self.peek(ahead + 1) == b'\n' => 2,
            b'\r' => 1,
            0xc2 if self.peek(ahead + 1) == 0x85 => 2,
            0xe2 if self.peek(ahead + 1) == 0x80 && matches!(self.peek(ahead + 2), 0xa8 | 0xa9) => {
                3
            }
            _ => 0,
        }
    }

    pub(crate) fn is_break(&self, ahead: usize) -> bool {
        self.break_width(ahead) > 0
    }

    pub(crate) fn is_blank(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), b' ' | b'\t')
    }

    /// A line break or the end.
    pub(crate) fn is_breakz(&self, ahead: usize) -> bool {
        self.peek(ahead) == 0 || self.is_break(ahead)
    }

    /// A space, a tab, a line break or the end.
    pub(crate) fn is_blankz(&self, ahead: usize) -> bool {
        self.is_blank(ahead) || self.is_breakz(ahead)
    }

    pub(crate) fn is_alpha(&self, ahead: usize) -> bool {
        matches!(self.peek(ahead), b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'-')
    }

    /// Whether `---` or `...` stands at the start of a line.
    pub(crate) fn document_indicator(&self) -> Option<u8> {
        let first = self.peek(0);
        let there = self.mark.column == 0
            && (first == b'-' || first == b'.')
            && self.peek(1) == first
            && self.peek(2) == first
            && self.is_blankz(3);
        there.then_some(first)
    }

    fn here(&self) -> Option<char> {
        self.text
            .get(self.at..)
            .and_then(|rest| rest.chars().next())
    }

    /// Passes over one character.
    pub(crate) fn skip(&mut self) {
        let width = match self.text.as_bytes().get(self.at) {
            None => return,
            Some(0..=0x7f) => 1,
            Some(_) => self.here().map_or(0, char::len_utf8),
        };
        self.pass(width, 1);
    }

    fn pass(&mut self, bytes: usize, characters: usize) {
        self.at += bytes;
        self.mark.index += characters;
        self.mark.column += characters;
    }

    /// The ASCII characters from here that `keeps` holds for: no line break may be among them.
    fn run(&self, keeps: impl Fn(u8) -> bool) -> &'t str {
        let rest = &self.text.as_bytes()[self.at.min(self.text.len())..];
        let length = rest
            .iter()
            .position(|byte| !byte.is_ascii() || !keeps(*byte))
            .unwrap_or(rest.len());
        &self.text[self.at..self.at + length]
    }

    /// Takes the ASCII characters from here that `keeps` holds for; says whether there were any.
    pub(crate) fn read_run(&mut self, into: &mut String, keeps: impl Fn(u8) -> bool) -> bool {
        let run = self.run(keeps);
        into.push_str(run);
        self.pass(run.len(), run.len());
        !run.is_empty()
    }

    /// Passes over a line break.
    pub(crate) fn skip_line(&mut self) {
        let width = self.break_width(0);
        if width == 0 {
            return;
        }
        let pair = width == 2 && self.peek(0) == b'\r';
        self.mark.index += if pair { 2 } else { 1 };
        self.mark.column = 0;
        self.mark.line += 1;
        self.at += width;
    }

    /// Takes one character.
    pub(crate) fn read(&mut self, into: &mut String) {
        if let Some(c) = self.here() {
            into.push(c);
            self.pass(c.len_utf8(), 1);
        }
    }

    /// Takes the characters up to the next one that `stop` holds for, within one line.
    pub(crate) fn read_line_rest(&mut self, into: &mut String) {
        while !self.is_breakz(0) {
            if !self.read_run(into, is_inline) {
                self.read(into);
            }
        }
    }

    /// Takes a line break: all but the two Unicode separators become a line feed.
    pub(crate) fn read_line(&mut self, into: &mut String) {
        match self.peek(0) {
            _ if !self.is_break(0) => return,
            0xe2 => {
                if let Some(c) = self.here() {
                    into.push(c);
                }
            }
            _ => into.push('\n'),
        }
        self.skip_line();
    }

    /// Passes over spaces, tabs and a comment.
    pub(crate) fn skip_blanks_and_comment(&mut self) {
        while self.is_blank(0) {
            self.skip();
        }
        self.skip_comment();
    }

    pub(crate) fn skip_comment(&mut self) {
        if self.peek(0) == b'#' {
            while !self.is_breakz(0) {
                let run = self.run(is_inline).len();
                self.pass(run, run);
                if run == 0 {
                    self.skip();
                }
            }
        }
    }
}
