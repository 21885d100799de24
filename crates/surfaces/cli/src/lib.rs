//! How commands talk: settings, tables, progress, errors and exit codes.
//!
//! A command makes a value; this crate prints it. [`Listing`] is a list that knows its table,
//! its names and its objects, so `-o json|yaml|wide|name` come with it. [`hub`] holds what
//! commands do to Argo CD's objects through any Kubernetes API, and [`view`] how they look.
//! Names of columns and flags are the `argocd` program's.
#![warn(missing_docs)]

mod failure;
pub mod hub;
mod output;
mod progress;
mod settings;
mod table;
mod terminal;
pub mod view;

pub use failure::{EXIT_DIFF_ERROR, EXIT_DIFFERS, EXIT_FAILURE, Failure};
pub use output::{Format, Listing, to_pretty_json, to_yaml_document};
pub use progress::Progress;
pub use settings::{
    FileSettings, Flags, GitEnvironment, GitOptions, Settings, SettingsError, parse_bytes,
    parse_interval,
};
pub use table::Table;
pub use terminal::{Colour, Terminal};
