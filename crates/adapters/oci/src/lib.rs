//! Charts from everywhere: chart repositories over HTTP, and OCI registries.
//!
//! [`ChartRepository`] reads an `index.yaml` and the archives that it names, [`Registry`] speaks
//! the distribution protocol. Both block, both bound what they read, and both check digests.
//! [`ChartSources`] puts them behind the `Sources` port for Applications that name a `chart`:
//! with credentials of Argo CD's Secrets, indexes and archives kept on disk, and a poll for
//! ranges of versions.
#![warn(missing_docs)]

mod artifacts;
mod docker_config;
mod error;
mod index_cache;
mod registry;
mod repository;
mod sources;
mod tar;

pub use artifacts::Artifacts;
pub use docker_config::{DockerConfig, HelperRunner};
pub use error::ChartError;
pub use index_cache::IndexCache;
pub use registry::push::{Pushed, push_chart};
pub use registry::reference::Reference;
pub use registry::{Login, PulledChart, Registry, RegistryAccess, choose_tag};
pub use repository::{ChartRepository, RepositoryAccess, resolve_url};
pub use sources::{ChartSettings, ChartSources};

/// The largest packed chart.
pub const MAX_ARCHIVE_BYTES: u64 = 100 << 20;
