//! The commands, one file each.

pub mod app;
pub mod appset;
pub mod bench;
pub mod cluster;
pub mod completion;
pub mod debug;
pub mod demo;
pub mod helm;
pub mod kustomize;
pub mod project;
pub mod render;
pub mod repo;
pub mod run;
mod source_flags;
pub mod up;
pub mod version;
