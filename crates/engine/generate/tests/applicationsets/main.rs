//! ApplicationSets as people write them, and what upstream was seen to make of them.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

mod lifecycle;
mod mission;
mod observed;
mod setup;
