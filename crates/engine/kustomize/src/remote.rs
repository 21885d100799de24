//! Bases and files that lie elsewhere: how they are named, and what was fetched of them.

use argosy_tree::{RelPath, Rooted};
use bytes::Bytes;
use std::collections::BTreeMap;

/// How long a repository may take, where its URL says nothing. Compat: kustomize's 27 seconds.
const DEFAULT_TIMEOUT_SECONDS: u32 = 27;

/// The longest that a URL may ask for.
const MAX_TIMEOUT_SECONDS: u32 = 300;

/// Something elsewhere that a kustomization names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Remote {
    /// A repository's tree.
    Tree(RemoteTree),
    /// One file.
    File(RemoteFile),
    /// A chart.
    Chart(RemoteChart),
}

/// A chart of a chart repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteChart {
    /// The repository's URL, or that of a registry (`oci://…`).
    pub repo: String,
    /// The chart's name.
    pub name: String,
    /// A version or a range; empty: the newest.
    pub version: String,
}

/// A file by its URL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteFile(pub String);

/// A repository at a revision.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RemoteTree {
    /// What `git clone` would take.
    pub repo: String,
    /// A branch, a tag or a commit; empty: the default branch.
    pub revision: String,
    /// How long fetching it may take.
    pub timeout_seconds: u32,
}

/// What was fetched before a build.
#[derive(Default)]
pub struct Remotes<'t> {
    /// Repositories, each read through its own reader, so that what was looked at in it is known.
    pub trees: BTreeMap<RemoteTree, Rooted<'t>>,
    /// Files.
    pub files: BTreeMap<RemoteFile, Bytes>,
    /// Charts, each with its `Chart.yaml` at the root.
    pub charts: BTreeMap<RemoteChart, Rooted<'t>>,
    /// Whether anything may be fetched at all; where not, a remote entry is an error that says so.
    pub allowed: bool,
}

/// What an entry such as `https://github.com/org/repo//dir?ref=v1` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepoSpec {
    /// The repository.
    pub tree: RemoteTree,
    /// The folder in it.
    pub path: RelPath,
}

/// The file that an entry names by URL, where its name says that it is one.
///
/// Compat: kustomize downloads every `http` URL and clones it where that fails. Here the URL alone
/// decides: a path that ends like a manifest is a file, unless `//` or `.git` marks a repository.
pub(crate) fn file_url(entry: &str) -> Option<RemoteFile> {
    let lower = entry.to_lowercase();
    let rest = ["https://", "http://"]
        .iter()
        .find_map(|scheme| lower.strip_prefix(scheme))?;
    let path = rest.split(['?', '#']).next().unwrap_or(rest);
    let is_manifest = [".yaml", ".yml", ".json"]
        .iter()
        .any(|extension| path.ends_with(extension));
    let is_repository = path.contains("//") || path.contains(".git/") || path.contains("_git/");
    (is_manifest && !is_repository).then(|| RemoteFile(entry.to_owned()))
}

impl RepoSpec {
    /// Reads an entry.
    ///
    /// # Errors
    /// Why it names no repository, in kustomize's words.
    ///
    /// Compat: `NewRepoSpecFromURL` of kustomize 5.8. Differs: `submodules=` is not asked; whether
    /// submodules are there is for those to say who fetch the repository.
    pub fn parse(entry: &str) -> Result<Self, String> {
        if entry.starts_with('/') {
            return Err(format!("uri looks like abs path: {entry}"));
        }
        let (location, query) = entry.split_once('?').unwrap_or((entry, ""));
        let (host, rest) = host(location)?;
        let is_local = host == "file://";
        let (repo, path) = split(rest, is_local).ok_or("failed to parse repo path segment")?;
        if repo.is_empty() {
            return Err("failed to parse repo path segment".into());
        }
        // The path is one below the repository's root, whatever it begins with.
        let path = RelPath::new(path).map_err(|_| format!("url path exits repo: {rest}"))?;
        let (revision, timeout_seconds) = parameters(query);
        Ok(Self {
            tree: RemoteTree {
                repo: format!("{host}{repo}"),
                revision,
                timeout_seconds,
            },
            path,
        })
    }
}

/// Cuts a location into its host, normalised, and the rest.
fn host(location: &str) -> Result<(String, &str), String> {
    let location = cut_prefix(location, "git::").unwrap_or(location);
    let (scheme, rest) = ["ssh://", "https://", "http://", "file://"]
        .into_iter()
        .find_map(|scheme| Some((scheme, cut_prefix(location, scheme)?)))
        .unwrap_or(("", location));
    if scheme == "file://" {
        return Ok((scheme.into(), rest));
    }
    let (user, rest) = user(rest);
    let is_github =
        cut_prefix(rest, "github.com/").is_some() || cut_prefix(rest, "github.com:").is_some();
    let is_scp = scheme.is_empty() && (!user.is_empty() || is_github);
    if scheme.is_empty() && !is_scp {
        return Err("failed to parse scheme".into());
    }
    let slash = rest.find('/');
    let colon = rest.find(':').filter(|_| is_scp);
    let end = match (slash, colon) {
        (Some(slash), Some(colon)) if colon > 0 && colon < slash => Some(colon),
        (None, colon) => colon,
        (slash, _) => slash,
    };
    let (host, rest) = match end {
        Some(end) => rest.split_at(end + 1),
        None => (rest, ""),
    };
    if is_github {
        return Ok(if scheme == "ssh://" || !user.is_empty() {
            (format!("{user}github.com:"), rest)
        } else {
            ("https://github.com/".into(), rest)
        });
    }
    if host.is_empty() {
        return Err("failed to parse host segment".into());
    }
    Ok((format!("{scheme}{user}{host}"), rest))
}

/// `name@`, where there is one.
fn user(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .filter(|end| text[*end..].starts_with('@'));
    match end {
        Some(end) if text.starts_with(|c: char| c.is_ascii_alphabetic()) => text.split_at(end + 1),
        _ => ("", text),
    }
}

/// The repository's part of a path, and the folder in it.
fn split(path: &str, is_local: bool) -> Option<(&str, &str)> {
    const AZURE: &str = "_git/";
    if let Some(at) = path.find(AZURE) {
        let begin = at + AZURE.len();
        let end = path[begin..].find('/').map_or(path.len(), |at| begin + at);
        return Some((&path[..end], &path[end..]));
    }
    if let Some((repo, rest)) = path.split_once("//") {
        return Some((repo, rest));
    }
    if let Some(at) = path.find(".git") {
        return Some(path.split_at(at + ".git".len()));
    }
    if is_local {
        return Some((path, ""));
    }
    let slash = path.find('/')?;
    let end = path[slash + 1..]
        .find('/')
        .map_or(path.len(), |at| slash + 1 + at);
    Some(path.split_at(end))
}

fn parameters(query: &str) -> (String, u32) {
    let (mut revision, mut version) = (String::new(), String::new());
    let mut timeout = DEFAULT_TIMEOUT_SECONDS;
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        // Of several equal names the first counts.
        match name {
            "ref" if revision.is_empty() => revision = value,
            "version" if version.is_empty() => version = value,
            "timeout" => {
                if let Some(seconds) = seconds(&value) {
                    timeout = seconds.clamp(1, MAX_TIMEOUT_SECONDS);
                }
            }
            _ => {}
        }
    }
    let revision = if revision.is_empty() {
        version
    } else {
        revision
    };
    (revision, timeout)
}

/// `61`, `61s` or `1m30s`.
fn seconds(text: &str) -> Option<u32> {
    if let Ok(seconds) = text.parse::<u32>() {
        return (seconds > 0).then_some(seconds);
    }
    let mut total = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let number: f64 = rest[..end].parse().ok()?;
        rest = &rest[end..];
        let (unit, factor) = [("ms", 0.001), ("h", 3600.0), ("m", 60.0), ("s", 1.0)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))?;
        rest = &rest[unit.len()..];
        total += number * factor;
    }
    (total > 0.0).then_some(f64::ceil(total) as u32)
}

/// Percent-encoding and `+` undone.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let hex = |byte: u8| char::from(byte).to_digit(16);
        match (first, tail) {
            (b'+', _) => bytes.push(b' '),
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    bytes.push((high * 16 + low) as u8);
                    rest = after;
                }
                _ => bytes.push(b'%'),
            },
            (byte, _) => bytes.push(*byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn cut_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let head = text.get(..prefix.len())?;
    head.eq_ignore_ascii_case(prefix)
        .then(|| &text[prefix.len()..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(entry: &str) -> String {
        match RepoSpec::parse(entry) {
            Err(error) => error,
            Ok(RepoSpec { tree, path }) => format!(
                "{} {} {} {}",
                tree.repo,
                path,
                if tree.revision.is_empty() {
                    "-"
                } else {
                    &tree.revision
                },
                tree.timeout_seconds
            ),
        }
    }

    #[test]
    fn repositories_are_named_in_all_of_kustomizes_ways() {
        for (entry, wanted) in [
            (
                "https://github.com/org/repo//dir/sub?ref=v1",
                "https://github.com/org/repo dir/sub v1 27",
            ),
            (
                "github.com/org/repo/dir?ref=v1.0",
                "https://github.com/org/repo dir v1.0 27",
            ),
            ("gitHub.com/org/repo", "https://github.com/org/repo . - 27"),
            (
                "http://github.com/org/repo.git/dir",
                "https://github.com/org/repo.git dir - 27",
            ),
            (
                "git@github.com:org/repo.git//dir",
                "git@github.com:org/repo.git dir - 27",
            ),
            ("git@github.com/org/repo", "git@github.com:org/repo . - 27"),
            (
                "git::https://gitlab.com/org/repo",
                "https://gitlab.com/org/repo . - 27",
            ),
            (
                "ssh://git.example.com:7999/org/repo.git",
                "ssh://git.example.com:7999/org/repo.git . - 27",
            ),
            ("org-1@host.xz:org/repo//a", "org-1@host.xz:org/repo a - 27"),
            (
                "https://dev.azure.com/o/p/_git/repo/a/b?version=GBmain",
                "https://dev.azure.com/o/p/_git/repo a/b GBmain 27",
            ),
            (
                "https://host/group/sub/repo//a?timeout=61",
                "https://host/group/sub/repo a - 61",
            ),
            (
                "https://host/org/repo/a?timeout=1m30s&ref=a%2Fb",
                "https://host/org/repo a a/b 90",
            ),
            (
                "https://host/org/repo?timeout=never&ref=x&version=y",
                "https://host/org/repo . x 27",
            ),
            (
                "https://host/org/repo?timeout=99999",
                "https://host/org/repo . - 300",
            ),
            (
                "file:///srv/git/repo.git//a",
                "file:///srv/git/repo.git a - 27",
            ),
            ("file:///srv/git/repo", "file:///srv/git/repo . - 27"),
        ] {
            assert_eq!(read(entry), wanted, "{entry}");
        }
    }

    #[test]
    fn what_is_no_repository_is_refused_in_kustomizes_words() {
        for (entry, wanted) in [
            ("/tmp", "uri looks like abs path: /tmp"),
            ("../../tmp", "failed to parse scheme"),
            ("src/github.com/org/repo/path", "failed to parse scheme"),
            ("htxxxtp://github.com/", "failed to parse scheme"),
            ("ssh://git.example.com", "failed to parse repo path segment"),
            (
                "https://host?ref=group/version",
                "failed to parse repo path segment",
            ),
            (
                "https://github.com/org/repo.git//path/../../exits/repo",
                "url path exits repo: org/repo.git//path/../../exits/repo",
            ),
            ("github.com!org/repo.git//path", "failed to parse scheme"),
            ("gh:org/repo", "failed to parse scheme"),
            (
                "https://github.com/thisisa404.yaml",
                "failed to parse repo path segment",
            ),
            (
                "file:////tmp//path/to/whatever",
                "failed to parse repo path segment",
            ),
        ] {
            assert_eq!(read(entry), wanted, "{entry}");
        }
    }

    #[test]
    fn files_are_told_from_repositories_by_their_names() {
        for (entry, is_file) in [
            ("https://host/a/b.yaml", true),
            ("HTTPS://host/a/b.YML?token=1", true),
            ("https://github.com/org/repo//a.yaml", false),
            ("https://host/repo.git/a.json", false),
            ("https://github.com/org/repo", false),
            ("ssh://host/a.yaml", false),
            ("a.yaml", false),
        ] {
            assert_eq!(file_url(entry).is_some(), is_file, "{entry}");
        }
    }
}
