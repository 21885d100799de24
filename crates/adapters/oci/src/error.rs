//! Why a chart was not found, fetched or sent. Texts are helm's own where it has one.

use argosy_fetch::FetchError;
use argosy_helm::HelmError;
use argosy_ports::SourceErrorKind;

/// A chart that was not found, fetched or sent.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// There was no answer, or half of one.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A chart repository answered with something else than 200.
    #[error("failed to fetch {url} : {status}")]
    Status {
        /// The URL, without user information.
        url: String,
        /// The status.
        status: http::StatusCode,
    },
    /// A registry answered with something else than it should.
    #[error("{method} \"{url}\": response status code {}: {text}", .status.as_u16())]
    Registry {
        /// The request's method.
        method: String,
        /// Its URL.
        url: String,
        /// The status.
        status: http::StatusCode,
        /// What the registry says of it.
        text: String,
    },
    /// A registry has no such manifest.
    #[error("failed to perform \"FetchReference\" on source: {0}: not found")]
    NoManifest(String),
    /// The URL's scheme is none that is read.
    #[error("could not find protocol handler for: {0}")]
    Scheme(String),
    /// A reference that is none.
    #[error("invalid reference: {0}")]
    Reference(String),
    /// The index is broken, or too large.
    #[error(transparent)]
    Helm(#[from] HelmError),
    /// There is no such chart or version.
    #[error("{0}")]
    NotFound(String),
    /// What came is not what its digest says.
    #[error("{place}: its digest is {found}, but {who} says {wanted}")]
    Digest {
        /// What was fetched.
        place: String,
        /// The digest of what came.
        found: String,
        /// Who told another one.
        who: &'static str,
        /// The digest that was told.
        wanted: String,
    },
    /// A manifest, a token or a list that cannot be used.
    #[error("{place}: {reason}")]
    Malformed {
        /// Where it is from.
        place: String,
        /// What is wrong.
        reason: String,
    },
    /// A limit was passed.
    #[error("{place}: {what} is over the limit of {limit}")]
    Limit {
        /// Where it is from.
        place: String,
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// The local disk failed.
    #[error("cannot {doing} `{path}`: {error}")]
    Disk {
        /// What was being done.
        doing: &'static str,
        /// On which file.
        path: String,
        /// Why it failed.
        error: std::io::Error,
    },
}

impl ChartError {
    /// The kind that a source's failure has.
    pub fn kind(&self) -> SourceErrorKind {
        match self {
            Self::Fetch(FetchError::NoAnswer { .. } | FetchError::Broken { .. })
            | Self::Disk { .. } => SourceErrorKind::Unreachable,
            Self::Status { status, .. } | Self::Registry { status, .. } => match status.as_u16() {
                401 | 403 => SourceErrorKind::Unauthorized,
                404 => SourceErrorKind::NoRepository,
                429 | 500.. => SourceErrorKind::Unreachable,
                _ => SourceErrorKind::NoRepository,
            },
            Self::NoManifest(_) | Self::NotFound(_) | Self::Digest { .. } => {
                SourceErrorKind::NoRevision
            }
            Self::Scheme(_) | Self::Reference(_) => SourceErrorKind::NoRepository,
            _ => SourceErrorKind::Unsupported,
        }
    }

    pub(crate) fn disk(doing: &'static str, path: &std::path::Path, error: std::io::Error) -> Self {
        Self::Disk {
            doing,
            path: path.display().to_string(),
            error,
        }
    }
}
