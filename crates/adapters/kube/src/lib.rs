//! Clusters: transport, discovery, plain operations, apply and the live cache.
//!
//! The only crate that changes a cluster. It implements the cluster side of `argosy-ports`.
#![warn(missing_docs)]

mod apply;
mod auth;
mod client;
mod cluster;
mod clusters;
mod discovery;
mod kubeconfig;
mod list;
pub mod live;
mod path;
pub mod spec;
mod status;
mod transport;
mod wire;

pub use apply::MANAGER;
pub use auth::CredentialError;
pub use client::Client;
pub use cluster::{ClusterSettings, KubeCluster};
pub use clusters::KubeClusters;
pub use discovery::Discovered;
pub use kubeconfig::Kubeconfig;
pub use transport::{Address, Limits, Transport, TransportError};
