//! Lays out numbers and text under width, precision and flags, as Go's `fmt` does.

use super::MAX_BYTES;
use crate::float::format_float;
use crate::quote::{can_backquote, decode, is_print, quote_with, rune_count};

/// The flags of one verb.
#[derive(Clone, Debug, Default)]
pub(super) struct Flags {
    pub width: Option<usize>,
    pub precision: Option<usize>,
    pub minus: bool,
    pub plus: bool,
    pub sharp: bool,
    pub space: bool,
    pub zero: bool,
    /// `%+v`
    pub plus_v: bool,
    /// `%#v`
    pub sharp_v: bool,
}

/// Output with the flags in force.
pub(super) struct Layout {
    pub buffer: Vec<u8>,
    pub flags: Flags,
    pub limit: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Self {
            buffer: Vec::new(),
            flags: Flags::default(),
            limit: MAX_BYTES,
        }
    }
}

impl Layout {
    pub fn full(&self) -> bool {
        self.buffer.len() >= self.limit
    }

    pub fn push(&mut self, byte: u8) {
        if !self.full() {
            self.buffer.push(byte);
        }
    }

    pub fn text(&mut self, bytes: &[u8]) {
        let room = self.limit.saturating_sub(self.buffer.len());
        self.buffer
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    pub fn rune(&mut self, rune: char) {
        self.text(rune.encode_utf8(&mut [0; 4]).as_bytes());
    }

    fn padding(&mut self, count: usize) {
        let fill = if self.flags.zero && !self.flags.minus {
            b'0'
        } else {
            b' '
        };
        let room = self.limit.saturating_sub(self.buffer.len());
        self.buffer
            .resize(self.buffer.len() + count.min(room), fill);
    }

    /// Writes the text, padded to the width in runes.
    pub fn pad(&mut self, bytes: &[u8]) {
        let missing = match self.flags.width {
            Some(width) if width > 0 => width.saturating_sub(rune_count(bytes)),
            _ => 0,
        };
        if !self.flags.minus {
            self.padding(missing);
        }
        self.text(bytes);
        if self.flags.minus {
            self.padding(missing);
        }
    }

    fn pad_unzeroed(&mut self, bytes: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(bytes);
        self.flags.zero = zero;
    }

    fn truncated<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        let Some(precision) = self.flags.precision else {
            return bytes;
        };
        let mut end = 0;
        for _ in 0..precision {
            if end >= bytes.len() {
                break;
            }
            end += decode(&bytes[end..]).1;
        }
        &bytes[..end]
    }

    /// `%s`
    pub fn string(&mut self, bytes: &[u8]) {
        self.pad(self.truncated(bytes).to_owned().as_slice());
    }

    /// `%q` of text
    pub fn quoted(&mut self, bytes: &[u8]) {
        let bytes = self.truncated(bytes);
        let mut out = Vec::with_capacity(bytes.len() + 2);
        if self.flags.sharp && can_backquote(bytes) {
            out.push(b'`');
            out.extend_from_slice(bytes);
            out.push(b'`');
        } else {
            quote_with(&mut out, bytes, b'"', self.flags.plus);
        }
        self.pad(&out);
    }

    /// `%x` and `%X` of text
    pub fn hex(&mut self, bytes: &[u8], upper: bool) {
        let length = self
            .flags
            .precision
            .map_or(bytes.len(), |limit| limit.min(bytes.len()));
        let (lead, digits): (&[u8], &[u8; 16]) = if upper {
            (b"0X", b"0123456789ABCDEF")
        } else {
            (b"0x", b"0123456789abcdef")
        };
        let mut out = Vec::with_capacity(length * 2 + 2);
        for (index, byte) in bytes[..length].iter().enumerate() {
            if self.flags.space && index > 0 {
                out.push(b' ');
            }
            if self.flags.sharp && (index == 0 || self.flags.space) {
                out.extend_from_slice(lead);
            }
            out.push(digits[usize::from(byte >> 4)]);
            out.push(digits[usize::from(byte & 15)]);
        }
        self.pad(&out);
    }

    /// `%c`
    pub fn character(&mut self, code: u64) {
        let rune = rune_of(code);
        self.pad(rune.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// `%q` of a number
    pub fn quoted_character(&mut self, code: u64) {
        let mut out = Vec::new();
        let rune = rune_of(code);
        let mut text = [0; 4];
        quote_with(
            &mut out,
            rune.encode_utf8(&mut text).as_bytes(),
            b'\'',
            self.flags.plus,
        );
        self.pad(&out);
    }

    /// `%U`
    pub fn unicode(&mut self, code: u64) {
        let precision = self.flags.precision.unwrap_or(4).max(4);
        let mut out = format!("U+{code:0precision$X}");
        if self.flags.sharp
            && let Some(rune) = u32::try_from(code).ok().and_then(char::from_u32)
            && is_print(rune)
        {
            out.push_str(&format!(" '{rune}'"));
        }
        self.pad_unzeroed(out.as_bytes());
    }

    /// Every integer verb but those for characters.
    pub fn integer(&mut self, bits: u64, signed: bool, base: u32, verb: char, upper: bool) {
        let negative = signed && (bits as i64) < 0;
        let magnitude = if negative { bits.wrapping_neg() } else { bits };
        let flags = &self.flags;
        let mut least = 0;
        if let Some(precision) = flags.precision {
            least = precision;
            if precision == 0 && magnitude == 0 {
                let zero = std::mem::take(&mut self.flags.zero);
                self.padding(self.flags.width.unwrap_or(0));
                self.flags.zero = zero;
                return;
            }
        } else if flags.zero && !flags.minus && flags.width.is_some() {
            least = flags.width.unwrap_or(0);
            if negative || flags.plus || flags.space {
                least = least.saturating_sub(1);
            }
        }
        let digits = match (base, upper) {
            (2, _) => format!("{magnitude:b}"),
            (8, _) => format!("{magnitude:o}"),
            (16, false) => format!("{magnitude:x}"),
            (16, true) => format!("{magnitude:X}"),
            _ => magnitude.to_string(),
        };
        let zeros = least.saturating_sub(digits.len());
        let mut out = String::with_capacity(digits.len() + zeros + 3);
        if negative {
            out.push('-');
        } else if flags.plus {
            out.push('+');
        } else if flags.space {
            out.push(' ');
        }
        if verb == 'O' {
            out.push_str("0o");
        }
        if flags.sharp {
            match base {
                2 => out.push_str("0b"),
                8 if zeros == 0 && !digits.starts_with('0') => out.push('0'),
                16 => out.push_str(if upper { "0X" } else { "0x" }),
                _ => {}
            }
        }
        out.extend(std::iter::repeat_n('0', zeros));
        out.push_str(&digits);
        self.pad_unzeroed(out.as_bytes());
    }

    /// Every floating-point verb.
    pub fn float(&mut self, value: f64, verb: u8, precision: Option<usize>) {
        let precision = self.flags.precision.or(precision);
        let text = format_float(value, verb, precision);
        let flags = &self.flags;
        let (mut sign, digits) = match text.as_bytes() {
            [b'-', ..] => (b'-', &text[1..]),
            [b'+', ..] => (b'+', &text[1..]),
            _ => (b'+', &text[..]),
        };
        if flags.space && sign == b'+' && !flags.plus {
            sign = b' ';
        }
        if digits.starts_with(['I', 'N']) {
            let bare = digits.starts_with('N') && !flags.space && !flags.plus;
            let mut out = Vec::new();
            // Positive infinity keeps its sign, as strconv writes it.
            if !bare {
                out.push(sign);
            }
            out.extend_from_slice(digits.as_bytes());
            self.pad_unzeroed(&out);
            return;
        }
        let digits = if flags.sharp && verb != b'b' {
            sharpened(digits, verb, precision)
        } else {
            digits.to_owned()
        };
        if !flags.plus && sign == b'+' {
            self.pad(digits.as_bytes());
            return;
        }
        let width = flags.width.unwrap_or(0);
        if flags.zero && !flags.minus && width > digits.len() + 1 {
            self.push(sign);
            self.padding(width - digits.len() - 1);
            self.text(digits.as_bytes());
            return;
        }
        let mut out = vec![sign];
        out.extend_from_slice(digits.as_bytes());
        self.pad(&out);
    }
}

fn rune_of(code: u64) -> char {
    u32::try_from(code)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or('\u{fffd}')
}

/// The `#` flag: always a decimal point, and for `%g` the zeros at the end too.
fn sharpened(text: &str, verb: u8, precision: Option<usize>) -> String {
    let mut wanted: i64 = match verb {
        b'g' | b'G' | b'x' => precision.map_or(6, |precision| precision as i64),
        _ => 0,
    };
    let hex = matches!(verb, b'x' | b'X');
    let tail_at = text
        .find(|unit: char| matches!(unit, 'p' | 'P') || (!hex && matches!(unit, 'e' | 'E')))
        .unwrap_or(text.len());
    let (head, tail) = text.split_at(tail_at);
    let mut seen_nonzero = false;
    for digit in head.bytes().filter(|byte| *byte != b'.') {
        seen_nonzero |= digit != b'0';
        if seen_nonzero {
            wanted -= 1;
        }
    }
    let mut out = head.to_owned();
    if !head.contains('.') {
        if head == "0" {
            wanted -= 1;
        }
        out.push('.');
    }
    out.extend(std::iter::repeat_n('0', wanted.max(0) as usize));
    out.push_str(tail);
    out
}
