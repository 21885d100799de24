//! Signatures of version 4, and the keys that they are checked by.

use crate::PgpError;
use crate::packet::Cursor;
use aws_lc_rs::digest::{self, Algorithm, digest};
use aws_lc_rs::signature::{
    self, ED25519, EcdsaVerificationAlgorithm, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey,
};

/// Object identifiers of curves, as keys hold them.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];
const ED25519_OID: &[u8] = &[0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01];
/// A digest's name in packets.
const SHA1: u8 = 2;

/// What a key checks signatures by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    Rsa {
        modulus: Vec<u8>,
        exponent: Vec<u8>,
    },
    Ecdsa {
        curve: Curve,
        point: Vec<u8>,
    },
    Ed25519 {
        point: Vec<u8>,
    },
    /// A key that signs nothing we could check.
    Other(u8),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// A public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PublicKey {
    /// The packet's body, as fingerprints and bindings hash it.
    body: Vec<u8>,
    pub created: u64,
    pub fingerprint: [u8; 20],
    material: Material,
}

impl PublicKey {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, PgpError> {
        Self::parse_start(body).map(|(key, _)| key)
    }

    /// The public part of a packet, and what follows it.
    pub(crate) fn parse_start(body: &[u8]) -> Result<(Self, &[u8]), PgpError> {
        let mut cursor = Cursor(body);
        let version = cursor.byte()?;
        if version != 4 {
            return Err(PgpError::Unsupported(format!(
                "public key version {version}"
            )));
        }
        let created = cursor.number(4)? as u64;
        let algorithm = cursor.byte()?;
        let material = material(algorithm, &mut cursor)?;
        // What stands behind the public part of a secret key is no part of the fingerprint.
        let rest = cursor.0;
        let body = &body[..body.len() - rest.len()];
        let length = u16::try_from(body.len()).map_err(|_| PgpError::Invalid("a huge key"))?;
        let mut hashed = vec![0x99];
        hashed.extend(length.to_be_bytes());
        hashed.extend(body);
        let sum = digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, &hashed);
        let mut fingerprint = [0; 20];
        fingerprint.copy_from_slice(sum.as_ref());
        let key = Self {
            body: body.to_vec(),
            created,
            fingerprint,
            material,
        };
        Ok((key, rest))
    }

    /// The algorithm's number, and what it works with.
    pub(crate) fn algorithm(&self) -> (u8, &Material) {
        (self.body[5], &self.material)
    }

    pub(crate) fn id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        id.copy_from_slice(&self.fingerprint[12..]);
        id
    }

    /// As bindings and certifications hash it.
    pub(crate) fn hashed(&self) -> Vec<u8> {
        let mut out = vec![0x99];
        out.extend((self.body.len() as u16).to_be_bytes());
        out.extend(&self.body);
        out
    }
}

fn material(algorithm: u8, cursor: &mut Cursor<'_>) -> Result<Material, PgpError> {
    let oid = |cursor: &mut Cursor<'_>| -> Result<Vec<u8>, PgpError> {
        let length = cursor.byte()?;
        Ok(cursor.take(usize::from(length))?.to_vec())
    };
    Ok(match algorithm {
        1 | 3 => Material::Rsa {
            modulus: cursor.mpi()?.to_vec(),
            exponent: cursor.mpi()?.to_vec(),
        },
        19 => {
            let name = oid(cursor)?;
            let point = cursor.mpi()?.to_vec();
            match name.as_slice() {
                P256 => Material::Ecdsa {
                    curve: Curve::P256,
                    point,
                },
                P384 => Material::Ecdsa {
                    curve: Curve::P384,
                    point,
                },
                P521 => Material::Ecdsa {
                    curve: Curve::P521,
                    point,
                },
                _ => Material::Other(algorithm),
            }
        }
        22 => {
            let name = oid(cursor)?;
            let point = cursor.mpi()?;
            match point.split_first() {
                Some((0x40, point)) if name == ED25519_OID && point.len() == 32 => {
                    Material::Ed25519 {
                        point: point.to_vec(),
                    }
                }
                _ => Material::Other(algorithm),
            }
        }
        27 => Material::Ed25519 {
            point: cursor.take(32)?.to_vec(),
        },
        // Keys that encrypt: their numbers are walked over for the fingerprint.
        2 => {
            cursor.mpi()?;
            cursor.mpi()?;
            Material::Other(algorithm)
        }
        16 => {
            for _ in 0..3 {
                cursor.mpi()?;
            }
            Material::Other(algorithm)
        }
        17 => {
            for _ in 0..4 {
                cursor.mpi()?;
            }
            Material::Other(algorithm)
        }
        18 => {
            oid(cursor)?;
            cursor.mpi()?;
            let length = cursor.byte()?;
            cursor.take(usize::from(length))?;
            Material::Other(algorithm)
        }
        25 => {
            cursor.take(32)?;
            Material::Other(algorithm)
        }
        _ => {
            return Err(PgpError::Unsupported(format!(
                "public key type: {algorithm}"
            )));
        }
    })
}

/// A signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub kind: u8,
    algorithm: u8,
    hash: u8,
    /// What of the signature itself is signed.
    trailer: Vec<u8>,
    numbers: Vec<Vec<u8>>,
    pub created: Option<u64>,
    /// Seconds after its creation; none for ever.
    pub expires: Option<u64>,
    /// Seconds after the key's creation.
    pub key_expires: Option<u64>,
    pub issuer: Option<[u8; 8]>,
    /// What the key may do, where it says.
    pub key_flags: Option<u8>,
    /// The signature of a subkey over its primary key.
    pub embedded: Option<Box<Signature>>,
}

impl Signature {
    pub(crate) fn parse(body: &[u8]) -> Result<Self, PgpError> {
        Self::nested(body, 0)
    }

    fn nested(body: &[u8], depth: usize) -> Result<Self, PgpError> {
        let mut cursor = Cursor(body);
        let version = cursor.byte()?;
        if version != 4 {
            return Err(PgpError::Unsupported(format!(
                "signature packet version {version}"
            )));
        }
        let kind = cursor.byte()?;
        let algorithm = cursor.byte()?;
        let hash = cursor.byte()?;
        let hashed_length = cursor.number(2)?;
        let hashed = cursor.take(hashed_length)?;
        let mut trailer = body[..6 + hashed_length].to_vec();
        let length = trailer.len() as u32;
        trailer.extend([4, 0xff]);
        trailer.extend(length.to_be_bytes());
        let unhashed_length = cursor.number(2)?;
        let unhashed = cursor.take(unhashed_length)?;
        // The digest begins so; the signature itself says it better.
        cursor.take(2)?;
        let numbers = if algorithm == 27 {
            vec![cursor.take(64)?.to_vec()]
        } else {
            let mut numbers = Vec::new();
            while !cursor.0.is_empty() && numbers.len() < 4 {
                numbers.push(cursor.mpi()?.to_vec());
            }
            numbers
        };
        let mut signature = Self {
            kind,
            algorithm,
            hash,
            trailer,
            numbers,
            created: None,
            expires: None,
            key_expires: None,
            issuer: None,
            key_flags: None,
            embedded: None,
        };
        signature.subpackets(hashed, true, depth)?;
        signature.subpackets(unhashed, false, depth)?;
        Ok(signature)
    }

    /// Times and rights count only where they are signed themselves.
    fn subpackets(&mut self, area: &[u8], is_hashed: bool, depth: usize) -> Result<(), PgpError> {
        let mut cursor = Cursor(area);
        while !cursor.0.is_empty() {
            let length = match cursor.byte()? {
                short @ 0..=191 => usize::from(short),
                first @ 192..=254 => {
                    ((usize::from(first) - 192) << 8) + usize::from(cursor.byte()?) + 192
                }
                255 => cursor.number(4)?,
            };
            let mut inner = Cursor(cursor.take(length)?);
            let kind = inner.byte()?;
            match kind & 0x7f {
                2 if is_hashed => self.created = Some(inner.number(4)? as u64),
                3 if is_hashed => self.expires = Some(inner.number(4)? as u64).filter(|s| *s > 0),
                9 if is_hashed => {
                    self.key_expires = Some(inner.number(4)? as u64).filter(|s| *s > 0);
                }
                27 if is_hashed => self.key_flags = inner.0.first().copied(),
                16 => {
                    let mut id = [0; 8];
                    id.copy_from_slice(inner.take(8)?);
                    self.issuer = Some(id);
                }
                33 if self.issuer.is_none() && inner.0.len() == 21 => {
                    let mut id = [0; 8];
                    id.copy_from_slice(&inner.0[13..]);
                    self.issuer = Some(id);
                }
                32 if depth == 0 => {
                    self.embedded = Self::nested(inner.0, depth + 1).ok().map(Box::new);
                }
                // A critical subpacket of an unknown kind makes the signature count for nothing.
                2..=7 | 9 | 11 | 12 | 20..=35 | 39 => {}
                unknown if is_hashed && kind & 0x80 != 0 => {
                    return Err(PgpError::Unsupported(format!(
                        "unknown critical signature subpacket type {unknown}"
                    )));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether a key has made this signature over `data`.
    ///
    /// Compat: SHA-1 counts between keys, as in keys of old, and never for a text.
    pub(crate) fn check(&self, key: &PublicKey, data: &[u8]) -> Result<(), PgpError> {
        let algorithm = self.digest()?;
        let mut message = data.to_vec();
        message.extend(&self.trailer);
        let sum = digest(algorithm, &message);
        match &key.material {
            Material::Rsa { modulus, exponent } => {
                let signature = self.numbers.first().ok_or(MISSING)?;
                // Numbers lose their leading zeros, signatures have the modulus's length.
                let padded = padded(signature, modulus.len())?;
                let key = RsaPublicKeyComponents {
                    n: modulus,
                    e: exponent,
                };
                key.verify(self.rsa()?, &message, &padded)
                    .map_err(|_| PgpError::Signature("RSA verification failure"))
            }
            Material::Ecdsa { curve, point } => {
                let [r, s] = self.pair()?;
                let (algorithm, size) = self.ecdsa(*curve)?;
                let mut fixed = padded(r, size)?;
                fixed.extend(padded(s, size)?);
                UnparsedPublicKey::new(algorithm, point)
                    .verify(&message, &fixed)
                    .map_err(|_| PgpError::Signature("ECDSA verification failure"))
            }
            Material::Ed25519 { point } => {
                let fixed = if self.algorithm == 27 {
                    self.numbers.first().ok_or(MISSING)?.clone()
                } else {
                    let [r, s] = self.pair()?;
                    let mut fixed = padded(r, 32)?;
                    fixed.extend(padded(s, 32)?);
                    fixed
                };
                UnparsedPublicKey::new(&ED25519, point)
                    .verify(sum.as_ref(), &fixed)
                    .map_err(|_| PgpError::Signature("EdDSA verification failure"))
            }
            Material::Other(algorithm) => Err(PgpError::Unsupported(format!(
                "public key algorithm {algorithm}"
            ))),
        }
    }

    fn pair(&self) -> Result<[&[u8]; 2], PgpError> {
        match self.numbers.as_slice() {
            [r, s] => Ok([r, s]),
            _ => Err(MISSING),
        }
    }

    fn digest(&self) -> Result<&'static Algorithm, PgpError> {
        Ok(match self.hash {
            SHA1 if !self.is_about_text() => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            8 => &digest::SHA256,
            9 => &digest::SHA384,
            10 => &digest::SHA512,
            11 => &digest::SHA224,
            hash => return Err(PgpError::Unsupported(format!("hash function {hash}"))),
        })
    }

    fn is_about_text(&self) -> bool {
        self.kind <= 1
    }

    fn rsa(&self) -> Result<&'static RsaParameters, PgpError> {
        Ok(match self.hash {
            SHA1 => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            8 => &signature::RSA_PKCS1_2048_8192_SHA256,
            9 => &signature::RSA_PKCS1_2048_8192_SHA384,
            10 => &signature::RSA_PKCS1_2048_8192_SHA512,
            hash => return Err(PgpError::Unsupported(format!("RSA with hash {hash}"))),
        })
    }

    fn ecdsa(
        &self,
        curve: Curve,
    ) -> Result<(&'static EcdsaVerificationAlgorithm, usize), PgpError> {
        Ok(match (curve, self.hash) {
            (Curve::P256, 8) => (&signature::ECDSA_P256_SHA256_FIXED, 32),
            (Curve::P384, 9) => (&signature::ECDSA_P384_SHA384_FIXED, 48),
            (Curve::P521, 10) => (&signature::ECDSA_P521_SHA512_FIXED, 66),
            (_, hash) => return Err(PgpError::Unsupported(format!("ECDSA with hash {hash}"))),
        })
    }
}

const MISSING: PgpError = PgpError::Invalid("a signature without its numbers");

pub(crate) fn padded(number: &[u8], size: usize) -> Result<Vec<u8>, PgpError> {
    let missing = size
        .checked_sub(number.len())
        .ok_or(PgpError::Invalid("a signature larger than its key"))?;
    let mut out = vec![0; missing];
    out.extend(number);
    Ok(out)
}
