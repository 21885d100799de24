//! Floating-point text as `strconv.FormatFloat` writes it and `ParseFloat`/`ParseInt` read it.

/// Formats as `strconv.FormatFloat(value, verb, precision, 64)`: the verbs are e E f g G b x X;
/// no precision means the shortest text that reads back the same.
pub fn format_float(value: f64, verb: u8, precision: Option<usize>) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "+Inf" } else { "-Inf" }.into();
    }
    match verb {
        b'e' | b'E' => exponent_form(value, verb, precision),
        b'f' | b'F' => match precision {
            Some(precision) => {
                let exact = precision.min(MOST_DIGITS);
                format!("{value:.exact$}") + &"0".repeat(precision - exact)
            }
            None => format!("{value}"),
        },
        b'g' | b'G' => general_form(value, verb, precision),
        b'b' => binary_form(value),
        b'x' | b'X' => hex_form(value, verb, precision),
        _ => format!("%{}", char::from(verb)),
    }
}

/// No float64 has more digits than this behind the point; what is asked for beyond is zeros.
const MOST_DIGITS: usize = 1_100;

/// Digits with a decimal exponent: `d.ddde±xx`, at least two exponent digits.
fn exponent_form(value: f64, verb: u8, precision: Option<usize>) -> String {
    let text = match precision {
        Some(precision) => format!("{value:.*e}", precision.min(MOST_DIGITS)),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let zeros = "0".repeat(precision.unwrap_or(0).saturating_sub(MOST_DIGITS));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!(
        "{mantissa}{zeros}{}{sign}{:02}",
        char::from(verb),
        exponent.abs()
    )
}

fn general_form(value: f64, verb: u8, precision: Option<usize>) -> String {
    let shortest = precision.is_none();
    // A precision of zero counts as one digit.
    let precision = precision.map(|precision| precision.max(1));
    let text = match precision {
        Some(precision) => format!("{value:.*e}", (precision - 1).min(MOST_DIGITS)),
        None => format!("{value:e}"),
    };
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let digit_count = mantissa.bytes().filter(u8::is_ascii_digit).count() as i32;
    let mut threshold = precision.map_or(6, |precision| precision as i32);
    let all_digits = digit_count;
    let significant = significant_digits(mantissa);
    if threshold > significant && significant > exponent {
        threshold = significant;
    }
    if shortest {
        threshold = 6;
    }
    if exponent < -4 || exponent >= threshold {
        let kept = if shortest { all_digits } else { significant };
        return exponent_form(value, verb - 2, Some((kept - 1).max(0) as usize));
    }
    let decimals = (significant - 1 - exponent).max(0) as usize;
    if shortest {
        format!("{value}")
    } else {
        rounded(value, mantissa, exponent, decimals)
    }
}

/// Digits of `d.ddd` without the zeros at its end (Go's `%g` drops them).
fn significant_digits(mantissa: &str) -> i32 {
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let zeros = digits
        .iter()
        .rev()
        .take_while(|digit| **digit == b'0')
        .count();
    (digits.len() - zeros).max(1) as i32
}

/// Writes already rounded digits in positional form.
fn rounded(value: f64, mantissa: &str, exponent: i32, decimals: usize) -> String {
    let digits: Vec<u8> = mantissa.bytes().filter(u8::is_ascii_digit).collect();
    let digit = |place: i32| {
        usize::try_from(place)
            .ok()
            .and_then(|place| digits.get(place))
            .copied()
            .unwrap_or(b'0')
    };
    let mut out = String::new();
    if value.is_sign_negative() {
        out.push('-');
    }
    if exponent < 0 {
        out.push('0');
    }
    for place in 0..=exponent.max(-1) {
        out.push(char::from(digit(place)));
    }
    if decimals > 0 {
        out.push('.');
        for place in 1..=decimals as i32 {
            out.push(char::from(digit(exponent + place)));
        }
    }
    out
}

/// Splits into sign, mantissa and binary exponent, as the value is stored.
fn parts(value: f64) -> (bool, u64, i32) {
    let bits = value.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32;
    let mantissa = bits & ((1 << 52) - 1);
    let negative = value.is_sign_negative();
    match exponent {
        0 => (negative, mantissa, 1 - 1023),
        _ => (negative, mantissa | (1 << 52), exponent - 1023),
    }
}

fn binary_form(value: f64) -> String {
    let (negative, mantissa, exponent) = parts(value);
    let sign = if negative { "-" } else { "" };
    format!("{sign}{mantissa}p{:+}", exponent - 52)
}

fn hex_form(value: f64, verb: u8, precision: Option<usize>) -> String {
    let (negative, mut mantissa, mut exponent) = parts(value);
    if mantissa == 0 {
        exponent = 0;
    }
    // The leading 1 goes to bit 60, so that 15 hexadecimal digits follow it.
    mantissa <<= 60 - 52;
    while mantissa != 0 && mantissa & (1 << 60) == 0 {
        mantissa <<= 1;
        exponent -= 1;
    }
    if let Some(precision) = precision.filter(|precision| *precision < 15) {
        let shift = precision as u32 * 4;
        let extra = (mantissa << shift) & ((1 << 60) - 1);
        mantissa >>= 60 - shift;
        if extra | (mantissa & 1) > 1 << 59 {
            mantissa += 1;
        }
        mantissa <<= 60 - shift;
        if mantissa & (1 << 61) != 0 {
            mantissa >>= 1;
            exponent += 1;
        }
    }
    let mut digits = format!("{:015x}", mantissa & ((1 << 60) - 1));
    match precision {
        Some(precision) => {
            digits.truncate(precision);
            digits.extend(std::iter::repeat_n('0', precision.saturating_sub(15)));
        }
        None => digits.truncate(digits.trim_end_matches('0').len()),
    }
    let point = if digits.is_empty() { "" } else { "." };
    let sign = if negative { "-" } else { "" };
    let power = if exponent < 0 { '-' } else { '+' };
    let lead = (mantissa >> 60) & 1;
    let text = format!("{sign}0x{lead}{point}{digits}p{power}{:02}", exponent.abs());
    if verb == b'X' {
        text.to_uppercase()
    } else {
        text
    }
}

/// A numeric constant of a template, by Go's rules for untyped constants.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Constant {
    pub int: Option<i64>,
    pub uint: Option<u64>,
    pub float: Option<f64>,
}

/// One more than the greatest `int64`.
const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;

/// Reads a numeric constant (no character constants, no imaginary parts).
pub(crate) fn parse_constant(text: &str) -> Result<Constant, String> {
    let mut constant = Constant {
        uint: parse_uint(text),
        ..Constant::default()
    };
    constant.int = parse_int(text);
    if constant.int == Some(0) {
        constant.uint = Some(0);
    }
    constant.float = match (constant.int, constant.uint) {
        (Some(int), _) => Some(int as f64),
        (None, Some(uint)) => Some(uint as f64),
        (None, None) => parse_float(text),
    };
    if constant.int.is_none() && constant.uint.is_none() {
        let Some(float) = constant.float else {
            return Err(format!(
                "illegal number syntax: {}",
                crate::quote::quote(text)
            ));
        };
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", crate::quote::quote(text)));
        }
        if float.fract() == 0.0 && (-TWO_TO_63..TWO_TO_63).contains(&float) {
            constant.int = Some(float as i64);
        }
        if float.fract() == 0.0 && (0.0..2.0 * TWO_TO_63).contains(&float) {
            constant.uint = Some(float as u64);
        }
    }
    Ok(constant)
}

/// `strconv.ParseInt(text, 0, 64)`.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let value = parse_uint(digits)?;
    if negative {
        (value <= 1 << 63).then(|| (value as i64).wrapping_neg())
    } else {
        i64::try_from(value).ok()
    }
}

/// `strconv.ParseUint(text, 0, 64)`.
pub(crate) fn parse_uint(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, &lower[..]),
    };
    let plain: String = digits.chars().filter(|digit| *digit != '_').collect();
    if plain.is_empty() || plain.starts_with(['+', '-']) || !underscores_ok(text) {
        return None;
    }
    u64::from_str_radix(&plain, radix).ok()
}

/// Whether underscores only separate digits (one may follow a base prefix).
fn underscores_ok(text: &str) -> bool {
    if !text.contains('_') {
        return true;
    }
    let bytes = text
        .trim_start_matches(['+', '-'])
        .to_ascii_lowercase()
        .into_bytes();
    let mut hex = false;
    let (mut last, mut start) = (b'^', 0);
    if let [b'0', prefix @ (b'b' | b'o' | b'x'), ..] = bytes.as_slice() {
        hex = *prefix == b'x';
        (last, start) = (b'0', 2);
    }
    for byte in &bytes[start..] {
        if byte.is_ascii_digit() || (hex && (b'a'..=b'f').contains(byte)) {
            last = b'0';
        } else if *byte == b'_' {
            if last != b'0' {
                return false;
            }
            last = b'_';
        } else {
            if last == b'_' {
                return false;
            }
            last = b'!';
        }
    }
    last != b'_'
}

/// `strconv.ParseFloat(text, 64)`, without the names of infinities.
pub(crate) fn parse_float(text: &str) -> Option<f64> {
    if !underscores_ok(text) {
        return None;
    }
    let plain: String = text.chars().filter(|byte| *byte != '_').collect();
    let (negative, digits) = match plain.as_bytes().first()? {
        b'-' => (true, &plain[1..]),
        b'+' => (false, &plain[1..]),
        _ => (false, &plain[..]),
    };
    let lower = digits.to_ascii_lowercase();
    let value = match lower.strip_prefix("0x") {
        Some(hex) => parse_hex_float(hex)?,
        None if lower.starts_with(|first: char| first.is_ascii_digit() || first == '.') => {
            lower.parse().ok().filter(|value: &f64| value.is_finite())?
        }
        None => return None,
    };
    Some(if negative { -value } else { value })
}

fn parse_hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value * 16.0 + f64::from(digit.to_digit(16)?);
    }
    let shift = i64::from(exponent) - 4 * fraction.len() as i64;
    let value = value * 2.0_f64.powi(shift.clamp(-2000, 2000) as i32);
    value.is_finite().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_print_as_go_prints_them() {
        for (value, verb, precision, text) in [
            (1_000_000.0, b'g', None, "1e+06"),
            (100_000.0, b'g', None, "100000"),
            (123_456_789.0, b'g', None, "1.23456789e+08"),
            (0.000_012_3, b'g', None, "1.23e-05"),
            (0.5, b'g', None, "0.5"),
            (3.0, b'f', Some(6), "3.000000"),
            (1234.5678, b'e', Some(3), "1.235e+03"),
            (1234.5678, b'g', Some(3), "1.23e+03"),
            (100.0, b'g', Some(3), "100"),
            (0.000_1, b'g', Some(3), "0.0001"),
            (1.0, b'x', None, "0x1p+00"),
            (1.5, b'b', None, "6755399441055744p-52"),
            (-0.0, b'g', None, "-0"),
            (2.5, b'f', Some(0), "2"),
        ] {
            assert_eq!(format_float(value, verb, precision), text);
        }
    }

    #[test]
    fn constants_follow_go_syntax() {
        assert_eq!(parse_constant("0x1F").map(|c| c.int), Ok(Some(31)));
        assert_eq!(parse_constant("1_000").map(|c| c.int), Ok(Some(1000)));
        assert_eq!(parse_constant("017").map(|c| c.int), Ok(Some(15)));
        assert_eq!(parse_constant("1e3").map(|c| c.int), Ok(Some(1000)));
        assert_eq!(parse_constant("0x1p4").map(|c| c.float), Ok(Some(16.0)));
        assert!(parse_constant("1__0").is_err());
        assert!(parse_constant("08").is_err());
        assert!(parse_constant("99999999999999999999").is_err_and(|e| e.contains("overflow")));
    }
}
