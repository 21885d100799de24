//! Impersonation headers: who is to be played, and which rights that takes.

use crate::auth::attributes::Attributes;
use crate::{ApiError, Authorizer, Decision, Reader, RequestInfo, UserInfo, percent_decode};
use http::HeaderMap;
use std::collections::BTreeMap;

const EXTRA: &str = "impersonate-extra-";

/// Who a request goes on as: the caller itself, or whom its `Impersonate-*` headers name.
///
/// # Errors
/// 403 where the caller may not play that user, group, UID or extra; 400 for groups, UID or
/// extras without a user.
///
/// Compat: `k8s.io/apiserver/pkg/endpoints/filters/impersonation`, without constrained
/// impersonation (alpha).
pub fn effective_user(
    headers: &HeaderMap,
    caller: &UserInfo,
    authorizer: &dyn Authorizer,
    store: &dyn Reader,
) -> Result<UserInfo, ApiError> {
    let Some(wanted) = read(headers)? else {
        return Ok(caller.clone());
    };
    for right in rights(&wanted) {
        let info = RequestInfo {
            user: caller.clone(),
            verb: "impersonate".into(),
            api_group: right.group.into(),
            api_version: "v1".into(),
            resource: right.resource.into(),
            subresource: right.subresource.clone(),
            namespace: right.namespace.clone(),
            name: right.name.clone(),
            is_resource: true,
            ..RequestInfo::default()
        };
        if let Decision::Deny(reason) = authorizer.authorize(store, &info) {
            let refused = Attributes::of(&info).refusal(&caller.username);
            let detail = if reason.is_empty() {
                refused
            } else {
                format!("{refused}: {reason}")
            };
            return Err(ApiError::forbidden(
                right.group,
                right.resource,
                &right.name,
                &detail,
            ));
        }
    }
    Ok(finish(wanted))
}

/// The headers that impersonation reads, to be taken off before the request goes on.
pub fn is_impersonation_header(name: &str) -> bool {
    matches!(
        name,
        "impersonate-user" | "impersonate-group" | "impersonate-uid"
    ) || name.starts_with(EXTRA)
}

struct Right {
    group: &'static str,
    resource: &'static str,
    subresource: String,
    namespace: String,
    name: String,
}

fn read(headers: &HeaderMap) -> Result<Option<UserInfo>, ApiError> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            extra
                .entry(percent_decode(key, false))
                .or_default()
                .push(text(value));
        }
    }
    let user = UserInfo {
        username: headers
            .get("impersonate-user")
            .map(text)
            .unwrap_or_default(),
        uid: headers.get("impersonate-uid").map(text).unwrap_or_default(),
        groups: headers
            .get_all("impersonate-group")
            .iter()
            .map(text)
            .collect(),
        extra,
    };
    if user.username.is_empty() {
        if user.groups.is_empty() && user.uid.is_empty() && user.extra.is_empty() {
            return Ok(None);
        }
        return Err(ApiError::bad_request(nameless(&user)));
    }
    Ok(Some(user))
}

/// Upstream's sentence prints its own structure.
fn nameless(user: &UserInfo) -> String {
    let quoted = |list: &[String]| {
        let list: Vec<String> = list.iter().map(|text| format!("{text:?}")).collect();
        format!("[]string{{{}}}", list.join(", "))
    };
    let groups = if user.groups.is_empty() {
        "[]string(nil)".to_owned()
    } else {
        quoted(&user.groups)
    };
    let extra = if user.extra.is_empty() {
        "map[string][]string(nil)".to_owned()
    } else {
        let entries: Vec<String> = user
            .extra
            .iter()
            .map(|(key, values)| format!("{key:?}:{}", quoted(values)))
            .collect();
        format!("map[string][]string{{{}}}", entries.join(", "))
    };
    format!(
        "requested &user.DefaultInfo{{Name:\"\", UID:{:?}, Groups:{groups}, Extra:{extra}}} without \
         impersonating a user name",
        user.uid
    )
}

fn rights(wanted: &UserInfo) -> Vec<Right> {
    let plain = |group, resource, name: &str| Right {
        group,
        resource,
        subresource: String::new(),
        namespace: String::new(),
        name: name.to_owned(),
    };
    let mut rights = vec![match service_account(&wanted.username) {
        Some((namespace, name)) => Right {
            namespace: namespace.to_owned(),
            ..plain("", "serviceaccounts", name)
        },
        None => plain("", "users", &wanted.username),
    }];
    rights.extend(wanted.groups.iter().map(|group| plain("", "groups", group)));
    const AUTHN: &str = "authentication.k8s.io";
    if !wanted.uid.is_empty() {
        rights.push(plain(AUTHN, "uids", &wanted.uid));
    }
    for (key, values) in &wanted.extra {
        rights.extend(values.iter().map(|value| Right {
            subresource: key.clone(),
            ..plain(AUTHN, "userextras", value)
        }));
    }
    rights
}

fn finish(mut user: UserInfo) -> UserInfo {
    if user.groups.is_empty()
        && let Some((namespace, _)) = service_account(&user.username)
    {
        user.groups = vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
        ];
    }
    let anonymous = user.username == "system:anonymous";
    let group = if anonymous {
        "system:unauthenticated"
    } else {
        "system:authenticated"
    };
    let named = user.in_group("system:authenticated") || user.in_group("system:unauthenticated");
    if !named {
        user.groups.push(group.into());
    }
    user
}

fn service_account(username: &str) -> Option<(&str, &str)> {
    let (namespace, name) = username
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    (!namespace.is_empty() && !name.is_empty() && !name.contains(':')).then_some((namespace, name))
}

#[cfg(test)]
#[path = "impersonate_tests.rs"]
mod tests;
