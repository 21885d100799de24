//! Git repositories as sources: mirrors, polls and trees read from the object database.
//!
//! [`GitSources`] implements the `Sources` port. Repositories of the local disk are read where
//! they lie, others through one bare mirror for each URL and credential; no work tree is ever
//! written and no `git` program is called, only `ssh` where a URL asks for it. [`GitTree`] reads a commit's files, [`DiskTree`] a
//! folder that is in no repository, and [`author`] makes repositories and commits.
#![warn(missing_docs)]

pub mod author;
mod composed;
mod credentials;
mod disk;
mod download;
mod failure;
mod fetch;
mod local;
mod location;
mod mirror;
mod objects;
mod place;
mod poll;
mod proxy;
mod refs;
mod remote;
mod repository;
mod smart_http;
mod sources;
mod ssh;
mod submodules;
mod tls;
mod tree;
mod wire;

pub use credentials::Credentials;
pub use disk::DiskTree;
pub use download::{Download, download};
pub use location::{InsteadOf, redact_url};
pub use proxy::Proxies;
pub use sources::{GitSettings, GitSources, Permit};
pub use ssh::{SshAgent, SshSettings};
pub use tree::GitTree;
pub use wire::Patience;
