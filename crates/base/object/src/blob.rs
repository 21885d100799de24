//! An object as it is kept: bytes and identity, never a tree.

use crate::{Digest, Gvk, Key, Object};
use bytes::Bytes;

/// An object kept as compact JSON, with its identity beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    /// Group, version and kind.
    pub gvk: Gvk,
    /// Identity within a cluster.
    pub key: Key,
    /// Digest of `json`.
    pub digest: Digest,
    /// Compact JSON with sorted keys.
    pub json: Bytes,
}

/// The stored bytes are not the JSON of an object.
#[derive(Debug, thiserror::Error)]
#[error("stored object `{key}` cannot be read")]
pub struct BlobError {
    key: Key,
    source: serde_json::Error,
}

impl Blob {
    /// Encodes an object.
    pub fn new(object: &Object) -> Self {
        let json = Bytes::from(object.value().to_string());
        Self {
            gvk: object.gvk(),
            key: object.key(),
            digest: Digest::of(&json),
            json,
        }
    }

    /// Decodes the object.
    ///
    /// # Errors
    /// Where the bytes are no JSON, which only a damaged store can cause.
    pub fn object(&self) -> Result<Object, BlobError> {
        serde_json::from_slice(&self.json)
            .map(Object::from_trusted)
            .map_err(|source| BlobError {
                key: self.key.clone(),
                source,
            })
    }
}
