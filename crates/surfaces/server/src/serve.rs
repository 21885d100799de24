//! The socket: HTTP/1.1 with few connections, short waits and small headers.

use crate::api::Api;
use crate::guard::Guard;
use crate::view::FleetView;
use argosy_object::Redacted;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// Connections at a time at most; more wait in the socket's own queue.
const CONNECTIONS: usize = 256;
/// How long a request's head may take, and a connection may idle between two.
const HEAD: Duration = Duration::from_secs(20);
/// Bytes and number of headers at most.
const HEAD_MAX: usize = 16 << 10;
const HEADERS_MAX: usize = 64;
/// How long requests may go on after the end is asked for.
const DRAIN: Duration = Duration::from_secs(2);

/// How a server is reached.
pub struct ServerSettings {
    /// The address to bind; port 0: any.
    pub listen: SocketAddr,
    /// What every call must carry.
    pub token: Redacted<String>,
}

/// A server that cannot start.
#[derive(Debug, thiserror::Error)]
#[error("the web page cannot listen on {listen}: {source}")]
pub struct ServerError {
    listen: SocketAddr,
    source: io::Error,
}

/// A running server. Dropping it ends it at once.
pub struct Server {
    bound: SocketAddr,
    token: Redacted<String>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Binds, and serves `view` until [`Server::stop`].
    ///
    /// # Errors
    /// [`ServerError`] where the address cannot be bound.
    pub async fn start(
        settings: ServerSettings,
        view: Arc<dyn FleetView>,
    ) -> Result<Self, ServerError> {
        let listen = settings.listen;
        let failed = |source| ServerError { listen, source };
        let socket = TcpListener::bind(listen).await.map_err(failed)?;
        let bound = socket.local_addr().map_err(failed)?;
        let (stop, stopped) = watch::channel(false);
        let guard = Guard::new(bound, settings.token.clone());
        let api = Arc::new(Api::new(view, guard, stopped.clone()));
        let task = tokio::spawn(accept(socket, api, stopped));
        Ok(Self {
            bound,
            token: settings.token,
            stop,
            task,
        })
    }

    /// The bound address.
    pub fn bound(&self) -> SocketAddr {
        self.bound
    }

    /// The page's address with the token, which stays out of every request line: browsers do
    /// not send what follows `#`.
    pub fn address(&self) -> String {
        let mut at = self.bound;
        if at.ip().is_unspecified() {
            let loopback = match at {
                SocketAddr::V4(_) => std::net::IpAddr::from([127, 0, 0, 1]),
                SocketAddr::V6(_) => std::net::IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
            };
            at.set_ip(loopback);
        }
        format!("http://{at}/#token={}", self.token.reveal())
    }

    /// Ends streams, lets calls under way finish for a moment, and stops.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        // A task that panicked has ended too.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(socket: TcpListener, api: Arc<Api>, mut stop: watch::Receiver<bool>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = next(&socket, &permits) => accepted,
        };
        match accepted {
            Ok((stream, permit)) => {
                connections.spawn(connection(stream, api.clone(), stop.clone(), permit));
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for some to be freed.
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(socket);
    let drained = async { while connections.join_next().await.is_some() {} };
    // What has not finished by then is cut with the set.
    let _ = tokio::time::timeout(DRAIN, drained).await;
}

async fn next(
    socket: &TcpListener,
    permits: &Arc<Semaphore>,
) -> io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = permits
        .clone()
        .acquire_owned()
        .await
        .map_err(io::Error::other)?;
    let (stream, _) = socket.accept().await?;
    Ok((stream, permit))
}

async fn connection(
    stream: TcpStream,
    api: Arc<Api>,
    mut stop: watch::Receiver<bool>,
    _permit: OwnedSemaphorePermit,
) {
    // Small events must not wait for more.
    let _ = stream.set_nodelay(true);
    let service = hyper::service::service_fn(move |request: http::Request<Incoming>| {
        let api = api.clone();
        async move { Ok::<_, Infallible>(api.handle(request).await) }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_headers(HEADERS_MAX)
        .max_buf_size(HEAD_MAX);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let ended = tokio::select! {
        ended = serving.as_mut() => Some(ended),
        _ = stop.wait_for(|stop| *stop) => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "connection ended");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fake::Fake;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    async fn server() -> Server {
        let settings = ServerSettings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            token: Redacted::new("secret".into()),
        };
        Server::start(settings, Arc::new(Fake::default()))
            .await
            .unwrap()
    }

    async fn send(server: &Server, head: &str) -> TcpStream {
        let mut stream = TcpStream::connect(server.bound()).await.unwrap();
        let head = head.replace("HOST", &server.bound().to_string());
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    }

    async fn all_of(mut stream: TcpStream) -> String {
        let mut answer = Vec::new();
        // A peer that closes early has answered all the same.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    #[tokio::test]
    async fn page_is_served_at_the_address_whose_token_stays_in_the_browser() {
        let server = server().await;
        assert_eq!(
            server.address(),
            format!("http://{}/#token=secret", server.bound())
        );
        let head = "GET / HTTP/1.1\r\nhost: HOST\r\nconnection: close\r\n\r\n";
        let answer = all_of(send(&server, head).await).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(
            answer.contains("content-security-policy: default-src 'none'"),
            "{answer}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn head_without_end_is_cut() {
        let server = server().await;
        let head = format!(
            "GET / HTTP/1.1\r\nhost: HOST\r\nx: {}\r\n",
            "x".repeat(HEAD_MAX)
        );
        let answer = all_of(send(&server, &head).await).await;
        assert!(
            answer.starts_with("HTTP/1.1 431") || answer.is_empty(),
            "{answer}"
        );
        server.stop().await;
    }

    #[tokio::test]
    async fn stop_ends_open_streams() {
        let server = server().await;
        let head = "GET /api/changes HTTP/1.1\r\nhost: HOST\r\n\
                    authorization: Bearer secret\r\n\r\n";
        let mut stream = send(&server, head).await;
        let mut first = [0; 12];
        stream.read_exact(&mut first).await.unwrap();
        assert_eq!(&first, b"HTTP/1.1 200");
        server.stop().await;
        assert!(all_of(stream).await.contains("id: 0"));
    }
}
