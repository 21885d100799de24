//! What is said beside the data, as Go's `slog` writes it.

use super::printable;
use argosy_release::{Level, Notices};
use std::fmt::Write as _;
use std::io::Write as _;

/// Notices on standard error.
pub(super) struct Terminal;

impl Notices for Terminal {
    fn log(&self, level: Level, message: &str, fields: &[(&str, &str)]) {
        tell(&line(level, message, fields));
    }

    fn say(&self, text: &str) {
        tell(&printable(text));
    }

    fn hook_output(&self, bytes: &[u8]) {
        let text = printable(&String::from_utf8_lossy(bytes));
        // Where nobody listens, there is nothing to do about it.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}

fn tell(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A line of slog's text handler, without the time.
fn line(level: Level, message: &str, fields: &[(&str, &str)]) -> String {
    let level = match level {
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    };
    let mut out = format!("level={level} msg={}", value(message));
    for (key, text) in fields {
        write!(out, " {key}={}", value(text)).expect("writing to a text does not fail");
    }
    out
}

/// A value, quoted where it must be.
fn value(text: &str) -> String {
    let is_plain = |unit: char| match unit {
        ' ' | '=' | '"' => false,
        unit if unit.is_ascii() => !unit.is_ascii_control(),
        unit => !unit.is_whitespace() && !unit.is_control(),
    };
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    quoted(text)
}

/// Go's `strconv.Quote`.
pub(super) fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for unit in text.chars() {
        match unit {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            unit if unit.is_control() && u32::from(unit) < 0x80 => {
                write!(out, "\\x{:02x}", u32::from(unit)).expect("writing to a text does not fail");
            }
            unit if unit.is_control() => {
                write!(out, "\\u{:04x}", u32::from(unit)).expect("writing to a text does not fail");
            }
            unit => out.push(unit),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_quoted_where_slog_quotes_them() {
        let fields = [
            ("name", "web"),
            ("error", "a \"b\"\n"),
            ("none", ""),
            ("eq", "a=b"),
        ];
        assert_eq!(
            line(Level::Warn, "upgrade failed", &fields),
            "level=WARN msg=\"upgrade failed\" name=web error=\"a \\\"b\\\"\\n\" none=\"\" eq=\"a=b\""
        );
    }
}
