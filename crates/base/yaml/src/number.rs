//! Go's ways of writing and reading numbers.

/// The shortest digits that read back as the same number, and the decimal exponent of the first.
struct Digits {
    negative: bool,
    text: String,
    exponent: i32,
}

fn shortest(text: &str) -> Digits {
    let (negative, text) = text
        .strip_prefix('-')
        .map_or((false, text), |rest| (true, rest));
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let digits = mantissa.replace('.', "");
    Digits {
        negative,
        text: digits,
        exponent: exponent.parse().unwrap_or(0),
    }
}

/// Writes a float as `strconv.FormatFloat(v, 'g', -1, 64)` does, infinities and NaN as YAML's.
pub fn format_f64_g(value: f64) -> String {
    special(value).unwrap_or_else(|| general(&shortest(&format!("{value:e}"))))
}

/// Writes a float as `strconv.FormatFloat(v, 'g', -1, 32)` does: sigs.k8s.io/yaml's way for keys.
pub(crate) fn format_f32_g(value: f64) -> String {
    let narrow = value as f32;
    special(f64::from(narrow)).unwrap_or_else(|| general(&shortest(&format!("{narrow:e}"))))
}

/// Writes a finite float as `encoding/json` does. Infinities and NaN, which JSON cannot hold,
/// become `null`.
pub fn format_f64_json(value: f64) -> String {
    if !value.is_finite() {
        return "null".to_owned();
    }
    let digits = shortest(&format!("{value:e}"));
    let magnitude = value.abs();
    if magnitude != 0.0 && !(1e-6..1e21).contains(&magnitude) {
        let text = scientific(&digits);
        // Go cleans up e-09 to e-9.
        return match text.split_once("e-0") {
            Some((mantissa, digit)) => format!("{mantissa}e-{digit}"),
            None => text,
        };
    }
    plain(&digits)
}

fn special(value: f64) -> Option<String> {
    let text = if value.is_nan() {
        ".nan"
    } else if value == f64::INFINITY {
        ".inf"
    } else if value == f64::NEG_INFINITY {
        "-.inf"
    } else {
        return None;
    };
    Some(text.to_owned())
}

/// strconv turns to an exponent from a million on when it may choose the digits itself.
fn general(digits: &Digits) -> String {
    if digits.exponent < -4 || digits.exponent >= 6 {
        scientific(digits)
    } else {
        plain(digits)
    }
}

fn scientific(digits: &Digits) -> String {
    let (first, rest) = digits.text.split_at(1);
    let sign = if digits.negative { "-" } else { "" };
    let point = if rest.is_empty() { "" } else { "." };
    let exponent_sign = if digits.exponent < 0 { '-' } else { '+' };
    let exponent = digits.exponent.abs();
    format!("{sign}{first}{point}{rest}e{exponent_sign}{exponent:02}")
}

fn plain(digits: &Digits) -> String {
    let mut out = String::new();
    if digits.negative {
        out.push('-');
    }
    let length = digits.text.len() as i32;
    let before = digits.exponent + 1;
    if before <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', (-before) as usize));
        out.push_str(&digits.text);
    } else if before >= length {
        out.push_str(&digits.text);
        out.extend(std::iter::repeat_n('0', (before - length) as usize));
    } else {
        let (whole, rest) = digits.text.split_at(before as usize);
        out.push_str(whole);
        out.push('.');
        out.push_str(rest);
    }
    out
}

/// Reads as `strconv.ParseInt(s, 0, 64)` does: a sign, a base prefix, a leading zero for octal.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude = parse_uint(digits)?;
    if negative {
        0i64.checked_sub_unsigned(magnitude)
    } else {
        i64::try_from(magnitude).ok()
    }
}

/// Reads as `strconv.ParseUint(s, 0, 64)` does, underscores excluded.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'0') {
        return parse_radix(text, 10);
    }
    let radix = match bytes.get(1).map(u8::to_ascii_lowercase) {
        Some(b'b') if bytes.len() >= 3 => 2,
        Some(b'o') if bytes.len() >= 3 => 8,
        Some(b'x') if bytes.len() >= 3 => 16,
        None => return Some(0),
        _ => return parse_radix(&text[1..], 8),
    };
    parse_radix(&text[2..], radix)
}

/// Digits alone: no sign, no underscore.
pub(crate) fn parse_radix(text: &str, radix: u32) -> Option<u64> {
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return None;
    }
    u64::from_str_radix(text, radix).ok()
}

/// Reads as `strconv.ParseFloat` does, but for its words and hexadecimal floats; a number too
/// large is none.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if !text
        .bytes()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'))
    {
        return None;
    }
    text.parse::<f64>().ok().filter(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_strconv_prints_them() {
        for (value, g, json) in [
            (1_234_567.5, "1.2345675e+06", "1234567.5"),
            (100_000.0, "100000", "100000"),
            (1e21, "1e+21", "1e+21"),
            (1e20, "1e+20", "100000000000000000000"),
            (0.000_01, "1e-05", "0.00001"),
            (1e-7, "1e-07", "1e-7"),
            (-0.0, "-0", "-0"),
            (0.1, "0.1", "0.1"),
        ] {
            assert_eq!(format_f64_g(value), g);
            assert_eq!(format_f64_json(value), json);
        }
        assert_eq!(format_f32_g(1.1), "1.1");
    }

    #[test]
    fn integers_read_with_go_prefixes() {
        for (text, value) in [
            ("010", Some(8)),
            ("0o10", Some(8)),
            ("-0b11", Some(-3)),
            ("+0X1f", Some(31)),
            ("08", None),
            ("0x", None),
            ("0", Some(0)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("--1", None),
            ("+", None),
        ] {
            assert_eq!(parse_int(text), value, "{text}");
        }
    }
}
