//! One delivery of each host, written by hand after what the hosts document.

use super::super::proof::signature;
use super::*;
use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

fn headers(all: &[(&str, &str)]) -> HeaderMap {
    all.iter()
        .map(|(name, value)| {
            (
                name.parse::<HeaderName>().unwrap(),
                HeaderValue::from_str(value).unwrap(),
            )
        })
        .collect()
}

const GITHUB: &str = r#"{"ref":"refs/heads/main","before":"0","after":"1","repository":{
    "html_url":"https://github.example/org/app","clone_url":"https://github.example/org/app.git",
    "ssh_url":"git@github.example:org/app.git","default_branch":"main"},
    "commits":[{"added":["a"],"modified":[],"removed":[]}]}"#;
const GITLAB: &str = r#"{"object_kind":"push","event_name":"push","ref":"refs/heads/main",
    "project":{"web_url":"https://gitlab.example/team/app",
    "git_http_url":"https://gitlab.example/team/app.git",
    "git_ssh_url":"git@gitlab.example:team/app.git","default_branch":"main"}}"#;
const BITBUCKET: &str = r#"{"push":{"changes":[]},"repository":{"full_name":"team/app",
    "links":{"html":{"href":"https://bitbucket.example/team/app"}}}}"#;
const BITBUCKET_SERVER: &str = r#"{"eventKey":"repo:refs_changed","repository":{"links":{"clone":[
    {"href":"ssh://git@bb.example:7999/team/app.git","name":"ssh"},
    {"href":"https://bb.example/scm/team/app.git","name":"http"}],"self":[{"href":"x"}]}},
    "changes":[]}"#;
const AZURE: &str = r#"{"eventType":"git.push","resource":{"refUpdates":[],"repository":{
    "remoteUrl":"https://dev.azure.example/org/project/_git/app"}}}"#;

fn secrets() -> WebhookSecrets {
    let secret = || Redacted::new("s3cret".to_owned());
    WebhookSecrets {
        github: secret(),
        gitlab: secret(),
        gogs: secret(),
        bitbucket: secret(),
        bitbucket_server: secret(),
        azure_user: secret(),
        azure_password: secret(),
    }
}

/// Headers that prove a delivery.
type Proof = Vec<(&'static str, String)>;

/// The host, its body, the headers that say what it is, and those that prove it.
fn deliveries() -> Vec<(Host, &'static str, HeaderMap, Proof)> {
    let signed = |body: &str| signature("s3cret", body.as_bytes());
    let azure = base64::engine::general_purpose::STANDARD.encode("s3cret:s3cret");
    vec![
        (
            Host::GitHub,
            GITHUB,
            headers(&[("x-github-event", "push")]),
            vec![("x-hub-signature-256", format!("sha256={}", signed(GITHUB)))],
        ),
        (
            Host::Gogs,
            GITHUB,
            headers(&[("x-gogs-event", "push"), ("x-github-event", "push")]),
            vec![("x-gogs-signature", signed(GITHUB))],
        ),
        (
            Host::Gogs,
            GITHUB,
            headers(&[("x-gitea-event", "push"), ("x-github-event", "push")]),
            vec![("x-gitea-signature", signed(GITHUB))],
        ),
        (
            Host::GitLab,
            GITLAB,
            headers(&[("x-gitlab-event", "Push Hook")]),
            vec![("x-gitlab-token", "s3cret".into())],
        ),
        (
            Host::GitLab,
            GITLAB,
            headers(&[("x-gitlab-event", "System Hook")]),
            vec![("x-gitlab-token", "s3cret".into())],
        ),
        (
            Host::Bitbucket,
            BITBUCKET,
            headers(&[("x-event-key", "repo:push")]),
            vec![("x-hook-uuid", "s3cret".into())],
        ),
        (
            Host::BitbucketServer,
            BITBUCKET_SERVER,
            headers(&[("x-event-key", "repo:refs_changed")]),
            vec![(
                "x-hub-signature",
                format!("sha256={}", signed(BITBUCKET_SERVER)),
            )],
        ),
        (
            Host::AzureDevOps,
            AZURE,
            headers(&[("x-vss-activityid", "7")]),
            vec![("authorization", format!("Basic {azure}"))],
        ),
    ]
}

#[test]
fn a_push_of_every_host_is_read_with_all_urls() {
    for (host, body, mut headers, proof) in deliveries() {
        for (name, value) in &proof {
            headers.insert(*name, value.parse().unwrap());
        }
        assert_eq!(Host::of(&headers), Some(host));
        host.check(&headers, body.as_bytes(), &secrets()).unwrap();
        let Event::Push(urls) = host.read(&headers, body.as_bytes()).unwrap() else {
            panic!("{host:?} pushes");
        };
        assert!(urls[0].contains("/app"), "{urls:?}");
        assert!(urls.iter().all(|url| url.contains("example")), "{urls:?}");
    }
}

#[test]
fn without_a_secret_a_delivery_is_believed_and_with_one_it_must_prove_itself() {
    for (host, body, headers, proof) in deliveries() {
        let body = body.as_bytes();
        host.check(&headers, body, &WebhookSecrets::default())
            .unwrap();
        assert!(host.check(&headers, body, &secrets()).is_err(), "{host:?}");
        for (name, value) in proof {
            let mut wrong = headers.clone();
            wrong.insert(name, value.replace(['c', '3', 'A'], "0").parse().unwrap());
            assert!(host.check(&wrong, body, &secrets()).is_err(), "{host:?}");
            // Twice is not once.
            let mut twice = headers.clone();
            twice.append(name, value.parse().unwrap());
            twice.append(name, value.parse().unwrap());
            assert!(host.check(&twice, body, &secrets()).is_err(), "{host:?}");
        }
    }
}

#[test]
fn pings_and_other_events_are_no_push() {
    for (host, name, event) in [
        (Host::GitHub, "x-github-event", "ping"),
        (Host::GitHub, "x-github-event", "issues"),
        (Host::Gogs, "x-gitea-event", "issues"),
        (Host::GitLab, "x-gitlab-event", "Note Hook"),
        (Host::Bitbucket, "x-event-key", "repo:fork"),
        (Host::BitbucketServer, "x-event-key", "diagnostics:ping"),
    ] {
        let read = host.read(&headers(&[(name, event)]), b"{}");
        assert_eq!(read, Ok(Event::Other), "{event}");
    }
    let azure = Host::AzureDevOps.read(&HeaderMap::new(), br#"{"eventType":"build.complete"}"#);
    assert_eq!(azure, Ok(Event::Other));
    assert_eq!(Host::of(&headers(&[("user-agent", "curl")])), None);
}

#[test]
fn what_is_no_push_of_json_is_refused_without_a_word_of_it() {
    for body in [
        "",
        "hunter2",
        "payload=%7B%7D",
        "{}",
        "[]",
        r#"{"repository":{}}"#,
    ] {
        let error = Host::GitHub
            .read(&headers(&[("x-github-event", "push")]), body.as_bytes())
            .unwrap_err();
        assert!(matches!(error, Rejection::Malformed(_)));
        assert!(!error.to_string().contains("hunter2"));
    }
    let deep = format!("{{\"repository\":{}", "[".repeat(100_000));
    let error = Host::GitHub.read(&headers(&[("x-github-event", "push")]), deep.as_bytes());
    assert!(error.is_err());
}

proptest! {
    #[test]
    fn no_body_makes_a_host_panic(cut in 0_usize..400, byte: u8, at in 0_usize..400) {
        for (host, body, headers, _) in deliveries() {
            let mut bytes = body.as_bytes().to_vec();
            let length = bytes.len();
            bytes[at % length] = byte;
            bytes.truncate(length.saturating_sub(cut).max(1));
            let _ = host.read(&headers, &bytes);
            let _ = host.check(&headers, &bytes, &secrets());
        }
    }
}
