//! URLs as text: which place they name, where a redirect leads, and what may be shown of them.

use base64::Engine as _;

/// Scheme, host and port.
pub fn origin(url: &str) -> &str {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..]
        .find(['/', '?', '#'])
        .map_or(url.len(), |at| start + at);
    &url[..end]
}

/// The host's name without its port.
pub fn host(url: &str) -> &str {
    let origin = origin(url);
    let authority = origin.split_once("://").map_or(origin, |(_, rest)| rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => authority,
    }
}

/// Whether a credential that was given for one place may go along with a request: to the same
/// origin, or to the same host over TLS instead of plain text.
pub fn may_carry_credentials(given_for: &str, url: &str) -> bool {
    let to = origin(url);
    if to.eq_ignore_ascii_case(given_for) {
        return true;
    }
    match (
        given_for.strip_prefix("http://"),
        to.strip_prefix("https://"),
    ) {
        (Some(from), Some(to)) => from.eq_ignore_ascii_case(to),
        _ => false,
    }
}

/// Where a redirect leads; nothing where it is not followed: TLS is not given up on the way, and
/// no redirect hands over a user's name.
pub fn redirected(from: &str, location: &str) -> Option<String> {
    let to = if location.starts_with("//") {
        let scheme = from.split_once("//").map_or("https:", |(scheme, _)| scheme);
        format!("{scheme}{location}")
    } else if location.starts_with('/') {
        format!("{}{location}", origin(from))
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let path = from.split(['?', '#']).next().unwrap_or(from);
        let end = path.rfind('/').map_or(path.len(), |at| at + 1);
        format!("{}{location}", &path[..end])
    };
    let lower = to.to_ascii_lowercase();
    let is_safe = lower.starts_with("https://")
        || (lower.starts_with("http://") && from.to_ascii_lowercase().starts_with("http://"));
    (is_safe && !location.is_empty() && !origin(&to).contains('@')).then_some(to)
}

/// Shows a URL without its user information.
pub fn redact_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{}", &rest[at + 1..]),
        None => url.to_owned(),
    }
}

/// Folds what makes no difference to which repository a URL names.
///
/// `Compat:` as Argo CD compares URLs: case, surrounding blanks, `.git`, a trailing slash, and
/// the two spellings of ssh.
pub fn comparable(url: &str) -> String {
    let text = plain(url);
    let text = text.trim_end_matches('/');
    let text = text.strip_suffix(".git").unwrap_or(text);
    redact_url(text)
}

/// A URL in lower case, with one spelling for ssh.
pub fn plain(url: &str) -> String {
    let text = url.trim().to_lowercase();
    if is_scp_like(&text) {
        return text.replacen(':', "/", 1);
    }
    match text.strip_prefix("ssh://") {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// `user@host:path`, Git's own short form of ssh URLs; a registry's port is none of it.
pub fn is_scp_like(url: &str) -> bool {
    let before_slash = url.split('/').next().unwrap_or(url);
    let Some((_, after)) = before_slash.split_once(':') else {
        return false;
    };
    let is_port = !after.is_empty() && after.bytes().all(|byte| byte.is_ascii_digit());
    !url.contains("://") && !is_port
}

/// The value of an `Authorization` header.
pub fn basic(user: &str, password: &str) -> String {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    format!("Basic {pair}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stay_with_their_host() {
        assert!(may_carry_credentials("https://h:1", "https://h:1/x"));
        assert!(may_carry_credentials("http://h", "https://H/x"));
        assert!(!may_carry_credentials("https://h", "http://h/x"));
        assert!(!may_carry_credentials("https://h", "https://h.evil/x"));
        assert!(!may_carry_credentials("https://h", "https://h:444/x"));
    }

    #[test]
    fn redirects_stay_on_tls_and_keep_the_host_where_they_name_none() {
        let from = "https://h.example/charts/index.yaml?a=/b";
        for (location, wanted) in [
            ("/a", Some("https://h.example/a")),
            ("b", Some("https://h.example/charts/b")),
            ("//o.example/c", Some("https://o.example/c")),
            ("https://o.example/d", Some("https://o.example/d")),
            ("http://h.example/e", None),
            ("file:///etc/passwd", None),
            ("https://u:p@h.example/f", None),
            ("", None),
        ] {
            assert_eq!(redirected(from, location).as_deref(), wanted, "{location}");
        }
    }

    #[test]
    fn equal_repositories_compare_equal() {
        assert_eq!(
            comparable("https://H/a/b.git"),
            comparable("https://h/a/b/")
        );
        assert_eq!(comparable("git@h:a/b.git"), comparable("ssh://git@h/a/b"));
        assert_ne!(comparable("https://h/a"), comparable("https://h/b"));
        assert_eq!(
            comparable("registry.example:5000/a"),
            "registry.example:5000/a"
        );
    }
}
