//! Repositories of the disk and of a real smart-HTTP server, through the `Sources` port.

#![allow(clippy::unwrap_used)] // all of it is test code

mod http;
mod local;
mod server;
mod world;
