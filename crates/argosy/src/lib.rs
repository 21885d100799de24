//! The binary's own parts: what composes crates into a running Argosy.

pub mod controllers;
pub mod embedded;
pub mod folder;
