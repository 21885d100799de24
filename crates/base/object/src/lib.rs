//! Kubernetes objects as values: identity, metadata, digests, error classes and redaction.
