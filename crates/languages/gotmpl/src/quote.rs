//! Go string and character literals: reading them (`strconv.Unquote`) and writing them
//! (`strconv.Quote`).

/// Whether Go's `strconv.IsPrint` holds: letters, marks, numbers, punctuation, symbols and the
/// ASCII space. Compat: by this toolchain's Unicode tables, which may be a version ahead of Go's.
pub(crate) fn is_print(rune: char) -> bool {
    if rune.is_ascii() {
        return (' '..='~').contains(&rune);
    }
    // `Debug` of a string escapes what is unprintable, and combining marks only at its start.
    let mut text = String::with_capacity(5);
    text.push('a');
    text.push(rune);
    text.escape_debug().nth(1) == Some(rune)
}

/// One step of decoding possibly invalid UTF-8 as Go does: the rune and its width, or `None` and
/// width 1 for a byte that starts no valid sequence.
pub(crate) fn decode(bytes: &[u8]) -> (Option<char>, usize) {
    let Some(&first) = bytes.first() else {
        return (None, 0);
    };
    if first < 0x80 {
        return (Some(char::from(first)), 1);
    }
    let width = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return (None, 1),
    };
    let rune = bytes
        .get(..width)
        .and_then(|sequence| std::str::from_utf8(sequence).ok())
        .and_then(|text| text.chars().next());
    rune.map_or((None, 1), |rune| (Some(rune), width))
}

/// Counts runes as Go's `utf8.RuneCount`: every invalid byte is one.
pub(crate) fn rune_count(bytes: &[u8]) -> usize {
    if bytes.is_ascii() {
        return bytes.len();
    }
    let (mut at, mut count) = (0, 0);
    while at < bytes.len() {
        at += decode(&bytes[at..]).1;
        count += 1;
    }
    count
}

/// Writes a quoted literal: `"` for strings, `'` for one rune; `ascii` escapes all non-ASCII.
pub(crate) fn quote_with(out: &mut Vec<u8>, bytes: &[u8], quote: u8, ascii: bool) {
    out.push(quote);
    let mut at = 0;
    while at < bytes.len() {
        let (rune, width) = decode(&bytes[at..]);
        match rune {
            None => out.extend_from_slice(format!("\\x{:02x}", bytes[at]).as_bytes()),
            Some(rune) => quote_rune(out, rune, quote, ascii),
        }
        at += width;
    }
    out.push(quote);
}

fn quote_rune(out: &mut Vec<u8>, rune: char, quote: u8, ascii: bool) {
    if rune == char::from(quote) || rune == '\\' {
        out.push(b'\\');
        out.push(rune as u8);
        return;
    }
    if (!ascii || rune.is_ascii()) && is_print(rune) {
        out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes());
        return;
    }
    let short = match rune {
        '\x07' => "\\a",
        '\x08' => "\\b",
        '\x0c' => "\\f",
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        '\x0b' => "\\v",
        _ => "",
    };
    let code = rune as u32;
    let text = match code {
        _ if !short.is_empty() => short.to_owned(),
        0..0x20 | 0x7f => format!("\\x{code:02x}"),
        ..0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    };
    out.extend_from_slice(text.as_bytes());
}

/// `strconv.Quote` for text.
pub(crate) fn quote(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    quote_with(&mut out, text.as_bytes(), b'"', false);
    String::from_utf8_lossy(&out).into_owned()
}

/// Whether a raw literal in backquotes can hold these bytes (`strconv.CanBackquote`).
pub(crate) fn can_backquote(bytes: &[u8]) -> bool {
    let mut at = 0;
    while at < bytes.len() {
        let (rune, width) = decode(&bytes[at..]);
        match rune {
            None | Some('\u{feff}' | '`' | '\x7f') => return false,
            Some(rune) if rune < ' ' && rune != '\t' => return false,
            Some(_) => {}
        }
        at += width;
    }
    true
}

/// Reads a string literal with its quotes (`"` or backquote). `None`: Go says `invalid syntax`.
pub(crate) fn unquote(literal: &str) -> Option<Vec<u8>> {
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    if literal.starts_with('`') {
        return Some(inner.bytes().filter(|byte| *byte != b'\r').collect());
    }
    if inner.contains('\n') {
        return None;
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (unit, tail) = unquote_char(rest, '"')?;
        match unit {
            Unit::Byte(byte) => out.push(byte),
            Unit::Rune(rune) => out.extend_from_slice(rune.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        rest = tail;
    }
    Some(out)
}

/// One decoded unit of a literal: `\xhh` and octal escapes are bytes, all else is a rune.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Byte(u8),
    Rune(char),
}

/// Reads one (possibly escaped) character of a literal in these quotes, and returns the rest.
pub(crate) fn unquote_char(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Rune(first), chars.as_str()));
    }
    let escape = chars.next()?;
    let rest = chars.as_str();
    let rune = |rune| Some((Unit::Rune(rune), rest));
    match escape {
        'a' => rune('\x07'),
        'b' => rune('\x08'),
        'f' => rune('\x0c'),
        'n' => rune('\n'),
        'r' => rune('\r'),
        't' => rune('\t'),
        'v' => rune('\x0b'),
        '\\' => rune('\\'),
        '\'' | '"' if escape == quote => rune(escape),
        'x' => digits(rest, 2, 16).map(|(code, rest)| (Unit::Byte(code as u8), rest)),
        'u' => digits(rest, 4, 16).and_then(as_rune),
        'U' => digits(rest, 8, 16).and_then(as_rune),
        '0'..='7' => {
            let start = &text[1..];
            let (code, rest) = digits(start, 3, 8)?;
            u8::try_from(code).ok().map(|byte| (Unit::Byte(byte), rest))
        }
        _ => None,
    }
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let head = text.get(..count)?;
    if !head.chars().all(|digit| digit.is_digit(radix)) {
        return None;
    }
    Some((u32::from_str_radix(head, radix).ok()?, &text[count..]))
}

fn as_rune((code, rest): (u32, &str)) -> Option<(Unit, &str)> {
    char::from_u32(code).map(|rune| (Unit::Rune(rune), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_survive_a_round_trip() {
        for text in [
            "",
            "a\"b",
            "tab\tnew\n",
            "é\u{301}",
            "\u{200b}\u{10ffff}",
            "\x07\x7f",
        ] {
            assert_eq!(
                unquote(&quote(text)).as_deref(),
                Some(text.as_bytes()),
                "{text:?}"
            );
        }
        assert_eq!(quote("\u{200b}é"), "\"\\u200bé\"");
        assert_eq!(
            unquote("\"\\xff\\101\\u00e9\"").as_deref(),
            Some(&b"\xffA\xc3\xa9"[..])
        );
        assert_eq!(unquote("\"\\'\""), None);
        assert_eq!(unquote("\"\\q\""), None);
        assert_eq!(unquote("`a\r\nb`").as_deref(), Some(&b"a\nb"[..]));
    }
}
