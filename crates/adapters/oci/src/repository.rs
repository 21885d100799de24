//! A chart repository over HTTP: its index, and the archives that the index names.

use crate::MAX_ARCHIVE_BYTES;
use crate::error::ChartError;
use argosy_fetch::{Answer, Ask, Client, FetchError, Patience, Trust, basic, redact_url};
use argosy_helm::{Index, IndexEntry, MAX_INDEX_BYTES};
use argosy_object::{Digest, Redacted};
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::time::Duration;

/// How long a repository may take.
const PATIENCE: Patience = Patience {
    connect: Duration::from_secs(15),
    first_byte: Duration::from_secs(90),
    silence: Duration::from_secs(30),
    whole: Duration::from_mins(5),
};
/// The largest provenance file.
const MAX_PROVENANCE: u64 = 1 << 20;

/// Where a chart repository is, and what it is read with.
#[derive(Clone, Debug, Default)]
pub struct RepositoryAccess {
    /// `http://` or `https://`
    pub url: String,
    /// Name for basic authentication; empty for none.
    pub username: String,
    /// The password beside it.
    pub password: Redacted<String>,
    /// A token, which goes before name and password.
    pub bearer_token: Redacted<String>,
    /// Whether these go to other hosts too.
    pub pass_credentials: bool,
    /// Whom to trust.
    pub trust: Trust,
}

/// A chart repository.
pub struct ChartRepository {
    url: String,
    authorization: Option<Redacted<String>>,
    pass_credentials: bool,
    client: Client,
}

/// What a server said of an index, to ask it whether there is a newer one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Validators {
    pub etag: String,
    pub last_modified: String,
}

impl ChartRepository {
    /// A repository; nothing is reached yet.
    ///
    /// # Errors
    /// [`ChartError::Scheme`] where the URL is neither `http` nor `https`.
    pub fn new(access: RepositoryAccess) -> Result<Self, ChartError> {
        let url = access.url.trim().to_owned();
        let lower = url.to_ascii_lowercase();
        if !lower.starts_with("http://") && !lower.starts_with("https://") {
            let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
            return Err(ChartError::Scheme(scheme.to_owned()));
        }
        let token = access.bearer_token.reveal();
        let authorization = if !token.is_empty() {
            Some(format!("Bearer {token}").into())
        } else if access.username.is_empty() && access.password.reveal().is_empty() {
            None
        } else {
            Some(basic(&access.username, access.password.reveal()).into())
        };
        Ok(Self {
            url,
            authorization,
            pass_credentials: access.pass_credentials,
            client: Client::new(access.trust, PATIENCE),
        })
    }

    /// With another patience than the usual one.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.client = self.client.with_patience(patience);
        self
    }

    /// Its URL, as it was given.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The index, fetched anew.
    ///
    /// # Errors
    /// [`ChartError`]: no answer, no index, one that is too large.
    pub fn index(&self) -> Result<Index, ChartError> {
        Ok(Index::parse(&self.index_bytes()?)?)
    }

    /// The index as it is, fetched anew.
    ///
    /// # Errors
    /// As [`ChartRepository::index`], but that it is not parsed.
    pub fn index_bytes(&self) -> Result<Vec<u8>, ChartError> {
        let url = resolve_url(&self.url, "index.yaml");
        let answer = success(self.send(&url, &[])?)?;
        Ok(answer.read(MAX_INDEX_BYTES)?)
    }

    /// Streams the index into a file, and returns what the server says of it; `None` where it
    /// has not changed.
    pub(crate) fn index_into(
        &self,
        path: &Path,
        seen: &Validators,
    ) -> Result<Option<Validators>, ChartError> {
        let url = resolve_url(&self.url, "index.yaml");
        let mut headers = Vec::new();
        if !seen.etag.is_empty() {
            headers.push(("If-None-Match", seen.etag.as_str()));
        }
        if !seen.last_modified.is_empty() {
            headers.push(("If-Modified-Since", seen.last_modified.as_str()));
        }
        let answer = self.send(&url, &headers)?;
        if answer.status == http::StatusCode::NOT_MODIFIED && !headers.is_empty() {
            return Ok(None);
        }
        let answer = success(answer)?;
        let new = Validators {
            etag: answer.header("etag").to_owned(),
            last_modified: answer.header("last-modified").to_owned(),
        };
        let failed = |error| ChartError::disk("write the index", path, error);
        let mut file = std::fs::File::create(path).map_err(failed)?;
        let shown = redact_url(&url);
        let mut reader = answer.reader(MAX_INDEX_BYTES);
        let mut chunk = vec![0; 64 << 10];
        loop {
            let count = reader
                .read(&mut chunk)
                .map_err(|error| FetchError::broken(&shown, &error))?;
            if count == 0 {
                return Ok(Some(new));
            }
            file.write_all(&chunk[..count]).map_err(failed)?;
        }
    }

    /// Downloads from the repository, or from where its index leads.
    ///
    /// # Errors
    /// [`ChartError`]: no answer, another status than 200, more than `max` bytes.
    pub fn get(&self, url: &str, max: u64) -> Result<Vec<u8>, ChartError> {
        // An archive is packed already, and its digest is that of the packed bytes.
        let headers = [
            ("Accept-Encoding", "identity"),
            ("Accept", "application/gzip,application/octet-stream,*/*"),
        ];
        Ok(success(self.send(url, &headers)?)?.read(max)?)
    }

    /// The archive of an entry, checked against the digest that the index tells.
    ///
    /// # Errors
    /// [`ChartError`], and [`ChartError::Digest`] where it is another archive.
    pub fn archive(&self, entry: &IndexEntry, chart: &str) -> Result<Vec<u8>, ChartError> {
        let url = self.archive_url(entry, chart)?;
        let data = self.get(&url, MAX_ARCHIVE_BYTES)?;
        if let Some(wanted) = told_digest(entry) {
            let found = Digest::of(&data).hex();
            if found != wanted {
                return Err(ChartError::Digest {
                    place: redact_url(&url),
                    found,
                    who: "the repository's index",
                    wanted,
                });
            }
        }
        Ok(data)
    }

    /// Where an entry's archive is.
    ///
    /// # Errors
    /// [`ChartError::NotFound`] where the index names no place.
    pub fn archive_url(&self, entry: &IndexEntry, chart: &str) -> Result<String, ChartError> {
        let place = entry.urls.first().ok_or_else(|| {
            ChartError::NotFound(format!("chart {chart:?} has no downloadable URLs"))
        })?;
        Ok(resolve_url(&self.url, place))
    }

    /// The provenance file beside an archive.
    ///
    /// # Errors
    /// [`ChartError`], as for the archive.
    pub fn provenance(&self, archive_url: &str) -> Result<Vec<u8>, ChartError> {
        self.get(&format!("{archive_url}.prov"), MAX_PROVENANCE)
    }

    fn send(&self, url: &str, headers: &[(&str, &str)]) -> Result<Answer, ChartError> {
        let authorization = self.authorization.as_ref();
        Ok(self.client.send(&Ask {
            url,
            headers,
            authorization: authorization.map(|value| value.reveal().as_str()),
            home: &self.url,
            is_passed_on: self.pass_credentials,
            ..Ask::default()
        })?)
    }
}

/// The SHA-256 that an index tells of an archive, where it is one.
pub(crate) fn told_digest(entry: &IndexEntry) -> Option<String> {
    let told = entry.digest.to_ascii_lowercase();
    let bare = told.strip_prefix("sha256:").unwrap_or(&told);
    let is_digest = bare.len() == 64 && bare.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_digest.then(|| bare.to_owned())
}

fn success(answer: Answer) -> Result<Answer, ChartError> {
    if answer.status == http::StatusCode::OK {
        return Ok(answer);
    }
    Err(ChartError::Status {
        url: redact_url(&answer.url),
        status: answer.status,
    })
}

/// A URL of an index, seen from the repository's; the repository's query stays.
pub fn resolve_url(base: &str, place: &str) -> String {
    if place.contains("://") {
        return place.to_owned();
    }
    let (path, query) = match base.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (base, String::new()),
    };
    let place = place.split(['?', '#']).next().unwrap_or_default();
    let host_at = path.find("://").map_or(0, |at| at + 3);
    let host_end = path[host_at..]
        .find('/')
        .map_or(path.len(), |at| host_at + at);
    let (host, folder) = path.split_at(host_end);
    if let Some(rest) = place.strip_prefix("//") {
        let scheme = &path[..path.find("://").unwrap_or(0)];
        return format!("{scheme}://{rest}{query}");
    }
    let full = if place.starts_with('/') {
        place.to_owned()
    } else {
        format!("{}/{place}", folder.trim_end_matches('/'))
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/').skip(1) {
        match part {
            "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("{host}/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_an_index_are_seen_from_the_repository() {
        for (base, place, wanted) in [
            ("https://h/charts", "a-1.tgz", "https://h/charts/a-1.tgz"),
            ("https://h/charts/", "./a.tgz", "https://h/charts/a.tgz"),
            (
                "https://h/charts?k=v",
                "a.tgz",
                "https://h/charts/a.tgz?k=v",
            ),
            (
                "https://h/charts?k=v",
                "a.tgz?x=y",
                "https://h/charts/a.tgz?k=v",
            ),
            ("https://h:8/charts", "/b/a.tgz", "https://h:8/b/a.tgz"),
            ("https://h/x/charts", "../b/a.tgz", "https://h/x/b/a.tgz"),
            ("https://h", "../../a.tgz", "https://h/a.tgz"),
            ("https://h/charts", "//o/a.tgz", "https://o/a.tgz"),
            ("https://h", "https://o/a.tgz", "https://o/a.tgz"),
        ] {
            assert_eq!(resolve_url(base, place), wanted);
        }
    }

    #[test]
    fn schemes_that_are_not_http_are_refused() {
        for (url, scheme) in [("ftp://x", "ftp"), ("file:///etc", "file"), ("x", "")] {
            let access = RepositoryAccess {
                url: url.into(),
                ..RepositoryAccess::default()
            };
            let error = ChartRepository::new(access).err().expect("refused");
            assert_eq!(
                error.to_string(),
                format!("could not find protocol handler for: {scheme}")
            );
        }
    }
}
