//! Base64 and base32 with Go's words for what can't be decoded, and checksums.

use crate::args::{string, text};
use argosy_gotmpl::FuncTable;
use base64::Engine as _;
use sha2::Digest as _;

pub(crate) fn add(table: FuncTable) -> FuncTable {
    table
        .with_typed("b64enc", "string", |_, a| string(base64_text(text(a, 0))))
        .with_typed("b64dec", "string", |_, a| {
            string(base64_bytes(text(a, 0)).unwrap_or_else(String::into_bytes))
        })
        .with_typed("b32enc", "string", |_, a| string(base32_text(text(a, 0))))
        .with_typed("b32dec", "string", |_, a| {
            string(base32_bytes(text(a, 0)).unwrap_or_else(String::into_bytes))
        })
        .with_typed("sha1sum", "string", |_, a| {
            string(hex::encode(sha1::Sha1::digest(text(a, 0))))
        })
        .with_typed("sha256sum", "string", |_, a| {
            string(hex::encode(sha2::Sha256::digest(text(a, 0))))
        })
        .with_typed("sha512sum", "string", |_, a| {
            string(hex::encode(sha2::Sha512::digest(text(a, 0))))
        })
        .with_typed("adler32sum", "string", |_, a| {
            string(adler32(text(a, 0)).to_string())
        })
}

/// Encodes in standard base64.
pub(crate) fn base64_text(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn corrupt(kind: &str, at: usize) -> String {
    format!("illegal {kind} data at input byte {at}")
}

/// Decodes standard base64; line ends are skipped, bits behind the last byte are ignored.
///
/// # Errors
/// With Go's text.
pub(crate) fn base64_bytes(text: &[u8]) -> Result<Vec<u8>, String> {
    let corrupt = |at| Err(corrupt("base64", at));
    let skip = |mut at: usize| {
        while matches!(text.get(at), Some(b'\r' | b'\n')) {
            at += 1;
        }
        at
    };
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut at = 0;
    loop {
        let (mut word, mut count) = (0_u32, 0);
        while count < 4 {
            at = skip(at);
            let Some(byte) = text.get(at) else {
                return if count == 0 {
                    Ok(out)
                } else {
                    corrupt(at - count)
                };
            };
            at += 1;
            let Some(sextet) = sextet(*byte) else {
                if *byte != b'=' || count < 2 {
                    return corrupt(at - 1);
                }
                if count == 2 {
                    at = skip(at);
                    match text.get(at) {
                        None => return corrupt(text.len()),
                        Some(b'=') => at += 1,
                        Some(_) => return corrupt(at - 1),
                    }
                }
                at = skip(at);
                if at < text.len() {
                    return corrupt(at);
                }
                word <<= 6 * (4 - count);
                out.extend_from_slice(&word.to_be_bytes()[1..count]);
                return Ok(out);
            };
            word = word << 6 | u32::from(sextet);
            count += 1;
        }
        out.extend_from_slice(&word.to_be_bytes()[1..]);
    }
}

fn sextet(byte: u8) -> Option<u8> {
    Some(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    })
}

fn base32_text(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(5) * 8);
    for chunk in bytes.chunks(5) {
        let word = chunk
            .iter()
            .fold(0_u64, |word, byte| word << 8 | u64::from(*byte))
            << (8 * (5 - chunk.len()));
        let letters = (chunk.len() * 8).div_ceil(5);
        for index in 0..8 {
            let letter = BASE32[(word >> (35 - 5 * index)) as usize & 31];
            out.push(if index < letters {
                char::from(letter)
            } else {
                '='
            });
        }
    }
    out
}

fn base32_bytes(text: &[u8]) -> Result<Vec<u8>, String> {
    let text: Vec<u8> = text
        .iter()
        .copied()
        .filter(|b| !matches!(b, b'\r' | b'\n'))
        .collect();
    let corrupt = |at| Err(corrupt("base32", at));
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    let mut at = 0;
    while at < text.len() {
        let (mut word, mut count) = (0_u64, 0);
        let mut ends = false;
        while count < 8 {
            let Some(byte) = text.get(at) else {
                return corrupt(at - count);
            };
            at += 1;
            let left = text.len() - at;
            if *byte == b'=' && count >= 2 && left < 8 {
                if left + count < 7 {
                    return corrupt(text.len());
                }
                for k in 0..7 - count {
                    if text.get(at + k).is_some_and(|b| *b != b'=') {
                        return corrupt(at + k - 1);
                    }
                }
                if matches!(count, 3 | 6) {
                    return corrupt(at - 1);
                }
                ends = true;
                break;
            }
            let Some(digit) = BASE32.iter().position(|b| b == byte) else {
                return corrupt(at - 1);
            };
            word = word << 5 | digit as u64;
            count += 1;
        }
        let bytes = (word << (5 * (8 - count))).to_be_bytes();
        out.extend_from_slice(&bytes[3..3 + count * 5 / 8]);
        if ends {
            break;
        }
    }
    Ok(out)
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1_u32, 0_u32), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65521;
        (low, (high + low) % 65521)
    });
    high << 16 | low
}
