//! TLS configurations, shared by equal material.

use super::{Address, TransportError};
use crate::spec::TlsSpec;
use argosy_object::Digest;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

/// Every TLS configuration in use, by its material.
#[derive(Clone, Default)]
pub struct TlsStore {
    configs: Arc<Mutex<HashMap<Digest, Weak<Pair>>>>,
}

/// The same material with either protocol list.
struct Pair {
    both: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
}

/// What a connection needs to speak TLS to one server.
#[derive(Clone)]
pub struct TlsSetup {
    pair: Arc<Pair>,
    /// Name asked for and checked.
    pub name: ServerName<'static>,
}

impl TlsSetup {
    /// The configuration, with HTTP/2 offered or not.
    pub fn config(&self, http2: bool) -> Arc<ClientConfig> {
        if http2 {
            self.pair.both.clone()
        } else {
            self.pair.http1.clone()
        }
    }
}

impl TlsStore {
    /// The setup for a server; `None` where it speaks no TLS.
    pub fn setup(
        &self,
        spec: &TlsSpec,
        address: &Address,
    ) -> Result<Option<TlsSetup>, TransportError> {
        if !address.tls() {
            return Ok(None);
        }
        let name = spec
            .server_name
            .clone()
            .unwrap_or_else(|| address.host().to_owned());
        let name = ServerName::try_from(name)
            .map_err(|error| tls_error(address, "server name", &error))?;
        let material = spec.material();
        let mut configs = self.configs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = configs.get(&material).and_then(Weak::upgrade) {
            return Ok(Some(TlsSetup { pair, name }));
        }
        let http1 = build(spec, address)?;
        let mut both = http1.clone();
        both.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let pair = Arc::new(Pair {
            both: Arc::new(both),
            http1: Arc::new(http1),
        });
        configs.retain(|_, pair| pair.strong_count() > 0);
        configs.insert(material, Arc::downgrade(&pair));
        Ok(Some(TlsSetup { pair, name }))
    }
}

fn build(spec: &TlsSpec, address: &Address) -> Result<ClientConfig, TransportError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .map_err(|error| tls_error(address, "TLS versions", &error))?;
    let builder = if spec.insecure {
        builder
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
    } else {
        builder.with_root_certificates(roots(spec, address)?)
    };
    let mut config = match (&spec.certificate, &spec.key) {
        (Some(certificate), Some(key)) => {
            let chain = certificates(certificate)
                .map_err(|error| tls_error(address, "client certificate", &error))?;
            let key = PrivateKeyDer::from_pem_slice(key.reveal())
                .map_err(|_| tls_error(address, "client key", &"it is no private key in PEM"))?;
            builder
                .with_client_auth_cert(chain, key)
                .map_err(|error| tls_error(address, "client certificate", &error))?
        }
        _ => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(spec: &TlsSpec, address: &Address) -> Result<Arc<RootCertStore>, TransportError> {
    let Some(authorities) = &spec.ca else {
        return Ok(system_roots());
    };
    let what = "certificate authority";
    let mut store = RootCertStore::empty();
    for authority in certificates(authorities).map_err(|e| tls_error(address, what, &e))? {
        store
            .add(authority)
            .map_err(|error| tls_error(address, what, &error))?;
    }
    Ok(Arc::new(store))
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err("it holds no certificate in PEM".to_owned()),
        Ok(found) => Ok(found),
        Err(error) => Err(format!("it is no PEM: {error}")),
    }
}

/// The machine's own authorities, read once a process.
fn system_roots() -> Arc<RootCertStore> {
    static ROOTS: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    ROOTS
        .get_or_init(|| {
            let mut store = RootCertStore::empty();
            let found = rustls_native_certs::load_native_certs();
            for error in &found.errors {
                tracing::debug!(%error, "a system certificate cannot be read");
            }
            store.add_parsable_certificates(found.certs);
            Arc::new(store)
        })
        .clone()
}

fn tls_error(
    address: &Address,
    what: &'static str,
    reason: &dyn std::fmt::Display,
) -> TransportError {
    TransportError::Tls {
        server: address.authority(),
        what,
        reason: reason.to_string(),
    }
}

/// Accepts any certificate, as `insecure: true` asks; signatures are still checked.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(
            message,
            cert,
            dss,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
