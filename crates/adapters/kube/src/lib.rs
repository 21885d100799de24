//! Clusters: transport, discovery, apply and the live cache.
