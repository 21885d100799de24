//! Helm charts rendered as a function call.
