//! The async traits through which drivers see the world.
//!
//! No implementations: `adapters` holds one crate for each outside system, tests hold fakes.
#![warn(missing_docs)]

mod api;
mod clock;
mod cluster;
mod service;
mod sources;

pub use api::{
    Api, ApiError, ApiErrorKind, DeleteOptions, ListOptions, ObjectList, PatchBody, Propagation,
    Resource, TableOf, WatchEvent, WatchOptions, WatchStream, WriteOptions,
};
pub use clock::{Clock, SystemTime};
pub use cluster::{
    Applied, AppliedHow, ApplyMode, ApplyOptions, Cluster, ClusterFacts, Clusters, Identity,
    LiveChange, LiveNode, LiveObject, LiveSet, LiveWant,
};
pub use service::{ApiService, Body, BoxError, empty_body, full_body};
pub use sources::{
    Artifact, ChartRef, CredentialId, RepoRef, Seen, SourceError, SourceErrorKind, Sources, Wanted,
};
