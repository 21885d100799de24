//! Clusters, repositories and tools for tests.

pub mod githttp;
pub mod realapi;
pub mod sshd;
