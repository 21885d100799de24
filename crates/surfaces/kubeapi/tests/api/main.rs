//! The API as its clients see it, called in the process.

mod client;
mod discovery;
mod garbage;
mod lists;
mod objects;
mod patches;
mod watches;
