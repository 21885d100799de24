//! `std.format`, which is also `%` on strings.

use super::fail;
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome};
use crate::value::Value;
use std::iter::Peekable;
use std::str::Chars;

/// Fields wider than this are refused before they are made.
const MAX_WIDTH: f64 = 1_000_000.0;

#[derive(Default)]
struct Code {
    key: Option<String>,
    alternate: bool,
    zero: bool,
    left: bool,
    blank: bool,
    plus: bool,
    width: Size,
    precision: Size,
    letter: char,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Size {
    #[default]
    None,
    Given(f64),
    Argument,
}

enum Part {
    Text(String),
    Code(Code),
}

/// Fills a format with the elements of an array, the fields of an object, or the one value.
pub(crate) fn format(cx: &mut Interpreter<'_>, text: &str, values: &Value) -> Outcome {
    let parts = parse(text)?;
    let mut out = String::new();
    match values {
        Value::Object(object) => {
            for part in parts {
                let code = match part {
                    Part::Text(text) => {
                        out.push_str(&text);
                        continue;
                    }
                    Part::Code(code) => code,
                };
                let Some(key) = &code.key else {
                    return fail("Mapping keys required.");
                };
                if code.width == Size::Argument {
                    return fail("Cannot use * field width with object.");
                }
                if code.precision == Size::Argument {
                    return fail("Cannot use * precision with object.");
                }
                if !cx.has(*object, key, true)? {
                    return fail(format!("No such field: {key}"));
                }
                let name = cx.names.intern(key);
                let value = cx.index(*object, name)?;
                let (width, precision) = (sized(code.width)?, sized(code.precision)?);
                put(cx, &code, &value, (width, precision), key, &mut out)?;
            }
        }
        Value::Array(list) => {
            let mut given = Vec::with_capacity(list.len());
            for element in list.iter() {
                given.push(cx.force(*element)?);
            }
            fill(cx, parts, &given, &mut out)?;
        }
        one => fill(cx, parts, std::slice::from_ref(one), &mut out)?,
    }
    cx.heap.text(out)
}

fn fill(
    cx: &mut Interpreter<'_>,
    parts: Vec<Part>,
    given: &[Value],
    out: &mut String,
) -> Result<(), JsonnetError> {
    let mut used = 0;
    let mut next = |more: &str| {
        let value = given.get(used).cloned().ok_or_else(|| {
            JsonnetError::new(format!(
                "Not enough values to format: {}, expected {more} {used}",
                given.len()
            ))
        })?;
        used += 1;
        Ok::<_, JsonnetError>(value)
    };
    for part in parts {
        let code = match part {
            Part::Text(text) => {
                out.push_str(&text);
                continue;
            }
            Part::Code(code) => code,
        };
        let mut size = |size: Size| match size {
            Size::Argument => match next("at least")? {
                Value::Number(number) => sized(Size::Given(number)),
                other => fail(format!("Format required number, got {}", other.type_name())),
            },
            size => sized(size),
        };
        let (width, precision) = (size(code.width)?, size(code.precision)?);
        let value = if code.letter == '%' {
            Value::Null
        } else {
            next("more than")?
        };
        put(cx, &code, &value, (width, precision), "", out)?;
    }
    if used < given.len() {
        return fail(format!(
            "Too many values to format: {}, expected {used}",
            given.len()
        ));
    }
    Ok(())
}

fn sized(size: Size) -> Result<Option<usize>, JsonnetError> {
    match size {
        Size::None | Size::Argument => Ok(None),
        Size::Given(number) if number > MAX_WIDTH => {
            fail(format!("a format is wider than {MAX_WIDTH}"))
        }
        Size::Given(number) => Ok(Some(number.max(0.0) as usize)),
    }
}

fn put(
    cx: &mut Interpreter<'_>,
    code: &Code,
    value: &Value,
    (width, precision): (Option<usize>, Option<usize>),
    at: &str,
    out: &mut String,
) -> Result<(), JsonnetError> {
    let width = width.unwrap_or(0);
    let text = if code.letter == '%' {
        "%".to_owned()
    } else {
        written(cx, code, value, width, precision, at)?
    };
    let missing = width.saturating_sub(text.chars().count());
    cx.heap.take((text.len() + missing) as u64)?;
    if !code.left {
        out.extend(std::iter::repeat_n(' ', missing));
    }
    out.push_str(&text);
    if code.left {
        out.extend(std::iter::repeat_n(' ', missing));
    }
    Ok(())
}

fn written(
    cx: &mut Interpreter<'_>,
    code: &Code,
    value: &Value,
    width: usize,
    precision: Option<usize>,
    at: &str,
) -> Result<String, JsonnetError> {
    let number = match (code.letter, value) {
        ('s', value) => return cx.shown(value),
        ('c', Value::Number(number)) => {
            let c = char::from_u32(*number as u32).unwrap_or('\u{fffd}');
            return Ok(c.to_string());
        }
        ('c', Value::Text(text)) if text.chars() == 1 => return Ok(text.as_str().to_owned()),
        ('c', Value::Text(text)) => {
            return fail(format!("%c expected 1-sized string got: {}", text.chars()));
        }
        ('c', other) => {
            let name = other.type_name();
            return fail(format!("%c expected number / string, got: {name}"));
        }
        (_, Value::Number(number)) => *number,
        (_, other) => {
            let name = other.type_name();
            return fail(format!("Format required number at {at}, got {name}"));
        }
    };
    let zeros = if code.zero && !code.left { width } else { 0 };
    Ok(match code.letter {
        'd' => integer(code, number, zeros, precision.unwrap_or(0), 10),
        'o' => integer(code, number, zeros, precision.unwrap_or(0), 8),
        'x' | 'X' => integer(code, number, zeros, precision.unwrap_or(0), 16),
        'f' | 'F' => decimal(code, number, zeros, true, precision.unwrap_or(6) as i64),
        'e' | 'E' => scientific(code, number, zeros, true, precision.unwrap_or(6) as i64),
        _ => general(code, number, zeros, precision.unwrap_or(6) as i64),
    })
}

fn sign(code: &Code, negative: bool) -> &'static str {
    if negative {
        "-"
    } else if code.plus {
        "+"
    } else if code.blank {
        " "
    } else {
        ""
    }
}

fn zero_filled(digits: &str, len: i64) -> String {
    let missing = usize::try_from(len - digits.len() as i64).unwrap_or(0);
    "0".repeat(missing) + digits
}

fn integer(code: &Code, number: f64, zeros: usize, least: usize, radix: u32) -> String {
    let negative = if radix == 16 {
        number.floor() < 0.0
    } else {
        number <= -1.0
    };
    let whole = if radix == 16 {
        number.floor().abs()
    } else {
        number.abs().floor()
    };
    let mut digits = if radix == 10 {
        format!("{whole:.0}")
    } else {
        in_base(whole, radix)
    };
    let prefix = match (radix, code.alternate) {
        (8, true) if whole != 0.0 => "0",
        (16, true) => "0x",
        _ => "",
    };
    if radix == 8 {
        digits.insert_str(0, prefix);
    }
    let sign = sign(code, negative);
    let taken = sign.len() + if radix == 16 { prefix.len() } else { 0 };
    let len = (zeros as i64 - taken as i64).max(least as i64);
    let digits = zero_filled(&digits, len);
    if radix != 16 {
        return format!("{sign}{digits}");
    }
    if code.letter == 'X' {
        format!("{sign}{}{}", prefix.to_uppercase(), digits.to_uppercase())
    } else {
        format!("{sign}{prefix}{digits}")
    }
}

fn in_base(mut whole: f64, radix: u32) -> String {
    if whole == 0.0 {
        return "0".into();
    }
    let base = f64::from(radix);
    let mut digits = Vec::new();
    while whole >= 1.0 {
        digits.push(char::from_digit((whole % base) as u32, radix).expect("it is below the base"));
        whole = (whole / base).floor();
    }
    digits.iter().rev().collect()
}

/// Compat: rounded as the library does it, by adding a half to the number times ten to the
/// precision, not as C does.
fn decimal(code: &Code, number: f64, zeros: usize, trailing: bool, precision: i64) -> String {
    let precision = precision.max(0);
    let scale = 10f64.powi(precision.min(308) as i32);
    let scaled = number.abs() * scale + 0.5;
    let whole = (scaled / scale).floor();
    let fraction = scaled.floor() % scale;
    let has_point = precision > 0 || code.alternate;
    let len = zeros as i64 - precision - i64::from(has_point);
    let sign = sign(code, number < 0.0);
    let digits = zero_filled(&format!("{whole:.0}"), len - sign.len() as i64);
    let mut text = format!("{sign}{digits}");
    if precision == 0 {
        if code.alternate {
            text.push('.');
        }
    } else if trailing || fraction > 0.0 {
        let digits = zero_filled(&format!("{fraction:.0}"), precision);
        text.push('.');
        text.push_str(if trailing {
            &digits
        } else {
            digits.trim_end_matches('0')
        });
    }
    text
}

fn exponent(number: f64) -> f64 {
    if number == 0.0 {
        0.0
    } else {
        (number.abs().ln() / 10f64.ln()).floor()
    }
}

fn scientific(code: &Code, number: f64, zeros: usize, trailing: bool, precision: i64) -> String {
    let exponent = exponent(number);
    let mantissa = if exponent == -324.0 {
        number * 10.0 / 10f64.powf(exponent + 1.0)
    } else {
        number / 10f64.powf(exponent)
    };
    let letter = if code.letter.is_uppercase() { 'E' } else { 'e' };
    let sign = if exponent < 0.0 { '-' } else { '+' };
    let suffix = format!("{letter}{sign}{:02}", exponent.abs());
    let zeros = zeros.saturating_sub(suffix.len());
    decimal(code, mantissa, zeros, trailing, precision) + &suffix
}

fn general(code: &Code, number: f64, zeros: usize, precision: i64) -> String {
    let exponent = exponent(number);
    if exponent < -4.0 || exponent >= precision as f64 {
        return scientific(code, number, zeros, code.alternate, precision - 1);
    }
    let before = (exponent as i64 + 1).max(1);
    decimal(code, number, zeros, code.alternate, precision - before)
}

fn parse(text: &str) -> Result<Vec<Part>, JsonnetError> {
    let mut parts = Vec::new();
    let mut plain = String::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            plain.push(c);
            continue;
        }
        if !plain.is_empty() {
            parts.push(Part::Text(std::mem::take(&mut plain)));
        }
        parts.push(Part::Code(code(&mut chars)?));
    }
    if !plain.is_empty() {
        parts.push(Part::Text(plain));
    }
    Ok(parts)
}

fn code(chars: &mut Peekable<Chars<'_>>) -> Result<Code, JsonnetError> {
    const TRUNCATED: &str = "Truncated format code.";
    let mut code = Code::default();
    if chars.next_if_eq(&'(').is_some() {
        let mut key = String::new();
        loop {
            match chars.next() {
                Some(')') => break,
                Some(c) => key.push(c),
                None => return fail(TRUNCATED),
            }
        }
        code.key = Some(key);
    }
    while let Some(flag) = chars.next_if(|c| matches!(c, '#' | '0' | '-' | ' ' | '+')) {
        match flag {
            '#' => code.alternate = true,
            '0' => code.zero = true,
            '-' => code.left = true,
            ' ' => code.blank = true,
            _ => code.plus = true,
        }
    }
    code.width = size(chars);
    if chars.next_if_eq(&'.').is_some() {
        code.precision = match size(chars) {
            Size::None => Size::Given(0.0),
            size => size,
        };
    }
    chars.next_if(|c| matches!(c, 'h' | 'l' | 'L'));
    code.letter = match chars.next() {
        None => return fail(TRUNCATED),
        Some('d' | 'i' | 'u') => 'd',
        Some(c @ ('o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'c' | 's' | '%')) => c,
        Some(other) => return fail(format!("Unrecognised conversion type: {other}")),
    };
    Ok(code)
}

fn size(chars: &mut Peekable<Chars<'_>>) -> Size {
    if chars.next_if_eq(&'*').is_some() {
        return Size::Argument;
    }
    let mut found = None;
    while let Some(digit) = chars.peek().and_then(|c| c.to_digit(10)) {
        chars.next();
        found = Some(found.unwrap_or(0.0) * 10.0 + f64::from(digit));
    }
    found.map_or(Size::None, Size::Given)
}
