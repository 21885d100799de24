//! Writing JSON.

use crate::equal::{MAX_DEPTH, TOO_DEEP};
use argosy_gotmpl::{CallCx, FuncError, Value, format_float, gotime};
use base64::Engine as _;

/// How JSON is written.
#[derive(Clone, Copy)]
pub(crate) struct Style {
    pretty: bool,
    escape_html: bool,
}

impl Style {
    pub(crate) const COMPACT: Self = Self {
        pretty: false,
        escape_html: true,
    };
    pub(crate) const PRETTY: Self = Self {
        pretty: true,
        escape_html: true,
    };
    pub(crate) const RAW: Self = Self {
        pretty: false,
        escape_html: false,
    };
}

/// Writes a value. The outer error is a limit, the inner one what Go says of the value.
pub(crate) fn encode(
    cx: &mut CallCx<'_>,
    value: &Value,
    style: Style,
) -> Result<Result<Vec<u8>, String>, FuncError> {
    let mut writer = Writer {
        out: Vec::new(),
        style,
        charged: 0,
    };
    let written = writer.value(cx, value, 0)?;
    Ok(written.map(|()| writer.out))
}

type Written = Result<Result<(), String>, FuncError>;

struct Writer {
    out: Vec<u8>,
    style: Style,
    charged: usize,
}

impl Writer {
    fn value(&mut self, cx: &mut CallCx<'_>, value: &Value, depth: usize) -> Written {
        if depth > MAX_DEPTH {
            return Err(FuncError::limit(TOO_DEEP));
        }
        if self.out.len() - self.charged > 1024 {
            cx.charge((self.out.len() - self.charged) as u64)?;
            self.charged = self.out.len();
        }
        cx.charge(0)?;
        match value {
            Value::Nil => self.out.extend_from_slice(b"null"),
            Value::Bool(flag) => self
                .out
                .extend_from_slice(if *flag { b"true" } else { b"false" }),
            Value::Int(int) | Value::Int64(int) | Value::Duration(int) => {
                self.out.extend_from_slice(int.to_string().as_bytes());
            }
            Value::Float(float) => match float_text(*float) {
                Ok(text) => self.out.extend_from_slice(text.as_bytes()),
                Err(error) => return Ok(Err(error)),
            },
            Value::Str(text) => self.text(text.as_bytes()),
            Value::Bytes(bytes) => {
                let text = base64::engine::general_purpose::STANDARD.encode(bytes);
                self.text(text.as_bytes());
            }
            Value::List(list) if list.is_nil_slice() => self.out.extend_from_slice(b"null"),
            Value::List(list) => {
                let items = list.iter().map(|item| (None, item));
                return self.group(cx, [b'[', b']'], items, depth);
            }
            Value::Map(map) => {
                let entries = map.snapshot();
                let items = entries
                    .iter()
                    .map(|(key, item)| (Some(key.as_bytes()), item));
                return self.group(cx, [b'{', b'}'], items, depth);
            }
            Value::Time(time) => {
                let text = gotime::format(time, "2006-01-02T15:04:05.999999999Z07:00");
                self.text(text.as_bytes());
            }
            Value::Host(host) => {
                let plain = host.plain().unwrap_or_default();
                return self.value(cx, &plain, depth + 1);
            }
        }
        Ok(Ok(()))
    }

    fn group<'v>(
        &mut self,
        cx: &mut CallCx<'_>,
        [open, close]: [u8; 2],
        items: impl ExactSizeIterator<Item = (Option<&'v [u8]>, &'v Value)>,
        depth: usize,
    ) -> Written {
        self.out.push(open);
        let is_empty = items.len() == 0;
        for (index, (key, item)) in items.enumerate() {
            if index > 0 {
                self.out.push(b',');
            }
            self.line(depth + 1);
            if let Some(key) = key {
                self.text(key);
                self.out
                    .extend_from_slice(if self.style.pretty { b": " } else { b":" });
            }
            if let Err(error) = self.value(cx, item, depth + 1)? {
                return Ok(Err(error));
            }
        }
        if !is_empty {
            self.line(depth);
        }
        self.out.push(close);
        Ok(Ok(()))
    }

    fn line(&mut self, depth: usize) {
        if self.style.pretty {
            self.out.push(b'\n');
            self.out.extend(std::iter::repeat_n(b' ', 2 * depth));
        }
    }

    fn text(&mut self, text: &[u8]) {
        self.out.push(b'"');
        for chunk in text.utf8_chunks() {
            for only in chunk.valid().chars() {
                self.character(only);
            }
            for _ in chunk.invalid() {
                self.out.extend_from_slice(b"\\ufffd");
            }
        }
        self.out.push(b'"');
    }

    fn character(&mut self, only: char) {
        let short = match only {
            '"' => "\\\"",
            '\\' => "\\\\",
            '\u{8}' => "\\b",
            '\u{c}' => "\\f",
            '\n' => "\\n",
            '\r' => "\\r",
            '\t' => "\\t",
            '<' | '>' | '&' if self.style.escape_html => "",
            '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => "",
            plain => {
                self.out
                    .extend_from_slice(plain.encode_utf8(&mut [0; 4]).as_bytes());
                return;
            }
        };
        if short.is_empty() {
            self.out
                .extend_from_slice(format!("\\u{:04x}", u32::from(only)).as_bytes());
        } else {
            self.out.extend_from_slice(short.as_bytes());
        }
    }
}

fn float_text(float: f64) -> Result<String, String> {
    if !float.is_finite() {
        let name = format_float(float, b'g', None);
        return Err(format!("json: unsupported value: {name}"));
    }
    let size = float.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format_float(float, b'e', None);
        // e-09 is cleaned up to e-9.
        return Ok(match text.split_once("e-0") {
            Some((mantissa, digit)) => format!("{mantissa}e-{digit}"),
            None => text,
        });
    }
    Ok(format_float(float, b'f', None))
}
