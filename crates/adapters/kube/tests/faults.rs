//! A server that is down, slow, or answers nonsense, behind a real socket: each becomes an error
//! that says what is wrong with which cluster, in bounded time and memory.
#![allow(clippy::unwrap_used)] // a test's helpers may panic too

use argosy_kube::spec::{ClusterSpec, Credential, Scope, TlsSpec};
use argosy_kube::{Client, Limits, Transport};
use argosy_object::Gvk;
use argosy_ports::{Api, ApiError, ApiErrorKind, ListOptions, Resource, WatchOptions};
use futures_util::StreamExt as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

/// What a server does with each connection, once it has read a request.
#[derive(Clone)]
enum Manner {
    /// Sends this, and ends.
    Says(String),
    /// Sends this, tells, and keeps silent.
    Stops(String, Arc<Notify>),
    /// Sends the head of a watch, and then one line without an end.
    Endless,
}

async fn serve(manner: Manner) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            tokio::spawn(behave(socket, manner.clone()));
        }
    });
    url
}

async fn behave(mut socket: TcpStream, manner: Manner) {
    let mut request = vec![];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        if socket.read_buf(&mut request).await.unwrap_or(0) == 0 {
            return;
        }
    }
    match manner {
        Manner::Says(text) => {
            let _ = socket.write_all(text.as_bytes()).await;
        }
        Manner::Stops(text, told) => {
            let _ = socket.write_all(text.as_bytes()).await;
            told.notify_one();
            std::future::pending::<()>().await;
        }
        Manner::Endless => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n";
            let _ = socket.write_all(head.as_bytes()).await;
            let piece = vec![b'x'; 1 << 20];
            while socket.write_all(&piece).await.is_ok() {}
        }
    }
}

fn answer(code: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {code} Said\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn status(code: u16, reason: &str) -> String {
    let body = format!(
        r#"{{"kind":"Status","apiVersion":"v1","status":"Failure","message":"no: {reason}","reason":"{reason}","code":{code},"details":{{"name":"x","retryAfterSeconds":7}}}}"#
    );
    answer(code, &body)
}

fn client(url: &str) -> Client {
    let limits = Limits {
        connect: Duration::from_millis(500),
        answer: Duration::from_millis(500),
        watch_answer: Duration::from_millis(500),
        ..Limits::default()
    };
    let spec = ClusterSpec {
        name: "test".into(),
        server: url.into(),
        tls: TlsSpec::default(),
        credential: Credential::None,
        scope: Scope::default(),
    };
    Client::connect(&Transport::new(limits), &spec).unwrap()
}

fn config_maps() -> Resource {
    Resource::new(Gvk::new("", "v1", "ConfigMap"), "configmaps", true)
}

async fn list(url: &str) -> ApiError {
    let client = client(url);
    let listed = client.list(&config_maps(), &ListOptions::default()).await;
    listed.expect_err("no list comes of this")
}

async fn says(text: String) -> ApiError {
    list(&serve(Manner::Says(text)).await).await
}

#[tokio::test]
async fn every_refusal_has_its_kind_and_keeps_its_words() {
    for (code, reason, kind) in [
        (401, "Unauthorized", ApiErrorKind::Unauthorized),
        (403, "Forbidden", ApiErrorKind::Forbidden),
        (409, "Conflict", ApiErrorKind::Conflict),
        (409, "AlreadyExists", ApiErrorKind::AlreadyExists),
        (410, "Expired", ApiErrorKind::Expired),
        (422, "Invalid", ApiErrorKind::Invalid),
        (429, "TooManyRequests", ApiErrorKind::Busy),
        (500, "InternalError", ApiErrorKind::Busy),
        (503, "ServiceUnavailable", ApiErrorKind::Busy),
        (507, "InsufficientStorage", ApiErrorKind::Busy),
    ] {
        let error = says(status(code, reason)).await;
        assert_eq!((error.kind, error.code), (kind, code), "{reason}");
        assert_eq!(error.message, format!("no: {reason}"));
        assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
    }
}

#[tokio::test]
async fn page_of_a_proxy_is_quoted() {
    let error = says(answer(502, "<html><h1>Bad Gateway</h1></html>")).await;
    assert_eq!(error.kind, ApiErrorKind::Busy);
    assert!(error.message.contains("<h1>Bad Gateway</h1>"), "{error}");
}

#[tokio::test]
async fn answers_that_are_no_lists_are_errors_that_name_the_cluster() {
    let half = r#"{"kind":"ConfigMapList","items":[{"metadata":{"na"#;
    for body in ["<html>Sign in</html>", half, "", "\u{0}\u{1}"] {
        let url = serve(Manner::Says(answer(200, body))).await;
        let error = list(&url).await;
        assert_eq!(error.kind, ApiErrorKind::Unreachable, "{body}");
        assert!(error.message.contains(&url), "{error}");
    }
}

#[tokio::test]
async fn answer_that_breaks_off_is_no_shorter_answer() {
    let whole = r#"{"kind":"ConfigMapList","metadata":{},"items":[]}"#;
    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{whole}");
    let error = says(text).await;
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
}

#[tokio::test]
async fn port_that_nobody_listens_on_is_told_with_its_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = list(&url).await;
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert!(
        error.message.contains("cannot connect to `127.0.0.1:"),
        "{error}"
    );
}

#[tokio::test]
async fn server_that_never_answers_costs_the_limit_and_then_nothing() {
    let url = serve(Manner::Stops(String::new(), Arc::default())).await;
    let client = client(&url);
    for _ in 0..3 {
        let options = ListOptions::default();
        let error = client.list(&config_maps(), &options).await.unwrap_err();
        assert!(error.message.contains("did not answer within"), "{error}");
    }
    let begun = tokio::time::Instant::now();
    tokio::time::pause();
    let options = ListOptions::default();
    let error = client.list(&config_maps(), &options).await.unwrap_err();
    assert!(error.message.contains("did not answer within"), "{error}");
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "it is not asked"
    );
}

#[tokio::test]
async fn answer_that_stops_in_the_middle_ends_after_a_minute_of_silence() {
    let told = Arc::new(Notify::new());
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{\"items\":[";
    let url = serve(Manner::Stops(text.into(), told.clone())).await;
    let asked = tokio::spawn(async move { list(&url).await });
    told.notified().await;
    tokio::time::pause();
    let error = asked.await.unwrap();
    assert_eq!(error.kind, ApiErrorKind::Unreachable);
    assert!(error.message.contains("was silent for 60 s"), "{error}");
}

#[tokio::test]
async fn enormous_answer_is_refused_before_it_is_read() {
    let told = Arc::new(Notify::new());
    let text = "HTTP/1.1 200 OK\r\ncontent-length: 1000000000000\r\n\r\n{";
    let url = serve(Manner::Stops(text.into(), told)).await;
    let error = list(&url).await;
    assert_eq!(error.kind, ApiErrorKind::Unsupported);
    assert!(error.message.contains("is over 268435456 bytes"), "{error}");
}

#[tokio::test]
async fn watch_event_without_an_end_is_refused_at_its_limit() {
    let client = client(&serve(Manner::Endless).await);
    let options = WatchOptions {
        from: Some("1".into()),
        ..WatchOptions::default()
    };
    let mut events = client.watch(&config_maps(), &options).await.unwrap();
    let error = events.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind, ApiErrorKind::Unsupported);
    assert!(error.message.contains("is over 33554432 bytes"), "{error}");
    assert!(events.next().await.is_none());
}
