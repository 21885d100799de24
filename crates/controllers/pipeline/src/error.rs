//! Why a stage ended early.

use argosy_object::{Class, Classified};
use argosy_ports::{ApiError, SourceError};
use argosy_render::RenderError;

/// A stage that ended early, with the condition type that tells of it.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A source could not be resolved or read.
    #[error("{message}")]
    Source {
        /// What failed, on which source.
        message: String,
        /// The cause.
        source: SourceError,
    },
    /// A source does not render.
    #[error("Failed to generate manifest for source {index} of {count}: {source}")]
    Render {
        /// Place of the source, from 1.
        index: usize,
        /// How many there are.
        count: usize,
        /// The cause.
        source: Box<RenderError>,
    },
    /// The cluster could not be read.
    #[error("Failed to load live state: {0}")]
    Live(ApiError),
    /// The spec, or a rule, forbids it.
    #[error("{0}")]
    Invalid(String),
    /// Comparing is not possible.
    #[error("{0}")]
    Compare(String),
    /// Rendering ended abnormally.
    #[error("rendering ended abnormally: {0}")]
    Panicked(String),
}

impl StageError {
    /// The error's text, and what to do about it where that is known.
    pub fn sentence(&self) -> String {
        match self.hint() {
            Some(hint) => format!("{self} ({hint})"),
            None => self.to_string(),
        }
    }
}

impl Classified for StageError {
    fn class(&self) -> Class {
        match self {
            Self::Source { source, .. } => source.class(),
            Self::Render { source, .. } => source.class(),
            Self::Live(error) => error.class(),
            Self::Invalid(_) => Class::Denied,
            Self::Compare(_) => Class::Stalled,
            Self::Panicked(_) => Class::Bug,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Source { source, .. } => source.hint(),
            Self::Render { source, .. } => source.hint(),
            _ => None,
        }
    }
}
