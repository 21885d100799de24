//! How Go prints values inside its errors, and how it repairs text that is no UTF-8.

use crate::number::format_f64_g;
use std::collections::BTreeMap;

/// A float as `%v` prints it.
pub(crate) fn float(value: f64) -> String {
    match value {
        v if v.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        v => format_f64_g(v),
    }
}

/// A value in Go's `%#v`.
pub(crate) enum GoValue {
    Nil,
    Shown(String),
    List(Vec<GoValue>),
    Map(Vec<(GoValue, GoValue)>),
}

impl GoValue {
    /// The value with its types, as `%#v` prints it behind an interface.
    pub(crate) fn sharp(&self) -> String {
        match self {
            Self::Nil => "interface {}(nil)".to_owned(),
            Self::Shown(text) => text.clone(),
            Self::List(items) => {
                let items: Vec<String> = items.iter().map(Self::sharp).collect();
                format!("[]interface {{}}{{{}}}", items.join(", "))
            }
            Self::Map(entries) => {
                let entries: BTreeMap<String, String> = entries
                    .iter()
                    .map(|(key, value)| (key.sharp(), value.sharp()))
                    .collect();
                let entries: Vec<String> = entries
                    .iter()
                    .map(|(key, value)| format!("{key}:{value}"))
                    .collect();
                format!(
                    "map[interface {{}}]interface {{}}{{{}}}",
                    entries.join(", ")
                )
            }
        }
    }
}

/// `strconv.Quote`, for text that can be printed.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{b}' => out.push_str("\\v"),
            c if c < ' ' || c == '\u{7f}' => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The text of `bytes`, each byte that is no UTF-8 replaced by U+FFFD.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut rest = bytes;
    loop {
        match std::str::from_utf8(rest) {
            Ok(text) => {
                out.push_str(text);
                return out;
            }
            Err(error) => {
                let (valid, broken) = rest.split_at(error.valid_up_to());
                out.push_str(std::str::from_utf8(valid).unwrap_or_default());
                out.push('\u{fffd}');
                rest = &broken[1..];
            }
        }
    }
}
