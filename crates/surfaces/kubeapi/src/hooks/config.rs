//! ConfigMaps, Secrets and ServiceAccounts.
//!
//! Compat: `ValidateSecret`, `ValidateConfigMap`, the tokens controller.

use crate::auth::files;
use crate::auth::tokens::{TokenKey, TokenSpec};
use crate::hooks::fields::{at, int, is_true, list, map, same, text};
use crate::hooks::names;
use crate::{Answer, ApiError, Effect, FieldError, HookCx, KindHook, SubresourceCall};
use argosy_object::{Map, Value, json, meta};
use base64::Engine as _;
use std::sync::Arc;

/// The most that a Secret or ConfigMap may hold, in bytes.
const MAX_DATA: usize = 1024 * 1024;
const FROZEN: &str = "field is immutable when `immutable` is set";
const TOKEN_TYPE: &str = "kubernetes.io/service-account-token";
const ACCOUNT_NAME: &str = "kubernetes.io/service-account.name";
const ACCOUNT_UID: &str = "kubernetes.io/service-account.uid";

/// `v1` ConfigMap.
#[derive(Clone, Copy, Debug)]
pub struct ConfigMap;

/// `v1` Secret.
#[derive(Clone, Debug)]
pub struct Secret {
    /// Signs the tokens of token Secrets.
    pub key: Arc<TokenKey>,
}

/// `v1` ServiceAccount.
#[derive(Clone, Debug)]
pub struct ServiceAccount {
    /// Signs requested tokens.
    pub key: Arc<TokenKey>,
}

impl KindHook for ConfigMap {
    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let empty = Map::new();
        let of = |field: &str| new.get(field).and_then(Value::as_object).unwrap_or(&empty);
        let mut size = 0;
        for (key, value) in of("data") {
            let field = format!("data[{key}]");
            names::check(&mut errors, &field, key, names::config_key(key));
            if of("binaryData").contains_key(key) {
                let said = "duplicate of key present in binaryData";
                errors.push(FieldError::invalid(&field, key.as_str(), said));
            }
            size += value.as_str().map_or(0, str::len);
        }
        for (key, value) in of("binaryData") {
            names::check(
                &mut errors,
                &format!("binaryData[{key}]"),
                key,
                names::config_key(key),
            );
            size += value.as_str().map_or(0, decoded_len);
        }
        if size > MAX_DATA {
            errors.push(FieldError::too_long("[]", MAX_DATA));
        }
        frozen(new, old, &["data", "binaryData"], &mut errors);
        errors
    }
}

impl KindHook for Secret {
    fn default(&self, _cx: &HookCx<'_>, new: &mut Value, _old: Option<&Value>) {
        fold_string_data(new);
        if text(new, "/type").is_empty()
            && let Value::Object(new) = new
        {
            new.insert("type".into(), "Opaque".into());
        }
    }

    fn validate(&self, _cx: &HookCx<'_>, new: &Value, old: Option<&Value>) -> Vec<FieldError> {
        let mut errors = Vec::new();
        if let Some(old) = old
            && !same(new, old, "/type")
        {
            errors.push(FieldError::invalid(
                "type",
                at(new, "/type"),
                "field is immutable",
            ));
        }
        frozen(new, old, &["data"], &mut errors);
        let empty = Map::new();
        let data = new.get("data").and_then(Value::as_object).unwrap_or(&empty);
        let mut size = 0;
        for (key, value) in data {
            names::check(
                &mut errors,
                &format!("data[{key}]"),
                key,
                names::config_key(key),
            );
            size += value.as_str().map_or(0, decoded_len);
        }
        if size > MAX_DATA {
            errors.push(FieldError::too_long("data", MAX_DATA));
        }
        validate_type(new, data, &mut errors);
        errors
    }

    fn after_write(
        &self,
        cx: &HookCx<'_>,
        _old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        let Some(secret) = new.filter(|s| text(s, "/type") == TOKEN_TYPE) else {
            return Vec::new();
        };
        let account = annotation(secret, ACCOUNT_NAME);
        let namespace = meta(secret, "namespace");
        let found = cx.reader.get("", "serviceaccounts", namespace, account);
        found
            .and_then(|account| self.fill(cx, secret, &account))
            .into_iter()
            .collect()
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["type"]
    }
}

impl Secret {
    /// The change that fills a token Secret of an account; `None` where it is filled.
    fn fill(&self, cx: &HookCx<'_>, secret: &Value, account: &Value) -> Option<Effect> {
        token_effect(&self.key, &cx.facts.ca_pem, secret, account)
    }
}

fn token_effect(key: &TokenKey, ca_pem: &str, secret: &Value, account: &Value) -> Option<Effect> {
    let (namespace, name) = (meta(secret, "namespace"), meta(secret, "name"));
    let uid = meta(account, "uid").to_owned();
    let claimed = annotation(secret, ACCOUNT_UID);
    let has = |field: &str| secret.pointer(&format!("/data/{field}")).is_some();
    if !claimed.is_empty() && claimed != uid {
        return None;
    }
    if has("token") && has("namespace") && !claimed.is_empty() {
        return None;
    }
    let token = key.sign_legacy(namespace, meta(account, "name"), &uid, name);
    let mut data = vec![
        ("token", files::base64(token.as_bytes())),
        ("namespace", files::base64(namespace.as_bytes())),
    ];
    if !ca_pem.is_empty() {
        data.push(("ca.crt", files::base64(ca_pem.as_bytes())));
    }
    Some(Effect::Update {
        group: String::new(),
        resource: "secrets".into(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        mutate: Arc::new(move |secret| {
            let own = map(secret, "data");
            for (field, value) in &data {
                own.entry(*field).or_insert_with(|| value.clone().into());
            }
            let mut metadata = Value::Object(std::mem::take(map(secret, "metadata")));
            map(&mut metadata, "annotations").insert(ACCOUNT_UID.into(), uid.clone().into());
            secret["metadata"] = metadata;
            Ok(())
        }),
    })
}

impl KindHook for ServiceAccount {
    fn after_write(
        &self,
        cx: &HookCx<'_>,
        old: Option<&Value>,
        new: Option<&Value>,
    ) -> Vec<Effect> {
        match (old, new) {
            (None, Some(account)) => {
                let namespace = meta(account, "namespace");
                cx.reader
                    .list("", "secrets", Some(namespace))
                    .iter()
                    .filter(|secret| {
                        text(secret, "/type") == TOKEN_TYPE
                            && annotation(secret, ACCOUNT_NAME) == meta(account, "name")
                    })
                    .filter_map(|s| token_effect(&self.key, &cx.facts.ca_pem, s, account))
                    .collect()
            }
            (Some(account), None) => after_account_removal(cx, account),
            _ => Vec::new(),
        }
    }

    fn subresource(
        &self,
        cx: &HookCx<'_>,
        call: &SubresourceCall<'_>,
    ) -> Option<Result<Answer, ApiError>> {
        (call.name == "token" && call.verb == "create").then(|| self.token(cx, call))
    }
}

/// The `default` account of a living namespace comes back; token Secrets go with their account.
fn after_account_removal(cx: &HookCx<'_>, account: &Value) -> Vec<Effect> {
    let (namespace, name) = (meta(account, "namespace"), meta(account, "name"));
    let living = cx
        .reader
        .get("", "namespaces", "", namespace)
        .is_some_and(|n| meta(&n, "deletionTimestamp").is_empty());
    let mut effects: Vec<Effect> = cx
        .reader
        .list("", "secrets", Some(namespace))
        .iter()
        .filter(|s| text(s, "/type") == TOKEN_TYPE && annotation(s, ACCOUNT_NAME) == name)
        .map(|s| Effect::Delete {
            group: String::new(),
            resource: "secrets".into(),
            namespace: namespace.to_owned(),
            name: meta(s, "name").to_owned(),
            grace_seconds: None,
        })
        .collect();
    if living && name == "default" {
        effects.push(crate::hooks::namespace::default_account(namespace));
    }
    effects
}

impl ServiceAccount {
    /// Answers a TokenRequest.
    fn token(&self, cx: &HookCx<'_>, call: &SubresourceCall<'_>) -> Result<Answer, ApiError> {
        let mut request = call.body.cloned().unwrap_or_else(|| json!({}));
        let (namespace, name) = (meta(call.parent, "namespace"), meta(call.parent, "name"));
        let invalid = |errors: &[FieldError]| {
            ApiError::invalid("authentication.k8s.io", "TokenRequest", "", errors)
        };
        for (field, url, what) in [
            ("name", name, "name"),
            ("namespace", namespace, "namespace"),
        ] {
            let own = meta(&request, field);
            if !own.is_empty() && own != url {
                let said = format!("must match the service account {what} if specified");
                let error = FieldError::invalid(&format!("metadata.{field}"), own, &said);
                return Err(invalid(&[error]));
            }
        }
        let seconds = int(&request, "/spec/expirationSeconds").unwrap_or(3600);
        let field = "spec.expirationSeconds";
        if seconds < 600 {
            let said = "may not specify a duration less than 10 minutes";
            return Err(invalid(&[FieldError::invalid(field, seconds, said)]));
        }
        if seconds > 1 << 32 {
            let said = "may not specify a duration larger than 2^32 seconds";
            return Err(invalid(&[FieldError::invalid(field, seconds, said)]));
        }
        let mut audiences: Vec<String> = list(&request, "/spec/audiences")
            .iter()
            .filter_map(|a| a.as_str().map(str::to_owned))
            .collect();
        if audiences.is_empty() {
            audiences.push(cx.facts.issuer.clone());
        }
        let bound = bound_object(cx, &request, call.parent)?;
        let spec = TokenSpec {
            issuer: &cx.facts.issuer,
            namespace,
            account: name,
            uid: meta(call.parent, "uid"),
            audiences: audiences.clone(),
            lifetime_seconds: seconds,
            bound,
        };
        let (token, expires) = self.key.sign(&spec, cx.now);
        let at = jiff::Timestamp::from_second(expires).unwrap_or(cx.now);
        let mut metadata = Value::Object(std::mem::take(map(&mut request, "metadata")));
        metadata["name"] = name.into();
        metadata["namespace"] = namespace.into();
        metadata["creationTimestamp"] = seconds_of(cx.now).into();
        let mut spec = Value::Object(std::mem::take(map(&mut request, "spec")));
        spec["audiences"] = audiences.into();
        spec["expirationSeconds"] = seconds.into();
        spec.as_object_mut()
            .expect("a mapping")
            .entry("boundObjectRef")
            .or_insert(Value::Null);
        let body = json!({
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": metadata,
            "spec": spec,
            "status": {"token": token, "expirationTimestamp": seconds_of(at)},
        });
        Ok(Answer {
            code: 201,
            body,
            effects: Vec::new(),
        })
    }
}

fn bound_object(
    cx: &HookCx<'_>,
    request: &Value,
    account: &Value,
) -> Result<Vec<(&'static str, String, String)>, ApiError> {
    let Some(reference) = request
        .pointer("/spec/boundObjectRef")
        .filter(|r| !r.is_null())
    else {
        return Ok(Vec::new());
    };
    let namespace = meta(account, "namespace");
    let name = text(reference, "/name");
    let (field, resource, scope) = match (text(reference, "/apiVersion"), text(reference, "/kind"))
    {
        ("v1", "Pod") => ("pod", "pods", namespace),
        ("v1", "Secret") => ("secret", "secrets", namespace),
        ("v1", "Node") => ("node", "nodes", ""),
        (version, kind) => {
            return Err(ApiError::bad_request(format!(
                "cannot bind token to object of type {version}, Kind={kind}"
            )));
        }
    };
    let object = cx
        .reader
        .get("", resource, scope, name)
        .ok_or_else(|| ApiError::not_found("", resource, name))?;
    let account = meta(account, "name");
    if field == "pod" && text(&object, "/spec/serviceAccountName") != account {
        return Err(ApiError::bad_request(format!(
            "cannot bind token for serviceaccount \"{account}\" to pod running with different \
             serviceaccount name."
        )));
    }
    let uid = meta(&object, "uid");
    let wanted = text(reference, "/uid");
    if !wanted.is_empty() && wanted != uid {
        let detail = format!(
            "the UID in the bound object reference ({wanted}) does not match the UID in record. \
             The object might have been deleted and then recreated"
        );
        return Err(ApiError::conflict("", resource, name, &detail));
    }
    let mut bound = vec![(field, name.to_owned(), uid.to_owned())];
    let node = text(&object, "/spec/nodeName");
    if field == "pod" && !node.is_empty() {
        let uid = cx
            .reader
            .get("", "nodes", "", node)
            .map(|n| meta(&n, "uid").to_owned());
        bound.push(("node", node.to_owned(), uid.unwrap_or_default()));
    }
    Ok(bound)
}

/// A time as `metav1.Time` writes it: whole seconds, UTC.
pub fn seconds_of(at: jiff::Timestamp) -> String {
    let whole = jiff::Timestamp::from_second(at.as_second()).unwrap_or(at);
    whole.to_string()
}

fn annotation<'v>(object: &'v Value, name: &str) -> &'v str {
    object
        .get("metadata")
        .and_then(|m| m.get("annotations"))
        .and_then(|a| a.get(name))
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// `stringData` is written over `data`, base64-coded, and is never stored.
fn fold_string_data(secret: &mut Value) {
    let Some(folded) = secret.as_object_mut().and_then(|s| s.remove("stringData")) else {
        return;
    };
    let Value::Object(folded) = folded else {
        return;
    };
    if folded.is_empty() {
        return;
    }
    let data = map(secret, "data");
    for (key, value) in folded {
        if let Some(text) = value.as_str() {
            data.insert(key, files::base64(text.as_bytes()).into());
        }
    }
}

fn frozen(new: &Value, old: Option<&Value>, fields: &[&str], errors: &mut Vec<FieldError>) {
    let Some(old) = old.filter(|o| is_true(o, "/immutable")) else {
        return;
    };
    if !is_true(new, "/immutable") {
        errors.push(FieldError::forbidden("immutable", FROZEN));
    }
    for field in fields {
        if !same(new, old, &format!("/{field}")) {
            errors.push(FieldError::forbidden(field, FROZEN));
        }
    }
}

fn validate_type(secret: &Value, data: &Map<String, Value>, errors: &mut Vec<FieldError>) {
    let required = |key: &str| FieldError::required(&format!("data[{key}]"), "");
    let filled = |key: &str| {
        data.get(key)
            .and_then(Value::as_str)
            .is_some_and(|v| !v.is_empty())
    };
    match text(secret, "/type") {
        TOKEN_TYPE if annotation(secret, ACCOUNT_NAME).is_empty() => {
            let field = format!("metadata.annotations[{ACCOUNT_NAME}]");
            errors.push(FieldError::required(&field, ""));
        }
        "kubernetes.io/dockercfg" => docker(".dockercfg", data, errors),
        "kubernetes.io/dockerconfigjson" => docker(".dockerconfigjson", data, errors),
        "kubernetes.io/basic-auth"
            if !data.contains_key("username") && !data.contains_key("password") =>
        {
            errors.extend([required("username"), required("password")]);
        }
        "kubernetes.io/ssh-auth" if !filled("ssh-privatekey") => {
            errors.push(required("ssh-privatekey"));
        }
        "kubernetes.io/tls" => {
            errors.extend(
                ["tls.crt", "tls.key"]
                    .iter()
                    .filter(|key| !data.contains_key(**key))
                    .map(|key| required(key)),
            );
        }
        _ => {}
    }
}

fn docker(key: &str, data: &Map<String, Value>, errors: &mut Vec<FieldError>) {
    let field = format!("data[{key}]");
    let Some(content) = data.get(key).and_then(Value::as_str) else {
        errors.push(FieldError::required(&field, ""));
        return;
    };
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(content)
        .unwrap_or_default();
    if let Err(fault) = serde_json::from_slice::<Map<String, Value>>(&bytes) {
        let said = crate::decode::go_error(&bytes, &fault);
        errors.push(FieldError::invalid(
            &field,
            "<secret contents redacted>",
            &said,
        ));
    }
}

fn decoded_len(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}
