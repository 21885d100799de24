//! Repositories of the disk, of a real smart-HTTP server and of a real sshd, through the `Sources` port.

#![allow(clippy::unwrap_used)] // all of it is test code

mod faults;
mod hostile;
mod http;
mod large;
mod life;
mod local;
mod network;
mod ssh;
mod submodules;
mod world;
