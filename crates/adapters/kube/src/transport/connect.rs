//! One connection: TCP, TLS, and the HTTP version that the server chose.

use super::tls::TlsSetup;
use super::{Address, Limits, TransportError};
use argosy_ports::Body;
use hyper::client::conn::{http1, http2};
use hyper::rt::{Read, Write};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;

const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
const PING_EVERY: Duration = Duration::from_secs(30);
const PING_ANSWER: Duration = Duration::from_secs(15);
/// What is believed before the server says otherwise; kube-apiserver allows 100.
const STREAMS_AT_FIRST: usize = 100;

/// A connection that is ready for requests.
pub enum Connection {
    /// Many requests at once; `streams` is what the server allows.
    Http2 {
        sender: http2::SendRequest<Body>,
        streams: Arc<AtomicUsize>,
    },
    /// One request at a time.
    Http1(http1::SendRequest<Body>),
}

/// Opens a connection; `http2` says whether HTTP/2 is offered.
pub async fn connect(
    address: &Address,
    tls: Option<&TlsSetup>,
    http2: bool,
    limits: &Limits,
) -> Result<Connection, TransportError> {
    tokio::time::timeout(limits.connect, open(address, tls, http2))
        .await
        .unwrap_or_else(|_| {
            Err(TransportError::Timeout {
                address: address.authority(),
                what: "accept a connection",
                limit: limits.connect,
            })
        })
}

async fn open(
    address: &Address,
    tls: Option<&TlsSetup>,
    http2: bool,
) -> Result<Connection, TransportError> {
    let failed = |reason: &dyn std::fmt::Display| TransportError::Connect {
        address: address.authority(),
        reason: reason.to_string(),
    };
    let socket = TcpStream::connect((address.host(), address.port()))
        .await
        .map_err(|error| failed(&error))?;
    socket.set_nodelay(true).map_err(|error| failed(&error))?;
    let Some(tls) = tls else {
        return speak(TokioIo::new(socket), false)
            .await
            .map_err(|error| failed(&error));
    };
    let connector = tokio_rustls::TlsConnector::from(tls.config(http2));
    let stream = connector
        .connect(tls.name.clone(), socket)
        .await
        .map_err(|error| failed(&error))?;
    let chose_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    speak(TokioIo::new(stream), chose_http2)
        .await
        .map_err(|error| failed(&error))
}

async fn speak<T>(io: T, http2: bool) -> hyper::Result<Connection>
where
    T: Read + Write + Send + Unpin + 'static,
{
    if !http2 {
        let (sender, connection) = http1::Builder::new().handshake(io).await?;
        tokio::spawn(log_end(connection));
        return Ok(Connection::Http1(sender));
    }
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_ANSWER)
        .handshake(io)
        .await?;
    let streams = Arc::new(AtomicUsize::new(STREAMS_AT_FIRST));
    tokio::spawn(log_end(Watched {
        connection,
        streams: streams.clone(),
    }));
    Ok(Connection::Http2 { sender, streams })
}

/// Drives a connection to its end, which comes when its sender and streams are gone.
async fn log_end(connection: impl Future<Output = hyper::Result<()>>) {
    if let Err(error) = connection.await {
        tracing::debug!(%error, "connection ended");
    }
}

/// An HTTP/2 connection that keeps telling how many streams the server allows.
struct Watched<T: Read + Write + Send + Unpin + 'static> {
    connection: http2::Connection<T, Body, TokioExecutor>,
    streams: Arc<AtomicUsize>,
}

impl<T: Read + Write + Send + Unpin + 'static> Future for Watched<T> {
    type Output = hyper::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let done = Pin::new(&mut self.connection).poll(cx);
        let allowed = self.connection.current_max_send_streams();
        self.streams.store(allowed, Ordering::Relaxed);
        done
    }
}
