//! Numbers.

use super::{Args, Table, eager, fail};
use crate::eval::{Interpreter, Outcome, checked};
use crate::value::Value;

pub(super) const TABLE: Table = &[
    eager("abs", &["n"], |_, a| one(a, f64::abs)),
    eager("ceil", &["x"], |_, a| one(a, f64::ceil)),
    eager("floor", &["x"], |_, a| one(a, f64::floor)),
    eager("round", &["x"], |_, a| one(a, f64::round)),
    eager("sqrt", &["x"], |_, a| one(a, f64::sqrt)),
    eager("sin", &["x"], |_, a| one(a, f64::sin)),
    eager("cos", &["x"], |_, a| one(a, f64::cos)),
    eager("tan", &["x"], |_, a| one(a, f64::tan)),
    eager("asin", &["x"], |_, a| one(a, f64::asin)),
    eager("acos", &["x"], |_, a| one(a, f64::acos)),
    eager("atan", &["x"], |_, a| one(a, f64::atan)),
    eager("log", &["x"], |_, a| one(a, f64::ln)),
    eager("log2", &["x"], |_, a| one(a, |x| x.ln() / 2f64.ln())),
    eager("log10", &["x"], |_, a| one(a, |x| x.ln() / 10f64.ln())),
    eager("exp", &["x"], |_, a| one(a, f64::exp)),
    eager("deg2rad", &["x"], |_, a| {
        one(a, |x| x * std::f64::consts::PI / 180.0)
    }),
    eager("rad2deg", &["x"], |_, a| {
        one(a, |x| x * 180.0 / std::f64::consts::PI)
    }),
    eager("exponent", &["x"], |_, a| one(a, |x| f64::from(split(x).1))),
    eager("mantissa", &["x"], |_, a| one(a, |x| split(x).0)),
    eager("sign", &["n"], |_, a| {
        one(a, |n| {
            if n > 0.0 {
                1.0
            } else if n < 0.0 {
                -1.0
            } else {
                0.0
            }
        })
    }),
    eager("max", &["a", "b"], |_, a| {
        two(a, |a, b| if a > b { a } else { b })
    }),
    eager("min", &["a", "b"], |_, a| {
        two(a, |a, b| if a < b { a } else { b })
    }),
    eager("pow", &["x", "n"], |_, a| two(a, f64::powf)),
    eager("hypot", &["x", "y"], |_, a| two(a, f64::hypot)),
    eager("atan2", &["y", "x"], |_, a| two(a, f64::atan2)),
    eager("modulo", &["x", "y"], modulo),
    eager("mod", &["a", "b"], |cx, a| match a.value(0) {
        Value::Text(text) => super::format(cx, text.as_str(), a.value(1)),
        _ => modulo(cx, a),
    }),
    eager("clamp", &["x", "minVal", "maxVal"], |_, a| {
        let (x, min, max) = (a.number(0)?, a.number(1)?, a.number(2)?);
        Ok(Value::Number(if x < min {
            min
        } else if x > max {
            max
        } else {
            x
        }))
    }),
    eager("isEven", &["x"], |_, a| test(a, |x| x.trunc() % 2.0 == 0.0)),
    eager("isOdd", &["x"], |_, a| test(a, |x| x.trunc() % 2.0 != 0.0)),
    eager("isInteger", &["x"], |_, a| test(a, |x| x.fract() == 0.0)),
    eager("isDecimal", &["x"], |_, a| test(a, |x| x.fract() != 0.0)),
];

fn one(args: Args<'_>, f: impl Fn(f64) -> f64) -> Outcome {
    checked(f(args.number(0)?))
}

fn two(args: Args<'_>, f: impl Fn(f64, f64) -> f64) -> Outcome {
    checked(f(args.number(0)?, args.number(1)?))
}

fn test(args: Args<'_>, f: impl Fn(f64) -> bool) -> Outcome {
    Ok(Value::Bool(f(args.number(0)?)))
}

fn modulo(_: &mut Interpreter<'_>, args: Args<'_>) -> Outcome {
    if args.number(1)? == 0.0 {
        return fail("Division by zero.");
    }
    two(args, |x, y| x % y)
}

/// A number as `mantissa * 2^exponent`, with a mantissa from a half up to one.
fn split(x: f64) -> (f64, i32) {
    const TWO_TO_54: f64 = 18_014_398_509_481_984.0;
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    // The smallest numbers have no exponent of their own until they are made larger.
    let (x, shift) = if x.abs() < f64::MIN_POSITIVE {
        (x * TWO_TO_54, -54)
    } else {
        (x, 0)
    };
    let bits = x.to_bits();
    let exponent = ((bits >> 52) & 0x7ff) as i32 - 1022;
    (
        f64::from_bits((bits & !(0x7ff << 52)) | (1022 << 52)),
        exponent + shift,
    )
}
