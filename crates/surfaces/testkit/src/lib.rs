//! Clusters, repositories and tools for tests.

pub mod realapi;
pub mod registry;
pub mod web;
