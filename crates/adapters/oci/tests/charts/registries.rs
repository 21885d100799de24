//! Registries that lie, ask for logins, or never end.

use crate::material::{hex, packed};
use argosy_oci::{ChartError, Login, Reference, Registry, RegistryAccess};
use argosy_testkit::web::{Asked, Reply, WebServer};
use std::sync::{Arc, OnceLock};

const CONFIG: &str = "application/vnd.cncf.helm.config.v1+json";
const CHART: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

fn registry(server: &WebServer) -> Registry {
    Registry::new(RegistryAccess {
        host: server.host().into(),
        is_plain_http: true,
        ..RegistryAccess::default()
    })
}

fn with_login(server: &WebServer) -> Registry {
    Registry::new(RegistryAccess {
        host: server.host().into(),
        is_plain_http: true,
        login: Login {
            username: "ann".into(),
            password: "secret".to_owned().into(),
            ..Login::default()
        },
        ..RegistryAccess::default()
    })
}

fn reference(server: &WebServer, rest: &str) -> Reference {
    Reference::parse(&format!("{}/charts/web{rest}", server.host())).unwrap()
}

fn manifest(digest: &str, size: usize) -> String {
    format!(
        "{{\"schemaVersion\":2,\"config\":{{\"mediaType\":\"{CONFIG}\",\"digest\":\"sha256:{}\",\
         \"size\":2}},\"layers\":[{{\"mediaType\":\"{CHART}\",\"digest\":\"{digest}\",\
         \"size\":{size}}}]}}",
        hex(b"{}")
    )
}

/// Serves one manifest and one blob, whatever is asked for.
fn lying(manifest: String, blob: Vec<u8>) -> WebServer {
    WebServer::start(move |asked| {
        if asked.target.contains("/manifests/") {
            Reply::ok(manifest.clone())
        } else {
            Reply::ok(blob.clone())
        }
    })
}

#[test]
fn what_is_smaller_larger_or_other_than_told_is_refused() {
    let data = packed("web", "1.0.0");
    let digest = format!("sha256:{}", hex(&data));
    let pull = |server: &WebServer| registry(server).pull(&reference(server, ":1.0.0"), false);
    let honest = lying(manifest(&digest, data.len()), data.clone());
    assert_eq!(pull(&honest).unwrap().archive, data);
    let other = lying(manifest(&digest, data.len()), vec![0; data.len()]);
    assert!(matches!(
        pull(&other).unwrap_err(),
        ChartError::Digest { .. }
    ));
    let longer = lying(manifest(&digest, data.len() - 1), data.clone());
    assert!(
        pull(&longer)
            .unwrap_err()
            .to_string()
            .contains("is larger than")
    );
    let huge = lying(manifest(&digest, 200 << 20), data.clone());
    assert!(matches!(pull(&huge).unwrap_err(), ChartError::Limit { .. }));
    let path = lying(manifest("sha256:../../../../v2/other", 2), data.clone());
    assert!(matches!(
        pull(&path).unwrap_err(),
        ChartError::Malformed { .. }
    ));
    let no_chart = lying("{\"layers\": []}".into(), data);
    let error = pull(&no_chart).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("could not load config with mediatype"),
        "{error}"
    );
}

#[test]
fn a_manifest_must_have_the_digest_it_was_asked_for_by() {
    let data = packed("web", "1.0.0");
    let manifest = manifest(&format!("sha256:{}", hex(&data)), data.len());
    let right = format!("@sha256:{}", hex(manifest.as_bytes()));
    let server = lying(manifest, data);
    assert!(
        registry(&server)
            .pull(&reference(&server, &right), false)
            .is_ok()
    );
    let wrong = format!("@sha256:{}", "0".repeat(64));
    let error = registry(&server)
        .pull(&reference(&server, &wrong), false)
        .unwrap_err();
    assert!(matches!(error, ChartError::Digest { .. }), "{error}");
}

#[test]
fn lists_of_tags_are_followed_page_by_page_and_end() {
    let pages = WebServer::start(|asked| match asked.target.as_str() {
        "/v2/charts/web/tags/list" => Reply::ok(r#"{"tags": ["1.0.0"]}"#).with(
            "link",
            "</v2/charts/web/tags/list?last=1.0.0>; rel=\"next\"",
        ),
        _ => Reply::ok(r#"{"tags": ["2.0.0"]}"#),
    });
    let tags = registry(&pages).tags(&reference(&pages, "")).unwrap();
    assert_eq!(tags, ["1.0.0", "2.0.0"]);

    let endless = WebServer::start(|asked| {
        let next = asked.target.split("?last=").nth(1).unwrap_or("0");
        let next: u64 = next.parse::<u64>().unwrap() + 1;
        let link = format!("</v2/charts/web/tags/list?last={next}>; rel=\"next\"");
        Reply::ok(r#"{"tags": ["1.0.0"]}"#).with("link", &link)
    });
    let error = registry(&endless)
        .tags(&reference(&endless, ""))
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("pages of tags is over the limit"),
        "{error}"
    );

    let elsewhere = WebServer::start(|_| {
        Reply::ok(r#"{"tags": ["1.0.0"]}"#).with("link", "<http://127.0.0.1:1/x>; rel=\"next\"")
    });
    let error = registry(&elsewhere)
        .tags(&reference(&elsewhere, ""))
        .unwrap_err();
    assert!(error.to_string().contains("on another host"), "{error}");

    let many = format!("{{\"tags\": [{}\"1.0.0\"]}}", "\"1.0.0\",".repeat(150_000));
    let many = WebServer::start(move |_| Reply::ok(many.clone()));
    let error = registry(&many).tags(&reference(&many, "")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("number of tags is over the limit"),
        "{error}"
    );
}

/// A registry that takes tokens of a service beside it.
fn with_tokens() -> (Arc<WebServer>, WebServer) {
    let service = Arc::new(WebServer::start(|asked: &Asked| {
        if asked.header("authorization") == "Basic YW5uOnNlY3JldA==" {
            Reply::ok(r#"{"token": "good", "expires_in": 300}"#)
        } else {
            Reply::status(401, r#"{"errors": [{"code": "DENIED", "message": "no"}]}"#)
        }
    }));
    let realm = format!("{}/token", service.url);
    let server = WebServer::start(move |asked| {
        if asked.header("authorization") == "Bearer good" {
            return Reply::ok(r#"{"tags": ["1.0.0"]}"#);
        }
        let challenge = format!(
            "Bearer realm=\"{realm}\",service=\"here\",scope=\"repository:charts/web:pull\""
        );
        Reply::status(401, "").with("www-authenticate", &challenge)
    });
    (service, server)
}

#[test]
fn tokens_are_fetched_once_and_their_service_alone_sees_the_password() {
    let (service, server) = with_tokens();
    let registry = with_login(&server);
    for _ in 0..3 {
        assert_eq!(registry.tags(&reference(&server, "")).unwrap(), ["1.0.0"]);
    }
    let asked = service.asked();
    assert_eq!(asked.len(), 1, "{asked:?}");
    assert_eq!(
        asked[0].target,
        "/token?service=here&scope=repository%3Acharts%2Fweb%3Apull"
    );
    let seen = server.asked();
    assert!(
        seen.iter()
            .all(|asked| !asked.header("authorization").starts_with("Basic"))
    );
}

#[test]
fn without_a_login_the_failure_is_told() {
    let (_service, server) = with_tokens();
    let error = registry(&server).tags(&reference(&server, "")).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("response status code 401: denied: no"),
        "{error}"
    );
}

#[test]
fn blobs_may_lie_elsewhere_and_get_no_login_there() {
    let data = packed("web", "1.0.0");
    let manifest = manifest(&format!("sha256:{}", hex(&data)), data.len());
    let store = Arc::new(WebServer::start(move |_| Reply::ok(data.clone())));
    let place = format!("{}/blob", store.url);
    let server = WebServer::start(move |asked| {
        if asked.header("authorization").is_empty() {
            Reply::status(401, "").with("www-authenticate", "Basic realm=\"x\"")
        } else if asked.target.contains("/manifests/") {
            Reply::ok(manifest.clone())
        } else {
            Reply::status(307, "").with("location", &place)
        }
    });
    with_login(&server)
        .pull(&reference(&server, ":1.0.0"), false)
        .unwrap();
    let asked = store.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].header("authorization"), "");
}

#[test]
fn a_registry_of_this_machine_is_found_to_speak_plain_http() {
    static DATA: OnceLock<Vec<u8>> = OnceLock::new();
    let data = DATA.get_or_init(|| packed("web", "1.0.0"));
    let server = lying(
        manifest(&format!("sha256:{}", hex(data)), data.len()),
        data.clone(),
    );
    let registry = Registry::new(RegistryAccess {
        host: server.host().into(),
        ..RegistryAccess::default()
    });
    assert!(registry.pull(&reference(&server, ":1.0.0"), false).is_ok());
}
