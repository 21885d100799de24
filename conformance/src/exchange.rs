//! One HTTP request over TLS as it is written, for what no client library would send.

use anyhow::Context as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES: u64 = 16 << 20;

/// Speaks HTTP/1.0 to one server as its administrator.
#[derive(Clone)]
pub struct Exchange {
    address: SocketAddr,
    client: Arc<rustls::ClientConfig>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Status code.
    pub code: u16,
    /// `Content-Type` without parameters.
    pub media: String,
    /// The body.
    pub body: String,
}

impl Exchange {
    /// A client with the authority `ca` and the certificate and key `admin`, all PEM.
    ///
    /// # Errors
    /// Where one of them is none.
    pub fn new(address: SocketAddr, ca: &str, admin: (&str, &str)) -> anyhow::Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(ca.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![CertificateDer::from_pem_slice(admin.0.as_bytes())?],
                PrivateKeyDer::from_pem_slice(admin.1.as_bytes())?,
            )?;
        Ok(Self {
            address,
            client: Arc::new(client),
        })
    }

    /// Sends one request and reads the answer to its end.
    ///
    /// # Errors
    /// Where the connection breaks or the answer is none.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(String, String)],
        body: &[u8],
    ) -> anyhow::Result<Answer> {
        let mut socket = TcpStream::connect_timeout(&self.address, TIMEOUT)?;
        socket.set_read_timeout(Some(TIMEOUT))?;
        socket.set_write_timeout(Some(TIMEOUT))?;
        let name = ServerName::from(self.address.ip());
        let mut session = rustls::ClientConnection::new(self.client.clone(), name)?;
        let mut stream = rustls::Stream::new(&mut session, &mut socket);
        let mut head = format!("{method} {path} HTTP/1.0\r\nHost: {}\r\n", self.address);
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
        stream.write_all(head.as_bytes())?;
        // A server that refuses early closes before it has read everything: its answer counts.
        let sent = stream.write_all(body);
        let mut answer = Vec::new();
        let read = stream.take(ANSWER_BYTES).read_to_end(&mut answer);
        if answer.is_empty() {
            sent.context("sending the body")?;
        }
        match read {
            Err(error) if answer.is_empty() => return Err(error.into()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                anyhow::bail!("{method} {path} is not answered in time")
            }
            _ => {}
        }
        parse(&answer)
    }
}

fn parse(answer: &[u8]) -> anyhow::Result<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n").context("no HTTP answer")?;
    let code = head.split(' ').nth(1).context("no status")?.parse()?;
    let media = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-type"))
        .map(|(_, value)| {
            value
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_owned()
        });
    Ok(Answer {
        code,
        media: media.unwrap_or_default(),
        body: body.to_owned(),
    })
}
