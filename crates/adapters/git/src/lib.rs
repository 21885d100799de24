//! Git repositories as sources: mirrors, polls and trees read from the object database.
//!
//! [`GitSources`] implements the `Sources` port. Repositories of the local disk are read where
//! they lie, others through one bare mirror for each URL and credential; no work tree is ever
//! written and no `git` program is called, only `ssh` where a URL asks for it. [`GitTree`] reads a commit's files, [`DiskTree`] a
//! folder that is in no repository, and [`author`] makes repositories and commits.
#![warn(missing_docs)]

pub mod author;
mod composed;
mod disk;
mod failure;
mod fetch;
mod local;
mod location;
mod mirror;
mod objects;
mod place;
mod poll;
mod refs;
mod remote;
mod repository;
mod smart_http;
mod sources;
mod ssh;
mod submodules;
mod tree;
mod wire;

pub use argosy_fetch::{Credentials, Patience, Proxies, redact_url};
pub use disk::DiskTree;
pub use location::InsteadOf;
pub use sources::{GitSettings, GitSources, Permit};
pub use ssh::{SshAgent, SshSettings};
pub use tree::GitTree;
