//! Signatures and tokens, compared in a time that tells nothing.

use sha2::{Digest as _, Sha256};

/// The block of SHA-256, in bytes.
const BLOCK: usize = 64;

/// HMAC-SHA256, RFC 2104.
fn hmac(secret: &[u8], message: &[u8]) -> [u8; 32] {
    let mut key = [0; BLOCK];
    if secret.len() > BLOCK {
        key[..32].copy_from_slice(&Sha256::digest(secret));
    } else {
        key[..secret.len()].copy_from_slice(secret);
    }
    let keyed = |pad: u8| {
        let mut hash = Sha256::new();
        hash.update(key.map(|byte| byte ^ pad));
        hash
    };
    let mut inner = keyed(0x36);
    inner.update(message);
    let mut outer = keyed(0x5c);
    outer.update(inner.finalize());
    outer.finalize().into()
}

/// Whether a header holds the HMAC-SHA256 of a body in hexadecimal digits, with or without
/// `sha256=` before it.
pub(super) fn is_hmac(secret: &str, body: &[u8], header: &str) -> bool {
    let digits = header.strip_prefix("sha256=").unwrap_or(header).trim();
    let Ok(given) = hex::decode(digits) else {
        return false;
    };
    is_equal(&given, &hmac(secret.as_bytes(), body))
}

/// Whether two tokens are the same; their lengths are not told either.
pub(super) fn is_same(given: &str, wanted: &str) -> bool {
    is_equal(
        &Sha256::digest(given.as_bytes()),
        &Sha256::digest(wanted.as_bytes()),
    )
}

fn is_equal(given: &[u8], wanted: &[u8]) -> bool {
    given.len() == wanted.len()
        && given
            .iter()
            .zip(wanted)
            .fold(0, |sum, (a, b)| sum | (a ^ b))
            == 0
}

#[cfg(test)]
pub(super) fn signature(secret: &str, body: &[u8]) -> String {
    hex::encode(hmac(secret.as_bytes(), body))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hmac_agrees_with_the_vectors_of_rfc_4231() {
        for (key, data, wanted) in [
            (
                vec![0x0b; 20],
                b"Hi There".to_vec(),
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?".to_vec(),
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First".to_vec(),
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
        ] {
            assert_eq!(hex::encode(hmac(&key, &data)), wanted);
        }
    }

    #[test]
    fn only_the_right_signature_is_one() {
        let right = signature("s", b"body");
        assert!(is_hmac("s", b"body", &right));
        assert!(is_hmac("s", b"body", &format!("sha256={right}")));
        for wrong in [
            "",
            "sha256=",
            "00",
            &right[2..],
            &right.replace('a', "b"),
            "zz",
        ] {
            let same = wrong == right;
            assert_eq!(is_hmac("s", b"body", wrong), same, "{wrong}");
        }
        assert!(!is_hmac("t", b"body", &right));
        assert!(!is_hmac("s", b"bodx", &right));
    }
}
