//! Names and identifiers nobody can guess.

use aws_lc_rs::rand;

/// Letters of generated names: no vowels, so that no words arise.
const LETTERS: &[u8; 27] = b"bcdfghjklmnpqrstvwxz2456789";
/// Generated names have no more than this, suffix included.
const NAME_MAX: usize = 63;
const SUFFIX: usize = 5;

fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).expect("the system's random source does not fail");
    bytes
}

/// A name that begins with `base`, as `generateName` asks for.
pub(crate) fn name(base: &str) -> String {
    let mut cut = base.len().min(NAME_MAX - SUFFIX);
    while !base.is_char_boundary(cut) {
        cut -= 1;
    }
    let suffix = bytes::<SUFFIX>().map(|byte| LETTERS[byte as usize % LETTERS.len()] as char);
    format!("{}{}", &base[..cut], suffix.iter().collect::<String>())
}

/// A random UUID.
pub(crate) fn uuid() -> String {
    let mut bytes = bytes::<16>();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    let hex = hex::encode(bytes);
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bases_are_cut() {
        let made = name(&"é".repeat(60));
        assert!(made.len() <= NAME_MAX);
        assert!(name("web-").starts_with("web-"));
        assert_ne!(uuid(), uuid());
    }
}
