//! Files from web servers: what values files behind URLs are read by.

use crate::client::{Ask, Client};
use crate::tls::{Patience, Trust};
use crate::url::basic;

/// What to download, and how.
#[derive(Clone, Debug, Default)]
pub struct Download<'d> {
    /// `http://` or `https://`
    pub url: &'d str,
    /// The place that name and password belong to; empty where it is that of `url`.
    pub credentials_for: &'d str,
    /// Name for basic authentication; empty for none.
    pub username: &'d str,
    /// The password beside it.
    pub password: argosy_object::Redacted<String>,
    /// Whether name and password go to other places too.
    pub pass_credentials: bool,
    /// Whom to trust.
    pub trust: Trust,
    /// The largest answer.
    pub max_bytes: u64,
}

/// Downloads a file. Blocks.
///
/// # Errors
/// A sentence with the URL: no answer, an answer that is not 200, or one that is too large.
pub fn download(wanted: &Download<'_>) -> Result<Vec<u8>, String> {
    let client = Client::new(wanted.trust.clone(), Patience::default());
    let pair =
        (!wanted.username.is_empty()).then(|| basic(wanted.username, wanted.password.reveal()));
    let answer = client
        .send(&Ask {
            url: wanted.url,
            authorization: pair.as_deref(),
            home: wanted.credentials_for,
            is_passed_on: wanted.pass_credentials,
            ..Ask::default()
        })
        .map_err(|error| error.to_string())?;
    if answer.status != http::StatusCode::OK {
        return Err(format!(
            "failed to fetch {} : {}",
            wanted.url, answer.status
        ));
    }
    answer
        .read(wanted.max_bytes)
        .map_err(|error| error.to_string())
}
