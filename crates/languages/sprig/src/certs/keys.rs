//! Private keys: made, read, written, used.

use super::curve;
use super::der::{
    BIT_STRING, OBJECT_ID, OCTET_STRING, Reader, SEQUENCE, bits, element, integer, object_id, pem,
    pem_block, sequence, small,
};
use super::montgomery::power;
use super::primes::{below, is_prime, prime, random};
use argosy_gotmpl::Env;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};

const RSA: &[u32] = &[1, 2, 840, 113_549, 1, 1, 1];
const RSA_SHA256: &[u32] = &[1, 2, 840, 113_549, 1, 1, 11];
const EC: &[u32] = &[1, 2, 840, 10045, 2, 1];
const P256: &[u32] = &[1, 2, 840, 10045, 3, 1, 7];
const ECDSA_SHA256: &[u32] = &[1, 2, 840, 10045, 4, 3, 2];
const ED25519: &[u32] = &[1, 3, 101, 112];
const SHA256: &[u32] = &[2, 16, 840, 1, 101, 3, 4, 2, 1];
const NULL: [u8; 2] = [5, 0];

/// The public exponent of keys that are made here: a prime.
const EXPONENT: u32 = 65537;

/// A private key.
pub(super) enum PrivateKey {
    Rsa(Box<RsaKey>),
    /// P-256.
    Ecdsa(BigUint),
    Ed25519([u8; 32]),
}

/// An RSA key of two primes.
pub(super) struct RsaKey {
    n: BigUint,
    e: BigUint,
    d: BigUint,
    p: BigUint,
    q: BigUint,
}

impl PrivateKey {
    /// A new RSA key of so many bits.
    pub(super) fn rsa(env: &mut dyn Env, bits: u64) -> Self {
        let one = BigUint::from(1_u32);
        loop {
            let (p, q) = (prime(env, bits / 2), prime(env, bits / 2));
            let totient = (&p - &one) * (&q - &one);
            if let (true, Some(d)) = (p != q, private_exponent(&totient)) {
                return Self::Rsa(Box::new(RsaKey {
                    n: &p * &q,
                    e: EXPONENT.into(),
                    d,
                    p,
                    q,
                }));
            }
        }
    }

    /// A new P-256 key.
    pub(super) fn ecdsa(env: &mut dyn Env) -> Self {
        Self::Ecdsa(below(env, curve::order()))
    }

    /// A new Ed25519 key.
    pub(super) fn ed25519(env: &mut dyn Env) -> Self {
        let mut seed = [0; 32];
        env.random(&mut seed);
        Self::Ed25519(seed)
    }

    /// The key in PEM: PKCS #1 for RSA, SEC 1 for ECDSA, PKCS #8 for Ed25519.
    pub(super) fn pem(&self) -> String {
        match self {
            Self::Rsa(key) => pem("RSA PRIVATE KEY", &key.pkcs1()),
            Self::Ecdsa(private) => pem("EC PRIVATE KEY", &sec1(private)),
            Self::Ed25519(seed) => {
                let inner = element(OCTET_STRING, &element(OCTET_STRING, seed));
                let algorithm = sequence(&[object_id(ED25519)]);
                pem("PRIVATE KEY", &sequence(&[small(0), algorithm, inner]))
            }
        }
    }

    /// The bits of the public key, without what algorithm they are for.
    pub(super) fn public_bits(&self) -> Vec<u8> {
        match self {
            Self::Rsa(key) => sequence(&[integer(&key.n), integer(&key.e)]),
            Self::Ecdsa(private) => curve::public_key(private),
            Self::Ed25519(seed) => match Ed25519KeyPair::from_seed_unchecked(seed) {
                Ok(pair) => pair.public_key().as_ref().to_vec(),
                Err(_) => Vec::new(),
            },
        }
    }

    /// The public key with its algorithm (SubjectPublicKeyInfo).
    pub(super) fn public_info(&self) -> Vec<u8> {
        let algorithm = match self {
            Self::Rsa(_) => sequence(&[object_id(RSA), NULL.into()]),
            Self::Ecdsa(_) => sequence(&[object_id(EC), object_id(P256)]),
            Self::Ed25519(_) => sequence(&[object_id(ED25519)]),
        };
        sequence(&[algorithm, bits(&self.public_bits())])
    }

    /// The algorithm that the key signs with.
    pub(super) fn signature_algorithm(&self) -> Vec<u8> {
        match self {
            Self::Rsa(_) => sequence(&[object_id(RSA_SHA256), NULL.into()]),
            Self::Ecdsa(_) => sequence(&[object_id(ECDSA_SHA256)]),
            Self::Ed25519(_) => sequence(&[object_id(ED25519)]),
        }
    }

    /// Signs bytes.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Rsa(key) => key.sign(message),
            Self::Ecdsa(private) => {
                let (r, s) = curve::sign(private, &Sha256::digest(message).into());
                sequence(&[integer(&r), integer(&s)])
            }
            Self::Ed25519(seed) => match Ed25519KeyPair::from_seed_unchecked(seed) {
                Ok(pair) => pair.sign(message).as_ref().to_vec(),
                Err(_) => Vec::new(),
            },
        }
    }
}

/// The inverse of the public exponent: (1 + k * totient) / e, with the k that makes it whole.
fn private_exponent(totient: &BigUint) -> Option<BigUint> {
    let e = BigUint::from(EXPONENT);
    let rest = totient % &e;
    if rest == BigUint::ZERO {
        return None;
    }
    let inverse = rest.modpow(&(&e - 2_u32), &e);
    Some((totient * (&e - inverse) + 1_u32) / e)
}

impl RsaKey {
    /// What q is multiplied by to give 1 modulo p.
    fn inverse(&self) -> BigUint {
        let inverse = power(&self.q, &(&self.p - 2_u32), &self.p);
        // That is Fermat's word for primes only, and a key may have been given.
        if &self.q * &inverse % &self.p == BigUint::from(1_u32) {
            return inverse;
        }
        self.q.modinv(&self.p).unwrap_or_default()
    }

    fn pkcs1(&self) -> Vec<u8> {
        let (p1, q1) = (&self.p - 1_u32, &self.q - 1_u32);
        let inverse = self.inverse();
        sequence(&[
            small(0),
            integer(&self.n),
            integer(&self.e),
            integer(&self.d),
            integer(&self.p),
            integer(&self.q),
            integer(&(&self.d % p1)),
            integer(&(&self.d % q1)),
            integer(&inverse),
        ])
    }

    /// PKCS #1 v1.5 with SHA-256.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let algorithm = sequence(&[object_id(SHA256), NULL.into()]);
        let digest = element(OCTET_STRING, &Sha256::digest(message));
        let info = sequence(&[algorithm, digest]);
        let len = self.n.bits().div_ceil(8) as usize;
        let padding = vec![0xff; len.saturating_sub(info.len() + 3)];
        let block = [&[0, 1][..], &padding, &[0], &info].concat();
        let signature = self.private(&BigUint::from_bytes_be(&block)).to_bytes_be();
        [vec![0; len.saturating_sub(signature.len())], signature].concat()
    }

    /// The private operation, by way of the primes, which is four times shorter.
    fn private(&self, number: &BigUint) -> BigUint {
        let by = |prime: &BigUint| power(number, &(&self.d % (prime - 1_u32)), prime);
        let (by_p, by_q) = (by(&self.p), by(&self.q));
        let lacks = &by_p + &self.p - &by_q % &self.p;
        let result = by_q + lacks * self.inverse() % &self.p * &self.q;
        // A key that was given may have factors that are no primes.
        if result.modpow(&self.e, &self.n) == *number {
            result
        } else {
            number.modpow(&self.d, &self.n)
        }
    }

    fn read(der: &[u8]) -> Option<Self> {
        let mut fields = Reader(Reader(der).expect(SEQUENCE)?);
        if fields.integer()? != BigUint::ZERO {
            return None;
        }
        let mut number = || fields.integer();
        let key = Self {
            n: number()?,
            e: number()?,
            d: number()?,
            p: number()?,
            q: number()?,
        };
        let fits = key.n == &key.p * &key.q && key.n.bits() >= 512 && key.n.bits() <= 16384;
        let fits = fits && key.p > BigUint::from(2_u32) && key.q > BigUint::from(2_u32);
        fits.then_some(key)
    }
}

fn sec1(private: &BigUint) -> Vec<u8> {
    let mut plain = private.to_bytes_be();
    plain.splice(..0, vec![0; 32 - plain.len()]);
    sequence(&[
        small(1),
        element(OCTET_STRING, &plain),
        element(0xa0, &object_id(P256)),
        element(0xa1, &bits(&curve::public_key(private))),
    ])
}

/// Reads a key in PEM.
///
/// # Errors
/// With sprig's text.
pub(super) fn parse_pem(text: &str) -> Result<PrivateKey, String> {
    let (kind, der) = pem_block(text).ok_or("no PEM data in input")?;
    if kind == "PRIVATE KEY" {
        return pkcs8(&der).ok_or_else(|| "decoding PEM as PKCS#8: asn1: structure error".into());
    }
    let Some(kind) = kind.strip_suffix(" PRIVATE KEY") else {
        return Err(format!("no private key data in PEM block of type {kind}"));
    };
    match kind {
        "RSA" => RsaKey::read(&der)
            .map(|key| PrivateKey::Rsa(Box::new(key)))
            .ok_or_else(|| "parsing RSA private key from PEM: asn1: structure error".into()),
        "EC" => read_sec1(&der)
            .ok_or_else(|| "parsing EC private key from PEM: asn1: structure error".into()),
        "DSA" => Err("x509: unsupported public key type: *dsa.PublicKey".into()),
        other => Err(format!("invalid private key type {other}")),
    }
}

fn read_sec1(der: &[u8]) -> Option<PrivateKey> {
    let mut fields = Reader(Reader(der).expect(SEQUENCE)?);
    if fields.integer()? != BigUint::from(1_u32) {
        return None;
    }
    let private = BigUint::from_bytes_be(fields.expect(OCTET_STRING)?);
    // Other curves have other keys; without a curve it is P-256 that is meant here.
    while let Some((tag, content, _)) = fields.next() {
        if tag == 0xa0 && content != object_id(P256) {
            return None;
        }
        if tag == 0xa1 {
            let point = Reader(content).expect(BIT_STRING)?;
            if !curve::is_on_curve(point.get(1..)?) {
                return None;
            }
        }
    }
    let valid = private != BigUint::ZERO && private < *curve::order();
    valid.then_some(PrivateKey::Ecdsa(private))
}

fn pkcs8(der: &[u8]) -> Option<PrivateKey> {
    let mut fields = Reader(Reader(der).expect(SEQUENCE)?);
    fields.integer()?;
    let mut algorithm = Reader(fields.expect(SEQUENCE)?);
    let id = algorithm.expect(OBJECT_ID)?;
    let inner = fields.expect(OCTET_STRING)?;
    let is = |arcs| Reader(&object_id(arcs)).expect(OBJECT_ID) == Some(id);
    if is(RSA) {
        return RsaKey::read(inner).map(|key| PrivateKey::Rsa(Box::new(key)));
    }
    if is(EC) {
        return read_sec1(inner);
    }
    if is(ED25519) {
        let seed = Reader(inner).expect(OCTET_STRING)?;
        return seed.try_into().ok().map(PrivateKey::Ed25519);
    }
    None
}

/// A new DSA key of 2048 and 256 bits, in OpenSSL's PEM.
pub(super) fn dsa_pem(env: &mut dyn Env) -> String {
    const BITS: u64 = 2048;
    let one = BigUint::from(1_u32);
    let order = prime(env, 256);
    let step = &order * 2_u32;
    let modulus = loop {
        let mut start = random(env, BITS);
        start.set_bit(BITS - 1, true);
        let candidate = &start - &start % &step + &one;
        if candidate.bits() == BITS && is_prime(env, &candidate) {
            break candidate;
        }
    };
    let exponent = (&modulus - &one) / &order;
    let mut base = BigUint::from(2_u32);
    let generator = loop {
        let generator = power(&base, &exponent, &modulus);
        if generator != one {
            break generator;
        }
        base += 1_u32;
    };
    let private = below(env, &order);
    let public = power(&generator, &private, &modulus);
    let numbers = [&modulus, &order, &generator, &public, &private].map(integer);
    pem(
        "DSA PRIVATE KEY",
        &sequence(&[vec![small(0)], numbers.into()].concat()),
    )
}
