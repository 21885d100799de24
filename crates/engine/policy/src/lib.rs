//! What a project allows: sources, destinations and kinds.
//!
//! Compat: AppProject of Argo CD (`pkg/apis/application/v1alpha1/app_project_types.go`).
#![warn(missing_docs)]

mod glob;
mod project;

pub use glob::{Glob, normalize_repo_url};
pub use project::{Denied, Project};
