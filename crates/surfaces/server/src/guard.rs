//! Who may speak to the server: the page that it served itself, opened with this start's token.
//!
//! A page of another site can make a browser send requests here, and a name of its own can be
//! made to mean this machine. So the `Host` must be the address that was bound, an `Origin` must
//! be the same, and every call carries a token that only the printed address tells.

use argosy_object::Redacted;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN};
use std::net::{IpAddr, SocketAddr};

/// What is checked of every request.
#[derive(Clone, Debug)]
pub struct Guard {
    bound: SocketAddr,
    token: Redacted<String>,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The address is not this server's.
    #[error("this server is not at that address")]
    Host,
    /// It comes from a page of another site.
    #[error("pages of other sites may not call this server")]
    Origin,
    /// The token is missing or of another start.
    #[error("the token is missing or not of this start: open the address that the command printed")]
    Token,
    /// What is sent is not JSON.
    #[error("only application/json is taken")]
    ContentType,
}

impl Refusal {
    /// The HTTP status.
    pub fn status(self) -> u16 {
        match self {
            Self::Host => 421,
            Self::Origin => 403,
            Self::Token => 401,
            Self::ContentType => 415,
        }
    }
}

impl Guard {
    /// Guards a server that is bound to an address.
    pub fn new(bound: SocketAddr, token: Redacted<String>) -> Self {
        Self { bound, token }
    }

    /// Checks where a request came from and went to.
    ///
    /// # Errors
    /// [`Refusal::Host`] and [`Refusal::Origin`].
    pub fn check_place(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let host = only(headers, &HOST).ok_or(Refusal::Host)?;
        if !self.is_here(host) {
            return Err(Refusal::Host);
        }
        if headers.contains_key(ORIGIN) {
            let origin = only(headers, &ORIGIN).and_then(|origin| origin.strip_prefix("http://"));
            if origin != Some(host) {
                return Err(Refusal::Origin);
            }
        }
        Ok(())
    }

    /// Checks that a call of the API comes from the page, with the token.
    ///
    /// # Errors
    /// [`Refusal::Origin`] and [`Refusal::Token`].
    pub fn check_call(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        // A browser says so itself where another site's page asks; other clients say nothing.
        match only(headers, "sec-fetch-site") {
            None if headers.contains_key("sec-fetch-site") => return Err(Refusal::Origin),
            None | Some("same-origin" | "none") => {}
            Some(_) => return Err(Refusal::Origin),
        }
        let given = only(headers, &AUTHORIZATION).and_then(|text| text.strip_prefix("Bearer "));
        if given.is_some_and(|given| is_equal(given, self.token.reveal())) {
            Ok(())
        } else {
            Err(Refusal::Token)
        }
    }

    /// Checks what a call that acts says of its body. No form of a page can say this.
    ///
    /// # Errors
    /// [`Refusal::ContentType`].
    pub fn check_body(headers: &HeaderMap) -> Result<(), Refusal> {
        let kind = only(headers, &CONTENT_TYPE).ok_or(Refusal::ContentType)?;
        let kind = kind.split(';').next().unwrap_or("").trim();
        if kind.eq_ignore_ascii_case("application/json") {
            Ok(())
        } else {
            Err(Refusal::ContentType)
        }
    }

    /// Whether an authority means the bound address. A name other than `localhost` never does:
    /// whoever owns a name decides what it means.
    fn is_here(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        if port != Some(self.bound.port()) {
            return false;
        }
        let bound = self.bound.ip();
        if name.eq_ignore_ascii_case("localhost") {
            return bound.is_loopback() || bound.is_unspecified();
        }
        let name = name
            .strip_prefix('[')
            .and_then(|n| n.strip_suffix(']'))
            .unwrap_or(name);
        match name.parse::<IpAddr>() {
            Ok(ip) => ip == bound || bound.is_unspecified(),
            Err(_) => false,
        }
    }
}

/// The value of a header that is there once.
fn only<'h>(headers: &'h HeaderMap, name: impl http::header::AsHeaderName) -> Option<&'h str> {
    let mut all = headers.get_all(name).iter();
    match (all.next(), all.next()) {
        (Some(one), None) => one.to_str().ok(),
        _ => None,
    }
}

/// Compares in a time that does not tell where two texts differ.
fn is_equal(given: &str, wanted: &str) -> bool {
    given.len() == wanted.len()
        && given
            .bytes()
            .zip(wanted.bytes())
            .fold(0, |sum, (a, b)| sum | (a ^ b))
            == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    fn guard(bound: &str) -> Guard {
        Guard::new(bound.parse().unwrap(), Redacted::new("secret".into()))
    }

    #[test]
    fn only_the_bound_address_is_here() {
        let place =
            |bound: &str, host: &'static str| guard(bound).check_place(&headers(&[("host", host)]));
        for host in ["127.0.0.1:7000", "localhost:7000", "LOCALHOST:7000"] {
            assert_eq!(place("127.0.0.1:7000", host), Ok(()), "{host}");
        }
        for host in [
            "evil.example:7000",
            "127.0.0.1",
            "127.0.0.1:7001",
            "127.0.0.2:7000",
            "localhost",
            "localhost.evil.example:7000",
            "[::1]:7000",
            "",
            "127.0.0.1:7000:7000",
            "@127.0.0.1:7000",
        ] {
            assert_eq!(place("127.0.0.1:7000", host), Err(Refusal::Host), "{host}");
        }
        assert_eq!(place("[::1]:7000", "[::1]:7000"), Ok(()));
        assert_eq!(place("127.0.0.1:80", "127.0.0.1"), Ok(()));
        assert_eq!(place("0.0.0.0:7000", "10.1.2.3:7000"), Ok(()));
        assert_eq!(
            place("0.0.0.0:7000", "rebound.example:7000"),
            Err(Refusal::Host)
        );
        let twice = {
            let mut twice = headers(&[("host", "127.0.0.1:7000")]);
            twice.append("host", HeaderValue::from_static("evil.example"));
            twice
        };
        assert_eq!(
            guard("127.0.0.1:7000").check_place(&twice),
            Err(Refusal::Host)
        );
        assert_eq!(
            guard("127.0.0.1:7000").check_place(&HeaderMap::new()),
            Err(Refusal::Host)
        );
    }

    #[test]
    fn origin_must_be_the_host_itself() {
        let origin = |origin: &'static str| {
            let all = headers(&[("host", "127.0.0.1:7000"), ("origin", origin)]);
            guard("127.0.0.1:7000").check_place(&all)
        };
        assert_eq!(origin("http://127.0.0.1:7000"), Ok(()));
        for other in [
            "http://localhost:7000",
            "https://127.0.0.1:7000",
            "http://127.0.0.1:7001",
            "null",
            "http://evil.example",
            "",
        ] {
            assert_eq!(origin(other), Err(Refusal::Origin), "{other}");
        }
    }

    #[test]
    fn calls_need_the_token_and_come_from_no_other_site() {
        let call = |all: &[(&'static str, &'static str)]| {
            guard("127.0.0.1:7000").check_call(&headers(all))
        };
        assert_eq!(call(&[("authorization", "Bearer secret")]), Ok(()));
        for wrong in [
            "Bearer",
            "Bearer secre",
            "Bearer secreT",
            "Basic secret",
            "secret",
        ] {
            assert_eq!(
                call(&[("authorization", wrong)]),
                Err(Refusal::Token),
                "{wrong}"
            );
        }
        assert_eq!(call(&[]), Err(Refusal::Token));
        for (site, wanted) in [
            ("same-origin", Ok(())),
            ("none", Ok(())),
            ("cross-site", Err(Refusal::Origin)),
            ("same-site", Err(Refusal::Origin)),
        ] {
            let all = [("authorization", "Bearer secret"), ("sec-fetch-site", site)];
            assert_eq!(call(&all), wanted, "{site}");
        }
    }

    #[test]
    fn forms_of_other_pages_cannot_act() {
        let body = |kind: &'static str| Guard::check_body(&headers(&[("content-type", kind)]));
        assert_eq!(body("application/json; charset=utf-8"), Ok(()));
        for form in [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data",
            "",
        ] {
            assert_eq!(body(form), Err(Refusal::ContentType), "{form}");
        }
        assert_eq!(
            Guard::check_body(&HeaderMap::new()),
            Err(Refusal::ContentType)
        );
    }
}
