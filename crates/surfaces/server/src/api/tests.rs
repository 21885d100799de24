//! Requests in, answers out, with no socket.

use super::*;
use crate::fake::Fake;
use crate::row::AppRow;
use argosy_object::{Redacted, Value, json};
use http_body_util::Full;

struct Setup {
    api: Api,
    fake: Arc<Fake>,
    _stop: watch::Sender<bool>,
}

fn setup() -> Setup {
    let fake = Arc::new(Fake::default());
    let row = AppRow {
        namespace: "argocd".into(),
        name: "web".into(),
        ..AppRow::default()
    };
    fake.index.apply([row], &[]);
    let guard = Guard::new(
        "127.0.0.1:7000".parse().unwrap(),
        Redacted::new("secret".into()),
    );
    let (stop, stopped) = watch::channel(false);
    Setup {
        api: Api::new(fake.clone(), guard, stopped),
        fake,
        _stop: stop,
    }
}

fn request(method: &str, path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("host", "127.0.0.1:7000")
        .header("authorization", "Bearer secret")
        .header("content-type", "application/json")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

async fn answer(setup: &Setup, request: Request<Full<Bytes>>) -> (u16, Value) {
    let response = setup.api.handle(request).await;
    let status = response.status().as_u16();
    for name in [
        "content-security-policy",
        "x-content-type-options",
        "x-frame-options",
    ] {
        assert!(response.headers().contains_key(name), "{name}");
    }
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

#[tokio::test]
async fn lists_and_details_are_json() {
    let setup = setup();
    let (status, page) = answer(&setup, request("GET", "/api/applications?q=we", "")).await;
    assert_eq!(
        (status, &page["total"], &page["rows"][0]["name"]),
        (200, &json!(1), &json!("web"))
    );
    let (status, fleet) = answer(&setup, request("GET", "/api/fleet", "")).await;
    assert_eq!(
        (status, &fleet["totals"]["sync"]["Unknown"]),
        (200, &json!(1))
    );
    let (status, app) = answer(&setup, request("GET", "/api/applications/argocd/web", "")).await;
    assert_eq!((status, &app["row"]["name"]), (200, &json!("web")));
    let (status, _) = answer(&setup, request("GET", "/api/applications/argocd/gone", "")).await;
    assert_eq!(status, 404);
    let (status, error) = answer(&setup, request("GET", "/api/applications?sort=x", "")).await;
    assert_eq!((status, &error["error"]), (400, &json!("`x` is no sort")));
}

#[tokio::test]
async fn actions_reach_the_view_and_refusals_come_back() {
    let setup = setup();
    for (path, body, wanted) in [
        (
            "/api/applications/argocd/web/refresh",
            "{\"hard\":true}",
            200,
        ),
        ("/api/applications/argocd/web/sync", "{\"prune\":true}", 200),
        ("/api/applications/argocd/web/sync", "", 200),
        ("/api/applications/argocd/busy/sync", "{}", 409),
        ("/api/applications/argocd/web/sync", "{\"force\":true}", 400),
        ("/api/applications/argocd/web/sync", "not JSON", 400),
        ("/api/applications/argocd/web/delete", "{}", 404),
        ("/api/applications/argocd/..%2fx/sync", "{}", 404),
    ] {
        assert_eq!(
            answer(&setup, request("POST", path, body)).await.0,
            wanted,
            "{path} {body}"
        );
    }
    let asked = setup.fake.asked.lock().unwrap().clone();
    assert_eq!(
        asked,
        [
            "refresh argocd/web hard=true",
            "sync argocd/web prune=true dry=false",
            "sync argocd/web prune=false dry=false",
        ]
    );
}

#[tokio::test]
async fn foreign_pages_and_wrong_tokens_never_reach_the_view() {
    let setup = setup();
    let path = "/api/applications/argocd/web/sync";
    let with = |name: &'static str, value: &'static str| {
        let mut request = request("POST", path, "{}");
        request.headers_mut().insert(name, value.parse().unwrap());
        request
    };
    for (name, value, wanted) in [
        ("host", "rebound.example:7000", 421),
        ("origin", "http://evil.example", 403),
        ("sec-fetch-site", "cross-site", 403),
        ("authorization", "Bearer other", 401),
        ("content-type", "text/plain", 415),
    ] {
        assert_eq!(
            answer(&setup, with(name, value)).await.0,
            wanted,
            "{name}: {value}"
        );
    }
    for path in [
        "/api/fleet",
        "/api/changes",
        "/api/applications",
        "/api/nothing",
    ] {
        let mut request = request("GET", path, "");
        request.headers_mut().remove("authorization");
        assert_eq!(answer(&setup, request).await.0, 401, "{path}");
    }
    let mut page = request("GET", "/", "");
    page.headers_mut()
        .insert("host", "rebound.example".parse().unwrap());
    assert_eq!(answer(&setup, page).await.0, 421);
    let absolute = request("GET", "http://127.0.0.1:7000/api/fleet", "");
    assert_eq!(answer(&setup, absolute).await.0, 400);
    assert!(setup.fake.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn what_is_too_much_is_refused() {
    let setup = setup();
    let path = "/api/applications/argocd/web/sync";
    let large = format!("{{\"prune\":{}}}", " ".repeat(BODY_MAX));
    assert_eq!(answer(&setup, request("POST", path, &large)).await.0, 413);
    let long = format!("/api/applications?q={}", "x".repeat(TARGET_MAX));
    assert_eq!(answer(&setup, request("GET", &long, "")).await.0, 400);
    assert_eq!(answer(&setup, request("GET", path, "")).await.0, 405);
    assert_eq!(
        answer(&setup, request("POST", "/api/fleet", "")).await.0,
        405
    );
    assert_eq!(answer(&setup, request("DELETE", "/", "")).await.0, 405);
    assert_eq!(
        answer(&setup, request("GET", "/api/changes?since=x", ""))
            .await
            .0,
        400
    );
}

#[tokio::test]
async fn streams_are_counted_and_go_on_where_they_ended() {
    let setup = setup();
    let mut open = Vec::new();
    for _ in 0..STREAMS {
        open.push(setup.api.handle(request("GET", "/api/changes", "")).await);
    }
    assert_eq!(
        setup
            .api
            .handle(request("GET", "/api/changes", ""))
            .await
            .status(),
        503
    );
    open.truncate(1);
    let mut again = setup
        .api
        .handle(request("GET", "/api/changes?since=0", ""))
        .await;
    let frame = again
        .body_mut()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    assert!(
        text.starts_with("id: 1\n") && text.contains("\"name\":\"web\""),
        "{text}"
    );
    let news = AppRow {
        namespace: "argocd".into(),
        name: "new".into(),
        ..AppRow::default()
    };
    setup.fake.index.apply([news], &[]);
    let frame = again
        .body_mut()
        .frame()
        .await
        .unwrap()
        .unwrap()
        .into_data()
        .unwrap();
    let text = String::from_utf8(frame.to_vec()).unwrap();
    assert!(
        text.starts_with("id: 2\n") && text.contains("\"name\":\"new\""),
        "{text}"
    );
    assert!(!text.contains("\"name\":\"web\""), "{text}");
}
