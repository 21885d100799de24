//! `std.manifestToml`.

use super::fail;
use crate::error::JsonnetError;
use crate::eval::Interpreter;
use crate::heap::ObjectId;
use crate::manifest::quoted;
use crate::number;
use crate::value::Value;

pub(super) fn document(
    cx: &mut Interpreter<'_>,
    value: &Value,
    indent: &str,
) -> Result<String, JsonnetError> {
    match value {
        Value::Object(object) => table(cx, *object, indent, &[], ""),
        other => fail(format!(
            "TOML body must be an object. Got {}",
            other.type_name()
        )),
    }
}

/// A table's own values, then the tables in it.
fn table(
    cx: &mut Interpreter<'_>,
    object: ObjectId,
    indent: &str,
    path: &[String],
    current: &str,
) -> Result<String, JsonnetError> {
    cx.within(|cx| {
        let (mut lines, mut sections) = (Vec::new(), vec![String::new()]);
        for (text, name) in cx.field_names(object, false)? {
            let field = cx.index(object, name)?;
            let mut deeper = path.to_vec();
            deeper.push(key(&text));
            match section(cx, &field, indent, &deeper, current)? {
                Some(section) => sections.push(section),
                None => {
                    let mut out = format!("{} = ", key(&text));
                    inline(cx, &field, &deeper, (indent, false), &mut out)?;
                    lines.extend(out.split('\n').map(|line| format!("{current}{line}")));
                }
            }
        }
        let text = lines.join("\n") + &sections.join("\n\n");
        cx.heap.take(text.len() as u64)?;
        Ok(text)
    })
}

/// Objects and arrays of objects become sections of their own.
fn section(
    cx: &mut Interpreter<'_>,
    value: &Value,
    indent: &str,
    path: &[String],
    current: &str,
) -> Result<Option<String>, JsonnetError> {
    let head = path.join(".");
    let deeper = format!("{current}{indent}");
    match value {
        Value::Object(object) => {
            let body = table(cx, *object, indent, path, &deeper)?;
            let is_empty = cx.field_names(*object, false)?.is_empty();
            let line = if is_empty { "" } else { "\n" };
            Ok(Some(format!("{current}[{head}]{line}{body}")))
        }
        Value::Array(list) if !list.is_empty() => {
            let mut objects = Vec::new();
            for element in list.iter() {
                match cx.force(*element)? {
                    Value::Object(object) => objects.push(object),
                    _ => return Ok(None),
                }
            }
            let mut sections = Vec::new();
            for object in objects {
                let body = table(cx, object, indent, path, &deeper)?;
                let is_empty = cx.field_names(object, false)?.is_empty();
                let line = if is_empty { "" } else { "\n" };
                sections.push(format!("{current}[[{head}]]{line}{body}"));
            }
            Ok(Some(sections.join("\n\n")))
        }
        _ => Ok(None),
    }
}

/// A value after its `=`. `style` is the indentation, and whether all stands in one line.
fn inline(
    cx: &mut Interpreter<'_>,
    value: &Value,
    path: &[String],
    style: (&str, bool),
    out: &mut String,
) -> Result<(), JsonnetError> {
    let (indent, in_line) = style;
    match value {
        Value::Null => return fail(format!("Tried to manifest \"null\" at {path:?}")),
        Value::Function(_) => return fail(format!("Tried to manifest function at {path:?}")),
        Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Value::Number(value) => out.push_str(&number::shown(*value)),
        Value::Text(text) => {
            cx.take_quoted(text.as_str())?;
            quoted(text.as_str(), out);
        }
        Value::Array(list) if list.is_empty() => out.push_str("[]"),
        Value::Array(list) => cx.within(|cx| {
            let (space, inner) = if in_line { (" ", "") } else { ("\n", indent) };
            out.push('[');
            out.push_str(space);
            for (count, element) in list.iter().enumerate() {
                if count > 0 {
                    out.push(',');
                    out.push_str(space);
                }
                out.push_str(inner);
                let element = cx.force(*element)?;
                inline(cx, &element, path, (indent, true), out)?;
            }
            out.push_str(space);
            out.push(']');
            Ok(())
        })?,
        Value::Object(object) => cx.within(|cx| {
            out.push_str("{ ");
            for (count, (text, name)) in cx.field_names(*object, false)?.iter().enumerate() {
                if count > 0 {
                    out.push_str(", ");
                }
                out.push_str(&key(text));
                out.push_str(" = ");
                let field = cx.index(*object, *name)?;
                inline(cx, &field, path, (indent, true), out)?;
            }
            out.push_str(" }");
            Ok(())
        })?,
    }
    cx.heap.take(8)
}

fn key(text: &str) -> String {
    if text.is_empty() {
        return "''".into();
    }
    if text
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
    {
        return text.into();
    }
    let mut out = String::new();
    quoted(text, &mut out);
    out
}
