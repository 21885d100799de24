//! Randomness, all of it from the caller's environment, so that a render can be repeated.

use crate::args::{Outcome, int, string, text};
use crate::encoding::base64_text;
use crate::text::runes;
use argosy_gotmpl::{CallCx, Env, FuncError, FuncTable, Value};

const DIGITS: &str = "0123456789";
const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

pub(crate) fn add(table: FuncTable) -> FuncTable {
    table
        .with_typed("randAlphaNum", "int", |cx, a| {
            letters(cx, int(a, 0), &[DIGITS, LETTERS].concat())
        })
        .with_typed("randAlpha", "int", |cx, a| letters(cx, int(a, 0), LETTERS))
        .with_typed("randNumeric", "int", |cx, a| letters(cx, int(a, 0), DIGITS))
        .with_typed("randAscii", "int", |cx, a| {
            let printable: String = (' '..='~').collect();
            letters(cx, int(a, 0), &printable)
        })
        .with_typed("randBytes", "int", |cx, a| {
            let count = usize::try_from(int(a, 0))
                .map_err(|_| FuncError::new("runtime error: makeslice: len out of range"))?;
            cx.charge(count as u64 * 3)?;
            let mut bytes = vec![0; count];
            cx.env.random(&mut bytes);
            string(base64_text(&bytes))
        })
        .with_typed("randInt", "int, int", |cx, a| {
            let (least, end) = (int(a, 0), int(a, 1));
            let span = end.wrapping_sub(least);
            if span <= 0 {
                return Err(FuncError::new("invalid argument to Intn"));
            }
            Ok(Value::Int(below(cx.env, span as u64) as i64 + least))
        })
        .with_typed("shuffle", "string", |cx, a| {
            let mut text = runes(text(a, 0));
            for index in (1..text.len()).rev() {
                text.swap(index, below(cx.env, index as u64 + 1) as usize);
            }
            string(text.into_iter().collect::<String>())
        })
        .with_typed("uuidv4", "", |cx, _| {
            let mut bytes = [0; 16];
            cx.env.random(&mut bytes);
            bytes[6] = bytes[6] & 0x0f | 0x40;
            bytes[8] = bytes[8] & 0x3f | 0x80;
            let hex = hex::encode(bytes);
            let parts = [
                &hex[..8],
                &hex[8..12],
                &hex[12..16],
                &hex[16..20],
                &hex[20..],
            ];
            string(parts.join("-"))
        })
}

/// A number below `end`, each with equal chance.
fn below(env: &mut dyn Env, end: u64) -> u64 {
    // Numbers above the last whole multiple would favour the small ones.
    let fair = u64::MAX - u64::MAX % end;
    loop {
        let mut bytes = [0; 8];
        env.random(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number < fair {
            return number % end;
        }
    }
}

fn letters(cx: &mut CallCx<'_>, count: i64, alphabet: &str) -> Outcome {
    let Ok(count) = usize::try_from(count) else {
        return string("");
    };
    cx.charge(count as u64)?;
    let alphabet = alphabet.as_bytes();
    let text = (0..count).map(|_| alphabet[below(cx.env, alphabet.len() as u64) as usize]);
    string(text.collect::<Vec<u8>>())
}
