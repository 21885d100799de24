//! Compatibility tests against the real tools.
