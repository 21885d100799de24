//! Where an API server is: scheme, host, port and path prefix.

use super::TransportError;
use http::Uri;
use http::uri::{Authority, PathAndQuery};

/// The parsed URL of an API server.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    tls: bool,
    host: String,
    port: u16,
    prefix: String,
}

impl Address {
    /// Parses a URL such as `https://10.0.0.1:6443/clusters/eu`; a bare `host:port` is https.
    ///
    /// # Errors
    /// Where it is no http or https URL with a host, or has a query.
    pub fn parse(url: &str) -> Result<Self, TransportError> {
        let error = |what| TransportError::Url {
            url: url.to_owned(),
            what,
        };
        let full = if url.contains("://") {
            url.to_owned()
        } else {
            format!("https://{url}")
        };
        let uri: Uri = full.parse().map_err(|_| error("is no URL"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(error("is neither http nor https")),
        };
        if uri.query().is_some() {
            return Err(error("has a query"));
        }
        let host = uri.host().unwrap_or_default();
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err(error("has no host"));
        }
        if uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(error("has a user in it"));
        }
        Ok(Self {
            tls,
            host: host.to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// Whether TLS is spoken.
    pub fn tls(&self) -> bool {
        self.tls
    }

    /// Host name or IP address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The path before every request's own, without a slash at the end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Host and port, an IPv6 address in brackets.
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether this is `other` or lies under its path.
    pub fn is_under(&self, other: &Self) -> bool {
        let same_server = (self.tls, &self.host, self.port) == (other.tls, &other.host, other.port);
        same_server
            && self
                .prefix
                .strip_prefix(other.prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// The URI of a request on the wire: in absolute form for HTTP/2, the path alone for HTTP/1.
    pub(super) fn target(&self, request: &Uri, absolute: bool) -> Result<Uri, http::Error> {
        let path = request.path_and_query().map_or("/", PathAndQuery::as_str);
        let path = format!("{}{path}", self.prefix);
        let mut builder = Uri::builder().path_and_query(path);
        if absolute {
            let scheme = if self.tls { "https" } else { "http" };
            let authority: Authority = self.authority().parse()?;
            builder = builder.scheme(scheme).authority(authority);
        }
        builder.build()
    }
}

/// Puts `prefix` before a request's path.
pub(super) fn with_prefix<B>(mut request: http::Request<B>, prefix: &str) -> http::Request<B> {
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", PathAndQuery::as_str);
    if let Ok(uri) = format!("{prefix}{path}").parse() {
        *request.uri_mut() = uri;
    }
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_parts_have_defaults() {
        let address = Address::parse("https://API.example.com").unwrap();
        assert_eq!(
            (address.authority().as_str(), address.prefix()),
            ("api.example.com:443", "")
        );
        let address = Address::parse("http://[::1]:8080/a/b/").unwrap();
        assert_eq!(
            (address.authority().as_str(), address.prefix()),
            ("[::1]:8080", "/a/b")
        );
        assert!(Address::parse("10.0.0.1:6443").unwrap().tls());
    }

    #[test]
    fn what_is_no_server_is_refused() {
        for url in [
            "ftp://x",
            "https://",
            "https://x?y",
            "https://u:p@x",
            "https://x y",
        ] {
            assert!(Address::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn prefix_ends_at_a_path_segment() {
        let at = |url: &str| Address::parse(url).unwrap();
        assert!(at("https://h:1/clusters/a").is_under(&at("https://h:1")));
        assert!(at("https://h:1/clusters/a").is_under(&at("https://h:1/clusters/a/")));
        assert!(!at("https://h:1/clusters/ab").is_under(&at("https://h:1/clusters/a")));
        assert!(!at("https://h:2/clusters/a").is_under(&at("https://h:1/clusters/a")));
    }

    #[test]
    fn target_keeps_prefix_and_query() {
        let address = Address::parse("https://h:1/p").unwrap();
        let uri: Uri = "/api/v1/pods?watch=true".parse().unwrap();
        assert_eq!(
            address.target(&uri, true).unwrap(),
            "https://h:1/p/api/v1/pods?watch=true"
        );
        assert_eq!(
            address.target(&uri, false).unwrap(),
            "/p/api/v1/pods?watch=true"
        );
    }
}
