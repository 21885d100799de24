//! Keys and certificates: `genPrivateKey`, `genCA`, `genSelfSignedCert`, `genSignedCert`, their
//! twins that take a key, and `buildCustomCert`.
//!
//! All randomness comes from the caller's environment, signatures have none of their own, so a
//! render gives the same certificates again. That asks for arithmetic of our own: libraries draw
//! their own randomness. It runs in no secret-dependent constant time, which is of no concern
//! where a key is made once and then published in the render's result.

mod curve;
mod der;
mod keys;
mod montgomery;
mod primes;
mod x509;

use crate::args::{Outcome, any, int, string, text, utf8};
use crate::encoding::base64_bytes;
use argosy_gotmpl::{CallCx, FuncError, FuncTable, GoStr, Host, Value};
use keys::PrivateKey;
use std::net::IpAddr;
use std::sync::Arc;
use x509::{Issuer, Request};

/// What one RSA key costs of a render's budget, in bytes: about as long as writing that much.
const KEY_COST: u64 = 64 << 20;

pub(crate) fn add(table: FuncTable) -> FuncTable {
    table
        .with_typed("genPrivateKey", "string", |cx, a| {
            cx.charge(KEY_COST)?;
            string(match text(a, 0) {
                b"" | b"rsa" => PrivateKey::rsa(cx.env, 4096).pem(),
                b"dsa" => keys::dsa_pem(cx.env),
                b"ecdsa" => PrivateKey::ecdsa(cx.env).pem(),
                b"ed25519" => PrivateKey::ed25519(cx.env).pem(),
                _ => format!("Unknown type {}", utf8(a, 0)),
            })
        })
        .with_typed("genCA", "string, int", |cx, a| {
            let key = new_key(cx)?;
            authority(cx, a, &key)
        })
        .with_typed("genCAWithKey", "string, int, string", |cx, a| {
            let key = given_key(a, 2)?;
            authority(cx, a, &key)
        })
        .with_typed("genSelfSignedCert", "string, list, list, int", |cx, a| {
            let request = request(a)?;
            let key = new_key(cx)?;
            signed(cx, request, &key, None)
        })
        .with_typed(
            "genSelfSignedCertWithKey",
            "string, list, list, int, string",
            |cx, a| {
                let key = given_key(a, 4)?;
                signed(cx, request(a)?, &key, None)
            },
        )
        .with_typed("genSignedCert", "string, list, list, int, any", |cx, a| {
            let key = new_key(cx)?;
            by_authority(cx, a, &key)
        })
        .with_typed(
            "genSignedCertWithKey",
            "string, list, list, int, any, string",
            |cx, a| {
                let key = given_key(a, 5)?;
                by_authority(cx, a, &key)
            },
        )
        .with_typed("buildCustomCert", "string, string", |_, a| custom(a))
}

/// sprig's `certificate`: a certificate and its key, in PEM.
#[derive(Debug)]
struct Certificate {
    cert: String,
    key: String,
}

const TYPE: &str = "sprig.certificate";

impl Host for Certificate {
    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::from(self.cert.as_str())),
            "Key" => Some(Value::from(self.key.as_str())),
            _ => None,
        }
    }

    fn call(&self, _: &str, _: &[Value]) -> Option<Outcome> {
        None
    }

    fn go_type(&self) -> &str {
        TYPE
    }

    fn plain(&self) -> Option<Value> {
        let entries = [("Cert", &self.cert), ("Key", &self.key)];
        let entries = entries.map(|(k, v)| (GoStr::from(k), Value::from(v.as_str())));
        Some(Value::map(entries.into()))
    }
}

fn certificate(cert: String, key: String) -> Outcome {
    Ok(Value::Host(Arc::new(Certificate { cert, key })))
}

fn new_key(cx: &mut CallCx<'_>) -> Result<PrivateKey, FuncError> {
    cx.charge(KEY_COST / 8)?;
    Ok(PrivateKey::rsa(cx.env, 2048))
}

fn given_key(args: &[Value], index: usize) -> Result<PrivateKey, FuncError> {
    keys::parse_pem(&utf8(args, index))
        .map_err(|error| FuncError::new(format!("parsing private key: {error}")))
}

fn authority(cx: &mut CallCx<'_>, args: &[Value], key: &PrivateKey) -> Outcome {
    let request = Request {
        common_name: utf8(args, 0),
        days: int(args, 1),
        is_authority: true,
        ..Request::default()
    };
    signed(cx, request, key, None)
}

/// Reads common name, addresses, names and days, and complains as sprig does.
fn request(args: &[Value]) -> Result<Request, FuncError> {
    let items = |index: usize| match any(args, index) {
        Value::List(list) => list.to_vec(),
        _ => Vec::new(),
    };
    let mut addresses = Vec::new();
    for item in items(1) {
        let Value::Str(text) = &item else {
            let shown = String::from_utf8_lossy(&crate::text::go_text(&item)).into_owned();
            return Err(FuncError::new(format!(
                "error parsing ip: {shown} is not a string"
            )));
        };
        let address: Result<IpAddr, _> = text.lossy().parse();
        let failed = |_| FuncError::new(format!("error parsing ip: {text}"));
        addresses.push(address.map_err(failed)?);
    }
    let mut names = Vec::new();
    for item in items(2) {
        let Value::Str(text) = &item else {
            let shown = String::from_utf8_lossy(&crate::text::go_text(&item)).into_owned();
            return Err(FuncError::new(format!(
                "error processing alternate dns name: {shown} is not a string"
            )));
        };
        names.push(text.lossy().into_owned());
    }
    Ok(Request {
        common_name: utf8(args, 0),
        addresses,
        names,
        days: int(args, 3),
        is_authority: false,
    })
}

fn signed(
    cx: &mut CallCx<'_>,
    request: Request,
    key: &PrivateKey,
    issuer: Option<&Issuer>,
) -> Outcome {
    let now = cx.env.now().zoned().timestamp();
    let mut serial = [0; 16];
    cx.env.random(&mut serial);
    let cert = x509::issue(&request, key, issuer, now, &serial)
        .map_err(|error| FuncError::new(format!("error creating certificate: {error}")))?;
    certificate(der::pem("CERTIFICATE", &cert), key.pem())
}

fn by_authority(cx: &mut CallCx<'_>, args: &[Value], key: &PrivateKey) -> Outcome {
    let (cert, ca_key) = match any(args, 4) {
        Value::Host(host) if host.go_type() == TYPE => {
            (field(&**host, "Cert"), field(&**host, "Key"))
        }
        other => {
            let found = argosy_gotmpl::gofmt::type_name(other).to_string();
            return Err(FuncError::new(format!(
                "wrong type for value; expected {TYPE}; got {found}"
            )));
        }
    };
    let Some((_, bytes)) = der::pem_block(&cert) else {
        return Err(FuncError::new("unable to decode certificate"));
    };
    let parsed = x509::parse(&bytes).map_err(|error| {
        FuncError::new(format!(
            "error parsing certificate: decodedSignerCert.Bytes: {error}"
        ))
    })?;
    let ca_key = keys::parse_pem(&ca_key)
        .map_err(|error| FuncError::new(format!("error parsing private key: {error}")))?;
    let request = request(args)?;
    signed(
        cx,
        request,
        key,
        Some(&Issuer {
            certificate: parsed,
            key: ca_key,
        }),
    )
}

fn field(host: &dyn Host, name: &str) -> String {
    match host.field(name) {
        Some(Value::Str(text)) => text.lossy().into_owned(),
        _ => String::new(),
    }
}

fn custom(args: &[Value]) -> Outcome {
    let decode = |index: usize, what: &str| {
        base64_bytes(text(args, index))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|_| FuncError::new(format!("unable to decode base64 {what}")))
    };
    let cert = decode(0, "certificate")?;
    let key = decode(1, "private key")?;
    let Some((_, bytes)) = der::pem_block(&cert) else {
        return Err(FuncError::new("unable to decode certificate"));
    };
    x509::parse(&bytes).map_err(|error| {
        FuncError::new(format!(
            "error parsing certificate: decodedCert.Bytes: {error}"
        ))
    })?;
    keys::parse_pem(&key)
        .map_err(|error| FuncError::new(format!("error parsing private key: {error}")))?;
    certificate(cert, key)
}
