//! HTTP agents with explicit trust: the system's roots, a host's own, or none where a Secret
//! says so; never an implicit choice of the TLS library.

use crate::credentials::Credential;
use crate::proxy::Proxies;
use crate::wire::Patience;
use std::sync::{Arc, OnceLock};
use ureq::tls::{
    Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig, TlsProvider, parse_pem,
};

/// What a connection is made with.
#[derive(Clone, Copy)]
pub(crate) struct Trust<'t> {
    pub credential: &'t Credential,
    /// PEM certificates that are trusted instead of the system's.
    pub authority: Option<&'t str>,
    /// Proxies of the process, where the credential names none.
    pub proxies: &'t Proxies,
}

/// Makes an agent that follows no redirects itself and turns no status into an error.
pub(crate) fn agent(
    url: &str,
    trust: &Trust<'_>,
    patience: Patience,
) -> Result<ureq::Agent, String> {
    let Trust {
        credential,
        authority,
        proxies,
    } = *trust;
    let mut tls = TlsConfig::builder()
        .provider(TlsProvider::Rustls)
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .disable_verification(credential.insecure);
    tls = match authority {
        Some(pem) => tls.root_certs(RootCerts::new_with_certs(&certificates(pem)?)),
        None => tls.root_certs(RootCerts::new_with_certs(system_roots())),
    };
    if !credential.client_cert.is_empty() {
        let chain = certificates(&credential.client_cert)?;
        let key = PrivateKey::from_pem(credential.client_key.reveal().as_bytes())
            .map_err(|_| "`tlsClientCertKey` is no PEM private key".to_owned())?;
        tls = tls.client_cert(Some(ClientCert::new_with_certs(&chain, key)));
    }
    let config = ureq::Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .proxy(proxies.choose(url, credential)?)
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
