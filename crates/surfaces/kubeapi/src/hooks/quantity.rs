//! Resource quantities, as far as hooks compare them.

/// A quantity in thousandths of a thousandth of a thousandth: exact for every suffix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Quantity(i128);

const NANO: i128 = 1_000_000_000;

impl Quantity {
    /// Reads `100m`, `1.5Gi`, `2e3`; `None` for what is no quantity. Values beyond what an
    /// `i128` holds are cut off there.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (sign, rest) = match text.strip_prefix('-') {
            Some(rest) => (-1, rest),
            None => (1, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let (digits, suffix) = rest.split_at(end);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || digits.len() > 60 {
            return None;
        }
        let factor = factor(suffix)?;
        let mut value: i128 = 0;
        for digit in whole.bytes() {
            value = value
                .saturating_mul(10)
                .saturating_add(i128::from(digit - b'0'));
        }
        let mut nanos = value.saturating_mul(factor);
        let mut unit = factor;
        for digit in fraction.bytes() {
            unit /= 10;
            nanos = nanos.saturating_add(unit.saturating_mul(i128::from(digit - b'0')));
        }
        Some(Self(nanos.saturating_mul(sign)))
    }

    /// Reads a JSON value: text or number.
    pub fn read(value: &argosy_object::Value) -> Option<Self> {
        match value {
            argosy_object::Value::String(text) => Self::parse(text),
            argosy_object::Value::Number(number) => Self::parse(&number.to_string()),
            _ => None,
        }
    }

    /// Whether it is below zero.
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

fn factor(suffix: &str) -> Option<i128> {
    let binary = |power: u32| Some(NANO << (10 * power));
    match suffix {
        "n" => Some(1),
        "u" => Some(1_000),
        "m" => Some(1_000_000),
        "" => Some(NANO),
        "k" => Some(NANO * 1_000),
        "M" => Some(NANO * 1_000_000),
        "G" => Some(NANO * NANO),
        "T" => Some(NANO * NANO * 1_000),
        "P" => Some(NANO * NANO * 1_000_000),
        "E" => Some(NANO * NANO * NANO),
        "Ki" => binary(1),
        "Mi" => binary(2),
        "Gi" => binary(3),
        "Ti" => binary(4),
        "Pi" => binary(5),
        "Ei" => binary(6),
        other => {
            let power: i32 = other.strip_prefix(['e', 'E'])?.parse().ok()?;
            let shift = u32::try_from(power.checked_add(9)?)
                .ok()
                .filter(|p| *p <= 30)?;
            Some(10_i128.pow(shift))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_compare_exactly() {
        let q = |text| Quantity::parse(text).unwrap();
        assert_eq!(q("1000m"), q("1"));
        assert_eq!(q("1Ki"), q("1024"));
        assert_eq!(q("1.5Gi"), q("1536Mi"));
        assert_eq!(q("2e3"), q("2k"));
        assert!(q("100m") < q("0.2"));
        assert!(q("-1").is_negative());
        for junk in ["", "x", "1.2.3", "1Zi", "--1", "e3", "1e99", "."] {
            assert_eq!(Quantity::parse(junk), None, "{junk}");
        }
    }
}
