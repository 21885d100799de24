//! Resource quantities: reading, comparing, writing canonically.

use std::cmp::Ordering;
use std::fmt;

/// A quantity, such as `100m`, `1.5Gi` or `12e6`.
///
/// Compat: apimachinery's `resource.Quantity`: values are capped at ±(2^63-1) and rounded up to a
/// nano unit; the canonical form keeps the kind of suffix that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quantity {
    /// Billionths.
    nano: i128,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Decimal,
    Exponent,
    Binary,
}

/// Why a text is no quantity.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
#[error("{0}")]
pub struct QuantityError(pub &'static str);

const BAD_FORMAT: QuantityError = QuantityError(
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
);
const BAD_SUFFIX: QuantityError = QuantityError("unable to parse quantity's suffix");
const NANO: i128 = 1_000_000_000;
const MAX: i128 = i64::MAX as i128 * NANO;
const DECIMAL: [(&str, i32); 10] = [
    ("n", -9),
    ("u", -6),
    ("m", -3),
    ("", 0),
    ("k", 3),
    ("M", 6),
    ("G", 9),
    ("T", 12),
    ("P", 15),
    ("E", 18),
];
const BINARY: [&str; 6] = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];

impl Quantity {
    /// Reads a quantity.
    ///
    /// # Errors
    /// [`QuantityError`] with upstream's text.
    pub fn parse(text: &str) -> Result<Self, QuantityError> {
        if text.is_empty() {
            return Err(BAD_FORMAT);
        }
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (number, suffix) = rest.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if fraction.contains('.') || (whole.is_empty() && fraction.is_empty()) {
            return Err(BAD_FORMAT);
        }
        let (format, exponent, factor) = suffix_of(suffix)?;
        let nano = scaled(whole, fraction, exponent, factor).min(MAX);
        Ok(Self {
            nano: if negative { -nano } else { nano },
            format,
        })
    }

    /// The value, rounded up to a whole number.
    pub fn value(&self) -> i64 {
        let up = if self.nano > 0 {
            (self.nano + NANO - 1) / NANO
        } else {
            self.nano / NANO
        };
        up as i64
    }

    /// The value in thousandths, rounded up.
    pub fn milli_value(&self) -> i64 {
        let milli = NANO / 1000;
        let up = if self.nano > 0 {
            (self.nano + milli - 1) / milli
        } else {
            self.nano / milli
        };
        i64::try_from(up).unwrap_or(if up < 0 { i64::MIN } else { i64::MAX })
    }

    /// The sum, in the left one's format.
    pub fn plus(self, other: Self) -> Self {
        Self {
            nano: (self.nano + other.nano).clamp(-MAX, MAX),
            ..self
        }
    }

    /// Rounded up, away from zero, to a thousandth, as resource lists are.
    pub fn rounded_to_milli(self) -> Self {
        let milli = NANO / 1000;
        let rest = self.nano % milli;
        let up = if rest == 0 {
            0
        } else {
            (milli - rest.abs()) * self.nano.signum()
        };
        Self {
            nano: self.nano + up,
            ..self
        }
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.nano == 0
    }
}

impl PartialOrd for Quantity {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.nano.cmp(&other.nano))
    }
}

/// Format, power of ten and factor of a suffix.
fn suffix_of(suffix: &str) -> Result<(Format, i32, i128), QuantityError> {
    if let Some((_, exponent)) = DECIMAL.iter().find(|(name, _)| *name == suffix) {
        return Ok((Format::Decimal, *exponent, 1));
    }
    if let Some(at) = BINARY.iter().position(|name| *name == suffix) {
        return Ok((Format::Binary, 0, 1 << (10 * (at + 1))));
    }
    let exponent = suffix.strip_prefix(['e', 'E']).ok_or(BAD_SUFFIX)?;
    let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    if digits.is_empty() || digits.len() > 9 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(BAD_SUFFIX);
    }
    Ok((
        Format::Exponent,
        exponent.parse().map_err(|_| BAD_SUFFIX)?,
        1,
    ))
}

/// `whole.fraction * 10^exponent * factor` in billionths, rounded up, capped above [`MAX`].
fn scaled(whole: &str, fraction: &str, exponent: i32, factor: i128) -> i128 {
    let digits: Vec<u8> = whole.bytes().chain(fraction.bytes()).collect();
    // The value is digits * 10^power billionths.
    let mut power = i64::from(exponent) + 9 - fraction.len() as i64;
    let mut value: i128 = 0;
    let mut rest = false;
    for (at, digit) in digits.iter().enumerate() {
        if value > MAX * 100 {
            // More digits only scale; what they add is below a billionth of the cap.
            rest |= digits[at..].iter().any(|d| *d != b'0');
            power += (digits.len() - at) as i64;
            break;
        }
        value = value * 10 + i128::from(digit - b'0');
    }
    if value == 0 {
        return 0;
    }
    value = value.saturating_mul(factor);
    while power > 0 && value <= MAX {
        value = value.saturating_mul(10);
        power -= 1;
    }
    while power < 0 && (value > 0) {
        rest |= value % 10 != 0;
        value /= 10;
        power += 1;
    }
    value.saturating_add(i128::from(rest))
}

impl fmt::Display for Quantity {
    /// The canonical form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.nano == 0 {
            return f.write_str("0");
        }
        let whole = self.nano % NANO == 0;
        if self.format == Format::Binary && whole && (self.nano / NANO).abs() >= 1024 {
            let mut value = self.nano / NANO;
            let mut power = 0;
            while value % 1024 == 0 && power < BINARY.len() {
                value /= 1024;
                power += 1;
            }
            let suffix = power.checked_sub(1).map_or("", |at| BINARY[at]);
            return write!(f, "{value}{suffix}");
        }
        let mut value = self.nano;
        let mut exponent = -9;
        while value % 1000 == 0 && exponent < 18 {
            value /= 1000;
            exponent += 3;
        }
        if self.format == Format::Exponent {
            return match exponent {
                0 => write!(f, "{value}"),
                exponent => write!(f, "{value}e{exponent}"),
            };
        }
        let suffix = DECIMAL
            .iter()
            .find(|(_, e)| *e == exponent)
            .map_or("", |(name, _)| name);
        write!(f, "{value}{suffix}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canonical_forms_are_upstreams() {
        for (text, canonical) in [
            ("1000m", "1"),
            ("0.5", "500m"),
            ("1.5Gi", "1536Mi"),
            ("1024Mi", "1Gi"),
            ("0.5Ki", "512"),
            ("1024", "1024"),
            ("1000", "1k"),
            ("1e3", "1e3"),
            ("100e2", "10e3"),
            ("1500000000n", "1500m"),
            ("0.0000000001", "1n"),
            ("-0.5", "-500m"),
            ("99999999999999999999999", "9223372036854775807"),
            ("00.10", "100m"),
            ("1Ei", "1Ei"),
            ("0.1Ki", "102400m"),
            ("+3", "3"),
        ] {
            assert_eq!(
                Quantity::parse(text).unwrap().to_string(),
                canonical,
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "",
            "x",
            "1.2.3",
            "1Kb",
            "1e",
            "--1",
            ".",
            "1 ",
            "1e99999999999",
        ] {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn values_round_up_and_compare() {
        let quantity = |text| Quantity::parse(text).unwrap();
        assert_eq!(quantity("100m").value(), 1);
        assert_eq!(quantity("1.5").milli_value(), 1500);
        assert!(quantity("1Gi") > quantity("1G"));
        assert_eq!(quantity("1.00001").rounded_to_milli().to_string(), "1001m");
    }
}
