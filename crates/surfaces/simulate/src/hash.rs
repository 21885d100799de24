//! The short hashes in names: equal input, equal name.

use argosy_object::Value;

/// Letters that make no words and are safe in names.
const LETTERS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A name's suffix from a tree, up to ten characters, as `pod-template-hash` has it.
pub fn of(value: &Value, salt: i64) -> String {
    let mut hash = fnv(value.to_string().as_bytes());
    if salt > 0 {
        hash ^= fnv(&salt.to_le_bytes());
    }
    let decimal = (hash >> 32 ^ hash & 0xffff_ffff).to_string();
    decimal
        .bytes()
        .map(|b| char::from(LETTERS[usize::from(b) % LETTERS.len()]))
        .collect()
}

/// Some characters from a seed and a counter, for names that the server does not make.
pub fn suffix(seed: &str, count: usize) -> String {
    let mut hash = fnv(seed.as_bytes());
    let mut out = String::with_capacity(count);
    for _ in 0..count {
        out.push(char::from(LETTERS[(hash % LETTERS.len() as u64) as usize]));
        hash /= LETTERS.len() as u64;
    }
    out
}

/// FNV-1a.
pub fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
