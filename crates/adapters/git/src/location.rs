//! Where a repository's URL leads, and how a URL may be shown.

use crate::failure;
use crate::ssh::Address;
use argosy_fetch::redact_url;
use argosy_ports::{SourceError, SourceErrorKind};
use std::path::{Path, PathBuf};

/// One `--git-instead-of BASE=OTHER`: URLs that start with `base` are read from `other`, as
/// Git's `url.<other>.insteadOf = <base>` has it. The longest base wins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsteadOf {
    /// The beginning of the URLs in specs.
    pub base: String,
    /// What stands in its place.
    pub other: String,
}

impl InsteadOf {
    /// Reads `BASE=OTHER`; the first `=` divides.
    ///
    /// # Errors
    /// A sentence where there is no `=` or one side is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((base, other)) if !base.is_empty() && !other.is_empty() => Ok(Self {
                base: base.into(),
                other: other.into(),
            }),
            _ => Err(format!("`{}` is not BASE=OTHER", redact_url(text))),
        }
    }

    /// Rewrites a URL by the rule with the longest base.
    pub(crate) fn apply(rules: &[Self], url: &str) -> String {
        let rule = rules
            .iter()
            .filter(|rule| url.starts_with(&rule.base))
            .max_by_key(|rule| rule.base.len());
        match rule {
            Some(rule) => format!("{}{}", rule.other, &url[rule.base.len()..]),
            None => url.to_owned(),
        }
    }
}

/// A place that a repository is read from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Location {
    /// A folder under an allowed root, symbolic links resolved.
    Disk(PathBuf),
    /// A server that speaks Git's smart HTTP.
    Http {
        /// The URL without user information.
        url: String,
        /// User and password from the URL itself.
        userinfo: Option<(String, String)>,
    },
    /// A server that is reached over ssh.
    Ssh(Address),
}

impl Location {
    /// Decides where a URL leads. Folders must lie under one of `roots`, which are canonical.
    pub(crate) fn parse(url: &str, roots: &[PathBuf]) -> Result<Self, SourceError> {
        let url = url.trim();
        if url.len() > 2048 || url.chars().any(char::is_control) || url.is_empty() {
            return Err(failure::no_repository(url, "the text is no URL"));
        }
        let lower = url.to_ascii_lowercase();
        if lower.starts_with("https://") || lower.starts_with("http://") {
            return http(url);
        }
        if lower.starts_with("file://") {
            let path = &url["file://".len()..];
            let path = path.strip_prefix("localhost").unwrap_or(path);
            return disk(url, &percent_decode(path), roots);
        }
        if url.starts_with('/') {
            return disk(url, url, roots);
        }
        if let Some(address) = Address::parse(url) {
            return address
                .map(Location::Ssh)
                .map_err(|why| failure::no_repository(url, &why));
        }
        let scheme = lower.split_once("://").map(|(scheme, _)| scheme);
        Err(match scheme {
            Some(scheme) => SourceError {
                kind: SourceErrorKind::Forbidden,
                message: format!(
                    "repository `{}`: scheme `{scheme}` is not read",
                    redact_url(url)
                ),
                hint: Some("use https, http, ssh, file:// or an absolute path".into()),
            },
            None => failure::no_repository(url, "it is neither a URL nor an absolute path"),
        })
    }
}

fn http(url: &str) -> Result<Location, SourceError> {
    let (scheme, rest) = url.split_once("://").expect("the caller saw the scheme");
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (userinfo, host) = match authority.rsplit_once('@') {
        Some((userinfo, host)) => (Some(userinfo), host),
        None => (None, authority),
    };
    if host.is_empty() {
        return Err(failure::no_repository(url, "the URL names no host"));
    }
    if path.contains(['?', '#']) {
        return Err(failure::no_repository(
            url,
            "the URL of a repository has neither a query nor a fragment",
        ));
    }
    let userinfo = userinfo.map(|text| {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        (percent_decode(user), percent_decode(password))
    });
    Ok(Location::Http {
        url: format!(
            "{}://{host}{}",
            scheme.to_ascii_lowercase(),
            path.trim_end_matches('/')
        ),
        userinfo,
    })
}

fn disk(url: &str, path: &str, roots: &[PathBuf]) -> Result<Location, SourceError> {
    let path = Path::new(path);
    if !path.is_absolute() {
        return Err(failure::no_repository(url, "the path is not absolute"));
    }
    // As Git does, `repo` is `repo.git` where there is no `repo`.
    let with_ending = || {
        let mut name = path.as_os_str().to_owned();
        name.push(".git");
        PathBuf::from(name).canonicalize()
    };
    // A path outside the roots gets the same answer whether it exists or not.
    let Ok(canonical) = path.canonicalize().or_else(|_| with_ending()) else {
        return Err(if roots.iter().any(|root| path.starts_with(root)) {
            failure::no_repository(url, "the folder does not exist")
        } else {
            failure::outside_roots(url)
        });
    };
    if is_under(&canonical, roots) {
        Ok(Location::Disk(canonical))
    } else {
        Err(failure::outside_roots(url))
    }
}

/// Whether a canonical path lies under one of the canonical roots.
pub(crate) fn is_under(path: &Path, roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| path.starts_with(root))
}

/// Whether a URL can only lead to the local disk, where a look costs little.
pub(crate) fn is_local(url: &str) -> bool {
    let lower = url.to_ascii_lowercase();
    !(lower.starts_with("http://")
        || lower.starts_with("https://")
        || Address::parse(url).is_some())
}

pub(crate) fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = bytes
            .get(at + 1..at + 3)
            .and_then(|pair| std::str::from_utf8(pair).ok())
            .and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (bytes[at], hex) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 3;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argosy_object::{Class, Classified};

    #[test]
    fn userinfo_is_split_off_and_never_shown() {
        let url = "https://bob:s%40crit@git.example/a/b.git";
        assert_eq!(redact_url(url), "https://git.example/a/b.git");
        let Location::Http { url, userinfo } = Location::parse(url, &[]).unwrap() else {
            panic!("an http location");
        };
        assert_eq!(url, "https://git.example/a/b.git");
        assert_eq!(userinfo, Some(("bob".into(), "s@crit".into())));
    }

    #[test]
    fn the_longest_instead_of_base_wins() {
        let rules = [
            InsteadOf::parse("https://git.internal/=file:///a/").unwrap(),
            InsteadOf::parse("https://git.internal/team/=file:///b/").unwrap(),
        ];
        let applied = |url| InsteadOf::apply(&rules, url);
        assert_eq!(applied("https://git.internal/x.git"), "file:///a/x.git");
        assert_eq!(applied("https://git.internal/team/x"), "file:///b/x");
        assert_eq!(applied("https://other/x"), "https://other/x");
        assert!(InsteadOf::parse("nothing").is_err());
    }

    #[test]
    fn odd_schemes_get_an_error_that_names_them() {
        for url in ["ssh://git@h/x", "git@h:x/y.git", "git+ssh://h/x"] {
            let found = Location::parse(url, &[]).unwrap();
            assert!(matches!(found, Location::Ssh(_)), "{url}");
        }
        let error = Location::parse("git@-oProxyCommand=id:x", &[]).unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::NoRepository);
        let error = Location::parse("ext::sh -c id", &[]).unwrap_err();
        assert_ne!(error.class(), Class::Transient);
        let error = Location::parse("ftp://h/x", &[]).unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Forbidden);
    }

    #[test]
    fn folders_outside_the_roots_are_denied_even_through_links() {
        let base = tempfile::tempdir().unwrap();
        let base = base.path().canonicalize().unwrap();
        let (inside, outside) = (base.join("in"), base.join("out"));
        std::fs::create_dir_all(inside.join("repo")).unwrap();
        std::fs::create_dir_all(&outside).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let roots = [inside.clone()];
        let parse = |path: PathBuf| Location::parse(path.to_str().unwrap(), &roots);
        assert_eq!(
            parse(inside.join("repo")).unwrap(),
            Location::Disk(inside.join("repo"))
        );
        let error = parse(inside.join("link")).unwrap_err();
        assert_eq!(error.kind, SourceErrorKind::Forbidden);
        assert!(error.hint.unwrap().contains("--local-repos"));
        assert_eq!(
            parse(outside.join("nothing")).unwrap_err().kind,
            SourceErrorKind::Forbidden
        );
        assert_eq!(
            parse(inside.join("nothing")).unwrap_err().kind,
            SourceErrorKind::NoRepository
        );
        std::fs::create_dir_all(inside.join("bare.git")).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("out.git")).unwrap();
        assert_eq!(
            parse(inside.join("bare")).unwrap(),
            Location::Disk(inside.join("bare.git"))
        );
        assert_eq!(
            parse(inside.join("out")).unwrap_err().kind,
            SourceErrorKind::Forbidden
        );
        let dots = format!("file://{}/repo/../../out", inside.display());
        assert_eq!(
            Location::parse(&dots, &roots).unwrap_err().kind,
            SourceErrorKind::Forbidden
        );
    }
}
