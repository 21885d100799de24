//! The certificates of one test cluster, and the smallest client that can use them.

use super::{RealApiError, io};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use std::io::{Error, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(5);
const MAX_ANSWER_BYTES: u64 = 64 << 20;

/// The authority, the administrator's certificate, and a TLS client configuration with both.
pub(super) struct Pki {
    ca_pem: String,
    admin_cert: String,
    admin_key: String,
    client: Arc<rustls::ClientConfig>,
}

impl Pki {
    /// Makes everything and writes what the servers read: `ca.crt`, `server.crt`, `server.key`,
    /// `accounts.key` and `accounts.pub`.
    pub fn write(folder: &Path) -> Result<Self, RealApiError> {
        let (authority, ca_pem) = authority()?;
        let (server_cert, server_key) = issue(&authority, "kube-apiserver", None)?;
        let (admin_cert, admin_key) = issue(&authority, "admin", Some("system:masters"))?;
        let accounts = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        for (name, text) in [
            ("ca.crt", &ca_pem),
            ("server.crt", &server_cert),
            ("server.key", &server_key),
            ("accounts.key", &accounts.serialize_pem()),
            ("accounts.pub", &accounts.public_key_pem()),
        ] {
            std::fs::write(folder.join(name), text)
                .map_err(|source| io(&format!("writing {name}"), source))?;
        }
        let client = client_config(&ca_pem, &admin_cert, &admin_key)
            .map_err(|source| io("setting up TLS", source))?;
        Ok(Self {
            ca_pem,
            admin_cert,
            admin_key,
            client,
        })
    }

    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub fn admin_pem(&self) -> (&str, &str) {
        (&self.admin_cert, &self.admin_key)
    }

    /// A kubeconfig with everything in it.
    pub fn kubeconfig(&self, address: SocketAddr) -> String {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: real\n\
             clusters:\n- name: real\n  cluster:\n    server: https://{address}\n    certificate-authority-data: {}\n\
             contexts:\n- name: real\n  context:\n    cluster: real\n    user: admin\n\
             users:\n- name: admin\n  user:\n    client-certificate-data: {}\n    client-key-data: {}\n",
            STANDARD.encode(&self.ca_pem),
            STANDARD.encode(&self.admin_cert),
            STANDARD.encode(&self.admin_key),
        )
    }

    /// One GET over HTTP/1.0, which needs no chunked decoding.
    pub fn get(&self, address: SocketAddr, path: &str) -> std::io::Result<String> {
        let mut socket = TcpStream::connect_timeout(&address, TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        let name = ServerName::from(address.ip());
        let mut session =
            rustls::ClientConnection::new(self.client.clone(), name).map_err(Error::other)?;
        let mut stream = rustls::Stream::new(&mut session, &mut socket);
        write!(
            stream,
            "GET {path} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\r\n"
        )?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer)?;
        let answer = String::from_utf8(answer).map_err(Error::other)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .ok_or_else(|| Error::other("no HTTP answer"))?;
        let status = head.lines().next().unwrap_or_default();
        if status.split(' ').nth(1) == Some("200") {
            Ok(body.to_owned())
        } else {
            Err(Error::other(format!("GET {path}: {status}: {body}")))
        }
    }
}

fn authority() -> Result<(Issuer<'static, KeyPair>, String), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, "argosy-test-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    let pem = params.self_signed(&key)?.pem();
    Ok((Issuer::new(params, key), pem))
}

/// A certificate for `name`, with the loopback names where it has no `organization`: a server's.
fn issue(
    authority: &Issuer<'static, KeyPair>,
    name: &str,
    organization: Option<&str>,
) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let names = ["localhost", "127.0.0.1", "kubernetes.default.svc"].map(str::to_owned);
    let (mut params, usage) = match organization {
        None => (
            CertificateParams::new(names)?,
            ExtendedKeyUsagePurpose::ServerAuth,
        ),
        Some(organization) => {
            let mut params = CertificateParams::default();
            params
                .distinguished_name
                .push(DnType::OrganizationName, organization);
            (params, ExtendedKeyUsagePurpose::ClientAuth)
        }
    };
    params.distinguished_name.push(DnType::CommonName, name);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
    Ok((
        params.signed_by(&key, authority)?.pem(),
        key.serialize_pem(),
    ))
}

fn client_config(ca: &str, cert: &str, key: &str) -> std::io::Result<Arc<rustls::ClientConfig>> {
    let parse = |pem: &str| CertificateDer::from_pem_slice(pem.as_bytes()).map_err(Error::other);
    let mut roots = rustls::RootCertStore::empty();
    roots.add(parse(ca)?).map_err(Error::other)?;
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(Error::other)?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(Error::other)?
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![parse(cert)?], key)
        .map_err(Error::other)?;
    Ok(Arc::new(config))
}
