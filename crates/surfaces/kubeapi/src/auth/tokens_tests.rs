//! Tokens of service accounts: whose they are, and when they end.

use super::*;
use crate::auth::fake_store::FakeStore;

fn now() -> Timestamp {
    "2026-11-23T12:00:00Z".parse().unwrap()
}

fn store() -> FakeStore {
    let mut store = FakeStore::default();
    let account = json!({"metadata": {"name": "bot", "namespace": "ci", "uid": "u1"}});
    store.put("", "serviceaccounts", account);
    store
}

fn spec() -> TokenSpec<'static> {
    TokenSpec {
        issuer: "https://api",
        namespace: "ci",
        account: "bot",
        uid: "u1",
        audiences: vec!["https://api".into()],
        lifetime_seconds: 600,
        bound: vec![],
    }
}

fn verify(
    key: &TokenKey,
    token: &str,
    store: &FakeStore,
    at: Timestamp,
) -> Result<UserInfo, TokenError> {
    let audiences = ["https://api".to_owned()];
    let expected = Expected {
        issuer: "https://api",
        audiences: &audiences,
    };
    key.verify(token, &expected, store, at)
}

#[test]
fn token_names_its_account_until_it_expires() {
    let key = TokenKey::in_memory();
    let (token, exp) = key.sign(&spec(), now());
    assert_eq!(exp, now().as_second() + 600);
    let user = verify(&key, &token, &store(), now()).unwrap();
    assert_eq!(user.username, "system:serviceaccount:ci:bot");
    assert!(user.in_group("system:serviceaccounts:ci"));
    let late = now() + jiff::SignedDuration::from_secs(700);
    assert_eq!(
        verify(&key, &token, &store(), late),
        Err(TokenError::Expired)
    );
}

#[test]
fn changed_or_foreign_tokens_are_refused() {
    let key = TokenKey::in_memory();
    let (token, _) = key.sign(&spec(), now());
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (header, _) = head.split_once('.').unwrap();
    let forged = format!(
        "{header}.{}.{signature}",
        URL_SAFE_NO_PAD.encode("{\"iss\":\"x\"}")
    );
    assert_eq!(
        verify(&key, &forged, &store(), now()),
        Err(TokenError::Invalid)
    );
    let other = TokenKey::in_memory();
    assert_eq!(
        verify(&other, &token, &store(), now()),
        Err(TokenError::Foreign)
    );
    for junk in ["", "a", "a.b.c", "..", "%%%.x.y"] {
        assert_eq!(
            verify(&key, junk, &store(), now()),
            Err(TokenError::Foreign),
            "{junk}"
        );
    }
}

#[test]
fn token_dies_with_its_account_and_with_what_it_is_bound_to() {
    let key = TokenKey::in_memory();
    let (token, _) = key.sign(&spec(), now());
    let mut changed = store();
    changed.put(
        "",
        "serviceaccounts",
        json!({"metadata": {"name": "bot", "namespace": "ci",
        "uid": "u2"}}),
    );
    assert_eq!(
        verify(&key, &token, &changed, now()),
        Err(TokenError::Invalidated)
    );

    let bound = TokenSpec {
        bound: vec![("pod", "p".into(), "up".into())],
        ..spec()
    };
    let (token, _) = key.sign(&bound, now());
    assert_eq!(
        verify(&key, &token, &store(), now()),
        Err(TokenError::Invalidated)
    );
    let mut with_pod = store();
    with_pod.put(
        "",
        "pods",
        json!({"metadata": {"name": "p", "namespace": "ci", "uid": "up"}}),
    );
    let user = verify(&key, &token, &with_pod, now()).unwrap();
    assert_eq!(user.extra["authentication.kubernetes.io/pod-name"], ["p"]);
}

#[test]
fn token_for_another_audience_is_refused() {
    let key = TokenKey::in_memory();
    let (token, _) = key.sign(
        &TokenSpec {
            audiences: vec!["vault".into()],
            ..spec()
        },
        now(),
    );
    let error = verify(&key, &token, &store(), now()).unwrap_err();
    assert!(matches!(error, TokenError::Audience(..)));
}

#[test]
fn legacy_token_lives_as_long_as_its_secret() {
    let key = TokenKey::in_memory();
    let token = key.sign_legacy("ci", "bot", "u1", "bot-token");
    let mut store = store();
    assert_eq!(
        verify(&key, &token, &store, now()),
        Err(TokenError::Invalidated)
    );
    store.put(
        "",
        "secrets",
        json!({"metadata": {"name": "bot-token", "namespace": "ci"},
        "data": {"token": files::base64(token.as_bytes())}}),
    );
    assert_eq!(
        verify(&key, &token, &store, now()).unwrap().username,
        "system:serviceaccount:ci:bot"
    );
    store.remove("", "secrets", "ci", "bot-token");
    assert_eq!(
        verify(&key, &token, &store, now()),
        Err(TokenError::Invalidated)
    );
}

#[test]
fn key_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (token, _) = TokenKey::open(folder.path()).unwrap().sign(&spec(), now());
    let again = TokenKey::open(folder.path()).unwrap();
    assert!(verify(&again, &token, &store(), now()).is_ok());
    let jwks = again.jwks();
    assert_eq!(jwks["keys"][0]["x"].as_str().unwrap().len(), 43);
}
