//! Writes TOML as BurntSushi/toml does.

use argosy_gotmpl::{GoStr, Map, Value, format_float};

/// Writes a table as BurntSushi/toml does: plain keys first, then tables, each sorted; nested
/// tables indented by two spaces a level.
///
/// # Errors
/// The text that stands in the output where the value cannot be written.
pub(crate) fn write(value: &Value) -> Result<String, String> {
    let Value::Map(table) = value else {
        return Err("toml: top-level values must be Go maps or structs".to_owned());
    };
    let mut writer = Writer { out: String::new() };
    writer.table(&table.snapshot(), &mut Vec::new())?;
    Ok(writer.out)
}

struct Writer {
    out: String,
}

/// A list all of whose items are tables.
fn is_table_array(value: &Value) -> bool {
    match value {
        Value::List(items) => {
            !items.is_empty() && items.iter().all(|item| matches!(item, Value::Map(_)))
        }
        _ => false,
    }
}

fn is_sub_table(value: &Value) -> bool {
    matches!(value, Value::Map(_)) || is_table_array(value)
}

impl Writer {
    fn table(&mut self, table: &Map, path: &mut Vec<GoStr>) -> Result<(), String> {
        if path.len() > 200 {
            return Err("toml: tables nested too deep".to_owned());
        }
        let indent = "  ".repeat(path.len().saturating_sub(1));
        for (key, value) in table {
            if !value.is_nil() && !is_sub_table(value) {
                self.out.push_str(&format!("{indent}{} = ", key_text(key)));
                self.value(value, 0)?;
                self.out.push('\n');
            }
        }
        for (key, value) in table.iter().filter(|(_, value)| is_sub_table(value)) {
            path.push(key.clone());
            let name: Vec<String> = path.iter().map(key_text).collect();
            let name = name.join(".");
            let indent = "  ".repeat(path.len() - 1);
            match value {
                Value::Map(inner) => {
                    if path.len() == 1 && !self.out.is_empty() {
                        self.out.push('\n');
                    }
                    self.out.push_str(&format!("{indent}[{name}]\n"));
                    self.table(&inner.snapshot(), path)?;
                }
                Value::List(items) => {
                    for item in items.iter() {
                        let Value::Map(inner) = item else { continue };
                        if !self.out.is_empty() {
                            self.out.push('\n');
                        }
                        self.out.push_str(&format!("{indent}[[{name}]]\n"));
                        self.table(&inner.snapshot(), path)?;
                    }
                }
                _ => {}
            }
            path.pop();
        }
        Ok(())
    }

    fn value(&mut self, value: &Value, depth: usize) -> Result<(), String> {
        if depth > 200 {
            return Err("toml: values nested too deep".to_owned());
        }
        match value {
            Value::Nil => return Err("toml: cannot encode array with nil element".to_owned()),
            Value::Bool(flag) => self.out.push_str(&flag.to_string()),
            Value::Int(int) | Value::Int64(int) | Value::Duration(int) => {
                self.out.push_str(&int.to_string());
            }
            Value::Float(float) => self.out.push_str(&float_text(*float)),
            Value::Str(text) => self.out.push_str(&quoted(&text.lossy())),
            Value::List(items) => {
                self.out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(", ");
                    }
                    self.value(item, depth + 1)?;
                }
                self.out.push(']');
            }
            Value::Map(table) => {
                self.out.push('{');
                for (index, (key, item)) in table.snapshot().iter().enumerate() {
                    if index > 0 {
                        self.out.push_str(", ");
                    }
                    self.out.push_str(&format!("{} = ", key_text(key)));
                    self.value(item, depth + 1)?;
                }
                self.out.push('}');
            }
            other => {
                let name = argosy_gotmpl::gofmt::type_name(other);
                return Err(format!("unsupported type: {name}"));
            }
        }
        Ok(())
    }
}

/// A whole float keeps its point; great and small ones have exponents.
fn float_text(float: f64) -> String {
    if float.is_nan() {
        return "nan".into();
    }
    if float.is_infinite() {
        return if float > 0.0 { "inf" } else { "-inf" }.into();
    }
    let size = float.abs();
    if size != 0.0 && !(1e-7..1e21).contains(&size) {
        return format_float(float, b'e', None);
    }
    let text = format_float(float, b'f', None);
    if text.contains('.') {
        text
    } else {
        text + ".0"
    }
}

fn key_text(key: &GoStr) -> String {
    let bare = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !key.is_empty() && key.as_bytes().iter().all(bare) {
        key.to_string()
    } else {
        quoted(&key.lossy())
    }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for unit in text.chars() {
        match unit {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            unit if unit.is_control() => out.push_str(&format!("\\u{:04x}", unit as u32)),
            unit => out.push(unit),
        }
    }
    out.push('"');
    out
}
