//! Why a set generates nothing. An error anywhere stops all of it: nothing is then created,
//! changed or deleted.

use argosy_object::{Class, Classified};

/// Why a set could not be generated. The texts are upstream's, since conditions show them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GenerateError {
    /// A field of the set has not the type it should have.
    #[error("`{field}` is not valid: {reason}")]
    Invalid {
        /// The field, as a path.
        field: String,
        /// What is wrong.
        reason: String,
    },
    /// A generator that is not there yet. Generating without it would delete its Applications.
    #[error("`{field}`: the {generator} generator is not supported yet")]
    Unsupported {
        /// The field, as a path.
        field: String,
        /// The generator, such as `scmProvider`.
        generator: String,
    },
    /// A generator failed.
    #[error("{0}")]
    Params(String),
    /// The template, or the patch of it, could not be rendered.
    #[error("{0}")]
    Render(String),
}

impl GenerateError {
    /// The reason that the condition `ErrorOccurred` carries.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Render(_) => "RenderTemplateParamsError",
            _ => "ApplicationGenerationFromParamsError",
        }
    }
}

impl Classified for GenerateError {
    fn class(&self) -> Class {
        Class::Stalled
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Unsupported { .. } => {
                Some("nothing is changed or deleted until the generator is taken out".into())
            }
            _ => None,
        }
    }
}

/// How an evaluation ends early.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Something is missing that the caller can provide; what, is noted elsewhere.
    Needs,
    /// An error.
    Error(GenerateError),
}

impl Fault {
    /// An error of a generator.
    pub(crate) fn params(text: impl Into<String>) -> Self {
        Self::Error(GenerateError::Params(text.into()))
    }

    /// Puts a sentence before an error's text.
    pub(crate) fn within(self, context: &str) -> Self {
        match self {
            Self::Error(GenerateError::Params(text)) => Self::params(format!("{context}: {text}")),
            other => other,
        }
    }
}

impl From<GenerateError> for Fault {
    fn from(error: GenerateError) -> Self {
        Self::Error(error)
    }
}
