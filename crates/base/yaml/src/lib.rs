//! Kubernetes' YAML, read and written byte for byte as sigs.k8s.io/yaml does.
