//! Why an operation on a release failed.

use argosy_helm::HelmError;
use argosy_helm::release::{HistoryError, Release};
use argosy_object::{Class, Classified};
use argosy_ports::ApiError;

/// Why an operation on a release failed, in Helm's words.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ReleaseError {
    /// The cluster does not answer.
    #[error("kubernetes cluster unreachable: {0}")]
    Unreachable(ApiError),
    /// There is no such revision.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// Records cannot be read or written.
    #[error("{doing}: {error}")]
    Store {
        /// What was being done, as `query: failed to query with labels`.
        doing: String,
        /// Why it failed.
        error: ApiError,
    },
    /// Another operation is under way.
    #[error("another operation (install/upgrade/rollback) is in progress")]
    Pending,
    /// The chart cannot be rendered.
    #[error(transparent)]
    Render(#[from] HelmError),
    /// What is asked for cannot be.
    #[error("{0}")]
    Refused(String),
    /// The cluster refused something before anything was recorded.
    #[error("{doing}: {error}")]
    Cluster {
        /// What was being done.
        doing: String,
        /// Why it failed.
        error: ApiError,
    },
    /// The operation ran and failed; the record tells it.
    #[error("{0}")]
    Failed(String),
}

impl Classified for ReleaseError {
    fn class(&self) -> Class {
        match self {
            Self::Unreachable(error) | Self::Store { error, .. } | Self::Cluster { error, .. } => {
                error.class()
            }
            Self::Pending => Class::Waiting,
            Self::History(_) | Self::Render(_) | Self::Refused(_) | Self::Failed(_) => {
                Class::Stalled
            }
        }
    }
}

/// A failed operation with the revision that it left, where it came so far.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Why.
    pub error: ReleaseError,
    /// The revision.
    pub release: Option<Box<Release>>,
}

impl<E: Into<ReleaseError>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self {
            error: error.into(),
            release: None,
        }
    }
}
