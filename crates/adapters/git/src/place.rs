//! Which repository a URL means, whatever way leads there: what a Git host says of a push and
//! what a spec says of a source are spelt differently.

/// Host and path in lower case, without scheme, user, port, `.git` and slashes at the end.
///
/// `Compat:` as Argo CD matches webhooks, `ssh.` and `altssh.` before the host being the host; and
/// beyond it, Azure DevOps' ssh URLs and escaped paths. `None` where the text names no host.
pub(crate) fn place_of(url: &str) -> Option<String> {
    let url = url.trim();
    if url.len() > 2048 {
        return None;
    }
    let (authority, path) = match url.split_once("://") {
        Some(("file", _)) => return None,
        Some((_, rest)) => rest.split_once('/')?,
        None if url.starts_with(['/', '.']) => return None,
        None => url.split_once(':')?,
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let host = host.to_lowercase();
    let path = crate::location::percent_decode(path).to_lowercase();
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    if host.is_empty() || path.is_empty() {
        return None;
    }
    // `ssh.dev.azure.com/v3/ORG/PROJECT/REPO` is `dev.azure.com/ORG/PROJECT/_git/REPO`.
    if let Some(rest) = path.strip_prefix("v3/")
        && let Some(bare) = host.strip_prefix("ssh.")
        && let [org, project, repo] = rest.split('/').collect::<Vec<_>>()[..]
    {
        return Some(format!("{bare}/{org}/{project}/_git/{repo}"));
    }
    let host = ["ssh.", "altssh."]
        .iter()
        .find_map(|prefix| host.strip_prefix(prefix))
        .unwrap_or(&host);
    Some(format!("{host}/{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_cases_never_matter(
            url in "(https://|ssh://|file://|)[a-cA-C@:/.%4\u{e9}]{0,30}",
        ) {
            let place = place_of(&url);
            prop_assert_eq!(place_of(&url.to_ascii_uppercase().replacen("FILE://", "file://", 1)), place.clone());
            let _ = crate::location::Location::parse(&url, &[]);
            let _ = argosy_fetch::comparable(&url);
            let _ = argosy_fetch::redact_url(&url);
        }
    }

    #[test]
    fn every_spelling_of_a_repository_is_one_place() {
        let place = place_of("https://Forge.example/Org/App").unwrap();
        for url in [
            "https://forge.example/org/app.git",
            "http://bot:pw@forge.example:8443/org/app/",
            "ssh://git@forge.example:2222/org/app.git",
            "git@forge.example:org/app.git",
            "forge.example:org/app",
            "git@altssh.forge.example:org/app.git",
            "ssh://git@ssh.forge.example:443/org/app.git",
            "https://forge.example/org/%61pp",
        ] {
            assert_eq!(place_of(url).as_deref(), Some(&*place), "{url}");
        }
        for url in [
            "https://forge.example/org/app2",
            "https://forge.example.evil/org/app",
            "https://evil/forge.example/org/app",
            "https://evil.example/?forge.example/org/app",
        ] {
            assert_ne!(place_of(url).as_deref(), Some(&*place), "{url}");
        }
    }

    #[test]
    fn azure_devops_over_ssh_is_the_place_of_its_https_url() {
        assert_eq!(
            place_of("git@ssh.dev.azure.com:v3/Org/My%20Project/App"),
            place_of("https://org@dev.azure.com/org/my%20project/_git/app")
        );
    }

    #[test]
    fn what_names_no_host_is_no_place() {
        for url in [
            "",
            "/srv/a",
            "file:///srv/a",
            "app",
            "https://h",
            "https://h/",
            "./a:b",
        ] {
            assert_eq!(place_of(url), None, "{url}");
        }
        assert_eq!(place_of(&format!("https://h/{}", "a".repeat(3000))), None);
    }
}
