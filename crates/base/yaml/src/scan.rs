//! The events of a stream, from any of YAML's encodings, with errors worded as go-yaml does.

use crate::{Limits, YamlError};
use libyaml_safer::{Encoding, Error, ErrorKind, Event, Parser};
use std::borrow::Cow;
use std::io::BufReader;

/// How much go-yaml reads ahead at a time: it decides which of two errors is seen first.
const READ_AHEAD: usize = 512;

/// The events of one input.
pub(crate) struct Events<'b> {
    file: String,
    bytes: &'b [u8],
    parser: Parser<BufReader<&'b [u8]>>,
}

/// The input as UTF-8, with its byte order mark cut; bytes that are no UTF-8 stay as they are
/// and are refused where they stand.
///
/// # Errors
/// Too large an input, and broken UTF-16.
pub(crate) fn decode<'b>(
    file: &str,
    bytes: &'b [u8],
    limits: &Limits,
) -> Result<Cow<'b, [u8]>, YamlError> {
    if bytes.len() > limits.max_bytes {
        let text = format!(
            "yaml: input of {} bytes is larger than the limit of {}",
            bytes.len(),
            limits.max_bytes
        );
        return Err(YamlError::new(file, 0, 0, text));
    }
    let unit: fn([u8; 2]) -> u16 = match bytes {
        [0xff, 0xfe, ..] => u16::from_le_bytes,
        [0xfe, 0xff, ..] => u16::from_be_bytes,
        [0xef, 0xbb, 0xbf, rest @ ..] => return Ok(Cow::Borrowed(rest)),
        _ => return Ok(Cow::Borrowed(bytes)),
    };
    let body = &bytes[2..];
    if body.len() % 2 == 1 {
        return Err(YamlError::new(file, 0, 0, "yaml: incomplete UTF-16 character"));
    }
    let units = body.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let mut text = String::with_capacity(body.len());
    for decoded in char::decode_utf16(units) {
        let Ok(c) = decoded else {
            let low = decoded.is_err_and(|e| e.unpaired_surrogate() >= 0xDC00);
            let problem = if low { "unexpected low surrogate area" } else { "expected low surrogate area" };
            return Err(YamlError::new(file, 0, 0, format!("yaml: {problem}")));
        };
        text.push(c);
    }
    Ok(Cow::Owned(text.into_bytes()))
}

impl<'b> Events<'b> {
    /// Starts reading `bytes`, which [`decode`] has been through.
    pub(crate) fn new(file: &str, bytes: &'b [u8]) -> Self {
        let mut parser = Parser::new();
        parser.set_encoding(Encoding::Utf8);
        parser.set_input(BufReader::with_capacity(READ_AHEAD, bytes));
        Self { file: file.to_owned(), bytes, parser }
    }

    /// The next event.
    pub(crate) fn next(&mut self) -> Result<Event, YamlError> {
        self.parser.parse().map_err(|error| self.worded(&error))
    }

    fn worded(&self, error: &Error) -> YamlError {
        let problem = error.problem();
        let (Some(mark), kind) = (error.problem_mark(), error.kind()) else {
            return self.reader_error(problem);
        };
        // go-yaml prints the mark's line as it is, from 0, and adds one for scanner errors only;
        // a problem on the first line falls back to where its context began.
        let mut line = mark.line;
        if line != 0 {
            line += u64::from(kind == ErrorKind::Scanner);
        } else {
            line = error.context_mark().map_or(0, |m| m.line);
        }
        let text = if line == 0 {
            format!("yaml: {problem}")
        } else {
            format!("yaml: line {line}: {problem}")
        };
        YamlError::new(&self.file, mark.line as u32 + 1, mark.column as u32 + 1, text)
    }

    /// Go's reader names the fault of the octets, and no line.
    fn reader_error(&self, problem: &str) -> YamlError {
        let valid = match std::str::from_utf8(self.bytes) {
            Ok(text) => text,
            Err(error) => {
                let at = error.valid_up_to();
                std::str::from_utf8(&self.bytes[..at]).unwrap_or_default()
            }
        };
        let control = valid.char_indices().find(|(_, c)| !allowed(*c)).map(|(at, _)| at);
        let (at, problem) = match control {
            Some(at) => (at, "control characters are not allowed"),
            None if valid.len() < self.bytes.len() => {
                (valid.len(), octet_problem(&self.bytes[valid.len()..]))
            }
            None => (valid.len(), problem),
        };
        let before = &valid[..at];
        let line = before.matches('\n').count() as u32 + 1;
        let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) as u32 + 1;
        YamlError::new(&self.file, line, column, format!("yaml: {problem}"))
    }
}

/// The characters that YAML lets stand unescaped.
pub(crate) fn allowed(c: char) -> bool {
    matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{d7ff}'
        | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}')
}

fn octet_problem(rest: &[u8]) -> &'static str {
    let width = match rest[0] {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => return "invalid leading UTF-8 octet",
    };
    if rest.len() < width {
        return "incomplete UTF-8 octet sequence";
    }
    if rest[1..width].iter().any(|b| b & 0xc0 != 0x80) {
        return "invalid trailing UTF-8 octet";
    }
    let overlong = match (width, rest[0], rest[1]) {
        (2, first, _) => first < 0xc2,
        (3, 0xe0, second) => second < 0xa0,
        (4, 0xf0, second) => second < 0x90,
        _ => false,
    };
    if overlong { "invalid length of a UTF-8 sequence" } else { "invalid Unicode character" }
}
