//! Who asks, and for what: the caller's identity and the request's place in the API.

use crate::error::ApiError;
use crate::hook::Reader;
use http::HeaderMap;
use std::collections::BTreeMap;

/// The caller, as authentication found it. Carried as a request extension; an in-process
/// client sets it itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// Name, such as `system:serviceaccount:NS:NAME`.
    pub username: String,
    /// UID; may be empty.
    pub uid: String,
    /// Groups, `system:authenticated` included.
    pub groups: Vec<String>,
    /// Further facts.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The identity of callers within the process who named none: may do everything.
    pub fn system_admin() -> Self {
        Self {
            username: "system:admin".into(),
            groups: vec!["system:masters".into(), "system:authenticated".into()],
            ..Self::default()
        }
    }

    /// `system:anonymous`.
    pub fn anonymous() -> Self {
        Self {
            username: "system:anonymous".into(),
            groups: vec!["system:unauthenticated".into()],
            ..Self::default()
        }
    }

    /// Whether the caller is in `group`.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }
}

/// A client certificate that the TLS handshake has verified against the client CA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate(pub Vec<u8>);

/// What a request asks for, as upstream's `RequestInfo`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestInfo {
    /// The caller.
    pub user: UserInfo,
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the
    /// method in lower case where the path names no resource.
    pub verb: String,
    /// `api` or `apis`, empty where the path names no resource.
    pub api_prefix: String,
    /// API group, empty for core.
    pub api_group: String,
    /// API version.
    pub api_version: String,
    /// Resource in the plural, such as `pods`.
    pub resource: String,
    /// Subresource, such as `status`, or empty.
    pub subresource: String,
    /// Namespace, or empty.
    pub namespace: String,
    /// Object's name, or empty.
    pub name: String,
    /// The path without query.
    pub path: String,
    /// The query as it was sent.
    pub query: String,
    /// Whether the path names a resource.
    pub is_resource: bool,
}

impl RequestInfo {
    /// Reads method, path and query as upstream's `RequestInfoFactory` does.
    pub fn parse(method: &http::Method, path: &str, query: &Query, user: UserInfo) -> Self {
        let mut info = Self {
            user,
            verb: method.as_str().to_ascii_lowercase(),
            path: path.into(),
            ..Self::default()
        };
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let Some(rest) = info.take_group_version(&parts) else {
            return info;
        };
        info.is_resource = true;
        info.verb = verb_of(method).into();
        info.take_resource(rest);
        info.narrow_verb(query);
        info
    }

    /// Fills prefix, group and version; `None` where the path names no resource.
    fn take_group_version<'p>(&mut self, parts: &'p [&'p str]) -> Option<&'p [&'p str]> {
        let (group, version, rest) = match parts {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return None,
        };
        self.api_prefix = parts[0].into();
        self.api_group = group.into();
        self.api_version = version.into();
        Some(rest)
    }

    fn take_resource(&mut self, parts: &[&str]) {
        let mut rest = parts;
        if rest[0] == "watch" && rest.len() > 1 {
            self.verb = "watch".into();
            rest = &rest[1..];
        }
        if rest[0] == "namespaces" && rest.len() > 1 {
            self.namespace = rest[1].into();
            // `namespaces/NAME/status` and `/finalize` are subresources of the namespace itself.
            if rest.len() > 2 && !matches!(rest[2], "status" | "finalize") {
                rest = &rest[2..];
            }
        }
        self.resource = rest[0].into();
        self.name = rest.get(1).copied().unwrap_or_default().into();
        self.subresource = rest.get(2).copied().unwrap_or_default().into();
    }

    fn narrow_verb(&mut self, query: &Query) {
        if self.verb == "get" && self.name.is_empty() {
            self.verb = if query.flag("watch") { "watch" } else { "list" }.into();
        }
        if self.verb == "delete" && self.name.is_empty() {
            self.verb = "deletecollection".into();
        }
    }
}

fn verb_of(method: &http::Method) -> &'static str {
    match method.as_str() {
        "POST" => "create",
        "GET" | "HEAD" => "get",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        _ => "",
    }
}

/// Query parameters, decoded, in the order of the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Decodes a query string; what cannot be decoded is kept as it stands.
    pub fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The first value of a parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// The first value, unless it is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|v| !v.is_empty())
    }

    /// All values of a parameter.
    pub fn all<'q>(&'q self, name: &'q str) -> impl Iterator<Item = &'q str> {
        self.0
            .iter()
            .filter(move |(n, _)| n == name)
            .map(|(_, v)| v.as_str())
    }

    /// A boolean as Go's conversion reads it: anything but `false` and `0` is true.
    pub fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(value) => !matches!(value.to_ascii_lowercase().as_str(), "false" | "0"),
        }
    }
}

/// Decodes `%XX` (and `+` where `plus`); broken escapes stay as they are.
pub fn percent_decode(text: &str, plus: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = |i: usize| bytes.get(i).and_then(|b| (*b as char).to_digit(16));
        match bytes[at] {
            b'+' if plus => out.push(b' '),
            b'%' => match (hex(at + 1), hex(at + 2)) {
                (Some(high), Some(low)) => {
                    out.push((high * 16 + low) as u8);
                    at += 2;
                }
                _ => out.push(b'%'),
            },
            other => out.push(other),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// What an authorizer answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Go ahead.
    Allow,
    /// Refused, with the reason that follows upstream's sentence; may be empty.
    Deny(String),
}

/// Decides whether a caller may do something.
pub trait Authorizer: Send + Sync {
    /// Decides on one request. `store` reads the cluster's own objects (roles, bindings).
    fn authorize(&self, store: &dyn Reader, info: &RequestInfo) -> Decision;

    /// The rules of a caller in a namespace, for `SelfSubjectRulesReview`: resource rules and
    /// non-resource rules in their JSON shape.
    fn rules(
        &self,
        _store: &dyn Reader,
        _user: &UserInfo,
        _namespace: &str,
    ) -> (Vec<argosy_object::Value>, Vec<argosy_object::Value>) {
        (Vec::new(), Vec::new())
    }

    /// Why a request that is allowed is allowed, for access reviews; may be empty.
    fn reason(&self, _store: &dyn Reader, _info: &RequestInfo) -> String {
        String::new()
    }

    /// Tells that a role or binding was written or removed. Called from the `after_write` of the
    /// RBAC kinds, when `store` shows the new state.
    fn changed(&self, _store: &dyn Reader, _resource: &str, _namespace: &str, _name: &str) {}
}

/// Finds out who asks.
pub trait Authenticator: Send + Sync {
    /// Reads credentials; `Ok(None)` where the request carries none. Impersonation headers
    /// are not this trait's concern.
    ///
    /// # Errors
    /// 401 for credentials that are wrong.
    fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<&PeerCertificate>,
        store: &dyn Reader,
    ) -> Result<Option<UserInfo>, ApiError>;
}

/// Allows everything: for simulated clusters in tests.
#[derive(Clone, Copy, Debug, Default)]
pub struct AllowAll;

impl Authorizer for AllowAll {
    fn authorize(&self, _store: &dyn Reader, _info: &RequestInfo) -> Decision {
        Decision::Allow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(method: http::Method, target: &str) -> RequestInfo {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        RequestInfo::parse(&method, path, &Query::parse(query), UserInfo::default())
    }

    #[test]
    fn namespaced_subresource_is_read() {
        let info = parse(
            http::Method::PUT,
            "/apis/apps/v1/namespaces/shop/deployments/web/scale",
        );
        assert_eq!(
            (info.verb.as_str(), info.subresource.as_str()),
            ("update", "scale")
        );
        assert_eq!(
            (info.namespace.as_str(), info.name.as_str()),
            ("shop", "web")
        );
    }

    #[test]
    fn namespace_is_its_own_resource() {
        let info = parse(http::Method::GET, "/api/v1/namespaces/shop");
        assert_eq!(
            (info.resource.as_str(), info.name.as_str()),
            ("namespaces", "shop")
        );
        let info = parse(http::Method::PUT, "/api/v1/namespaces/shop/finalize");
        assert_eq!(
            (info.name.as_str(), info.subresource.as_str()),
            ("shop", "finalize")
        );
    }

    #[test]
    fn collection_verbs_follow_the_query() {
        assert_eq!(
            parse(http::Method::GET, "/api/v1/pods?watch=1").verb,
            "watch"
        );
        assert_eq!(
            parse(http::Method::GET, "/api/v1/pods?watch=false").verb,
            "list"
        );
        assert_eq!(
            parse(http::Method::DELETE, "/api/v1/pods").verb,
            "deletecollection"
        );
        assert!(!parse(http::Method::GET, "/api/v1").is_resource);
    }

    #[test]
    fn broken_escapes_stay() {
        assert_eq!(percent_decode("a%2fb%zz%", false), "a/b%zz%");
    }
}
