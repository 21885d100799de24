//! Repositories of the disk and of a real smart-HTTP server, through the `Sources` port.

mod http;
mod local;
mod server;
mod world;
