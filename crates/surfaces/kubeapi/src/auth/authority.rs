//! The certificate authority of the embedded API: serving and client certificates, kept in a
//! folder so that clients go on trusting a server that was restarted.

use crate::auth::files::{self, FileError};
use argosy_object::Redacted;
use jiff::{Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure to make, keep or read certificates.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The folder.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file of the folder is no certificate or key.
    #[error("`{path}` holds no usable certificate or key; remove it together with its neighbours")]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// A certificate could not be made.
    #[error("cannot make the certificate for `{subject}`")]
    Make {
        /// Whom it was for.
        subject: String,
        /// Why.
        source: rcgen::Error,
    },
    /// TLS refused what we made.
    #[error("cannot set up TLS")]
    Tls(#[source] rustls::Error),
}

/// A certificate and its key, both PEM.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Certificate, then the CA's.
    pub cert_pem: String,
    /// Private key.
    pub key_pem: Redacted<String>,
}

/// The authority that signs serving and client certificates.
pub struct Authority {
    ca_pem: String,
    issuer: Issuer<'static, KeyPair>,
    folder: Option<PathBuf>,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Authority")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

const CA_DAYS: i64 = 3650;
const LEAF_DAYS: i64 = 365;
/// A kept serving certificate with less than this left is made anew.
const RENEW_DAYS: i64 = 30;

impl Authority {
    /// Opens the authority of a folder (`ca.crt`, `ca.key`), made where it is missing.
    ///
    /// # Errors
    /// [`AuthorityError`] naming the file.
    pub fn open(folder: &Path, now: Timestamp) -> Result<Self, AuthorityError> {
        let (cert_path, key_path) = (folder.join("ca.crt"), folder.join("ca.key"));
        let kept = (
            files::read_optional(&cert_path)?,
            files::read_optional(&key_path)?,
        );
        let (cert, key) = match kept {
            (Some(cert), Some(key)) => (cert, key),
            _ => {
                let made = new_ca(now)?;
                // The certificate last: its presence says that the pair is whole.
                files::write_private(&key_path, made.key_pem.reveal().as_bytes())?;
                files::write_private(&cert_path, made.cert_pem.as_bytes())?;
                (made.cert_pem, made.key_pem.reveal().clone())
            }
        };
        let broken = || AuthorityError::Broken {
            path: cert_path.clone(),
        };
        Ok(Self {
            folder: Some(folder.to_owned()),
            ..Self::from_pem(&cert, &key).ok_or_else(broken)?
        })
    }

    /// An authority that lives as long as the process.
    ///
    /// # Errors
    /// [`AuthorityError::Make`] where no key could be made.
    pub fn in_memory(now: Timestamp) -> Result<Self, AuthorityError> {
        let made = new_ca(now)?;
        let broken = || AuthorityError::Broken {
            path: PathBuf::new(),
        };
        Self::from_pem(&made.cert_pem, made.key_pem.reveal()).ok_or_else(broken)
    }

    fn from_pem(cert: &str, key: &str) -> Option<Self> {
        let key = KeyPair::from_pem(key).ok()?;
        let issuer = Issuer::from_ca_cert_pem(cert, key).ok()?;
        Some(Self {
            ca_pem: cert.to_owned(),
            issuer,
            folder: None,
        })
    }

    /// PEM of the CA certificate, as kubeconfigs and `kube-root-ca.crt` carry it.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    /// The serving certificate for DNS names and IP addresses; the kept one (`server.crt`,
    /// `server.key`) where it covers them all and lasts another month.
    ///
    /// # Errors
    /// [`AuthorityError`] where it cannot be made or kept.
    pub fn server(&self, names: &[String], now: Timestamp) -> Result<Identity, AuthorityError> {
        let Some(folder) = &self.folder else {
            return self.new_server(names, now);
        };
        let (cert_path, key_path) = (folder.join("server.crt"), folder.join("server.key"));
        let kept = (
            files::read_optional(&cert_path)?,
            files::read_optional(&key_path)?,
        );
        if let (Some(cert_pem), Some(key)) = kept
            && self.still_good(&cert_pem, names, now)
            && KeyPair::from_pem(&key).is_ok()
        {
            return Ok(Identity {
                cert_pem,
                key_pem: Redacted::new(key),
            });
        }
        let made = self.new_server(names, now)?;
        files::write_private(&key_path, made.key_pem.reveal().as_bytes())?;
        files::write_private(&cert_path, made.cert_pem.as_bytes())?;
        Ok(made)
    }

    fn new_server(&self, names: &[String], now: Timestamp) -> Result<Identity, AuthorityError> {
        let mut params = CertificateParams::new(names.to_vec()).map_err(make("kube-apiserver"))?;
        params
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(params, "kube-apiserver", now)
    }

    /// A client certificate: the common name is the user, the organisation the group.
    ///
    /// # Errors
    /// [`AuthorityError::Make`].
    pub fn client(
        &self,
        user: &str,
        group: Option<&str>,
        now: Timestamp,
    ) -> Result<Identity, AuthorityError> {
        let mut params = CertificateParams::default();
        if let Some(group) = group {
            params
                .distinguished_name
                .push(DnType::OrganizationName, group);
        }
        params.distinguished_name.push(DnType::CommonName, user);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(params, user, now)
    }

    fn sign(
        &self,
        mut params: CertificateParams,
        subject: &str,
        now: Timestamp,
    ) -> Result<Identity, AuthorityError> {
        set_validity(&mut params, now, LEAF_DAYS);
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyEncipherment,
        ];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate().map_err(make(subject))?;
        let cert = params
            .signed_by(&key, &self.issuer)
            .map_err(make(subject))?;
        Ok(Identity {
            cert_pem: format!("{}{}", cert.pem(), self.ca_pem),
            key_pem: Redacted::new(key.serialize_pem()),
        })
    }

    fn still_good(&self, pem: &str, names: &[String], now: Timestamp) -> bool {
        if !pem.ends_with(&self.ca_pem) {
            return false;
        }
        let Ok(der) = CertificateDer::from_pem_slice(pem.as_bytes()) else {
            return false;
        };
        let Ok((_, cert)) = x509_parser::parse_x509_certificate(&der) else {
            return false;
        };
        let left = cert.validity().not_after.timestamp() - now.as_second();
        left > RENEW_DAYS * 86_400 && names.iter().all(|name| covers(&cert, name))
    }

    /// The TLS side of the API: our certificate, and client certificates of this authority
    /// asked for but not required.
    ///
    /// # Errors
    /// [`AuthorityError::Tls`] where certificate and key do not fit.
    pub fn tls(&self, identity: &Identity) -> Result<Arc<rustls::ServerConfig>, AuthorityError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        for cert in certificates(&self.ca_pem) {
            roots.add(cert).map_err(AuthorityError::Tls)?;
        }
        let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
            Arc::new(roots),
            provider.clone(),
        )
        .allow_unauthenticated()
        .build()
        .map_err(|e| AuthorityError::Tls(rustls::Error::General(e.to_string())))?;
        let key = PrivateKeyDer::from_pem_slice(identity.key_pem.reveal().as_bytes())
            .map_err(|e| AuthorityError::Tls(rustls::Error::General(e.to_string())))?;
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(AuthorityError::Tls)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(certificates(&identity.cert_pem), key)
            .map_err(AuthorityError::Tls)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

/// User and groups of a client certificate that TLS has verified: common name and organisations.
/// `None` where it cannot be read or names no user.
pub fn subject_of(der: &[u8]) -> Option<(String, Vec<String>)> {
    let (_, cert) = x509_parser::parse_x509_certificate(der).ok()?;
    let subject = cert.subject();
    let user = subject.iter_common_name().next()?.as_str().ok()?.to_owned();
    let groups = subject
        .iter_organization()
        .filter_map(|o| o.as_str().ok())
        .map(str::to_owned)
        .collect();
    (!user.is_empty()).then_some((user, groups))
}

fn new_ca(now: Timestamp) -> Result<Identity, AuthorityError> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "argosy-ca");
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    set_validity(&mut params, now, CA_DAYS);
    let key = KeyPair::generate().map_err(make("argosy-ca"))?;
    let cert = params.self_signed(&key).map_err(make("argosy-ca"))?;
    Ok(Identity {
        cert_pem: cert.pem(),
        key_pem: Redacted::new(key.serialize_pem()),
    })
}

fn set_validity(params: &mut CertificateParams, now: Timestamp, days: i64) {
    // From the day before, for clients whose clock is behind.
    params.not_before = day(now, -1);
    params.not_after = day(now, days);
}

fn day(now: Timestamp, days: i64) -> time::OffsetDateTime {
    let at = now
        .checked_add(jiff::SignedDuration::from_hours(24 * days))
        .unwrap_or(now);
    let date = at.to_zoned(TimeZone::UTC).date();
    rcgen::date_time_ymd(i32::from(date.year()), date.month() as u8, date.day() as u8)
}

fn make(subject: &str) -> impl FnOnce(rcgen::Error) -> AuthorityError + '_ {
    move |source| AuthorityError::Make {
        subject: subject.to_owned(),
        source,
    }
}

fn certificates(pem: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(pem.as_bytes())
        .filter_map(Result::ok)
        .collect()
}

fn covers(cert: &x509_parser::certificate::X509Certificate<'_>, name: &str) -> bool {
    use x509_parser::extensions::GeneralName;
    let Ok(Some(names)) = cert.subject_alternative_name() else {
        return false;
    };
    let address: Option<std::net::IpAddr> = name.parse().ok();
    names
        .value
        .general_names
        .iter()
        .any(|found| match (found, address) {
            (GeneralName::DNSName(dns), None) => *dns == name,
            (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V4(ip))) => {
                *bytes == ip.octets()
            }
            (GeneralName::IPAddress(bytes), Some(std::net::IpAddr::V6(ip))) => {
                *bytes == ip.octets()
            }
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn names(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| (*s).to_owned()).collect()
    }

    #[test]
    fn certificates_survive_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let first = Authority::open(folder.path(), now()).unwrap();
        let served = first
            .server(&names(&["localhost", "127.0.0.1"]), now())
            .unwrap();
        let again = Authority::open(folder.path(), now()).unwrap();
        assert_eq!(again.ca_pem(), first.ca_pem());
        let kept = again.server(&names(&["127.0.0.1"]), now()).unwrap();
        assert_eq!(kept.cert_pem, served.cert_pem);
        again.tls(&kept).unwrap();
    }

    #[test]
    fn serving_certificate_is_renewed_for_new_names_and_in_time() {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::open(folder.path(), now()).unwrap();
        let first = authority.server(&names(&["localhost"]), now()).unwrap();
        let wider = authority
            .server(&names(&["localhost", "10.0.0.1"]), now())
            .unwrap();
        assert_ne!(first.cert_pem, wider.cert_pem);
        let late = now() + jiff::SignedDuration::from_hours(24 * 340);
        let renewed = authority.server(&names(&["localhost"]), late).unwrap();
        assert_ne!(wider.cert_pem, renewed.cert_pem);
    }

    #[test]
    fn client_certificate_tells_user_and_group() {
        let authority = Authority::in_memory(now()).unwrap();
        let admin = authority
            .client("eve", Some("system:masters"), now())
            .unwrap();
        let der = CertificateDer::from_pem_slice(admin.cert_pem.as_bytes()).unwrap();
        assert_eq!(
            subject_of(&der).unwrap(),
            ("eve".into(), vec!["system:masters".into()])
        );
        assert_eq!(subject_of(b"junk"), None);
    }

    #[test]
    fn broken_authority_is_named() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.crt"), "x").unwrap();
        std::fs::write(folder.path().join("ca.key"), "y").unwrap();
        let error = Authority::open(folder.path(), now()).unwrap_err();
        assert!(error.to_string().contains("ca.crt"));
    }
}
