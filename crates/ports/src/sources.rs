//! Where desired state comes from.

use argosy_object::{Class, Classified, Digest, Str};
use argosy_tree::Tree;
use async_trait::async_trait;
use jiff::Timestamp;
use std::fmt;
use std::sync::Arc;
use tokio::sync::watch;

/// Names the credential that a repository is read with. It is part of every cache key: two
/// tenants share a mirror only where they share the credential. Empty: none.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct CredentialId(pub Str);

/// A repository as one tenant sees it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RepoRef {
    /// The URL as written in the spec.
    pub url: Str,
    /// The credential.
    pub credential: CredentialId,
    /// The project that reads it: submodules are read as its repositories.
    pub project: Str,
}

/// Which revision is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Wanted {
    /// `targetRevision`: SHA, branch, tag, `HEAD`, full ref or a semver range; empty is `HEAD`.
    pub revision: Str,
    /// Only tags with this prefix count, and it is cut before ranges are compared.
    pub tag_prefix: Option<Str>,
    /// The chart of a chart repository, whose version the revision then is; else empty.
    pub chart: Str,
    /// Whether the repository's credential goes along to other hosts that a chart lies on.
    pub pass_credentials: bool,
}

/// A resolved, immutable revision.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Artifact {
    /// Where it is from.
    pub repo: RepoRef,
    /// The commit, in 40 hexadecimal digits; for charts the version.
    pub revision: Str,
    /// Identity of the content; of a chart that is not fetched yet, of what is known of it.
    pub digest: Digest,
    /// The chart whose version this is; else empty.
    pub chart: Str,
    /// As it was wanted.
    pub pass_credentials: bool,
}

/// A chart in a chart repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ChartRef {
    /// The repository.
    pub repo: RepoRef,
    /// The chart's name.
    pub name: Str,
    /// A version or a semver range; empty for the highest that is no pre-release.
    pub version: Str,
    /// Whether the repository's credential goes along to other hosts that a chart lies on.
    pub pass_credentials: bool,
}

/// The newest answer for something that is followed.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The last good answer.
    pub artifact: Option<Artifact>,
    /// Why the last look failed, where it did.
    pub error: Option<SourceError>,
    /// When that was.
    pub at: Option<Timestamp>,
}

/// The kind of a source's failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceErrorKind {
    /// The server was not reached or broke off.
    Unreachable,
    /// It wants another credential.
    Unauthorized,
    /// There is no such repository.
    NoRepository,
    /// There is no such branch, tag or commit.
    NoRevision,
    /// A rule forbids it: a local path outside the allowed roots, a scheme.
    Forbidden,
    /// Something we do not do yet, or a limit.
    Unsupported,
}

/// A source's failure. Credentials never stand in its text.
#[derive(Clone, Debug)]
pub struct SourceError {
    /// The kind.
    pub kind: SourceErrorKind,
    /// What failed, on what.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for SourceError {}

impl Classified for SourceError {
    fn class(&self) -> Class {
        match self.kind {
            SourceErrorKind::Unreachable => Class::Transient,
            SourceErrorKind::Unauthorized | SourceErrorKind::Forbidden => Class::Denied,
            _ => Class::Stalled,
        }
    }

    fn hint(&self) -> Option<String> {
        self.hint.clone()
    }
}

/// Repositories, whatever is behind them.
#[async_trait]
pub trait Sources: Send + Sync {
    /// The repository of a URL as a project sees it: its own credential where there is one, else
    /// the longest prefix that a credential template names. `@name` and `alias:name` are names of
    /// Helm repositories.
    fn repo(&self, url: &str, project: &str) -> RepoRef;

    /// Resolves a revision from what the mirror has; looks at the remote first where the
    /// mirror has never been filled or lacks it.
    async fn resolve(&self, repo: &RepoRef, wanted: &Wanted) -> Result<Artifact, SourceError>;

    /// The files of a revision.
    async fn tree(&self, artifact: &Artifact) -> Result<Arc<dyn Tree>, SourceError>;

    /// One file by its URL, where something names just that. `repo.url` is the URL.
    async fn file(&self, repo: &RepoRef, max_bytes: u64) -> Result<Vec<u8>, SourceError> {
        let _ = max_bytes;
        Err(SourceError {
            kind: SourceErrorKind::Unsupported,
            message: format!("`{}`: files are not fetched by URL here", repo.url),
            hint: None,
        })
    }

    /// The files of a chart, with the version that the range resolved to.
    async fn chart(&self, chart: &ChartRef) -> Result<(Artifact, Arc<dyn Tree>), SourceError>;

    /// Follows a revision: one poll a repository and credential, however many follow.
    /// The poll ends with the last receiver.
    fn follow(&self, repo: &RepoRef, wanted: &Wanted) -> watch::Receiver<Seen>;

    /// Looks at once at every repository that is followed and has one of these URLs, however it
    /// is spelt there, and looks again a little later where that showed nothing new. Gives how
    /// many there are, and waits for none.
    fn pushed(&self, urls: &[String]) -> usize;

    /// Looks at the remote at once, and answers when the mirror is up to date.
    async fn refresh(&self, repo: &RepoRef) -> Result<(), SourceError>;

    /// The same for a chart repository; also what is known of its versions is looked at again.
    async fn refresh_charts(&self, repo: &RepoRef) -> Result<(), SourceError>;
}
