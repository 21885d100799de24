//! Clusters, repositories and tools for tests.
