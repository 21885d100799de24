//! What `int`, `int64` and `float64` make of anything, as spf13/cast v1.7 does: what cannot be
//! read is 0.

use argosy_gotmpl::Value;

/// `cast.ToInt64`.
pub(crate) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(int) | Value::Int64(int) => *int,
        Value::Float(float) => float_to_int(*float),
        Value::Str(text) => text
            .as_str()
            .and_then(|text| parse_int(trim_zero_decimal(text), 0))
            .unwrap_or(0),
        Value::Bool(flag) => i64::from(*flag),
        _ => 0,
    }
}

/// `cast.ToFloat64`.
pub(crate) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(int) | Value::Int64(int) => *int as f64,
        Value::Float(float) => *float,
        Value::Str(text) => text.as_str().and_then(parse_float).unwrap_or(0.0),
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        _ => 0.0,
    }
}

/// Go's conversion on amd64: what 64 bits can't hold becomes the smallest number.
fn float_to_int(float: f64) -> i64 {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    if (-LIMIT..LIMIT).contains(&float) {
        float as i64
    } else {
        i64::MIN
    }
}

/// Cuts `.000` off.
fn trim_zero_decimal(text: &str) -> &str {
    match text.rsplit_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    }
}

/// `strconv.ParseInt`; base 0 reads prefixes and underscores.
pub(crate) fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = signed(text);
    let lower = digits.to_ascii_lowercase();
    let (base, digits) = match (base, lower.as_bytes()) {
        (0, [b'0', b'x', ..]) => (16, &lower[2..]),
        (0, [b'0', b'b', ..]) => (2, &lower[2..]),
        (0, [b'0', b'o', ..]) => (8, &lower[2..]),
        (0, [b'0', _, ..]) => (8, &lower[1..]),
        (0, _) => (10, lower.as_str()),
        (base, _) => (base, lower.as_str()),
    };
    let plain = if digits.contains('_') {
        if !underscores_fit(text) || base == 0 {
            return None;
        }
        digits.replace('_', "")
    } else {
        digits.to_owned()
    };
    if plain.is_empty() || plain.starts_with(['+', '-']) {
        return None;
    }
    let size = u64::from_str_radix(&plain, base).ok()?;
    match negative {
        true if size <= 1 << 63 => Some((size as i64).wrapping_neg()),
        true => None,
        false => i64::try_from(size).ok(),
    }
}

fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// Underscores may stand between digits and behind a base's prefix.
fn underscores_fit(text: &str) -> bool {
    let (_, text) = signed(text);
    let lower = text.to_ascii_lowercase();
    let has_prefix = ["0b", "0o", "0x"].iter().any(|p| lower.starts_with(p));
    let is_hex = lower.starts_with("0x");
    let body = if has_prefix {
        &lower.as_bytes()[2..]
    } else {
        lower.as_bytes()
    };
    let mut last = if has_prefix { b'0' } else { b'^' };
    for byte in body {
        let class = match byte {
            b'0'..=b'9' => b'0',
            b'a'..=b'f' if is_hex => b'0',
            b'_' => b'_',
            _ => b'!',
        };
        if (class == b'_' && last != b'0') || (class == b'!' && last == b'_') {
            return false;
        }
        last = class;
    }
    last != b'_'
}

/// `strconv.ParseFloat`; a number beyond the range is refused, as its error makes it 0.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    let (negative, digits) = signed(text);
    let lower = digits.to_ascii_lowercase();
    let plain = if lower.contains('_') {
        if !underscores_fit(text) {
            return None;
        }
        lower.replace('_', "")
    } else {
        lower
    };
    let size = match plain.as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" if text.len() == 3 => f64::NAN,
        other => match other.strip_prefix("0x") {
            Some(hex) => hex_float(hex)?,
            None if other.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                other.parse().ok().filter(|f: &f64| f.is_finite())?
            }
            None => return None,
        },
    };
    Some(if negative { -size } else { size })
}

fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut size = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        size = size * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = i64::from(exponent) - 4 * fraction.len() as i64;
    let size = size * 2.0_f64.powi(shift.clamp(-2200, 2200) as i32);
    size.is_finite().then_some(size)
}
