//! Sockets: HTTP/2 and HTTP/1.1 over TLS, connections shared, watches apart, servers that end
//! connections.
#![allow(clippy::unwrap_used)] // a test's helpers may panic too

use argosy_kube::Transport;
use argosy_kube::spec::{ClusterSpec, Credential, Scope, TlsSpec};
use argosy_ports::{ApiService, Body, BoxError, empty_body, full_body};
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

/// What a server has seen and how it behaves.
#[derive(Default)]
struct Seen {
    connections: AtomicUsize,
    requests: AtomicUsize,
    /// Close the connection instead of the next answer.
    close_next: AtomicBool,
    cut: tokio::sync::Notify,
}

struct Server {
    seen: Arc<Seen>,
    url: String,
    ca: String,
}

/// A server for `api.test`, with these protocols and this many streams a connection.
async fn server(alpn: &[&[u8]], streams: u32) -> Server {
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["api.test".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der())),
        )
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Seen::default());
    let told = seen.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let (acceptor, seen) = (acceptor.clone(), told.clone());
            tokio::spawn(async move {
                let Ok(stream) = acceptor.accept(socket).await else {
                    return;
                };
                seen.connections.fetch_add(1, Ordering::SeqCst);
                let counted = seen.clone();
                let service =
                    hyper::service::service_fn(move |request| answer(counted.clone(), request));
                let mut builder =
                    hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                builder.http2().max_concurrent_streams(streams);
                let connection = builder.serve_connection(TokioIo::new(stream), service);
                tokio::select! {
                    _ = connection => {}
                    () = seen.cut.notified() => {}
                }
            });
        }
    });
    Server {
        seen,
        url,
        ca: certificate.pem(),
    }
}

async fn answer(seen: Arc<Seen>, request: Request<Incoming>) -> Result<Response<Body>, BoxError> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    if seen.close_next.swap(false, Ordering::SeqCst) {
        seen.cut.notify_waiters();
        std::future::pending::<()>().await;
    }
    if request.uri().query() == Some("watch=true") {
        let first = futures_util::stream::iter([Ok(Frame::data(Bytes::from_static(b"1\n")))]);
        let endless = futures_util::StreamExt::chain(first, futures_util::stream::pending());
        return Ok(Response::new(StreamBody::new(endless).boxed_unsync()));
    }
    tokio::time::sleep(Duration::from_millis(20)).await;
    let version = format!("{:?} {}", request.version(), request.uri().path());
    let host = request.headers().get("host").is_some() || request.uri().authority().is_some();
    assert!(host, "a request names its host");
    Ok(Response::new(full_body(version)))
}

fn spec(server: &Server) -> ClusterSpec {
    ClusterSpec {
        name: "test".into(),
        server: server.url.clone(),
        tls: TlsSpec {
            ca: Some(server.ca.as_bytes().into()),
            server_name: Some("api.test".into()),
            ..TlsSpec::default()
        },
        credential: Credential::None,
        scope: Scope::default(),
    }
}

fn service(server: &Server) -> ApiService {
    Transport::default().service(&spec(server)).unwrap()
}

async fn send(service: &ApiService, method: Method, path: &str) -> Result<String, BoxError> {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(empty_body())
        .unwrap();
    let response = service.clone().oneshot(request).await?;
    let bytes = response.into_body().collect().await?.to_bytes();
    Ok(String::from_utf8(bytes.to_vec())?)
}

async fn watch(service: &ApiService) -> Body {
    let request = Request::builder()
        .uri("/pods?watch=true")
        .body(empty_body())
        .unwrap();
    let mut body = service.clone().oneshot(request).await.unwrap().into_body();
    let frame = tokio::time::timeout(Duration::from_secs(5), body.frame())
        .await
        .unwrap();
    assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "1\n");
    body
}

#[tokio::test]
async fn calls_share_one_connection_and_watches_another() {
    let server = server(&[b"h2", b"http/1.1"], 100).await;
    let service = service(&server);
    let calls = (0..12).map(|_| send(&service, Method::GET, "/a"));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap(), "HTTP/2.0 /a");
    }
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 1);
    let _watches = [watch(&service).await, watch(&service).await];
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn watches_beyond_the_servers_streams_get_more_connections() {
    let server = server(&[b"h2"], 5).await;
    let service = service(&server);
    let mut held = Vec::new();
    for _ in 0..12 {
        held.push(watch(&service).await);
    }
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 3); // four of five streams each
    held.truncate(3);
    tokio::time::sleep(Duration::from_millis(50)).await;
    held.push(watch(&service).await);
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn http1_connections_are_used_again() {
    let server = server(&[b"http/1.1"], 100).await;
    let service = service(&server);
    for _ in 0..3 {
        assert_eq!(
            send(&service, Method::GET, "/a").await.unwrap(),
            "HTTP/1.1 /a"
        );
    }
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 1);
    let _watches = [watch(&service).await, watch(&service).await];
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 3);
    assert!(send(&service, Method::GET, "/a").await.is_ok());
    assert_eq!(server.seen.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn ended_connection_is_replaced() {
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let server = server(&[alpn], 100).await;
        let service = service(&server);
        for _ in 0..3 {
            send(&service, Method::POST, "/a").await.unwrap();
            server.seen.cut.notify_waiters();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(server.seen.connections.load(Ordering::SeqCst), 3);
    }
}

#[tokio::test]
async fn broken_read_is_sent_again_and_broken_write_is_not() {
    for alpn in [&b"h2"[..], b"http/1.1"] {
        let server = server(&[alpn], 100).await;
        let service = service(&server);
        send(&service, Method::GET, "/a").await.unwrap();
        server.seen.close_next.store(true, Ordering::SeqCst);
        send(&service, Method::GET, "/a").await.unwrap();
        assert_eq!(server.seen.requests.load(Ordering::SeqCst), 3);
        server.seen.close_next.store(true, Ordering::SeqCst);
        let error = send(&service, Method::POST, "/a")
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("broke"), "{error}");
        assert_eq!(server.seen.requests.load(Ordering::SeqCst), 4);
    }
}

#[tokio::test]
async fn servers_certificate_is_checked_unless_told_otherwise() {
    let server = server(&[b"h2"], 100).await;
    let other = rcgen::generate_simple_self_signed(vec!["api.test".to_owned()]).unwrap();
    let mut spec = spec(&server);
    let transport = Transport::default();
    spec.tls.ca = Some(other.cert.pem().as_bytes().into());
    let service = transport.service(&spec).unwrap();
    let error = send(&service, Method::GET, "/a")
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("certificate"), "{error}");
    spec.tls = TlsSpec {
        ca: Some(server.ca.as_bytes().into()),
        ..TlsSpec::default()
    };
    let service = transport.service(&spec).unwrap();
    assert!(
        send(&service, Method::GET, "/a").await.is_err(),
        "127.0.0.1 is not api.test"
    );
    spec.tls = TlsSpec {
        insecure: true,
        ..TlsSpec::default()
    };
    let service = transport.service(&spec).unwrap();
    assert!(send(&service, Method::GET, "/a").await.is_ok());
    spec.tls = TlsSpec {
        ca: Some(b"no pem"[..].into()),
        ..TlsSpec::default()
    };
    let error = transport.service(&spec).err().unwrap().to_string();
    assert!(error.contains("certificate authority"), "{error}");
}
