//! Certificates and proxies, with real TLS and real proxies on loopback.

use crate::world::World;
use argosy_git::{Credentials, Proxies};
use argosy_object::{Class, Classified, Object, Value, json};
use argosy_ports::{Artifact, SourceError, SourceErrorKind, Sources};
use argosy_testkit::githttp::GitServer;
use argosy_testkit::proxy::Proxy;
use argosy_testkit::tls::{Authority, server};

fn secret(data: Value) -> Credentials {
    let secret = Object::new(json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "net", "namespace": "argocd",
            "labels": {"argocd.argoproj.io/secret-type": "repository"}},
        "stringData": data,
    }));
    let (credentials, faults) = Credentials::of([&secret.unwrap()]);
    assert!(faults.is_empty(), "{faults:?}");
    credentials
}

/// A look anew, with these credentials.
async fn look(world: &World, url: &str, with: Credentials) -> Result<Artifact, SourceError> {
    world.sources.set_credentials(with);
    let repo = world.sources.repo(url, "default");
    world.sources.probe(&repo).await?;
    world.resolve(&repo, "main").await
}

#[tokio::test]
async fn a_hosts_own_authority_is_trusted_and_others_are_not() {
    let world = World::new();
    world.make("app.git");
    let (authority, other) = (Authority::default(), Authority::default());
    let identity = authority.issue(&["127.0.0.1"]);
    let git = GitServer::start_tls(&world.repos(), server(&identity, None));
    let url = format!("{}/app.git", git.url);
    let with = |host: &str, pem: &str| Credentials::default().with_authority(host, pem);

    let error = look(&world, &url, Credentials::default())
        .await
        .unwrap_err();
    assert_eq!(error.class(), Class::Denied, "{error}");
    let hint = error.hint.unwrap();
    assert!(hint.contains("argocd-tls-certs-cm"), "{hint}");
    assert!(hint.contains("`127.0.0.1`"), "{hint}");
    let wrong = with("127.0.0.1", other.pem());
    assert!(look(&world, &url, wrong).await.is_err());
    let elsewhere = with("127.0.0.2", authority.pem());
    assert!(look(&world, &url, elsewhere).await.is_err());

    let artifact = look(&world, &url, with("127.0.0.1", authority.pem())).await;
    let artifact = artifact.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    let lax = secret(json!({"url": url, "insecure": "true"}));
    look(&world, &url, lax).await.unwrap();
}

#[tokio::test]
async fn a_certificate_of_another_name_is_refused() {
    let world = World::new();
    world.make("app.git");
    let authority = Authority::default();
    let identity = authority.issue(&["other.example"]);
    let git = GitServer::start_tls(&world.repos(), server(&identity, None));
    let url = format!("{}/app.git", git.url);
    let trusting = Credentials::default().with_authority("127.0.0.1", authority.pem());
    let error = look(&world, &url, trusting).await.unwrap_err();
    assert!(error.message.contains("certificate"), "{error}");
}

#[tokio::test]
async fn a_client_certificate_opens_a_server_that_asks_for_one() {
    let world = World::new();
    world.make("app.git");
    let (servers, clients) = (Authority::default(), Authority::default());
    let identity = servers.issue(&["127.0.0.1"]);
    let git = GitServer::start_tls(&world.repos(), server(&identity, Some(&clients)));
    let url = format!("{}/app.git", git.url);
    let with = |data: Value| secret(data).with_authority("127.0.0.1", servers.pem());
    let none = with(json!({"url": url}));
    look(&world, &url, none).await.unwrap_err();
    let own = clients.issue(&["argosy"]);
    let stranger = Authority::default().issue(&["argosy"]);
    let of = |identity: &argosy_testkit::tls::Identity| json!({"url": url, "tlsClientCertData": identity.cert, "tlsClientCertKey": identity.key});
    look(&world, &url, with(of(&stranger))).await.unwrap_err();
    let artifact = look(&world, &url, with(of(&own))).await.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    let broken = with(json!({"url": url, "tlsClientCertData": "no PEM", "tlsClientCertKey": "x"}));
    let error = look(&world, &url, broken).await.unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unsupported, "{error}");
    assert!(error.hint.unwrap().contains("argocd/net"));
}

#[tokio::test]
async fn every_kind_of_proxy_is_passed_with_its_login() {
    let world = World::new();
    world.make("app.git");
    let git = GitServer::start(&world.repos(), Some(("bot", "s3cret")));
    let proxy = Proxy::start(&[("forge.test", git.address)], "me", "pr0xy");
    let url = "http://forge.test/app.git";
    let with = |proxy: String| {
        secret(json!({"url": url, "username": "bot", "password": "s3cret", "proxy": proxy}))
    };
    for (scheme, how) in [("http", "CONNECT"), ("socks5", "SOCKS")] {
        let asked = proxy.asked().len();
        let right = format!("{scheme}://me:pr0xy@{}", proxy.address());
        let artifact = look(&world, url, with(right)).await.unwrap();
        assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
        assert_eq!(proxy.asked()[asked], format!("{how} forge.test:80"));
        let wrong = format!("{scheme}://me:hunter2@{}", proxy.address());
        let error = look(&world, url, with(wrong)).await.unwrap_err();
        assert!(!error.message.contains("hunter2"), "{error}");
    }
}

#[tokio::test]
async fn tls_goes_through_a_proxy_to_its_end() {
    let world = World::new();
    world.make("app.git");
    let authority = Authority::default();
    let identity = authority.issue(&["forge.test"]);
    let git = GitServer::start_tls(&world.repos(), server(&identity, None));
    let proxy = Proxy::start(&[("forge.test", git.address)], "me", "pr0xy");
    let url = "https://forge.test/app.git";
    let via = format!("http://me:pr0xy@{}", proxy.address());
    let with =
        secret(json!({"url": url, "proxy": via})).with_authority("forge.test", authority.pem());
    let artifact = look(&world, url, with).await.unwrap();
    assert_eq!(world.read(&artifact, "a/app.yaml").await, "v: 1\n");
    assert_eq!(proxy.asked()[0], "CONNECT forge.test:443");
}

#[tokio::test]
async fn the_process_proxy_counts_where_the_secret_names_none() {
    let server_world = World::new();
    server_world.make("app.git");
    let git = GitServer::start(&server_world.repos(), None);
    let hosts = [("forge.test", git.address), ("direct.test", git.address)];
    let proxy = Proxy::start(&hosts, "me", "pr0xy");
    let world = World::with(|settings| {
        settings.proxies = Proxies {
            http: format!("http://me:pr0xy@{}", proxy.address()),
            https: String::new(),
            none_for: "direct.test".into(),
        };
    });
    let none = Credentials::default;
    look(&world, "http://forge.test/app.git", none())
        .await
        .unwrap();
    assert_eq!(proxy.asked()[0], "CONNECT forge.test:80");
    let asked = proxy.asked().len();
    // Nobody else knows this name, so the way past the proxy ends.
    let error = look(&world, "http://direct.test/app.git", none())
        .await
        .unwrap_err();
    assert_eq!(error.kind, SourceErrorKind::Unreachable, "{error}");
    // Loopback needs no proxy.
    look(&world, &format!("{}/app.git", git.url), none())
        .await
        .unwrap();
    assert_eq!(proxy.asked().len(), asked);
}
