//! Chart repositories: their indexes and archives over HTTP, and the file that names them.

use super::HelmFailure;
use super::charts::AccessFlags;
use super::flags::{Context, read_file};
use argosy_git::{Download, download};
use argosy_helm::{Index, MAX_INDEX_BYTES};
use argosy_object::{Digest, Redacted, Value as Json};
use std::path::Path;

/// Largest file of known repositories, and of certificates.
const MAX_CONFIG: u64 = 4 << 20;

/// A chart repository with what it is read with.
pub(super) struct Repository {
    url: String,
    username: String,
    password: Redacted<String>,
    pass_credentials: bool,
    insecure: bool,
    authorities: Option<String>,
    client_cert: String,
    client_key: Redacted<String>,
    index: Option<Index>,
}

impl Repository {
    /// A repository at a URL.
    pub fn new(url: &str, access: &AccessFlags) -> Result<Self, HelmFailure> {
        let pem = |file: Option<&Path>| -> Result<Option<String>, HelmFailure> {
            let Some(file) = file else { return Ok(None) };
            let data = read_file(file, MAX_CONFIG)?;
            Ok(Some(String::from_utf8_lossy(&data).into_owned()))
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(format!("could not find protocol handler for: {}", scheme(url)).into());
        }
        Ok(Self {
            url: url.to_owned(),
            username: access.username.clone().unwrap_or_default(),
            password: access.password.clone().unwrap_or_default().into(),
            pass_credentials: access.pass_credentials,
            insecure: access.insecure_skip_tls_verify,
            authorities: pem(access.ca_file.as_deref())?,
            client_cert: pem(access.cert_file.as_deref())?.unwrap_or_default(),
            client_key: pem(access.key_file.as_deref())?.unwrap_or_default().into(),
            index: None,
        })
    }

    /// A repository of helm's own file, by its name.
    pub fn named(name: &str, context: &Context<'_>) -> Result<Option<Self>, HelmFailure> {
        Self::known(context, |entry| entry["name"].as_str() == Some(name))
    }

    /// A repository at a URL, as helm's own file knows it, else without credentials.
    pub fn at(url: &str, access: &AccessFlags, context: &Context<'_>) -> Result<Self, HelmFailure> {
        let bare = url.trim_end_matches('/');
        let is_it = |entry: &Json| {
            let known = entry["url"].as_str().unwrap_or_default();
            known.trim_end_matches('/') == bare
        };
        match Self::known(context, is_it)? {
            Some(known) if access.username.is_none() => Ok(known),
            _ => Self::new(url, access),
        }
    }

    fn known(
        context: &Context<'_>,
        is_it: impl Fn(&Json) -> bool,
    ) -> Result<Option<Self>, HelmFailure> {
        let Some(file) = context.repository_config().filter(|file| file.exists()) else {
            return Ok(None);
        };
        let data = read_file(file, MAX_CONFIG)?;
        let json = argosy_yaml::from_slice(&data).map_err(|error| {
            format!(
                "couldn't load repositories file ({}): {}",
                file.display(),
                error.text
            )
        })?;
        let mut entries = json["repositories"].as_array().into_iter().flatten();
        let Some(entry) = entries.find(|entry| is_it(entry)) else {
            return Ok(None);
        };
        let text = |name: &str| {
            let text = entry[name].as_str().filter(|text| !text.is_empty());
            text.map(str::to_owned)
        };
        let flag = |name: &str| entry[name].as_bool().unwrap_or(false);
        let access = AccessFlags {
            username: text("username"),
            password: text("password"),
            pass_credentials: flag("pass_credentials_all"),
            ca_file: text("caFile").map(Into::into),
            cert_file: text("certFile").map(Into::into),
            key_file: text("keyFile").map(Into::into),
            insecure_skip_tls_verify: flag("insecure_skip_tls_verify"),
            ..AccessFlags::default()
        };
        Self::new(&text("url").unwrap_or_default(), &access).map(Some)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Downloads from the repository or from where its index leads.
    pub fn get(&self, url: &str, max_bytes: u64) -> Result<Vec<u8>, HelmFailure> {
        Ok(download(&Download {
            url,
            credentials_for: &self.url,
            username: &self.username,
            password: self.password.clone(),
            pass_credentials: self.pass_credentials,
            insecure: self.insecure,
            authorities: self.authorities.as_deref(),
            client_cert: &self.client_cert,
            client_key: self.client_key.clone(),
            max_bytes,
        })?)
    }

    /// The repository's index, fetched once.
    pub fn index(&mut self) -> Result<&Index, HelmFailure> {
        if self.index.is_none() {
            let url = resolve_url(&self.url, "index.yaml");
            let data = self.get(&url, MAX_INDEX_BYTES)?;
            self.index = Some(Index::parse(&data)?);
        }
        Ok(self.index.get_or_insert_default())
    }

    /// The URL of the archive that suits a version best.
    pub fn find(&mut self, chart: &str, version: &str) -> Result<String, HelmFailure> {
        let url = self.url.clone();
        let index = self.index().map_err(|HelmFailure(text)| {
            let text = format!(
                "looks like {url:?} is not a valid chart repository or cannot be reached: {text}"
            );
            HelmFailure(text)
        })?;
        let subject = if version.is_empty() {
            format!("chart {chart:?}")
        } else {
            format!("chart {chart:?} version {version:?}")
        };
        let entry = index
            .find(chart, version)
            .ok_or_else(|| HelmFailure(format!("{subject} not found in {url} repository")))?;
        let place = entry
            .urls
            .first()
            .ok_or_else(|| HelmFailure(format!("{subject} has no downloadable URLs")))?;
        Ok(resolve_url(&url, place))
    }

    /// Downloads exactly one version, and checks it against the index's digest.
    pub fn archive(
        &mut self,
        chart: &str,
        version: &str,
    ) -> Result<(String, Vec<u8>), HelmFailure> {
        let url = self.find(chart, version)?;
        let wanted = self
            .index()?
            .find(chart, version)
            .map(|entry| entry.digest.to_ascii_lowercase())
            .unwrap_or_default();
        let data = self.get(&url, super::charts::MAX_ARCHIVE)?;
        let found = Digest::of(&data).hex();
        let bare = wanted.strip_prefix("sha256:").unwrap_or(&wanted);
        if bare.len() == found.len() && bare != found {
            return Err(format!(
                "{url}: its digest is {found}, but the repository's index says {bare}"
            )
            .into());
        }
        Ok((url, data))
    }
}

fn scheme(url: &str) -> &str {
    url.split_once("://").map_or("", |(scheme, _)| scheme)
}

/// A URL of an index, seen from the repository's; the repository's query stays.
pub(super) fn resolve_url(base: &str, place: &str) -> String {
    if place.contains("://") {
        return place.to_owned();
    }
    let (path, query) = match base.split_once('?') {
        Some((path, query)) => (path, format!("?{query}")),
        None => (base, String::new()),
    };
    let place = place.strip_prefix("./").unwrap_or(place);
    if let Some(rooted) = place.strip_prefix('/') {
        let host_at = path.find("://").map_or(0, |at| at + 3);
        let end = path[host_at..]
            .find('/')
            .map_or(path.len(), |at| host_at + at);
        return format!("{}/{rooted}{query}", &path[..end]);
    }
    format!("{}/{place}{query}", path.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::resolve_url;

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
            ("https://h:8/charts", "/b/a.tgz", "https://h:8/b/a.tgz"),
            ("https://h", "https://o/a.tgz", "https://o/a.tgz"),
        ] {
            assert_eq!(resolve_url(base, place), wanted);
        }
    }
}
