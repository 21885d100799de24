//! What a plain scalar means: go-yaml's resolver.

use crate::Dialect;
use crate::number::{parse_float, parse_int, parse_radix, parse_uint};
use crate::timestamp::is_timestamp;

/// The long form's prefix of YAML's own tags.
const LONG: &str = "tag:yaml.org,2002:";

/// A scalar with its type.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    Text,
    /// Text that must be quoted to stay text.
    Timestamp,
    Binary,
}

impl Scalar {
    fn tag(&self) -> &'static str {
        match self {
            Self::Null => "!!null",
            Self::Bool(_) => "!!bool",
            Self::Int(_) | Self::Uint(_) => "!!int",
            Self::Float(_) => "!!float",
            Self::Text => "!!str",
            Self::Timestamp => "!!timestamp",
            Self::Binary => "!!binary",
        }
    }
}

/// A tag in its short form, such as `!!str`; a local tag as it stands.
pub(crate) fn short_tag(tag: &str) -> String {
    match tag.strip_prefix(LONG) {
        Some(rest) => format!("!!{rest}"),
        None => tag.to_owned(),
    }
}

/// Resolves a scalar with an explicit `tag`.
///
/// # Errors
/// go-yaml's sentence, where the text is not of the tag's type.
pub(crate) fn resolve_tagged(tag: &str, text: &str, dialect: Dialect) -> Result<Scalar, String> {
    let short = short_tag(tag);
    let found = match short.as_str() {
        "!!str" => return Ok(Scalar::Text),
        "!!binary" => return Ok(Scalar::Binary),
        "!!bool" | "!!int" | "!!float" | "!!null" => match resolve_plain(text, dialect) {
            Scalar::Timestamp => Scalar::Text,
            other => other,
        },
        "!!timestamp" => resolve_plain(text, dialect),
        _ => return Ok(Scalar::Text),
    };
    if found.tag() == short {
        return Ok(found);
    }
    match (short.as_str(), &found) {
        ("!!float", Scalar::Int(value)) => Ok(Scalar::Float(*value as f64)),
        _ => Err(format!(
            "cannot decode {} `{text}` as a {short}",
            found.tag()
        )),
    }
}

/// Resolves a plain scalar without a tag.
pub(crate) fn resolve_plain(text: &str, dialect: Dialect) -> Scalar {
    if let Some(word) = word(text, dialect) {
        return word;
    }
    match text.as_bytes().first() {
        Some(b'.') => parse_float(text).map_or(Scalar::Text, Scalar::Float),
        Some(b'0'..=b'9' | b'+' | b'-') => number(text),
        _ => Scalar::Text,
    }
}

fn word(text: &str, dialect: Dialect) -> Option<Scalar> {
    Some(match text {
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if dialect == Dialect::V2 => {
            Scalar::Bool(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if dialect == Dialect::V2 => {
            Scalar::Bool(false)
        }
        "" | "~" | "null" | "Null" | "NULL" => Scalar::Null,
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

fn number(text: &str) -> Scalar {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let cleaned;
    let plain = if text.contains('_') {
        cleaned = text.replace('_', "");
        cleaned.as_str()
    } else {
        text
    };
    if let Some(value) = parse_int(plain) {
        return Scalar::Int(value);
    }
    if let Some(value) = parse_uint(plain) {
        return Scalar::Uint(value);
    }
    if is_yaml_float(plain)
        && let Some(value) = parse_float(plain)
    {
        return Scalar::Float(value);
    }
    // `0b` with a sign behind it: Go's ParseInt takes that second sign.
    if let Some(digits) = plain.strip_prefix("0b") {
        return signed_binary(digits).map_or(Scalar::Text, Scalar::Int);
    }
    Scalar::Text
}

fn signed_binary(digits: &str) -> Option<i64> {
    let (negative, digits) = match digits.as_bytes().first()? {
        b'-' => (true, &digits[1..]),
        b'+' => (false, &digits[1..]),
        _ => (false, digits),
    };
    let value = i64::try_from(parse_radix(digits, 2)?).ok()?;
    Some(if negative { -value } else { value })
}

/// go-yaml's pattern: `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`.
fn is_yaml_float(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (mantissa, exponent) = match text.find(['e', 'E']) {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    };
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let mantissa_fits = match mantissa.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(mantissa),
    };
    mantissa_fits && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

/// YAML 1.1's base 60 numbers, which are text here but written in quotes for other readers.
pub(crate) fn is_base60(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':');
    let first = parts.next().unwrap_or("");
    let mut count = 0;
    let all = parts.all(|part| {
        count += 1;
        match part.as_bytes() {
            [a] => a.is_ascii_digit(),
            [a, b] => (b'0'..=b'5').contains(a) && b.is_ascii_digit(),
            _ => false,
        }
    });
    first.starts_with(|c: char| c.is_ascii_digit())
        && first.bytes().all(|b| b.is_ascii_digit() || b == b'_')
        && all
        && count > 0
        && fraction.bytes().all(|b| b.is_ascii_digit() || b == b'_')
}
