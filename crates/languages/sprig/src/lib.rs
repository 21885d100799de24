//! The functions that charts and ApplicationSets call: sprig v3, to the letter.
#![warn(missing_docs)]

pub mod duration;
pub mod layout;
pub mod regexp;

pub(crate) use layout::quote as layout_quote;
