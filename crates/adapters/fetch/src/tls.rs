//! HTTP agents with explicit trust: the system's roots, a host's own, or none where a Secret
//! says so; never an implicit choice of the TLS library.

use crate::proxy::Proxies;
use argosy_object::Redacted;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use ureq::tls::{
    Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem,
};

/// How long the steps of a request may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// To be connected.
    pub connect: Duration,
    /// For the answer to begin.
    pub first_byte: Duration,
    /// Between two pieces of it.
    pub silence: Duration,
    /// For all of it.
    pub whole: Duration,
}

/// Whom to trust, who we are, and by which way to go.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Whether any certificate is taken.
    pub insecure: bool,
    /// Certificates in PEM that are trusted instead of the system's.
    pub authorities: Option<String>,
    /// The client's certificate in PEM, or nothing.
    pub client_cert: String,
    /// Its key in PEM.
    pub client_key: Redacted<String>,
    /// The proxy for all URLs; empty where the process' own count.
    pub proxy: String,
    /// Hosts and domains that are reached without it, comma-separated.
    pub no_proxy: String,
    /// The proxies of the process.
    pub proxies: Proxies,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            first_byte: Duration::from_secs(90),
            silence: Duration::from_mins(1),
            whole: Duration::from_mins(30),
        }
    }
}

/// Makes an agent that follows no redirects itself and turns no status into an error.
///
/// # Errors
/// Certificates, a key or a proxy that are none.
pub fn agent(url: &str, trust: &Trust, patience: Patience) -> Result<ureq::Agent, String> {
    let mut tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .disable_verification(trust.insecure);
    tls = match &trust.authorities {
        Some(pem) => tls.root_certs(RootCerts::new_with_certs(&certificates(pem)?)),
        None => tls.root_certs(RootCerts::new_with_certs(system_roots())),
    };
    if !trust.client_cert.is_empty() {
        let chain = certificates(&trust.client_cert)?;
        let key = PrivateKey::from_pem(trust.client_key.reveal().as_bytes())
            .map_err(|_| "`tlsClientCertKey` is no PEM private key".to_owned())?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    let config = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(trust.proxies.choose(url, &trust.proxy, &trust.no_proxy)?)
        .timeout_connect(Some(patience.connect))
        .timeout_resolve(Some(patience.connect))
        .timeout_recv_response(Some(patience.first_byte))
        .timeout_per_read(Some(patience.silence))
        .timeout_per_write(Some(patience.silence))
        .timeout_global(Some(patience.whole))
        .max_idle_connections_per_host(2)
        .build();
    Ok(config.new_agent())
}

fn certificates(pem: &str) -> Result<Vec<Certificate<'static>>, String> {
    let certs: Vec<_> = parse_pem(pem.as_bytes())
        .filter_map(|item| match item {
            Ok(ureq::tls::PemItem::Certificate(cert)) => Some(cert),
            _ => None,
        })
        .collect();
    if certs.is_empty() {
        return Err("there is no PEM certificate".into());
    }
    Ok(certs)
}

/// The operating system's trusted roots, read once.
fn system_roots() -> &'static [Certificate<'static>] {
    static ROOTS: OnceLock<Vec<Certificate<'static>>> = OnceLock::new();
    ROOTS.get_or_init(|| {
        rustls_native_certs::load_native_certs()
            .certs
            .iter()
            .map(|der| Certificate::from_der(der).to_owned())
            .collect()
    })
}
