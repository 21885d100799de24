//! `std.manifestYamlDoc`, whose YAML is its own.

use super::fail;
use crate::error::JsonnetError;
use crate::eval::Interpreter;
use crate::manifest::quoted;
use crate::number;
use crate::value::Value;

const INDENT: &str = "  ";

pub(super) struct Style {
    pub(super) indents_arrays: bool,
    pub(super) quotes_keys: bool,
}

pub(super) fn document(
    cx: &mut Interpreter<'_>,
    value: &Value,
    style: &Style,
) -> Result<String, JsonnetError> {
    let mut out = String::new();
    write(cx, value, style, "", &mut out)?;
    Ok(out)
}

fn write(
    cx: &mut Interpreter<'_>,
    value: &Value,
    style: &Style,
    indent: &str,
    out: &mut String,
) -> Result<(), JsonnetError> {
    let before = out.len();
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => out.push_str(&number::shortest(*value)),
        Value::Text(text) => {
            cx.take_quoted(text.as_str())?;
            // A block begins each of its lines with the indentation.
            let lines = text.as_str().matches('\n').count() as u64;
            cx.heap.take(lines * indent.len() as u64)?;
            string(text.as_str(), indent, out);
        }
        Value::Function(_) => return fail("tried to manifest function"),
        Value::Array(list) if list.is_empty() => out.push_str("[]"),
        Value::Array(list) => cx.within(|cx| {
            let deeper = format!("{indent}{INDENT}");
            for (count, element) in list.iter().enumerate() {
                if count > 0 {
                    new_line(indent, out);
                }
                out.push('-');
                let element = cx.force(*element)?;
                match &element {
                    Value::Array(inner) if !inner.is_empty() => new_line(&deeper, out),
                    _ => out.push(' '),
                }
                let is_nested = matches!(element, Value::Array(_) | Value::Object(_));
                write(
                    cx,
                    &element,
                    style,
                    if is_nested { &deeper } else { indent },
                    out,
                )?;
            }
            Ok(())
        })?,
        Value::Object(object) => {
            let names = cx.field_names(*object, false)?;
            if names.is_empty() {
                out.push_str("{}");
            }
            cx.within(|cx| {
                for (count, (text, name)) in names.iter().enumerate() {
                    if count > 0 {
                        new_line(indent, out);
                    }
                    if style.quotes_keys || !is_bare(text) {
                        quoted(text, out);
                    } else {
                        out.push_str(text);
                    }
                    out.push(':');
                    let field = cx.index(*object, *name)?;
                    let deeper = format!("{indent}{INDENT}");
                    let inner = match &field {
                        Value::Array(list) if !list.is_empty() => Some(if style.indents_arrays {
                            deeper.as_str()
                        } else {
                            indent
                        }),
                        Value::Object(object) if !cx.field_names(*object, false)?.is_empty() => {
                            Some(deeper.as_str())
                        }
                        _ => None,
                    };
                    match inner {
                        Some(inner) => new_line(inner, out),
                        None => out.push(' '),
                    }
                    write(cx, &field, style, inner.unwrap_or(indent), out)?;
                }
                Ok(())
            })?;
        }
    }
    cx.heap.take((out.len() - before) as u64)
}

fn new_line(indent: &str, out: &mut String) {
    out.push('\n');
    out.push_str(indent);
}

/// Text that ends in a line break is a block, other text is quoted.
fn string(text: &str, indent: &str, out: &mut String) {
    let Some(lines) = text.strip_suffix('\n') else {
        quoted(text, out);
        return;
    };
    out.push('|');
    for line in lines.split('\n') {
        new_line(indent, out);
        out.push_str(INDENT);
        out.push_str(line);
    }
}

/// Whether a key reads as the same text without quotes.
fn is_bare(text: &str) -> bool {
    const RESERVED: [&str; 17] = [
        "true", "false", "yes", "no", "on", "off", "y", "n", ".nan", "-.inf", "+.inf", ".inf",
        "null", "-", "---", "''", "~",
    ];
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    if text.is_empty() || !text.chars().all(is_plain) {
        return false;
    }
    if RESERVED
        .iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(text))
    {
        return false;
    }
    let is_date =
        text.matches('-').count() == 2 && text.chars().all(|c| c.is_ascii_digit() || c == '-');
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let is_binary = unsigned
        .strip_prefix("0b")
        .is_some_and(|rest| !rest.is_empty() && rest.chars().all(|c| matches!(c, '0' | '1' | '_')));
    let is_hex = text
        .match_indices("0x")
        .any(|(at, _)| text[at + 2..].starts_with(|c: char| c.is_ascii_hexdigit() || c == '_'));
    !(is_date || is_binary || is_hex || is_number(text))
}

/// Whether Go reads the text as a number.
fn is_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let word = unsigned.to_ascii_lowercase();
    if matches!(word.as_str(), "inf" | "infinity" | "nan") {
        return true;
    }
    unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.parse::<f64>().is_ok()
}
