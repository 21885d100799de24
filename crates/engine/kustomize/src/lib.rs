//! Kustomizations built as a function call.
//!
//! What goes in is a rooted tree and a folder of it, what comes out are the objects that
//! `kustomize build` 5.8 prints, in its order. Nothing is run and nothing is fetched: what a
//! kustomization names elsewhere is asked for ([`KustomizeError::Needs`]), a chart that is not
//! there or a plugin that is a program is refused by name.
//!
//! The way of a build: `layer` accumulates resources, bases and components, generates, and runs
//! the transformers of each layer; then names get their hashes, references follow the names,
//! variables are filled in, and the order is applied.
#![warn(missing_docs)]

mod budget;
mod charts;
mod config;
mod crds;
mod edit;
mod edits;
mod error;
mod fields;
mod flux;
mod generate;
mod glob;
mod id;
mod images;
mod kustomization;
mod labels;
mod layer;
mod load;
mod merge;
mod names;
mod namespace;
mod openapi;
mod order;
mod patch;
mod path;
mod plugins;
mod provenance;
mod refs;
mod remote;
mod replace;
mod resmap;
mod resource;
mod selector;
mod target;
mod vars;

pub use edit::{
    Edit, Edited, GeneratorEdit, GeneratorKind, KustomizationFile, LabelPlace, ListField,
    MetadataKind, ReadFile,
};
pub use edits::Edits;
pub use error::KustomizeError;
pub use flux::{
    FluxFields, SubstituteError, Substitution, flux_build, flux_build_with, flux_kustomization,
    substitute,
};
pub use load::{FILE_NAMES, is_remote};
pub use remote::{Remote, RemoteChart, RemoteFile, RemoteTree, Remotes, RepoSpec};
pub use target::{BuildOptions, Built, HelmOptions, build, build_with};

use argosy_object::Value;

/// Whether a pattern fits the whole of a path, as Go's `filepath.Match` says.
pub fn fits_pattern(pattern: &str, path: &str) -> bool {
    glob::Pattern::parse(pattern).is_some_and(|pattern| pattern.fits(path, false))
}

/// Writes objects as `kustomize build` prints them.
pub fn to_yaml<'v>(objects: impl IntoIterator<Item = &'v Value>) -> String {
    let documents: Vec<String> = objects.into_iter().map(argosy_yaml::to_string).collect();
    documents.join("---\n")
}
