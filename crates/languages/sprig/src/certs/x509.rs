//! Certificates as Go's `x509.CreateCertificate` makes them of sprig's template.

use super::der::{
    BIT_STRING, OCTET_STRING, Reader, SEQUENCE, SET, bits, element, integer, object_id, sequence,
    small,
};
use super::keys::PrivateKey;
use jiff::Timestamp;
use num_bigint::BigUint;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;

/// What a certificate is to say.
#[derive(Debug, Default)]
pub(super) struct Request {
    pub common_name: String,
    pub addresses: Vec<IpAddr>,
    pub names: Vec<String>,
    pub days: i64,
    pub is_authority: bool,
}

/// Who signs.
pub(super) struct Issuer {
    pub certificate: Parsed,
    pub key: PrivateKey,
}

/// What is read of an authority's certificate.
pub(super) struct Parsed {
    /// Its subject, as it is encoded.
    subject: Vec<u8>,
    /// Its public key with the algorithm, as it is encoded.
    public_info: Vec<u8>,
    /// Its key's identifier.
    key_id: Option<Vec<u8>>,
}

const COMMON_NAME: &[u32] = &[2, 5, 4, 3];
const KEY_USAGE: &[u32] = &[2, 5, 29, 15];
const EXTENDED_USAGE: &[u32] = &[2, 5, 29, 37];
const BASIC: &[u32] = &[2, 5, 29, 19];
const KEY_ID: &[u32] = &[2, 5, 29, 14];
const AUTHORITY_KEY_ID: &[u32] = &[2, 5, 29, 35];
const ALTERNATIVE_NAMES: &[u32] = &[2, 5, 29, 17];
const SERVER_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[u32] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
const TRUE: [u8; 3] = [1, 1, 0xff];

/// Makes a certificate for `key`, signed by `issuer` or by itself.
pub(super) fn issue(
    request: &Request,
    key: &PrivateKey,
    issuer: Option<&Issuer>,
    now: Timestamp,
    serial: &[u8; 16],
) -> Result<Vec<u8>, String> {
    if let Some(issuer) = issuer
        && issuer.certificate.public_info != issuer.key.public_info()
    {
        return Err("x509: provided PrivateKey doesn't match parent's PublicKey".into());
    }
    let subject = name(&request.common_name);
    let signer = issuer.map_or(key, |issuer| &issuer.key);
    let issuer_name = issuer.map_or(&subject, |issuer| &issuer.certificate.subject);
    let lifetime = jiff::SignedDuration::from_hours(request.days.saturating_mul(24));
    let end = now
        .checked_add(lifetime)
        .map_err(|_| "x509: cannot represent time as GeneralizedTime".to_owned())?;
    let authority = issuer
        .filter(|_| *issuer_name != subject)
        .and_then(|issuer| issuer.certificate.key_id.clone());
    let body = sequence(&[
        element(0xa0, &small(2)),
        integer(&BigUint::from_bytes_be(serial)),
        signer.signature_algorithm(),
        issuer_name.clone(),
        sequence(&[time(now), time(end)]),
        subject.clone(),
        key.public_info(),
        element(0xa3, &sequence(&extensions(request, key, authority))),
    ]);
    let signature = signer.sign(&body);
    Ok(sequence(&[
        body,
        signer.signature_algorithm(),
        bits(&signature),
    ]))
}

fn name(common_name: &str) -> Vec<u8> {
    if common_name.is_empty() {
        return sequence(&[]);
    }
    let is_printable = common_name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(&b));
    let tag = if is_printable { 0x13 } else { 0x0c };
    let attribute = sequence(&[object_id(COMMON_NAME), element(tag, common_name.as_bytes())]);
    sequence(&[element(SET, &attribute)])
}

fn time(at: Timestamp) -> Vec<u8> {
    let utc = at.to_zoned(jiff::tz::TimeZone::UTC);
    let (tag, format) = match utc.year() {
        1950..2050 => (0x17, "%y%m%d%H%M%SZ"),
        _ => (0x18, "%Y%m%d%H%M%SZ"),
    };
    element(tag, utc.strftime(format).to_string().as_bytes())
}

fn extensions(request: &Request, key: &PrivateKey, authority: Option<Vec<u8>>) -> Vec<Vec<u8>> {
    let extension = |id: &[u32], critical: bool, content: Vec<u8>| {
        let flag = if critical { TRUE.to_vec() } else { Vec::new() };
        sequence(&[object_id(id), flag, element(OCTET_STRING, &content)])
    };
    // Signatures and key encipherment; an authority signs certificates too.
    let usage: [u8; 2] = if request.is_authority {
        [2, 0xa4]
    } else {
        [5, 0xa0]
    };
    let constraints = if request.is_authority {
        vec![TRUE.to_vec()]
    } else {
        Vec::new()
    };
    let mut all = vec![
        extension(KEY_USAGE, true, element(BIT_STRING, &usage)),
        extension(
            EXTENDED_USAGE,
            false,
            sequence(&[object_id(SERVER_AUTH), object_id(CLIENT_AUTH)]),
        ),
        extension(BASIC, true, sequence(&constraints)),
    ];
    if request.is_authority {
        let digest = Sha256::digest(key.public_bits());
        all.push(extension(
            KEY_ID,
            false,
            element(OCTET_STRING, &digest[..20]),
        ));
    }
    if let Some(id) = authority {
        all.push(extension(
            AUTHORITY_KEY_ID,
            false,
            sequence(&[element(0x80, &id)]),
        ));
    }
    let names = request
        .names
        .iter()
        .map(|name| element(0x82, name.as_bytes()));
    let addresses = request.addresses.iter().map(|address| match address {
        IpAddr::V4(v4) => element(0x87, &v4.octets()),
        // Go keeps the short form of an address that has one.
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => element(0x87, &v4.octets()),
            None => element(0x87, &v6.octets()),
        },
    });
    let alternatives: Vec<Vec<u8>> = names.chain(addresses).collect();
    if !alternatives.is_empty() {
        let critical = request.common_name.is_empty();
        all.push(extension(
            ALTERNATIVE_NAMES,
            critical,
            sequence(&alternatives),
        ));
    }
    all
}

/// Reads what is needed of a certificate.
pub(super) fn parse(der: &[u8]) -> Result<Parsed, String> {
    read(der).ok_or_else(|| "x509: malformed certificate".into())
}

fn read(der: &[u8]) -> Option<Parsed> {
    let mut outer = Reader(Reader(der).expect(SEQUENCE)?);
    let mut body = Reader(outer.expect(SEQUENCE)?);
    let mut fields = Vec::new();
    while let Some((tag, content, whole)) = body.next() {
        fields.push((tag, content, whole));
    }
    // An explicit version comes first in all but version 1.
    let skip = usize::from(fields.first()?.0 == 0xa0);
    let [
        _serial,
        _algorithm,
        _issuer,
        _validity,
        subject,
        public,
        rest @ ..,
    ] = fields.get(skip..)?
    else {
        return None;
    };
    let extensions = rest
        .iter()
        .find(|(tag, ..)| *tag == 0xa3)
        .map(|(_, content, _)| *content);
    Some(Parsed {
        subject: subject.2.to_vec(),
        public_info: public.2.to_vec(),
        key_id: extensions.and_then(key_id),
    })
}

fn key_id(extensions: &[u8]) -> Option<Vec<u8>> {
    let wanted = object_id(KEY_ID);
    let mut all = Reader(Reader(extensions).expect(SEQUENCE)?);
    while let Some((_, extension, _)) = all.next() {
        let mut fields = Reader(extension);
        if fields.next()?.2 == wanted {
            let content = fields.expect(OCTET_STRING)?;
            return Reader(content).expect(OCTET_STRING).map(<[u8]>::to_vec);
        }
    }
    None
}
