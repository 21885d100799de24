//! JSON as Go's encoding/json writes it.

use crate::number::format_f64_json;
use argosy_object::Value;

/// Writes compact JSON as `json.Marshal` does: keys sorted, `<`, `>`, `&` and the two line
/// separators escaped, numbers in Go's spelling.
pub fn write_json_go(value: &Value) -> String {
    write_json(value, true)
}

/// [`write_json_go`] with or without the escapes for HTML (`Encoder.SetEscapeHTML`).
pub fn write_json(value: &Value, escape_html: bool) -> String {
    let mut out = String::new();
    write(value, escape_html, &mut out);
    out
}

fn write(value: &Value, escape_html: bool, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => match number.as_f64() {
            Some(float) if number.is_f64() => out.push_str(&format_f64_json(float)),
            _ => out.push_str(&number.to_string()),
        },
        Value::String(text) => write_text(text, escape_html, out),
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, escape_html, out);
            }
            out.push(']');
        }
        Value::Object(map) => {
            out.push('{');
            for (index, (key, value)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write_text(key, escape_html, out);
                out.push(':');
                write(value, escape_html, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, escape_html: bool, out: &mut String) {
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
            '<' | '>' | '&' if !escape_html => out.push(c),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::json;

    #[test]
    fn html_and_separators_are_escaped() {
        let value = json!({"b": "<a & b>\u{2028}\u{1}", "a": [1, 1.0, 1e21, null, true]});
        assert_eq!(
            write_json_go(&value),
            "{\"a\":[1,1,1e+21,null,true],\"b\":\"\\u003ca \\u0026 b\\u003e\\u2028\\u0001\"}"
        );
        assert_eq!(write_json(&json!("<&>"), false), "\"<&>\"");
    }
}
