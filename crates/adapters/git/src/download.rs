//! Files from web servers: what chart repositories and values files are read by, with the same
//! trust and the same caution as repositories.

use crate::credentials::Credential;
use crate::proxy::Proxies;
use crate::smart_http::{may_carry_credentials, origin};
use crate::tls::{self, Trust};
use crate::wire::Patience;
use base64::Engine as _;
use std::io::Read as _;

/// Most redirects that are followed. Compat: Go's client follows ten.
const MAX_REDIRECTS: usize = 10;

/// What to download, and how.
#[derive(Clone, Debug, Default)]
pub struct Download<'d> {
    /// `http://` or `https://`
    pub url: &'d str,
    /// The place that name and password belong to; empty where it is that of `url`.
    pub credentials_for: &'d str,
    /// Name for basic authentication; empty for none.
    pub username: &'d str,
    /// The password beside it.
    pub password: argosy_object::Redacted<String>,
    /// Whether name and password go to other places too.
    pub pass_credentials: bool,
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// Certificates in PEM that are trusted instead of the system's.
    pub authorities: Option<&'d str>,
    /// The client's certificate in PEM, or nothing.
    pub client_cert: &'d str,
    /// Its key in PEM.
    pub client_key: argosy_object::Redacted<String>,
    /// The largest answer.
    pub max_bytes: u64,
}

/// Downloads a file. Blocks.
///
/// # Errors
/// A sentence with the URL: no answer, an answer that is not 200, or one that is too large.
pub fn download(wanted: &Download<'_>) -> Result<Vec<u8>, String> {
    let credential = Credential {
        client_cert: wanted.client_cert.to_owned(),
        client_key: wanted.client_key.clone(),
        insecure: wanted.insecure,
        ..Credential::default()
    };
    let home = if wanted.credentials_for.is_empty() {
        wanted.url
    } else {
        wanted.credentials_for
    };
    let home = origin(home);
    let proxies = Proxies::default();
    let mut url = wanted.url.to_owned();
    for _ in 0..=MAX_REDIRECTS {
        let failed = |error: &ureq::Error| format!("Get \"{url}\": {error}");
        let trust = Trust {
            credential: &credential,
            authority: wanted.authorities,
            proxies: &proxies,
        };
        let agent = tls::agent(&url, &trust, Patience::default())?;
        let mut request = agent.get(&url);
        if !wanted.username.is_empty()
            && (wanted.pass_credentials || may_carry_credentials(home, &url))
        {
            let pair = format!("{}:{}", wanted.username, wanted.password.reveal());
            let pair = base64::engine::general_purpose::STANDARD.encode(pair);
            request = request.header("Authorization", format!("Basic {pair}"));
        }
        let response = request.call().map_err(|error| failed(&error))?;
        match response.status().as_u16() {
            200 => {
                return body(response, wanted.max_bytes).map_err(|text| format!("{url}: {text}"));
            }
            301 | 302 | 303 | 307 | 308 => {
                let location = response.headers().get("location");
                let location = location.and_then(|value| value.to_str().ok());
                url = next(&url, location.unwrap_or_default())?;
            }
            code => {
                let reason = response.status().canonical_reason().unwrap_or_default();
                return Err(format!("failed to fetch {url} : {code} {reason}"));
            }
        }
    }
    Err(format!(
        "{}: more than {MAX_REDIRECTS} redirects",
        wanted.url
    ))
}

/// Where a redirect leads; TLS is not given up on the way.
fn next(from: &str, location: &str) -> Result<String, String> {
    let to = if location.starts_with("//") {
        let scheme = from.split_once("//").map_or("https:", |(scheme, _)| scheme);
        format!("{scheme}{location}")
    } else if location.starts_with('/') {
        format!("{}{location}", origin(from))
    } else if location.contains("://") {
        location.to_owned()
    } else {
        let end = from.rfind('/').map_or(from.len(), |at| at + 1);
        format!("{}{location}", &from[..end])
    };
    let is_safe =
        to.starts_with("https://") || (to.starts_with("http://") && from.starts_with("http://"));
    if !is_safe || location.is_empty() {
        return Err(format!(
            "{from}: the server redirects to a place that is not followed"
        ));
    }
    Ok(to)
}

fn body(response: http::Response<ureq::Body>, max: u64) -> Result<Vec<u8>, String> {
    let body = response.into_body().into_with_config().limit(u64::MAX);
    let mut data = Vec::new();
    body.reader()
        .take(max + 1)
        .read_to_end(&mut data)
        .map_err(|error| error.to_string())?;
    if data.len() as u64 > max {
        return Err(format!("the answer is larger than {max} bytes"));
    }
    Ok(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirects_stay_on_tls_and_keep_the_host_where_they_name_none() {
        let from = "https://h.example/charts/index.yaml";
        for (location, wanted) in [
            ("/a", Some("https://h.example/a")),
            ("b", Some("https://h.example/charts/b")),
            ("//o.example/c", Some("https://o.example/c")),
            ("https://o.example/d", Some("https://o.example/d")),
            ("http://h.example/e", None),
            ("file:///etc/passwd", None),
            ("", None),
        ] {
            assert_eq!(next(from, location).ok().as_deref(), wanted, "{location}");
        }
    }
}
