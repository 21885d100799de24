//! Clear-signed texts: readable, with a signature below.

use crate::keyring::{Entity, Keyring};
use crate::packet::{Cursor, next};
use crate::signature::Signature;
use crate::{PgpError, armor};

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// A text whose signature was checked.
#[derive(Debug)]
pub struct ClearSigned<'k> {
    /// The text, its lines ended by `\n`.
    pub text: String,
    /// Who has signed it.
    pub signer: &'k Entity,
}

/// Checks a clear-signed text by the keys of a keyring, at the time `now` in seconds since 1970.
///
/// # Errors
/// [`PgpError`]: no such block, an unknown signer, a wrong signature, a key that is over.
pub fn verify_clear<'k>(
    data: &[u8],
    keyring: &'k Keyring,
    now: u64,
) -> Result<ClearSigned<'k>, PgpError> {
    let all = std::str::from_utf8(data).map_err(|_| PgpError::NoBlock)?;
    let (text, armored) = split(all).ok_or(PgpError::NoBlock)?;
    // Signed are the lines without blanks at their ends, and without the last line's end.
    let signed: Vec<&str> = text
        .lines()
        .map(|line| line.trim_end_matches([' ', '\t', '\r']))
        .collect();
    let signed = signed.join("\r\n");
    let packets = armor::decode(armored, "SIGNATURE")?;
    let mut cursor = Cursor(&packets);
    let mut last = PgpError::UnknownIssuer;
    while let Some(packet) = next(&mut cursor)? {
        if packet.tag != 2 {
            continue;
        }
        let signature = Signature::parse(packet.body)?;
        if signature.kind > 1 {
            return Err(PgpError::Signature("a signature that is about no text"));
        }
        match keyring.check(&signature, signed.as_bytes(), now) {
            Ok(signer) => return Ok(ClearSigned { text, signer }),
            // Of several signatures one of a known key is enough.
            Err(PgpError::UnknownIssuer) => {}
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The text with its escapes undone, and what follows it.
fn split(all: &str) -> Option<(String, &str)> {
    let start = all.match_indices(BEGIN).map(|(at, _)| at).find(|at| {
        let is_alone = all[at + BEGIN.len()..].trim_start_matches([' ', '\t', '\r']);
        (*at == 0 || all[..*at].ends_with('\n')) && is_alone.starts_with('\n')
    })?;
    let after = &all[start + BEGIN.len()..];
    let mut at = after.find('\n')? + 1;
    // `Hash: SHA512` and the like, then an empty line.
    loop {
        let line = line_at(after, at)?;
        at += line.len();
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        if !line.contains(':') {
            return None;
        }
    }
    let mut text = String::new();
    loop {
        let line = line_at(after, at)?;
        let bare = line.trim_end_matches(['\n', '\r']);
        if bare.trim_end() == SIGNATURE {
            return Some((text, &after[at..]));
        }
        let bare = match bare.strip_prefix("- ") {
            Some(bare) => bare,
            None if bare.starts_with('-') => return None,
            None => bare,
        };
        text.push_str(bare);
        text.push('\n');
        at += line.len();
    }
}

fn line_at(text: &str, at: usize) -> Option<&str> {
    let rest = text.get(at..).filter(|rest| !rest.is_empty())?;
    let end = rest.find('\n').map_or(rest.len(), |end| end + 1);
    Some(&rest[..end])
}
