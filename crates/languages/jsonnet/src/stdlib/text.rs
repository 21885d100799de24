//! Values are written into other languages' strings, and read from strings.

use super::strings::digits;
use super::{Args, Table, eager, fail};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome};
use crate::heap::Body;
use crate::manifest::quoted;
use crate::value::Value;

pub(super) const TABLE: Table = &[
    eager("escapeStringJson", &["str_"], json_string),
    eager("escapeStringPython", &["str"], json_string),
    eager("escapeStringBash", &["str_"], |cx, a| {
        let text = shown(cx, a)?;
        cx.heap.text(format!("'{}'", text.replace('\'', "'\"'\"'")))
    }),
    eager("escapeStringDollars", &["str_"], |cx, a| {
        let text = shown(cx, a)?;
        cx.heap.text(text.replace('$', "$$"))
    }),
    eager("escapeStringXML", &["str_"], |cx, a| {
        let text = shown(cx, a)?;
        cx.heap.text(xml_escaped(&text))
    }),
    eager("parseInt", &["str"], |_, a| {
        let text = a.str(0)?;
        match text.strip_prefix('-') {
            Some(rest) => digits(rest, 10, "an integer").map(|value| Value::Number(-value)),
            None => digits(text, 10, "an integer").map(Value::Number),
        }
    }),
    eager("parseOctal", &["str"], |_, a| {
        digits(a.str(0)?, 8, "an octal number").map(Value::Number)
    }),
    eager("parseHex", &["str"], |_, a| {
        digits(a.str(0)?, 16, "hexadecimal").map(Value::Number)
    }),
    eager("parseJson", &["str"], parse_json),
    eager("parseYaml", &["str"], parse_yaml),
];

/// A value's text, with the memory counted that its escapes may take.
fn shown(cx: &mut Interpreter<'_>, a: Args<'_>) -> Result<String, JsonnetError> {
    let text = cx.shown(a.value(0))?;
    cx.heap.take(text.len() as u64 * 6)?;
    Ok(text)
}

fn json_string(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let text = shown(cx, a)?;
    let mut out = String::with_capacity(text.len() + 2);
    quoted(&text, &mut out);
    cx.heap.text(out)
}

pub(super) fn xml_escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            c => out.push(c),
        }
    }
    out
}

fn parse_json(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let text = a.str(0)?;
    cx.heap.step(text.len() as u64 / 8)?;
    cx.heap.take(text.len() as u64 * 8)?;
    match serde_json::from_str(text) {
        Ok(json) => from_json(cx, &json),
        Err(error) => fail(format!("failed to parse JSON: {error}")),
    }
}

/// Compat: several documents, or one after `---`, become an array.
fn parse_yaml(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let text = a.str(0)?;
    cx.heap.step(text.len() as u64 / 4)?;
    cx.heap.take(text.len() as u64 * 16)?;
    let mut documents: Vec<Vec<&str>> = vec![vec![]];
    let mut is_stream = false;
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            is_stream = true;
            documents.push(vec![]);
        } else if let Some(last) = documents.last_mut() {
            last.push(line);
        }
    }
    let mut values = Vec::new();
    for lines in documents {
        let document = lines.concat();
        if is_stream && document.trim().is_empty() && values.is_empty() {
            continue;
        }
        match argosy_yaml::from_slice(document.as_bytes()) {
            Ok(json) => {
                let value = from_json(cx, &json)?;
                values.push(value);
            }
            Err(error) => return fail(format!("failed to parse YAML: {}", error.text)),
        }
    }
    if !is_stream {
        return Ok(values.pop().unwrap_or(Value::Null));
    }
    let mut list = Vec::with_capacity(values.len());
    for value in values {
        list.push(cx.heap.done(value)?);
    }
    cx.heap.list(list)
}

fn from_json(cx: &mut Interpreter<'_>, json: &serde_json::Value) -> Outcome {
    Ok(match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => Value::Number(finite(number)?),
        serde_json::Value::String(text) => cx.heap.text(text.clone())?,
        serde_json::Value::Array(elements) => {
            let mut list = Vec::with_capacity(elements.len());
            for element in elements {
                let element = cx.within(|cx| from_json(cx, element))?;
                list.push(cx.heap.done(element)?);
            }
            cx.heap.list(list)?
        }
        serde_json::Value::Object(members) => {
            let mut fields = Vec::with_capacity(members.len());
            for (name, member) in members {
                let member = cx.within(|cx| from_json(cx, member))?;
                fields.push((cx.names.intern(name), Body::Ready(member)));
            }
            cx.object_of(fields)?
        }
    })
}

fn finite(number: &serde_json::Number) -> Result<f64, JsonnetError> {
    match number.as_f64() {
        Some(value) if value.is_finite() => Ok(value),
        _ => fail("Overflow"),
    }
}
