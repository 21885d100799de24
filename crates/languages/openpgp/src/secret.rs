//! Secret keys, and texts signed by them.

use crate::PgpError;
use crate::armor::encode;
use crate::packet::{Cursor, next};
use crate::signature::{Material, PublicKey, padded};
use aws_lc_rs::cipher::{
    AES_128, AES_192, AES_256, DecryptionContext, StreamingDecryptingKey, UnboundCipherKey,
};
use aws_lc_rs::digest::{self, Algorithm, Context, digest};
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA512};
use num_bigint::BigUint;

/// Most octets that a passphrase is stretched to. Compat: the format's own end.
const MAX_STRETCH: usize = 65_011_712;
const SHA512: u8 = 10;
const INVALID: PgpError = PgpError::Invalid("a secret key that cannot be read");

/// Secret keys with their owners.
#[derive(Default)]
pub struct SecretKeyring {
    keys: Vec<SecretKey>,
}

/// A primary key that signs.
pub struct SecretKey {
    identities: Vec<String>,
    public: PublicKey,
    /// What follows the public part; nothing for a key that is public only.
    locked: Option<Vec<u8>>,
}

/// Why no key was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChoiceError {
    /// There is none of that name.
    #[error("private key not found")]
    NotFound,
    /// There are several.
    #[error("more than one key contain the id {0:?}")]
    Vague(String),
    /// There is the public key only.
    #[error("provided key is not a private key. Try providing a keyring with secret keys")]
    Public,
}

impl SecretKeyring {
    /// Reads a keyring: packets, or armored blocks of secret keys.
    ///
    /// # Errors
    /// [`PgpError::Invalid`] for what is none. Keys of a kind that is not known are left out.
    pub fn parse(data: &[u8]) -> Result<Self, PgpError> {
        let text = std::str::from_utf8(data).ok();
        let armored = text.filter(|text| text.contains("-----BEGIN PGP PRIVATE KEY BLOCK-----"));
        let decoded;
        let data = match armored {
            Some(text) => {
                decoded = crate::armor::decode(text, "PRIVATE KEY BLOCK")?;
                &decoded
            }
            None => data,
        };
        let mut ring = Self::default();
        let mut cursor = Cursor(data);
        let mut is_known = false;
        while let Some(packet) = next(&mut cursor)? {
            match packet.tag {
                5 | 6 => {
                    is_known = false;
                    let Ok((public, rest)) = PublicKey::parse_start(packet.body) else {
                        continue;
                    };
                    is_known = true;
                    ring.keys.push(SecretKey {
                        identities: Vec::new(),
                        public,
                        locked: (packet.tag == 5).then(|| rest.to_vec()),
                    });
                }
                13 if is_known => {
                    if let Some(key) = ring.keys.last_mut() {
                        let name = String::from_utf8_lossy(packet.body).into_owned();
                        key.identities.push(name);
                    }
                }
                _ => {}
            }
        }
        Ok(ring)
    }

    /// The key of a name, or the only one whose name contains it.
    ///
    /// # Errors
    /// [`ChoiceError`] in helm's words.
    pub fn choose(&self, name: &str) -> Result<&SecretKey, ChoiceError> {
        let exact = self
            .keys
            .iter()
            .find(|key| key.identities.iter().any(|known| known == name));
        let mut like = self
            .keys
            .iter()
            .filter(|key| key.identities.iter().any(|known| known.contains(name)));
        let key = match (exact, like.next(), like.next()) {
            (Some(key), _, _) | (None, Some(key), None) => key,
            (None, Some(_), Some(_)) => return Err(ChoiceError::Vague(name.to_owned())),
            (None, None, _) => return Err(ChoiceError::NotFound),
        };
        if key.locked.is_none() {
            return Err(ChoiceError::Public);
        }
        Ok(key)
    }
}

impl SecretKey {
    /// Whether it is kept under a passphrase.
    pub fn is_locked(&self) -> bool {
        self.locked
            .as_ref()
            .is_some_and(|body| body.first() != Some(&0))
    }

    /// Signs a text at the time `now`, in seconds since 1970, in clear.
    ///
    /// # Errors
    /// [`PgpError`]: a wrong passphrase, a kind of key or of protection that we do not know.
    pub fn clear_sign(&self, text: &str, passphrase: &[u8], now: u64) -> Result<String, PgpError> {
        let numbers = self.unlocked(passphrase)?;
        let lines: Vec<&str> = text
            .split('\n')
            .map(|line| line.trim_end_matches([' ', '\t', '\r']))
            .collect();
        let mut message = lines.join("\r\n").into_bytes();
        let (algorithm, _) = self.public.algorithm();
        let mut signed = vec![4, 1, algorithm, SHA512];
        let mut subpackets = vec![5, 2];
        subpackets.extend((now as u32).to_be_bytes());
        subpackets.extend([22, 33, 4]);
        subpackets.extend(self.public.fingerprint);
        subpackets.extend([9, 16]);
        subpackets.extend(self.public.id());
        signed.extend((subpackets.len() as u16).to_be_bytes());
        signed.extend(&subpackets);
        let length = signed.len() as u32;
        message.extend(&signed);
        message.extend([4, 0xff]);
        message.extend(length.to_be_bytes());
        let sum = digest(&digest::SHA512, &message);
        let mut body = signed;
        body.extend([0, 0]);
        body.extend(&sum.as_ref()[..2]);
        body.extend(self.sign(&numbers, &message, sum.as_ref())?);
        let mut packet = vec![0xc2, 0xff];
        packet.extend((body.len() as u32).to_be_bytes());
        packet.extend(body);
        let shown: Vec<String> = text
            .split('\n')
            .map(|line| {
                if line.starts_with('-') {
                    format!("- {line}")
                } else {
                    line.to_owned()
                }
            })
            .collect();
        Ok(format!(
            "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{}\n{}",
            shown.join("\n"),
            encode(&packet, "SIGNATURE")
        ))
    }

    fn sign(&self, numbers: &[u8], message: &[u8], sum: &[u8]) -> Result<Vec<u8>, PgpError> {
        let mut cursor = Cursor(numbers);
        match self.public.algorithm() {
            (_, Material::Rsa { modulus, exponent }) => {
                let [d, p, q, u] = [cursor.mpi()?, cursor.mpi()?, cursor.mpi()?, cursor.mpi()?];
                let key = rsa_key(modulus, exponent, [d, p, q, u])?;
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA512,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map_err(|_| INVALID)?;
                Ok(mpi(&signature))
            }
            (22, Material::Ed25519 { point }) => {
                let seed = padded(cursor.mpi()?, 32)?;
                let key = Ed25519KeyPair::from_seed_and_public_key(&seed, point);
                let signature = key.map_err(|_| INVALID)?.sign(sum);
                let (r, s) = signature.as_ref().split_at(32);
                Ok([mpi(r), mpi(s)].concat())
            }
            (algorithm, _) => Err(PgpError::Unsupported(format!(
                "signing with public key algorithm {algorithm}"
            ))),
        }
    }

    /// The secret numbers, their sum checked.
    fn unlocked(&self, passphrase: &[u8]) -> Result<Vec<u8>, PgpError> {
        let mut cursor = Cursor(self.locked.as_deref().ok_or(INVALID)?);
        let usage = cursor.byte()?;
        if usage == 0 {
            return checked(cursor.0.to_vec(), false);
        }
        if usage != 254 && usage != 255 {
            return Err(PgpError::Unsupported(format!("secret key usage {usage}")));
        }
        let cipher = match cursor.byte()? {
            7 => (&AES_128, 16),
            8 => (&AES_192, 24),
            9 => (&AES_256, 32),
            cipher => return Err(PgpError::Unsupported(format!("cipher {cipher}"))),
        };
        let key = stretched(&mut cursor, passphrase, cipher.1)?;
        let mut iv = [0; 16];
        iv.copy_from_slice(cursor.take(16)?);
        let context = DecryptionContext::Iv128(FixedLength::from(iv));
        let mut key = UnboundCipherKey::new(cipher.0, &key)
            .and_then(|key| StreamingDecryptingKey::cfb128(key, context))
            .map_err(|_| INVALID)?;
        // The stream asks for a block more than it fills.
        let mut numbers = vec![0; cursor.0.len() + 32];
        let first = key.update(cursor.0, &mut numbers).map_err(|_| INVALID)?;
        let written = first.written().len();
        let rest = key.finish(&mut numbers[written..]).map_err(|_| INVALID)?;
        let written = written + rest.written().len();
        numbers.truncate(written);
        checked(numbers, usage == 254)
    }
}

/// Cuts the sum off the secret numbers; a wrong one means a wrong passphrase.
fn checked(mut numbers: Vec<u8>, is_hashed: bool) -> Result<Vec<u8>, PgpError> {
    let wrong = PgpError::Invalid("private key checksum failure");
    let length = if is_hashed { 20 } else { 2 };
    let end = numbers.len().checked_sub(length).ok_or(INVALID)?;
    let told = numbers.split_off(end);
    let is_right = if is_hashed {
        digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &numbers).as_ref() == told
    } else {
        let sum = numbers
            .iter()
            .fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
        sum.to_be_bytes() == told[..]
    };
    if is_right { Ok(numbers) } else { Err(wrong) }
}

/// The key that a passphrase is stretched to.
fn stretched(cursor: &mut Cursor<'_>, passphrase: &[u8], size: usize) -> Result<Vec<u8>, PgpError> {
    let kind = cursor.byte()?;
    let hash: &'static Algorithm = match cursor.byte()? {
        2 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
        8 => &digest::SHA256,
        9 => &digest::SHA384,
        10 => &digest::SHA512,
        hash => return Err(PgpError::Unsupported(format!("hash function {hash}"))),
    };
    let mut salted = match kind {
        0 => Vec::new(),
        1 | 3 => cursor.take(8)?.to_vec(),
        kind => return Err(PgpError::Unsupported(format!("S2K function {kind}"))),
    };
    salted.extend(passphrase);
    let count = match kind {
        3 => {
            let code = usize::from(cursor.byte()?);
            ((16 + (code & 15)) << ((code >> 4) + 6)).min(MAX_STRETCH)
        }
        _ => 0,
    };
    let count = count.max(salted.len());
    let mut key = Vec::new();
    let mut zeros = 0;
    while key.len() < size {
        let mut context = Context::new(hash);
        context.update(&vec![0; zeros]);
        let mut left = count;
        while left > 0 && !salted.is_empty() {
            let part = left.min(salted.len());
            context.update(&salted[..part]);
            left -= part;
        }
        key.extend(context.finish().as_ref());
        zeros += 1;
    }
    key.truncate(size);
    Ok(key)
}

/// A key in PKCS #1. OpenPGP keeps the inverse of p modulo q, so the primes change places.
fn rsa_key(n: &[u8], e: &[u8], [d, p, q, u]: [&[u8]; 4]) -> Result<RsaKeyPair, PgpError> {
    let number = BigUint::from_bytes_be;
    let one = BigUint::from(1_u8);
    let (private, first, second) = (number(d), number(q), number(p));
    if first <= one || second <= one {
        return Err(INVALID);
    }
    let exponents = [&private % (&first - &one), &private % (&second - &one)];
    let parts = [
        BigUint::from(0_u8),
        number(n),
        number(e),
        private,
        first,
        second,
        exponents[0].clone(),
        exponents[1].clone(),
        number(u),
    ];
    let mut inner = Vec::new();
    for part in parts {
        let mut bytes = part.to_bytes_be();
        if bytes[0] & 0x80 != 0 {
            bytes.insert(0, 0);
        }
        inner.extend(der(2, &bytes));
    }
    RsaKeyPair::from_der(&der(0x30, &inner)).map_err(|_| INVALID)
}

fn der(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut out = vec![tag];
    match body.len() {
        short @ 0..=127 => out.push(short as u8),
        long => {
            let bytes = (long as u32).to_be_bytes();
            let bytes = &bytes[bytes.iter().take_while(|byte| **byte == 0).count()..];
            out.push(0x80 | bytes.len() as u8);
            out.extend(bytes);
        }
    }
    out.extend(body);
    out
}

/// A number as packets hold it.
fn mpi(bytes: &[u8]) -> Vec<u8> {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[zeros..];
    let bits = match bytes.first() {
        None => 0,
        Some(first) => bytes.len() * 8 - first.leading_zeros() as usize,
    };
    let mut out = (bits as u16).to_be_bytes().to_vec();
    out.extend(bytes);
    out
}
