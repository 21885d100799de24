//! Bytes: UTF-8, base64 and digests.

use super::hashes::md5;
use super::{Args, Table, eager, fail, int};
use crate::error::JsonnetError;
use crate::eval::{Interpreter, Outcome, wrong_type};
use crate::value::Value;
use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};

pub(super) const TABLE: Table = &[
    eager("encodeUTF8", &["str"], |cx, a| {
        bytes(cx, a.str(0)?.as_bytes())
    }),
    eager("decodeUTF8", &["arr"], |cx, a| {
        let bytes = given(cx, a.value(0))?;
        cx.heap.text(String::from_utf8_lossy(&bytes).into_owned())
    }),
    eager("base64", &["input"], |cx, a| {
        let bytes = match a.value(0) {
            Value::Text(text) => {
                if let Some(c) = text.as_str().chars().find(|c| u32::from(*c) > 255) {
                    return fail(format!(
                        "base64 encountered invalid codepoint value in the string (must be 0 <= \
                         X <= 255), got {}",
                        u32::from(c)
                    ));
                }
                text.as_str().as_bytes().to_vec()
            }
            other => given(cx, other)?,
        };
        cx.heap.text(STANDARD.encode(bytes))
    }),
    eager("base64Decode", &["str"], |cx, a| {
        let bytes = decoded(a)?;
        cx.heap.text(String::from_utf8_lossy(&bytes).into_owned())
    }),
    eager("base64DecodeBytes", &["str"], |cx, a| {
        let decoded = decoded(a)?;
        bytes(cx, &decoded)
    }),
    eager("md5", &["s"], |cx, a| {
        hashed(cx, a, |bytes| md5(bytes).to_vec())
    }),
    eager("sha1", &["s"], |cx, a| {
        hashed(cx, a, |bytes| Sha1::digest(bytes).to_vec())
    }),
    eager("sha256", &["s"], |cx, a| {
        hashed(cx, a, |bytes| Sha256::digest(bytes).to_vec())
    }),
    eager("sha512", &["s"], |cx, a| {
        hashed(cx, a, |bytes| Sha512::digest(bytes).to_vec())
    }),
    eager("sha3", &["s"], |cx, a| {
        hashed(cx, a, |bytes| {
            digest::digest(&digest::SHA3_512, bytes).as_ref().to_vec()
        })
    }),
];

fn bytes(cx: &mut Interpreter<'_>, bytes: &[u8]) -> Outcome {
    let mut list = Vec::with_capacity(bytes.len());
    for byte in bytes {
        list.push(cx.heap.done(Value::Number(f64::from(*byte)))?);
    }
    cx.heap.list(list)
}

/// An array of numbers as bytes.
fn given(cx: &mut Interpreter<'_>, value: &Value) -> Result<Vec<u8>, JsonnetError> {
    let Value::Array(list) = value else {
        return Err(wrong_type(value, "array"));
    };
    let mut bytes = Vec::with_capacity(list.len());
    for element in list.iter() {
        let element = cx.force(*element)?;
        let number = int(&element)?;
        let Ok(byte) = u8::try_from(number) else {
            return fail(format!(
                "base64 encountered invalid codepoint value in the array (must be 0 <= X <= \
                 255), got {number}"
            ));
        };
        bytes.push(byte);
    }
    Ok(bytes)
}

fn decoded(a: Args<'_>) -> Result<Vec<u8>, JsonnetError> {
    let text = match a.value(0) {
        Value::Text(text) => text.as_str(),
        other => {
            let name = other.type_name();
            return fail(format!("base64DecodeBytes requires a string, got {name}"));
        }
    };
    if text.len() % 4 != 0 {
        return fail(format!(
            "input string appears not to be a base64 encoded string. Wrong length found ({})",
            text.len()
        ));
    }
    STANDARD
        .decode(text)
        .map_err(|error| JsonnetError::new(format!("failed to decode: {error}")))
}

fn hashed(cx: &mut Interpreter<'_>, a: Args<'_>, hash: fn(&[u8]) -> Vec<u8>) -> Outcome {
    let text = a.str(0)?;
    cx.heap.step(text.len() as u64 / 16 + 10)?;
    cx.heap.text(hex::encode(hash(text.as_bytes())))
}
