//! The API as its clients see it, called in the process.
#![allow(clippy::unwrap_used)] // a test that cannot go on may panic

mod client;
mod discovery;
mod garbage;
mod lists;
mod objects;
mod patches;
mod watches;
