//! The failures of a repository, said once for all: what failed, on which URL, and the way out.

use argosy_fetch::redact_url;
use argosy_ports::{SourceError, SourceErrorKind};

/// Longest reason that is passed on from a server or a library.
const MAX_REASON: usize = 600;

pub(crate) fn unreachable(url: &str, reason: &str) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Unreachable,
        message: format!(
            "repository `{}` cannot be reached: {}",
            redact_url(url),
            shorten(reason)
        ),
        hint: Some("check the URL, the network and the server; it is tried again by itself".into()),
    }
}

pub(crate) fn unauthorized(url: &str, credential: &str, status: u16) -> SourceError {
    let url = redact_url(url);
    let (what, hint) = if credential.is_empty() {
        (
            format!("repository `{url}` wants a credential (HTTP {status})"),
            format!(
                "add a Secret labelled `argocd.argoproj.io/secret-type: repository` for this URL, \
                 or run `argosy repo add {url} --username U --password P`"
            ),
        )
    } else {
        (
            format!("repository `{url}` refuses the credential `{credential}` (HTTP {status})"),
            format!("renew the username, password or token in the Secret `{credential}`"),
        )
    };
    SourceError {
        kind: SourceErrorKind::Unauthorized,
        message: what,
        hint: Some(hint),
    }
}

pub(crate) fn no_repository(url: &str, reason: &str) -> SourceError {
    SourceError {
        kind: SourceErrorKind::NoRepository,
        message: format!(
            "there is no Git repository at `{}`: {}",
            redact_url(url),
            shorten(reason)
        ),
        hint: Some(
            "check the URL; a private repository may hide itself until a credential is given"
                .into(),
        ),
    }
}

/// `Compat:` the words before the colon's end are Argo CD's.
pub(crate) fn no_revision(url: &str, revision: &str, why: Option<&str>) -> SourceError {
    let why = why.map(|why| format!(": {why}")).unwrap_or_default();
    SourceError {
        kind: SourceErrorKind::NoRevision,
        message: format!(
            "unable to resolve '{}' to a commit SHA in repository `{}`{why}",
            shorten(revision),
            redact_url(url)
        ),
        hint: Some("check `targetRevision`: no branch, tag or commit has that name".into()),
    }
}

pub(crate) fn outside_roots(url: &str) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Forbidden,
        message: format!(
            "repository `{}` is on the local disk, outside the folders that may be read",
            redact_url(url)
        ),
        hint: Some("start with `--local-repos DIR`, where DIR holds the repository".into()),
    }
}

pub(crate) fn ssh_comes_later(url: &str) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Unsupported,
        message: format!(
            "repository `{}` is reached over ssh, and ssh comes later",
            redact_url(url)
        ),
        hint: Some(
            "use its https URL, or map it with `--git-instead-of https://HOST/=git@HOST:`".into(),
        ),
    }
}

pub(crate) fn unsupported(message: String, hint: Option<String>) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Unsupported,
        message,
        hint,
    }
}

pub(crate) fn storage(url: &str, doing: &str, reason: &dyn std::fmt::Display) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Unreachable,
        message: format!(
            "cannot {doing} for repository `{}`: {}",
            redact_url(url),
            shorten(&reason.to_string())
        ),
        hint: Some("check the data folder's disk space and permissions".into()),
    }
}

fn shorten(text: &str) -> String {
    let line: String = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_REASON)
        .collect();
    line.trim().to_owned()
}
