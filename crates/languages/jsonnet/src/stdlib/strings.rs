//! Strings are cut, searched and changed.

use super::{Args, Table, eager, fail};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome, wrong_type};
use crate::value::Value;

pub(super) const TABLE: Table = &[
    eager("substr", &["str", "from", "len"], substr),
    eager("startsWith", &["a", "b"], |_, a| starts(a, true)),
    eager("endsWith", &["a", "b"], |_, a| starts(a, false)),
    eager("stripChars", &["str", "chars"], |cx, a| {
        strip(cx, a, true, true)
    }),
    eager("lstripChars", &["str", "chars"], |cx, a| {
        strip(cx, a, true, false)
    }),
    eager("rstripChars", &["str", "chars"], |cx, a| {
        strip(cx, a, false, true)
    }),
    eager("trim", &["str"], |cx, a| {
        let is_space = |c: char| c.is_whitespace() && c != '\u{2028}' || c == '\u{2028}';
        cx.heap.text(a.str(0)?.trim_matches(is_space).to_owned())
    }),
    eager("split", &["str", "c"], |cx, a| {
        split(cx, a.str(0)?, a.str(1)?, -1, false)
    }),
    eager("splitLimit", &["str", "c", "maxsplits"], |cx, a| {
        split(cx, a.str(0)?, a.str(1)?, a.int(2)?, false)
    }),
    eager("splitLimitR", &["str", "c", "maxsplits"], |cx, a| {
        split(cx, a.str(0)?, a.str(1)?, a.int(2)?, true)
    }),
    eager("strReplace", &["str", "from", "to"], replace),
    eager("findSubstr", &["pat", "str"], find),
    eager("isEmpty", &["str"], |_, a| {
        Ok(Value::Bool(a.str(0)?.is_empty()))
    }),
    eager("equalsIgnoreCase", &["str1", "str2"], |cx, a| {
        let (left, right) = (a.str(0)?, a.str(1)?);
        cx.heap.step((left.len() / 16) as u64)?;
        Ok(Value::Bool(left.to_lowercase() == right.to_lowercase()))
    }),
    eager("asciiUpper", &["str"], |cx, a| {
        cx.heap.text(a.str(0)?.to_ascii_uppercase())
    }),
    eager("asciiLower", &["str"], |cx, a| {
        cx.heap.text(a.str(0)?.to_ascii_lowercase())
    }),
    eager("stringChars", &["str"], |cx, a| {
        a.text(0)?;
        super::elements(cx, a.value(0)).map(Value::Array)
    }),
    eager("format", &["str", "vals"], |cx, a| {
        super::format(cx, a.str(0)?, a.value(1))
    }),
    eager("char", &["n"], |_, a| {
        let code = a.number(0)?;
        match char::from_u32(code as u32) {
            Some(c) if code >= 0.0 && code <= f64::from(u32::MAX) => Ok(Value::from(c.to_string())),
            // Compat: what is no character becomes Go's replacement for it.
            _ if (0.0..=1_114_111.0).contains(&code) => Ok(Value::text("\u{fffd}")),
            _ => fail(format!("Invalid unicode codepoint, got {code}")),
        }
    }),
    eager("codepoint", &["str"], |_, a| {
        let text = a.text(0)?;
        match text.as_str().chars().next() {
            Some(c) if text.chars() == 1 => Ok(Value::Number(f64::from(u32::from(c)))),
            _ => fail(format!(
                "codepoint takes a string of length 1, got length {}",
                text.chars()
            )),
        }
    }),
    eager("resolvePath", &["f", "r"], |cx, a| {
        let (file, relative) = (a.str(0)?, a.str(1)?);
        let dir = file.rfind('/').map_or("", |at| &file[..=at]);
        cx.heap.text(format!("{dir}{relative}"))
    }),
];

fn substr(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let text = match a.value(0) {
        Value::Text(text) => text,
        other => {
            return fail(format!(
                "substr first parameter should be a string, got {}",
                other.type_name()
            ));
        }
    };
    let bound = |at: usize, which: &str| match a.value(at) {
        Value::Number(number) if number.fract() != 0.0 => fail(format!(
            "substr {which} parameter should be an integer, got {number:.6}"
        )),
        Value::Number(number) if *number < 0.0 => fail(format!(
            "substr {which} parameter should be greater than zero, got {number:.6}"
        )),
        Value::Number(number) => Ok(*number as usize),
        other => fail(format!(
            "substr {which} parameter should be a number, got {}",
            other.type_name()
        )),
    };
    let (from, len) = (bound(1, "second")?, bound(2, "third")?);
    cx.heap
        .text(text.slice(from, from.saturating_add(len)).to_owned())
}

/// Compat: for arrays too, as `std.startsWith` is written.
fn starts(a: Args<'_>, at_start: bool) -> Outcome {
    let (text, part) = (a.str(0)?, a.str(1)?);
    Ok(Value::Bool(if at_start {
        text.starts_with(part)
    } else {
        text.ends_with(part)
    }))
}

fn strip(cx: &mut Interpreter<'_>, a: Args<'_>, left: bool, right: bool) -> Outcome {
    let mut text = a.str(0)?;
    // An array of strings is as good as a string of characters.
    let set: String = match a.value(1) {
        Value::Text(set) => set.as_str().to_owned(),
        Value::Array(list) => {
            let mut set = String::new();
            for element in list.iter() {
                if let Value::Text(c) = cx.force(*element)? {
                    if c.chars() == 1 {
                        set.push_str(c.as_str());
                    }
                }
            }
            set
        }
        other => return Err(wrong_type(other, "string")),
    };
    let set: std::collections::HashSet<char> = set.chars().collect();
    if left {
        text = text.trim_start_matches(|c| set.contains(&c));
    }
    if right {
        text = text.trim_end_matches(|c| set.contains(&c));
    }
    cx.heap.text(text.to_owned())
}

/// At most `limit` cuts, or all where it is -1; from the right where `from_right`.
fn split(
    cx: &mut Interpreter<'_>,
    text: &str,
    separator: &str,
    limit: i64,
    from_right: bool,
) -> Outcome {
    let name = if from_right {
        "std.splitLimitR"
    } else {
        "std.splitLimit"
    };
    if limit < -1 {
        return fail(format!(
            "{name} third parameter should be -1 or non-negative, got {limit}"
        ));
    }
    if separator.is_empty() {
        return fail(format!(
            "{name} second parameter should have length 1 or greater, got 0"
        ));
    }
    let most = usize::try_from(limit).map_or(usize::MAX, |limit| limit + 1);
    let mut list = Vec::new();
    let mut add = |part: &str| {
        let part = cx.heap.text(part.to_owned())?;
        list.push(cx.heap.done(part)?);
        Ok::<(), JsonnetError>(())
    };
    if from_right {
        text.rsplitn(most, separator).try_for_each(&mut add)?;
        list.reverse();
    } else {
        text.splitn(most, separator).try_for_each(&mut add)?;
    }
    cx.heap.list(list)
}

fn replace(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let (text, from, to) = (a.str(0)?, a.str(1)?, a.str(2)?);
    if from.is_empty() {
        return fail("'from' string must not be zero length.");
    }
    // Counted before it is made.
    let grown = text.matches(from).count() as u64 * to.len() as u64;
    cx.heap.step((text.len() / 64) as u64)?;
    cx.heap.take(grown)?;
    cx.heap.text(text.replace(from, to))
}

/// Where a part begins, counted in characters; places may overlap.
fn find(cx: &mut Interpreter<'_>, a: Args<'_>) -> Outcome {
    let (part, text) = (a.text(0)?, a.text(1)?);
    let mut list = Vec::new();
    if part.chars() > 0 {
        for (at, (byte, _)) in text.as_str().char_indices().enumerate() {
            cx.heap.step(1)?;
            if text.as_str()[byte..].starts_with(part.as_str()) {
                list.push(cx.heap.done(Value::Number(at as f64))?);
            }
        }
    }
    cx.heap.list(list)
}

/// A number written in a base.
pub(super) fn digits(text: &str, radix: u32, what: &str) -> Result<f64, JsonnetError> {
    let mut value = 0.0;
    for c in text.chars() {
        let Some(digit) = c.to_digit(radix) else {
            return fail(format!("\"{text}\" is not a base {radix} integer"));
        };
        value = value * f64::from(radix) + f64::from(digit);
    }
    if text.is_empty() {
        return fail(format!("Not {what}: \"\""));
    }
    Ok(value)
}
