//! Clusters: transport, discovery, plain operations, apply and the live cache.
//!
//! The only crate that changes a cluster. It implements the cluster side of `argosy-ports`.
#![warn(missing_docs)]

mod auth;
mod client;
mod discovery;
mod list;
pub mod live;
mod path;
pub mod spec;
mod status;
mod transport;
mod wire;

pub use auth::CredentialError;
pub use client::Client;
pub use discovery::Discovered;
pub use transport::{Address, Limits, Transport, TransportError};
