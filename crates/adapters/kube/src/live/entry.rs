//! Bodies, compressed.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Smaller bodies gain nothing.
const COMPRESS_FROM: usize = 300;
const LEVEL: i32 = 1;

/// A body: compact JSON, compressed where that helps.
#[derive(Clone)]
pub struct Packed {
    bytes: Arc<[u8]>,
    /// Length of the JSON where `bytes` is compressed, else 0.
    unpacked: u32,
}

impl Packed {
    /// The JSON. `None` cannot happen for bytes that [`Packer::pack`] made.
    pub fn unpack(&self) -> Option<Vec<u8>> {
        if self.unpacked == 0 {
            return Some(self.bytes.to_vec());
        }
        zstd::bulk::decompress(&self.bytes, self.unpacked as usize).ok()
    }

    /// Bytes that it takes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.len())
    }
}

/// Compresses bodies; one context serves all.
#[derive(Default)]
pub struct Packer {
    context: Mutex<Option<zstd::bulk::Compressor<'static>>>,
}

impl Packer {
    /// Packs compact JSON.
    pub fn pack(&self, json: &[u8]) -> Packed {
        let plain = || Packed {
            bytes: json.into(),
            unpacked: 0,
        };
        let Ok(length) = u32::try_from(json.len()) else {
            return plain();
        };
        if json.len() < COMPRESS_FROM {
            return plain();
        }
        let mut context = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        if context.is_none() {
            *context = zstd::bulk::Compressor::new(LEVEL).ok();
        }
        let packed = context
            .as_mut()
            .and_then(|context| context.compress(json).ok());
        match packed {
            Some(packed) if packed.len() < json.len() => Packed {
                bytes: packed.into(),
                unpacked: length,
            },
            _ => plain(),
        }
    }
}
