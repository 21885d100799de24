//! Clear-signed texts of GnuPG: an RSA key, a subkey of a curve, and a key that lives a day.

use argosy_openpgp::{ChoiceError, Keyring, PgpError, SecretKeyring, verify_clear};

const SIGNER: &[u8] = include_bytes!("fixtures/signer.pub");
const CURVE: &[u8] = include_bytes!("fixtures/curve.pub");
const SHORT: &[u8] = include_bytes!("fixtures/short.pub");
/// Noon of the day that the fixtures were made.
const NOW: u64 = 1_795_910_400;
const TEXT: &str =
    "name: demo\nversion: 0.1.0\n- dashed  \n\n...\nfiles:\n  demo-0.1.0.tgz: sha256:00\n";

fn keyring(keys: &[&[u8]]) -> Keyring {
    Keyring::parse(&keys.concat()).unwrap()
}

fn signed(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    std::fs::read_to_string(format!("{folder}/{name}.asc")).unwrap()
}

fn refusal(text: &str, keys: &[&[u8]], now: u64) -> PgpError {
    verify_clear(text.as_bytes(), &keyring(keys), now).unwrap_err()
}

#[test]
fn texts_of_rsa_and_of_curves_are_verified() {
    let keys = keyring(&[SIGNER, CURVE, SHORT]);
    for (name, owner) in [
        ("signer", "Test Signer <signer@example.com>"),
        ("curve", "Curve Signer <curve@example.com>"),
        ("short", "Short Signer <short@example.com>"),
    ] {
        let text = signed(name);
        let clear = verify_clear(text.as_bytes(), &keys, NOW).unwrap();
        assert_eq!(clear.signer.identities(), [owner]);
        assert_eq!(clear.text, TEXT, "{name}");
        // Line ends of another system are the same text.
        let windows = text.replace('\n', "\r\n");
        assert!(
            verify_clear(windows.as_bytes(), &keys, NOW).is_ok(),
            "{name}"
        );
    }
}

#[test]
fn the_fingerprint_is_the_primary_keys() {
    let keys = keyring(&[CURVE]);
    let text = signed("curve");
    let clear = verify_clear(text.as_bytes(), &keys, NOW).unwrap();
    assert_eq!(
        clear.signer.fingerprint(),
        "5579A3D59D41F9FF58462178887CD1FB597B1610"
    );
}

#[test]
fn changed_texts_and_strangers_are_refused() {
    for name in ["signer", "curve", "short"] {
        let changed = signed(name).replace("0.1.0", "0.1.1");
        let error = refusal(&changed, &[SIGNER, CURVE, SHORT], NOW);
        assert!(matches!(error, PgpError::Signature(_)), "{name}: {error}");
    }
    assert_eq!(
        refusal(&signed("curve"), &[SIGNER, SHORT], NOW),
        PgpError::UnknownIssuer
    );
    assert_eq!(refusal("hello", &[SIGNER], NOW), PgpError::NoBlock);
}

#[test]
fn a_key_whose_time_is_over_signs_no_more() {
    let text = signed("short");
    assert_eq!(
        refusal(&text, &[SHORT], NOW + 3 * 86_400),
        PgpError::KeyExpired
    );
}

/// A packet of another key is put where the subkey's binding was: it must not count.
#[test]
fn a_subkey_that_nobody_has_bound_signs_nothing() {
    let bare = |armored: &[u8]| {
        let text = String::from_utf8_lossy(armored);
        let body: String = text
            .lines()
            .skip_while(|line| !line.is_empty())
            .filter(|line| !line.starts_with(['-', '=']))
            .collect();
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, body).unwrap()
    };
    let packets = bare(CURVE);
    // Key, name, certification, subkey, binding: all but the last.
    let mut at = 0;
    let mut ends = Vec::new();
    while at < packets.len() {
        let long = packets[at] & 0x40 == 0 && packets[at] & 3 == 1;
        let length = if long {
            2 + usize::from(packets[at + 1]) * 256 + usize::from(packets[at + 2])
        } else {
            1 + usize::from(packets[at + 1])
        };
        at += length + 1;
        ends.push(at);
    }
    assert_eq!(ends.len(), 5, "{ends:?}");
    let keys = Keyring::parse(&packets[..ends[3]]).unwrap();
    let error = verify_clear(signed("curve").as_bytes(), &keys, NOW).unwrap_err();
    assert_eq!(error, PgpError::UnknownIssuer);
    let whole = Keyring::parse(&packets).unwrap();
    assert!(verify_clear(signed("curve").as_bytes(), &whole, NOW).is_ok());
}

#[test]
fn broken_bytes_end_in_an_error_and_never_verify_another_text() {
    let text = signed("signer");
    for at in 0..text.len() {
        let mut broken = text.clone().into_bytes();
        broken[at] ^= 0x04;
        if let Ok(clear) = verify_clear(&broken, &keyring(&[SIGNER]), NOW) {
            // What was changed is no part of the text: a header, a checksum, a blank.
            assert_eq!(clear.text.replace(' ', ""), TEXT.replace(' ', ""), "{at}");
        }
    }
    for end in 0..SIGNER.len() {
        // It may be no key at all; it must not take the process with it.
        let _ = Keyring::parse(&SIGNER[..end]);
    }
}

/// GnuPG's secret keys, plain and under the passphrase `pass`, sign what the public keys verify.
#[test]
fn what_is_signed_here_is_verified_here() {
    for (secret, name, public) in [
        ("plain", "Plain Owner", "plain"),
        ("locked", "Locked Owner", "locked"),
        ("point", "Point Owner", "point"),
    ] {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
        let read = |end: &str| std::fs::read(format!("{folder}/{secret}.{end}")).unwrap();
        let ring = SecretKeyring::parse(&read("sec")).unwrap();
        let key = ring.choose(name).unwrap();
        assert_eq!(key.is_locked(), secret == "locked");
        let signed = key.clear_sign(TEXT, b"pass", NOW).unwrap();
        let public = Keyring::parse(&std::fs::read(format!("{folder}/{public}.pub")).unwrap());
        let public = public.unwrap();
        let clear = verify_clear(signed.as_bytes(), &public, NOW).unwrap();
        // The empty line at the end is the text's own end, written out.
        assert_eq!(clear.text, format!("{TEXT}\n"));
        if key.is_locked() {
            assert!(key.clear_sign(TEXT, b"guess", NOW).is_err());
        }
    }
}

#[test]
fn a_key_is_chosen_by_a_part_of_its_name_that_no_other_has() {
    assert_eq!(
        SecretKeyring::parse(b"").unwrap().choose("x").err(),
        Some(ChoiceError::NotFound)
    );
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures");
    let both =
        ["plain", "locked"].map(|name| std::fs::read(format!("{folder}/{name}.sec")).unwrap());
    let ring = SecretKeyring::parse(&both.concat()).unwrap();
    assert_eq!(
        ring.choose("Owner").err(),
        Some(ChoiceError::Vague("Owner".into()))
    );
    assert!(ring.choose("Plain").is_ok());
}
