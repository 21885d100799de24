//! The stages of one Application as functions over ports.
