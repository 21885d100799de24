//! Helm charts rendered as a function call.
//!
//! [`render_chart`] is the whole way from a folder in a tree to objects. Its steps stand alone
//! too: [`load_folder`] or [`load_archive`] makes a [`Chart`], [`merge_layers`] the values that a
//! user gives, [`render_release`] the manifests: the same bytes that helm 4.1.4 prints. What becomes
//! of them in a cluster is [`release`]'s. Nothing here performs IO but bounded reads of the chart's
//! tree.
#![warn(missing_docs)]

mod archive;
mod cache;
mod chart;
mod dependencies;
mod engine;
mod error;
mod funcs;
mod glob;
mod hosts;
mod ignore;
mod index;
mod known;
mod lacking;
mod lint;
mod load;
mod lock;
mod manifest;
mod metadata;
mod name;
mod output;
mod outside;
mod package;
mod postrender;
mod pretty;
pub mod release;
mod render;
mod request;
mod schema;
mod show;
mod strvals;
mod toml;
mod values;

pub use argosy_gotmpl::GoTime;
pub use argosy_sprig::regexp::Regexp;
pub use cache::TemplateCache;
pub use chart::{Chart, Dependency, File, Metadata};
pub use error::HelmError;
pub use funcs::{Expired, Lookup, Lookups};
pub use hosts::KubeVersion;
pub use index::{Index, IndexEntry, MAX_INDEX_BYTES};
pub use lacking::{lacking, load_beside};
pub use lint::{LintMessage, LintRequest, Severity, lint};
pub use load::{load_archive, load_folder, unpack_archive};
pub use lock::{Lock, legacy_lock_digest, lock_digest};
pub use manifest::{Hook, INSTALL_ORDER, Manifest};
pub use name::name_of_template;
pub use output::OutputOptions;
pub use outside::{Outside, PostRenderer, Resolve};
pub use package::pack;
pub use render::{ReleaseRequest, Rendering, Step, crds_of, render_release, render_unsorted};
pub use request::{ChartRequest, RenderedChart, SetKind, SetValue, render_chart, template_chart};
pub use show::ShowPart;
pub use values::{Layer, ReadFile, Table, merge_layers};
