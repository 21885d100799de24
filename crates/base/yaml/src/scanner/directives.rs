//! Directives and tags.

use super::{Fault, Scanner, What};
use crate::reader::Mark;

/// The most digits of a version's number.
const VERSION_DIGITS: usize = 2;

impl Scanner<'_> {
    pub(super) fn scan_directive(&mut self) -> Result<(), Fault> {
        let start = self.reader.mark;
        self.reader.skip();
        let mut name = String::new();
        while self.reader.is_alpha(0) {
            self.reader.read(&mut name);
        }
        if name.is_empty() {
            return self.fault(start, "could not find expected directive name");
        }
        if !self.reader.is_blankz(0) {
            return self.fault(start, "found unexpected non-alphabetical character");
        }
        let what = match name.as_str() {
            "YAML" => self.scan_version(start)?,
            "TAG" => self.scan_tag_directive(start)?,
            _ => return self.fault(start, "found unknown directive name"),
        };
        self.push(what, start);
        self.reader.skip_blanks_and_comment();
        if !self.reader.is_breakz(0) {
            return self.fault(start, "did not find expected comment or line break");
        }
        self.reader.skip_line();
        Ok(())
    }

    fn skip_blanks(&mut self) {
        while self.reader.is_blank(0) {
            self.reader.skip();
        }
    }

    fn scan_version(&mut self, start: Mark) -> Result<What, Fault> {
        self.skip_blanks();
        let major = self.scan_version_number(start)?;
        if self.reader.peek(0) != b'.' {
            return self.fault(start, "did not find expected digit or '.' character");
        }
        self.reader.skip();
        let minor = self.scan_version_number(start)?;
        Ok(What::Version { major, minor })
    }

    fn scan_version_number(&mut self, start: Mark) -> Result<u32, Fault> {
        let mut number = 0;
        let mut length = 0;
        while self.reader.peek(0).is_ascii_digit() {
            length += 1;
            if length > VERSION_DIGITS {
                return self.fault(start, "found extremely long version number");
            }
            number = number * 10 + u32::from(self.reader.peek(0) - b'0');
            self.reader.skip();
        }
        if length == 0 {
            return self.fault(start, "did not find expected version number");
        }
        Ok(number)
    }

    fn scan_tag_directive(&mut self, start: Mark) -> Result<What, Fault> {
        self.skip_blanks();
        let handle = self.scan_tag_handle(true, start)?;
        if !self.reader.is_blank(0) {
            return self.fault(start, "did not find expected whitespace");
        }
        self.skip_blanks();
        let prefix = self.scan_tag_uri("", start)?;
        if !self.reader.is_blankz(0) {
            return self.fault(start, "did not find expected whitespace or line break");
        }
        Ok(What::TagDirective { handle, prefix })
    }

    pub(super) fn scan_tag(&mut self) -> Result<(), Fault> {
        let start = self.reader.mark;
        let (handle, suffix) = if self.reader.peek(1) == b'<' {
            self.reader.skip();
            self.reader.skip();
            let suffix = self.scan_tag_uri("", start)?;
            if self.reader.peek(0) != b'>' {
                return self.fault(start, "did not find the expected '>'");
            }
            self.reader.skip();
            (String::new(), suffix)
        } else {
            let handle = self.scan_tag_handle(false, start)?;
            if handle.len() > 1 && handle.ends_with('!') {
                let suffix = self.scan_tag_uri("", start)?;
                (handle, suffix)
            } else {
                let suffix = self.scan_tag_uri(&handle, start)?;
                // A lone `!` is the tag itself.
                if suffix.is_empty() {
                    (suffix, "!".to_owned())
                } else {
                    ("!".to_owned(), suffix)
                }
            }
        };
        if !self.reader.is_blankz(0) {
            return self.fault(start, "did not find expected whitespace or line break");
        }
        self.push(What::Tag { handle, suffix }, start);
        Ok(())
    }

    fn scan_tag_handle(&mut self, directive: bool, start: Mark) -> Result<String, Fault> {
        if self.reader.peek(0) != b'!' {
            return self.fault(start, "did not find expected '!'");
        }
        let mut handle = String::new();
        self.reader.read(&mut handle);
        while self.reader.is_alpha(0) {
            self.reader.read(&mut handle);
        }
        if self.reader.peek(0) == b'!' {
            self.reader.read(&mut handle);
        } else if directive && handle != "!" {
            return self.fault(start, "did not find expected '!'");
        }
        Ok(handle)
    }

    /// The rest of a tag behind `head`, whose `!` is dropped.
    fn scan_tag_uri(&mut self, head: &str, start: Mark) -> Result<String, Fault> {
        let mut uri = head.get(1..).unwrap_or("").as_bytes().to_vec();
        let mut any = !head.is_empty();
        loop {
            match self.reader.peek(0) {
                b'%' => self.scan_uri_escape(start, &mut uri)?,
                b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',' | b'.'
                | b'!' | b'~' | b'*' | b'\'' | b'(' | b')' | b'[' | b']' => {
                    uri.push(self.reader.peek(0));
                    self.reader.skip();
                }
                byte if self.reader.is_alpha(0) => {
                    uri.push(byte);
                    self.reader.skip();
                }
                _ => break,
            }
            any = true;
        }
        if !any {
            return self.fault(start, "did not find expected tag URI");
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// One character of a tag, written as percent escapes.
    fn scan_uri_escape(&mut self, start: Mark, uri: &mut Vec<u8>) -> Result<(), Fault> {
        let mut left = None;
        loop {
            let digits = [self.reader.peek(1), self.reader.peek(2)];
            let octet = std::str::from_utf8(&digits)
                .ok()
                .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()))
                .and_then(|d| u8::from_str_radix(d, 16).ok())
                .filter(|_| self.reader.peek(0) == b'%');
            let Some(octet) = octet else {
                return self.fault(start, "did not find URI escaped octet");
            };
            let remaining = match left {
                Some(_) if octet & 0xc0 != 0x80 => {
                    return self.fault(start, "found an incorrect trailing UTF-8 octet");
                }
                Some(remaining) => remaining,
                None => match octet {
                    0..=0x7f => 1,
                    0xc0..=0xdf => 2,
                    0xe0..=0xef => 3,
                    0xf0..=0xf7 => 4,
                    _ => return self.fault(start, "found an incorrect leading UTF-8 octet"),
                },
            };
            uri.push(octet);
            for _ in 0..3 {
                self.reader.skip();
            }
            if remaining == 1 {
                return Ok(());
            }
            left = Some(remaining - 1);
        }
    }
}
