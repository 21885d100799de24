//! ApplicationSets as people write them, and what upstream was seen to make of them.

mod lifecycle;
mod mission;
mod observed;
mod setup;
