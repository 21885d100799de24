//! Strings: cutting, joining, wrapping, quoting, encoding.

use crate::args::{Outcome, any, int, string, strings, text};
use crate::case;
use crate::text::{charge_text, go_text, quoted, runes, strval};
use crate::unicode as uni;
use argosy_gotmpl::{CallCx, Elem, FuncError, FuncTable, GoStr, Map, MapRef, Value};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let table = table
        .with_typed("hello", "", |_, _| string("Hello!"))
        .with_typed("trim", "string", |_, a| {
            string(trim_space(text(a, 0)).to_vec())
        })
        .with_typed("upper", "string", |_, a| {
            string(mapped(text(a, 0), uni::to_upper))
        })
        .with_typed("lower", "string", |_, a| {
            string(mapped(text(a, 0), uni::to_lower))
        })
        .with_typed("title", "string", |_, a| string(case::title(text(a, 0))))
        .with_typed("untitle", "string", |_, a| {
            string(case::untitle(text(a, 0)))
        })
        .with_typed("swapcase", "string", |_, a| string(case::swap(text(a, 0))))
        .with_typed("snakecase", "string", |_, a| {
            string(case::joined(text(a, 0), '_'))
        })
        .with_typed("kebabcase", "string", |_, a| {
            string(case::joined(text(a, 0), '-'))
        })
        .with_typed("camelcase", "string", |_, a| {
            string(case::pascal(text(a, 0)))
        })
        .with_typed("nospace", "string", |_, a| {
            string(case::without_space(text(a, 0)))
        })
        .with_typed("initials", "string", |_, a| {
            string(case::initials(text(a, 0)))
        })
        .with_typed("trimall", "string, string", |_, a| {
            string(trim_set(text(a, 1), text(a, 0)))
        })
        .with_typed("trimAll", "string, string", |_, a| {
            string(trim_set(text(a, 1), text(a, 0)))
        })
        .with_typed("trimSuffix", "string, string", |_, a| {
            string(
                text(a, 1)
                    .strip_suffix(text(a, 0))
                    .unwrap_or(text(a, 1))
                    .to_vec(),
            )
        })
        .with_typed("trimPrefix", "string, string", |_, a| {
            string(
                text(a, 1)
                    .strip_prefix(text(a, 0))
                    .unwrap_or(text(a, 1))
                    .to_vec(),
            )
        })
        .with_typed("contains", "string, string", |_, a| {
            Ok(Value::Bool(find(text(a, 1), text(a, 0)).is_some()))
        })
        .with_typed("hasPrefix", "string, string", |_, a| {
            Ok(Value::Bool(text(a, 1).starts_with(text(a, 0))))
        })
        .with_typed("hasSuffix", "string, string", |_, a| {
            Ok(Value::Bool(text(a, 1).ends_with(text(a, 0))))
        })
        .with_typed("plural", "string, string, int", |_, a| {
            Ok(any(a, usize::from(int(a, 2) != 1)).clone())
        })
        .with_typed("toString", "any", |cx, a| {
            charge_text(cx, a)?;
            string(strval(any(a, 0)))
        })
        .with_typed("quote", "...any", |cx, a| {
            charge_text(cx, a)?;
            string(each(a, |v| quoted(&strval(v))))
        })
        .with_typed("squote", "...any", |cx, a| {
            charge_text(cx, a)?;
            string(each(a, |v| [b"'", &go_text(v)[..], b"'"].concat()))
        })
        .with_typed("cat", "...any", |cx, a| {
            charge_text(cx, a)?;
            string(each(a, go_text))
        });
    splitting(cutting(table))
}

fn cutting(table: FuncTable) -> FuncTable {
    table
        .with_typed("abbrev", "int, string", |_, a| {
            string(abbreviated(0, int(a, 0), text(a, 1)))
        })
        .with_typed("abbrevboth", "int, int, string", |_, a| {
            string(abbreviated(int(a, 0), int(a, 1), text(a, 2)))
        })
        .with_typed("trunc", "int, string", |_, a| {
            string(truncated(int(a, 0), text(a, 1)))
        })
        .with_typed("substr", "int, int, string", |_, a| {
            substring(int(a, 0), int(a, 1), text(a, 2))
        })
        .with_typed("repeat", "int, string", |cx, a| {
            repeated(cx, int(a, 0), text(a, 1))
        })
        .with_typed("wrap", "int, string", |cx, a| {
            wrap(cx, text(a, 1), int(a, 0), b"", false)
        })
        .with_typed("wrapWith", "int, string, string", |cx, a| {
            wrap(cx, text(a, 2), int(a, 0), text(a, 1), true)
        })
        .with_typed("indent", "int, string", |cx, a| {
            indented(cx, int(a, 0), text(a, 1), b"")
        })
        .with_typed("nindent", "int, string", |cx, a| {
            indented(cx, int(a, 0), text(a, 1), b"\n")
        })
        .with_typed("replace", "string, string, string", |cx, a| {
            replaced(cx, text(a, 2), text(a, 0), text(a, 1))
        })
}

fn splitting(table: FuncTable) -> FuncTable {
    table
        .with_typed("split", "string, string", |cx, a| {
            numbered(cx, &pieces(text(a, 1), text(a, 0), -1))
        })
        .with_typed("splitn", "string, int, string", |cx, a| {
            numbered(cx, &pieces(text(a, 2), text(a, 0), int(a, 1)))
        })
        .with_typed("splitList", "string, string", |cx, a| {
            let pieces = pieces(text(a, 1), text(a, 0), -1);
            strings(cx, pieces.into_iter().map(<[u8]>::to_vec))
        })
        .with_typed("toStrings", "any", |cx, a| {
            charge_text(cx, a)?;
            strings(cx, string_items(any(a, 0)).into_iter())
        })
        .with_typed("join", "string, any", |cx, a| {
            charge_text(cx, a)?;
            let items = string_items(any(a, 1));
            let size: usize = items.iter().map(|i| i.len() + text(a, 0).len()).sum();
            cx.charge(size as u64)?;
            string(items.join(text(a, 0)))
        })
        .with_typed("sortAlpha", "any", |cx, a| {
            charge_text(cx, a)?;
            let mut items = match any(a, 0) {
                // Compat: of a slice of strings that is nil, Go makes nothing new.
                Value::List(list) if list.is_nil_slice() && list.elem() == Elem::Str => {
                    return Ok(any(a, 0).clone());
                }
                list @ (Value::List(_) | Value::Bytes(_)) => string_items(list),
                other => vec![strval(other)],
            };
            items.sort_unstable();
            strings(cx, items.into_iter())
        })
}

fn mapped(text: &[u8], map: fn(char) -> char) -> String {
    runes(text).into_iter().map(map).collect()
}

/// The arguments that are not nil, written one by one with a blank between them.
fn each(args: &[Value], write: impl Fn(&Value) -> Vec<u8>) -> Vec<u8> {
    let texts: Vec<_> = args.iter().filter(|v| !v.is_nil()).map(write).collect();
    texts.join(&b' ')
}

/// `strings.TrimSpace`.
fn trim_space(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Ok(text) => text.trim().as_bytes(),
        Err(_) => text.trim_ascii(),
    }
}

/// `strings.Trim` with a set of characters.
fn trim_set(text: &[u8], set: &[u8]) -> Vec<u8> {
    let set = runes(set);
    match std::str::from_utf8(text) {
        Ok(text) => text.trim_matches(|c| set.contains(&c)).as_bytes().to_vec(),
        Err(_) => {
            let inside = |b: &u8| !(b.is_ascii() && set.contains(&char::from(*b)));
            let start = text.iter().position(inside).unwrap_or(text.len());
            let end = text.iter().rposition(inside).map_or(start, |at| at + 1);
            text[start..end].to_vec()
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    if part.is_empty() {
        return Some(0);
    }
    let first = part[0];
    let mut at = 0;
    while let Some(skip) = text[at..].iter().position(|b| *b == first) {
        at += skip;
        if text[at..].starts_with(part) {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// `strings.Split` and, where `limit` is not negative, `SplitN`.
fn pieces<'t>(text: &'t [u8], separator: &[u8], limit: i64) -> Vec<&'t [u8]> {
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut out = Vec::new();
    if most == 0 {
        return out;
    }
    let mut rest = text;
    while out.len() + 1 < most {
        let (end, skip) = if separator.is_empty() {
            match rune_len(rest) {
                0 => return out,
                len if len == rest.len() => break,
                len => (len, 0),
            }
        } else {
            match find(rest, separator) {
                Some(at) => (at, separator.len()),
                None => break,
            }
        };
        out.push(&rest[..end]);
        rest = &rest[end + skip..];
    }
    if !(separator.is_empty() && text.is_empty()) {
        out.push(rest);
    }
    out
}

fn rune_len(text: &[u8]) -> usize {
    match text.utf8_chunks().next() {
        None => 0,
        Some(chunk) => chunk.valid().chars().next().map_or(1, char::len_utf8),
    }
}

fn numbered(cx: &mut CallCx<'_>, pieces: &[&[u8]]) -> Outcome {
    cx.charge(pieces.len() as u64 * 2 * crate::args::VALUE_BYTES)?;
    let entry = |(index, piece): (usize, &&[u8])| {
        (GoStr::from(format!("_{index}")), Value::str(piece.to_vec()))
    };
    let entries: Map = pieces.iter().enumerate().map(entry).collect();
    Ok(Value::Map(MapRef::strings(entries)))
}

/// `strslice`: anything as a list of strings, less what is nil.
pub(crate) fn string_items(value: &Value) -> Vec<Vec<u8>> {
    match value {
        Value::Nil => Vec::new(),
        Value::List(list) => list.iter().filter(|v| !v.is_nil()).map(strval).collect(),
        Value::Bytes(bytes) => bytes.iter().map(|b| b.to_string().into_bytes()).collect(),
        other => vec![strval(other)],
    }
}

/// `goutils.AbbreviateFull`, with sprig's guards before it.
fn abbreviated(offset: i64, width: i64, text: &[u8]) -> Vec<u8> {
    if width < 4 || (offset > 0 && width < 7) {
        return text.to_vec();
    }
    let width = width as usize;
    if text.len() <= width {
        return text.to_vec();
    }
    let offset = usize::try_from(offset).unwrap_or(0).min(text.len());
    let offset = if text.len() - offset < width - 3 {
        text.len() - (width - 3)
    } else {
        offset
    };
    let dots = &b"..."[..];
    if offset <= 4 {
        return [&text[..width - 3], dots].concat();
    }
    if offset + width - 3 < text.len() {
        let rest = &text[offset..];
        // The rest is cut again, three narrower; too narrow for that, nothing is left of it.
        let inner = match width - 3 {
            inner if inner < 4 => Vec::new(),
            inner if rest.len() <= inner => rest.to_vec(),
            inner => [&rest[..inner - 3], dots].concat(),
        };
        return [dots, &inner].concat();
    }
    [dots, &text[text.len() - (width - 3)..]].concat()
}

fn truncated(count: i64, text: &[u8]) -> Vec<u8> {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if size >= text.len() {
        return text.to_vec();
    }
    if count < 0 {
        text[text.len() - size..].to_vec()
    } else {
        text[..size].to_vec()
    }
}

fn substring(start: i64, end: i64, text: &[u8]) -> Outcome {
    let len = text.len() as i64;
    let out_of = |range: String| {
        Err(FuncError::new(format!(
            "runtime error: slice bounds out of range {range}"
        )))
    };
    if start < 0 {
        if end < 0 {
            return out_of(format!("[:{end}]"));
        }
        if end > len {
            return out_of(format!("[:{end}] with length {len}"));
        }
        return string(text[..end as usize].to_vec());
    }
    let end = if end < 0 || end > len { len } else { end };
    if start > end {
        return out_of(format!("[{start}:{end}]"));
    }
    string(text[start as usize..end as usize].to_vec())
}

fn repeated(cx: &mut CallCx<'_>, count: i64, text: &[u8]) -> Outcome {
    let Ok(count) = usize::try_from(count) else {
        return Err(FuncError::new("strings: negative Repeat count"));
    };
    let size = text
        .len()
        .checked_mul(count)
        .filter(|size| i64::try_from(*size).is_ok());
    let size = size.ok_or_else(|| FuncError::new("strings: Repeat output length overflow"))?;
    cx.charge(size as u64)?;
    string(text.repeat(count))
}

fn count(text: &[u8], wanted: u8) -> usize {
    text.split(|byte| *byte == wanted).count() - 1
}

fn indented(cx: &mut CallCx<'_>, spaces: i64, text: &[u8], lead: &[u8]) -> Outcome {
    let Ok(spaces) = usize::try_from(spaces) else {
        return Err(FuncError::new("strings: negative Repeat count"));
    };
    let lines = 1 + count(text, b'\n');
    let size = spaces.saturating_mul(lines).saturating_add(text.len());
    cx.charge(size as u64)?;
    let pad = vec![b' '; spaces];
    let mut out = Vec::with_capacity(size + lead.len());
    out.extend_from_slice(lead);
    for (index, line) in text.split(|b| *b == b'\n').enumerate() {
        if index > 0 {
            out.push(b'\n');
        }
        out.extend_from_slice(&pad);
        out.extend_from_slice(line);
    }
    string(out)
}

/// `strings.Replace` of all; an empty `old` stands before every character and at the end.
fn replaced(cx: &mut CallCx<'_>, text: &[u8], old: &[u8], new: &[u8]) -> Outcome {
    let count = if old.is_empty() {
        text.len() + 1
    } else {
        text.len() / old.len()
    };
    if new.len() > old.len() {
        cx.charge((text.len() + count.saturating_mul(new.len() - old.len())) as u64)?;
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    if old.is_empty() {
        out.extend_from_slice(new);
        while !rest.is_empty() {
            let (only, tail) = rest.split_at(rune_len(rest));
            out.extend_from_slice(only);
            out.extend_from_slice(new);
            rest = tail;
        }
        return string(out);
    }
    while let Some(at) = find(rest, old) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(new);
        rest = &rest[at + old.len()..];
    }
    out.extend_from_slice(rest);
    string(out)
}

/// `goutils.WrapCustom`.
fn wrap(cx: &mut CallCx<'_>, text: &[u8], width: i64, line_end: &[u8], cut_words: bool) -> Outcome {
    let line_end = if line_end.is_empty() { b"\n" } else { line_end };
    let width = usize::try_from(width).unwrap_or(1).max(1);
    let lines = text.len() / width + count(text, b' ') + 1;
    cx.charge((text.len() + lines.saturating_mul(line_end.len())) as u64)?;
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while text.len() - at > width {
        if text[at] == b' ' {
            at += 1;
            continue;
        }
        let end = at + width;
        let (cut, next) = match text[at..=end].iter().rposition(|b| *b == b' ') {
            Some(blank) => (at + blank, at + blank + 1),
            None if cut_words => (end, end),
            None => match text[end..].iter().position(|b| *b == b' ') {
                Some(blank) => (end + blank, end + blank + 1),
                None => {
                    out.extend_from_slice(&text[at..]);
                    return string(out);
                }
            },
        };
        out.extend_from_slice(&text[at..cut]);
        out.extend_from_slice(line_end);
        at = next;
    }
    out.extend_from_slice(&text[at..]);
    string(out)
}
