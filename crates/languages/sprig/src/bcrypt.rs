//! bcrypt, for `bcrypt` and `htpasswd`.
//!
//! Blowfish starts from the digits of pi, which are computed here rather than listed.

use num_bigint::BigUint;
use std::sync::LazyLock;

const ROUNDS: usize = 16;
const COST: u32 = 10;
const ALPHABET: &[u8; 64] = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// The longest password that Go's bcrypt takes.
const MAX_PASSWORD: usize = 72;

#[derive(Clone)]
struct Blowfish {
    keys: [u32; ROUNDS + 2],
    boxes: [[u32; 256]; 4],
}

/// The state before any key: the fraction of pi, word by word.
static INITIAL: LazyLock<Blowfish> = LazyLock::new(|| {
    let mut words = pi_words(ROUNDS + 2 + 4 * 256).into_iter();
    let mut next = || {
        words
            .next()
            .expect("as many words are computed as are used")
    };
    let mut state = Blowfish {
        keys: [0; ROUNDS + 2],
        boxes: [[0; 256]; 4],
    };
    state.keys.fill_with(&mut next);
    for table in &mut state.boxes {
        table.fill_with(&mut next);
    }
    state
});

/// The first words of pi's fraction, by Machin's formula.
fn pi_words(count: usize) -> Vec<u32> {
    const GUARD: usize = 64;
    let bits = count * 32 + GUARD;
    let arctangent = |inverse: u32| {
        let square = inverse * inverse;
        let mut power = (BigUint::from(1_u32) << bits) / inverse;
        let (mut plus, mut minus) = (BigUint::ZERO, BigUint::ZERO);
        let mut divisor = 1_u32;
        while power != BigUint::ZERO {
            let term = &power / divisor;
            if divisor % 4 == 1 {
                plus += term;
            } else {
                minus += term;
            }
            power /= square;
            divisor += 2;
        }
        plus - minus
    };
    let pi = arctangent(5) * 16_u32 - arctangent(239) * 4_u32;
    let fraction = (pi - (BigUint::from(3_u32) << bits)) >> GUARD;
    let mut words = fraction.to_u32_digits();
    words.resize(count, 0);
    words.reverse();
    words
}

impl Blowfish {
    fn encrypt(&self, [mut left, mut right]: [u32; 2]) -> [u32; 2] {
        for key in &self.keys[..ROUNDS] {
            left ^= key;
            right ^= self.mix(left);
            std::mem::swap(&mut left, &mut right);
        }
        [right ^ self.keys[ROUNDS + 1], left ^ self.keys[ROUNDS]]
    }

    fn mix(&self, word: u32) -> u32 {
        let [a, b, c, d] = word.to_be_bytes().map(usize::from);
        let [first, second, third, fourth] = &self.boxes;
        (first[a].wrapping_add(second[b]) ^ third[c]).wrapping_add(fourth[d])
    }

    fn expand(&mut self, salt: &[u32; 4], key: &[u32; ROUNDS + 2]) {
        for (word, key) in self.keys.iter_mut().zip(key) {
            *word ^= key;
        }
        let mut block = [0; 2];
        let mut turn = 0;
        let mut next = |state: &Self| {
            block = [block[0] ^ salt[turn], block[1] ^ salt[turn + 1]];
            turn = 2 - turn;
            block = state.encrypt(block);
            block
        };
        for at in (0..ROUNDS + 2).step_by(2) {
            [self.keys[at], self.keys[at + 1]] = next(self);
        }
        for table in 0..4 {
            for at in (0..256).step_by(2) {
                [self.boxes[table][at], self.boxes[table][at + 1]] = next(self);
            }
        }
    }
}

/// Hashes a password at Go's default cost.
///
/// # Errors
/// With Go's text for a password of more than 72 bytes.
pub(crate) fn hash(password: &[u8], salt: &[u8; 16]) -> Result<String, String> {
    if password.len() > MAX_PASSWORD {
        return Err("bcrypt: password length exceeds 72 bytes".into());
    }
    let salt_words: [u32; 4] = std::array::from_fn(|i| word(&salt[4 * i..]));
    // The key is the password with its terminating zero, repeated.
    let mut repeated = password.iter().copied().chain([0]).cycle();
    let key: [u32; ROUNDS + 2] = std::array::from_fn(|_| {
        (0..4).fold(0, |w, _| w << 8 | u32::from(repeated.next().unwrap_or(0)))
    });
    let mut salt_key = [0; ROUNDS + 2];
    salt_key
        .iter_mut()
        .zip(salt_words.iter().cycle())
        .for_each(|(word, salt)| *word = *salt);

    let mut state = INITIAL.clone();
    state.expand(&salt_words, &key);
    for _ in 0..1_u32 << COST {
        state.expand(&[0; 4], &key);
        state.expand(&[0; 4], &salt_key);
    }
    let mut digest = Vec::with_capacity(24);
    for chunk in b"OrpheanBeholderScryDoubt".chunks(8) {
        let mut block = [word(chunk), word(&chunk[4..])];
        for _ in 0..64 {
            block = state.encrypt(block);
        }
        digest.extend(block.iter().flat_map(|word| word.to_be_bytes()));
    }
    Ok(format!(
        "$2a${COST:02}${}{}",
        encode(salt),
        encode(&digest[..23])
    ))
}

fn word(bytes: &[u8]) -> u32 {
    bytes[..4]
        .iter()
        .fold(0, |word, byte| word << 8 | u32::from(*byte))
}

/// bcrypt's own base64.
fn encode(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for index in 0..=chunk.len() {
            out.push(char::from(
                ALPHABET[(word >> (18 - 6 * index)) as usize & 63],
            ));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pi_starts_as_pi_does() {
        assert_eq!(
            pi_words(4),
            [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]
        );
    }

    #[test]
    fn hash_is_that_of_go() {
        // golang.org/x/crypto/bcrypt accepts this hash for this password.
        let salt = *b"0123456789abcdef";
        let hash = hash("correct horse".as_bytes(), &salt).unwrap();
        assert_eq!(
            hash,
            "$2a$10$KBCwKxOzLha2MUDgW0PjXe3YWzG9nt08N08NKofFFY/Mxyb/oaUy2"
        );
    }
}
