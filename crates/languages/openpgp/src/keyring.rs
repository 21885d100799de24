//! Keyrings: who there is, by which keys they sign, and for how long.

use crate::packet::{Cursor, next};
use crate::signature::{PublicKey, Signature};
use crate::{PgpError, armor};

/// Most keys of one keyring, subkeys included.
const MAX_KEYS: usize = 20_000;
/// Most signatures that are looked at for one key.
const MAX_SIGNATURES: usize = 256;
/// The right to sign data.
const MAY_SIGN: u8 = 2;

/// Public keys with their owners.
#[derive(Clone, Debug, Default)]
pub struct Keyring {
    entities: Vec<Entity>,
}

/// An owner: names, and the keys that belong together.
#[derive(Clone, Debug)]
pub struct Entity {
    identities: Vec<String>,
    primary: Key,
    subkeys: Vec<Key>,
}

#[derive(Clone, Debug)]
struct Key {
    key: PublicKey,
    expires: Option<u64>,
    is_revoked: bool,
    may_sign: bool,
}

impl Entity {
    /// Names, as `Ann <ann@example.com>`.
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The primary key's fingerprint in capitals.
    pub fn fingerprint(&self) -> String {
        hex::encode_upper(self.primary.key.fingerprint)
    }
}

impl Keyring {
    /// Reads a keyring: packets, or armored blocks of public keys.
    ///
    /// # Errors
    /// [`PgpError::Invalid`] for what is none. Keys of a kind that is not known are left out.
    pub fn parse(data: &[u8]) -> Result<Self, PgpError> {
        let text = std::str::from_utf8(data).ok();
        let armored = text.filter(|text| text.contains("-----BEGIN PGP PUBLIC KEY BLOCK-----"));
        let decoded;
        let data = match armored {
            Some(text) => {
                decoded = armor::decode(text, "PUBLIC KEY BLOCK")?;
                &decoded
            }
            None => data,
        };
        let mut reading = Reading::default();
        let mut cursor = Cursor(data);
        while let Some(packet) = next(&mut cursor)? {
            match packet.tag {
                6 | 5 => reading.primary(packet.body)?,
                14 | 7 => reading.subkey(packet.body)?,
                13 => reading.identity(packet.body),
                2 => reading.signature(packet.body),
                // Pictures, trust, padding.
                _ => reading.at = At::Nothing,
            }
        }
        reading.end();
        Ok(Self {
            entities: reading.entities,
        })
    }

    /// Checks a signature over `data` at the time `now`, in seconds since 1970, and tells who
    /// has made it.
    pub(crate) fn check(
        &self,
        signature: &Signature,
        data: &[u8],
        now: u64,
    ) -> Result<&Entity, PgpError> {
        let issuer = signature.issuer.ok_or(PgpError::UnknownIssuer)?;
        let mut last = PgpError::UnknownIssuer;
        for entity in &self.entities {
            let keys = std::iter::once(&entity.primary).chain(&entity.subkeys);
            for key in keys.filter(|key| key.key.id() == issuer && key.may_sign) {
                match signature.check(&key.key, data) {
                    Err(error) => last = error,
                    Ok(()) => return entity.still_counts(key, signature, now).map(|()| entity),
                }
            }
        }
        Err(last)
    }
}

impl Entity {
    fn still_counts(&self, key: &Key, signature: &Signature, now: u64) -> Result<(), PgpError> {
        let created = signature
            .created
            .ok_or(PgpError::Invalid("a signature without a time"))?;
        if key.is_revoked || self.primary.is_revoked {
            return Err(PgpError::KeyRevoked);
        }
        let is_over = |key: &Key| {
            let end = key.expires.map(|life| key.key.created.saturating_add(life));
            end.is_some_and(|end| end < now)
        };
        if is_over(key) || is_over(&self.primary) || created < key.key.created {
            return Err(PgpError::KeyExpired);
        }
        let end = signature.expires.map(|life| created.saturating_add(life));
        if end.is_some_and(|end| end < now) {
            return Err(PgpError::SignatureExpired);
        }
        Ok(())
    }
}

/// What signatures that follow are about.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum At {
    #[default]
    Nothing,
    Primary,
    Identity,
    Subkey,
}

#[derive(Default)]
struct Reading {
    entities: Vec<Entity>,
    current: Option<Entity>,
    at: At,
    waiting_name: String,
    waiting_key: Option<PublicKey>,
    /// When the signature was made whose word on the primary key counts.
    last_word: u64,
    seen: usize,
    keys: usize,
}

impl Reading {
    fn count(&mut self) -> Result<(), PgpError> {
        self.keys += 1;
        self.seen = 0;
        if self.keys > MAX_KEYS {
            return Err(PgpError::Invalid("a keyring of too many keys"));
        }
        Ok(())
    }

    fn primary(&mut self, body: &[u8]) -> Result<(), PgpError> {
        self.count()?;
        self.end();
        self.at = At::Nothing;
        match PublicKey::parse(body) {
            Ok(key) => {
                self.at = At::Primary;
                self.last_word = 0;
                self.current = Some(Entity {
                    identities: Vec::new(),
                    primary: Key {
                        key,
                        expires: None,
                        is_revoked: false,
                        may_sign: true,
                    },
                    subkeys: Vec::new(),
                });
            }
            Err(PgpError::Unsupported(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn subkey(&mut self, body: &[u8]) -> Result<(), PgpError> {
        self.count()?;
        self.at = At::Nothing;
        match PublicKey::parse(body) {
            Ok(key) => {
                self.at = At::Subkey;
                self.waiting_key = Some(key);
            }
            Err(PgpError::Unsupported(_)) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn identity(&mut self, body: &[u8]) {
        self.at = At::Identity;
        self.seen = 0;
        self.waiting_name = String::from_utf8_lossy(body).into_owned();
    }

    /// A signature changes something only where the primary key has made it; those of other
    /// people, and broken ones, are passed over.
    fn signature(&mut self, body: &[u8]) {
        self.seen += 1;
        if self.seen > MAX_SIGNATURES {
            return;
        }
        let (Ok(signature), Some(entity)) = (Signature::parse(body), &mut self.current) else {
            return;
        };
        let primary = entity.primary.key.clone();
        if signature.issuer.is_some_and(|id| id != primary.id()) {
            return;
        }
        let mut data = primary.hashed();
        match (self.at, signature.kind) {
            (At::Primary, 0x20 | 0x1f) => {
                if signature.check(&primary, &data).is_ok() {
                    if signature.kind == 0x20 {
                        entity.primary.is_revoked = true;
                    } else {
                        self.word(&signature);
                    }
                }
            }
            (At::Identity, 0x10..=0x13) => {
                data.push(0xb4);
                data.extend((self.waiting_name.len() as u32).to_be_bytes());
                data.extend(self.waiting_name.as_bytes());
                if signature.check(&primary, &data).is_ok() {
                    if !entity.identities.contains(&self.waiting_name) {
                        entity.identities.push(self.waiting_name.clone());
                    }
                    self.word(&signature);
                }
            }
            (At::Subkey, 0x18 | 0x28) => {
                let Some(key) = self.waiting_key.clone() else {
                    return;
                };
                data.extend(key.hashed());
                if signature.check(&primary, &data).is_ok() {
                    bind(entity, key, &signature, &data);
                }
            }
            _ => {}
        }
    }

    /// What the newest signature says of the primary key counts.
    fn word(&mut self, signature: &Signature) {
        let created = signature.created.unwrap_or(0);
        let Some(entity) = &mut self.current else {
            return;
        };
        if created >= self.last_word {
            self.last_word = created;
            entity.primary.expires = signature.key_expires;
            entity.primary.may_sign = signature
                .key_flags
                .is_none_or(|flags| flags & MAY_SIGN != 0);
        }
    }

    /// Compat: an owner without a name that they have signed themselves is none.
    fn end(&mut self) {
        self.waiting_key = None;
        if let Some(entity) = self.current.take()
            && !entity.identities.is_empty()
        {
            self.entities.push(entity);
        }
    }
}

/// Takes a subkey in, or its revocation. One that signs must say itself that it belongs there.
fn bind(entity: &mut Entity, key: PublicKey, signature: &Signature, data: &[u8]) {
    let place = entity
        .subkeys
        .iter()
        .position(|known| known.key.fingerprint == key.fingerprint);
    let is_revoked = signature.kind == 0x28;
    let wants_to_sign = signature
        .key_flags
        .is_some_and(|flags| flags & MAY_SIGN != 0);
    let belongs = signature
        .embedded
        .as_ref()
        .is_some_and(|back| back.kind == 0x19 && back.check(&key, data).is_ok());
    match place {
        Some(place) if is_revoked => entity.subkeys[place].is_revoked = true,
        Some(place) => {
            entity.subkeys[place].expires = signature.key_expires;
            entity.subkeys[place].may_sign = wants_to_sign && belongs;
        }
        None => entity.subkeys.push(Key {
            key,
            expires: signature.key_expires,
            is_revoked,
            may_sign: wants_to_sign && belongs,
        }),
    }
}
