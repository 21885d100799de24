//! Numbers: conversions, arithmetic, ranges of integers.

use crate::args::{Outcome, VALUE_BYTES, any, int, rest, string};
use crate::cast::{parse_int, to_float, to_int};
use crate::decimal::Decimal;
use crate::text::{charge_text, go_text};
use argosy_gotmpl::{CallCx, Elem, FuncError, FuncTable, List, Value};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    let table = table
        .with_typed("atoi", "string", |_, a| {
            let text = crate::args::utf8(a, 0);
            Ok(Value::Int(atoi(&text)))
        })
        .with_typed("int64", "any", |_, a| Ok(Value::Int64(to_int(any(a, 0)))))
        .with_typed("int", "any", |_, a| Ok(Value::Int(to_int(any(a, 0)))))
        .with_typed("float64", "any", |_, a| {
            Ok(Value::Float(to_float(any(a, 0))))
        })
        .with_typed("toDecimal", "any", |cx, a| {
            charge_text(cx, a)?;
            let text = go_text(any(a, 0));
            let octal = std::str::from_utf8(&text)
                .ok()
                .and_then(|text| parse_int(text, 8));
            Ok(Value::Int64(octal.unwrap_or(0)))
        })
        .with_typed("add1", "any", |_, a| {
            Ok(Value::Int64(to_int(any(a, 0)).wrapping_add(1)))
        })
        .with_typed("add", "...any", |_, a| {
            Ok(Value::Int64(
                a.iter().map(to_int).fold(0, i64::wrapping_add),
            ))
        })
        .with_typed("sub", "any, any", |_, a| {
            Ok(Value::Int64(
                to_int(any(a, 0)).wrapping_sub(to_int(any(a, 1))),
            ))
        })
        .with_typed("mul", "any, ...any", |_, a| {
            Ok(Value::Int64(
                a.iter().map(to_int).fold(1, i64::wrapping_mul),
            ))
        })
        .with_typed("div", "any, any", |_, a| divide(a, i64::wrapping_div))
        .with_typed("mod", "any, any", |_, a| divide(a, i64::wrapping_rem))
        .with_typed("ceil", "any", |_, a| {
            Ok(Value::Float(to_float(any(a, 0)).ceil()))
        })
        .with_typed("floor", "any", |_, a| {
            Ok(Value::Float(to_float(any(a, 0)).floor()))
        })
        .with_typed("round", "any, int, ...float64", |_, a| {
            Ok(Value::Float(round(a)))
        })
        .with_typed("min", "any, ...any", |_, a| {
            Ok(Value::Int64(a.iter().map(to_int).min().unwrap_or(0)))
        })
        .with_typed("maxf", "any, ...any", |_, a| {
            Ok(Value::Float(
                a.iter().map(to_float).reduce(max_float).unwrap_or(0.0),
            ))
        })
        .with_typed("minf", "any, ...any", |_, a| {
            let negated = a.iter().map(|v| -to_float(v)).reduce(max_float);
            Ok(Value::Float(-negated.unwrap_or(0.0)))
        })
        .with_typed("until", "int", |cx, a| {
            let stop = int(a, 0);
            steps(cx, 0, stop, if stop < 0 { -1 } else { 1 })
        })
        .with_typed("untilStep", "int, int, int", |cx, a| {
            steps(cx, int(a, 0), int(a, 1), int(a, 2))
        })
        .with_typed("seq", "...int", sequence);
    let table = ["max", "biggest"].into_iter().fold(table, |table, name| {
        table.with_typed(name, "any, ...any", |_, a| {
            Ok(Value::Int64(a.iter().map(to_int).max().unwrap_or(0)))
        })
    });
    decimals(table)
}

fn decimals(table: FuncTable) -> FuncTable {
    table
        .with_typed("add1f", "any", |_, a| {
            fold(any(a, 0), &[Value::Int(1)], |l, r| Ok(l.add(r)))
        })
        .with_typed("addf", "...any", |_, a| {
            fold(&Value::Float(0.0), a, |l, r| Ok(l.add(r)))
        })
        .with_typed("subf", "any, ...any", |_, a| {
            fold(any(a, 0), rest(a, 1), |l, r| Ok(l.sub(r)))
        })
        .with_typed("mulf", "any, ...any", |_, a| {
            fold(any(a, 0), rest(a, 1), |l, r| Ok(l.mul(r)))
        })
        .with_typed("divf", "any, ...any", |_, a| {
            fold(any(a, 0), rest(a, 1), Decimal::div)
        })
}

fn fold(
    first: &Value,
    others: &[Value],
    operation: fn(&Decimal, &Decimal) -> Result<Decimal, String>,
) -> Outcome {
    let mut total = Decimal::from_float(to_float(first))?;
    for other in others {
        total = operation(&total, &Decimal::from_float(to_float(other))?)?;
    }
    Ok(Value::Float(total.to_float()))
}

/// `strconv.Atoi` with its error dropped: what is out of range is clamped.
fn atoi(text: &str) -> i64 {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return 0;
    }
    let clamped = if text.starts_with('-') {
        i64::MIN
    } else {
        i64::MAX
    };
    text.parse().unwrap_or(clamped)
}

fn divide(args: &[Value], operation: fn(i64, i64) -> i64) -> Outcome {
    match to_int(any(args, 1)) {
        0 => Err(FuncError::new("runtime error: integer divide by zero")),
        divisor => Ok(Value::Int64(operation(to_int(any(args, 0)), divisor))),
    }
}

/// `math.Max`: NaN wins, and 0 is above -0.
fn max_float(left: f64, right: f64) -> f64 {
    if left.is_infinite() && left > 0.0 || right.is_infinite() && right > 0.0 {
        return f64::INFINITY;
    }
    if left.is_nan() || right.is_nan() {
        return f64::NAN;
    }
    if left == 0.0 && left == right {
        return if left.is_sign_negative() { right } else { left };
    }
    if left > right { left } else { right }
}

fn round(args: &[Value]) -> f64 {
    let round_on = args.get(2).map_or(0.5, to_float);
    let power = 10_f64.powf(to_float(any(args, 1)));
    let digit = power * to_float(any(args, 0));
    let rounded = if digit.fract() >= round_on {
        digit.ceil()
    } else {
        digit.floor()
    };
    rounded / power
}

/// The integers from `start` to before `stop`.
fn range(cx: &mut CallCx<'_>, start: i64, stop: i64, step: i64) -> Result<Vec<i64>, FuncError> {
    if (stop < start && step >= 0) || (stop >= start && step <= 0) {
        return Ok(Vec::new());
    }
    let count = stop.abs_diff(start).div_ceil(step.unsigned_abs());
    cx.charge(count.saturating_mul(VALUE_BYTES))?;
    let next = |at: &i64| at.checked_add(step);
    let all = std::iter::successors(Some(start), next);
    Ok(all
        .take_while(|at| if step > 0 { *at < stop } else { *at > stop })
        .collect())
}

fn steps(cx: &mut CallCx<'_>, start: i64, stop: i64, step: i64) -> Outcome {
    let items = range(cx, start, stop, step)?
        .into_iter()
        .map(Value::Int)
        .collect();
    Ok(Value::List(List::typed(items, Elem::Int)))
}

fn sequence(cx: &mut CallCx<'_>, args: &[Value]) -> Outcome {
    let (start, step, end) = match args.len() {
        1 if int(args, 0) < 1 => (1, -1, int(args, 0)),
        1 => (1, 1, int(args, 0)),
        2 if int(args, 1) < int(args, 0) => (int(args, 0), -1, int(args, 1)),
        2 => (int(args, 0), 1, int(args, 1)),
        3 => (int(args, 0), int(args, 1), int(args, 2)),
        _ => return string(""),
    };
    let down = end < start;
    if args.len() == 3 && down && step > 0 {
        return string("");
    }
    let stop = end.wrapping_add(if down { -1 } else { 1 });
    let numbers = range(cx, start, stop, step)?;
    let texts: Vec<String> = numbers.iter().map(i64::to_string).collect();
    string(texts.join(" "))
}
