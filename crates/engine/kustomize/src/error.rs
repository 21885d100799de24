//! Why a kustomization cannot be built.

use argosy_object::{Class, Classified};
use argosy_schema::PatchError;
use argosy_tree::{RelPath, TreeError};
use argosy_yaml::YamlError;

/// Why a kustomization cannot be built.
#[derive(Debug, Clone, thiserror::Error, PartialEq)]
pub enum KustomizeError {
    /// A file or folder cannot be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file is no YAML.
    #[error(transparent)]
    Yaml(#[from] YamlError),
    /// Something in a kustomization is wrong; the text says what.
    #[error("`{file}`: {text}")]
    Invalid {
        /// The file that says so.
        file: String,
        /// What is wrong.
        text: String,
    },
    /// A step on the resources failed.
    #[error("{0}")]
    Failed(String),
    /// The kustomization asks for what is not done here.
    #[error("`{file}`: {what} is not supported")]
    Unsupported {
        /// The file that asks.
        file: String,
        /// What it asks for.
        what: String,
    },
    /// A folder has no kustomization.
    #[error(
        "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{0}'"
    )]
    Missing(RelPath),
    /// A folder has more than one kustomization.
    #[error("found multiple kustomization files under: {0}")]
    Ambiguous(RelPath),
    /// A base contains what is being built.
    #[error("`{file}`: cycle: `{base}` contains or is what is being built")]
    Cycle {
        /// The file that names the base.
        file: String,
        /// The base.
        base: RelPath,
    },
    /// Bases are nested too deep.
    #[error("`{0}`: bases are nested deeper than {max}", max = crate::target::MAX_LAYERS)]
    TooDeep(String),
    /// A file outside the folder of its kustomization.
    #[error("security; file '{path}' is not in or below '{root}'")]
    Outside {
        /// The file.
        path: RelPath,
        /// The folder.
        root: RelPath,
    },
}

impl KustomizeError {
    pub(crate) fn invalid(file: impl ToString, text: impl Into<String>) -> Self {
        Self::Invalid {
            file: file.to_string(),
            text: text.into(),
        }
    }

    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(text.into())
    }
}

impl From<PatchError> for KustomizeError {
    fn from(error: PatchError) -> Self {
        Self::Failed(error.to_string())
    }
}

impl Classified for KustomizeError {
    fn class(&self) -> Class {
        match self {
            Self::Tree(error) => error.class(),
            Self::Outside { .. } => Class::Denied,
            _ => Class::Stalled,
        }
    }
}
