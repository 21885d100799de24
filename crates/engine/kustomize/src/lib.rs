//! Kustomizations built as a function call.
