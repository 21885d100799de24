//! Values become JSON, as a tree and as text.

use crate::error::JsonnetError;
use crate::eval::Interpreter;
use crate::number;
use crate::value::Value;
use serde_json::{Map, Number};

/// How JSON is laid out.
pub(crate) struct Layout<'a> {
    pub(crate) indent: &'a str,
    pub(crate) newline: &'a str,
    pub(crate) colon: &'a str,
    /// Between elements, before the newline.
    pub(crate) comma: &'a str,
    /// Compat: `std.toString` writes `{ }` and `[ ]`, `manifestJsonEx` with nothing between but
    /// its newlines.
    pub(crate) is_spaced_when_empty: bool,
    /// Compat: `std.toString` prints 17 digits, `manifestJsonEx` the shortest form.
    pub(crate) is_shortest: bool,
}

/// One line, as `std.toString` has it.
const ONE_LINE: Layout<'static> = Layout {
    indent: "",
    newline: "",
    colon: ": ",
    comma: ", ",
    is_spaced_when_empty: true,
    is_shortest: false,
};

impl Interpreter<'_> {
    /// The JSON that a value stands for.
    pub(crate) fn json(&mut self, value: &Value) -> Result<serde_json::Value, JsonnetError> {
        self.heap.take(64)?;
        self.heap.step(1)?;
        Ok(match value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => serde_json::Value::Number(json_number(*value)),
            Value::Text(text) => {
                self.heap.take(text.as_str().len() as u64)?;
                text.as_str().into()
            }
            Value::Function(_) => {
                return Err(JsonnetError::new("couldn't manifest function as JSON"));
            }
            Value::Array(elements) => self.within(|this| {
                let mut all = Vec::with_capacity(elements.len());
                for element in elements.iter() {
                    let element = this.force(*element)?;
                    all.push(this.json(&element)?);
                }
                Ok(all.into())
            })?,
            Value::Object(object) => self.within(|this| {
                this.check(*object)?;
                let mut all = Map::new();
                for (text, name) in this.field_names(*object, false)? {
                    let field = this.index(*object, name)?;
                    all.insert(text.to_string(), this.json(&field)?);
                }
                Ok(all.into())
            })?,
        })
    }

    /// Counts the memory of a string with its escapes, before it is written.
    pub(crate) fn take_quoted(&mut self, text: &str) -> Result<(), JsonnetError> {
        let controls = text
            .chars()
            .filter(|c| c.is_control() || matches!(c, '"' | '\\'));
        self.heap.step(text.len() as u64 / 64)?;
        self.heap
            .take(text.len() as u64 + 6 * controls.count() as u64)
    }

    /// A value as `std.toString` shows it: strings as they are, else JSON in one line.
    pub(crate) fn shown(&mut self, value: &Value) -> Result<String, JsonnetError> {
        let mut out = String::new();
        if let Value::Text(text) = value {
            out.push_str(text.as_str());
        } else {
            self.write_json(value, &ONE_LINE, "", &mut out)?;
        }
        Ok(out)
    }

    pub(crate) fn write_json(
        &mut self,
        value: &Value,
        layout: &Layout<'_>,
        indent: &str,
        out: &mut String,
    ) -> Result<(), JsonnetError> {
        let before = out.len();
        match value {
            Value::Null => out.push_str("null"),
            Value::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Value::Number(value) if layout.is_shortest => out.push_str(&number::shortest(*value)),
            Value::Number(value) => out.push_str(&number::shown(*value)),
            Value::Text(text) => {
                self.take_quoted(text.as_str())?;
                if layout.is_shortest {
                    go_quoted(text.as_str(), out);
                } else {
                    quoted(text.as_str(), out);
                }
            }
            Value::Function(_) => {
                return Err(JsonnetError::new("couldn't manifest function as JSON"));
            }
            Value::Array(elements) => {
                let deeper = format!("{indent}{}", layout.indent);
                out.push('[');
                out.push_str(layout.newline);
                self.within(|this| {
                    for (count, element) in elements.iter().enumerate() {
                        let element = this.force(*element)?;
                        begin(count, layout, &deeper, out);
                        this.write_json(&element, layout, &deeper, out)?;
                    }
                    Ok(())
                })?;
                end(elements.is_empty(), layout, indent, out);
                out.push(']');
            }
            Value::Object(object) => {
                let deeper = format!("{indent}{}", layout.indent);
                out.push('{');
                out.push_str(layout.newline);
                let names = self.field_names(*object, false)?;
                let is_empty = names.is_empty();
                self.within(|this| {
                    this.check(*object)?;
                    for (count, (text, name)) in names.into_iter().enumerate() {
                        let field = this.index(*object, name)?;
                        begin(count, layout, &deeper, out);
                        if layout.is_shortest {
                            go_quoted(&text, out);
                        } else {
                            quoted(&text, out);
                        }
                        out.push_str(layout.colon);
                        this.write_json(&field, layout, &deeper, out)?;
                    }
                    Ok(())
                })?;
                end(is_empty, layout, indent, out);
                out.push('}');
            }
        }
        self.heap.step(1)?;
        self.heap.take(out.len().saturating_sub(before) as u64)
    }
}

fn begin(count: usize, layout: &Layout<'_>, indent: &str, out: &mut String) {
    if count > 0 {
        out.push_str(layout.comma);
        out.push_str(layout.newline);
    }
    out.push_str(indent);
}

fn end(is_empty: bool, layout: &Layout<'_>, indent: &str, out: &mut String) {
    if is_empty && layout.is_spaced_when_empty {
        out.push(' ');
        return;
    }
    out.push_str(layout.newline);
    out.push_str(indent);
}

/// Compat: what go-jsonnet prints and Go reads again: an integer where it fits into 64 bits.
fn json_number(value: f64) -> Number {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    if value == value.floor() && (-BEYOND..BEYOND).contains(&value) {
        return Number::from(value as i64);
    }
    Number::from_f64(value).expect("numbers are finite")
}

/// A JSON string in go-jsonnet's escapes.
pub(crate) fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A JSON string in the escapes of Go's encoder, which `manifestJsonEx` uses.
fn go_quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0'..='\u{1f}' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
