//! Finds out who asks: client certificate, static token or ServiceAccount token.

use crate::auth::authority;
use crate::auth::tokens::{Expected, TokenError, TokenKey};
use crate::{ApiError, Authenticator, PeerCertificate, Reader, UserInfo};
use argosy_object::Redacted;
use http::HeaderMap;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::Arc;

/// Tells the time; passed in so that tests need not wait.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Static tokens and whom they stand for, kept by digest: a guess takes as long as a hit.
#[derive(Clone, Debug, Default)]
pub struct StaticTokens(HashMap<[u8; 32], UserInfo>);

impl StaticTokens {
    /// Adds a token.
    pub fn insert(&mut self, token: &Redacted<String>, user: UserInfo) {
        self.0.insert(digest(token.reveal()), user);
    }

    /// Whom a token stands for.
    pub fn user(&self, token: &str) -> Option<&UserInfo> {
        self.0.get(&digest(token))
    }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// The ways into one cluster.
pub struct Credentials {
    tokens: Arc<StaticTokens>,
    key: Arc<TokenKey>,
    audiences: Vec<String>,
    clock: Clock,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials")
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

impl Credentials {
    /// The ways into a cluster whose tokens `key` signs in the name of `issuer`.
    pub fn new(key: Arc<TokenKey>, tokens: Arc<StaticTokens>, issuer: &str, clock: Clock) -> Self {
        Self {
            tokens,
            key,
            audiences: vec![issuer.to_owned()],
            clock,
        }
    }
}

/// Whom a bearer token belongs to. `issuer` is the cluster's; `audiences` are those wanted, any
/// of which the token must be for.
///
/// # Errors
/// [`TokenError`], [`TokenError::Foreign`] for what nobody knows.
pub fn identify(
    token: &str,
    (tokens, key): (&StaticTokens, &TokenKey),
    expected: &Expected<'_>,
    store: &dyn Reader,
    now: Timestamp,
) -> Result<UserInfo, TokenError> {
    match tokens.user(token) {
        Some(user) => Ok(user.clone()),
        None => key.verify(token, expected, store, now),
    }
}

impl Authenticator for Credentials {
    fn authenticate(
        &self,
        headers: &HeaderMap,
        peer: Option<&PeerCertificate>,
        store: &dyn Reader,
    ) -> Result<Option<UserInfo>, ApiError> {
        if let Some(peer) = peer {
            let (username, mut groups) =
                authority::subject_of(&peer.0).ok_or_else(ApiError::unauthorized)?;
            groups.push("system:authenticated".into());
            let id = format!("X509SHA256={}", hex::encode(Sha256::digest(&peer.0)));
            let extra = [(
                "authentication.kubernetes.io/credential-id".to_owned(),
                vec![id],
            )];
            return Ok(Some(UserInfo {
                username,
                groups,
                extra: extra.into(),
                ..UserInfo::default()
            }));
        }
        let Some(token) = bearer(headers)? else {
            return Ok(None);
        };
        let expected = Expected {
            issuer: &self.audiences[0],
            audiences: &self.audiences,
        };
        let known = (&*self.tokens, &*self.key);
        identify(token, known, &expected, store, (self.clock)())
            .map(Some)
            .map_err(|_| ApiError::unauthorized())
    }
}

/// The bearer token of a request. An empty one counts as none, as upstream.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(header) = headers.get(http::header::AUTHORIZATION) else {
        return Ok(None);
    };
    let header = header
        .to_str()
        .map_err(|_| ApiError::unauthorized())?
        .trim();
    let Some((scheme, token)) = header.split_once(' ') else {
        return Ok(None);
    };
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Ok(None);
    }
    let token = token.trim();
    Ok((!token.is_empty()).then_some(token))
}
