//! `toYamlPretty`: YAML with lists indented below their keys, as go-yaml v3 writes it.

use argosy_gotmpl::{Value, format_float};
use argosy_object::Value as Json;

/// Writes a value in block style, indented by two spaces.
///
/// Compat: `goyaml.v3` with `SetIndent(2)`. Scalars are quoted by go-yaml v2's rules.
pub(crate) fn write(value: &Value) -> String {
    let mut out = String::new();
    block(&mut out, value, 0, false);
    out
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n("  ", level));
}

/// Writes a value at a level; `inline` means that its first line goes on the current one.
fn block(out: &mut String, value: &Value, level: usize, inline: bool) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            let map = map.snapshot();
            let mut keys: Vec<String> = map.keys().map(|key| key.lossy().into_owned()).collect();
            keys.sort_by(|left, right| argosy_yaml::key_order(left, right));
            for (index, key) in keys.iter().enumerate() {
                if index > 0 || !inline {
                    indent(out, level);
                }
                out.push_str(&scalar(&Value::str(key.as_str()), 0));
                out.push(':');
                let item = map.get(key.as_bytes()).cloned().unwrap_or_default();
                below(out, &item, level + 1);
            }
        }
        Value::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || !inline {
                    indent(out, level);
                }
                out.push_str("- ");
                block(out, item, level + 1, true);
            }
        }
        other => {
            out.push_str(&scalar(other, level));
            out.push('\n');
        }
    }
}

/// Writes what stands behind a key.
fn below(out: &mut String, value: &Value, level: usize) {
    match value {
        Value::Map(map) if !map.is_empty() => {
            out.push('\n');
            block(out, value, level, false);
        }
        Value::List(items) if !items.is_empty() => {
            out.push('\n');
            block(out, value, level, false);
        }
        other => {
            out.push(' ');
            out.push_str(&scalar(other, level));
            out.push('\n');
        }
    }
}

fn scalar(value: &Value, level: usize) -> String {
    match value {
        Value::Map(_) => return "{}".into(),
        Value::List(_) => return "[]".into(),
        Value::Float(float) if float.is_finite() => return format_float(*float, b'g', None),
        _ => {}
    }
    let json = value.to_json();
    let text = argosy_yaml::to_string(&json);
    let text = text.trim_end_matches('\n');
    match &json {
        // A block scalar: its lines stand below the current level.
        Json::String(whole) if whole.contains('\n') && text.starts_with('|') => {
            let mut lines = text.split('\n');
            let mut out = lines.next().unwrap_or_default().to_owned();
            for line in lines {
                out.push('\n');
                if !line.is_empty() {
                    indent(&mut out, level);
                    out.push_str(line.strip_prefix("  ").unwrap_or(line));
                }
            }
            out
        }
        // No line is folded here.
        _ if text.contains('\n') => text
            .split('\n')
            .map(str::trim_start)
            .collect::<Vec<_>>()
            .join(" "),
        _ => text.to_owned(),
    }
}
