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

/// A certificate that is not taken, ours or the server's.
pub(crate) fn untrusted(url: &str, host: &str, credential: &str, reason: &str) -> SourceError {
    let shown = redact_url(url);
    let wants_ours = reason.to_lowercase().contains("certificaterequired");
    let (message, hint) = if wants_ours {
        (
            format!("repository `{shown}` wants a client certificate"),
            "set `tlsClientCertData` and `tlsClientCertKey` in the repository's Secret".to_owned(),
        )
    } else {
        (
            format!(
                "repository `{shown}`: the certificates do not fit: {}",
                shorten(reason)
            ),
            format!(
                "put the authority's certificate under the key `{host}` into the ConfigMap \
                 `argocd-tls-certs-cm`{}",
                match credential {
                    "" => String::new(),
                    id => format!(", or correct the client certificate in the Secret `{id}`"),
                }
            ),
        )
    };
    SourceError {
        kind: SourceErrorKind::Forbidden,
        message,
        hint: Some(hint),
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

pub(crate) fn unsupported(message: String, hint: Option<String>) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Unsupported,
        message,
        hint,
    }
}

pub(crate) fn too_many_modules(url: &str, path: &str, depth: usize, count: usize) -> SourceError {
    unsupported(
        format!(
            "submodule `{}` of repository `{}`: a commit has at most {count} submodules, at most \
             {depth} within one another",
            shorten(path),
            redact_url(url)
        ),
        Some("switch submodules off with `--git-submodules false`, or have fewer".into()),
    )
}

pub(crate) fn bad_modules(url: &str, why: &str) -> SourceError {
    unsupported(
        format!(
            "`.gitmodules` of repository `{}` cannot be read: {}",
            redact_url(url),
            shorten(why)
        ),
        Some("`git config -f .gitmodules -l` shows where it is wrong".into()),
    )
}

/// A module's failure, with the place that names it.
pub(crate) fn of_module(url: &str, path: &str, error: SourceError) -> SourceError {
    SourceError {
        message: format!(
            "submodule `{}` of repository `{}`: {}",
            shorten(path),
            redact_url(url),
            error.message
        ),
        ..error
    }
}

pub(crate) fn not_permitted(url: &str, project: &str, why: &str) -> SourceError {
    SourceError {
        kind: SourceErrorKind::Forbidden,
        message: format!(
            "project `{project}` may not read repository `{}`: {}",
            redact_url(url),
            shorten(why)
        ),
        hint: Some(format!(
            "add it to `sourceRepos` of the AppProject `{project}`"
        )),
    }
}

pub(crate) fn object_format(url: &str, format: &str) -> SourceError {
    unsupported(
        format!(
            "repository `{}` names its objects by {}",
            redact_url(url),
            shorten(format)
        ),
        Some("only repositories whose objects have SHA-1 names are read so far".into()),
    )
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
