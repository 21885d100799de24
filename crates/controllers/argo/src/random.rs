//! The installation's secret for random functions of templates.
//!
//! What `randAlphaNum` or `genCA` give to an application must be the same at each rendering, or it
//! would never be in sync; and nobody who knows only the repository may know it. So it follows from
//! a key that is made once, and kept in the control plane's namespace. Who may read that Secret
//! can compute what the templates made; who takes it away changes it all.

use argosy_object::{Gvk, Object, json};
use argosy_ports::{Api, ApiError, ApiErrorKind, Resource, WriteOptions};
use argosy_render::Seed;

/// The Secret's name.
const NAME: &str = "argosy-random";
/// The key within it.
const KEY: &str = "key";
/// The fewest characters that are taken for a key.
const MIN_CHARACTERS: usize = 32;

/// The key could not be read or made.
#[derive(Debug, thiserror::Error)]
pub enum RandomKeyError {
    /// The hub does not answer, or refuses.
    #[error(
        "cannot read or make the Secret `{NAME}`, which random functions of templates start from"
    )]
    Api(#[from] ApiError),
    /// What is there is no key.
    #[error("the Secret `{NAME}` has no `{KEY}` of {MIN_CHARACTERS} characters or more")]
    NoKey,
}

/// Reads the key; nothing where it is not there.
///
/// # Errors
/// [`RandomKeyError`]
pub async fn random_key(api: &dyn Api, namespace: &str) -> Result<Option<Seed>, RandomKeyError> {
    let Some(secret) = api.get(&secrets(), Some(namespace), NAME).await? else {
        return Ok(None);
    };
    let key = argosy_crds::secret_text(&secret, KEY).filter(|key| key.len() >= MIN_CHARACTERS);
    let key = key.ok_or(RandomKeyError::NoKey)?;
    Ok(Some(Seed::new(key.as_bytes())))
}

/// Reads the key, or makes it of these bytes where it is not there. Of several that make one at
/// the same time, all get the first's.
///
/// # Errors
/// [`RandomKeyError`]
pub async fn make_random_key(
    api: &dyn Api,
    namespace: &str,
    bytes: [u8; 32],
) -> Result<Seed, RandomKeyError> {
    if let Some(seed) = random_key(api, namespace).await? {
        return Ok(seed);
    }
    let key: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let secret = Object::from_trusted(json!({
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque", "immutable": true,
        "metadata": {"name": NAME, "namespace": namespace,
            "labels": {"app.kubernetes.io/part-of": "argosy"}},
        "stringData": {KEY: key}}));
    let options = WriteOptions {
        manager: Some(argosy_crds::names::FIELD_MANAGER.into()),
        ..WriteOptions::default()
    };
    match api.create(&secrets(), &secret, &options).await {
        Ok(_) => {}
        Err(error) if error.kind == ApiErrorKind::AlreadyExists => {}
        Err(error) => return Err(error.into()),
    }
    let seed = random_key(api, namespace).await?;
    seed.ok_or(RandomKeyError::NoKey)
}

fn secrets() -> Resource {
    Resource::new(Gvk::new("", "v1", "Secret"), "secrets", true)
}
