//! Plain, quoted and block text.

use super::{Fault, Scanner, What};
use crate::reader::Mark;

/// What stands between two words of a text that runs over lines.
#[derive(Default)]
struct Gap {
    blanks: String,
    first_break: String,
    more_breaks: String,
    broken: bool,
}

impl Gap {
    /// Adds what the gap means: a fold is one space, further lines are themselves.
    fn fold_into(&mut self, text: &mut String) {
        if self.broken {
            if self.first_break.starts_with('\n') {
                if self.more_breaks.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&self.first_break);
            }
            text.push_str(&self.more_breaks);
            self.first_break.clear();
            self.more_breaks.clear();
            self.broken = false;
        } else {
            text.push_str(&self.blanks);
        }
        self.blanks.clear();
    }
}

impl Scanner<'_> {
    /// Reads one blank or line break into `gap`.
    fn read_gap(&mut self, gap: &mut Gap) {
        if self.reader.is_blank(0) {
            if gap.broken {
                self.reader.skip();
            } else {
                self.reader.read(&mut gap.blanks);
            }
        } else if gap.broken {
            self.reader.read_line(&mut gap.more_breaks);
        } else {
            gap.blanks.clear();
            self.reader.read_line(&mut gap.first_break);
            gap.broken = true;
        }
    }

    pub(super) fn scan_plain(&mut self) -> Result<(), Fault> {
        let start = self.reader.mark;
        let mut end = start;
        let indent = self.indent + 1;
        let flow = self.flow_level > 0;
        let mut text = String::new();
        let mut gap = Gap::default();
        loop {
            if self.reader.document_indicator().is_some() || self.reader.peek(0) == b'#' {
                break;
            }
            while !self.reader.is_blankz(0) {
                match self.reader.peek(0) {
                    b':' if self.reader.is_blankz(1) => break,
                    b',' | b'?' | b'[' | b']' | b'{' | b'}' if flow => break,
                    _ => {}
                }
                if gap.broken || !gap.blanks.is_empty() {
                    gap.fold_into(&mut text);
                }
                let kept = |byte| {
                    matches!(byte, b'!'..=b'~')
                        && byte != b':'
                        && !(flow && matches!(byte, b',' | b'?' | b'[' | b']' | b'{' | b'}'))
                };
                if !self.reader.read_run(&mut text, kept) {
                    self.reader.read(&mut text);
                }
                end = self.reader.mark;
            }
            if !(self.reader.is_blank(0) || self.reader.is_break(0)) {
                break;
            }
            while self.reader.is_blank(0) || self.reader.is_break(0) {
                let outside = (self.reader.mark.column as isize) < indent;
                if gap.broken && outside && self.reader.peek(0) == b'\t' {
                    return self.fault(start, "found a tab character that violates indentation");
                }
                self.read_gap(&mut gap);
            }
            if !flow && (self.reader.mark.column as isize) < indent {
                break;
            }
        }
        self.push(What::Scalar { text, plain: true }, start);
        if let Some(token) = self.tokens.back_mut() {
            token.end = end;
        }
        if gap.broken {
            self.key_allowed = true;
        }
        Ok(())
    }

    pub(super) fn scan_flow_scalar(&mut self, single: bool) -> Result<(), Fault> {
        let start = self.reader.mark;
        let quote = if single { b'\'' } else { b'"' };
        self.reader.skip();
        let mut text = String::new();
        loop {
            if self.reader.document_indicator().is_some() {
                return self.fault(start, "found unexpected document indicator");
            }
            if self.reader.at_end() {
                return self.fault(start, "found unexpected end of stream");
            }
            let mut gap = Gap::default();
            while !self.reader.is_blankz(0) {
                let here = self.reader.peek(0);
                if single && here == b'\'' && self.reader.peek(1) == b'\'' {
                    text.push('\'');
                    self.reader.skip();
                    self.reader.skip();
                } else if here == quote {
                    break;
                } else if !single && here == b'\\' && self.reader.is_break(1) {
                    self.reader.skip();
                    self.reader.skip_line();
                    gap.broken = true;
                    break;
                } else if !single && here == b'\\' {
                    self.scan_escape(start, &mut text)?;
                } else {
                    let kept = |byte| matches!(byte, b'!'..=b'~') && byte != quote && byte != b'\\';
                    if !self.reader.read_run(&mut text, kept) {
                        self.reader.read(&mut text);
                    }
                }
            }
            if self.reader.peek(0) == quote {
                break;
            }
            while self.reader.is_blank(0) || self.reader.is_break(0) {
                self.read_gap(&mut gap);
            }
            gap.fold_into(&mut text);
        }
        self.reader.skip();
        self.push(What::Scalar { text, plain: false }, start);
        Ok(())
    }

    fn scan_escape(&mut self, start: Mark, text: &mut String) -> Result<(), Fault> {
        let plain = match self.reader.peek(1) {
            b'0' => '\0',
            b'a' => '\u{7}',
            b'b' => '\u{8}',
            b't' | b'\t' => '\t',
            b'n' => '\n',
            b'v' => '\u{b}',
            b'f' => '\u{c}',
            b'r' => '\r',
            b'e' => '\u{1b}',
            b' ' => ' ',
            b'"' => '"',
            b'\'' => '\'',
            b'\\' => '\\',
            b'N' => '\u{85}',
            b'_' => '\u{a0}',
            b'L' => '\u{2028}',
            b'P' => '\u{2029}',
            b'x' => return self.scan_code(start, 2, text),
            b'u' => return self.scan_code(start, 4, text),
            b'U' => return self.scan_code(start, 8, text),
            _ => return self.fault(start, "found unknown escape character"),
        };
        self.reader.skip();
        self.reader.skip();
        text.push(plain);
        Ok(())
    }

    fn scan_code(&mut self, start: Mark, length: usize, text: &mut String) -> Result<(), Fault> {
        self.reader.skip();
        self.reader.skip();
        let mut code = 0u32;
        for ahead in 0..length {
            let Some(digit) = char::from(self.reader.peek(ahead)).to_digit(16) else {
                return self.fault(start, "did not find expected hexdecimal number");
            };
            code = (code << 4) | digit;
        }
        let Some(c) = char::from_u32(code) else {
            return self.fault(start, "found invalid Unicode character escape code");
        };
        text.push(c);
        for _ in 0..length {
            self.reader.skip();
        }
        Ok(())
    }

    pub(super) fn scan_block_scalar(&mut self, literal: bool) -> Result<(), Fault> {
        let start = self.reader.mark;
        self.reader.skip();
        let (keep, strip, increment) = self.scan_block_header(start)?;
        self.reader.skip_blanks_and_comment();
        if !self.reader.is_breakz(0) {
            return self.fault(start, "did not find expected comment or line break");
        }
        self.reader.skip_line();
        let mut end = self.reader.mark;
        let mut indent = match increment {
            0 => 0,
            _ => self.indent.max(0) as usize + increment,
        };
        let mut text = String::new();
        let mut first_break = String::new();
        let mut more_breaks = String::new();
        self.scan_block_breaks(&mut indent, &mut more_breaks, start, &mut end)?;
        let mut was_blank = false;
        while self.reader.mark.column == indent && !self.reader.at_end() {
            let blank = self.reader.is_blank(0);
            let folds = !literal && !was_blank && !blank && first_break.starts_with('\n');
            if !folds {
                text.push_str(&first_break);
            } else if more_breaks.is_empty() {
                text.push(' ');
            }
            first_break.clear();
            text.push_str(&more_breaks);
            more_breaks.clear();
            was_blank = blank;
            self.reader.read_line_rest(&mut text);
            self.reader.read_line(&mut first_break);
            self.scan_block_breaks(&mut indent, &mut more_breaks, start, &mut end)?;
        }
        if !strip {
            text.push_str(&first_break);
        }
        if keep {
            text.push_str(&more_breaks);
        }
        self.push(What::Scalar { text, plain: false }, start);
        if let Some(token) = self.tokens.back_mut() {
            token.end = end;
        }
        Ok(())
    }

    /// What stands behind `|` or `>`: whether the last breaks are kept or stripped, and by how
    /// much the text is indented, in either order.
    fn scan_block_header(&mut self, start: Mark) -> Result<(bool, bool, usize), Fault> {
        let mut chomp = 0;
        let mut increment = 0;
        for _ in 0..2 {
            match self.reader.peek(0) {
                sign @ (b'+' | b'-') if chomp == 0 => {
                    chomp = sign;
                    self.reader.skip();
                }
                b'0' if increment == 0 => {
                    return self.fault(start, "found an indentation indicator equal to 0");
                }
                digit @ b'1'..=b'9' if increment == 0 => {
                    increment = usize::from(digit - b'0');
                    self.reader.skip();
                }
                _ => break,
            }
        }
        Ok((chomp == b'+', chomp == b'-', increment))
    }

    /// Passes over indentation and empty lines; finds the indentation where it is not known.
    fn scan_block_breaks(
        &mut self,
        indent: &mut usize,
        breaks: &mut String,
        start: Mark,
        end: &mut Mark,
    ) -> Result<(), Fault> {
        *end = self.reader.mark;
        let mut deepest = 0;
        loop {
            let within = |column: usize| *indent == 0 || column < *indent;
            while within(self.reader.mark.column) && self.reader.peek(0) == b' ' {
                self.reader.skip();
            }
            deepest = deepest.max(self.reader.mark.column);
            if within(self.reader.mark.column) && self.reader.peek(0) == b'\t' {
                let problem = "found a tab character where an indentation space is expected";
                return self.fault(start, problem);
            }
            if !self.reader.is_break(0) {
                break;
            }
            self.reader.read_line(breaks);
            *end = self.reader.mark;
        }
        if *indent == 0 {
            *indent = deepest.max((self.indent + 1).max(1) as usize);
        }
        Ok(())
    }
}
