//! Which proxy a URL is reached through: the Secret's, else the process' own, else none.

use crate::url::{host, origin};
use std::net::IpAddr;

/// The proxies of the process (`HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY`).
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    /// For https URLs; empty for none.
    pub https: String,
    /// For http URLs.
    pub http: String,
    /// Hosts that are reached without one.
    pub none_for: String,
}

impl Proxies {
    /// The proxy for a URL; `own` and `own_none_for` are a Secret's `proxy` and `noProxy`. `http://`, `https://` (both CONNECT), `socks4://`, `socks4a://` and
    /// `socks5://` with a name and password are known.
    ///
    /// `Compat:` a Secret's `proxy` and `noProxy` go before the process', and neither is used for
    /// loopback, as in Argo CD and Go.
    ///
    /// # Errors
    /// A sentence without the proxy's URL, which may hold a password.
    pub(crate) fn choose(
        &self,
        url: &str,
        own: &str,
        own_none_for: &str,
    ) -> Result<Option<ureq::Proxy>, String> {
        let host = host(url);
        let (proxy, none_for, source) = if own.is_empty() {
            let is_tls = url.starts_with("https://");
            let proxy = if is_tls { &self.https } else { &self.http };
            (
                proxy.as_str(),
                self.none_for.as_str(),
                "the environment's proxy",
            )
        } else {
            (own, own_none_for, "`proxy`")
        };
        if proxy.is_empty() || is_loopback(host) || goes_direct(url, none_for) {
            return Ok(None);
        }
        // Compat: Go lets a SOCKS 5 proxy find the host; by this scheme our client does too.
        let proxy = match proxy.strip_prefix("socks5://") {
            Some(rest) => format!("socks5h://{rest}"),
            None => proxy.to_owned(),
        };
        ureq::Proxy::new(&proxy)
            .map(Some)
            .map_err(|_| format!("{source} is no URL of a proxy"))
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || ip(host).is_some_and(|ip| ip.is_loopback())
}

fn ip(host: &str) -> Option<IpAddr> {
    let host = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    host.parse().ok()
}

/// `Compat:` Go's rules: a name means itself and all below it, with a dot or `*.` before it only
/// those below; addresses and their ranges; a port after either; `*` means all.
fn goes_direct(url: &str, none_for: &str) -> bool {
    let host = host(url).trim_end_matches('.').to_lowercase();
    let origin = origin(url);
    let port = origin
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse::<u16>().ok())
        .unwrap_or(if url.starts_with("https://") { 443 } else { 80 });
    let address = ip(&host);
    none_for.split([',', ' ']).map(str::trim).any(|entry| {
        let entry = entry.to_lowercase();
        if entry.is_empty() {
            return false;
        }
        if entry == "*" {
            return true;
        }
        let (name, wanted) = match entry.rsplit_once(':') {
            Some((name, digits)) if !name.contains(':') || name.ends_with(']') => {
                (name.to_owned(), digits.parse::<u16>().ok())
            }
            _ => (entry, None),
        };
        if wanted.is_some_and(|wanted| wanted != port) {
            return false;
        }
        match address {
            Some(address) => in_range(address, &name),
            None => is_below(&host, &name),
        }
    })
}

fn is_below(host: &str, name: &str) -> bool {
    let name = name.strip_prefix('*').unwrap_or(name);
    match name.strip_prefix('.') {
        Some(_) => host.ends_with(name),
        None => host == name || host.ends_with(&format!(".{name}")),
    }
}

fn in_range(address: IpAddr, range: &str) -> bool {
    let Some((base, bits)) = range.split_once('/') else {
        return ip(range) == Some(address);
    };
    let (Some(base), Ok(bits)) = (ip(base), bits.parse::<u32>()) else {
        return false;
    };
    match (address, base) {
        (IpAddr::V4(address), IpAddr::V4(base)) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            address.to_bits() & mask == base.to_bits() & mask
        }
        (IpAddr::V6(address), IpAddr::V6(base)) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            address.to_bits() & mask == base.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_proxy_is_read_as_go_does() {
        for (url, none_for, wanted) in [
            ("https://h.example/x", "", false),
            ("https://h.example/x", "*", true),
            ("https://h.example/x", "example", true),
            ("https://example/x", ".example", false),
            ("https://h.example/x", ".example, other", true),
            ("https://h.example/x", "*.example", true),
            ("https://bad-example/x", "example", false),
            ("https://H.Example:8443/x", "h.example:8443", true),
            ("https://h.example/x", "h.example:8443", false),
            ("https://h.example/x", "h.example:443", true),
            ("http://h.example/x", "h.example:443", false),
            ("https://10.1.2.3/x", "10.0.0.0/8", true),
            ("https://11.1.2.3/x", "10.0.0.0/8", false),
            ("https://10.1.2.3:99/x", "10.1.2.3", true),
            ("https://10.1.2.3/x", "0.0.0.0/0", true),
            ("https://10.1.2.3/x", "10.0.0.0/99", false),
            ("https://[fd00::1]/x", "fd00::/8", true),
            ("https://h.example/x", "10.0.0.0/8,,", false),
        ] {
            assert_eq!(goes_direct(url, none_for), wanted, "{url} {none_for}");
        }
    }

    #[test]
    fn a_secret_goes_before_the_environment_and_loopback_before_both() {
        let proxies = Proxies {
            https: "http://env-tls:1".into(),
            http: "http://env:2".into(),
            none_for: "direct.example".into(),
        };
        let own = ("socks5://user:pw@secret:3", "own.example");
        let chosen = |url, (own, none_for)| {
            let chosen = proxies.choose(url, own, none_for).unwrap();
            chosen.map(|proxy| proxy.host().to_owned())
        };
        let none = ("", "");
        assert_eq!(chosen("https://h/x", none).as_deref(), Some("env-tls"));
        assert_eq!(chosen("http://h/x", none).as_deref(), Some("env"));
        assert_eq!(chosen("http://direct.example/x", none), None);
        let of_secret = chosen("http://direct.example/x", own);
        assert_eq!(of_secret.as_deref(), Some("secret"));
        assert_eq!(chosen("https://own.example/x", own), None);
        for loopback in [
            "http://127.0.0.1:1/x",
            "http://localhost/x",
            "https://[::1]:2/x",
        ] {
            assert_eq!(chosen(loopback, own), None, "{loopback}");
        }
        let wrong = "ftp://user:hunter2@h";
        let error = proxies.choose("https://h/x", wrong, "").unwrap_err();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
