//! A Git host that says so is heard at once, and one that cannot prove itself is not.

use crate::harness::{Fleet, Ground, commit, config_map};
use argosy::web::{Web, WebFlags};
use argosy_object::{Value, json};
use argosy_testkit::githttp::GitServer;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A push as GitLab tells of it, under the host's public name.
async fn deliver(web: &Web, token: &str, repository: &str) -> u16 {
    let body = json!({
        "object_kind": "push", "ref": "refs/heads/main",
        "project": {"web_url": repository, "git_ssh_url": ""},
    })
    .to_string();
    let address = web.address();
    let address = address.strip_prefix("http://").unwrap();
    let address = address.split('/').next().unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /api/webhook HTTP/1.1\r\nhost: argocd.example\r\nconnection: close\r\n\
         content-type: application/json\r\nx-gitlab-event: Push Hook\r\nx-gitlab-token: {token}\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

fn set(repository: &str) -> Value {
    json!({
        "apiVersion": "argoproj.io/v1alpha1", "kind": "ApplicationSet",
        "metadata": {"name": "all", "namespace": "argocd"},
        "spec": {
            "goTemplate": true,
            "generators": [{"git": {"repoURL": repository, "revision": "main",
                "directories": [{"path": "apps/*"}]}}],
            "template": {
                "metadata": {"name": "{{.path.basename}}"},
                "spec": {
                    "project": "default",
                    "source": {"repoURL": repository, "targetRevision": "main",
                        "path": "{{.path.path}}"},
                    "destination": {"name": "eu-1", "namespace": "default"},
                    "syncPolicy": {"automated": {}},
                },
            },
        },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_told_by_webhook_syncs_and_generates_without_the_poll() {
    let fleet = Fleet::start_with(Ground::Embedded, "webhook", &["eu-1"], |settings| {
        settings.git.interval = Some(Duration::from_hours(1));
    })
    .await
    .unwrap();
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "argocd-secret", "namespace": "argocd",
            "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "stringData": {"webhook.gitlab.secret": "$hooks:gitlab"},
    });
    fleet.create(secret).await;
    let hooks = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "hooks", "namespace": "argocd",
            "labels": {"app.kubernetes.io/part-of": "argocd"}},
        "stringData": {"gitlab": "t0ken"},
    });
    fleet.create(hooks).await;
    let flags = WebFlags {
        web_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        no_web: false,
    };
    let web = Web::start(&flags, &fleet.running().controllers)
        .await
        .unwrap()
        .unwrap();
    let repository = fleet.repository("shop", &[("apps/one/map.yaml", &config_map("one", "v1"))]);
    let server = GitServer::start(&fleet.git, None);
    let url = format!("{}/shop", server.url);
    fleet.create(set(&url)).await;
    fleet.config_map("eu-1", "one", Some("v1")).await;

    commit(
        &repository,
        &[
            ("apps/one/map.yaml", &config_map("one", "v2")),
            ("apps/two/map.yaml", &config_map("two", "v1")),
        ],
    );
    // As the host spells it: without our port, with `.git` and in other cases.
    let spelt = "HTTPS://127.0.0.1/Shop.git";
    let looks = server.fetches();
    assert_eq!(deliver(&web, "wrong", spelt).await, 400);
    assert_eq!(deliver(&web, "t0ken", "https://127.0.0.1/other").await, 200);
    assert_eq!(server.fetches(), looks);
    assert_eq!(deliver(&web, "t0ken", spelt).await, 200);
    fleet.config_map("eu-1", "one", Some("v2")).await;
    fleet.config_map("eu-1", "two", Some("v1")).await;
    web.stop().await;
    fleet.stop().await;
}
