//! Kubernetes objects as values: identity, metadata, digests, error classes and redaction.
//!
//! Everything above this crate speaks of objects in these words. Nothing here performs IO,
//! reads a clock or knows of any tool.
#![warn(missing_docs)]

mod blob;
mod class;
mod digest;
mod gvk;
mod key;
mod object;
mod origin;
mod redact;

pub use blob::{Blob, BlobError};
pub use class::{Class, Classified};
pub use digest::Digest;
pub use gvk::{GroupKind, Gvk};
pub use key::{Key, Str};
pub use object::{Object, ObjectError, meta};
pub use origin::{Finding, Origin};
pub use redact::{MASK, Redacted, mask_secret};

pub use serde_json::{Map, Value, json};
