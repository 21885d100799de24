//! Text of any value, as Go's `fmt` and sprig's `strval` give it.

use argosy_gotmpl::{CallCx, FuncError, Value};

/// What `%v` prints.
pub(crate) fn go_text(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    argosy_gotmpl::gofmt::append_value(&mut out, value);
    out
}

/// Charges the budget for what printing these values takes. Parts may be shared or go round in
/// circles, so that a small value can be endless to print.
pub(crate) fn charge_text(cx: &mut CallCx<'_>, values: &[Value]) -> Result<(), FuncError> {
    const TOO_LARGE: u64 = 1_000_000;
    for value in values {
        if matches!(value, Value::List(_) | Value::Map(_) | Value::Host(_)) {
            let weight = value.weight(TOO_LARGE);
            if weight >= TOO_LARGE {
                return Err(FuncError::limit("value is too large to be printed"));
            }
            cx.charge(weight * 16)?;
        }
    }
    Ok(())
}

/// `strval`: text as it stands, bytes as text, anything else as `%v` prints it.
pub(crate) fn strval(value: &Value) -> Vec<u8> {
    match value {
        Value::Str(text) => text.as_bytes().to_vec(),
        Value::Bytes(bytes) => bytes.to_vec(),
        other => go_text(other),
    }
}

/// `%q` of a string.
pub(crate) fn quoted(text: &[u8]) -> Vec<u8> {
    argosy_gotmpl::gofmt::sprintf("%q", &[Value::str(text.to_vec())])
        .as_bytes()
        .to_vec()
}

/// `reflect.Kind` of a value.
pub(crate) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "invalid",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Int64(_) | Value::Duration(_) => "int64",
        Value::Float(_) => "float64",
        Value::Str(_) => "string",
        Value::Bytes(_) | Value::List(_) => "slice",
        Value::Map(_) => "map",
        Value::Time(_) => "struct",
        Value::Host(host) => match host.go_type() {
            name if name.starts_with('*') => "ptr",
            name if name.starts_with("map[") => "map",
            name if name.starts_with("[]") => "slice",
            _ => match host.plain() {
                Some(Value::List(_)) => "slice",
                Some(Value::Str(_)) => "string",
                _ => "struct",
            },
        },
    }
}

/// The bytes as characters; what is no UTF-8 counts as U+FFFD, byte by byte.
pub(crate) fn runes(text: &[u8]) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        out.extend(chunk.valid().chars());
        out.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    out
}
