//! Percent escapes: which bytes stand as they are in which part of a URL.

use crate::text::quoted;

/// A part of a URL.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Path,
    Fragment,
    User,
    Host,
    Zone,
}

/// Whether a byte stands as it is.
pub(crate) fn is_plain(byte: u8, part: Part) -> bool {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => true,
        b'$' | b'&' | b'+' | b',' | b'/' | b':' | b';' | b'=' | b'?' | b'@' => match part {
            Part::Path => byte != b'?',
            Part::User => !b"@/?:".contains(&byte),
            Part::Fragment => true,
            Part::Host | Part::Zone => b"$&+,;=:".contains(&byte),
        },
        b'!' | b'(' | b')' | b'*' => matches!(part, Part::Fragment | Part::Host | Part::Zone),
        b'\'' | b'[' | b']' | b'<' | b'>' | b'"' => matches!(part, Part::Host | Part::Zone),
        _ => false,
    }
}

/// Escapes what may not stand as it is.
pub(crate) fn escape(text: &[u8], part: Part) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if is_plain(*byte, part) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
    out
}

/// Reads escapes.
pub(crate) fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let bad = |escape: &[u8]| {
        Err(format!(
            "invalid URL escape {}",
            String::from_utf8_lossy(&quoted(escape))
        ))
    };
    let is_host = matches!(part, Part::Host | Part::Zone);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        let byte = text[at];
        if byte != b'%' {
            if is_host && byte < 0x80 && !is_plain(byte, part) {
                let shown = quoted(&[byte]);
                return Err(format!(
                    "invalid character {} in host name",
                    String::from_utf8_lossy(&shown)
                ));
            }
            out.push(byte);
            at += 1;
            continue;
        }
        let code = &text[at..text.len().min(at + 3)];
        let digit = |index: usize| code.get(index).and_then(|b| char::from(*b).to_digit(16));
        let (Some(high), Some(low)) = (digit(1), digit(2)) else {
            return bad(code);
        };
        let plain = (high * 16 + low) as u8;
        if part == Part::Host && high < 8 && code != b"%25" {
            return bad(code);
        }
        if part == Part::Zone && code != b"%25" && plain != b' ' && !is_plain(plain, Part::Host) {
            return bad(code);
        }
        out.push(plain);
        at += 3;
    }
    Ok(out)
}
