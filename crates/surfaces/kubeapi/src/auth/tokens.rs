//! ServiceAccount tokens: signed with a kept key, checked against the accounts they name.

use crate::auth::files::{self, FileError};
use crate::{Reader, UserInfo};
use argosy_object::{Map, Value, json, meta};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    UnparsedPublicKey,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// Longest token that is looked at, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// Tolerated difference of clocks, in seconds.
const LEEWAY_SECONDS: i64 = 60;

/// A signing key that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum TokenKeyError {
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file holds no key.
    #[error("`{path}` holds no signing key; remove it to have a new one made")]
    Broken {
        /// The file.
        path: PathBuf,
    },
}

/// Why a token is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum TokenError {
    /// No token of ours: another authenticator may know it.
    #[error("not a service account token of this server")]
    Foreign,
    /// Ours, but the signature or the content is wrong.
    #[error("invalid bearer token")]
    Invalid,
    /// Past its time.
    #[error("service account token has expired")]
    Expired,
    /// Before its time.
    #[error("service account token is not valid yet")]
    NotYet,
    /// The account or the bound object is gone or another one now.
    #[error("service account token has been invalidated")]
    Invalidated,
    /// For someone else.
    #[error("token audiences {0:?} is invalid for the target audiences {1:?}")]
    Audience(Vec<String>, Vec<String>),
}

/// What a token is made for.
#[derive(Clone, Debug, Default)]
pub struct TokenSpec<'a> {
    /// `iss`, the API's own URL.
    pub issuer: &'a str,
    /// Namespace of the account.
    pub namespace: &'a str,
    /// Name of the account.
    pub account: &'a str,
    /// UID of the account.
    pub uid: &'a str,
    /// `aud`.
    pub audiences: Vec<String>,
    /// Life in seconds.
    pub lifetime_seconds: i64,
    /// Objects that the token dies with: `pod`, `secret` or `node`, name and UID.
    pub bound: Vec<(&'static str, String, String)>,
}

/// The key that signs tokens.
pub struct TokenKey {
    pair: EcdsaKeyPair,
    kid: String,
}

impl std::fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TokenKey")
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}

impl TokenKey {
    /// Opens the key of a folder (`sa.key`), made where it is missing.
    ///
    /// # Errors
    /// [`TokenKeyError`] naming the file.
    pub fn open(folder: &Path) -> Result<Self, TokenKeyError> {
        let path = folder.join("sa.key");
        let text = match files::read_optional(&path)? {
            Some(text) => text,
            None => {
                let made = new_key();
                files::write_private(&path, made.as_bytes())?;
                made
            }
        };
        Self::from_pem(&text).ok_or(TokenKeyError::Broken { path })
    }

    /// A key that lives as long as the process.
    pub fn in_memory() -> Self {
        Self::from_pem(&new_key()).expect("the key was made just now")
    }

    fn from_pem(pem: &str) -> Option<Self> {
        use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok()?;
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der.secret_pkcs8_der())
                .ok()?;
        let kid = URL_SAFE_NO_PAD.encode(Sha256::digest(pair.public_key().as_ref()));
        Some(Self { pair, kid })
    }

    /// Signs a token; gives it with the second at which it expires.
    pub fn sign(&self, spec: &TokenSpec<'_>, now: Timestamp) -> (String, i64) {
        let iat = now.as_second();
        let exp = iat.saturating_add(spec.lifetime_seconds);
        let mut claims = self.claims(spec, iat);
        claims["exp"] = exp.into();
        (self.encode(&claims), exp)
    }

    /// Signs a token of the old kind, as Secrets of type `kubernetes.io/service-account-token`
    /// hold it: it lives as long as the Secret.
    pub fn sign_legacy(&self, namespace: &str, account: &str, uid: &str, secret: &str) -> String {
        self.encode(&json!({
            "iss": LEGACY_ISSUER,
            "kubernetes.io/serviceaccount/namespace": namespace,
            "kubernetes.io/serviceaccount/secret.name": secret,
            "kubernetes.io/serviceaccount/service-account.name": account,
            "kubernetes.io/serviceaccount/service-account.uid": uid,
            "sub": format!("system:serviceaccount:{namespace}:{account}"),
        }))
    }

    fn claims(&self, spec: &TokenSpec<'_>, iat: i64) -> Value {
        let mut private = Map::new();
        private.insert("namespace".into(), spec.namespace.into());
        private.insert(
            "serviceaccount".into(),
            json!({"name": spec.account, "uid": spec.uid}),
        );
        for (kind, name, uid) in &spec.bound {
            private.insert((*kind).into(), json!({"name": name, "uid": uid}));
        }
        json!({
            "aud": spec.audiences,
            "iat": iat,
            "iss": spec.issuer,
            "jti": files::random_uuid(),
            "kubernetes.io": private,
            "nbf": iat,
            "sub": format!("system:serviceaccount:{}:{}", spec.namespace, spec.account),
        })
    }

    fn encode(&self, claims: &Value) -> String {
        let header = json!({"alg": "ES256", "kid": self.kid});
        let mut text = URL_SAFE_NO_PAD.encode(header.to_string());
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(claims.to_string()));
        let random = aws_lc_rs::rand::SystemRandom::new();
        let signature = self
            .pair
            .sign(&random, text.as_bytes())
            .expect("the key can sign");
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(signature.as_ref()));
        text
    }

    /// The key set that `/openid/v1/jwks` answers with.
    pub fn jwks(&self) -> Value {
        let point = self.pair.public_key().as_ref();
        let coordinate = |range: std::ops::Range<usize>| {
            URL_SAFE_NO_PAD.encode(point.get(range).unwrap_or_default())
        };
        json!({"keys": [{"alg": "ES256", "crv": "P-256", "kid": self.kid, "kty": "EC",
            "use": "sig", "x": coordinate(1..33), "y": coordinate(33..65)}]})
    }

    /// Checks a token: signature, time, audience, and that the account (and what the token is
    /// bound to) still stands in the cluster.
    ///
    /// # Errors
    /// [`TokenError::Foreign`] for what is no token of this key, the others for what is but may
    /// not pass.
    pub fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
        store: &dyn Reader,
        now: Timestamp,
    ) -> Result<UserInfo, TokenError> {
        let claims = self.decode(token)?;
        let issuer = claims["iss"].as_str().unwrap_or_default();
        if issuer == LEGACY_ISSUER {
            return legacy_user(&claims, token, store);
        }
        if issuer != expected.issuer {
            return Err(TokenError::Foreign);
        }
        let at = now.as_second();
        if claims["exp"]
            .as_i64()
            .is_none_or(|exp| exp.saturating_add(LEEWAY_SECONDS) < at)
        {
            return Err(TokenError::Expired);
        }
        if claims["nbf"]
            .as_i64()
            .is_some_and(|nbf| nbf.saturating_sub(LEEWAY_SECONDS) > at)
        {
            return Err(TokenError::NotYet);
        }
        let audiences: Vec<String> = claims["aud"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|a| a.as_str().map(str::to_owned))
            .collect();
        if !audiences.iter().any(|a| expected.audiences.contains(a)) {
            return Err(TokenError::Audience(audiences, expected.audiences.to_vec()));
        }
        bound_user(&claims, store, now)
    }

    fn decode(&self, token: &str) -> Result<Value, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Foreign);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Foreign)?;
        let (header, payload) = signed.split_once('.').ok_or(TokenError::Foreign)?;
        let header = part(header).ok_or(TokenError::Foreign)?;
        if header["alg"] != "ES256" || header["kid"] != self.kid.as_str() {
            return Err(TokenError::Foreign);
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| TokenError::Invalid)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, self.pair.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .map_err(|_| TokenError::Invalid)?;
        part(payload).ok_or(TokenError::Invalid)
    }
}

/// What a token must say to be let in.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer of this cluster.
    pub issuer: &'a str,
    /// Any of these must be among the token's audiences.
    pub audiences: &'a [String],
}

const LEGACY_ISSUER: &str = "kubernetes/serviceaccount";

fn new_key() -> String {
    let pair = rcgen::KeyPair::generate().expect("the system has randomness");
    pair.serialize_pem()
}

fn part(text: &str) -> Option<Value> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice::<Value>(&bytes)
        .ok()
        .filter(Value::is_object)
}

fn bound_user(claims: &Value, store: &dyn Reader, now: Timestamp) -> Result<UserInfo, TokenError> {
    let private = &claims["kubernetes.io"];
    let text = |path: &str| {
        private
            .pointer(path)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let (namespace, account) = (text("/namespace"), text("/serviceaccount/name"));
    let mut user = account_user(store, namespace, account, text("/serviceaccount/uid"), now)?;
    for (field, resource, scope) in [
        ("pod", "pods", namespace),
        ("secret", "secrets", namespace),
        ("node", "nodes", ""),
    ] {
        let Some(bound) = private.get(field) else {
            continue;
        };
        let (name, uid) = (bound["name"].as_str().unwrap_or_default(), &bound["uid"]);
        let found = store.get("", resource, scope, name);
        // A node rides along with a pod for information; it binds only where it stands alone.
        let informs = field == "node" && private.get("pod").is_some();
        let alive =
            found.is_some_and(|object| meta(&object, "uid") == uid.as_str().unwrap_or_default());
        if !alive && !informs {
            return Err(TokenError::Invalidated);
        }
        let extra = |what: &str| format!("authentication.kubernetes.io/{field}-{what}");
        if field != "secret" {
            user.extra.insert(extra("name"), vec![name.to_owned()]);
            user.extra.insert(
                extra("uid"),
                vec![uid.as_str().unwrap_or_default().to_owned()],
            );
        }
    }
    if let Some(jti) = claims["jti"].as_str() {
        let id = "authentication.kubernetes.io/credential-id".to_owned();
        user.extra.insert(id, vec![format!("JTI={jti}")]);
    }
    Ok(user)
}

fn legacy_user(claims: &Value, token: &str, store: &dyn Reader) -> Result<UserInfo, TokenError> {
    let text = |name: &str| {
        claims[format!("kubernetes.io/serviceaccount/{name}")]
            .as_str()
            .unwrap_or_default()
    };
    let (namespace, account) = (text("namespace"), text("service-account.name"));
    let secret = store
        .get("", "secrets", namespace, text("secret.name"))
        .ok_or(TokenError::Invalidated)?;
    let held = secret["data"]["token"].as_str().unwrap_or_default();
    if held != files::base64(token.as_bytes()) || !meta(&secret, "deletionTimestamp").is_empty() {
        return Err(TokenError::Invalidated);
    }
    account_user(
        store,
        namespace,
        account,
        text("service-account.uid"),
        Timestamp::UNIX_EPOCH,
    )
}

fn account_user(
    store: &dyn Reader,
    namespace: &str,
    name: &str,
    uid: &str,
    now: Timestamp,
) -> Result<UserInfo, TokenError> {
    let account = store
        .get("", "serviceaccounts", namespace, name)
        .ok_or(TokenError::Invalidated)?;
    let deleted = meta(&account, "deletionTimestamp");
    let gone = deleted
        .parse::<Timestamp>()
        .is_ok_and(|at| at.as_second() < now.as_second() - LEEWAY_SECONDS);
    if meta(&account, "uid") != uid || gone {
        return Err(TokenError::Invalidated);
    }
    Ok(UserInfo {
        username: format!("system:serviceaccount:{namespace}:{name}"),
        uid: uid.to_owned(),
        groups: vec![
            "system:serviceaccounts".into(),
            format!("system:serviceaccounts:{namespace}"),
            "system:authenticated".into(),
        ],
        ..UserInfo::default()
    })
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
