//! Clusters, repositories and tools for tests.

pub mod disk;
pub mod faults;
pub mod githttp;
pub mod proxy;
pub mod realapi;
pub mod registry;
pub mod sshd;
pub mod tls;
pub mod web;
