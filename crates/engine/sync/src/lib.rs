//! Decides what is applied, in which order and when.
