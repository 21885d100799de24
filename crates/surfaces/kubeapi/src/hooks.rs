//! What each kind does beyond its schema: the closed list of hooks.

pub mod label_selector;
