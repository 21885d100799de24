//! Git repositories as sources: mirrors, polls and trees read from the object database.
//!
//! [`GitSources`] implements the `Sources` port. Repositories of the local disk are read where
//! they lie, others through one bare mirror for each URL and credential; no work tree is ever
//! written and no `git` program is called. [`GitTree`] reads a commit's files, [`DiskTree`] a
//! folder that is in no repository, and [`author`] makes repositories and commits.
#![warn(missing_docs)]

pub mod author;
mod disk;
mod failure;
mod fetch;
mod local;
mod location;
mod mirror;
mod objects;
mod poll;
mod refs;
mod repository;
mod smart_http;
mod sources;
mod tree;

pub use argosy_fetch::{Credentials, redact_url};
pub use disk::DiskTree;
pub use location::InsteadOf;
pub use sources::{GitSettings, GitSources};
pub use tree::GitTree;
