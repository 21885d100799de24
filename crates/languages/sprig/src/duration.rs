//! Go's durations: `1h2m3.5s` read into nanoseconds. Writing them is the engine's.

const NANOSECOND: u64 = 1;
const MICROSECOND: u64 = 1000 * NANOSECOND;
const MILLISECOND: u64 = 1000 * MICROSECOND;
/// One second in nanoseconds.
pub const SECOND: u64 = 1000 * MILLISECOND;
/// One minute in nanoseconds.
pub const MINUTE: u64 = 60 * SECOND;
/// One hour in nanoseconds.
pub const HOUR: u64 = 60 * MINUTE;

const LARGEST: u64 = 1 << 63;

/// Reads a duration into nanoseconds.
///
/// # Errors
/// With Go's text.
pub fn parse(text: &[u8]) -> Result<i64, String> {
    let quoted = || crate::layout_quote(text);
    let invalid = || format!("time: invalid duration {}", quoted());
    let (negative, mut rest) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let (whole, digits) = leading_digits(rest);
        let whole = whole.ok_or_else(invalid)?;
        rest = &rest[digits..];
        let (mut fraction, mut scale, mut fraction_digits) = (0_u64, 1_f64, 0);
        if rest.first() == Some(&b'.') {
            rest = &rest[1..];
            (fraction, scale, fraction_digits) = leading_fraction(rest);
            rest = &rest[fraction_digits..];
        }
        if digits == 0 && fraction_digits == 0 {
            return Err(invalid());
        }
        let len = rest
            .iter()
            .take_while(|b| **b != b'.' && !b.is_ascii_digit())
            .count();
        if len == 0 {
            return Err(format!("time: missing unit in duration {}", quoted()));
        }
        let (name, after) = rest.split_at(len);
        rest = after;
        let unit = unit(name).ok_or_else(|| {
            format!(
                "time: unknown unit {} in duration {}",
                crate::layout_quote(name),
                quoted()
            )
        })?;
        if whole > LARGEST / unit {
            return Err(invalid());
        }
        let part = whole * unit + (fraction as f64 * (unit as f64 / scale)) as u64;
        total = total
            .checked_add(part)
            .filter(|t| *t <= LARGEST)
            .ok_or_else(invalid)?;
    }
    match (negative, total) {
        (true, total) => Ok((total as i64).wrapping_neg()),
        (false, LARGEST) => Err(invalid()),
        (false, total) => Ok(total as i64),
    }
}

fn unit(name: &[u8]) -> Option<u64> {
    Some(match name {
        b"ns" => NANOSECOND,
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => MICROSECOND,
        b"ms" => MILLISECOND,
        b"s" => SECOND,
        b"m" => MINUTE,
        b"h" => HOUR,
        _ => return None,
    })
}

/// The number a text starts with, `None` where it is too large, and its digits.
fn leading_digits(text: &[u8]) -> (Option<u64>, usize) {
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    let number = text[..digits].iter().try_fold(0_u64, |number, digit| {
        number
            .checked_mul(10)?
            .checked_add(u64::from(digit - b'0'))
            .filter(|n| *n <= LARGEST)
    });
    (number, digits)
}

/// Digits behind a point; those that a number can't hold any more are dropped.
fn leading_fraction(text: &[u8]) -> (u64, f64, usize) {
    let (mut number, mut scale, mut full) = (0_u64, 1_f64, false);
    let digits = text.iter().take_while(|b| b.is_ascii_digit()).count();
    for digit in &text[..digits] {
        let next = number
            .checked_mul(10)
            .and_then(|n| n.checked_add(u64::from(digit - b'0')));
        match next.filter(|n| *n <= LARGEST && !full) {
            Some(next) => {
                number = next;
                scale *= 10.0;
            }
            None => full = true,
        }
    }
    (number, scale, digits)
}
