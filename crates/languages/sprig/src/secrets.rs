//! Passwords and encryption: `htpasswd`, `bcrypt`, `derivePassword`, `encryptAES`, `decryptAES`.

use crate::args::{Outcome, int, string, text, utf8};
use crate::encoding::{base64_bytes, base64_text};
use crate::{bcrypt, derive};
use argosy_gotmpl::{CallCx, FuncError, FuncTable};
use aws_lc_rs::cipher::{
    AES_256, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext, UnboundCipherKey,
};
use aws_lc_rs::iv::FixedLength;

const BLOCK: usize = 16;

pub(crate) fn add(table: FuncTable) -> FuncTable {
    table
        .with_typed("bcrypt", "string", |cx, a| string(hashed(cx, text(a, 0))?))
        .with_typed("htpasswd", "string, string", |cx, a| {
            let user = utf8(a, 0);
            if user.contains(':') {
                return string(format!("invalid username: {user}"));
            }
            string(format!("{user}:{}", hashed(cx, text(a, 1))?))
        })
        .with_typed(
            "derivePassword",
            "int64, string, string, string, string",
            |cx, a| {
                // scrypt fills 32 MiB and walks them twice.
                cx.charge(64 << 20)?;
                string(derive::password(
                    int(a, 0) as u32,
                    &utf8(a, 1),
                    text(a, 2),
                    text(a, 3),
                    text(a, 4),
                ))
            },
        )
        .with_typed("encryptAES", "string, string", |cx, a| {
            encrypt(cx, text(a, 0), text(a, 1))
        })
        .with_typed("decryptAES", "string, string", |_, a| {
            decrypt(text(a, 0), text(a, 1))
        })
}

fn hashed(cx: &mut CallCx<'_>, password: &[u8]) -> Result<String, FuncError> {
    // About 50 ms of computing.
    cx.charge(16 << 20)?;
    let mut salt = [0; 16];
    cx.env.random(&mut salt);
    Ok(bcrypt::hash(password, &salt)
        .unwrap_or_else(|e| format!("failed to encrypt string with bcrypt: {e}")))
}

/// The password itself is the key: cut at 32 bytes, filled with zeros.
fn key(password: &[u8]) -> Result<UnboundCipherKey, FuncError> {
    let mut key = [0; 32];
    let len = password.len().min(32);
    key[..len].copy_from_slice(&password[..len]);
    UnboundCipherKey::new(&AES_256, &key).map_err(|_| FuncError::new("crypto/aes: invalid key"))
}

fn encrypt(cx: &mut CallCx<'_>, password: &[u8], plain: &[u8]) -> Outcome {
    if plain.is_empty() {
        return string("");
    }
    cx.charge(plain.len() as u64 * 3)?;
    let mut vector = [0; BLOCK];
    cx.env.random(&mut vector);
    let padding = BLOCK - plain.len() % BLOCK;
    let mut data = plain.to_vec();
    data.resize(plain.len() + padding, padding as u8);
    let failed = |_| FuncError::new("crypto/cipher: encryption failed");
    let context = EncryptionContext::Iv128(FixedLength::from(&vector));
    let cipher = EncryptingKey::cbc(key(password)?).map_err(failed)?;
    cipher
        .less_safe_encrypt(&mut data, context)
        .map_err(failed)?;
    string(base64_text(&[&vector[..], &data].concat()))
}

fn decrypt(password: &[u8], encrypted: &[u8]) -> Outcome {
    if encrypted.is_empty() {
        return string("");
    }
    let bytes = base64_bytes(encrypted)?;
    let Some((vector, rest)) = bytes.split_first_chunk::<BLOCK>() else {
        let len = bytes.len();
        return Err(FuncError::new(format!(
            "runtime error: slice bounds out of range [:{BLOCK}] with capacity {len}"
        )));
    };
    if rest.len() % BLOCK != 0 {
        return Err(FuncError::new("crypto/cipher: input not full blocks"));
    }
    let mut data = rest.to_vec();
    let failed = |_| FuncError::new("crypto/cipher: decryption failed");
    let context = DecryptionContext::Iv128(FixedLength::from(vector));
    let cipher = DecryptingKey::cbc(key(password)?).map_err(failed)?;
    let plain = cipher.decrypt(&mut data, context).map_err(failed)?;
    let Some(padding) = plain.last().copied().map(usize::from) else {
        return Err(FuncError::new("runtime error: index out of range [-1]"));
    };
    match plain.len().checked_sub(padding) {
        Some(len) => string(plain[..len].to_vec()),
        None => Err(FuncError::new(format!(
            "runtime error: slice bounds out of range [:{}]",
            plain.len() as i64 - padding as i64
        ))),
    }
}
