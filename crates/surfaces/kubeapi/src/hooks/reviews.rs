//! Questions that are asked by creating an object: who am I, what may I do, whose token is this.
//!
//! Compat: `pkg/registry/authorization`, `pkg/registry/authentication`.

use crate::auth::authn::{StaticTokens, identify};
use crate::auth::tokens::{Expected, TokenError, TokenKey};
use crate::hooks::config::seconds_of;
use crate::hooks::fields::{list, text};
use crate::{Answer, ApiError, Decision, FieldError, HookCx, KindHook, RequestInfo, UserInfo};
use argosy_object::{Map, Value, json, meta};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The reviews of `authorization.k8s.io/v1` and `authentication.k8s.io/v1`.
#[derive(Clone, Debug)]
pub enum Review {
    /// May somebody do this?
    Subject,
    /// May I do this?
    SelfSubject,
    /// May somebody do this in this namespace?
    Local,
    /// What may I do in this namespace?
    Rules,
    /// Who am I?
    WhoAmI,
    /// Whose token is this?
    Token {
        /// ServiceAccount tokens.
        key: Arc<TokenKey>,
        /// Static tokens.
        tokens: Arc<StaticTokens>,
    },
}

impl KindHook for Review {
    fn create_virtual(&self, cx: &HookCx<'_>, body: &Value) -> Option<Result<Answer, ApiError>> {
        let answered = match self {
            Self::Subject => subject_access(cx, body, None),
            Self::Local => subject_access(cx, body, Some(&cx.info.namespace)),
            Self::SelfSubject => self_access(cx, body),
            Self::Rules => rules(cx, body),
            Self::WhoAmI => Ok(json!({"userInfo": user_value(cx.user)})),
            Self::Token { key, tokens } => token(cx, body, (tokens, key)),
        };
        Some(answered.map(|status| answer(cx, self, body, status)))
    }
}

fn answer(cx: &HookCx<'_>, review: &Review, body: &Value, status: Value) -> Answer {
    let mut out = body.clone();
    if !out.get("metadata").is_some_and(Value::is_object) {
        out["metadata"] = json!({});
    }
    if matches!(review, Review::WhoAmI) {
        out["metadata"]["creationTimestamp"] = seconds_of(cx.now).into();
    }
    out["status"] = status;
    Answer {
        code: 201,
        body: out,
        effects: Vec::new(),
    }
}

/// Upstream names the group and no kind.
fn invalid(errors: &[FieldError]) -> ApiError {
    ApiError::invalid("authorization.k8s.io", "", "", errors)
}

fn subject_access(
    cx: &HookCx<'_>,
    body: &Value,
    namespace: Option<&str>,
) -> Result<Value, ApiError> {
    let mut errors = attribute_errors(body, true);
    if let Some(namespace) = namespace {
        let own = meta(body, "namespace");
        if !own.is_empty() && own != namespace {
            let said = format!("namespace must match url: {namespace}");
            errors.push(FieldError::invalid("metadata.namespace", own, &said));
        }
        if text(body, "/spec/resourceAttributes/namespace") != namespace {
            let field = "spec.resourceAttributes.namespace";
            let value = text(body, "/spec/resourceAttributes/namespace");
            errors.push(FieldError::invalid(
                field,
                value,
                "must match metadata.namespace",
            ));
        }
        if body
            .pointer("/spec/nonResourceAttributes")
            .is_some_and(|v| !v.is_null())
        {
            let said = "disallowed on this kind of request";
            errors.push(FieldError::invalid(
                "spec.nonResourceAttributes",
                json!({}),
                said,
            ));
        }
    }
    if !errors.is_empty() {
        return Err(invalid(&errors));
    }
    Ok(decide(cx, body, &subject_of(body)))
}

fn self_access(cx: &HookCx<'_>, body: &Value) -> Result<Value, ApiError> {
    let errors = attribute_errors(body, false);
    if !errors.is_empty() {
        return Err(invalid(&errors));
    }
    Ok(decide(cx, body, cx.user))
}

fn attribute_errors(body: &Value, subject: bool) -> Vec<FieldError> {
    let set = |field: &str| {
        body.pointer(&format!("/spec/{field}"))
            .is_some_and(|v| !v.is_null())
    };
    let mut errors = Vec::new();
    match (set("resourceAttributes"), set("nonResourceAttributes")) {
        (true, true) => errors.push(FieldError::invalid(
            "spec.nonResourceAttributes",
            body["spec"]["nonResourceAttributes"].clone(),
            "cannot be specified in combination with resourceAttributes",
        )),
        (false, false) => errors.push(FieldError::invalid(
            "spec.resourceAttributes",
            Value::Null,
            "exactly one of nonResourceAttributes or resourceAttributes must be specified",
        )),
        _ => {}
    }
    if subject && text(body, "/spec/user").is_empty() && list(body, "/spec/groups").is_empty() {
        let said = "at least one of user or group must be specified";
        errors.push(FieldError::invalid("spec.user", "", said));
    }
    errors
}

fn subject_of(body: &Value) -> UserInfo {
    let extra: BTreeMap<String, Vec<String>> = body
        .pointer("/spec/extra")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, values)| (name.to_lowercase(), texts(values)))
        .collect();
    UserInfo {
        username: text(body, "/spec/user").to_owned(),
        uid: text(body, "/spec/uid").to_owned(),
        groups: body.pointer("/spec/groups").map(texts).unwrap_or_default(),
        extra,
    }
}

fn texts(values: &Value) -> Vec<String> {
    list(values, "")
        .iter()
        .filter_map(|v| v.as_str().map(str::to_owned))
        .collect()
}

fn decide(cx: &HookCx<'_>, body: &Value, user: &UserInfo) -> Value {
    let asked = |field: &str| text(body, &format!("/spec/{field}")).to_owned();
    let about = |field: &str| asked(&format!("resourceAttributes/{field}"));
    let resource = body
        .pointer("/spec/resourceAttributes")
        .is_some_and(|v| !v.is_null());
    let info = if resource {
        RequestInfo {
            user: user.clone(),
            verb: about("verb"),
            api_group: about("group"),
            api_version: about("version"),
            resource: about("resource"),
            subresource: about("subresource"),
            namespace: about("namespace"),
            name: about("name"),
            is_resource: true,
            ..RequestInfo::default()
        }
    } else {
        RequestInfo {
            user: user.clone(),
            verb: asked("nonResourceAttributes/verb"),
            path: asked("nonResourceAttributes/path"),
            ..RequestInfo::default()
        }
    };
    match cx.authorizer.authorize(cx.reader, &info) {
        Decision::Allow => {
            let reason = cx.authorizer.reason(cx.reader, &info);
            let mut status = json!({"allowed": true});
            if !reason.is_empty() {
                status["reason"] = reason.into();
            }
            status
        }
        Decision::Deny(reason) if reason.is_empty() => json!({"allowed": false}),
        Decision::Deny(reason) => json!({"allowed": false, "reason": reason}),
    }
}

fn rules(cx: &HookCx<'_>, body: &Value) -> Result<Value, ApiError> {
    let namespace = text(body, "/spec/namespace");
    if namespace.is_empty() {
        return Err(ApiError::bad_request("no namespace on request"));
    }
    let (resources, paths) = cx.authorizer.rules(cx.reader, cx.user, namespace);
    Ok(json!({"resourceRules": resources, "nonResourceRules": paths, "incomplete": false}))
}

fn token(
    cx: &HookCx<'_>,
    body: &Value,
    (tokens, key): (&StaticTokens, &TokenKey),
) -> Result<Value, ApiError> {
    let token = text(body, "/spec/token");
    if token.is_empty() {
        return Err(ApiError::bad_request(
            "token is required for TokenReview in authentication",
        ));
    }
    let mut audiences = body
        .pointer("/spec/audiences")
        .map(texts)
        .unwrap_or_default();
    if audiences.is_empty() {
        audiences.push(cx.facts.issuer.clone());
    }
    let expected = Expected {
        issuer: &cx.facts.issuer,
        audiences: &audiences,
    };
    Ok(
        match identify(token, (tokens, key), &expected, cx.reader, cx.now) {
            Ok(user) => json!({"authenticated": true, "user": user_value(&user),
            "audiences": audiences}),
            Err(TokenError::Foreign | TokenError::Invalid) => {
                json!({"user": {}, "error": "invalid bearer token"})
            }
            Err(fault) => json!({"user": {}, "error": format!("[invalid bearer token, {fault}]")}),
        },
    )
}

fn user_value(user: &UserInfo) -> Value {
    let mut map = Map::new();
    map.insert("username".into(), user.username.clone().into());
    if !user.uid.is_empty() {
        map.insert("uid".into(), user.uid.clone().into());
    }
    if !user.groups.is_empty() {
        map.insert("groups".into(), user.groups.clone().into());
    }
    if !user.extra.is_empty() {
        map.insert("extra".into(), json!(user.extra));
    }
    Value::Object(map)
}
