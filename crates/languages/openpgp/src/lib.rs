//! OpenPGP's keys and signatures, as far as charts are signed by them.
//!
//! A [`Keyring`] is read from GnuPG's `pubring.gpg` or from an armored export, [`verify_clear`]
//! checks a clear-signed text against it, and a [`SecretKeyring`] signs one. Keys and signatures
//! of version 4 (RFC 4880, RFC 9580): RSA, ECDSA and Ed25519 over SHA-2. The cryptography is
//! aws-lc-rs's; a whole OpenPGP library would bring 102 crates.
#![warn(missing_docs)]

mod armor;
mod clear;
mod keyring;
mod packet;
mod secret;
mod signature;

pub use clear::{ClearSigned, verify_clear};
pub use keyring::{Entity, Keyring};
pub use secret::{ChoiceError, SecretKey, SecretKeyring};

/// Why a key or a signature does not count. Texts are those of helm's library where it has one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PgpError {
    /// Bytes that are no packets, no armor, no key.
    #[error("openpgp: invalid data: {0}")]
    Invalid(&'static str),
    /// Something that we do not do.
    #[error("openpgp: unsupported feature: {0}")]
    Unsupported(String),
    /// The signature is wrong.
    #[error("openpgp: invalid signature: {0}")]
    Signature(&'static str),
    /// No key of the keyring has made it.
    #[error("openpgp: signature made by unknown entity")]
    UnknownIssuer,
    /// The key's time is over.
    #[error("openpgp: key expired")]
    KeyExpired,
    /// The key was revoked.
    #[error("openpgp: signature made by revoked key")]
    KeyRevoked,
    /// The signature's time is over.
    #[error("openpgp: signature expired")]
    SignatureExpired,
    /// There is no clear-signed text.
    #[error("signature block not found")]
    NoBlock,
}
