//! `urlParse` and `urlJoin`, by the rules of Go's `net/url`.

mod escape;

use crate::args::{Outcome, map, string, text};
use crate::text::{kind, quoted};
use argosy_gotmpl::{FuncError, FuncTable, GoStr, MapRef, Value};
use escape::{Part, escape, unescape};

pub(crate) fn add(table: FuncTable) -> FuncTable {
    table
        .with_typed("urlParse", "string", |_, a| {
            let url = parse(text(a, 0)).map_err(|e| {
                let mut message = b"unable to parse url: ".to_vec();
                message.extend_from_slice(&e);
                FuncError::new(String::from_utf8_lossy(&message).into_owned())
            })?;
            Ok(url.into_dict())
        })
        .with_typed("urlJoin", "map", |_, a| join(map(a, 0)))
}

#[derive(Default)]
struct Url {
    scheme: Vec<u8>,
    opaque: Vec<u8>,
    /// User and password as they are written in a URL.
    user: Option<Vec<u8>>,
    host: Vec<u8>,
    path: Vec<u8>,
    query: Vec<u8>,
    fragment: Vec<u8>,
}

impl Url {
    fn into_dict(self) -> Value {
        let hostname = hostname(&self.host).to_vec();
        let entries = [
            ("scheme", self.scheme),
            ("host", self.host),
            ("hostname", hostname),
            ("path", self.path),
            ("query", self.query),
            ("opaque", self.opaque),
            ("fragment", self.fragment),
            ("userinfo", self.user.unwrap_or_default()),
        ];
        Value::map(
            entries
                .map(|(key, part)| (GoStr::from(key), Value::str(part)))
                .into(),
        )
    }

    fn text(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.authority_and_path(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend_from_slice(&escape(&self.fragment, Part::Fragment));
        }
        out
    }

    fn authority_and_path(&self, out: &mut Vec<u8>) {
        let names_host = !self.host.is_empty() || self.user.is_some();
        if names_host || (!self.scheme.is_empty() && !self.path.is_empty()) {
            out.extend_from_slice(b"//");
            if let Some(user) = &self.user {
                out.extend_from_slice(user);
                out.push(b'@');
            }
            out.extend_from_slice(&escape(&self.host, Part::Host));
        }
        let path = match &self.path[..] {
            b"*" => b"*".to_vec(),
            path => escape(path, Part::Path),
        };
        if !path.is_empty() && path[0] != b'/' && !self.host.is_empty() {
            out.push(b'/');
        }
        let first = path.split(|b| *b == b'/').next().unwrap_or_default();
        if out.is_empty() && first.contains(&b':') {
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(&path);
    }
}

fn join(dict: Option<&MapRef>) -> Outcome {
    let part = |key: &str| match dict.and_then(|d| d.get(key.as_bytes())) {
        None => Ok(Vec::new()),
        Some(Value::Str(text)) => Ok(text.as_bytes().to_vec()),
        Some(Value::Nil) => Err(FuncError::new(crate::args::NIL_POINTER)),
        Some(other) => Err(FuncError::new(format!(
            "unable to parse {key} key, must be of type string, but {} found",
            kind(&other)
        ))),
    };
    let mut url = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        user: None,
    };
    let userinfo = part("userinfo")?;
    if !userinfo.is_empty() {
        let text = [b"proto://", &userinfo[..], b"@host"].concat();
        let parsed = parse(&text).map_err(|e| {
            let error = String::from_utf8_lossy(&e).into_owned();
            FuncError::new(format!("unable to parse userinfo in dict: {error}"))
        })?;
        url.user = parsed.user;
    }
    string(url.text())
}

/// Whether Go's `url.ParseRequestURI` reads the text, and it has a scheme.
pub fn is_request_url(text: &str) -> bool {
    parse_reference(text.as_bytes()).is_ok_and(|url| !url.scheme.is_empty())
}

/// `url.Parse`; the error is its text.
fn parse(text: &[u8]) -> Result<Url, Vec<u8>> {
    let (before, fragment) = cut(text, b'#');
    let failed = |text: &[u8], error: String| {
        [b"parse ", &quoted(text)[..], b": ", error.as_bytes()].concat()
    };
    let mut url = parse_reference(before).map_err(|e| failed(before, e))?;
    if let Some(fragment) = fragment {
        url.fragment = unescape(fragment, Part::Fragment).map_err(|e| failed(text, e))?;
    }
    Ok(url)
}

fn cut(text: &[u8], at: u8) -> (&[u8], Option<&[u8]>) {
    match text.iter().position(|b| *b == at) {
        Some(index) => (&text[..index], Some(&text[index + 1..])),
        None => (text, None),
    }
}

fn parse_reference(text: &[u8]) -> Result<Url, String> {
    if text.iter().any(|b| *b < b' ' || *b == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let mut url = Url::default();
    if text == b"*" {
        url.path = b"*".to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (rest, query) = cut(rest, b'?');
    url.query = query.unwrap_or_default().to_vec();
    if !rest.starts_with(b"/") {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Ok(url);
        }
        if cut(rest, b'/').0.contains(&b':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    let mut path = rest;
    let has_authority = !url.scheme.is_empty() || !rest.starts_with(b"///");
    if let (true, Some(authority)) = (has_authority, rest.strip_prefix(b"//")) {
        let end = authority
            .iter()
            .position(|b| *b == b'/')
            .unwrap_or(authority.len());
        (url.user, url.host) = parse_authority(&url.scheme, &authority[..end])?;
        path = &authority[end..];
    }
    url.path = unescape(path, Part::Path)?;
    Ok(url)
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (index, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if index > 0 => {}
            b':' if index == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..index], &text[index + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

type Authority = (Option<Vec<u8>>, Vec<u8>);

fn parse_authority(scheme: &[u8], authority: &[u8]) -> Result<Authority, String> {
    let Some(at) = authority.iter().rposition(|b| *b == b'@') else {
        return Ok((None, parse_host(scheme, authority)?));
    };
    let host = parse_host(scheme, &authority[at + 1..])?;
    let userinfo = &authority[..at];
    let valid = |b: &u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(b);
    if !userinfo.iter().all(valid) {
        return Err("net/url: invalid userinfo".into());
    }
    let (name, password) = cut(userinfo, b':');
    let rewritten =
        |part: &[u8]| unescape(part, Part::User).map(|plain| escape(&plain, Part::User));
    let mut user = rewritten(name)?;
    if let Some(password) = password {
        user.push(b':');
        user.extend_from_slice(&rewritten(password)?);
    }
    Ok((Some(user), host))
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, String> {
    let port_error = |port: &[u8]| {
        format!(
            "invalid port {} after host",
            String::from_utf8_lossy(&quoted(port))
        )
    };
    match host.iter().rposition(|b| *b == b'[') {
        Some(0) => return parse_literal(host),
        Some(_) => return Err("invalid IP-literal".into()),
        None => {}
    }
    let first = host.iter().position(|b| *b == b':');
    let last = host.iter().rposition(|b| *b == b':');
    if let (Some(first), Some(last)) = (first, last) {
        let strict = matches!(scheme, b"http" | b"https");
        let port = &host[if strict { first } else { last }..];
        if !is_port(port) {
            return Err(port_error(port));
        }
    }
    unescape(host, Part::Host)
}

fn parse_literal(host: &[u8]) -> Result<Vec<u8>, String> {
    let close = host
        .iter()
        .rposition(|b| *b == b']')
        .ok_or("missing ']' in host")?;
    let port = &host[close + 1..];
    if !is_port(port) {
        let port = String::from_utf8_lossy(&quoted(port)).into_owned();
        return Err(format!("invalid port {port} after host"));
    }
    let literal = &host[1..close];
    let zone = literal
        .windows(3)
        .position(|w| w == b"%25")
        .unwrap_or(literal.len());
    let mut address = unescape(&literal[..zone], Part::Host)?;
    let bare = String::from_utf8_lossy(&address).into_owned();
    address.extend_from_slice(&unescape(&literal[zone..], Part::Zone)?);
    match bare.parse::<std::net::IpAddr>() {
        Ok(std::net::IpAddr::V4(_)) => return Err("invalid IP-literal".into()),
        Ok(std::net::IpAddr::V6(_)) => {}
        Err(_) => {
            let shown = String::from_utf8_lossy(&quoted(&address)).into_owned();
            return Err(format!(
                "invalid host: ParseAddr({shown}): unable to parse IP"
            ));
        }
    }
    Ok([b"[", &address[..], b"]", port].concat())
}

fn is_port(text: &[u8]) -> bool {
    text.is_empty() || (text[0] == b':' && text[1..].iter().all(u8::is_ascii_digit))
}

/// The host without its port and brackets.
fn hostname(host: &[u8]) -> &[u8] {
    let name = match host.iter().rposition(|b| *b == b':') {
        Some(colon) if is_port(&host[colon..]) => &host[..colon],
        _ => host,
    };
    name.strip_prefix(b"[")
        .and_then(|n| n.strip_suffix(b"]"))
        .unwrap_or(name)
}
