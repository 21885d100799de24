//! Decimal arithmetic for `addf`, `subf`, `mulf`, `divf`: exact, where floats are not.
//!
//! Compat: shopspring/decimal v1.4; division to 16 decimals, half away from zero.

use num_bigint::{BigInt, Sign};

/// `digits * 10^exponent`.
#[derive(Clone, Debug)]
pub(crate) struct Decimal {
    digits: BigInt,
    exponent: i32,
}

const DIVISION_DIGITS: i32 = 16;

impl Decimal {
    /// The decimal that a float's shortest text says.
    ///
    /// # Errors
    /// With the library's text for NaN and infinities.
    pub(crate) fn from_float(float: f64) -> Result<Self, String> {
        if !float.is_finite() {
            let name = match float {
                _ if float.is_nan() => "NaN",
                _ if float > 0.0 => "+Inf",
                _ => "-Inf",
            };
            return Err(format!("Cannot create a Decimal from {name}"));
        }
        let text = format!("{float:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}").parse().unwrap_or_default();
        let exponent = exponent.parse::<i32>().unwrap_or(0) - fraction.len() as i32;
        Ok(Self { digits, exponent })
    }

    pub(crate) fn to_float(&self) -> f64 {
        format!("{}e{}", self.digits, self.exponent)
            .parse()
            .unwrap_or(f64::NAN)
    }

    pub(crate) fn add(&self, other: &Self) -> Self {
        let (left, right, exponent) = self.aligned(other);
        Self {
            digits: left + right,
            exponent,
        }
    }

    pub(crate) fn sub(&self, other: &Self) -> Self {
        let (left, right, exponent) = self.aligned(other);
        Self {
            digits: left - right,
            exponent,
        }
    }

    pub(crate) fn mul(&self, other: &Self) -> Self {
        Self {
            digits: &self.digits * &other.digits,
            exponent: self.exponent.saturating_add(other.exponent),
        }
    }

    /// # Errors
    /// With the library's text for a division by 0.
    pub(crate) fn div(&self, other: &Self) -> Result<Self, String> {
        if other.digits.sign() == Sign::NoSign {
            return Err("decimal division by 0".into());
        }
        let (mut left, mut right) = (self.digits.clone(), other.digits.clone());
        let shift = self.exponent - other.exponent + DIVISION_DIGITS;
        if shift >= 0 {
            left *= power_of_ten(shift);
        } else {
            right *= power_of_ten(-shift);
        }
        let mut quotient = &left / &right;
        let remainder = left.clone() - &quotient * &right;
        if remainder.magnitude() * 2_u32 >= *right.magnitude() {
            let negative = (left.sign() == Sign::Minus) != (right.sign() == Sign::Minus);
            quotient += if negative { -1 } else { 1 };
        }
        Ok(Self {
            digits: quotient,
            exponent: -DIVISION_DIGITS,
        })
    }

    fn aligned(&self, other: &Self) -> (BigInt, BigInt, i32) {
        let exponent = self.exponent.min(other.exponent);
        let scaled = |d: &Self| &d.digits * power_of_ten(d.exponent - exponent);
        (scaled(self), scaled(other), exponent)
    }
}

fn power_of_ten(exponent: i32) -> BigInt {
    BigInt::from(10).pow(exponent.unsigned_abs())
}
