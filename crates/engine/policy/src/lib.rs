//! What a project allows: sources, destinations and kinds.
//!
//! Compat: AppProject of Argo CD (`pkg/apis/application/v1alpha1/app_project_types.go`).
#![warn(missing_docs)]

mod project;
mod url;

pub use project::{Denied, Project};
pub use url::normalize_repo_url;
