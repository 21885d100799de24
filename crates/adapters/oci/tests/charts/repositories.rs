//! Chart repositories over HTTP, and what a bad one may try.

use crate::material::{Entry, hex, index, packed};
use argosy_oci::{ChartError, ChartRepository, RepositoryAccess};
use argosy_testkit::web::{Asked, Content, Reply, WebServer};
use std::sync::Arc;

fn repository(url: &str) -> ChartRepository {
    ChartRepository::new(RepositoryAccess {
        url: url.into(),
        ..RepositoryAccess::default()
    })
    .unwrap()
}

fn with_login(url: &str, pass_credentials: bool) -> ChartRepository {
    ChartRepository::new(RepositoryAccess {
        url: url.into(),
        username: "ann".into(),
        password: "secret".to_owned().into(),
        pass_credentials,
        ..RepositoryAccess::default()
    })
    .unwrap()
}

/// Serves an index and an archive, the archive from `archive_url`.
fn serve(archive_url: &str, digest: &str) -> WebServer {
    let entry = Entry {
        name: "web",
        version: "1.0.0",
        url: archive_url,
        digest,
    };
    let index = index(&[entry]);
    let archive = packed("web", "1.0.0");
    WebServer::start(move |asked| match asked.target.as_str() {
        "/charts/index.yaml" => Reply::ok(index.clone()),
        "/charts/web-1.0.0.tgz" => Reply::ok(archive.clone()),
        _ => Reply::status(404, ""),
    })
}

fn archive(repository: &ChartRepository) -> Result<Vec<u8>, ChartError> {
    let index = repository.index()?;
    repository.archive(index.find("web", "").unwrap(), "web")
}

#[test]
fn archives_are_fetched_by_relative_urls_and_checked() {
    let data = packed("web", "1.0.0");
    for digest in [String::new(), hex(&data), format!("sha256:{}", hex(&data))] {
        let server = serve("web-1.0.0.tgz", &digest);
        let found = archive(&repository(&format!("{}/charts", server.url))).unwrap();
        assert_eq!(found, data);
    }
}

#[test]
fn another_archive_than_the_index_tells_is_refused() {
    let server = serve("web-1.0.0.tgz", &hex(b"something else"));
    let error = archive(&repository(&format!("{}/charts/", server.url))).unwrap_err();
    assert!(matches!(error, ChartError::Digest { .. }), "{error}");
    assert!(
        error.to_string().contains("the repository's index says"),
        "{error}"
    );
}

#[test]
fn failures_read_as_helm_tells_them() {
    let server = serve("none.tgz", "");
    let url = format!("{}/charts", server.url);
    let error = archive(&repository(&url)).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("failed to fetch {url}/none.tgz : 404 Not Found")
    );
    let error = repository("http://127.0.0.1:1/x").index().unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("Get \"http://127.0.0.1:1/x/index.yaml\": "),
        "{error}"
    );
}

/// Where the archive lies on another host, and which login it got.
fn login_at_other_host(pass_credentials: bool, is_redirect: bool) -> Vec<Asked> {
    let data = packed("web", "1.0.0");
    let other = Arc::new(WebServer::start(move |_| Reply::ok(data.clone())));
    let elsewhere = format!("{}/web-1.0.0.tgz", other.url);
    let first = if is_redirect {
        let elsewhere = elsewhere.clone();
        let index = index(&[Entry {
            name: "web",
            version: "1.0.0",
            url: "web-1.0.0.tgz",
            digest: "",
        }]);
        WebServer::start(move |asked| match asked.target.as_str() {
            "/charts/index.yaml" => Reply::ok(index.clone()),
            _ => Reply::status(302, "").with("location", &elsewhere),
        })
    } else {
        serve(&elsewhere, "")
    };
    let url = format!("{}/charts", first.url);
    archive(&with_login(&url, pass_credentials)).unwrap();
    let own = first.asked();
    assert!(
        own.iter()
            .all(|asked| !asked.header("authorization").is_empty())
    );
    other.asked()
}

#[test]
fn logins_stay_with_their_host_unless_they_are_to_be_passed() {
    for is_redirect in [false, true] {
        let asked = login_at_other_host(false, is_redirect);
        assert_eq!(asked.len(), 1);
        assert_eq!(asked[0].header("authorization"), "", "{is_redirect}");
        let asked = login_at_other_host(true, is_redirect);
        assert!(asked[0].header("authorization").starts_with("Basic "));
    }
}

#[test]
fn redirects_in_a_circle_and_to_files_end() {
    let circle = WebServer::start(|_| Reply::status(302, "").with("location", "/again"));
    let error = repository(&circle.url).index().unwrap_err();
    assert!(
        error.to_string().contains("stopped after 10 redirects"),
        "{error}"
    );
    assert_eq!(circle.asked().len(), 11);
    let out = WebServer::start(|_| Reply::status(302, "").with("location", "file:///etc/passwd"));
    let error = repository(&out.url).index().unwrap_err();
    assert!(error.to_string().contains("not followed"), "{error}");
}

#[test]
fn endless_and_broken_bodies_end_in_an_error() {
    let line = format!("# {}\n", "x".repeat(62)).repeat(16 << 10);
    let endless = WebServer::start(move |_| Reply {
        status: 200,
        headers: Vec::new(),
        body: Content::Endless(line.clone().into_bytes()),
    });
    let error = repository(&endless.url).index().unwrap_err();
    assert!(
        error.to_string().contains("is larger than 134217728 bytes"),
        "{error}"
    );
    let cut = WebServer::start(|_| Reply {
        status: 200,
        headers: Vec::new(),
        body: Content::Cut(b"apiVersion: v1\n".to_vec()),
    });
    assert!(matches!(
        repository(&cut.url).index().unwrap_err(),
        ChartError::Fetch(_)
    ));
}

#[test]
fn an_archive_beyond_the_limit_is_not_read_to_its_end() {
    let index = index(&[Entry {
        name: "web",
        version: "1.0.0",
        url: "web.tgz",
        digest: "",
    }]);
    let server = WebServer::start(move |asked| match asked.target.as_str() {
        "/index.yaml" => Reply::ok(index.clone()),
        _ => Reply {
            status: 200,
            headers: Vec::new(),
            body: Content::Endless(vec![7; 1 << 20]),
        },
    });
    let error = archive(&repository(&server.url)).unwrap_err();
    assert!(
        error.to_string().contains("is larger than 104857600 bytes"),
        "{error}"
    );
}
