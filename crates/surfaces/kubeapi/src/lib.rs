//! A Kubernetes-compatible API in the process.
