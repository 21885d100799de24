//! Why a chart could not be rendered, in Helm's words.

use argosy_object::{Class, Classified};
use argosy_tree::TreeError;

/// Why a chart could not be loaded or rendered. The texts are those that `helm` prints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelmError {
    /// The files of the chart could not be read.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The chart's own files are wrong.
    #[error("{0}")]
    Chart(String),
    /// The values given are wrong.
    #[error("{0}")]
    Values(String),
    /// The chart does not want to run on this version of Kubernetes.
    #[error("{0}")]
    Incompatible(String),
    /// A template does not parse or fails.
    #[error("{0}")]
    Template(String),
    /// A rendered document is not YAML, or no manifest.
    #[error("{0}")]
    Manifest(String),
    /// A post-renderer failed, or what it answered is no manifest.
    #[error("{0}")]
    PostRender(String),
    /// A limit was reached.
    #[error("{0}")]
    Limit(String),
}

impl HelmError {
    /// Whether rendering had begun: then `helm template --debug` shows what came of it.
    pub fn is_of_rendering(&self) -> bool {
        matches!(
            self,
            Self::Incompatible(_) | Self::Template(_) | Self::Manifest(_) | Self::PostRender(_)
        )
    }
}

impl Classified for HelmError {
    fn class(&self) -> Class {
        match self {
            Self::Tree(error) => error.class(),
            _ => Class::Stalled,
        }
    }
}
