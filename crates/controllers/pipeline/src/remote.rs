//! What kustomizations name elsewhere, fetched under the rules that hold for sources.

use crate::error::StageError;
use argosy_ports::{Artifact, RepoRef, SourceError, SourceErrorKind, Sources, Wanted};
use argosy_render::{RemoteFile, RemoteTree};
use argosy_tree::Tree;
use std::sync::Arc;
use std::time::Duration;

/// The largest file that is fetched by URL.
const MAX_FILE_BYTES: u64 = 16 << 20;

/// How long a file may take.
const FILE_TIMEOUT: Duration = Duration::from_secs(30);

/// Whether a project may read a repository or a file; where not, why.
pub type Permit<'a> = dyn Fn(&str) -> Result<(), String> + Send + Sync + 'a;

/// Fetches for one application.
pub(crate) struct Reach<'a> {
    /// Nothing: nothing is fetched here.
    pub(crate) sources: Option<&'a Arc<dyn Sources>>,
    pub(crate) project: &'a str,
    pub(crate) permit: &'a Permit<'a>,
    /// Hosts that may be asked; empty for all.
    pub(crate) hosts: &'a [String],
}

impl Reach<'_> {
    /// A repository's tree, at the commit that its revision means now.
    ///
    /// # Errors
    /// [`StageError::Invalid`] where a rule forbids it, [`StageError::Source`] where it fails.
    pub(crate) async fn tree(&self, need: &RemoteTree) -> Result<Arc<dyn Tree>, StageError> {
        let sources = self.allowed(&need.repo)?;
        let (repo, wanted) = followed(sources.as_ref(), need, self.project);
        let fetch = async {
            let artifact: Artifact = sources.resolve(&repo, &wanted).await?;
            sources.tree(&artifact).await
        };
        let limit = Duration::from_secs(need.timeout_seconds.into());
        bounded(&need.repo, limit, fetch).await
    }

    /// A file's content.
    ///
    /// # Errors
    /// As [`Reach::tree`].
    pub(crate) async fn file(&self, need: &RemoteFile) -> Result<Vec<u8>, StageError> {
        let sources = self.allowed(&need.0)?;
        let repo = sources.repo(&need.0, self.project);
        let fetch = sources.file(&repo, MAX_FILE_BYTES);
        bounded(&need.0, FILE_TIMEOUT, fetch).await
    }

    fn allowed(&self, url: &str) -> Result<&Arc<dyn Sources>, StageError> {
        let refused = |why: String| StageError::Invalid(format!("remote base `{url}`: {why}"));
        (self.permit)(url).map_err(refused)?;
        let host = host(url);
        if !self.hosts.is_empty() && !self.hosts.iter().any(|allowed| allowed == host) {
            return Err(refused(format!(
                "host `{host}` is not among those that bases may come from (`--remote-hosts`)"
            )));
        }
        self.sources
            .ok_or_else(|| refused("nothing is fetched here".into()))
    }
}

/// The repository and revision to follow for a remote tree.
pub fn followed(sources: &dyn Sources, need: &RemoteTree, project: &str) -> (RepoRef, Wanted) {
    let wanted = Wanted {
        revision: need.revision.as_str().into(),
        ..Wanted::default()
    };
    (sources.repo(&need.repo, project), wanted)
}

async fn bounded<T>(
    url: &str,
    limit: Duration,
    fetch: impl Future<Output = Result<T, SourceError>>,
) -> Result<T, StageError> {
    let failed = |source: SourceError| StageError::Source {
        message: format!("Failed to load the remote base `{url}`: {source}"),
        source,
    };
    match tokio::time::timeout(limit, fetch).await {
        Ok(outcome) => outcome.map_err(failed),
        Err(_) => Err(failed(SourceError {
            kind: SourceErrorKind::Unreachable,
            message: format!("it took longer than {} seconds", limit.as_secs()),
            hint: Some("a URL's `timeout=` parameter gives it longer".into()),
        })),
    }
}

/// The host of a URL or of `user@host:path`, without a port; empty for a local path.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    host.split(':').next().unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn hosts_are_told_from_users_ports_and_paths() {
        for (url, wanted) in [
            ("https://github.com/org/repo", "github.com"),
            ("https://user@git.example:8443/x", "git.example"),
            ("git@github.com:org/repo", "github.com"),
            ("https://evil.example/github.com/x", "evil.example"),
            ("https://github.com@evil.example/x", "evil.example"),
            ("file:///srv/git", ""),
        ] {
            assert_eq!(host(url), wanted, "{url}");
        }
    }
}
