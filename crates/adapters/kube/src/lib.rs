//! Clusters: transport, discovery, plain operations, apply and the live cache.
//!
//! The only crate that changes a cluster. It implements the cluster side of `argosy-ports`.
#![warn(missing_docs)]

mod auth;
mod list;
mod path;
pub mod spec;
mod status;
mod transport;
mod wire;

pub use auth::CredentialError;
pub use transport::{Address, Limits, Transport, TransportError};
