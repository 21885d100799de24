//! The binary's own parts: what composes crates into a running Argosy.

pub mod cli;
pub mod commands;
pub mod controllers;
pub mod deferred;
pub mod embedded;
pub mod folder;
mod git;
pub mod metrics;
pub mod pipeline;
pub mod serving;
pub mod session;
pub mod sources;
pub mod usage;
pub mod web;
