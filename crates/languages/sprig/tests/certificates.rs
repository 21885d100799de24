//! Certificates and keys. That Go's crypto/x509 takes these was checked with
//! `conformance/oracles/sprig/verify`; their digests are recorded here, since a render must give
//! the same again.
#![allow(clippy::unwrap_used, reason = "a test fails where it must")]

use argosy_gotmpl::{Delims, FixedEnv, GoTime, Limits, Set, Value};
use sha2::{Digest as _, Sha256};

fn render(template: &str) -> Result<String, String> {
    let delims = Delims {
        left: "{{",
        right: "}}",
    };
    let set =
        Set::parse("t", template, argosy_sprig::functions(), delims).map_err(|e| e.to_string())?;
    let now = "2026-01-02T03:04:05[UTC]".parse::<jiff::Zoned>().unwrap();
    let mut env = FixedEnv::new(GoTime::new(now), 7);
    let mut out = Vec::new();
    set.execute("t", &Value::Nil, &mut env, &Limits::default(), &mut out)
        .map_err(|e| e.to_string())?;
    Ok(String::from_utf8(out).unwrap())
}

const CHAIN: &str = r#"{{ $ca := genCA "The CA" 365 }}{{ $c := genSignedCert "svc.default*" (list "10.0.0.1" "::1") (list "svc" "svc.default.svc") 30 $ca }}{{ $ca.Cert }}{{ $ca.Key }}{{ $c.Cert }}{{ $c.Key }}"#;

const KEYS: &str = r#"{{ $k := genPrivateKey "ecdsa" }}{{ $e := genPrivateKey "ed25519" }}{{ $k }}{{ $e }}{{ $ca := genCAWithKey "ec" 10 $k }}{{ $ca.Cert }}{{ (genSignedCertWithKey "leaf" nil nil 5 $ca $e).Cert }}{{ (genSelfSignedCertWithKey "self" nil (list "self") 5 $e).Cert }}{{ (buildCustomCert ($ca.Cert | b64enc) ($k | b64enc)).Cert }}"#;

fn recorded(template: &str, digest: &str) {
    let text = render(template).unwrap();
    if let Some(folder) = option_env!("CERTIFICATES_OUT") {
        std::fs::write(format!("{folder}/{}.pem", &digest[..4]), &text).unwrap();
    }
    assert_eq!(hex::encode(Sha256::digest(&text)), digest, "{text}");
    assert_eq!(
        render(template).unwrap(),
        text,
        "a second render gives the same"
    );
}

#[test]
fn rsa_chain_is_the_recorded_one() {
    recorded(
        CHAIN,
        "8e684a2d719056ce427c530edbe20e2cfcd7653311cfa4ac66455a79c0c93cc8",
    );
}

#[test]
fn other_keys_and_their_certificates_are_the_recorded_ones() {
    recorded(
        KEYS,
        "7352bcaee37bc03e8e67763eaab3747adfbee1f5ed3cba0e32734d09060cfcb3",
    );
}

#[test]
fn dsa_key_is_the_recorded_one() {
    recorded(
        r#"{{ genPrivateKey "dsa" }}"#,
        "f6f0d2788a46233b08d7e0aa60f3c7255ce6a4894281c0c997f90749c4f996d9",
    );
}

#[test]
fn authority_with_a_foreign_key_is_refused() {
    let template = r#"{{ $a := genCA "a" 1 }}{{ $b := genPrivateKey "ecdsa" }}{{ $c := genCAWithKey "c" 1 $b }}{{ $mixed := buildCustomCert ($a.Cert | b64enc) ($b | b64enc) }}{{ genSignedCertWithKey "x" nil nil 1 $mixed $b }}"#;
    let error = render(template).unwrap_err();
    assert!(
        error.contains(
            "error creating certificate: x509: provided PrivateKey doesn't match parent's PublicKey"
        ),
        "{error}"
    );
}
