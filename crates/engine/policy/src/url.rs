//! Repository URLs as Argo CD compares them.

/// A repository URL as Argo CD compares it: lower case, no `.git`, no trailing slash, and
/// `git@host:path` written as `ssh://git@host/path`.
///
/// Compat: `util/git.NormalizeGitURL`.
pub fn normalize_repo_url(url: &str) -> String {
    let url = url.trim().to_lowercase();
    if let Some(oci) = url.strip_prefix("oci://") {
        return oci.trim_end_matches('/').to_owned();
    }
    let scp_like = !url.contains("://") && url.contains('@') && url.contains(':');
    let url = if scp_like {
        format!("ssh://{}", url.replacen(':', "/", 1))
    } else {
        url
    };
    let url = url.trim_end_matches('/');
    url.strip_suffix(".git").unwrap_or(url).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_compared_without_case_suffix_and_scp_form() {
        let a = normalize_repo_url("git@GitHub.com:Org/App.git");
        assert_eq!(a, "ssh://git@github.com/org/app");
        assert_eq!(
            normalize_repo_url("https://x/A.git/"),
            normalize_repo_url("https://x/a")
        );
    }
}
