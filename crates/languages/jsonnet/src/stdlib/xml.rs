//! `std.manifestXmlJsonml`: `["tag", {attributes}, children…]`.
//!
//! Compat: nothing is escaped, which is left to the one who writes it.

use super::fail;
use crate::error::JsonnetError;
use crate::eval::{Interpreter, wrong_type};
use crate::value::Value;

pub(super) fn element(
    cx: &mut Interpreter<'_>,
    value: &Value,
    out: &mut String,
) -> Result<(), JsonnetError> {
    let list = match value {
        Value::Array(list) => list,
        other => {
            return fail(format!(
                "Expected a JSONML value (an array), got {}",
                other.type_name()
            ));
        }
    };
    let Some((tag, mut rest)) = list.split_first() else {
        return fail("Expected a JSONML value (an array), got an empty one");
    };
    let tag = match cx.force(*tag)? {
        Value::Text(tag) => tag,
        other => return Err(wrong_type(&other, "string")),
    };
    let before = out.len();
    out.push_str(&format!("<{}", tag.as_str()));
    if let Some((first, others)) = rest.split_first()
        && let Value::Object(attributes) = cx.force(*first)?
    {
        rest = others;
        for (text, name) in cx.field_names(attributes, false)? {
            let value = cx.index(attributes, name)?;
            let value = cx.shown(&value)?;
            out.push_str(&format!(" {text}=\"{value}\""));
        }
    }
    out.push('>');
    cx.within(|cx| {
        for child in rest {
            match cx.force(*child)? {
                Value::Text(text) => out.push_str(text.as_str()),
                other => element(cx, &other, out)?,
            }
        }
        Ok(())
    })?;
    out.push_str(&format!("</{}>", tag.as_str()));
    cx.heap.take((out.len() - before) as u64)
}
