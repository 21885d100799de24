//! Helm charts rendered as a function call.
//!
//! [`render_chart`] is the whole way from a folder in a tree to objects. Its steps stand alone
//! too: [`load_folder`] or [`load_archive`] makes a [`Chart`], [`merge_layers`] the values that a
//! user gives, [`render_release`] the manifests: the same bytes that helm 4.1.4 prints. Nothing
//! here performs IO but bounded reads of the chart's tree.
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
mod known;
mod load;
mod manifest;
mod metadata;
mod pretty;
mod render;
mod request;
mod strvals;
mod toml;
mod values;

pub use cache::TemplateCache;
pub use chart::{Chart, Dependency, File, Metadata};
pub use error::HelmError;
pub use funcs::{Expired, Lookup, Lookups};
pub use hosts::KubeVersion;
pub use load::{load_archive, load_folder};
pub use manifest::{Hook, INSTALL_ORDER, Manifest};
pub use render::{OutputOptions, ReleaseRequest, Rendering, Step, render_release};
pub use request::{ChartRequest, RenderedChart, SetKind, SetValue, render_chart, template_chart};
pub use values::{Layer, ReadFile, Table, merge_layers};
